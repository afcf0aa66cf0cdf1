// What several legs compare and tell of books: the sum over all levels, and the copy of what was
// published, against plain reckonings over random messages.
#include <gtest/gtest.h>

#include <algorithm>
#include <havklo/random.hpp>
#include <map>
#include <string>
#include <vector>

#include "core/legs/book_copy.hpp"
#include "kraken/book.hpp"

namespace havklo::kraken {
namespace {

[[nodiscard]] WireLevel random_level(Random& random, bool bid, bool may_remove) {
  const int64_t distance = static_cast<int64_t>(random.below(60));
  const auto qty = static_cast<int64_t>(may_remove ? random.below(4) : 1 + random.below(3));
  // Now and then with another precision: 100.10 is the price that 100.1 is.
  const bool longer = random.below(8) == 0;
  const int64_t price = bid ? 10'000 - distance : 10'001 + distance;
  return {Decimal{longer ? price * 10 : price, static_cast<int8_t>(longer ? -2 : -1)},
          Decimal{qty, -1}};
}

// A message that verifies: its checksum is what the book itself reckons after it.
class RandomMessages {
 public:
  RandomMessages(uint64_t seed, uint32_t depth) : random_(seed), truth_(depth, scratch_) {}

  [[nodiscard]] BookMessage next(bool is_snapshot) {
    bids_.clear();
    asks_.clear();
    const uint64_t count = random_.below(is_snapshot ? 30 : 12);
    for (uint64_t i = 0; i < count; ++i) {
      const bool bid = random_.below(2) == 0;
      (bid ? bids_ : asks_).push_back(random_level(random_, bid, !is_snapshot));
    }
    BookMessage message{.is_snapshot = is_snapshot, .bids = bids_, .asks = asks_};
    static_cast<void>(truth_.apply(message));
    message.checksum = truth_.checksum();
    return message;
  }
  [[nodiscard]] const Book& truth() const { return truth_; }

