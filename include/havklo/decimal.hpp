// A decimal number as the venue printed it: an integer and a power of ten. Never a double, but for
// who asks for one.
//
// 0.00100000 is {100000, -8}: trailing zeros are kept because the venue's checksum covers them.
// Threads: values.
// Cost:    comparison of equal exponents is one integer comparison. Only to_string() allocates.
#pragma once

#include <charconv>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace havklo {

// Smallest exponent accepted: 10^18 still fits 64 signed bits.
inline constexpr int decimal_exponent_min = -18;

struct Decimal {
  int64_t mantissa = 0;
  int8_t exponent = 0;  // decimal_exponent_min … 0

  [[nodiscard]] constexpr bool is_zero() const { return mantissa == 0; }

  // By value: 1.50 == 1.5. Exact for every pair, by 128-bit scaling where the exponents differ.
  friend constexpr std::strong_ordering operator<=>(Decimal a, Decimal b) {
    if (a.exponent == b.exponent) return a.mantissa <=> b.mantissa;
    __extension__ using Wide = __int128;
    Wide left = a.mantissa;
    Wide right = b.mantissa;
    for (int e = a.exponent; e > b.exponent; --e) left *= 10;
    for (int e = b.exponent; e > a.exponent; --e) right *= 10;
    return left < right   ? std::strong_ordering::less
           : left > right ? std::strong_ordering::greater
                          : std::strong_ordering::equal;
  }
  friend constexpr bool operator==(Decimal a, Decimal b) { return (a <=> b) == 0; }
};

// The digits back as text, "63501.9", "0.00100000", "-3"; trailing zeros as they came.
[[nodiscard]] std::string to_string(Decimal value);

// As many characters as a decimal can have: a sign, 19 digits, the point.
inline constexpr size_t decimal_chars_max = 21;
// The same text into your own buffer, as std::to_chars does it: `ptr` is its end, with no zero byte
// there. Where it does not fit, `ec` is value_too_large, `ptr` is `last`, and nothing was written.
// Cost: some 20 ns.
std::to_chars_result to_chars(char* first, char* last, Decimal value);

// The double that is nearest to the exact value, of two as near the even one: what strtod() reads
// from the same digits. For models, averages and charts; what must be equal or add up stays a
// Decimal. An exponent that no Decimal may have is a bug, and asserted.
// Cost: 3 ns; 6 ns for a mantissa beyond 2^53.
[[nodiscard]] double to_double(Decimal value);

// A JSON number: 1e-08 is {1, -8} and 1.5e3 is {1500, 0}, as some servers print small quantities
// (kraken-v2.md §6). False for anything else, for more than 18 digits after the point, and for what
// does not fit 64 bits.
[[nodiscard]] bool parse_decimal(std::string_view text, Decimal& out);
// The same for a figure that nothing is checked against: what does not fit loses its last places.
// False where parse_decimal() is false for another reason than places: its whole part does not fit,
// or it has a power and does not fit.
[[nodiscard]] bool parse_statistic(std::string_view text, Decimal& out);

}  // namespace havklo
