// A level of a book as the venue prints it, {"price":63501.9,"qty":0.00100000, to its two numbers
// and what their digits add to the checksum.
//
// Takes plain digits with at most one point between them: sixteen characters a number, which is
// every price and nearly every quantity. Anything else is left to others. With AVX2 one look at 64
// bytes finds where both numbers end, so that the second need not wait for the first, and both are
// put in line and added up in one register.
// Threads: values.
// Cost:    no branch depends on how many digits there are, but one on whether a level has more than
//          sixteen in all.
// Reads:   64 bytes from the level's beginning, seven before it.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kraken/checksum.hpp"
#include "kraken/digits.hpp"
#include "kraken/layout/primitives.hpp"
#include "kraken/message.hpp"

namespace havklo::kraken {

inline constexpr char level_price_key[] = R"({"price":)";
inline constexpr char level_qty_key[] = R"(,"qty":)";

#if HAVKLO_DIGITS_IN_REGISTERS

namespace detail {

// Sixteen bytes are moved so that a number's digits stand in line at their end, without the point,
// zeros before them. The bytes end where the number does.
using DigitsOrder = std::array<uint8_t, 16>;

// [characters - 1][places]
alignas(64) inline constexpr std::array<std::array<DigitsOrder, 16>, 16> digits_orders = [] {
  std::array<std::array<DigitsOrder, 16>, 16> orders{};
  for (size_t chars = 1; chars <= 16; ++chars) {
    for (size_t places = 0; places < 16; ++places) {
      const size_t digits = places == 0 ? chars : chars - 1;
      for (size_t i = 0; i < 16; ++i) {
        const bool behind_point = i >= 16 - places;
        const bool is_digit = i + digits >= 16;
        const size_t from = places == 0 || behind_point ? i : i - 1;
        // What an index with its top bit set asks for is 0.
        orders[chars - 1][places][i] = static_cast<uint8_t>(is_digit ? from : 0x80);
      }
    }
  }
  return orders;
}();

// Read 16 + n bytes on, an order that moves sixteen bytes n places up; read n bytes on, the one for
// what that leaves out.
alignas(16) inline constexpr std::array<uint8_t, 48> shift_orders = [] {
  std::array<uint8_t, 48> order{};
  for (size_t i = 0; i < order.size(); ++i) {
    order[i] = static_cast<uint8_t>(i >= 16 && i < 32 ? i - 16 : 0x80);
  }
  return order;
}();

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

// The remainder of two texts, one behind the other, given as values 0 … 9 at the end of sixteen.
[[nodiscard]] inline uint32_t remainder_of(__m128i first, __m128i second, uint32_t first_chars,
                                           uint32_t second_chars) {
  const uint8_t* const order = shift_orders.data() + second_chars;
  __m128i sixteen = _mm_or_si128(second, _mm_shuffle_epi8(first, load(order + 16)));
  if (first_chars + second_chars > 16) {
    // What stands before the last sixteen bytes is folded into them.
    const __m128i by_16 = _mm_set_epi64x(static_cast<int64_t>(power_of_x(127)),
                                         static_cast<int64_t>(power_of_x(191)));
    const __m128i before = _mm_shuffle_epi8(first, load(order));
    sixteen = _mm_xor_si128(sixteen, _mm_xor_si128(_mm_clmulepi64_si128(before, by_16, 0x00),
                                                   _mm_clmulepi64_si128(before, by_16, 0x11)));
  }
  // Folded to 12 bytes, to 8, each by the power of x that it stands before the rest.
  const __m128i by_8_and_4 = _mm_set_epi64x(static_cast<int64_t>(power_of_x(63) >> 32U),
                                            static_cast<int64_t>(power_of_x(95)));
  const __m128i twelve =
      _mm_xor_si128(_mm_srli_si128(_mm_clmulepi64_si128(sixteen, by_8_and_4, 0x00), 4),
                    _mm_srli_si128(sixteen, 8));
  const __m128i first_four = _mm_and_si128(twelve, _mm_set_epi32(0, 0, 0, -1));
  const __m128i eight =
      _mm_xor_si128(_mm_clmulepi64_si128(first_four, by_8_and_4, 0x10), _mm_srli_si128(twelve, 4));
  return reduce(eight) ^ zero_text_remainders[first_chars + second_chars];
}

// Twice sixteen digits to their two numbers.
[[nodiscard]] inline __m128i add_up_both(__m256i values) {
  // Pairs, fours, eights, sixteens.
  const __m256i tens = _mm256_maddubs_epi16(values, _mm256_set1_epi16(1 << 8 | 10));
  const __m256i hundreds = _mm256_madd_epi16(tens, _mm256_set1_epi32(1 << 16 | 100));
  const __m256i packed = _mm256_packus_epi32(hundreds, hundreds);
  const __m256i eights = _mm256_madd_epi16(packed, _mm256_set1_epi32(1 << 16 | 10'000));
  const __m256i sums = _mm256_add_epi64(_mm256_mul_epu32(eights, _mm256_set1_epi64x(100'000'000)),
                                        _mm256_srli_epi64(eights, 32));
  return _mm_unpacklo_epi64(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
}

// Where a number stands in a look at 64 bytes.
struct NumberPlace {
  uint32_t chars = 0;
  uint32_t places = 0;  // after the point
  bool plain = false;   // a digit at both ends, at most one point, at most sixteen characters
};

// From masks whose lowest bit is the number's first character.
[[nodiscard]] inline NumberPlace place_number(uint64_t ends, uint64_t points) {
  const auto chars = static_cast<uint32_t>(std::countr_zero(ends));
  const auto own = static_cast<uint32_t>(points & (ends ^ (ends - 1)));
  const uint32_t outer = 1U | 1U << ((chars - 1) & 31U);
  const uint32_t wrong = (own & (own - 1)) | (own & outer);
  const uint32_t places = own == 0 ? 0 : chars - 1 - static_cast<uint32_t>(std::countr_zero(own));
  return {chars, places, wrong == 0 && chars - 1 < 16};
}

}  // namespace detail

// Gives the end of the quantity; null: not plainly a level.
[[nodiscard]] inline const char* read_level(const char* at, WireLevel& out) {
  if (!layout::is(at, level_price_key)) return nullptr;
  const auto look = [at](size_t from) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at + from));
  };
  const auto bits = [](__m256i first, __m256i second) {
    return uint64_t{static_cast<uint32_t>(_mm256_movemask_epi8(second))} << 32U |
           static_cast<uint32_t>(_mm256_movemask_epi8(first));
  };
  const __m256i first = look(0);
  const __m256i second = look(32);
  const auto is_digit = [](__m256i text) {  // '0' … '9' become the ten greatest numbers
    return _mm256_cmpgt_epi8(_mm256_add_epi8(text, detail::every_byte<0x7F - '9'>()),
                             detail::every_byte<0x7F - 10>());
  };
  const auto is_point = [](__m256i text) {
    return _mm256_cmpeq_epi8(text, detail::every_byte<'.'>());
  };
  const uint64_t points = bits(is_point(first), is_point(second));
  const uint64_t ends = ~(bits(is_digit(first), is_digit(second)) | points);

