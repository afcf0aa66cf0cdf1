// AES-GCM under one key that stays: what depends on the key alone is computed once.
//
// Owns:       the expanded key and the powers of the hash key; both are overwritten when it ends.
// Not owned:  nonces. Whoever calls sees to it that none is used twice for what leaves the process.
// Threads:    one at a time.
// Cost:       a 201-byte record is some 110 ns by ipsec-mb, 150 by wolfCrypt, which computes the
//             powers of the hash key anew in every call. Allocates when it is made, never after.
// Source:     NIST SP 800-38D, with nonces of 96 and tags of 128 bits, as RFC 8446 §5.3 has them.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace havklo::io {

class AesGcm {
 public:
  static constexpr size_t tag_bytes = 16;
  using Nonce = std::array<std::byte, 12>;

  // 16 bytes of key or 32. Only where is_fast().
  explicit AesGcm(std::span<const std::byte> key);

  // `sealed` is the ciphertext with its tag behind it. `plain` is as long as the ciphertext and may
  // be the same memory, or lie apart. False if the tag is wrong: then `plain` is all zero. The tags
  // are compared in a time that does not depend on them.
  [[nodiscard]] bool open(std::span<const std::byte> sealed, const Nonce& nonce,
                          std::span<const std::byte> header, std::span<std::byte> plain);
  // The reverse; `sealed` is tag_bytes longer than `plain`, and may begin where that begins.
  void seal(std::span<const std::byte> plain, const Nonce& nonce, std::span<const std::byte> header,
            std::span<std::byte> sealed);

  // Whether the processor helps, and the library's own test of itself passed. The first call may
  // take milliseconds.
  [[nodiscard]] static bool is_fast();
  [[nodiscard]] static std::string library_text();

 private:
  struct Key;
  struct Free {
    void operator()(Key* key) const;
  };
  std::unique_ptr<Key, Free> key_;
};

}  // namespace havklo::io
