// What a lifecycle has to forget, and by which door: each state is looked at behind the door that
// clears it, behind those that must not, and in time (replay/observer/INVARIANTS.md has the list).
#include <gtest/gtest.h>

#include <array>
#include <havklo/backoff.hpp>

#include "core/life/story.hpp"

namespace havklo::core {
namespace {

using namespace havklo::literals;

const Event::Reconnecting& wait_in(const std::vector<Event>& events) {
  EXPECT_EQ(events.back().kind, EventKind::reconnecting);
  return events.back().payload.reconnecting;
}

Settings without_breaker() {
  Settings settings;
  settings.circuit_breaker.enabled = false;
  return settings;
}

// Lives of `lasting`, each lost and come back from; gives the attempt that each announced.
std::vector<uint32_t> attempts_of_lives(Story& story, Duration lasting, int lives) {
  std::vector<uint32_t> attempts;
  for (int life = 0; life < lives; ++life) {
    story.go_live();
    story.now = story.now + lasting;
    attempts.push_back(wait_in(story.lose({.reason = Reason::peer_reset})).attempt);
    story.wait();
  }
  return attempts;
}

TEST(Forgetting, AStableLifeForgetsTheAttemptsAndNoShorterOneDoes) {
  Story story(without_breaker());
  story.step(InputKind::start);
  EXPECT_EQ(attempts_of_lives(story, 5_s - 1_ns, 3), (std::vector<uint32_t>{1, 2, 3}));
  EXPECT_EQ(attempts_of_lives(story, 5_s, 2), (std::vector<uint32_t>{1, 1}));
  EXPECT_EQ(attempts_of_lives(story, 1_s, 1), (std::vector<uint32_t>{2}));
}

TEST(Forgetting, ALifeIsReckonedFromItsOwnAllClear) {
  Story story(without_breaker());
  story.step(InputKind::start);
  story.refuse();
  story.wait();
  story.step(InputKind::upgraded);
  story.step(InputKind::greeted);
  story.now = story.now + 20_s;  // restoring takes its time
  story.step(InputKind::restored);
  story.now = story.now + 1_s;
  EXPECT_EQ(wait_in(story.lose({.reason = Reason::peer_reset})).attempt, 2U);
}

TEST(Forgetting, NeitherReconnectNorTheGreetingForgetsTheAttempts) {
  Story story(without_breaker());
  story.step(InputKind::start);
  story.refuse();
  story.wait();
  story.refuse();
  story.step(InputKind::reconnect_requested);
  story.go_live();
  EXPECT_EQ(wait_in(story.step(InputKind::reconnect_requested)).attempt, 3U);
}

// The draws are compared with those of a backoff of its own, from the same seed.
TEST(Forgetting, TheDelayDrawnLastIsForgottenAfterAStableLifeAndNotBefore) {
  Settings settings = without_breaker();
  settings.reconnect.jitter = Jitter::decorrelated;
  Story story(settings);
  Random random(1);
  Backoff backoff(settings.reconnect.backoff());
  story.step(InputKind::start);
  const auto next = [&](uint32_t attempt) { return backoff.next(attempt, random).ns; };
  uint32_t attempt = 0;
  for (int round = 0; round < 8; ++round) {
    ++attempt;
    EXPECT_EQ(wait_in(story.refuse()).delay_ns, next(attempt));
    story.wait();
  }
  story.go_live();  // alive, and not for long
  story.now = story.now + 1_s;
  ++attempt;
  EXPECT_EQ(wait_in(story.lose({.reason = Reason::peer_reset})).delay_ns, next(attempt));
  story.wait();
  story.go_live();
  story.now = story.lifecycle().deadline(TimerKind::stable);
  story.step(InputKind::stable_deadline);
  backoff.reset();
  EXPECT_EQ(wait_in(story.lose({.reason = Reason::peer_reset})).delay_ns, next(1));
}

TEST(Forgetting, MaintenanceIsOverAtTheAllClearAndNotAtTheGreeting) {
  Story story(without_breaker());
  story.step(InputKind::start);
  story.lose({.reason = Reason::upgrade_refused, .http_status = 503});
  story.wait();
  EXPECT_EQ(wait_in(story.refuse()).waits_for, WaitsFor::maintenance);
  story.wait();
  story.step(InputKind::upgraded);
  story.step(Input{.kind = InputKind::greeted, .system = SystemStatus::online});
  EXPECT_EQ(wait_in(story.lose({.reason = Reason::peer_reset})).waits_for, WaitsFor::maintenance);
  story.wait();
  story.go_live();
  EXPECT_EQ(wait_in(story.lose({.reason = Reason::peer_reset})).waits_for, WaitsFor::backoff);
}

TEST(Forgetting, WhatAStatusSaidHoldsUntilTheNextAndForItsOwnConnection) {
  Story story(without_breaker());
  story.step(InputKind::start);
  story.go_live();
  story.step(Input{.kind = InputKind::status_changed, .system = SystemStatus::maintenance});
  story.step(Input{.kind = InputKind::status_changed, .system = SystemStatus::online});
  EXPECT_EQ(story.lose({.reason = Reason::peer_reset})[0].payload.disconnected.reason,
            Reason::peer_reset);
  story.wait();
  story.go_live();
  story.step(Input{.kind = InputKind::status_changed, .system = SystemStatus::maintenance});
  EXPECT_EQ(story.lose({.reason = Reason::peer_reset})[0].payload.disconnected.reason,
            Reason::maintenance);
  story.wait();
  EXPECT_EQ(story.refuse()[0].payload.connect_failed.reason, Reason::connect_refused);
}

TEST(Forgetting, RetryAfterAndTheRateLimitHoldForOneWait) {
  Story story(without_breaker());
  story.step(InputKind::start);
  story.lose({.reason = Reason::upgrade_refused, .http_status = 429, .retry_after = 7_s});
  story.wait();
  EXPECT_EQ(wait_in(story.refuse()).delay_ns, (200_ms).ns);
  story.wait();
  story.lose({.reason = Reason::upgrade_refused, .http_status = 429});
  story.wait();
  EXPECT_EQ(wait_in(story.refuse()).delay_ns, (800_ms).ns);
}

TEST(Forgetting, ReconnectCutsABackoffShortAndNotWhatTheVenueAskedFor) {
  Settings settings = without_breaker();
  settings.reconnect.initial_delay = 20_s;
  Story story(settings);
  story.step(InputKind::start);
  const Instant lost = story.now;
  const auto events = story.lose({.reason = Reason::upgrade_refused, .http_status = 503});
  EXPECT_EQ(wait_in(events).waits_for, WaitsFor::backoff);
  EXPECT_EQ(wait_in(events).delay_ns, (20_s).ns);
  story.now = lost + 1_s;
  story.step(InputKind::reconnect_requested);
  EXPECT_EQ(story.lifecycle().phase(), Phase::waiting);
  EXPECT_EQ(story.lifecycle().deadline(TimerKind::phase), lost + 5_s);
  story.wait();
  EXPECT_EQ(story.lifecycle().phase(), Phase::connecting);
  // Asked later, nothing is left of it.
  story.lose({.reason = Reason::upgrade_refused, .http_status = 503});
  story.now = story.now + 6_s;
  story.step(InputKind::reconnect_requested);
  EXPECT_EQ(story.lifecycle().phase(), Phase::connecting);
}

TEST(Forgetting, AWaitThatIsCutShortOrClosedGivesItsPlaceBack) {
  Story story(without_breaker());
  story.step(InputKind::start);
  story.refuse();
  EXPECT_EQ(story.budget().booked(), 2U);  // one has begun
  story.step(InputKind::reconnect_requested);
  EXPECT_EQ(story.budget().booked(), 2U);  // two have
  story.refuse();
  EXPECT_EQ(story.budget().booked(), 3U);
  story.step(InputKind::close_requested);
  EXPECT_EQ(story.budget().booked(), 2U);
}

TEST(Forgetting, FailuresAreForgivenByAStableLifeOrASuccessfulProbeAlone) {
  Settings settings;
  settings.circuit_breaker.failure_threshold = 3;
  Story story(settings);
  story.step(InputKind::start);
  story.refuse();
  story.wait();
  story.go_live();
  EXPECT_EQ(story.lifecycle().breaker().failures(), 1U);
  story.step(InputKind::reconnect_requested);  // no failure, and no forgiveness
  EXPECT_EQ(story.lifecycle().breaker().failures(), 1U);
  story.wait();
  story.refuse();
  story.wait();
  story.refuse();
  EXPECT_EQ(story.lifecycle().phase(), Phase::tripped);
  story.wait();
  story.refuse();  // the probe: one is enough
  EXPECT_EQ(story.lifecycle().phase(), Phase::tripped);
  story.wait();
  story.go_live();
  EXPECT_EQ(story.lifecycle().breaker().failures(), 0U);
  EXPECT_EQ(story.lifecycle().breaker().trips(), 2U);  // never forgotten
  story.lose({.reason = Reason::peer_reset});
  EXPECT_EQ(story.lifecycle().breaker().failures(), 1U);
}

TEST(Forgetting, DowntimeRunsFromTheLossOfALiveConnectionToTheNextAllClear) {
  Story story(without_breaker());
  story.step(InputKind::start);
  story.go_live();
  story.lose({.reason = Reason::peer_reset});
  const Instant down = story.now;
  story.wait();
  story.step(InputKind::upgraded);
  story.step(InputKind::greeted);
  story.now = story.now + 1_s;
  story.lose({.reason = Reason::peer_reset});  // never Live
  story.wait();
  story.step(InputKind::upgraded);
  story.step(InputKind::greeted);
  const auto events = story.step(InputKind::restored);
  EXPECT_EQ(events[0].payload.subscriptions_restored.downtime_ns, (story.now - down).ns);
}

enum class Where : uint8_t { idle, connecting, greeting, restoring, live, waiting, tripped };

void go_to(Story& story, Where where) {
  if (where == Where::idle) return;
  story.step(InputKind::start);
  if (where == Where::waiting) story.refuse();
  if (where == Where::tripped) {
    while (story.lifecycle().phase() != Phase::tripped) {
      story.refuse();
      if (story.lifecycle().phase() == Phase::waiting) story.wait();
    }
  }
  if (where < Where::greeting || where > Where::live) return;
  story.step(InputKind::upgraded);
  if (where >= Where::restoring) story.step(InputKind::greeted);
  if (where == Where::live) story.step(InputKind::restored);
}

TEST(Forgetting, CloseEndsEveryPhaseAndLeavesNoTimer) {
  constexpr std::array all = {Where::idle, Where::connecting, Where::greeting, Where::restoring,
                              Where::live, Where::waiting,    Where::tripped};
  for (const Where where : all) {
    SCOPED_TRACE(static_cast<int>(where));
    Story story;
    go_to(story, where);
    auto events = story.step(InputKind::close_requested);
    if (where == Where::restoring || where == Where::live) {
      EXPECT_TRUE(events.empty());
      EXPECT_EQ(story.lifecycle().deadline(TimerKind::phase), story.now + 1_s);
      EXPECT_EQ(story.lifecycle().deadline(TimerKind::stable), Instant::never());
      EXPECT_TRUE(story.step(InputKind::close_requested).empty());
      EXPECT_TRUE(story.step(InputKind::reconnect_requested).empty());
      events = story.lose({.reason = Reason::peer_reset});
      EXPECT_EQ(events[0].payload.disconnected.reason, Reason::requested);
    }
    ASSERT_FALSE(events.empty());
    EXPECT_EQ(events.back().kind, EventKind::closed);
    EXPECT_EQ(events.back().payload.ended.reason, Reason::requested);
    EXPECT_FALSE(story.any_timer());
    EXPECT_TRUE(story.step(InputKind::start).empty());
  }
}

}  // namespace
}  // namespace havklo::core