  constexpr size_t price_at = layout::length(level_price_key);
  const detail::NumberPlace price = detail::place_number(ends >> price_at, points >> price_at);
  if (!price.plain) return nullptr;
  const size_t price_end = price_at + price.chars;
  if (!layout::is(at + price_end, level_qty_key)) return nullptr;
  const size_t qty_at = price_end + layout::length(level_qty_key);
  const detail::NumberPlace qty = detail::place_number(ends >> qty_at, points >> qty_at);
  if (!qty.plain) return nullptr;
  const char* const end = at + qty_at + qty.chars;

  const auto both = [](__m128i low, __m128i high) {
    return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
  };
  const __m256i texts = both(detail::load(at + price_end - 16), detail::load(end - 16));
  const auto order = [](const detail::NumberPlace& number) {
    return detail::load(detail::digits_orders[number.chars - 1][number.places].data());
  };
  const __m256i values = _mm256_shuffle_epi8(_mm256_sub_epi8(texts, detail::every_byte<'0'>()),
                                             both(order(price), order(qty)));
  const auto some = ~static_cast<uint32_t>(
      _mm256_movemask_epi8(_mm256_cmpeq_epi8(values, _mm256_setzero_si256())));
  const auto digits_from = [](uint32_t nonzero) {
    return 16 - static_cast<uint32_t>(std::countr_zero(nonzero | 0x10000U));
  };
  const uint32_t price_digits = digits_from(some & 0xFFFFU);
  const uint32_t qty_digits = digits_from(some >> 16U);

  const __m128i mantissas = detail::add_up_both(values);
  const uint32_t remainder =
      detail::remainder_of(_mm256_castsi256_si128(values), _mm256_extracti128_si256(values, 1),
                           price_digits, qty_digits);

  // Two writes, as wide as a level is read again.
  const auto exponent = [](const detail::NumberPlace& number) {
    return uint64_t{static_cast<uint8_t>(0U - number.places)};
  };
  const uint64_t rest = uint64_t{remainder} | uint64_t{price_digits + qty_digits} << 32U |
                        exponent(price) << 40U | exponent(qty) << 48U;
  static_assert(std::endian::native == std::endian::little);
  static_assert(offsetof(WireLevel, price_mantissa) == 0 && offsetof(WireLevel, qty_mantissa) == 8);
  static_assert(offsetof(WireLevel, remainder) == 16 && offsetof(WireLevel, chars) == 20);
  static_assert(offsetof(WireLevel, price_exponent) == 21 &&
                offsetof(WireLevel, qty_exponent) == 22);
  char* const to = reinterpret_cast<char*>(&out);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), mantissas);
  std::memcpy(to + 16, &rest, sizeof rest);
  return end;
}

#else

[[nodiscard]] inline const char* read_level(const char* at, WireLevel& out) {
  Digits price;
  Digits qty;
  if (!layout::is(at, level_price_key)) return nullptr;
  if (!read_digits(at + layout::length(level_price_key), price)) return nullptr;
  if (!layout::is(price.end, level_qty_key)) return nullptr;
  if (!read_digits(price.end + layout::length(level_qty_key), qty)) return nullptr;
  out = WireLevel(price.decimal(), qty.decimal());
  return qty.end;
}

#endif

}  // namespace havklo::kraken
