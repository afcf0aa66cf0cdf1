// Which legs are renewed, given up or held back: rotation, maintenance, lag, the breaker, attempts
// and the connect budget (design §7.3). Through the engine's doors.
#include <gtest/gtest.h>

#include "support/legs/legs_world.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

// --- make before break

TEST(LegsUpkeep, ARotatedLegIsClosedInGoodOrderWhileAnotherIsLive) {
  Settings settings = legs_settings();
  settings.rotate_after = Duration::seconds(60);
  LegsWorld world(settings);
  world.go_live();
  const std::array connections = {world.id(0), world.id(1)};
  for (uint32_t i = 0; i < 100 && world.opened(0) == 1 && world.opened(1) == 1; ++i) {
    world.pass_with_heartbeats(1_s, {0, 1});
  }
  const uint32_t rotated = world.opened(0) == 2 ? 0 : 1;
  EXPECT_EQ(world.told(), fmt::format("LegLost@{0} rotated, LegReconnecting@{0} backoff", rotated));
  EXPECT_EQ(world.net.close_code(connections.at(rotated)), 1000);
}

TEST(LegsUpkeep, RotationsOfTwoLegsKeepApartAndComeAgain) {
  Settings settings = legs_settings();
  settings.rotate_after = Duration::seconds(60);
  LegsWorld world(settings);
  world.go_live();
  std::array<std::vector<int64_t>, 2> rotations;
  for (int64_t second = 0; second < 400; ++second) {
    world.pass_with_heartbeats(1_s, {0, 1});
    for (const Event& event : world.take()) {
      if (event.kind == EventKind::leg_lost) {
        EXPECT_EQ(event.payload.disconnected.reason, Reason::rotated);
        rotations.at(event.leg).push_back(second);
      }
      EXPECT_NE(event.kind, EventKind::disconnected);
    }
    for (const uint32_t leg : {0U, 1U}) {
      if (world.net.upgraded(world.id(leg))) continue;
      world.bring_live(leg, 1'000 + second);
    }
  }
  EXPECT_GE(rotations[0].size(), 5U);
  EXPECT_GE(rotations[1].size(), 5U);
  for (const int64_t a : rotations[0]) {
    for (const int64_t b : rotations[1]) EXPECT_GE(std::abs(a - b), 20);
  }
}

TEST(LegsUpkeep, ARotationWaitsWhileNoOtherIsLive) {
  Settings settings = legs_settings();
  settings.rotate_after = Duration::seconds(60);
  settings.timeouts.greeting_timeout = Duration::seconds(600);
  settings.timeouts.connect_timeout = Duration::seconds(600);
  LegsWorld world(settings);
  world.go_live();
  world.fail(1);
  world.pass_with_heartbeats(150_s, {0});
  EXPECT_EQ(world.opened(0), 1U);
  static_cast<void>(world.told());
  world.bring_live(1);
  EXPECT_EQ(world.told(),
            "LegConnected@1, LegRestored@1 1, LegLost@0 rotated, LegReconnecting@0 backoff");
}

TEST(LegsUpkeep, ALegThatAnnouncesMaintenanceIsRenewedIfAnotherHasNot) {
  LegsWorld world;
  world.go_live();
  world.status(1, "maintenance");
  EXPECT_EQ(world.told(),
            "Status@1 maintenance, LegLost@1 maintenance, LegReconnecting@1 maintenance");
}

TEST(LegsUpkeep, WhenAllAnnounceMaintenanceTheLastStays) {
  LegsWorld world;
  world.go_live();
  world.queue_text(0, R"({"channel":"status","type":"update","data":[{"system":"maintenance"}]})");
  world.queue_text(1, R"({"channel":"status","type":"update","data":[{"system":"maintenance"}]})");
  world.turn();
  EXPECT_EQ(world.told(), "Status@0 maintenance");
}

TEST(LegsUpkeep, MaintenanceInAGreetingRenewsNobody) {
  LegsWorld world;
  world.go_live();
  world.fail(1);
  world.pass(200_ms);
  world.open(1);
  world.greet(1, "maintenance");
  world.answer_all(1);
  EXPECT_EQ(world.told_of({EventKind::leg_lost}), "LegLost@1 peer_reset");
}

// --- a stall, by comparison

TEST(LegsLagging, ACopyThatStandsStillIsLostAfterTheBound) {
  LegsWorld world;
  world.go_live();
  world.update(0, {{99, 1}}, {}, 2'000);
  static_cast<void>(world.told());
  world.pass(249_ms);
  EXPECT_EQ(world.told(), "");
  world.pass(2_ms);
  EXPECT_EQ(world.told(), "LegLost@1 lagging, LegReconnecting@1 backoff");
  EXPECT_EQ(world.opened(0), 1U);
}

TEST(LegsLagging, OneThatIsLateByLessAllTheTimeIsKept) {
  LegsWorld world;
  world.go_live();
  world.update(0, {{99, 1}}, {}, 1'100);
  for (int64_t i = 1; i < 20; ++i) {
    world.pass(100_ms);
    world.update(0, {{99, i + 1}}, {}, 1'100 + i * 100);
    world.update(1, {{99, i}}, {}, 1'000 + i * 100);
  }
  EXPECT_EQ(world.told_of({EventKind::leg_lost}), "");
}

TEST(LegsLagging, OneThatCatchesUpIsKept) {
  LegsWorld world;
  world.go_live();
  world.update(0, {{99, 1}}, {}, 2'000);
  world.pass(200_ms);
  world.update(1, {{99, 1}}, {}, 2'000);
  world.pass(1_s);
  EXPECT_EQ(world.told_of({EventKind::leg_lost}), "");
}

TEST(LegsLagging, TheLastLiveOneIsKeptHoweverLate) {
  LegsWorld world;
  world.go_live();
  world.fail(1);
  world.pass(200_ms);
  world.open(1);
  world.greet(1);
  world.ack(1);
  world.update(0, {{98, 1}}, {}, 1'500);
  world.pass(1_s);
  EXPECT_EQ(world.told_of({EventKind::leg_lost}), "LegLost@1 peer_reset");
}

TEST(LegsLagging, OneThatIsNotLiveYetIsKept) {
  LegsWorld world(
      legs_settings(2, {{.channel = Channel::book, .symbols = {"BTC/USD", "ETH/USD"}}}));
  world.go_live();
  world.fail(1);
  world.pass(200_ms);
  world.open(1);
  world.greet(1);
  world.ack(1);
  world.snapshot(1, {{100, 1}}, {{101, 1}}, 1'000);
  world.update(0, {{98, 1}}, {}, 1'500);
  world.pass(1_s);
  EXPECT_EQ(world.told_of({EventKind::leg_lost}), "LegLost@1 peer_reset");
}

TEST(LegsLagging, ACopyUnderRepairDoesNotCount) {
  LegsWorld world;
  world.go_live();
  world.corrupt(1);
  world.update(0, {{98, 1}}, {}, 1'500);
  world.pass(1_s);
  EXPECT_EQ(world.told_of({EventKind::leg_lost}), "");
}

TEST(LegsLagging, TradesThatALegHasNotBroughtCountToo) {
  LegsWorld world(legs_settings(2, {{.channel = Channel::trade, .symbols = {"BTC/USD"}}}));
  world.go_live();
  for (const uint32_t leg : {0U, 1U}) world.trades(leg, "snapshot", {7});
  world.trades(0, "update", {8});
  world.pass(240_ms);
  EXPECT_EQ(world.told_of({EventKind::leg_lost}), "");
  world.pass(11_ms);
  EXPECT_EQ(world.told_of({EventKind::leg_lost}), "LegLost@1 lagging");
}

TEST(LegsLagging, IsAFailureOfThatLegsBackoffAndNoStepOfTheBreaker) {
  Settings settings = legs_settings();
  settings.circuit_breaker.failure_threshold = 1;
  LegsWorld world(settings);
  world.go_live();
  world.update(0, {{99, 1}}, {}, 2'000);
  world.pass(251_ms);
  EXPECT_EQ(world.told_of({EventKind::leg_lost, EventKind::circuit_breaker_open}),
            "LegLost@1 lagging");
}

// --- breaker

[[nodiscard]] Settings tripping_settings(uint32_t threshold = 2) {
  Settings settings = legs_settings();
  settings.circuit_breaker.failure_threshold = threshold;
  settings.circuit_breaker.reset_timeout = Duration::seconds(30);
  return settings;
}

TEST(LegsBreaker, FailuresCountWhileNoneIsLive) {
  LegsWorld world(tripping_settings());
  world.turn();
  world.fail(0, Reason::connect_refused);
  EXPECT_EQ(world.told(), "ConnectFailed@0 connect_refused, LegReconnecting@0 backoff");
  world.fail(1, Reason::connect_refused);
  EXPECT_EQ(world.told(),
            "ConnectFailed@1 connect_refused, CircuitBreakerOpen@1, LegReconnecting@1 breaker");
  world.pass(1_s);
  EXPECT_EQ(world.told(), "LegReconnecting@0 breaker");  // when its own wait is over
  EXPECT_EQ(world.net.opens.size(), 2U);
}

TEST(LegsBreaker, FailuresDoNotCountWhileAnotherIsLive) {
  LegsWorld world(tripping_settings());
  world.turn();
  world.bring_live(0);
  for (uint32_t i = 0; i < 5; ++i) {
    world.fail(1, Reason::connect_refused);
    world.pass_with_heartbeats(4_s, {0});
  }
  EXPECT_EQ(world.told_of({EventKind::circuit_breaker_open}), "");
  EXPECT_EQ(world.opened(1), 6U);
}

TEST(LegsBreaker, HalfOpenOneProbesAndTheOthersBeginWhenItCloses) {
  LegsWorld world(tripping_settings());
  world.turn();
  world.fail(0, Reason::connect_refused);
  world.fail(1, Reason::connect_refused);
  static_cast<void>(world.told());
  world.pass(31_s);
  EXPECT_EQ(world.opened(0) + world.opened(1), 3U);  // one probe
  const uint32_t probe = world.opened(0) == 2 ? 0 : 1;
  const uint32_t other = 1 - probe;
  EXPECT_EQ(world.told_of({EventKind::circuit_breaker_half_open}), "CircuitBreakerHalfOpen@1");
  world.pass(5_s);
  EXPECT_EQ(world.opened(other), 1U);
  world.bring_live(probe);
  EXPECT_EQ(world.opened(other), 2U);
  EXPECT_EQ(world.told_of({EventKind::circuit_breaker_closed}),
            fmt::format("CircuitBreakerClosed@{}", probe));
}

TEST(LegsBreaker, AFailedProbeOpensItAgainForAll) {
  LegsWorld world(tripping_settings());
  world.turn();
  world.fail(0, Reason::connect_refused);
  world.fail(1, Reason::connect_refused);
  world.pass(31_s);
  const uint32_t probe = world.opened(0) == 2 ? 0 : 1;
  static_cast<void>(world.told());
  world.fail(probe, Reason::connect_refused);
  EXPECT_NE(world.told().find(fmt::format("CircuitBreakerOpen@{}", probe)), std::string::npos);
  const size_t opened = world.net.opens.size();
  world.pass(29_s);
  EXPECT_EQ(world.net.opens.size(), opened);
  world.pass(2_s);
  EXPECT_EQ(world.net.opens.size(), opened + 1);
}

TEST(LegsBreaker, ALegThatBecomesLiveClosesItForThoseThatWait) {
  LegsWorld world(tripping_settings(1));
  world.turn();
  world.open(0);
  world.greet(0);
  world.fail(1, Reason::connect_refused);  // opens it: none is Live
  EXPECT_NE(world.told().find("CircuitBreakerOpen@1"), std::string::npos);
  world.answer_all(0);
  EXPECT_NE(world.told().find("CircuitBreakerClosed@0"), std::string::npos);
  EXPECT_EQ(world.opened(1), 2U);
}

// --- max_attempts

[[nodiscard]] Settings limited_settings(uint32_t attempts = 1) {
  Settings settings = legs_settings();
  settings.reconnect.max_attempts = attempts;
  settings.circuit_breaker.enabled = false;
  return settings;
}

TEST(LegsAttempts, AreUnlimitedWhileAnotherIsLive) {
  LegsWorld world(limited_settings());
  world.turn();
  world.bring_live(0);
  for (uint32_t i = 0; i < 5; ++i) {
    world.fail(1, Reason::connect_refused);
    world.pass_with_heartbeats(4_s, {0});
  }
  EXPECT_EQ(world.opened(1), 6U);
  EXPECT_EQ(world.told_of({EventKind::reconnect_failed, EventKind::closed}), "");
}

TEST(LegsAttempts, WhenAllAreSpentItIsToldOnceAndClosed) {
  LegsWorld world(limited_settings());
  world.turn();
  world.fail(0, Reason::connect_refused);
  world.fail(1, Reason::connect_refused);
  world.pass(1_s);
  world.fail(0, Reason::connect_refused);
  EXPECT_FALSE(world.engine.closed());
  static_cast<void>(world.told());
  world.fail(1, Reason::connect_refused);
  EXPECT_EQ(world.told(),
            "ConnectFailed@1 connect_refused, ReconnectFailed@0 connect_refused, "
            "Closed@1 connect_refused");
  EXPECT_TRUE(world.engine.closed());
}

TEST(LegsAttempts, ASpentLegGoesOnWhenAnotherBecomesLive) {
  LegsWorld world(limited_settings());
  world.turn();
  world.fail(0, Reason::connect_refused);
  world.pass(1_s);
  world.fail(0, Reason::connect_refused);
  world.pass(5_s);
  EXPECT_EQ(world.opened(0), 2U);
  world.bring_live(1);
  EXPECT_EQ(world.opened(0), 3U);
}

// --- the connect budget

TEST(LegsBudget, TheLastTenthStaysFreeWhileAnotherIsLiveAndIsUsedOnceNoneIs) {
  Settings settings = legs_settings();
  settings.reconnect.connect_budget = 10;
  settings.reconnect.connect_budget_window = Duration::seconds(600);
  settings.circuit_breaker.enabled = false;
  settings.reconnect.max_delay = Duration::seconds(1);
  LegsWorld world(settings);
  world.turn();
  world.bring_live(0);
  for (uint32_t i = 0; i < 8; ++i) {
    world.fail(1, Reason::connect_refused);
    world.pass_with_heartbeats(2_s, {0});
  }
  EXPECT_EQ(world.net.opens.size(), 9U);  // of ten
  EXPECT_NE(world.told_of({EventKind::leg_reconnecting}).find("budget"), std::string::npos);
  world.fail(0);
  world.pass(2_s);
  EXPECT_EQ(world.net.opens.size(), 10U);
  world.pass(60_s);
  EXPECT_EQ(world.net.opens.size(), 10U);
}

}  // namespace
}  // namespace havklo
