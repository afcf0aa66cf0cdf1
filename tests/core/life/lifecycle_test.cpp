// Method: the lifecycle is a step function, so stories are told as inputs at instants, and a walk
// sends every input into every phase that can be reached and checks the invariants after each step.
#include "core/lifecycle.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "core/life/story.hpp"

namespace havklo::core {
namespace {

std::vector<EventKind> kinds(const std::vector<Event>& events) {
  std::vector<EventKind> result;
  for (const Event& event : events) result.push_back(event.kind);
  return result;
}

using Kinds = std::vector<EventKind>;

TEST(Lifecycle, TellsOneOutageInTheOrderOfTheContract) {
  Story story;
  story.step(InputKind::start);
  story.go_live();
  story.now = story.now + 60_s;
  auto events = story.lose({.reason = Reason::peer_reset});
  ASSERT_EQ(kinds(events), (Kinds{EventKind::disconnected, EventKind::reconnecting}));
  EXPECT_EQ(events[0].payload.disconnected.uptime_ns, (60_s).ns);
  EXPECT_EQ(events[1].payload.reconnecting.attempt, 1U);
  EXPECT_EQ(events[1].payload.reconnecting.delay_ns, (100_ms).ns);
  story.wait();
  events = story.refuse();
  ASSERT_EQ(kinds(events), (Kinds{EventKind::connect_failed, EventKind::reconnecting}));
  EXPECT_EQ(events[0].payload.connect_failed.attempt, 1U);
  EXPECT_EQ(events[1].payload.reconnecting.attempt, 2U);
  EXPECT_EQ(events[1].payload.reconnecting.delay_ns, (200_ms).ns);
  story.wait();
  story.step(InputKind::upgraded);
  events = story.step(Input{.kind = InputKind::greeted});
  ASSERT_EQ(kinds(events), Kinds{EventKind::connected});
  EXPECT_EQ(story.lifecycle().epoch(), 2U);
  events = story.step(Input{.kind = InputKind::restored, .count = 2});
  ASSERT_EQ(kinds(events), Kinds{EventKind::subscriptions_restored});
  EXPECT_EQ(events[0].payload.subscriptions_restored.downtime_ns, (300_ms).ns);
}

TEST(Lifecycle, OpensTheBreakerProbesOnceAndOpensAgainWhenTheProbeFails) {
  Story story;
  story.step(InputKind::start);
  for (int failure = 0; failure < 4; ++failure) {
    story.refuse();
    story.wait();
  }
  auto events = story.refuse();
  ASSERT_EQ(kinds(events), (Kinds{EventKind::connect_failed, EventKind::circuit_breaker_open,
                                  EventKind::reconnecting}));
  EXPECT_EQ(events[1].payload.circuit_breaker.retry_after_ns, (30_s).ns);
  EXPECT_EQ(events[2].payload.reconnecting.waits_for, WaitsFor::breaker);
  EXPECT_EQ(events[2].payload.reconnecting.delay_ns, (30_s).ns);
  EXPECT_EQ(kinds(story.wait()), Kinds{EventKind::circuit_breaker_half_open});
  EXPECT_TRUE(story.lifecycle().is_probing());
  events = story.refuse();
  ASSERT_EQ(kinds(events), (Kinds{EventKind::connect_failed, EventKind::circuit_breaker_open,
                                  EventKind::reconnecting}));
  EXPECT_EQ(events[1].payload.circuit_breaker.trips, 2U);
  story.wait();
  story.step(InputKind::upgraded);
  story.step(Input{.kind = InputKind::greeted});
  EXPECT_EQ(kinds(story.step(InputKind::restored)),
            (Kinds{EventKind::subscriptions_restored, EventKind::circuit_breaker_closed}));
}

TEST(Lifecycle, GivesAProbeThatHangsUpAtItsOwnDeadline) {
  Settings settings;
  settings.circuit_breaker = {.failure_threshold = 1, .half_open_timeout = 2_s};
  Story story(settings);
  story.step(InputKind::start);
  story.refuse();
  story.wait();
  story.now = story.lifecycle().deadline(TimerKind::probe);
  const auto events = story.step(InputKind::probe_deadline);
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0].payload.connect_failed.reason, Reason::probe_timeout);
}

