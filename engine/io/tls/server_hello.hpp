// The first flight of a server, held back until its version is known.
//
// wolfSSL takes a server of TLS 1.2 for one that resumes whenever a ticket was offered, and then
// refuses its certificate. So, where a ticket was offered, it is looked here first which version
// the server chose, and the ticket is withdrawn before wolfSSL reads a byte.
// Owns:   what was held back, at most held_bytes_max.
// Errors: what is no ServerHello is let through: wolfSSL says what is wrong with it.
// Source: RFC 8446 §4.1.3, §4.2.1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace havklo::io {

class ServerHello {
 public:
  static constexpr size_t held_bytes_max = 16 * 1024;

  enum class Version : uint8_t { not_known_yet, tls_1_3, older };

  // The next ciphertext; all of it is in held() now.
  [[nodiscard]] Version hear(std::span<const std::byte> bytes);
  [[nodiscard]] std::span<const std::byte> held() const { return held_; }

 private:
  std::vector<std::byte> held_;
};

}  // namespace havklo::io
