// A number of the venue read where it stands: "63501.9" to 635019 and one place.
//
// Takes plain digits with at most one point between them, up to sixteen digits: what the venue
// prints for every price and nearly every quantity. Anything else is left to parse_decimal(). With
// AVX2 the digits are found, put in line without their point and added up in a register.
// Threads: values.
// Cost:    no branch depends on how many digits there are.
// Reads:   sixteen bytes and the digits' number before the text at most, 32 from its beginning.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <havklo/decimal.hpp>

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

// One byte in all places, from memory: GCC 12 takes three instructions for _mm256_set1_epi8(), each
// time anew.
template <uint8_t byte>
inline constexpr float four_bytes = std::bit_cast<float>(byte * 0x01010101U);
template <uint8_t byte>
[[nodiscard]] inline __m256i every_byte() {
  return _mm256_castps_si256(_mm256_broadcast_ss(&four_bytes<byte>));
}
template <uint8_t byte>
[[nodiscard]] inline __m128i each_byte_of_16() {
  return _mm_castps_si128(_mm_broadcast_ss(&four_bytes<byte>));
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
  const __m256i digit = _mm256_sub_epi8(text, detail::every_byte<'0'>());
  const __m256i capped = _mm256_max_epu8(digit, detail::every_byte<10>());
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
  values = _mm_sub_epi8(values, detail::each_byte_of_16<'0'>());
  values = _mm_and_si128(values, detail::load(detail::last_bytes.data() + digits));
  out.mantissa = detail::add_up(values);
  out.places = places;
  out.end = at + end;
  return true;
}

// The whole number of at most sixteen digits that ends before `end`: how many digits, 0 if none.
// Reads sixteen bytes.
[[nodiscard]] inline uint32_t read_digits_before(const char* end, uint64_t& value) {
  const __m128i digits = _mm_sub_epi8(detail::load(end - 16), detail::each_byte_of_16<'0'>());
  const __m128i capped = _mm_max_epu8(digits, detail::each_byte_of_16<10>());
  const auto stops = static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(capped, digits)));
  const auto count = static_cast<uint32_t>(std::countl_zero(stops << 16U | 0x8000U));
  value = detail::add_up(_mm_and_si128(digits, detail::load(detail::last_bytes.data() + count)));
  return count;
}

// Microseconds of "03.977459"; false when it is not that form. Reads sixteen bytes.
[[nodiscard]] inline bool read_seconds(const char* at, uint64_t& us) {
  const __m128i text = _mm_sub_epi8(detail::load(at), detail::each_byte_of_16<'0'>());
  // The eight digits to the end; what the top bit of an index asks for is 0.
  const __m128i digits =
      _mm_shuffle_epi8(text, _mm_setr_epi8(-1, -1, -1, -1, -1, -1, -1, -1, 0, 1, 3, 4, 5, 6, 7, 8));
  const __m128i capped = _mm_max_epu8(digits, detail::each_byte_of_16<10>());
  if (_mm_movemask_epi8(_mm_cmpeq_epi8(capped, digits)) != 0 || at[2] != '.') return false;
  us = detail::add_up(digits);
  return true;
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

[[nodiscard]] inline uint32_t read_digits_before(const char* end, uint64_t& value) {
  uint32_t count = 0;
  uint64_t weight = 1;
  value = 0;
  for (; count < 16 && end[-1] >= '0' && end[-1] <= '9'; ++count, weight *= 10) {
    value += weight * static_cast<uint64_t>(*--end - '0');
  }
  return count;
}

[[nodiscard]] inline bool read_seconds(const char* at, uint64_t& us) {
  Digits digits;
  if (!read_digits(at, digits) || digits.end != at + 9 || digits.places != 6) return false;
  us = digits.mantissa;
  return true;
}

#endif

}  // namespace havklo::kraken
