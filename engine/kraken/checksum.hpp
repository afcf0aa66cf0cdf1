// CRC-32 (IEEE 802.3, reflected) of a text put together from parts whose remainders are known.
//
// A CRC is linear: the remainder of a text is the sum, without carries, of its parts' remainders,
// each multiplied by x^8 for every character that follows. So a level keeps four bytes instead of
// its digits, and a book's checksum costs one multiplication a level and one reduction, whatever
// the length of the text.
// Threads: values.
// Cost:    prepend() is a load and a carry-less multiplication; nothing is stored but two words.
// Source:  kraken-v2.md §8.2 (what is covered); V. Gopal et al., "Fast CRC Computation Using
//          PCLMULQDQ Instruction" (the constants of the reduction).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <havklo/assert.hpp>
#include <string_view>

#if defined(__PCLMUL__)
#include <immintrin.h>
#endif

namespace havklo::kraken {

// The best ten of a side, always; a level is two mantissas of at most 19 digits.
inline constexpr size_t checksum_levels = 10;
inline constexpr size_t level_chars_max = 2 * 19;
inline constexpr size_t checksum_chars_max = 2 * checksum_levels * level_chars_max;

namespace detail {

inline constexpr uint32_t crc_polynomial = 0xEDB88320;  // reflected: bit 0 is x^31

constexpr uint32_t times_x(uint32_t value) {
  return (value >> 1U) ^ (crc_polynomial & (0U - (value & 1U)));
}

// [n]: x^(8n - 1), so that a product, which is one bit short of 64, comes out in place.
constexpr std::array<uint32_t, checksum_chars_max + 1> make_shifts() {
  std::array<uint32_t, checksum_chars_max + 1> shifts{};
  uint32_t power = 0x80000000;  // 1
  // Divided by x once: what times_x() would make of it is 1.
  power = (power ^ crc_polynomial) << 1U | 1U;
  for (uint32_t& shift : shifts) {
    shift = power;
    for (int bit = 0; bit < 8; ++bit) power = times_x(power);
  }
  return shifts;
}
inline constexpr std::array<uint32_t, checksum_chars_max + 1> crc_shifts = make_shifts();
static_assert(times_x(crc_shifts[0]) == 0x80000000);

// 32 bits by 32 without carries, the plain way.
constexpr uint64_t multiply_plain(uint32_t a, uint32_t b) {
  uint64_t product = 0;
  for (uint32_t bit = 0; bit < 32; ++bit)
    product ^= (uint64_t{a} << bit) & (0 - uint64_t{b >> bit & 1U});
  return product;
}

// 64 bits, the first of them x^63, modulo the polynomial.
constexpr uint32_t reduce_plain(uint64_t value) {
  auto low = static_cast<uint32_t>(value);
  for (int bit = 0; bit < 32; ++bit) low = times_x(low);
  return low ^ static_cast<uint32_t>(value >> 32U);
}

#if defined(__PCLMUL__)
using Wide = __m128i;  // the first 64 bits count

[[nodiscard]] inline Wide no_wide() { return _mm_setzero_si128(); }
[[nodiscard]] inline Wide add_product(Wide sum, uint32_t a, uint32_t b) {
  return _mm_xor_si128(sum, _mm_clmulepi64_si128(_mm_cvtsi32_si128(static_cast<int>(a)),
                                                 _mm_cvtsi32_si128(static_cast<int>(b)), 0));
}
// Barrett: the low half times floor(x^64 / P), times P, takes the low half away.
[[nodiscard]] inline uint32_t reduce(Wide value) {
  const __m128i constants = _mm_set_epi64x(0x1DB710641, 0x1F7011641);
  const __m128i low_half = _mm_set_epi32(0, 0, 0, -1);
  __m128i quotient = _mm_clmulepi64_si128(_mm_and_si128(value, low_half), constants, 0x00);
  quotient = _mm_clmulepi64_si128(_mm_and_si128(quotient, low_half), constants, 0x10);
  return static_cast<uint32_t>(_mm_extract_epi32(_mm_xor_si128(value, quotient), 1));
}
#else
using Wide = uint64_t;

[[nodiscard]] inline Wide no_wide() { return 0; }
[[nodiscard]] inline Wide add_product(Wide sum, uint32_t a, uint32_t b) {
  return sum ^ multiply_plain(a, b);
}
[[nodiscard]] inline uint32_t reduce(Wide value) { return reduce_plain(value); }
#endif

}  // namespace detail

// A stretch of digits, as much of it as the checksum needs.
struct ChecksumPart {
  uint32_t remainder = 0;
  uint32_t chars = 0;
};

// Parts are given from the last to the first.
class PartsChecksum {
 public:
  void prepend(uint32_t remainder, uint32_t chars) {
    sum_ = detail::add_product(sum_, remainder, detail::crc_shifts[chars_]);
    chars_ += chars;
  }
  void prepend(ChecksumPart part) { prepend(part.remainder, part.chars); }

  // Everything given, as a part of something longer.
  [[nodiscard]] ChecksumPart part() const {
    HAVKLO_ASSERT(chars_ <= checksum_chars_max);
    return {detail::reduce(sum_), chars_};
  }
  // The CRC-32 of everything given.
  [[nodiscard]] uint32_t value() const {
    PartsChecksum all = *this;
    all.prepend(0xFFFFFFFF, 0);  // the register's first content
    return ~all.part().remainder;
  }

 private:
  detail::Wide sum_ = detail::no_wide();
  uint32_t chars_ = 0;
};

// The remainder of a text, to be given to prepend().
[[nodiscard]] uint32_t remainder_of(std::string_view text);

}  // namespace havklo::kraken
