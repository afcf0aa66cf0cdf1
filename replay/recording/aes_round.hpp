// One round of AES on 16 bytes, as a mixer that processors have in hardware.
//
// Source: FIPS 197 §5.1 (SubBytes, ShiftRows, MixColumns, AddRoundKey); the instruction AESENC.
// Cost:   with AES compiled in (and SSE 4.1, which every such processor has), one instruction of
//         four cycles, two a cycle; without it some 100 ns from a table, for a reader on another
//         machine.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#ifdef __AES__
#include <smmintrin.h>
#include <wmmintrin.h>
#endif

namespace havklo::replay {

// Little-endian: byte 0 of the state is the lowest of `low`.
struct AesBlock {
  uint64_t low = 0;
  uint64_t high = 0;
  friend constexpr bool operator==(const AesBlock&, const AesBlock&) = default;
};

namespace aes {

constexpr uint8_t doubled(uint8_t value) {
  return static_cast<uint8_t>(value << 1U ^ ((value & 0x80U) != 0 ? 0x1BU : 0U));
}

// The inverse in GF(2^8), by powers of the generator 3, and the affine map.
constexpr std::array<uint8_t, 256> make_sub_bytes() {
  std::array<uint8_t, 256> table{};
  uint8_t power = 1;
  uint8_t inverse = 1;
  do {
    power = static_cast<uint8_t>(power ^ doubled(power));  // times 3
    for (unsigned shift = 1; shift <= 4; shift *= 2) {     // divided by 3
      inverse = static_cast<uint8_t>(inverse ^ inverse << shift);
    }
    if ((inverse & 0x80U) != 0) inverse ^= 0x09U;
    table[power] =
        static_cast<uint8_t>(0x63U ^ inverse ^ std::rotl(inverse, 1) ^ std::rotl(inverse, 2) ^
                             std::rotl(inverse, 3) ^ std::rotl(inverse, 4));
  } while (power != 1);
  table[0] = 0x63;
  return table;
}

inline constexpr std::array<uint8_t, 256> sub_bytes = make_sub_bytes();

}  // namespace aes

// The round in plain arithmetic; `key` is added last.
constexpr AesBlock aes_round(AesBlock state, AesBlock key) {
  const auto byte = [](const AesBlock& block, unsigned i) {
    return static_cast<uint8_t>((i < 8 ? block.low : block.high) >> i % 8 * 8);
  };
  AesBlock out = key;
  for (unsigned column = 0; column < 4; ++column) {
    std::array<uint8_t, 4> shifted{};
    for (unsigned row = 0; row < 4; ++row) {
      shifted[row] = aes::sub_bytes[byte(state, (column + row) % 4 * 4 + row)];
    }
    for (unsigned row = 0; row < 4; ++row) {
      const uint8_t next = shifted[(row + 1) % 4];
      const auto mixed =
          static_cast<uint8_t>(aes::doubled(shifted[row]) ^ aes::doubled(next) ^ next ^
                               shifted[(row + 2) % 4] ^ shifted[(row + 3) % 4]);
      const unsigned at = column * 4 + row;
      (at < 8 ? out.low : out.high) ^= uint64_t{mixed} << at % 8 * 8;
    }
  }
  return out;
}

#ifdef __AES__

// The same in a register.
class AesLane {
 public:
  AesLane(uint64_t low, uint64_t high)
      : bits_(_mm_set_epi64x(static_cast<int64_t>(high), static_cast<int64_t>(low))) {}
  void round(AesLane key) { bits_ = _mm_aesenc_si128(bits_, key.bits_); }
  // The key is 16 bytes. Read in halves: one wide read of what was stored in halves a moment ago
  // waits until both have left the store buffer.
  void round(const std::byte* key) {
    const __m128i low = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(key));
    int64_t high = 0;
    std::memcpy(&high, key + sizeof high, sizeof high);
    bits_ = _mm_aesenc_si128(bits_, _mm_insert_epi64(low, high, 1));
  }
  [[nodiscard]] uint64_t low() const { return static_cast<uint64_t>(_mm_cvtsi128_si64(bits_)); }

 private:
  __m128i bits_;
};

#else

class AesLane {
 public:
  AesLane(uint64_t low, uint64_t high) : bits_{low, high} {}
  void round(AesLane key) { bits_ = aes_round(bits_, key.bits_); }
  void round(const std::byte* key) {
    AesBlock block;
    std::memcpy(&block.low, key, sizeof block.low);
    std::memcpy(&block.high, key + sizeof block.low, sizeof block.high);
    bits_ = aes_round(bits_, block);
  }
  [[nodiscard]] uint64_t low() const { return bits_.low; }

 private:
  AesBlock bits_;
};

#endif

}  // namespace havklo::replay
