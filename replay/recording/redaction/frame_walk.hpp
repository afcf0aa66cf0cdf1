// Which bytes that a server sends behind its 101 are the framing of its messages, and not their
// words: heads of frames, and the code of a close frame (RFC 6455 §5.2, §5.5.1). To mask one of
// these would change where the next frame begins.
//
// What no client accepts (reserved bits, an unknown opcode, a mask, a long control frame) ends the
// walk: from that byte on nothing is framing, and the engine has already decided.
// Threads: one.   Cost: some instructions a byte.
#pragma once

#include <cstdint>

namespace havklo::replay {

class FrameWalk {
 public:
  enum class Byte : uint8_t {
    framing,
    first_framing,  // … of a frame that goes on with no other
    words,
  };
  [[nodiscard]] Byte next(uint8_t byte);

 private:
  [[nodiscard]] Byte take_opcode(uint8_t byte);
  [[nodiscard]] Byte take_length(uint8_t byte);

  enum class At : uint8_t { opcode, length, long_length, payload, nowhere };
  At at_ = At::opcode;
  uint8_t opcode_ = 0;
  uint8_t length_bytes_left_ = 0;
  uint8_t code_bytes_left_ = 0;  // of a close frame
  uint64_t payload_left_ = 0;
};

}  // namespace havklo::replay
