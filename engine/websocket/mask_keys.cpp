// The keys that a client masks its frames with.
#include "websocket/mask_keys.hpp"

#include <cstring>

namespace havklo::websocket {

MaskKeys::MaskKeys(const ChaCha20Key& secret, uint32_t stream) : secret_(secret), stream_(stream) {}

uint32_t MaskKeys::next() {
  if (used_ == block_.size()) refill();
  uint32_t key = 0;
  std::memcpy(&key, block_.data() + used_, sizeof key);
  used_ += sizeof key;
  return key;
}

// Where RFC 8439's counter of 32 bits ends the count goes on in the nonce, before the stream.
void MaskKeys::refill() {
  ChaCha20Nonce nonce{};
  for (size_t i = 0; i < 4; ++i) {
    nonce[i] = static_cast<std::byte>(blocks_ >> (32 + 8 * i));
    nonce[4 + i] = static_cast<std::byte>(stream_ >> (8 * i));
  }
  block_ = chacha20_block(secret_, static_cast<uint32_t>(blocks_), nonce);
  ++blocks_;
  used_ = 0;
}

ChaCha20Key mask_secret_from(uint64_t seed) {
  ChaCha20Key secret{};
  for (size_t i = 0; i < sizeof seed; ++i) secret[i] = static_cast<std::byte>(seed >> (8 * i));
  return secret;
}

}  // namespace havklo::websocket
