// Method: texts as the venue prints them go in and come back unchanged; what does not fit is
// refused. A double is compared with the C library's reading of the same digits, which is correctly
// rounded.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <havklo/decimal.hpp>
#include <havklo/random.hpp>
#include <limits>
#include <string_view>
#include <system_error>
#include <utility>

namespace havklo {
namespace {

TEST(Decimal, KeepsTheTextOfTheWire) {
  for (const char* text : {"63501.9", "0.00100000", "0", "0.0", "-3", "-0.05", "100",
                           "9223372036854775807", "0.000000000000000001"}) {
    Decimal value;
    ASSERT_TRUE(parse_decimal(text, value)) << text;
    EXPECT_EQ(to_string(value), text);
  }
}

TEST(Decimal, ReadsAPowerOfTen) {
  const std::pair<const char*, Decimal> rows[] = {
      {"1e-08", {1, -8}}, {"5.10e-05", {510, -7}}, {"1.5e3", {1500, 0}},  {"1.5E+1", {15, 0}},
      {"0e5", {0, 0}},    {"-2.5e0", {-25, -1}},   {"1.25e1", {125, -1}}, {"1e-18", {1, -18}},
  };
  for (const auto& [text, expected] : rows) {
    Decimal value;
    ASSERT_TRUE(parse_decimal(text, value)) << text;
    EXPECT_EQ(value.mantissa, expected.mantissa) << text;
    EXPECT_EQ(value.exponent, expected.exponent) << text;
  }
}

TEST(Decimal, RefusesWhatIsNotADecimalOrDoesNotFit) {
  Decimal value;
  for (const char* text : {"",
                           "-",
                           ".",
                           "1.",
                           ".5",
                           "1.2.3",
                           "1e",
                           "1e+",
                           "1.e5",
                           "e5",
                           "1e5.0",
                           "1e1e1",
                           "1e100",
                           "1e-19",
                           "1e19",
                           "0.1e-18",
                           "+1",
                           " 1",
                           "1 ",
                           "0x1",
                           "9223372036854775808",
                           "0.0000000000000000001"}) {
    EXPECT_FALSE(parse_decimal(text, value)) << text;
  }
}

TEST(Decimal, ComparesByValueAcrossExponents) {
  EXPECT_EQ((Decimal{150, -2}), (Decimal{15, -1}));
  EXPECT_LT((Decimal{149, -2}), (Decimal{15, -1}));
  EXPECT_GT((Decimal{std::numeric_limits<int64_t>::max(), 0}), (Decimal{1, -18}));
}

TEST(Decimal, WritesTheSmallestMantissa) {
  EXPECT_EQ(to_string(Decimal{std::numeric_limits<int64_t>::min(), 0}), "-9223372036854775808");
}

constexpr int64_t smallest = std::numeric_limits<int64_t>::min();
constexpr int64_t largest = std::numeric_limits<int64_t>::max();

TEST(Decimal, WritesTheSameTextIntoABuffer) {
  size_t longest = 0;
  for (const int64_t mantissa : {int64_t{0}, int64_t{1}, int64_t{-5}, smallest, largest}) {
    for (int exponent = decimal_exponent_min; exponent <= 0; ++exponent) {
      const Decimal value{mantissa, static_cast<int8_t>(exponent)};
      std::array<char, decimal_chars_max> text;
      const auto [end, error] = to_chars(text.data(), text.data() + text.size(), value);
      ASSERT_EQ(error, std::errc{}) << to_string(value);
      EXPECT_EQ(std::string_view(text.data(), end), to_string(value));
      longest = std::max(longest, static_cast<size_t>(end - text.data()));
    }
  }
  EXPECT_EQ(longest, decimal_chars_max);
}

TEST(Decimal, WritesNothingWhereItDoesNotFit) {
  const Decimal value{-6350190, -2};
  std::array<char, 9> text;
  text.fill('x');
  for (size_t room = 0; room < text.size(); ++room) {
    const auto [end, error] = to_chars(text.data(), text.data() + room, value);
    EXPECT_EQ(error, std::errc::value_too_large) << room;
    EXPECT_EQ(end, text.data() + room);
    EXPECT_EQ(std::string_view(text.data(), text.size()), "xxxxxxxxx");
  }
  const auto [end, error] = to_chars(text.data(), text.data() + text.size(), value);
  EXPECT_EQ(error, std::errc{});
  EXPECT_EQ(std::string_view(text.data(), end), "-63501.90");
}

void expect_nearest_double(int64_t mantissa) {
  for (int exponent = decimal_exponent_min; exponent <= 0; ++exponent) {
    const Decimal value{mantissa, static_cast<int8_t>(exponent)};
    const std::string text = to_string(value);
    ASSERT_EQ(to_double(value), std::strtod(text.c_str(), nullptr)) << text;
  }
}

TEST(Decimal, BecomesTheNearestDouble) {
  EXPECT_EQ(to_double({635019, -1}), 63501.9);
  EXPECT_EQ(to_double({-5, -2}), -0.05);
  EXPECT_EQ(to_double({1, -18}), 1e-18);
  for (const int64_t mantissa : {int64_t{0}, int64_t{1}, smallest, smallest + 1, largest}) {
    expect_nearest_double(mantissa);
  }
  Random random(21);
  for (int i = 0; i < 20'000; ++i) {
    // Of every length, of either sign.
    expect_nearest_double(static_cast<int64_t>(random.next_u64()) >> random.below(64));
  }
}

// Halfway between two doubles, and a hair beside: what a double that is rounded twice gets wrong.
TEST(Decimal, RoundsATieToEvenAndNothingElse) {
  Random random(22);
  for (int i = 0; i < 5'000; ++i) {
    const uint64_t spare = 1 + random.below(10);  // bits more than the 53 that a double has
    const uint64_t significant = uint64_t{1} << 52 | random.next_u64() >> 12;
    const auto tie = static_cast<int64_t>(significant << spare | uint64_t{1} << (spare - 1));
    for (const int64_t mantissa : {tie - 1, tie, tie + 1}) expect_nearest_double(mantissa);
  }
  // A tie behind the point: (2^54 + 1) / 2 is 9007199254740992.5, exactly.
  EXPECT_EQ(to_double({90071992547409925, -1}), 9007199254740992.0);
  EXPECT_EQ(to_double({90071992547409935, -1}), 9007199254740994.0);
}

}  // namespace
}  // namespace havklo
