// The parts that several legs are made one feed with, each alone: what was published of a book, of
// trades, and who is behind.
#include <gtest/gtest.h>

#include <havklo/random.hpp>
#include <set>
#include <string>
#include <vector>

#include "core/legs/behind.hpp"
#include "core/legs/merged_trades.hpp"
#include "core/legs/published_book.hpp"
#include "core/legs/trade_holes.hpp"
#include "kraken/book.hpp"

namespace havklo::core {
namespace {

using namespace havklo::literals;

constexpr Instant at{1'000'000'000};

// --- Behind

TEST(Behind, CountsFromTheFirstThatItHasNot) {
  Behind behind;
  EXPECT_EQ(behind.since(), Instant::never());
  behind.see(5, at);
  behind.see(9, at + 1_s);
  EXPECT_EQ(behind.since(), at);
}

TEST(Behind, ReachingTheMarkWithoutAllGivesTheNextMark) {
  Behind behind;
  behind.see(5, at);
  behind.advance(4, 9, at + 1_s);
  EXPECT_EQ(behind.since(), at);
  behind.advance(5, 9, at + 2_s);
  EXPECT_EQ(behind.since(), at + 2_s);
  behind.advance(9, 9, at + 3_s);
  EXPECT_EQ(behind.since(), Instant::never());
}

// --- TradeHoles

[[nodiscard]] std::string text(TradeHoles& holes) {
  std::string all;
  for (const TradeHoles::Hole& hole : holes.all()) {
    all += std::to_string(hole.first) + "-" + std::to_string(hole.last) + (hole.due ? "! " : " ");
  }
  return all;
}

TEST(TradeHolesOf, AreFilledFromAnySide) {
  TradeHoles holes;
  holes.add({5, 9, at, false});
  EXPECT_TRUE(holes.fill(5));
  EXPECT_TRUE(holes.fill(9));
  EXPECT_TRUE(holes.fill(7));
  EXPECT_EQ(text(holes), "6-6 8-8 ");
  EXPECT_FALSE(holes.fill(7));
  EXPECT_FALSE(holes.fill(10));
  EXPECT_TRUE(holes.fill(6));
  EXPECT_TRUE(holes.fill(8));
  EXPECT_TRUE(holes.empty());
}

TEST(TradeHolesOf, AreKeptInOrderAndJoinOnlyWhenBothAreDue) {
  TradeHoles holes;
  holes.add({9, 9, at, true});
  holes.add({4, 4, at, false});
  holes.add({5, 5, at, false});
  holes.add({10, 12, at, true});
  EXPECT_EQ(text(holes), "4-4 5-5 9-12! ");
}

TEST(TradeHolesOf, TheTwoOldestBecomeOneWhenThereAreTooMany) {
  TradeHoles holes;
  for (uint64_t i = 0; i < TradeHoles::capacity; ++i)
    holes.add({10 * i + 1, 10 * i + 1, at, false});
  holes.add({1'000, 1'000, at, false});
  EXPECT_EQ(holes.all().size(), TradeHoles::capacity);
  EXPECT_EQ(holes.all()[0].first, 1U);
  EXPECT_EQ(holes.all()[0].last, 11U);
  EXPECT_TRUE(holes.all()[0].due);
  EXPECT_EQ(holes.all().back().first, 1'000U);
}

// The second half of the oldest finds no place: it lies in what the two oldest become.
TEST(TradeHolesOf, OneThatIsFilledInTwoWhenThereAreTooManyIsNamedOnce) {
  TradeHoles holes;
  holes.add({1, 9, at, false});
  for (uint64_t i = 1; i < TradeHoles::capacity; ++i) holes.add({10 * i, 10 * i, at, false});
  EXPECT_TRUE(holes.fill(5));
  EXPECT_EQ(holes.all()[0].first, 1U);
  EXPECT_EQ(holes.all()[0].last, 10U);
  EXPECT_EQ(holes.all()[1].first, 20U);
  EXPECT_EQ(holes.all().size(), TradeHoles::capacity - 1);
}

// Against a set of ids: as long as there is room, the holes are exactly those.
TEST(TradeHolesOf, AreWhatASetOfIdsIs) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    Random random(seed);
    TradeHoles holes;
    std::set<uint64_t> missing;
    uint64_t next = 1;
    for (uint32_t step = 0; step < 200 && holes.all().size() < TradeHoles::capacity; ++step) {
      if (holes.all().size() < TradeHoles::capacity - 2 && random.below(2) == 0) {
        const uint64_t count = 1 + random.below(6);
        holes.add({next, next + count - 1, at, random.below(2) == 0});
        for (uint64_t id = next; id < next + count; ++id) missing.insert(id);
        next += count + random.below(3);
      } else {
        const uint64_t id = 1 + random.below(next);
        EXPECT_EQ(holes.fill(id), missing.erase(id) == 1) << "seed " << seed;
      }
      std::set<uint64_t> kept;
      uint64_t last = 0;
      for (const TradeHoles::Hole& hole : holes.all()) {
        EXPECT_GT(hole.first, last);
        EXPECT_GE(hole.last, hole.first);
        last = hole.last;
        for (uint64_t id = hole.first; id <= hole.last; ++id) kept.insert(id);
      }
      ASSERT_EQ(kept, missing) << "seed " << seed;
    }
  }
}

// --- MergedTrades

using Fate = MergedTrades::Fate;

TEST(MergedTradesOf, TheFirstSnapshotIsDroppedWholeAndLaterOnesAreLate) {
  MergedTrades trades;
  const TradeArrival first{.of_snapshot = true, .message = 1};
  EXPECT_EQ(trades.take(0, 5, 1, first, at), Fate::drop);
  EXPECT_EQ(trades.take(0, 6, 1, first, at), Fate::drop);
  EXPECT_EQ(trades.take(1, 6, 1, {.of_snapshot = true, .message = 1}, at), Fate::drop);
  EXPECT_EQ(trades.take(1, 7, 1, {.of_snapshot = true, .message = 1}, at), Fate::late);
  EXPECT_EQ(trades.last(), 7U);
}

TEST(MergedTradesOf, ASkippedIdIsAHoleThatALaterCopyFillsAsLate) {
  MergedTrades trades;
  EXPECT_EQ(trades.take(0, 5, 1, {}, at), Fate::deliver);
  EXPECT_EQ(trades.take(0, 8, 2, {}, at), Fate::deliver);
  EXPECT_EQ(text(trades.holes()), "6-7 ");
  EXPECT_EQ(trades.take(1, 7, 2, {}, at), Fate::late);
  EXPECT_EQ(trades.take(1, 7, 2, {}, at), Fate::drop);
  EXPECT_EQ(trades.take(1, 8, 2, {}, at), Fate::drop);
  EXPECT_EQ(text(trades.holes()), "6-6 ");
}

TEST(MergedTradesOf, ASmallerIdOfALaterTimeBeginsTheNumbersAnewAndHolesAreDue) {
  MergedTrades trades;
  EXPECT_EQ(trades.take(0, 5, 1, {}, at), Fate::deliver);
  EXPECT_EQ(trades.take(0, 8, 2, {}, at), Fate::deliver);
  EXPECT_EQ(trades.take(0, 3, 3, {}, at), Fate::deliver);
  EXPECT_EQ(text(trades.holes()), "6-7! ");
  EXPECT_EQ(trades.passed(0), 3U);
  EXPECT_EQ(trades.take(1, 8, 2, {}, at), Fate::drop);
  EXPECT_EQ(trades.take(1, 4, 3, {}, at), Fate::deliver);
}

// --- PublishedBook

using Verdict = PublishedBook::Verdict;

class PublishedBookOf : public testing::Test {
 protected:
  Verdict say(uint32_t leg, uint64_t sum, int64_t time, bool is_snapshot = false) {
    const Verdict verdict = book_.judge(leg, sum, time, is_snapshot);
    const bool leaves =
        verdict == Verdict::begins || verdict == Verdict::passes || verdict == Verdict::reconciles;
    if (leaves) book_.published(leg);
    return verdict;
  }

