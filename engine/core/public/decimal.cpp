// Digits to numbers and back.
#include <algorithm>
#include <array>
#include <havklo/assert.hpp>
#include <havklo/decimal.hpp>

namespace havklo {
namespace {

// The magnitude of the smallest mantissa does not fit a signed one.
uint64_t magnitude_of(Decimal value) {
  const auto bits = static_cast<uint64_t>(value.mantissa);
  return value.mantissa < 0 ? 0 - bits : bits;
}

class Text {
 public:
  // From the last digit to the first.
  explicit Text(Decimal value) {
    uint64_t magnitude = magnitude_of(value);
    const int places = -value.exponent;
    for (int written = 0; written <= places || magnitude != 0; ++written) {
      if (written == places && places > 0) text_[--begin_] = '.';
      text_[--begin_] = static_cast<char>('0' + magnitude % 10);
      magnitude /= 10;
    }
    if (value.mantissa < 0) text_[--begin_] = '-';
  }
  [[nodiscard]] std::string_view view() const {
    return {text_.data() + begin_, text_.size() - begin_};
  }

 private:
  std::array<char, 160> text_;  // 128 places and 20 digits at most
  size_t begin_ = text_.size();
};

constexpr std::array<uint64_t, 1 - decimal_exponent_min> powers_of_ten = [] {
  std::array<uint64_t, 1 - decimal_exponent_min> powers{1};
  for (size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();

}  // namespace

std::string to_string(Decimal value) { return std::string(Text(value).view()); }

std::to_chars_result to_chars(char* first, char* last, Decimal value) {
  const Text text(value);
  const std::string_view printed = text.view();
  if (static_cast<size_t>(last - first) < printed.size()) {
    return {last, std::errc::value_too_large};
  }
  return {std::ranges::copy(printed, first).out, std::errc{}};
}

double to_double(Decimal value) {
  HAVKLO_ASSERT(value.exponent <= 0 && value.exponent >= decimal_exponent_min);
  const uint64_t power = powers_of_ten[static_cast<size_t>(-value.exponent)];
  const uint64_t magnitude = magnitude_of(value);
  // 10^18 has 42 significant bits: both are doubles without loss, and a division rounds once.
  if (magnitude <= uint64_t{1} << 53) {
    return static_cast<double>(value.mantissa) / static_cast<double>(power);
  }
  // Of more than 53 bits: times 2^64, divided by less than 2^60, at least 57 bits are left. So the
  // last one stands below the bit that rounding looks at, and says whether anything is below
  // itself; the conversion rounds once, and a power of two changes no digit.
  __extension__ using Wide = unsigned __int128;
  const Wide scaled = static_cast<Wide>(magnitude) << 64;
  const Wide quotient = scaled / power | static_cast<Wide>(scaled % power != 0);
  const double result = static_cast<double>(quotient) * 0x1p-64;
  return value.mantissa < 0 ? -result : result;
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
