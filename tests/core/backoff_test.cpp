// Method: the series of the settings table by value; the jitters by their bounds over many seeded
// draws.
#include <gtest/gtest.h>

#include <algorithm>
#include <havklo/backoff.hpp>

namespace havklo {
namespace {

TEST(Backoff, DoublesUpToTheCap) {
  Backoff backoff({});
  Random random(1);
  const Duration expected[] = {100_ms,  200_ms,   400_ms,   800_ms, 1600_ms, 3200_ms,
                               6400_ms, 12800_ms, 25600_ms, 30_s,   30_s};
  uint32_t attempt = 0;
  for (const Duration delay : expected) EXPECT_EQ(backoff.next(++attempt, random), delay);
  EXPECT_EQ(backoff.next(4'000'000'000U, random), 30_s);
}

TEST(Backoff, StaysConstantWithMultiplierOneWithoutCountingToTheAttempt) {
  Backoff backoff({.initial_delay = 100_ms, .multiplier = 1.0});
  Random random(1);
  EXPECT_EQ(backoff.next(4'000'000'000U, random), 100_ms);
}

TEST(Backoff, KeepsFullJitterWithinTheSeries) {
  Backoff backoff({.jitter = Jitter::full});
  Random random(7);
  bool above_half = false;
  for (int draw = 0; draw < 1000; ++draw) {
    const Duration delay = backoff.next(3, random);
    EXPECT_GE(delay, Duration{});
    EXPECT_LE(delay, 400_ms);
    above_half = above_half || delay > 200_ms;
  }
  EXPECT_TRUE(above_half);
}

TEST(Backoff, KeepsDecorrelatedJitterBetweenInitialThreePreviousAndTheCap) {
  Backoff backoff({.max_delay = 2_s, .jitter = Jitter::decorrelated});
  Random random(7);
  Duration previous = 100_ms;
  for (uint32_t attempt = 1; attempt < 1000; ++attempt) {
    const Duration delay = backoff.next(attempt, random);
    EXPECT_GE(delay, 100_ms);
    EXPECT_LE(delay, std::min(2_s, previous * 3));
    previous = delay;
  }
  backoff.reset();
  EXPECT_LE(backoff.next(1, random), 300_ms);
}

TEST(Backoff, DecorrelatedJitterGrowsFromWhatItDrewLastUntilItIsReset) {
  Random random(7);
  Backoff backoff({.max_delay = 1000_s, .jitter = Jitter::decorrelated});
  Duration longest;
  for (uint32_t attempt = 1; attempt < 100; ++attempt) {
    longest = std::max(longest, backoff.next(attempt, random));
  }
  EXPECT_GT(longest, 900_ms);  // three times as long as the longest first one
  for (int series = 0; series < 100; ++series) {
    backoff.reset();
    EXPECT_LE(backoff.next(1, random), 300_ms);
  }
}

TEST(Backoff, DrawsTheSameFromTheSameSeed) {
  Backoff one({.jitter = Jitter::full});
  Backoff two({.jitter = Jitter::full});
  Random random_one(42);
  Random random_two(42);
  for (uint32_t attempt = 1; attempt < 50; ++attempt) {
    EXPECT_EQ(one.next(attempt, random_one), two.next(attempt, random_two));
  }
}

}  // namespace
}  // namespace havklo
