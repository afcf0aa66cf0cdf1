// A number of the venue read where it stands: "63501.9" to 635019 and one place.
//
// Takes plain digits with at most one point between them, up to sixteen digits: what the venue
// prints for every price and nearly every quantity. Anything else is left to parse_decimal(). With
// AVX2 the digits are found, put in line without their point and added up in a register, and what
// they add to the checksum (checksum.hpp) is taken from the same register.
// Threads: values.
// Cost:    no branch depends on how many digits there are.
// Reads:   sixteen bytes and the digits' number before the text at most, 32 from its beginning.
#pragma once

#include <bit>
#include <cstdint>
#include <havklo/decimal.hpp>

#include "kraken/checksum.hpp"
#include "kraken/message.hpp"

#if defined(__AVX2__) && defined(__PCLMUL__)
#define HAVKLO_DIGITS_IN_REGISTERS 1
#include <immintrin.h>
#else
#define HAVKLO_DIGITS_IN_REGISTERS 0
#endif

namespace havklo::kraken {

struct Digits {
  const char* end = nullptr;  // of the number's text
  uint64_t mantissa = 0;
  uint32_t places = 0;  // after the point
#if HAVKLO_DIGITS_IN_REGISTERS
  uint32_t chars = 0;  // without leading zeros
  __m128i values;      // 0 … 9 each, the last one in the last byte, zeros before the first
#endif
  [[nodiscard]] Decimal decimal() const {
    return {static_cast<int64_t>(mantissa), static_cast<int8_t>(-static_cast<int>(places))};
  }
};

#if HAVKLO_DIGITS_IN_REGISTERS

namespace detail {

// Sixteen bytes of 0, then of 0xFF: read `n` bytes on, the last n bytes are 0xFF.
alignas(32) inline constexpr std::array<uint8_t, 32> last_bytes = [] {
  std::array<uint8_t, 32> bytes{};
  for (size_t i = 16; i < 32; ++i) bytes[i] = 0xFF;
  return bytes;
}();

[[nodiscard]] inline __m128i load(const void* from) {
  return _mm_loadu_si128(static_cast<const __m128i*>(from));
}

// [n]: the remainder of n characters '0', which are what tells a digit's text from its value.
inline constexpr std::array<uint32_t, level_chars_max + 1> zero_text_remainders = [] {
  std::array<uint32_t, level_chars_max + 1> remainders{};
  for (size_t n = 1; n < remainders.size(); ++n) {
    uint32_t value = remainders[n - 1] ^ uint32_t { '0' };
    for (int bit = 0; bit < 8; ++bit) value = times_x(value);
    remainders[n] = value;
  }
  return remainders;
}();

// x^n, modulo the polynomial, in the upper half of 64 bits.
constexpr uint64_t power_of_x(uint32_t n) {
  uint32_t power = 0x80000000;
  for (uint32_t i = 0; i < n; ++i) power = times_x(power);
  return uint64_t{power} << 32U;
}

// Sixteen digits to their number.
[[nodiscard]] inline uint64_t add_up(__m128i values) {
  // Pairs, fours, eights.
  const __m128i tens = _mm_maddubs_epi16(values, _mm_set1_epi16(1 << 8 | 10));
  const __m128i hundreds = _mm_madd_epi16(tens, _mm_set1_epi32(1 << 16 | 100));
  const __m128i packed = _mm_packus_epi32(hundreds, hundreds);
  const __m128i eights = _mm_madd_epi16(packed, _mm_set1_epi32(1 << 16 | 10'000));
  const auto both = static_cast<uint64_t>(_mm_cvtsi128_si64(eights));
  return (both & 0xFFFFFFFFU) * 100'000'000 + (both >> 32U);
}

}  // namespace detail

[[nodiscard]] inline bool read_digits(const char* at, Digits& out) {
  const __m256i text = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
  const __m256i digit = _mm256_sub_epi8(text, _mm256_set1_epi8('0'));
  const __m256i capped = _mm256_max_epu8(digit, _mm256_set1_epi8(10));
  const auto stops = static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(capped, digit)));
  const auto whole = static_cast<uint32_t>(std::countr_zero(stops));
  if (whole == 0 || whole > 16) return false;
  uint32_t end = whole;
  uint32_t places = 0;
  if (at[whole] == '.') {
    end = static_cast<uint32_t>(std::countr_zero(stops & (stops - 1)));
    places = end - whole - 1;
    if (places == 0 || whole + places > 16) return false;
  }
  const uint32_t digits = places != 0 ? end - 1 : end;
  // The digits after the point stand right as they end; those before it, one byte further on.
  const __m128i after = detail::load(at + end - 16);
  const __m128i before = detail::load(at + end - 17);
  const __m128i from_after = detail::load(detail::last_bytes.data() + (places != 0 ? places : 16));
  __m128i values = _mm_blendv_epi8(before, after, from_after);
  values = _mm_sub_epi8(values, _mm_set1_epi8('0'));
  values = _mm_and_si128(values, detail::load(detail::last_bytes.data() + digits));
  const auto zeros =
      static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(values, _mm_setzero_si128())));
  out.chars = 16 - static_cast<uint32_t>(std::countr_zero((zeros ^ 0xFFFFU) | 0x10000U));
  out.mantissa = detail::add_up(values);
  out.values = values;
  out.places = places;
  out.end = at + end;
  return true;
}

