// What an engine shows of a session with several legs: whose connection is whose, what is counted,
// what a turn costs, and that a recording of it replays. Through the engine's doors.
#include <gtest/gtest.h>

#include <cstring>
#include <havklo/recording.hpp>
#include <havklo/replay.hpp>
#include <set>

#include "support/allocation_counter.hpp"
#include "support/legs/legs_world.hpp"
#include "support/sync_block_writer.hpp"
#include "support/temporary_file.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

TEST(LegsEngine, EachConnectionIsNumberedByItsLegAndNoNumberComesTwice) {
  LegsWorld world(legs_settings(3));
  world.go_live();
  world.fail(1);
  world.pass(200_ms);
  std::set<ConnectionId> seen;
  for (const auto& opened : world.net.opens) EXPECT_TRUE(seen.insert(opened.id).second);
  EXPECT_EQ(world.net.opens.size(), 4U);
  EXPECT_EQ(static_cast<uint32_t>(world.id(0)), (1U * 4 + 0) * 64);
  EXPECT_EQ(static_cast<uint32_t>(world.id(2)), (1U * 4 + 2) * 64);
  EXPECT_EQ(static_cast<uint32_t>(world.id(1)), (2U * 4 + 1) * 64);
}

TEST(LegsEngine, WithOneLegConnectionsAreNumberedAsTheyWere) {
  EngineWorld world(book_settings({"BTC/USD"}));
  world.turn();
  EXPECT_EQ(static_cast<uint32_t>(world.id()), 1U * 64);
}

TEST(LegsEngine, ALegConnectsToItsOwnUrl) {
  Settings settings = legs_settings();
  settings.legs[1].url = "wss://other.test/v2";
  LegsWorld world(settings);
  world.turn();
  EXPECT_EQ(world.net.opens[0].host, "venue.test");
  EXPECT_EQ(world.net.opens[1].host, "other.test");
}

TEST(LegsEngine, MarketEventsNameTheLegThatDeliveredThem) {
  LegsWorld world;
  world.go_live();
  world.update(1, {{99, 1}}, {}, 2'000);
  world.update(0, {{99, 1}, {98, 1}}, {}, 3'000);
  std::string legs;
  for (const Event& event : world.take()) legs += std::to_string(event.leg);
  EXPECT_EQ(legs, "10");
}

TEST(LegsEngine, CountsAttemptsAndMessagesOfAllLegsAndConnectionsOfTheSession) {
  LegsWorld world;
  world.go_live();
  world.fail(1);
  world.pass(200_ms);
  world.bring_live(1);
  SessionCounters counters = world.engine.counters(0);
  EXPECT_EQ(counters.attempts, 3U);
  EXPECT_EQ(counters.connections, 1U);
  EXPECT_EQ(counters.losses, 0U);
  EXPECT_EQ(counters.messages, 9U);  // status, ack, snapshot; three times
  world.fail(0);
  world.fail(1);
  world.pass(200_ms);
  world.bring_live(0);
  counters = world.engine.counters(0);
  EXPECT_EQ(counters.connections, 2U);
  EXPECT_EQ(counters.losses, 1U);
  EXPECT_EQ(world.engine.last_loss(0), Reason::peer_reset);
}

TEST(LegsEngine, IsLiveWhileOneLegIs) {
  LegsWorld world;
  world.turn();
  EXPECT_FALSE(world.engine.is_live(0));
  world.bring_live(1);
  EXPECT_TRUE(world.engine.is_live(0));
  world.bring_live(0);
  world.fail(1);
  EXPECT_TRUE(world.engine.is_live(0));
  world.fail(0);
  EXPECT_FALSE(world.engine.is_live(0));
}

TEST(LegsEngine, CompletionsOfAnEarlierConnectionOrOfNoLegAreIgnored) {
  LegsWorld world;
  world.go_live();
  const ConnectionId old = world.id(1);
  world.fail(1);
  world.pass(200_ms);
  world.bring_live(1);
  static_cast<void>(world.told());
  world.net.closed(old, Reason::peer_reset);
  world.net.closed(core::connection_id(1, 0, 3, true), Reason::peer_reset);
  world.turn();
  EXPECT_EQ(world.told(), "");
}

// Updates that pass, are known, wait and are reconciled; the copies are equal in the end.
void say_something(LegsWorld& world, int64_t round) {
  const int64_t at_ms = 2'000 + round * 10;
  world.queue_text(0, world.update_text(0, {{99, round + 1}}, {}, at_ms));
  world.queue_text(1, world.update_text(1, {{99, round + 1}}, {}, at_ms));
  world.queue_text(1, world.update_text(1, {{98, round + 1}, {97, 2}}, {}, at_ms + 2));
  world.queue_text(0, world.update_text(0, {{98, round + 1}}, {}, at_ms + 1));
  world.queue_text(0, world.update_text(0, {{97, 2}}, {}, at_ms + 3));
  world.queue_text(0, world.update_text(0, {{96, round + 1}}, {}, at_ms + 4));
  world.queue_text(1, world.update_text(1, {{96, round + 2}}, {}, at_ms + 5));
  world.queue_text(0, world.update_text(0, {{96, round + 2}}, {}, at_ms + 5));
}

TEST(LegsEngine, AllocatesNothingInALiveTurn) {
  if (!counts_allocations) GTEST_SKIP() << "a sanitizer owns malloc: run the release tests";
  LegsWorld world;
  world.go_live();
  for (int64_t round = 0; round < 50; ++round) {
    say_something(world, round);
    world.consumer_sleeps = true;  // what the test reads with allocates
    uint64_t allocated = 0;
    {
      const AllocationCounter counter;
      world.turn();
      allocated = counter.count();
    }
    EXPECT_EQ(allocated, 0U) << "round " << round;
    world.consumer_sleeps = false;
    world.read();
  }
  EXPECT_NE(world.told().find("reconciled"), std::string::npos);
}

TEST(LegsEngine, ARecordingReplaysToTheSameEvents) {
  const Settings settings = legs_settings(2, {{.channel = Channel::book, .symbols = {"BTC/USD"}},
                                              {.channel = Channel::trade, .symbols = {"BTC/USD"}}});
  const TemporaryFile file;
  SyncBlockWriter writer;
  std::vector<Event> events;
  {
    auto recorder = Recorder::create(file.path(), settings, 0x5eed, Duration{}, writer).value();
    LegsWorld world(settings, recorder.get());
    world.turn();
    for (const uint32_t leg : {0U, 1U}) {
      world.bring_live(leg);
      world.trades(leg, "snapshot", {6, 7});
    }
    for (int64_t round = 0; round < 5; ++round) {
      say_something(world, round);
      world.turn();
    }
    world.trades(0, "update", {9});
    world.trades(1, "update", {9, 10});
    world.fail(0);
    world.pass(200_ms);
    world.bring_live(0);
    world.corrupt(1);
    world.pass(300_ms);
    world.command(make_command(Command::Kind::close));
    world.pass(2_s);
    EXPECT_TRUE(world.engine.closed());
    events = world.take();
    recorder->finish();
  }
  auto replay = Replay::open(file.path());
  ASSERT_TRUE(replay) << replay.error();
  EXPECT_EQ(replay->settings().legs.size(), 2U);
  size_t same = 0;
  for (Event event; replay->poll(event); ++same) {
    ASSERT_LT(same, events.size());
    ASSERT_EQ(std::memcmp(&event, &events[same], sizeof event), 0) << "event " << same;
  }
  EXPECT_EQ(same, events.size());
  EXPECT_EQ(replay->end(), ReplayEnd::whole) << replay->message();
}

}  // namespace
}  // namespace havklo