TEST(Lifecycle, MakesExactlyMaxAttempts) {
  Settings settings;
  settings.reconnect.max_attempts = 3;
  Story story(settings);
  story.step(InputKind::start);
  for (uint32_t attempt = 0; attempt < 3; ++attempt) {
    EXPECT_EQ(story.refuse().back().payload.reconnecting.attempt, attempt + 1);
    story.wait();
  }
  const auto events = story.refuse();
  ASSERT_EQ(kinds(events),
            (Kinds{EventKind::connect_failed, EventKind::reconnect_failed, EventKind::closed}));
  EXPECT_EQ(events[1].payload.ended.attempts, 3U);
}

TEST(Lifecycle, KeepsCountingWhenConnectionsDieBeforeTheyAreStable) {
  Story story;
  story.step(InputKind::start);
  for (uint32_t attempt = 1; attempt <= 4; ++attempt) {
    story.go_live();
    story.now = story.now + 1_s;
    EXPECT_EQ(story.lose({.reason = Reason::peer_reset}).back().payload.reconnecting.attempt,
              attempt);
    story.wait();
  }
  story.go_live();
  EXPECT_EQ(story.lose({.reason = Reason::peer_reset})[1].kind, EventKind::circuit_breaker_open);
}

TEST(Lifecycle, ForgetsTheFailuresAfterAStableLife) {
  Story story;
  story.step(InputKind::start);
  story.refuse();
  story.wait();
  story.go_live();
  story.now = story.lifecycle().deadline(TimerKind::stable);
  story.step(InputKind::stable_deadline);
  EXPECT_EQ(story.lifecycle().breaker().failures(), 0U);
  EXPECT_EQ(story.lose({.reason = Reason::peer_reset})[1].payload.reconnecting.attempt, 1U);
}

TEST(Lifecycle, WaitsForWhatTheVenueAsksFor) {
  struct Row {
    Loss loss;
    WaitsFor cause;
    Duration delay;
    bool retryable;
  };
  const Row rows[] = {
      {{.reason = Reason::server_closed, .close_code = 1012}, WaitsFor::maintenance, 5_s, true},
      {{.reason = Reason::server_closed, .close_code = 1013}, WaitsFor::maintenance, 5_s, true},
      {{.reason = Reason::upgrade_refused, .http_status = 503}, WaitsFor::maintenance, 5_s, true},
      {{.reason = Reason::upgrade_refused, .http_status = 503, .retry_after = 7_s},
       WaitsFor::retry_after,
       7_s,
       true},
      {{.reason = Reason::upgrade_refused, .http_status = 429}, WaitsFor::rate_limited, 60_s, true},
      {{.reason = Reason::upgrade_refused, .http_status = 429, .retry_after = 3_s},
       WaitsFor::retry_after,
       3_s,
       true},
      {{.reason = Reason::upgrade_refused, .http_status = 429, .retry_after = 3600_s},
       WaitsFor::retry_after,
       600_s,
       true},
      {{.reason = Reason::upgrade_refused, .http_status = 404}, WaitsFor::backoff, 30_s, false},
      {{.reason = Reason::upgrade_refused, .http_status = 408}, WaitsFor::backoff, 100_ms, true},
      {{.reason = Reason::upgrade_refused, .http_status = 301}, WaitsFor::backoff, 100_ms, true},
      {{.reason = Reason::certificate_refused}, WaitsFor::backoff, 30_s, false},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.loss.http_status + row.loss.close_code);
    Story story;
    story.step(InputKind::start);
    const auto events = story.lose(row.loss);
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(events[0].payload.connect_failed.retryable, row.retryable ? 1 : 0);
    EXPECT_EQ(events[1].payload.reconnecting.waits_for, row.cause);
    EXPECT_EQ(events[1].payload.reconnecting.delay_ns, row.delay.ns);
  }
}

TEST(Lifecycle, WaitsForTheConnectBudget) {
  Settings settings;
  settings.reconnect.connect_budget = 2;
  Story story(settings);
  story.step(InputKind::start);
  story.refuse();
  story.wait();
  const auto events = story.refuse();
  EXPECT_EQ(events[1].payload.reconnecting.waits_for, WaitsFor::budget);
  EXPECT_EQ(events[1].payload.reconnecting.delay_ns, (600_s - 100_ms).ns);
}

