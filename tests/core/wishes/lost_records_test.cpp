// A consumer that is too slow: what is lost, what is told of it, and how the books come back
// (design §1.1, lesson 11). Through the engine's doors.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "support/engine_world.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

class LostRecords : public testing::Test {
 protected:
  EngineWorld& live(Settings settings) {
    settings.ring_slots = ring_slots_min(settings);
    world_.emplace(std::move(settings));
    world_->go_live();
    static_cast<void>(world_->take_requests());
    static_cast<void>(world_->take());
    return *world_;
  }
  // The feed of every other symbol goes on.
  void pass_with_heartbeats(Duration time) {
    for (; time > Duration{}; time = time - 500_ms) {
      world_->pass(500_ms);
      world_->say(R"({"channel":"heartbeat"})");
    }
  }
  // Nobody looks, and the ring is full.
  void fall_asleep(const Settings& settings) {
    world_->consumer_sleeps = true;
    for (uint32_t i = 0; i < ring_slots_min(settings); ++i) {
      world_->say(R"({"channel":"heartbeat"})");
    }
  }
  void wake_up() {
    world_->consumer_sleeps = false;
    world_->turn();
    world_->turn();
  }

  std::optional<EngineWorld> world_;
};

// Found by havklo sim: a hundred books in the smallest ring were asked for together again and
// again, and each time most of their snapshots did not fit.
TEST_F(LostRecords, OfManyLostBooksThoseAreAskedForWhoseSnapshotsFit) {
  std::vector<std::string> symbols;
  for (int i = 0; i < 30; ++i) symbols.push_back(fmt::format("COIN{}/USD", i));
  const Settings settings = book_settings(symbols);
  EngineWorld& world = live(settings);
  const auto named = [&world] {
    std::vector<std::string> all;
    for (const std::string& request : world.take_requests()) {
      for (size_t at = 0; (at = request.find("COIN", at)) != std::string::npos;) {
        const size_t end = request.find('"', at);
        all.push_back(request.substr(at, end - at));
        at = end;
      }
    }
    return all;
  };
  fall_asleep(settings);
  for (const std::string& symbol : symbols) world.update(symbol);
  wake_up();
  std::vector<std::string> first = named();
  EXPECT_GT(first.size(), 1U);
  EXPECT_LT(first.size(), symbols.size());
  world.turn();
  EXPECT_TRUE(named().empty()) << "the others wait until these are there";
  for (const std::string& symbol : first) world.ack("unsubscribe", symbol);
  pass_with_heartbeats(5_s);  // one request in 100 ms
  EXPECT_EQ(named().size(), first.size());
  for (const std::string& symbol : first) {
    world.ack("subscribe", symbol);
    world.snapshot(symbol);
  }
  pass_with_heartbeats(1_s);
  EXPECT_EQ(named().size(), symbols.size() - first.size());
}

TEST_F(LostRecords, ASlowConsumerLosesMarketEventsAndNothingElse) {  // lesson 11
  const Settings settings = book_settings({"BTC/USD"});
  EngineWorld& world = live(settings);
  fall_asleep(settings);
  world.update("BTC/USD");  // lost: the book is stale
  world.fail(Reason::peer_reset);
  world.pass(10_s);
  EXPECT_EQ(world.net.opens.size(), 1u) << "an attempt begins only with its slots reserved";
  wake_up();
  EXPECT_EQ(world.net.opens.size(), 2u);
  uint64_t expected = world.events.front().sequence;
  bool overrun = false;
  for (const Event& event : world.events) {
    if (event.kind == EventKind::overrun) {
      overrun = true;
      EXPECT_EQ(event.epoch, 1u);
      EXPECT_EQ(event.payload.overrun.first, expected);
      EXPECT_EQ(event.payload.overrun.last - event.payload.overrun.first + 1,
                event.payload.overrun.lost);
      expected = event.payload.overrun.last + 1;
    }
    EXPECT_EQ(event.sequence, expected++);
  }
  EXPECT_TRUE(overrun);
  const std::string names = world.take_names();
  EXPECT_TRUE(names.contains("BookStale")) << names;
  EXPECT_TRUE(names.contains("Disconnected Reconnecting")) << names;
}

TEST_F(LostRecords, AStaleBookIsAskedForAgainOnceThereIsRoom) {
  const Settings settings = book_settings({"BTC/USD"});
  EngineWorld& world = live(settings);
  fall_asleep(settings);
  world.update("BTC/USD");
  EXPECT_TRUE(world.take_requests().empty());
  wake_up();
  const auto requests = world.take_requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_TRUE(requests[0].contains(R"("method":"unsubscribe")"));
  world.ack("unsubscribe", "BTC/USD");
  world.ack("subscribe", "BTC/USD");
  static_cast<void>(world.take());
  world.snapshot("BTC/USD");
  EXPECT_EQ(world.take_names(), "BookSnapshot BookSnapshot");
}

}  // namespace
}  // namespace havklo
