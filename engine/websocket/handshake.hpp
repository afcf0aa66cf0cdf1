// The HTTP upgrade that opens a WebSocket: the client's request, the server's answer, their checks.
//
// Owns nothing: functions from text to text. The heads handed in are whole, end with an empty line,
// and every line of them ends with CR LF (the connection saw to it, and unfolded an answer's).
//
// Cost:   once a connection; allocates only here, where a std::string is built.
// Source: RFC 6455, 4.1 and 4.2; RFC 9110 for fields, dates and Retry-After; RFC 9112 for heads.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <havklo/clock.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "websocket/error.hpp"

namespace havklo::websocket {

inline constexpr size_t key_bytes = 16;
inline constexpr size_t key_chars = 24;     // Base64 of 16 bytes
inline constexpr size_t accept_chars = 28;  // Base64 of 20 bytes

// What on_open() is told. Views are valid during that call.
struct UpgradeResult {
  uint16_t http_status = 0;  // 101; a server sees it too
  std::string_view path;     // server: the request's target, query included
  std::string_view host;     // server: the Host field
};

// Base64(SHA-1(key + the GUID of RFC 6455)).
[[nodiscard]] std::array<char, accept_chars> accept_for(std::string_view key);

struct ClientRequest {
  std::string_view host;
  uint16_t port = 0;
  bool default_port = false;
  std::string_view path;
  std::array<std::byte, key_bytes> key{};
};

// The request head; fills `accept` with the answer to expect.
[[nodiscard]] std::string client_request(const ClientRequest& request,
                                         std::array<char, accept_chars>& accept);

struct ServerAnswer {
  Error error = Error::none;            // none: the connection is open
  uint16_t http_status = 0;             // 0: not even that could be read
  std::optional<Duration> retry_after;  // of an answer other than 101
  // 1xx other than 101: the real answer is still to come.
  [[nodiscard]] bool interim() const {
    return http_status >= 100 && http_status < 200 && http_status != 101;
  }
};

[[nodiscard]] ServerAnswer parse_server_answer(std::string_view head, std::string_view accept);

struct ClientHello {
  Error error = Error::none;
  std::string_view path;
  std::string_view host;
  std::array<char, accept_chars> accept{};
};

// A server's view of the request.
[[nodiscard]] ClientHello parse_client_request(std::string_view head);

// 101 with the accept key.
[[nodiscard]] std::string server_accepts(std::string_view accept);

// An answer that refuses, with a body of no bytes. `extra_header` is "" or whole lines.
[[nodiscard]] std::string server_refuses(uint16_t status, std::string_view extra_header);

// The answer that a request with this error deserves: 400, 405, 426 or 431.
[[nodiscard]] std::string server_refuses(Error error);

}  // namespace havklo::websocket
