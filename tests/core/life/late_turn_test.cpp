// Method: a turn comes after a stall. More waits than it reads at once, and what would prove a
// connection alive comes last.
#include <gtest/gtest.h>

#include <havklo/limits.hpp>

#include "support/engine_world.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

constexpr std::string_view heartbeat = R"({"channel":"heartbeat"})";

// As much as a turn reads, none of it a sign of life.
void fill_a_turn(EngineWorld& world) {
  for (uint32_t i = 0; i < completions_per_turn_max; ++i) world.net.sent(world.id(), 1);
}

void stall(EngineWorld& world, Duration time) { world.clock.set(world.clock.now() + time); }

TEST(LateTurn, WhatWaitsForTheNextTurnIsNoSilence) {
  EngineWorld world(book_settings({"BTC/USD"}));
  world.go_live();
  world.events.clear();
  stall(world, 6_s);
  for (int turn = 0; turn < 3; ++turn) fill_a_turn(world);
  world.net.text(world.id(), heartbeat);
  for (int turn = 0; turn < 3; ++turn) EXPECT_TRUE(world.turn().more_due);
  world.turn();
  EXPECT_EQ(world.take_names(), "Heartbeat");
  world.pass(5_s - 1_ms);
  EXPECT_EQ(world.take_names(), "");
}

TEST(LateTurn, AGreetingThatWaitsForTheNextTurnHasCome) {
  EngineWorld world(book_settings({"BTC/USD"}));
  world.turn();
  world.open();
  stall(world, 6_s);
  fill_a_turn(world);
  world.net.text(
      world.id(),
      R"({"channel":"status","type":"update","data":[{"version":"2","system":"online","api_version":"v2","connection_id":7}]})");
  world.turn();
  world.turn();
  EXPECT_EQ(world.take_names(), "Connected Status");
}

TEST(LateTurn, SilenceIsFoundByTheTurnThatHasReadAll) {
  EngineWorld world(book_settings({"BTC/USD"}));
  world.go_live();
  world.events.clear();
  stall(world, 6_s);
  fill_a_turn(world);
  world.turn();
  EXPECT_EQ(world.take_names(), "");
  world.turn();
  EXPECT_EQ(world.take_names(), "Disconnected Reconnecting");
}

TEST(LateTurn, AFloodWithoutEndHidesNoSilenceForEver) {
  EngineWorld world(book_settings({"BTC/USD"}));
  world.go_live();
  world.events.clear();
  stall(world, 6_s);
  for (uint32_t turn = 0; turn < full_turns_max; ++turn) {
    fill_a_turn(world);
    world.turn();
    ASSERT_EQ(world.take_names(), "") << turn;
  }
  fill_a_turn(world);
  world.turn();
  EXPECT_EQ(world.take_names(), "Disconnected Reconnecting");
}

}  // namespace
}  // namespace havklo
