// SHA-1 and Base64, as far as the WebSocket handshake needs them.
//
// SHA-1 proves here only that the server speaks WebSocket; nothing secret depends on it. Own code,
// so that the core links without a TLS library.   Source: RFC 3174, RFC 4648.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace havklo::websocket {

[[nodiscard]] std::array<std::byte, 20> sha1(std::string_view text);

[[nodiscard]] std::string base64(std::span<const std::byte> bytes);

// True when `text` is the Base64 of exactly 16 bytes: what a Sec-WebSocket-Key must be.
[[nodiscard]] bool is_base64_of_16_bytes(std::string_view text);

}  // namespace havklo::websocket
