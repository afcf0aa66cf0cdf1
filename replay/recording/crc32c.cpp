// The processor's instruction in three streams, or shifts.
#include "replay/recording/crc32c.hpp"

#include <array>
#include <cstring>
#ifdef __SSE4_2__
#include <nmmintrin.h>
#endif

namespace havklo::replay {
namespace {

constexpr uint32_t polynomial = 0x82F63B78U;

#ifdef __SSE4_2__

// The instruction takes three cycles, and one can begin in each: three streams side by side. Their
// states are joined by what so many zero bytes do to a state, which is linear in its bits.
constexpr size_t stream_bytes = crc32c_chunk_bytes / 3;

using ZerosTable = std::array<std::array<uint32_t, 256>, 4>;

constexpr ZerosTable make_zeros_table() {
  std::array<uint32_t, 32> of_bit{};
  for (unsigned i = 0; i < 32; ++i) {
    uint32_t state = uint32_t{1} << i;
    for (size_t bit = 0; bit < stream_bytes * 8; ++bit) {
      state = state >> 1U ^ ((state & 1U) != 0 ? polynomial : 0);
    }
    of_bit[i] = state;
  }
  ZerosTable table{};
  for (unsigned byte = 0; byte < 4; ++byte) {
    for (unsigned value = 0; value < 256; ++value) {
      for (unsigned bit = 0; bit < 8; ++bit) {
        if ((value >> bit & 1U) != 0) table[byte][value] ^= of_bit[byte * 8 + bit];
      }
    }
  }
  return table;
}

const ZerosTable zeros_table = make_zeros_table();

uint32_t after_zeros(uint32_t state) {
  return zeros_table[0][state & 0xFFU] ^ zeros_table[1][state >> 8U & 0xFFU] ^
         zeros_table[2][state >> 16U & 0xFFU] ^ zeros_table[3][state >> 24U];
}

uint64_t word_at(const std::byte* at) {
  uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

uint32_t run(uint32_t begin, std::span<const std::byte> bytes) {
  uint64_t state = begin;
  while (bytes.size() >= 3 * stream_bytes) {
    uint64_t second = 0;
    uint64_t third = 0;
#pragma GCC unroll 8
    for (size_t i = 0; i < stream_bytes; i += sizeof(uint64_t)) {
      state = _mm_crc32_u64(state, word_at(bytes.data() + i));
      second = _mm_crc32_u64(second, word_at(bytes.data() + stream_bytes + i));
      third = _mm_crc32_u64(third, word_at(bytes.data() + 2 * stream_bytes + i));
    }
    const uint32_t joined =
        after_zeros(static_cast<uint32_t>(state)) ^ static_cast<uint32_t>(second);
    state = after_zeros(joined) ^ static_cast<uint32_t>(third);
    bytes = bytes.subspan(3 * stream_bytes);
  }
  while (bytes.size() >= sizeof(uint64_t)) {
    state = _mm_crc32_u64(state, word_at(bytes.data()));
    bytes = bytes.subspan(sizeof(uint64_t));
  }
  for (const std::byte byte : bytes) {
    state = _mm_crc32_u8(static_cast<uint32_t>(state), static_cast<uint8_t>(byte));
  }
  return static_cast<uint32_t>(state);
}

#else

uint32_t run(uint32_t state, std::span<const std::byte> bytes) {
  for (const std::byte byte : bytes) {
    state ^= static_cast<uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) state = state >> 1U ^ ((state & 1U) != 0 ? polynomial : 0);
  }
  return state;
}

#endif

}  // namespace

uint32_t crc32c(uint32_t crc, std::span<const std::byte> bytes) { return ~run(~crc, bytes); }

}  // namespace havklo::replay