TEST(Lifecycle, EndsAfterOneConnectionWithoutReconnect) {
  Settings settings;
  settings.reconnect.enabled = false;
  Story story(settings);
  story.step(InputKind::start);
  story.go_live();
  EXPECT_EQ(kinds(story.lose({.reason = Reason::end_of_stream})),
            (Kinds{EventKind::disconnected, EventKind::closed}));
}

TEST(Lifecycle, ClosesWithinCloseTimeoutWhenThePeerIsDead) {
  Story story;
  story.step(InputKind::start);
  story.go_live();
  EXPECT_TRUE(story.step(InputKind::close_requested).empty());
  EXPECT_EQ(story.lifecycle().deadline(TimerKind::phase), story.now + 1_s);
  story.now = story.now + 1_s;
  EXPECT_EQ(kinds(story.step(InputKind::phase_deadline)),
            (Kinds{EventKind::disconnected, EventKind::closed}));
}

TEST(Lifecycle, BeginsNoAttemptWithoutRoomInTheRing) {
  Story story;
  story.step(InputKind::start);
  const auto events = story.step(
      Input{.kind = InputKind::lost, .room = false, .loss = {.reason = Reason::connect_refused}});
  EXPECT_EQ(events[1].payload.reconnecting.waits_for, WaitsFor::ring);
  story.now = story.lifecycle().deadline(TimerKind::phase);
  story.step(Input{.kind = InputKind::phase_deadline, .room = false});
  EXPECT_EQ(story.lifecycle().phase(), Phase::waiting);
  story.step(InputKind::room);
  EXPECT_EQ(story.lifecycle().phase(), Phase::connecting);
}

// How long that takes nobody knows: it may outlast whatever else there is to wait for.
TEST(Lifecycle, AWaitForRoomIsCalledSoWhateverElseThereIs) {
  Story story;
  story.step(InputKind::start);
  const auto events =
      story.step(Input{.kind = InputKind::lost,
                       .room = false,
                       .loss = {.reason = Reason::upgrade_refused, .http_status = 503}});
  EXPECT_EQ(events.back().payload.reconnecting.waits_for, WaitsFor::ring);
  EXPECT_EQ(events.back().payload.reconnecting.delay_ns, Duration::seconds(5).ns);
}

TEST(Lifecycle, AReconnectCutsABackoffDownToWhatTheVenueAskedFor) {
  Settings settings;
  settings.reconnect.initial_delay = 8_s;
  for (const bool says_when : {false, true}) {
    Story story(settings);
    story.step(InputKind::start);
    Loss loss{.reason = Reason::upgrade_refused, .http_status = 503};
    if (says_when) loss.retry_after = 7_s;
    const Instant lost = story.now;
    const auto events = story.lose(loss);
    ASSERT_EQ(events.back().payload.reconnecting.waits_for, WaitsFor::backoff);
    story.now = story.now + 1_s;
    story.step(InputKind::reconnect_requested);
    EXPECT_EQ(story.lifecycle().phase(), Phase::waiting);
    EXPECT_EQ(story.lifecycle().deadline(TimerKind::phase), lost + (says_when ? 7_s : 5_s));
    story.wait();
    EXPECT_EQ(story.lifecycle().phase(), Phase::connecting);
  }
}

TEST(Lifecycle, RetryAfterIsObeyedOf429And503Alone) {
  for (const uint16_t status : {uint16_t{429}, uint16_t{503}, uint16_t{520}, uint16_t{403}}) {
    Story story;
    story.step(InputKind::start);
    const auto events =
        story.lose({.reason = Reason::upgrade_refused, .http_status = status, .retry_after = 45_s});
    const bool obeyed = status == 429 || status == 503;
    EXPECT_EQ(events.back().payload.reconnecting.waits_for == WaitsFor::retry_after, obeyed)
        << status;
  }
}