 private:
  Random random_;
  BookScratch scratch_;
  Book truth_;
  std::vector<WireLevel> bids_;
  std::vector<WireLevel> asks_;
};

[[nodiscard]] std::string text(std::span<const WireLevel> levels) {
  std::string all;
  for (const WireLevel& level : levels) {
    all += to_string(level.price()) + "=" + to_string(level.qty()) + " ";
  }
  return all;
}
[[nodiscard]] std::string text(const Book& book) {
  return text(book.bids()) + "| " + text(book.asks());
}

// Of books whose messages can be taken back.
struct SumScratch : BookScratch {
  SumScratch() { keep_old(); }
};

// The sum of a book that was given all levels at once, in one snapshot.
[[nodiscard]] uint64_t sum_anew(const Book& book) {
  SumScratch scratch;
  Book fresh(book.depth(), scratch);
  static_cast<void>(fresh.apply_and_sum({.is_snapshot = true,
                                         .bids = book.bids(),
                                         .asks = book.asks(),
                                         .checksum = book.checksum()}));
  return fresh.sum();
}

TEST(BookSum, IsThatOfTheLevelsWhateverCameAndTheBookIsThatOfApply) {
  for (const uint32_t depth : {10U, 25U, 100U}) {
    for (uint64_t seed = 1; seed <= 6; ++seed) {
      RandomMessages messages(seed, depth);
      SumScratch scratch;
      Book book(depth, scratch);
      for (uint32_t i = 0; i < 120; ++i) {
        const BookMessage message = messages.next(i % 40 == 0);
        ASSERT_EQ(book.apply_and_sum(message), ApplyOutcome::verified) << seed;
        ASSERT_EQ(text(book), text(messages.truth())) << "seed " << seed << " message " << i;
        ASSERT_EQ(book.sum(), sum_anew(book)) << "seed " << seed << " message " << i;
      }
    }
  }
}

TEST(BookSum, TellsSidesPricesAndQuantitiesApart) {
  const auto sum_of = [](std::vector<WireLevel> bids, std::vector<WireLevel> asks) {
    SumScratch scratch;
    Book book(10, scratch);
    static_cast<void>(book.apply_and_sum({.is_snapshot = true, .bids = bids, .asks = asks}));
    return book.sum();
  };
  const WireLevel one{Decimal{100, -1}, Decimal{10, -1}};
  const WireLevel other_qty{Decimal{100, -1}, Decimal{11, -1}};
  const WireLevel other_price{Decimal{101, -1}, Decimal{10, -1}};
  EXPECT_EQ(sum_of({one}, {}), sum_of({one}, {}));
  EXPECT_NE(sum_of({one}, {}), sum_of({}, {one}));
  EXPECT_NE(sum_of({one}, {}), sum_of({other_qty}, {}));
  EXPECT_NE(sum_of({one}, {}), sum_of({other_price}, {}));
  EXPECT_NE(sum_of({one, other_price}, {}), sum_of({one}, {}));
  EXPECT_EQ(sum_of({}, {}), 0U);
}

TEST(BookSum, OfAClearedBookBeginsWithItsNextSnapshot) {
  RandomMessages messages(7, 10);
  SumScratch scratch;
  Book book(10, scratch);
  static_cast<void>(book.apply_and_sum(messages.next(true)));
  book.clear();
  static_cast<void>(book.apply_and_sum(messages.next(true)));
  EXPECT_EQ(book.sum(), sum_anew(book));
}

// A strategy's book, by value.
using Levels = std::map<std::string, std::string>;
void write(Levels& levels, const BookChange& change) {
  const std::string key = (change.side == BookSide::bid ? "b" : "a") +
                          std::to_string(static_cast<double>(change.level.price_mantissa) *
                                         (change.level.price_exponent == -2 ? 1 : 10));
  if (change.level.qty_mantissa == 0) {
    levels.erase(key);
  } else {
    levels[key] = to_string(change.level.qty());
  }
}
[[nodiscard]] Levels levels_in(const Book& book) {
  SumScratch scratch;
  Levels levels;
  for (const BookChange& change : core::levels_of(book, scratch)) write(levels, change);
  return levels;
}

TEST(BookSum, ATakenBackMessageLeavesBookAndSumAsTheyWere) {
  for (uint64_t seed = 100; seed < 110; ++seed) {
    RandomMessages messages(seed, 25);
    SumScratch scratch;
    Book book(25, scratch);
    static_cast<void>(book.apply_and_sum(messages.next(true)));
    for (uint32_t i = 0; i < 100; ++i) {
      const std::string before = text(book);
      const uint64_t sum = book.sum();
      BookMessage message = messages.next(false);
      static_cast<void>(book.apply_and_sum(message));
      ASSERT_TRUE(book.undo());
      ASSERT_EQ(text(book), before) << "seed " << seed << " message " << i;
      ASSERT_EQ(book.sum(), sum) << "seed " << seed << " message " << i;
      ASSERT_EQ(book.apply_and_sum(message), ApplyOutcome::verified);
    }
  }
}

TEST(BookCopyOf, TheDifferenceMakesOneBookOfAnotherAndSaysNothingElse) {
  for (uint64_t seed = 200; seed < 210; ++seed) {
    RandomMessages messages(seed, 25);
    SumScratch scratch;
    Book book(25, scratch);
    core::BookCopy copy(25);
    static_cast<void>(book.apply_and_sum(messages.next(true)));
    copy.take(book);
    Levels told = levels_in(book);
    for (uint32_t i = 0; i < 60; ++i) {
      for (uint32_t missed = 0; missed < i % 5; ++missed) {
        static_cast<void>(book.apply_and_sum(messages.next(false)));
      }
      const auto difference = core::difference(copy, book, scratch);
      for (const BookChange& change : difference) {
        const Levels before = told;
        write(told, change);
        EXPECT_NE(told, before) << "a change that changes nothing, seed " << seed;
      }
      ASSERT_EQ(told, levels_in(book)) << "seed " << seed;
      copy.take(book);
    }
  }
}

}  // namespace
}  // namespace havklo::kraken
