// Method: the venue's own published example verifies (kraken-v2.md §8.3), and each rule of §8.1 by
// a small book whose checksum a second, plain computation gives.
#include "kraken/book.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <havklo/random.hpp>
#include <string>
#include <vector>

#include "plain_crc.hpp"

namespace havklo::kraken {
namespace {

WireLevel level(std::string_view price, std::string_view qty) {
  Decimal price_value;
  Decimal qty_value;
  EXPECT_TRUE(parse_decimal(price, price_value));
  EXPECT_TRUE(parse_decimal(qty, qty_value));
  return {price_value, qty_value};
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
  BookScratch scratch;
  Book book(10, scratch);
  const ApplyOutcome outcome = book.apply(
      {.is_snapshot = true, .bids = guide_bids, .asks = guide_asks, .checksum = 3310070434U});
  EXPECT_EQ(outcome, ApplyOutcome::verified);
  EXPECT_EQ(book.changes().size(), 20U);
}

TEST(KrakenBook, RefusesTheSameWithOneDigitChanged) {
  BookScratch scratch;
  Book book(10, scratch);
  auto bids = guide_bids;
  bids[9] = level("45276.6", "0.15445239");
  const ApplyOutcome outcome =
      book.apply({.is_snapshot = true, .bids = bids, .asks = guide_asks, .checksum = 3310070434U});
  EXPECT_EQ(outcome, ApplyOutcome::checksum_mismatch);
  EXPECT_NE(book.checksum(), 3310070434U);
}

TEST(KrakenBook, TellsTheReaderOfALevelThatFallsOutOfTheDepth) {
  BookScratch scratch;
  Book book(10, scratch);
  ASSERT_EQ(
      book.apply(
          {.is_snapshot = true, .bids = guide_bids, .asks = guide_asks, .checksum = 3310070434U}),
      ApplyOutcome::verified);
  const std::vector<WireLevel> better = {level("45284.0", "1.00000000")};
  static_cast<void>(book.apply({.bids = better}));
  ASSERT_EQ(book.changes().size(), 2U);
  EXPECT_TRUE(book.changes()[1].truncated);
  EXPECT_EQ(to_string(book.changes()[1].level.price()), "45276.6");
  EXPECT_EQ(book.bids().size(), 10U);
  book.check_invariants();
}

TEST(KrakenBook, AppliesTheSamePriceSeveralTimesInOrder) {
  BookScratch scratch;
  Book book(10, scratch);
  const std::vector<WireLevel> bids = {level("1.0", "2.00")};
  ASSERT_EQ(book.apply({.is_snapshot = true, .bids = bids, .checksum = plain_crc("10200")}),
            ApplyOutcome::verified);
  const std::vector<WireLevel> twice = {level("1.0", "0.00"), level("1.0", "7.00")};
  EXPECT_EQ(book.apply({.bids = twice, .checksum = plain_crc("10700")}), ApplyOutcome::verified);
}

TEST(KrakenBook, ReplacesTheWholeBookBySnapshotAndVerifiesAnEmptyOne) {
  BookScratch scratch;
  Book book(10, scratch);
  static_cast<void>(book.apply({.is_snapshot = true, .bids = guide_bids}));
  EXPECT_EQ(book.apply({.is_snapshot = true, .checksum = plain_crc("")}), ApplyOutcome::verified);
  EXPECT_TRUE(book.bids().empty());
}

TEST(KrakenBook, DropsAnUpdateBeforeTheSnapshotAndRefusesACrossedBook) {
  BookScratch scratch;
  Book book(10, scratch);
  const std::vector<WireLevel> one = {level("2.0", "1.0")};
  EXPECT_EQ(book.apply({.bids = one}), ApplyOutcome::no_snapshot);
  EXPECT_EQ(book.apply(
                {.is_snapshot = true, .bids = one, .asks = one, .checksum = plain_crc("20102010")}),
            ApplyOutcome::crossed);
}

TEST(KrakenBook, ComparesPricesOfDifferentPrecisionByValue) {
  BookScratch scratch;
  Book book(10, scratch);
  const std::vector<WireLevel> bids = {level("0.5666", "1.0"), level("0.567", "2.0")};
  EXPECT_EQ(book.apply({.is_snapshot = true, .bids = bids, .checksum = plain_crc("56720566610")}),
            ApplyOutcome::verified);
}

// The book as a map, by value; what a side holds is compared after every message.
class Model {
 public:
  explicit Model(bool bids) : bids_(bids) {}
  void apply(const WireLevel& level) {
    std::erase_if(levels_, [&](const WireLevel& own) { return own.price() == level.price(); });
    if (level.qty_mantissa == 0) return;
    const auto at = std::ranges::find_if(levels_, [&](const WireLevel& own) {
      return bids_ ? own.price() < level.price() : own.price() > level.price();
    });
    levels_.insert(at, level);
  }
  void truncate(size_t depth) { levels_.resize(std::min(levels_.size(), depth)); }
  [[nodiscard]] std::string checksum_text() const {
    std::string text;
    for (size_t i = 0; i < std::min<size_t>(levels_.size(), 10); ++i) {
      text += std::to_string(levels_[i].price_mantissa) + std::to_string(levels_[i].qty_mantissa);
    }
    return text;
  }
  [[nodiscard]] const std::vector<WireLevel>& levels() const { return levels_; }

