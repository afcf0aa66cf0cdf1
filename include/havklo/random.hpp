// The one source of randomness below the entropy door: xoshiro256** 1.0 (Blackman and Vigna),
// seeded by splitmix64.
//
// The same seed gives the same numbers on every machine. Not for secrets: who has seen some of
// them knows the rest.
// Threads: one.
// Cost:    a few cycles a number; a value of 32 bytes.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <havklo/assert.hpp>

namespace havklo {

class Random {
 public:
  explicit constexpr Random(uint64_t seed) {
    for (uint64_t& word : state_) word = splitmix64(seed);
  }

  constexpr uint64_t next_u64() {
    const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const uint64_t shifted = state_[1] << 17U;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  // Uniform in [0, bound), without bias (Lemire 2019). `bound` is not 0.
  constexpr uint64_t below(uint64_t bound) {
    HAVKLO_ASSERT(bound != 0);
    __extension__ using Wide = unsigned __int128;
    Wide product = Wide{next_u64()} * bound;
    auto low = static_cast<uint64_t>(product);
    if (low < bound) {
      const uint64_t threshold = (0 - bound) % bound;
      while (low < threshold) {
        product = Wide{next_u64()} * bound;
        low = static_cast<uint64_t>(product);
      }
    }
    return static_cast<uint64_t>(product >> 64U);
  }

 private:
  static constexpr uint64_t splitmix64(uint64_t& state) {
    state += 0x9E3779B97F4A7C15U;
    uint64_t z = state;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31U);
  }

  std::array<uint64_t, 4> state_{};
};

}  // namespace havklo