  kraken::BookScratch scratch_;
  kraken::Book copy_{10, scratch_};
  PublishedBook book_{10};
};

TEST_F(PublishedBookOf, TheFirstBeginsTheSameIsKnownAnExtensionPasses) {
  EXPECT_EQ(say(0, 1, 10), Verdict::begins);
  EXPECT_EQ(say(1, 1, 10), Verdict::known);
  EXPECT_EQ(say(1, 2, 10), Verdict::passes);
  EXPECT_EQ(say(0, 2, 10), Verdict::known);
  EXPECT_EQ(say(1, 3, 5), Verdict::passes) << "the leader's next always passes";
}

TEST_F(PublishedBookOf, ALaterStateReconcilesAndAnEqualOrEarlierOneWaits) {
  EXPECT_EQ(say(0, 1, 10), Verdict::begins);
  EXPECT_EQ(say(1, 7, 9), Verdict::waits);
  EXPECT_EQ(say(1, 8, 10), Verdict::waits);
  EXPECT_EQ(say(1, 9, 0), Verdict::waits);
  EXPECT_EQ(say(1, 10, 11), Verdict::reconciles);
}

TEST_F(PublishedBookOf, ASnapshotExtendsNothing) {
  EXPECT_EQ(say(0, 1, 10), Verdict::begins);
  EXPECT_EQ(say(1, 1, 10), Verdict::known);
  EXPECT_EQ(say(1, 2, 10, true), Verdict::waits);
}

TEST_F(PublishedBookOf, AnExtensionOfThePastWaits) {
  EXPECT_EQ(say(0, 1, 10), Verdict::begins);
  EXPECT_EQ(say(1, 1, 9), Verdict::known);
  EXPECT_EQ(say(1, 2, 9), Verdict::waits);
}

TEST_F(PublishedBookOf, AnEqualSurvivorLeadsAndOneThatIsBehindDoesNot) {
  EXPECT_EQ(say(0, 1, 10), Verdict::begins);
  EXPECT_EQ(say(1, 5, 9), Verdict::waits);
  EXPECT_EQ(say(2, 1, 10), Verdict::known);
  book_.lose(0, &copy_);
  EXPECT_EQ(book_.best(), 2U);
  EXPECT_EQ(say(2, 2, 5), Verdict::passes);
  book_.lose(2, &copy_);
  EXPECT_EQ(say(1, 6, 4), Verdict::waits);
  EXPECT_EQ(say(1, 7, 11), Verdict::reconciles);
}

TEST_F(PublishedBookOf, WithoutTimesASurvivorsNextStateIsTheOnlyWord) {
  EXPECT_EQ(say(0, 1, 0), Verdict::begins);
  EXPECT_EQ(say(1, 5, 0), Verdict::waits);
  book_.lose(0, &copy_);
  EXPECT_EQ(say(1, 6, 0), Verdict::reconciles);
}

TEST_F(PublishedBookOf, BestIsTheLeaderElseTheLatest) {
  EXPECT_EQ(say(0, 1, 10), Verdict::begins);
  EXPECT_EQ(say(1, 5, 7), Verdict::waits);
  EXPECT_EQ(say(2, 6, 8), Verdict::waits);
  EXPECT_EQ(book_.best(), 0U);
  book_.lose(0, &copy_);
  EXPECT_EQ(book_.best(), 2U);
}

TEST_F(PublishedBookOf, IsBehindWhoIsDifferentAndEarlierUntilItIsEqual) {
  EXPECT_EQ(say(0, 1, 10), Verdict::begins);
  EXPECT_EQ(say(1, 1, 10), Verdict::known);
  EXPECT_EQ(say(0, 2, 20), Verdict::passes);
  EXPECT_EQ(book_.see_behind(at), 0b10U);
  EXPECT_EQ(book_.behind(1).since(), at);
  EXPECT_EQ(book_.behind(0).since(), Instant::never());
  EXPECT_EQ(say(1, 2, 20), Verdict::known);
  static_cast<void>(book_.see_advance(1, at + 1_s));
  EXPECT_EQ(book_.behind(1).since(), Instant::never());
}

}  // namespace
}  // namespace havklo::core
