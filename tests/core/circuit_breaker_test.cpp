// Method: the breaker is a value and time is passed in, so every state meets every input in a
// table, and the lessons of other clients are single stories.
#include <gtest/gtest.h>

#include <havklo/circuit_breaker.hpp>

namespace havklo {
namespace {

constexpr CircuitBreakerSettings settings{.failure_threshold = 2,
                                          .reset_timeout = Duration::seconds(30)};

CircuitBreaker in_state(BreakerState state) {
  CircuitBreaker breaker(settings);
  if (state == BreakerState::closed) return breaker;
  breaker.record_failure(Instant{0});
  breaker.record_failure(Instant{0});
  if (state == BreakerState::half_open) breaker.on_reset_timer(Instant{} + 30_s);
  return breaker;
}

TEST(CircuitBreaker, AnswersEveryInputInEveryState) {
  struct Row {
    BreakerState state;
    BreakerTransition failure, live, timer;
    bool admits;
  };
  constexpr auto none = BreakerTransition::none;
  const Row rows[] = {
      {BreakerState::closed, none, none, none, true},
      {BreakerState::open, none, BreakerTransition::closed, BreakerTransition::half_opened, false},
      {BreakerState::half_open, BreakerTransition::opened, BreakerTransition::closed, none, true},
  };
  const Instant later = Instant{} + 30_s;
  for (const Row& row : rows) {
    EXPECT_EQ(in_state(row.state).state(), row.state);
    EXPECT_EQ(in_state(row.state).record_failure(later), row.failure);
    EXPECT_EQ(in_state(row.state).record_live(), row.live);
    EXPECT_EQ(in_state(row.state).on_reset_timer(later), row.timer);
    EXPECT_EQ(in_state(row.state).on_reset_timer(later - 1_ns), BreakerTransition::none);
    EXPECT_EQ(in_state(row.state).admit(later), row.admits);
    // Neither a stable life nor a probe without a verdict moves a breaker to another state.
    CircuitBreaker stable = in_state(row.state);
    stable.record_stable();
    EXPECT_EQ(stable.state(), row.state);
    stable.check_invariants();
    CircuitBreaker abandoned = in_state(row.state);
    static_cast<void>(abandoned.admit(later));
    abandoned.abandon_probe();
    EXPECT_EQ(abandoned.state(), row.state);
    EXPECT_FALSE(abandoned.probe_in_flight());
    abandoned.check_invariants();
  }
}

TEST(CircuitBreaker, OpensAtTheThresholdAndSaysSoOnce) {
  CircuitBreaker breaker(settings);
  EXPECT_EQ(breaker.record_failure(Instant{1}), BreakerTransition::none);
  EXPECT_EQ(breaker.record_failure(Instant{2}), BreakerTransition::opened);
  EXPECT_EQ(breaker.record_failure(Instant{3}), BreakerTransition::none);
  EXPECT_EQ(breaker.trips(), 1U);
  EXPECT_EQ(breaker.next_deadline(), Instant{2} + 30_s);
}

TEST(CircuitBreaker, BecomesHalfOpenAtTheDeadlineAndNotBefore) {
  CircuitBreaker breaker = in_state(BreakerState::open);
  EXPECT_EQ(breaker.on_reset_timer(Instant{} + 30_s - 1_ns), BreakerTransition::none);
  EXPECT_EQ(breaker.on_reset_timer(Instant{} + 30_s), BreakerTransition::half_opened);
}

TEST(CircuitBreaker, AdmitsOneProbeUntilItEnds) {
  CircuitBreaker breaker = in_state(BreakerState::half_open);
  EXPECT_TRUE(breaker.admit(Instant{}));
  EXPECT_FALSE(breaker.admit(Instant{}));
  breaker.abandon_probe();
  EXPECT_TRUE(breaker.admit(Instant{}));
}

TEST(CircuitBreaker, CountsATripForAFailedProbeAndGivesThePermitBack) {
  CircuitBreaker breaker = in_state(BreakerState::half_open);
  EXPECT_TRUE(breaker.admit(Instant{}));
  EXPECT_EQ(breaker.record_failure(Instant{} + 31_s), BreakerTransition::opened);
  EXPECT_EQ(breaker.trips(), 2U);
  EXPECT_EQ(breaker.on_reset_timer(Instant{} + 61_s), BreakerTransition::half_opened);
  EXPECT_TRUE(breaker.admit(Instant{} + 61_s));
}

TEST(CircuitBreaker, ForgivesFailuresOnlyAfterAStableLife) {
  CircuitBreaker breaker(settings);
  breaker.record_failure(Instant{});
  breaker.record_live();
  EXPECT_EQ(breaker.failures(), 1U);
  breaker.record_stable();
  EXPECT_EQ(breaker.failures(), 0U);
}

}  // namespace
}  // namespace havklo
