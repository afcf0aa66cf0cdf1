// A cycle that waits for slots, or an overrun for room: what it keeps meanwhile, and what not.
#include <gtest/gtest.h>

#include <algorithm>

#include "support/engine_world.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

class Parked : public testing::Test {
 protected:
  void pass(Duration time) {
    for (; time > Duration{}; time = time - 500_ms) {
      world_->pass(std::min(time, 500_ms));
      world_->say(R"({"channel":"heartbeat"})");
    }
  }
  // ETH/USD is well, nobody reads the ring, and refusals of the other wish have used up the slots:
  // the next cycle is parked.
  EngineWorld& without_slots(Duration before_its_ack = {}) {
    Settings settings = book_settings({"ETH/USD", "XBT/USD"});
    settings.ring_slots = ring_slots_min(settings);
    world_.emplace(settings);
    world_->turn();
    world_->open();
    world_->greet();
    constexpr std::string_view unknown = "Currency pair not supported";
    world_->refuse("subscribe", unknown, R"(,"symbol":"XBT/USD")");
    pass(before_its_ack);
    world_->ack("subscribe", "ETH/USD");
    world_->snapshot("ETH/USD");
    world_->consumer_sleeps = true;
    for (uint32_t i = 0; i < settings.ring_slots; ++i) world_->say(R"({"channel":"heartbeat"})");
    static_cast<void>(world_->take_requests());
    for (int i = 0; i < 100; ++i) {
      world_->command(make_command(Command::Kind::subscribe, "XBT/USD"));
      if (world_->take_requests().empty()) return *world_;
      world_->refuse("subscribe", unknown, R"(,"symbol":"XBT/USD")");
      pass(500_ms);
    }
    ADD_FAILURE() << "the slots are never used up";
    return *world_;
  }
  // What is asked of ETH/USD once somebody reads.
  std::string methods_when_read() {
    world_->consumer_sleeps = false;
    world_->read();
    pass(1_s);
    std::string methods;
    for (const std::string& request : world_->take_requests()) {
      if (!request.contains("ETH/USD")) continue;
      methods += request.contains("unsubscribe") ? "unsubscribe " : "subscribe ";
    }
    return methods;
  }

  std::optional<EngineWorld> world_;
};

// An end that waits for slots is what the user wished last.
TEST_F(Parked, AnEndIsNotForgottenForAFault) {
  EngineWorld& world = without_slots();
  world.command(make_command(Command::Kind::unsubscribe, "ETH/USD"));
  world.say(EngineWorld::update_text("ETH/USD", "1"));
  EXPECT_EQ(methods_when_read(), "unsubscribe ");
  world.ack("unsubscribe", "ETH/USD");
  EXPECT_EQ(methods_when_read(), "");
}

TEST_F(Parked, AFaultIsForgottenWithItsConnection) {
  EngineWorld& world = without_slots();
  world.update("ETH/USD");  // lost, and the fault waits
  world.fail(Reason::peer_reset);
  world.consumer_sleeps = false;
  world.read();
  world.pass(1_s);
  world.open();
  world.greet();
  world.ack("subscribe", "ETH/USD");
  world.snapshot("ETH/USD");
  static_cast<void>(world.take());
  world.command(make_command(Command::Kind::unsubscribe, "ETH/USD"));
  world.ack("unsubscribe", "ETH/USD");
  EXPECT_EQ(world.take_names(), "Unsubscribed");
}

// Its book was good at the third try; that it is asked for again now is another story.
TEST_F(Parked, AnOverrunHasTriesOfItsOwn) {
  EngineWorld& world = without_slots(20'500_ms);
  world.update("ETH/USD");  // lost
  EXPECT_EQ(methods_when_read(), "unsubscribe ");
  pass(15_s);  // the venue is silent once
  for (const Event& event : world.take()) {
    const bool of_eth = world.engine.names().symbol(event.payload.subscription.symbol) == "ETH/USD";
    EXPECT_FALSE(event.kind == EventKind::rejected && of_eth);
  }
}

// A second `subscribe` never yields a snapshot.
TEST_F(Parked, AnEndThatIsTakenBackComesFirstAllTheSame) {
  EngineWorld& world = without_slots();
  world.command(make_command(Command::Kind::unsubscribe, "ETH/USD"));
  world.command(make_command(Command::Kind::subscribe, "ETH/USD"));
  EXPECT_EQ(methods_when_read(), "unsubscribe ");
  world.ack("unsubscribe", "ETH/USD");
  EXPECT_EQ(methods_when_read(), "subscribe ");
}

// Else the snapshot would be lost as the update was, and asked for again and again.
TEST_F(Parked, AnOverrunWaitsForTheRoomOfAWholeSnapshot) {
  Settings settings = book_settings({"BTC/USD"});  // of ten levels a side
  settings.ring_slots = ring_slots_min(settings);
  world_.emplace(settings);
  EngineWorld& world = *world_;
  world.go_live();
  static_cast<void>(world.take_requests());
  world.consumer_sleeps = true;
  for (uint32_t i = 0; i < settings.ring_slots; ++i) world.say(R"({"channel":"heartbeat"})");
  world.update("BTC/USD");
  for (uint32_t i = 0; i < settings.ring_slots && world.take_requests().empty(); ++i) {
    world.read(1);
    world.turn();
  }
  world.pass(1_ms);
  const Instant asked_at = world.clock.now();
  for (uint32_t i = 0; i < settings.ring_slots; ++i) world.say(R"({"channel":"heartbeat"})");
  static_cast<void>(world.take());
  world.read();
  const auto fitted = std::ranges::count_if(world.events, [asked_at](const Event& event) {
    return event.kind == EventKind::heartbeat && event.time >= asked_at;
  });
  EXPECT_GE(fitted, 20);
}

}  // namespace
}  // namespace havklo