 private:
  bool bids_;
  std::vector<WireLevel> levels_;
};

// Prices walk, so that the levels wander through their buffer; now and then one is printed with
// another precision.
TEST(KrakenBook, KeepsWhatAPlainListKeepsWhateverComes) {
  for (const uint32_t depth : {1U, 10U, 25U, 100U}) {
    Random random(depth);
    BookScratch scratch;
    Book book(depth, scratch);
    Model bids(true);
    Model asks(false);
    static_cast<void>(book.apply({.is_snapshot = true, .checksum = plain_crc("")}));
    int64_t middle = 1'000'000;
    const auto some_levels = [&](bool bid, size_t count) {
      std::vector<WireLevel> levels;
      for (size_t i = 0; i < count; ++i) {
        const auto away = 1 + static_cast<int64_t>(random.below(2 * depth + 2));
        Decimal price{bid ? middle - away : middle + away, -2};
        if (random.below(512) == 0) price = {price.mantissa * 10, -3};
        const bool gone = random.below(3) == 0;
        levels.emplace_back(price, Decimal{gone ? 0 : 1 + int64_t(random.below(1'000'000)), -8});
      }
      return levels;
    };
    for (int round = 0; round < 4'000; ++round) {
      middle += static_cast<int64_t>(random.below(5)) - (round < 2'000 ? 1 : 3);
      const auto bid_levels = some_levels(true, random.below(4));
      const auto ask_levels = some_levels(false, random.below(4));
      for (const WireLevel& level : bid_levels) bids.apply(level);
      for (const WireLevel& level : ask_levels) asks.apply(level);
      bids.truncate(depth);
      asks.truncate(depth);
      const ApplyOutcome outcome =
          book.apply({.bids = bid_levels,
                      .asks = ask_levels,
                      .checksum = plain_crc(asks.checksum_text() + bids.checksum_text())});
      ASSERT_NE(outcome, ApplyOutcome::checksum_mismatch) << depth << " " << round;
      const auto same = [](const WireLevel& a, const WireLevel& b) {
        return a.price() == b.price() && a.qty() == b.qty() && a.remainder == b.remainder;
      };
      ASSERT_TRUE(std::ranges::equal(book.bids(), bids.levels(), same)) << depth << " " << round;
      ASSERT_TRUE(std::ranges::equal(book.asks(), asks.levels(), same)) << depth << " " << round;
      book.check_invariants();
    }
  }
}

// Messages of far more levels than the book is deep are taken in memory that the books share: the
// book must be whole again when the next one has used it.
TEST(KrakenBook, TakesMessagesFarLargerThanItsDepth) {
  BookScratch scratch;
  Book first(10, scratch);
  Book second(10, scratch);
  const auto many = [](int64_t from, uint32_t count) {
    std::vector<WireLevel> levels;
    for (uint32_t i = 0; i < count; ++i) levels.emplace_back(Decimal{from - i, -1}, Decimal{5, 0});
    return levels;
  };
  const auto bids = many(900'000, book_message_levels_max);
  const auto others = many(500'000, book_message_levels_max - 1);
  for (Book* const book : {&first, &second}) {
    const auto& mine = book == &first ? bids : others;
    BookMessage message{.is_snapshot = true, .bids = mine, .asks = {}, .checksum = 0};
    static_cast<void>(book->apply(message));
    message.checksum = book->checksum();
    EXPECT_EQ(book->apply(message), ApplyOutcome::verified);
    EXPECT_EQ(book->changes().size(), mine.size() + mine.size() - 10);
  }
  for (const Book* const book : {&first, &second}) {
    const int64_t best = book == &first ? 900'000 : 500'000;
    ASSERT_EQ(book->bids().size(), 10U);
    for (int64_t i = 0; i < 10; ++i) {
      EXPECT_EQ(book->bids()[static_cast<size_t>(i)].price_mantissa, best - i);
    }
    book->check_invariants();
  }
  // A drift of one side, level by level, far past the room that the book keeps.
  for (int64_t i = 1; i <= 1'000; ++i) {
    const WireLevel better{Decimal{900'000 + i, -1}, Decimal{5, 0}};
    BookMessage message{.bids = std::span(&better, 1), .checksum = 0};
    static_cast<void>(first.apply(message));
    first.check_invariants();
  }
  EXPECT_EQ(first.bids().front().price_mantissa, 901'000);
  EXPECT_EQ(first.bids().back().price_mantissa, 900'991);
}

}  // namespace
}  // namespace havklo::kraken