// The remainder of the text of both, one behind the other.
[[nodiscard]] inline uint32_t remainder_of(const Digits& price, const Digits& qty) {
  const __m128i places = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const auto by = [&places](uint32_t bytes) {  // an index with its top bit set gives 0
    return _mm_add_epi8(places, _mm_set1_epi8(static_cast<char>(bytes)));
  };
  const __m128i high =
      _mm_or_si128(qty.values, _mm_shuffle_epi8(price.values, by(qty.chars + 0x70)));
  const __m128i low = _mm_shuffle_epi8(price.values, by(qty.chars - 16));
  // 32 bytes folded to 16, to 12, to 8, each by the power of x that it stands before the rest.
  const __m128i by_16 = _mm_set_epi64x(static_cast<int64_t>(detail::power_of_x(127)),
                                       static_cast<int64_t>(detail::power_of_x(191)));
  const __m128i by_8_and_4 = _mm_set_epi64x(static_cast<int64_t>(detail::power_of_x(63) >> 32U),
                                            static_cast<int64_t>(detail::power_of_x(95)));
  const __m128i sixteen =
      _mm_xor_si128(high, _mm_xor_si128(_mm_clmulepi64_si128(low, by_16, 0x00),
                                        _mm_clmulepi64_si128(low, by_16, 0x11)));
  const __m128i twelve =
      _mm_xor_si128(_mm_srli_si128(_mm_clmulepi64_si128(sixteen, by_8_and_4, 0x00), 4),
                    _mm_srli_si128(sixteen, 8));
  const __m128i first_four = _mm_and_si128(twelve, _mm_set_epi32(0, 0, 0, -1));
  const __m128i eight =
      _mm_xor_si128(_mm_clmulepi64_si128(first_four, by_8_and_4, 0x10), _mm_srli_si128(twelve, 4));
  return detail::reduce(eight) ^ detail::zero_text_remainders[price.chars + qty.chars];
}

// Microseconds of "03.977459"; false when it is not that form. Reads sixteen bytes.
[[nodiscard]] inline bool read_seconds(const char* at, uint64_t& us) {
  const __m128i text = _mm_sub_epi8(detail::load(at), _mm_set1_epi8('0'));
  // The eight digits to the end; what the top bit of an index asks for is 0.
  const __m128i digits =
      _mm_shuffle_epi8(text, _mm_setr_epi8(-1, -1, -1, -1, -1, -1, -1, -1, 0, 1, 3, 4, 5, 6, 7, 8));
  const __m128i capped = _mm_max_epu8(digits, _mm_set1_epi8(10));
  if (_mm_movemask_epi8(_mm_cmpeq_epi8(capped, digits)) != 0 || at[2] != '.') return false;
  us = detail::add_up(digits);
  return true;
}

inline void make_level(const Digits& price, const Digits& qty, WireLevel& out) {
  out.price_mantissa = static_cast<int64_t>(price.mantissa);
  out.qty_mantissa = static_cast<int64_t>(qty.mantissa);
  out.remainder = remainder_of(price, qty);
  out.chars = static_cast<uint8_t>(price.chars + qty.chars);
  out.price_exponent = static_cast<int8_t>(-static_cast<int>(price.places));
  out.qty_exponent = static_cast<int8_t>(-static_cast<int>(qty.places));
  out.zero = 0;
}

#else

[[nodiscard]] inline bool read_digits(const char* at, Digits& out) {
  out = {};
  uint32_t digits = 0;
  bool point = false;
  for (;; ++at) {
    if (*at == '.' && !point && digits != 0) {
      point = true;
      continue;
    }
    if (*at < '0' || *at > '9') break;
    if (++digits > 16) return false;
    out.mantissa = out.mantissa * 10 + static_cast<uint64_t>(*at - '0');
    out.places += point ? 1 : 0;
  }
  out.end = at;
  return digits != 0 && (!point || out.places != 0);
}

[[nodiscard]] inline bool read_seconds(const char* at, uint64_t& us) {
  Digits digits;
  if (!read_digits(at, digits) || digits.end != at + 9 || digits.places != 6) return false;
  us = digits.mantissa;
  return true;
}

inline void make_level(const Digits& price, const Digits& qty, WireLevel& out) {
  out = WireLevel(price.decimal(), qty.decimal());
}

#endif

}  // namespace havklo::kraken
