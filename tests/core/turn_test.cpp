// What a turn says of itself, by which its loop parks or goes on (engine.hpp).
#include <gtest/gtest.h>

#include <functional>
#include <havklo/engine.hpp>
#include <havklo/limits.hpp>
#include <havklo/ring_doors.hpp>
#include <havklo/staging_door.hpp>
#include <utility>

#include "support/engine_world.hpp"
#include "support/scripted_transport.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

// A clock at whose reading something arrives, as when a turn is preempted there.
class BusyClock final : public Clock {
 public:
  explicit BusyClock(std::function<void()>& meanwhile) : meanwhile_(meanwhile) {}
  Instant now() override {
    now_ = now_ + 1_ms;
    const Instant read = now_;
    if (meanwhile_) std::exchange(meanwhile_, nullptr)();
    return read;
  }
  Duration utc_offset() override { return {}; }

 private:
  std::function<void()>& meanwhile_;
  Instant now_;
};

// An event of the turn before would be stamped earlier than its cause.
TEST(Turn, WhatArrivesAfterTheClockIsOfTheNext) {
  std::function<void()> meanwhile;
  BusyClock clock(meanwhile);
  ScriptedTransport net;
  SpscRing<Command> commands(64);
  RingCommandDoor command_door(commands);
  StagingDoor events(1024);
  const Settings settings = book_settings({"BTC/USD"});
  Engine engine(std::span(&settings, 1), {clock, net, command_door, events});
  engine.turn();
  net.opened(net.last());
  meanwhile = [&] { net.closed(net.last(), Reason::peer_reset); };
  engine.turn();
  EXPECT_TRUE(events.published().empty());
  const Instant next = engine.turn().now;
  ASSERT_FALSE(events.published().empty());
  EXPECT_EQ(events.published()[0].kind, EventKind::connect_failed);
  EXPECT_EQ(events.published()[0].time, next);
}

TEST(Turn, FullOfCompletionsSaysThatMoreMayBeDue) {
  EngineWorld world(book_settings({"BTC/USD"}));
  world.go_live();
  for (const uint32_t count : {completions_per_turn_max - 1, completions_per_turn_max}) {
    for (uint32_t i = 0; i < count; ++i) world.net.sent(world.id(), 1);
    EXPECT_EQ(world.turn().more_due, count == completions_per_turn_max) << count;
  }
}

TEST(Turn, FullOfCommandsSaysThatMoreMayBeDue) {
  EngineWorld world(book_settings({"BTC/USD"}));
  world.go_live();
  for (const uint32_t count : {commands_per_turn_max - 1, commands_per_turn_max}) {
    for (uint32_t i = 0; i < count; ++i) {
      world.queue(make_command(Command::Kind::subscribe, "BTC/USD"));
    }
    EXPECT_EQ(world.turn().more_due, count == commands_per_turn_max) << count;
  }
}

// Else its loop would look for room for ever.
TEST(Turn, WaitsForRoomNoLongerThanItLacksSome) {
  Settings settings = book_settings({"BTC/USD"});
  settings.ring_slots = ring_slots_min(settings);
  EngineWorld world(settings);
  world.go_live();
  EXPECT_FALSE(world.engine.waits_for_room());
  world.consumer_sleeps = true;
  for (uint32_t i = 0; i < settings.ring_slots; ++i) world.say(R"({"channel":"heartbeat"})");
  world.say(EngineWorld::update_text("BTC/USD", "1"));  // its end takes a slot that stays away
  world.fail(Reason::peer_reset);
  EXPECT_TRUE(world.engine.waits_for_room());
  world.read();
  ASSERT_EQ(world.events.back().kind, EventKind::reconnecting);
  EXPECT_EQ(world.events.back().payload.reconnecting.waits_for, WaitsFor::ring);
  world.turn();
  EXPECT_FALSE(world.engine.waits_for_room());
}

}  // namespace
}  // namespace havklo
