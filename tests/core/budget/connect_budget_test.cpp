// Method: random bookings and cancellations, and after each the rule itself counted out: no window
// holds too many.
#include <gtest/gtest.h>

#include <havklo/connect_budget.hpp>
#include <havklo/random.hpp>
#include <vector>

namespace havklo {
namespace {

TEST(ConnectBudget, LetsTheFirstAttemptsBeginAtOnceAndTheNextWhenTheOldestIsForgotten) {
  ConnectBudget budget({.attempts = 3, .window = 10_s}, 1);
  for (int64_t second = 0; second < 3; ++second) {
    const Instant now = Instant{} + Duration::seconds(second);
    EXPECT_EQ(budget.reserve(now, now), now);
  }
  const Instant now = Instant{} + 3_s;
  EXPECT_EQ(budget.reserve(now, now), Instant{} + 10_s);
}

TEST(ConnectBudget, GivesACancelledPlaceToTheNext) {
  ConnectBudget budget({.attempts = 1, .window = 10_s}, 1);
  EXPECT_EQ(budget.reserve(Instant{}, Instant{}), Instant{});
  const Instant booked = budget.reserve(Instant{} + 1_s, Instant{} + 1_s);
  EXPECT_EQ(booked, Instant{} + 10_s);
  budget.cancel(booked);
  EXPECT_EQ(budget.reserve(Instant{} + 2_s, Instant{} + 2_s), Instant{} + 10_s);
}

TEST(ConnectBudget, APlaceMovesUpAndNeverBack) {
  ConnectBudget budget({.attempts = 2, .window = 10_s}, 3);
  static_cast<void>(budget.reserve(Instant{}, Instant{}));
  const Instant booked = budget.reserve(Instant{} + 9_s, Instant{});
  EXPECT_EQ(budget.move_up(booked, Instant{} + 2_s, Instant{} + 2_s), Instant{} + 2_s);
  EXPECT_EQ(budget.booked(), 2u);
  // A turn that came late has begun two where one was booked: no place is as soon as the old one.
  ConnectBudget full({.attempts = 2, .window = 10_s}, 3);
  const Instant first = full.reserve(Instant{}, Instant{});
  const Instant second = full.reserve(Instant{} + 1_s, Instant{});
  const Instant third = full.reserve(Instant{} + 2_s, Instant{});
  EXPECT_EQ(third, Instant{} + 10_s);
  EXPECT_EQ(full.begin(first, Instant{} + 3_s), Instant{} + 3_s);
  EXPECT_EQ(full.begin(second, Instant{} + 3_s), Instant{} + 3_s);
  EXPECT_EQ(full.move_up(third, Instant{} + 4_s, Instant{} + 4_s), third);
  EXPECT_EQ(full.booked(), 3u);
}

// Found by havklo sim: turns that come late begin attempts late, and the next place was reckoned
// from the booking.
TEST(ConnectBudget, AnAttemptThatBeginsLateMovesItsPlace) {
  ConnectBudget budget({.attempts = 1, .window = 10_s}, 1);
  const Instant booked = budget.reserve(Instant{}, Instant{});
  const Instant late = Instant{} + 8_s;
  EXPECT_EQ(budget.begin(booked, late), late);
  EXPECT_EQ(budget.reserve(late, late), late + 10_s);
}

TEST(ConnectBudget, AnAttemptWaitsOnWhenAnotherBeganLate) {
  ConnectBudget budget({.attempts = 1, .window = 10_s}, 2);
  const Instant first = budget.reserve(Instant{}, Instant{});
  const Instant second = budget.reserve(Instant{}, Instant{});
  EXPECT_EQ(second, Instant{} + 10_s);
  const Instant late = Instant{} + 8_s;
  EXPECT_EQ(budget.begin(first, late), late);
  EXPECT_EQ(budget.begin(second, second), late + 10_s);
}

TEST(ConnectBudget, APlaceThatIsLongGoneNeedsNoGivingBack) {
  ConnectBudget budget({.attempts = 2, .window = 10_s}, 2);
  const Instant place = budget.reserve(Instant{}, Instant{});
  static_cast<void>(budget.reserve(Instant{} + 60_s, Instant{} + 60_s));
  budget.cancel(place);
  EXPECT_EQ(budget.booked(), 1u);
}

TEST(ConnectBudget, WhatHasBegunIsForgottenAfterAWindowAndNotBefore) {
  ConnectBudget budget({.attempts = 1, .window = 10_s}, 2);
  EXPECT_EQ(budget.begin(budget.reserve(Instant{}, Instant{}), Instant{}), Instant{});
  const Instant almost = Instant{} + 10_s - 1_ns;
  const Instant place = budget.reserve(almost, almost);
  EXPECT_EQ(place, Instant{} + 10_s);
  budget.cancel(place);
  EXPECT_EQ(budget.reserve(Instant{} + 10_s, Instant{} + 10_s), Instant{} + 10_s);
  EXPECT_EQ(budget.booked(), 1u);
}

TEST(ConnectBudget, NeverHoldsMoreThanTheBudgetInAnyWindow) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const auto attempts = static_cast<uint32_t>(1 + random.below(4));
    ConnectBudget budget({.attempts = attempts, .window = Duration{100}}, 4);
    Instant now{};
    std::vector<Instant> places;
    for (int step = 0; step < 100; ++step) {
      now = now + Duration{static_cast<int64_t>(random.below(120))};
      const Instant earliest = now + Duration{static_cast<int64_t>(random.below(150))};
      size_t waiting = 0;
      for (const Instant place : places) waiting += place > now ? 1 : 0;
      if (waiting >= 4) continue;
      const Instant place = budget.reserve(earliest, now);
      ASSERT_GE(place, earliest);
      places.push_back(place);
      for (const Instant end : places) {
        uint32_t within = 0;
        for (const Instant other : places) {
          within += other <= end && other > end - Duration{100} ? 1 : 0;
        }
        ASSERT_LE(within, attempts);
      }
    }
  }
}

}  // namespace
}  // namespace havklo
