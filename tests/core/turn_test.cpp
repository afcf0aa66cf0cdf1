// What a turn says of itself, by which its loop parks or goes on (engine.hpp).
#include <gtest/gtest.h>

#include <havklo/limits.hpp>

#include "support/engine_world.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

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
