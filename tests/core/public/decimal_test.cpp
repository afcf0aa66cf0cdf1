// Method: texts as the venue prints them go in and come back unchanged; what does not fit is
// refused.
#include <gtest/gtest.h>

#include <havklo/decimal.hpp>
#include <limits>
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

}  // namespace
}  // namespace havklo
