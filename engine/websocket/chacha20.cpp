// The ChaCha20 block function.
#include "websocket/chacha20.hpp"

#include <bit>
#include <span>

namespace havklo::websocket {
namespace {

constexpr size_t word_count = chacha20_block_bytes / 4;
using State = std::array<uint32_t, word_count>;

constexpr size_t double_rounds = 10;

// "expand 32-byte k", as little-endian words.
constexpr std::array<uint32_t, 4> constants = {0x61707865, 0x3320646E, 0x79622D32, 0x6B206574};

uint32_t little_endian(std::span<const std::byte, 4> bytes) {
  uint32_t word = 0;
  for (size_t i = 0; i < 4; ++i) word |= static_cast<uint32_t>(bytes[i]) << (8 * i);
  return word;
}

void quarter_round(State& state, size_t a, size_t b, size_t c, size_t d) {
  state[a] += state[b];
  state[d] = std::rotl(state[d] ^ state[a], 16);
  state[c] += state[d];
  state[b] = std::rotl(state[b] ^ state[c], 12);
  state[a] += state[b];
  state[d] = std::rotl(state[d] ^ state[a], 8);
  state[c] += state[d];
  state[b] = std::rotl(state[b] ^ state[c], 7);
}

// Columns, then diagonals.
void double_round(State& state) {
  quarter_round(state, 0, 4, 8, 12);
  quarter_round(state, 1, 5, 9, 13);
  quarter_round(state, 2, 6, 10, 14);
  quarter_round(state, 3, 7, 11, 15);
  quarter_round(state, 0, 5, 10, 15);
  quarter_round(state, 1, 6, 11, 12);
  quarter_round(state, 2, 7, 8, 13);
  quarter_round(state, 3, 4, 9, 14);
}

}  // namespace

ChaCha20Block chacha20_block(const ChaCha20Key& key, uint32_t counter, const ChaCha20Nonce& nonce) {
  State first{};
  for (size_t i = 0; i < 4; ++i) first[i] = constants[i];
  for (size_t i = 0; i < 8; ++i)
    first[4 + i] = little_endian(std::span(key).subspan(4 * i).first<4>());
  first[12] = counter;
  for (size_t i = 0; i < 3; ++i) {
    first[13 + i] = little_endian(std::span(nonce).subspan(4 * i).first<4>());
  }
  State state = first;
  for (size_t i = 0; i < double_rounds; ++i) double_round(state);
  ChaCha20Block block;
  for (size_t i = 0; i < block.size(); ++i) {
    const uint32_t word = state[i / 4] + first[i / 4];
    block[i] = static_cast<std::byte>(word >> (8 * (i % 4)));
  }
  return block;
}

}  // namespace havklo::websocket
