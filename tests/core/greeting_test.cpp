// What the network is told of a greeting: it remembers which address was good by it.
#include <gtest/gtest.h>

#include "support/engine_world.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

TEST(Greeting, IsToldToTheNetworkOnceForEachConnection) {
  EngineWorld world(book_settings({"BTC/USD"}));
  world.turn();
  world.open();
  EXPECT_TRUE(world.net.greetings.empty());
  world.greet();
  const ConnectionId first = world.net.last();
  EXPECT_EQ(world.net.greetings, std::vector{first});
  world.greet();  // a later status is none
  EXPECT_EQ(world.net.greetings.size(), 1u);
  world.net.closed(first, Reason::peer_reset);
  world.turn();
  world.pass(100_ms);
  ASSERT_NE(world.net.last(), first);
  world.open();
  EXPECT_EQ(world.net.greetings.size(), 1u);
  world.greet();
  EXPECT_EQ(world.net.greetings.back(), world.net.last());
}

TEST(Greeting, IsNotToldWhenTheVenueNeverGreets) {
  EngineWorld world(book_settings({"BTC/USD"}));
  world.turn();
  world.open();
  world.pass(30_s);
  EXPECT_GT(world.net.opens.size(), 1u);
  EXPECT_TRUE(world.net.greetings.empty());
}

// There is no epoch yet that it could be of.
TEST(Greeting, WhatComesBeforeItIsNotTold) {
  EngineWorld world(book_settings({"BTC/USD"}));
  world.turn();
  world.open();
  world.say(R"({"channel":"heartbeat"})");
  world.ack("subscribe", "BTC/USD");
  world.snapshot("BTC/USD");
  EXPECT_EQ(world.take_names(), "");
  world.greet();
  EXPECT_EQ(world.take_names(), "Connected Status");
}

}  // namespace
}  // namespace havklo