TEST(Lifecycle, TheFirstDelayIsOfAttempt1AfterALifeAndOfNoOther) {
  Settings settings;
  settings.reconnect.first_delay = 7_ms;
  settings.reconnect.jitter = Jitter::full;
  settings.reconnect.initial_delay = settings.reconnect.max_delay = 30_s;
  Story story(settings);
  const auto delay_of = [](const std::vector<Event>& events) {
    EXPECT_EQ(events.back().payload.reconnecting.waits_for, WaitsFor::backoff);
    return Duration{events.back().payload.reconnecting.delay_ns};
  };
  story.step(InputKind::start);
  EXPECT_NE(delay_of(story.refuse()), 7_ms);  // there was no life before
  story.wait();
  story.go_live();
  story.now = story.now + 6_s;
  EXPECT_EQ(delay_of(story.lose({.reason = Reason::peer_reset})), 7_ms);
  story.wait();
  EXPECT_NE(delay_of(story.refuse()), 7_ms);
  story.wait();
  story.go_live();
  story.now = story.now + 1_s;
  EXPECT_NE(delay_of(story.lose({.reason = Reason::peer_reset})), 7_ms);  // a short one: attempt 3
}

// The venue's wishes and the budget are floors under it, too; what no retry mends waits max_delay.
TEST(Lifecycle, TheFirstDelayShortensNothingThatOthersAskFor) {
  Settings settings;
  settings.reconnect.first_delay = Duration{};
  Story story(settings);
  story.step(InputKind::start);
  story.go_live();
  story.now = story.now + 6_s;
  auto events = story.lose({.reason = Reason::server_closed, .close_code = 1012});
  EXPECT_EQ(events.back().payload.reconnecting.waits_for, WaitsFor::maintenance);
  EXPECT_EQ(events.back().payload.reconnecting.delay_ns, settings.reconnect.maintenance_delay.ns);
  story.wait();
  story.go_live();
  story.now = story.now + 6_s;
  events = story.lose({.reason = Reason::certificate_refused});
  EXPECT_EQ(events.back().payload.reconnecting.delay_ns, settings.reconnect.max_delay.ns);
}

// Every input into every phase, over seeded walks: the invariants hold after each step (Story::step
// checks them), at most one breaker event comes from a step, and Closed is the end.
TEST(Lifecycle, KeepsItsInvariantsUnderEveryInputInEveryPhase) {
  std::array<std::array<bool, input_kind_count>, phase_count> seen{};
  for (uint64_t seed = 1; seed <= 4000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Settings settings;
    settings.circuit_breaker.failure_threshold = 2;
    settings.reconnect.jitter = Jitter::full;
    Story story(settings);
    for (int step = 0; step < 200; ++step) {
      // Close rarely, or nothing else would be seen.
      auto kind = static_cast<InputKind>(random.below(input_kind_count));
      if (kind == InputKind::close_requested && random.below(10) != 0) kind = InputKind::upgraded;
      Input input{.kind = kind, .room = random.below(8) != 0};
      input.loss.reason = static_cast<Reason>(1 + random.below(reason_count - 1));
      const Phase before = story.lifecycle().phase();
      seen[static_cast<uint8_t>(before)][static_cast<uint8_t>(kind)] = true;
      const Instant deadline = story.lifecycle().deadline(TimerKind::phase);
      if (kind == InputKind::phase_deadline) {
        if (deadline == Instant::never()) continue;
        // The wheel fires the breaker's first: it was armed first, for no later.
        const Instant breaker = story.lifecycle().deadline(TimerKind::breaker);
        ASSERT_TRUE(breaker == Instant::never() || breaker <= deadline);
        if (breaker != Instant::never()) continue;
        story.now = std::max(story.now, deadline);
      }
      if (kind == InputKind::breaker_deadline) {
        if (story.lifecycle().deadline(TimerKind::breaker) == Instant::never()) continue;
        story.now = std::max(story.now, story.lifecycle().deadline(TimerKind::breaker));
      }
      uint32_t breaker_events = 0;
      for (const Event& event : story.step(input)) {
        breaker_events += event.kind == EventKind::circuit_breaker_open ||
                                  event.kind == EventKind::circuit_breaker_half_open ||
                                  event.kind == EventKind::circuit_breaker_closed
                              ? 1
                              : 0;
        ASSERT_NE(before, Phase::closed);
      }
      ASSERT_LE(breaker_events, 1U);
    }
  }
  for (uint8_t phase = 0; phase < phase_count; ++phase) {
    for (uint8_t kind = 0; kind < input_kind_count; ++kind) {
      EXPECT_TRUE(seen[phase][kind]) << int{phase} << " never met " << int{kind};
    }
  }
}

}  // namespace
}  // namespace havklo::core
