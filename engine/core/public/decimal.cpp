// Digits to numbers and back.
#include <algorithm>
#include <array>
#include <havklo/decimal.hpp>

namespace havklo {

// From the last digit to the first.
std::string to_string(Decimal value) {
  const bool negative = value.mantissa < 0;
  // The magnitude of the smallest mantissa does not fit a signed one.
  uint64_t magnitude =
      negative ? 0 - static_cast<uint64_t>(value.mantissa) : static_cast<uint64_t>(value.mantissa);
  const int places = -value.exponent;
  std::array<char, 160> text;  // 128 places and 20 digits at most
  size_t begin = text.size();
  for (int written = 0; written <= places || magnitude != 0; ++written) {
    if (written == places && places > 0) text[--begin] = '.';
    text[--begin] = static_cast<char>('0' + magnitude % 10);
    magnitude /= 10;
  }
  if (negative) text[--begin] = '-';
  return {text.data() + begin, text.size() - begin};
}

namespace {

// The digits after 'e', with an optional sign; no decimal of ours has a larger power than 99.
bool parse_power(std::string_view text, int& out) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text.empty()) return false;
  int power = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    power = power * 10 + (c - '0');
    if (power > 99) return false;
  }
  out = negative ? -power : power;
  return true;
}

// A power above zero becomes zeros of the mantissa.
bool scale(int64_t& mantissa, int& exponent, int power) {
  exponent += power;
  for (; exponent > 0; --exponent) {
    if (__builtin_mul_overflow(mantissa, int64_t{10}, &mantissa)) return false;
  }
  return exponent >= decimal_exponent_min;
}

}  // namespace

bool parse_decimal(std::string_view text, Decimal& out) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  int64_t mantissa = 0;
  int exponent = 0;
  bool point = false;
  bool digit_last = false;
  size_t at = 0;
  for (; at < text.size() && text[at] != 'e' && text[at] != 'E'; ++at) {
    const char c = text[at];
    if (c == '.') {
      if (point || !digit_last) return false;
      point = true;
      digit_last = false;
      continue;
    }
    if (c < '0' || c > '9') return false;
    digit_last = true;
    if (__builtin_mul_overflow(mantissa, int64_t{10}, &mantissa) ||
        __builtin_add_overflow(mantissa, int64_t{c - '0'}, &mantissa)) {
      return false;
    }
    if (point && --exponent < decimal_exponent_min) return false;
  }
  if (!digit_last) return false;
  if (at < text.size()) {
    int power = 0;
    if (!parse_power(text.substr(at + 1), power) || !scale(mantissa, exponent, power)) return false;
  }
  out = {negative ? -mantissa : mantissa, static_cast<int8_t>(exponent)};
  return true;
}

bool parse_statistic(std::string_view text, Decimal& out) {
  if (parse_decimal(text, out)) return true;
  // What an integer holds has 19 digits and a sign: no more are tried. Behind the point stand
  // digits, however many.
  constexpr size_t whole_chars_max = 20;
  constexpr size_t places_max = 18;
  const size_t point = text.find('.');
  if (point > whole_chars_max || point + 1 == text.size()) return false;
  for (const char c : text.substr(point + 1)) {
    if (c < '0' || c > '9') return false;
  }
  static_assert(decimal_exponent_min == -static_cast<int>(places_max));
  const size_t longest = std::min(text.size() - 1, point + 1 + places_max);
  for (size_t size = longest; size > point + 1; --size) {
    if (parse_decimal(text.substr(0, size), out)) return true;
  }
  return parse_decimal(text.substr(0, point), out);
}

}  // namespace havklo
