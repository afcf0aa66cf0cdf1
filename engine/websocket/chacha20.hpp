// The ChaCha20 block function: bytes that nobody can tell from chance without the key.
//
// Owns nothing: a pure function. Own code, so that the core links without a TLS library; what is
// made of it here hides nothing, it must only not be guessed (mask_keys.hpp).
// Cost:   some 500 instructions a block; no branch or index depends on the key.
// Source: RFC 8439, 2.1 to 2.3.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace havklo::websocket {

inline constexpr size_t chacha20_block_bytes = 64;

using ChaCha20Key = std::array<std::byte, 32>;
using ChaCha20Nonce = std::array<std::byte, 12>;
using ChaCha20Block = std::array<std::byte, chacha20_block_bytes>;

// No two calls with one key should share `counter` and `nonce`.
[[nodiscard]] ChaCha20Block chacha20_block(const ChaCha20Key& key, uint32_t counter,
                                           const ChaCha20Nonce& nonce);

}  // namespace havklo::websocket
