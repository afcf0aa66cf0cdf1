// Method: a CRC bit by bit, over the text itself, says what parts put together must give; numbers
// read in a register are compared with parse_decimal() and with the remainder of their text.
#include "kraken/checksum.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <havklo/random.hpp>
#include <string>
#include <vector>

#include "kraken/digits.hpp"
#include "kraken/layout/level_text.hpp"
#include "kraken/plain_crc.hpp"
#include "kraken/random_digits.hpp"

namespace havklo::kraken {
namespace {

TEST(KrakenChecksum, OfPartsIsThatOfTheWhole) {
  Random random(1);
  EXPECT_EQ(PartsChecksum().value(), plain_crc(""));
  for (int round = 0; round < 3'000; ++round) {
    std::vector<std::string> parts(random.below(2 * checksum_levels + 1));
    std::string whole;
    for (std::string& part : parts) {
      part = random_digits(random,
                           round % 7 == 0 ? level_chars_max : random.below(level_chars_max + 1));
      whole += part;
    }
    PartsChecksum checksum;
    for (size_t i = parts.size(); i-- > 0;) {
      checksum.prepend(remainder_of(parts[i]), static_cast<uint32_t>(parts[i].size()));
    }
    ASSERT_EQ(checksum.value(), plain_crc(whole)) << whole;
  }
}

TEST(KrakenChecksum, MultipliesAndReducesAsThePlainWayDoes) {
  Random random(2);
  for (int round = 0; round < 10'000; ++round) {
    const auto a = static_cast<uint32_t>(random.next_u64());
    const auto b = static_cast<uint32_t>(random.next_u64());
    ASSERT_EQ(detail::reduce(detail::add_product(detail::no_wide(), a, b)),
              detail::reduce_plain(detail::multiply_plain(a, b)));
  }
}

std::string stripped(std::string text) {
  std::erase(text, '.');
  const size_t first = text.find_first_not_of('0');
  return first == std::string::npos ? "" : text.substr(first);
}

TEST(KrakenDigits, AreReadAsTheDecimalParserReadsThem) {
  Random random(3);
  int read = 0;
  for (int round = 0; round < 200'000; ++round) {
    std::string number = random_digits(random, random.below(19));
    if (random.below(4) != 0) number += "." + random_digits(random, random.below(19));
    if (random.below(16) == 0) number.insert(random.below(number.size() + 1), 1, '.');
    constexpr std::string_view behind = ",}]\"-e +";
    const std::string text =
        std::string(32, '9') + number + behind[random.below(behind.size())] + std::string(32, '9');
    Digits value;
    if (!read_digits(text.data() + 32, value)) continue;
    ++read;
    const std::string taken(text.data() + 32, value.end);
    Decimal decimal;
    ASSERT_TRUE(parse_decimal(taken, decimal)) << taken;
    ASSERT_EQ(value.decimal().mantissa, decimal.mantissa) << taken;
    ASSERT_EQ(value.decimal().exponent, decimal.exponent) << taken;
  }
  EXPECT_GT(read, 50'000);
}

TEST(KrakenDigits, LeaveToOthersWhatIsNotAPlainNumber) {
  for (const char* text :
       {"", ".5", "-1", "+1", "1.", "1..5", "12345678901234567", "123456789012345.67", "e5"}) {
    const std::string padded = std::string(32, '1') + text + "," + std::string(64, ' ');
    Digits value;
    EXPECT_FALSE(read_digits(padded.data() + 32, value)) << text;
  }
}

TEST(KrakenDigits, GiveALevelTheRemainderOfItsText) {
  Random random(4);
  for (int round = 0; round < 100'000; ++round) {
    const size_t whole = 1 + random.below(14);
    const std::string price =
        random_digits(random, whole) + "." + random_digits(random, 1 + random.below(15 - whole));
    const std::string qty =
        random.below(8) == 0 ? "0.00000000" : random_digits(random, 1 + random.below(16));
    const std::string text = std::string(32, ' ') + R"({"price":)" + price + R"(,"qty":)" + qty +
                             "}" + std::string(64, ' ');
    WireLevel level;
    const char* const end = read_level(text.data() + 32, level);
    ASSERT_NE(end, nullptr) << price << " " << qty;
    ASSERT_EQ(*end, '}');
    const std::string digits_of_both = stripped(price) + stripped(qty);
    ASSERT_EQ(level.chars, digits_of_both.size()) << price << " " << qty;
    ASSERT_EQ(level.remainder, remainder_of(digits_of_both)) << price << " " << qty;
    Decimal price_value;
    Decimal qty_value;
    ASSERT_TRUE(parse_decimal(price, price_value) && parse_decimal(qty, qty_value));
    const WireLevel slow(price_value, qty_value);
    ASSERT_EQ(std::memcmp(&slow, &level, sizeof slow), 0) << price << " " << qty;
  }
}

}  // namespace
}  // namespace havklo::kraken
