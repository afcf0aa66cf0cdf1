// Method: the venue's own published example verifies (kraken-v2.md §8.3), and each rule of §8.1 by
// a small book whose checksum a second, plain computation gives.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "kraken/book.hpp"

namespace havklo::kraken {
namespace {

WireLevel level(std::string_view price, std::string_view qty) {
  WireLevel result;
  EXPECT_TRUE(parse_decimal(price, result.price));
  EXPECT_TRUE(parse_decimal(qty, result.qty));
  return result;
}

// CRC-32/ISO-HDLC bit by bit.
uint32_t plain_crc(std::string_view text) {
  uint32_t crc = 0xFFFFFFFFU;
  for (const char c : text) {
    crc ^= static_cast<uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1U ^ (0xEDB88320U & (0U - (crc & 1U)));
  }
  return ~crc;
}

const std::vector<WireLevel> guide_bids = {
    level("45283.5", "0.10000000"), level("45283.4", "1.54582015"), level("45282.1", "0.10000000"),
    level("45281.0", "0.10000000"), level("45280.3", "1.54592586"), level("45279.0", "0.07990000"),
    level("45277.6", "0.03310103"), level("45277.5", "0.30000000"), level("45277.3", "1.54602737"),
    level("45276.6", "0.15445238")};
const std::vector<WireLevel> guide_asks = {
    level("45285.2", "0.00100000"), level("45286.4", "1.54571953"), level("45286.6", "1.54571109"),
    level("45289.6", "1.54560911"), level("45290.2", "0.15890660"), level("45291.8", "1.54553491"),
    level("45294.7", "0.04454749"), level("45296.1", "0.35380000"), level("45297.5", "0.09945542"),
    level("45299.5", "0.18772827")};

TEST(KrakenBook, VerifiesTheExampleOfTheVenuesGuide) {
  Book book(10);
  const auto result = book.apply(
      {.is_snapshot = true, .bids = guide_bids, .asks = guide_asks, .checksum = 3310070434U});
  EXPECT_EQ(result.outcome, ApplyOutcome::verified);
  EXPECT_EQ(book.changes().size(), 20U);
}

TEST(KrakenBook, RefusesTheSameWithOneDigitChanged) {
  Book book(10);
  auto bids = guide_bids;
  bids[9].qty.mantissa += 1;
  const auto result =
      book.apply({.is_snapshot = true, .bids = bids, .asks = guide_asks, .checksum = 3310070434U});
  EXPECT_EQ(result.outcome, ApplyOutcome::checksum_mismatch);
  EXPECT_EQ(result.expected, 3310070434U);
}

TEST(KrakenBook, TellsTheReaderOfALevelThatFallsOutOfTheDepth) {
  Book book(10);
  ASSERT_EQ(book.apply({.is_snapshot = true,
                        .bids = guide_bids,
                        .asks = guide_asks,
                        .checksum = 3310070434U})
                .outcome,
            ApplyOutcome::verified);
  const std::vector<WireLevel> better = {level("45284.0", "1.00000000")};
  static_cast<void>(book.apply({.bids = better}));
  ASSERT_EQ(book.changes().size(), 2U);
  EXPECT_TRUE(book.changes()[1].truncated);
  EXPECT_EQ(to_string(book.changes()[1].price), "45276.6");
  EXPECT_EQ(book.bids().size(), 10U);
  book.check_invariants();
}

TEST(KrakenBook, AppliesTheSamePriceSeveralTimesInOrder) {
  Book book(10);
  const std::vector<WireLevel> bids = {level("1.0", "2.00")};
  ASSERT_EQ(book.apply({.is_snapshot = true, .bids = bids, .checksum = plain_crc("10200")}).outcome,
            ApplyOutcome::verified);
  const std::vector<WireLevel> twice = {level("1.0", "0.00"), level("1.0", "7.00")};
  EXPECT_EQ(book.apply({.bids = twice, .checksum = plain_crc("10700")}).outcome,
            ApplyOutcome::verified);
}

TEST(KrakenBook, ReplacesTheWholeBookBySnapshotAndVerifiesAnEmptyOne) {
  Book book(10);
  static_cast<void>(book.apply({.is_snapshot = true, .bids = guide_bids}));
  EXPECT_EQ(book.apply({.is_snapshot = true, .checksum = plain_crc("")}).outcome,
            ApplyOutcome::verified);
  EXPECT_TRUE(book.bids().empty());
}

TEST(KrakenBook, DropsAnUpdateBeforeTheSnapshotAndRefusesACrossedBook) {
  Book book(10);
  const std::vector<WireLevel> one = {level("2.0", "1.0")};
  EXPECT_EQ(book.apply({.bids = one}).outcome, ApplyOutcome::no_snapshot);
  EXPECT_EQ(
      book.apply({.is_snapshot = true, .bids = one, .asks = one, .checksum = plain_crc("20102010")})
          .outcome,
      ApplyOutcome::crossed);
}

TEST(KrakenBook, ComparesPricesOfDifferentPrecisionByValue) {
  Book book(10);
  const std::vector<WireLevel> bids = {level("0.5666", "1.0"), level("0.567", "2.0")};
  EXPECT_EQ(
      book.apply({.is_snapshot = true, .bids = bids, .checksum = plain_crc("56720566610")}).outcome,
      ApplyOutcome::verified);
}

}  // namespace
}  // namespace havklo::kraken
