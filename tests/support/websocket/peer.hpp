// The other side of a WebSocket connection under test: frames written by hand, and what the handler
// was told.
//
// Frames are built here without the codec, so that a mistake in it cannot hide. Every read is
// handed over in a heap block of exactly its size and the padding, and every text is read to the
// end of its padding: AddressSanitizer then sees both a read beyond, and a promise not kept.
#pragma once

#include <array>
#include <cstdint>
#include <havklo/limits.hpp>
#include <havklo/random.hpp>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "websocket/connection.hpp"

namespace havklo::websocket {

inline std::string as_string(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Writes down every call.
struct Recorder {
  std::vector<std::string> calls;
  std::string path;
  std::string stop_at;  // a call that answers false
  uint8_t padding_seen = 0;

  bool note(std::string call) {
    const bool go_on = stop_at.empty() || call != stop_at;
    calls.push_back(std::move(call));
    return go_on;
  }
  bool on_open(const UpgradeResult& result) {
    path = result.path;
    return note("open " + std::to_string(result.http_status));
  }
  bool on_text(std::string_view text) {
    const char* end = text.data() + text.size();
    for (size_t i = 0; i < receive_padding; ++i) padding_seen ^= static_cast<uint8_t>(end[i]);
    return note("text " + std::string(text));
  }
  bool on_binary(std::span<const std::byte> bytes) { return note("binary " + as_string(bytes)); }
  bool on_ping(std::span<const std::byte> bytes) { return note("ping " + as_string(bytes)); }
  bool on_pong(std::span<const std::byte> bytes) { return note("pong " + as_string(bytes)); }
  bool on_close(uint16_t code, std::string_view reason) {
    return note("close " + std::to_string(code) + ' ' + std::string(reason));
  }
};

template <class Handler>
Error feed(Connection& connection, std::string_view bytes, Handler& handler) {
  std::vector<std::byte> block(bytes.size() + receive_padding, std::byte{0xEE});
  for (size_t i = 0; i < bytes.size(); ++i) block[i] = static_cast<std::byte>(bytes[i]);
  return connection.receive({block.data(), bytes.size()}, handler);
}

// Text from numbers: raw({0x81, 0x00}).
inline std::string raw(std::initializer_list<int> bytes) {
  std::string text;
  for (const int b : bytes) text.push_back(static_cast<char>(b));
  return text;
}

// A frame with this first byte (0x81: FIN and text). With `masked` the key is 1 2 3 4.
inline std::string frame(int first, std::string_view payload, bool masked = false) {
  std::string out = raw({first});
  const int mask_bit = masked ? 0x80 : 0;
  const size_t size = payload.size();
  if (size < 126) {
    out += raw({mask_bit | static_cast<int>(size)});
  } else if (size < 65536) {
    out += raw({mask_bit | 126, static_cast<int>(size >> 8), static_cast<int>(size & 255)});
  } else {
    out += raw({mask_bit | 127, 0, 0, 0, 0});
    for (int shift = 24; shift >= 0; shift -= 8)
      out += raw({static_cast<int>(size >> shift & 255)});
  }
  if (!masked) return out.append(payload);
  out += raw({1, 2, 3, 4});
  for (size_t i = 0; i < size; ++i) {
    out.push_back(static_cast<char>(payload[i] ^ static_cast<char>(i % 4 + 1)));
  }
  return out;
}

inline std::string close_body(int code, std::string_view reason = "") {
  return raw({code >> 8, code & 255}).append(reason);
}

// Takes what a connection wants to send, as the network would.
inline std::string take_output(Connection& connection) {
  std::string out = as_string(connection.output());
  connection.consume_output(out.size());
  return out;
}

// The value of a field in a head; "" when it is not there.
inline std::string field_of(std::string_view head, std::string_view name) {
  const std::string key = "\r\n" + std::string(name) + ": ";
  const size_t at = head.find(key);
  if (at == std::string_view::npos) return "";
  const size_t begin = at + key.size();
  return std::string(head.substr(begin, head.find("\r\n", begin) - begin));
}

inline std::string accepting_answer(std::string_view request) {
  const auto accept = accept_for(field_of(request, "Sec-WebSocket-Key"));
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Accept: " +
         std::string(accept.data(), accept.size()) + "\r\n\r\n";
}

inline constexpr std::string_view plain_request =
    "GET /v2 HTTP/1.1\r\nHost: example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

// What a client takes its keys from.
struct ClientKeys {
  explicit ClientKeys(uint64_t seed) : random(seed), masks(mask_secret_from(seed), 0) {}
  Random random;
  MaskKeys masks;
};

// An open connection of either role, its output empty.
struct OpenConnection {
  explicit OpenConnection(Role role, uint32_t message_max = 70'000, uint32_t output_max = 100'000)
      : connection(role, message_max, output_max) {
    Recorder opening;
    if (role == Role::client) {
      connection.start_client("example", 443, true, "/v2", keys.random, keys.masks);
      (void)feed(connection, accepting_answer(take_output(connection)), opening);
    } else {
      connection.start_server();
      (void)feed(connection, plain_request, opening);
      take_output(connection);
    }
  }
  ClientKeys keys{7};
  Connection connection;
};

}  // namespace havklo::websocket
