// Method: texts as the venue prints them go in and come back unchanged; what does not fit is
// refused.
#include <gtest/gtest.h>

#include <havklo/decimal.hpp>
#include <limits>

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

TEST(Decimal, RefusesWhatIsNotADecimalOrDoesNotFit) {
  Decimal value;
  for (const char* text : {"", "-", ".", "1.", ".5", "1.2.3", "1e5", "+1", " 1", "1 ", "0x1",
                           "9223372036854775808", "0.0000000000000000001"}) {
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
