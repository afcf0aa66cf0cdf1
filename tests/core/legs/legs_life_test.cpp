// The connections of a session with several legs, and what of their lives is the session's: epochs,
// the answers to its wishes, commands (design §7.3). Through the engine's doors.
#include <gtest/gtest.h>

#include "support/legs/legs_world.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

TEST(LegsLife, TheFirstGreetedLegBeginsTheEpochAndTheFirstLiveOneIsAllClear) {
  LegsWorld world;
  world.turn();
  EXPECT_EQ(world.net.opens.size(), 2U);
  world.open(1);
  world.greet(1);
  EXPECT_EQ(world.told(), "Connected@1, LegConnected@1, Status@1 online");
  world.open(0);
  world.greet(0);
  EXPECT_EQ(world.told(), "LegConnected@0");
  world.answer_all(0);
  EXPECT_EQ(world.told(),
            "Subscribed@0, BookSnapshot@0 b100=1 a101=1, LegRestored@0 1, "
            "SubscriptionsRestored@0 1");
  world.answer_all(1);
  EXPECT_EQ(world.told(), "LegRestored@1 1");
}

TEST(LegsLife, EveryEventHasTheSessionsEpoch) {
  LegsWorld world;
  world.turn();
  world.bring_live(0);
  world.fail(1, Reason::connect_refused);
  world.pass(200_ms);
  world.bring_live(1);
  world.fail(1);
  world.pass(200_ms);
  world.bring_live(1);
  world.update(1, {{99, 1}}, {}, 2'000);
  for (const Event& event : world.take()) {
    EXPECT_EQ(event.epoch, 1U) << to_string(event.kind);
  }
}

TEST(LegsLife, ALossWhileAnotherIsLiveIsTheLegsAlone) {
  LegsWorld world;
  world.go_live();
  world.fail(1);
  EXPECT_EQ(world.told(), "LegLost@1 peer_reset, LegReconnecting@1 backoff");
  world.pass(200_ms);
  world.bring_live(1);
  EXPECT_EQ(world.told(), "LegConnected@1, LegRestored@1 1");
}

TEST(LegsLife, TheLossOfTheLastLiveLegEndsTheEpoch) {
  LegsWorld world;
  world.go_live();
  world.fail(0);
  static_cast<void>(world.told());
  world.fail(1);
  EXPECT_EQ(world.told(),
            "LegLost@1 peer_reset, Disconnected@1 peer_reset, LegReconnecting@1 backoff");
}

TEST(LegsLife, TheLossOfTheLastLiveLegHandsOverToAGreetedOneInTheSameTurn) {
  LegsWorld world;
  world.go_live();
  world.fail(1);
  world.pass(200_ms);
  world.open(1);
  world.greet(1);
  world.ack(1);
  static_cast<void>(world.told());
  world.fail(0);
  EXPECT_EQ(world.told(),
            "LegLost@0 peer_reset, Disconnected@0 peer_reset, Connected@1, Status@1 online, "
            "Subscribed@1, LegReconnecting@0 backoff");
  world.snapshot(1, {{100, 1}}, {{101, 1}}, 2'000);
  EXPECT_EQ(world.told(),
            "BookSnapshot@1 b100=1 a101=1, LegRestored@1 1, SubscriptionsRestored@1 1");
}

TEST(LegsLife, TheEpochHandedOverHasTheOtherLegsGreeting) {
  LegsWorld world;
  world.go_live();
  world.fail(1);
  world.pass(200_ms);
  world.open(1);
  world.greet(1);
  static_cast<void>(world.told());
  world.fail(0);
  for (const Event& event : world.take()) {
    if (event.kind == EventKind::connected) {
      EXPECT_EQ(event.payload.connected.connection_id, 2U);  // what the venue calls leg 1's
      EXPECT_EQ(event.epoch, 2U);
    }
    if (event.kind == EventKind::disconnected) {
      EXPECT_EQ(event.epoch, 1U);
    }
  }
}

TEST(LegsLife, AVerifiedBookOfTheGreetedLegIsHandedOverAsASnapshot) {
  LegsWorld world(
      legs_settings(2, {{.channel = Channel::book, .symbols = {"BTC/USD", "ETH/USD"}}}));
  world.go_live();
  world.fail(1);
  world.pass(200_ms);
  world.open(1);
  world.greet(1);
  world.ack(1);
  world.snapshot(1, {{100, 1}}, {{101, 1}}, 2'000);
  static_cast<void>(world.told());
  world.fail(0);
  EXPECT_EQ(world.told(),
            "LegLost@0 peer_reset, Disconnected@0 peer_reset, Connected@1, Status@1 online, "
            "Subscribed@1, BookSnapshot@1 b100=1 a101=1, LegReconnecting@0 backoff");
}

TEST(LegsLife, BeforeAnyIsLiveTheLossOfOneGreetedLegEndsNothing) {
  LegsWorld world;
  world.turn();
  for (const uint32_t leg : {0U, 1U}) {
    world.open(leg);
    world.greet(leg);
  }
  static_cast<void>(world.told());
  world.fail(0);
  EXPECT_EQ(world.told(), "LegLost@0 peer_reset, LegReconnecting@0 backoff");
  world.fail(1);
  EXPECT_EQ(world.told(),
            "LegLost@1 peer_reset, Disconnected@1 peer_reset, LegReconnecting@1 backoff");
}

TEST(LegsLife, DowntimeIsFromTheLossOfTheLastLiveLegToTheNextAllClear) {
  LegsWorld world;
  world.go_live();
  world.fail(0);
  world.pass(50_ms);
  const Instant lost = world.clock.now();
  world.fail(1);
  world.pass(100_ms);
  static_cast<void>(world.told());
  world.bring_live(0);
  bool told = false;
  for (const Event& event : world.take()) {
    if (event.kind != EventKind::subscriptions_restored) continue;
    told = true;
    EXPECT_EQ(event.payload.subscriptions_restored.downtime_ns, (world.clock.now() - lost).ns);
  }
  EXPECT_TRUE(told);
}

TEST(LegsLife, UptimeOfTheSessionIsTheEpochsAndThatOfALegItsOwn) {
  LegsWorld world;
  world.go_live();
  world.pass_with_heartbeats(2_s, {0, 1});
  world.fail(0);
  world.pass(100_ms);
  world.bring_live(0);
  world.pass_with_heartbeats(1_s, {0, 1});
  world.fail(1);
  static_cast<void>(world.take());
  world.fail(0);
  int64_t of_leg = 0;
  int64_t of_session = 0;
  for (const Event& event : world.take()) {
    if (event.kind == EventKind::leg_lost) of_leg = event.payload.disconnected.uptime_ns;
    if (event.kind == EventKind::disconnected) of_session = event.payload.disconnected.uptime_ns;
  }
  EXPECT_EQ(of_leg / 1'000'000, 1'000);
  EXPECT_EQ(of_session / 1'000'000, 3'100);
}

TEST(LegsLife, ClosingEndsAllLegsAndIsToldOnce) {
  LegsWorld world;
  world.go_live();
  world.command(make_command(Command::Kind::close));
  EXPECT_EQ(world.told(), "");
  for (const uint32_t leg : {0U, 1U}) {
    EXPECT_EQ(world.net.close_code(world.id(leg)), 1000);
    world.net.answer(world.id(leg));
    world.net.close_frame(world.id(leg), 1000, {});
    world.turn();
    world.fail(leg, Reason::end_of_stream);
  }
  EXPECT_EQ(world.told(),
            "LegLost@0 requested, LegLost@1 requested, Disconnected@1 requested, "
            "Closed@1 requested");
  EXPECT_TRUE(world.engine.closed());
}

TEST(LegsLife, ClosingWhileOneWaitsClosesWhenTheOtherHas) {
  LegsWorld world;
  world.go_live();
  world.fail(0);
  static_cast<void>(world.told());
  world.command(make_command(Command::Kind::close));
  EXPECT_FALSE(world.engine.closed());
  world.pass(1_s);
  EXPECT_EQ(world.told(), "LegLost@1 requested, Disconnected@1 requested, Closed@1 requested");
  EXPECT_EQ(world.opened(0), 1U);
}

TEST(LegsLife, MarketEventsEndWithTheCommandToClose) {
  LegsWorld world;
  world.go_live();
  world.queue(make_command(Command::Kind::close));
  world.queue_text(0, world.update_text(0, {{99, 1}}, {}, 2'000));
  world.queue_text(1, world.update_text(1, {{100, 0}}, {{101, 0}}, 2'000));
  world.turn();
  EXPECT_EQ(world.told(), "");
}

TEST(LegsLife, AllClearCountsBySessionAndLegRestoredByLeg) {
  LegsWorld world(
      legs_settings(2, {{.channel = Channel::book, .symbols = {"BTC/USD", "ETH/USD"}}}));
  world.turn();
  for (const uint32_t leg : {0U, 1U}) {
    world.open(leg);
    world.greet(leg);
  }
  world.ack(1, "subscribe", "ETH/USD");
  world.snapshot(1, {{50, 1}}, {{51, 1}}, 1'000, "ETH/USD");
  static_cast<void>(world.told());
  world.ack(0);
  world.snapshot(0, {{100, 1}}, {{101, 1}}, 1'000);
  world.refuse(0, "ETH/USD");  // to leg 0 alone
  EXPECT_EQ(world.told(),
            "Subscribed@0, BookSnapshot@0 b100=1 a101=1, LegRestored@0 1-1, "
            "SubscriptionsRestored@0 2");
}

TEST(LegsLife, SubscribedIsToldAtTheFirstAckAlone) {
  LegsWorld world;
  world.turn();
  for (const uint32_t leg : {0U, 1U}) {
    world.open(leg);
    world.greet(leg);
  }
  static_cast<void>(world.told());
  world.ack(1);
  EXPECT_EQ(world.told(), "Subscribed@1");
  world.ack(0);
  EXPECT_EQ(world.told(), "");
}

TEST(LegsLife, RejectedIsToldWhenEveryGreetedLegHasRefused) {
  LegsWorld world;
  world.turn();
  for (const uint32_t leg : {0U, 1U}) {
    world.open(leg);
    world.greet(leg);
  }
  static_cast<void>(world.told());
  world.refuse(0);
  EXPECT_EQ(world.told(), "LegRestored@0 0-1");
  world.refuse(1);
  EXPECT_EQ(world.told(), "Rejected@1, LegRestored@1 0-1, SubscriptionsRestored@0 0-1");
}

TEST(LegsLife, TheLossOfTheOnlyLegThatHadNotRefusedRejects) {
  LegsWorld world;
  world.turn();
  for (const uint32_t leg : {0U, 1U}) {
    world.open(leg);
    world.greet(leg);
  }
  world.refuse(0);
  static_cast<void>(world.told());
  world.fail(1);
  EXPECT_EQ(world.told(),
            "LegLost@1 peer_reset, Rejected@0, LegReconnecting@1 backoff, "
            "SubscriptionsRestored@0 0-1");
}

TEST(LegsLife, UnsubscribedIsToldAtTheFirstAckAndNothingOfItAfterwards) {
  LegsWorld world;
  world.go_live();
  world.command(make_command(Command::Kind::unsubscribe, "BTC/USD"));
  world.update(1, {{99, 1}}, {}, 2'000);
  EXPECT_EQ(world.told(), "BookUpdate@1 b99=1");  // until the venue has said so
  world.ack(0, "unsubscribe");
  EXPECT_EQ(world.told(), "Unsubscribed@0");
  world.update(1, {{98, 1}}, {}, 3'000);
  world.corrupt(1);
  EXPECT_EQ(world.told(), "");
  world.ack(1, "unsubscribe");
  EXPECT_EQ(world.told(), "");
}

TEST(LegsLife, AWishAfterItsEndBeginsAnew) {
  LegsWorld world;
  world.go_live();
  world.command(make_command(Command::Kind::unsubscribe, "BTC/USD"));
  world.ack(0, "unsubscribe");
  world.ack(1, "unsubscribe");
  world.command(make_command(Command::Kind::subscribe, "BTC/USD"));
  static_cast<void>(world.told());
  world.ack(0);
  world.snapshot(0, {{100, 3}}, {{101, 1}}, 4'000);
  EXPECT_EQ(world.told(), "Subscribed@0, BookSnapshot@0 b100=3 a101=1");
}

TEST(LegsLife, AWishThatHasEndedIsNotHandedOver) {
  LegsWorld world(
      legs_settings(2, {{.channel = Channel::book, .symbols = {"BTC/USD", "ETH/USD"}}}));
  world.go_live();
  world.fail(1);
  world.pass(200_ms);
  world.open(1);
  world.greet(1);
  world.ack(1);
  world.snapshot(1, {{100, 1}}, {{101, 1}}, 2'000);
  world.command(make_command(Command::Kind::unsubscribe, "BTC/USD"));
  world.ack(0, "unsubscribe");
  static_cast<void>(world.told());
  world.fail(0);
  EXPECT_EQ(world.told(),
            "LegLost@0 peer_reset, Disconnected@0 peer_reset, Connected@1, Status@1 online, "
            "LegReconnecting@0 backoff");
  world.update(1, {{99, 1}}, {}, 3'000);
  world.ack(1, "unsubscribe");
  EXPECT_EQ(world.told(), "");
}

TEST(LegsLife, AWishAddedAtRunTimeIsAskedOnAllLegs) {
  LegsWorld world;
  world.go_live();
  for (const uint32_t leg : {0U, 1U}) static_cast<void>(world.net.take_texts(world.id(leg)));
  world.command(make_command(Command::Kind::subscribe, "ETH/USD"));
  for (const uint32_t leg : {0U, 1U}) {
    EXPECT_EQ(world.net.take_texts(world.id(leg)).size(), 1U);
  }
  world.ack(1, "subscribe", "ETH/USD");
  EXPECT_EQ(world.told(), "Subscribed@1");
}

TEST(LegsLife, ReconnectRenewsOneAfterTheOtherAndNeverTheOnlyLiveOne) {
  LegsWorld world;
  world.go_live();
  world.command(make_command(Command::Kind::reconnect));
  EXPECT_EQ(world.told(), "LegLost@0 requested, LegReconnecting@0 backoff");
  world.pass(200_ms);
  EXPECT_EQ(world.told(), "");
  world.bring_live(0);
  EXPECT_EQ(world.told(),
            "LegConnected@0, LegRestored@0 1, LegLost@1 requested, LegReconnecting@1 backoff");
  world.pass(200_ms);
  world.bring_live(1);
  EXPECT_EQ(world.told(), "LegConnected@1, LegRestored@1 1");
}

TEST(LegsLife, ReconnectOfTheOnlyLiveLegWaitsForAnother) {
  LegsWorld world;
  world.go_live();
  world.fail(0);
  static_cast<void>(world.told());
  world.command(make_command(Command::Kind::reconnect));
  EXPECT_EQ(world.opened(0), 2U);  // its wait was cut short
  EXPECT_EQ(world.told(), "");
  world.bring_live(0);
  EXPECT_EQ(world.told(),
            "LegConnected@0, LegRestored@0 1, LegLost@1 requested, LegReconnecting@1 backoff");
}

}  // namespace
}  // namespace havklo
