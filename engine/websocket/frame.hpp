// The head of a WebSocket frame: parse and encode.
//
// Owns:       nothing; pure functions over bytes.
// Not owned:  payloads, and whether a message is under way (told by the caller).
// Invariant:  what is wrong is said at the first byte that proves it, in the order of the bytes, so
//             that the answer does not depend on how the network cut the stream.
// Source:     RFC 6455, 5.2 to 5.5.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "websocket/error.hpp"

namespace havklo::websocket {

// Which side we are. A client masks what it sends and refuses masked frames; a server the reverse.
enum class Role : uint8_t { client, server };

enum class Opcode : uint8_t {
  continuation = 0,
  text = 1,
  binary = 2,
  close = 8,
  ping = 9,
  pong = 10,
};

[[nodiscard]] constexpr bool is_control(Opcode opcode) { return static_cast<uint8_t>(opcode) >= 8; }

inline constexpr size_t frame_head_bytes_max = 14;  // 2 + 8 of length + 4 of mask
inline constexpr size_t control_payload_bytes_max = 125;

struct FrameHead {
  uint64_t payload_bytes = 0;
  uint32_t mask_key = 0;  // in the order of the wire, whatever the machine's; see mask.hpp
  Opcode opcode = Opcode::continuation;
  bool fin = false;
  bool masked = false;
};

struct ParsedHead {
  Error error = Error::none;
  uint8_t bytes = 0;  // length of the head; 0 with Error::none: more bytes are needed
  FrameHead head;
};

// Parses the head at the front of `bytes` as `receiver` sees it. `message_open`: a fragmented
// message has begun and not ended.
[[nodiscard]] ParsedHead parse_frame_head(std::span<const std::byte> bytes, Role receiver,
                                          bool message_open);

// Writes the head to `out` (frame_head_bytes_max bytes of room) and returns its length.
size_t encode_frame_head(const FrameHead& head, std::byte* out);

}  // namespace havklo::websocket
