// A venue that answers late, in other words, or never: what an old answer is still worth, and that
// nothing goes on for ever (design §1.1, §2). Through the engine's doors.
#include <gtest/gtest.h>

#include "support/engine_world.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

class LateAnswers : public testing::Test {
 protected:
  // BTC/USD is well, the other has been asked for in the same request.
  EngineWorld& asked(std::string_view other = "ETH/USD") {
    world_.emplace(book_settings({"BTC/USD", std::string(other)}));
    world_->turn();
    world_->open();
    world_->greet();
    world_->ack("subscribe", "BTC/USD");
    world_->snapshot("BTC/USD");
    static_cast<void>(world_->take_requests());
    static_cast<void>(world_->take());
    return *world_;
  }
  EngineWorld& live() {
    EngineWorld& world = asked();
    world.ack("subscribe", "ETH/USD");
    world.snapshot("ETH/USD");
    static_cast<void>(world.take());
    return world;
  }
  void pass(Duration time) {
    for (; time > Duration{}; time = time - 500_ms) {
      world_->pass(500_ms);
      world_->say(R"({"channel":"heartbeat"})");
    }
    std::erase_if(world_->events,
                  [](const Event& event) { return event.kind == EventKind::heartbeat; });
  }
  void ack_in_depth(uint32_t depth) {
    world_->say(R"({"method":"subscribe","result":{"channel":"book","depth":)" +
                std::to_string(depth) + R"(,"snapshot":true,"symbol":"ETH/USD"},"success":true})");
  }

  std::optional<EngineWorld> world_;
};

TEST_F(LateAnswers, ARefusalOfTheSymbolItselfIsGoodHoweverLate) {
  EngineWorld& world = asked("NONE/USD");
  pass(12_s);  // asked for again two seconds ago
  static_cast<void>(world.take_requests());
  world.refuse("subscribe", "Currency pair not supported NONE/USD",
               R"(,"symbol":"NONE/USD","req_id":1)");
  EXPECT_EQ(world.take_names(), "Rejected SubscriptionsRestored");
  pass(60_s);
  EXPECT_TRUE(world.take_requests().empty());
}

TEST_F(LateAnswers, ARefusalOfWhatWasGivenBackSinceIsNone) {
  EngineWorld& world = asked("NONE/USD");
  world.command(make_command(Command::Kind::subscribe, "NONE/USD", Channel::book, 100));
  pass(31_s);  // given back in vain, and asked for again
  static_cast<void>(world.take_requests());
  world.refuse("subscribe", "Currency pair not supported NONE/USD",
               R"(,"symbol":"NONE/USD","req_id":1)");
  pass(61_s);
  EXPECT_FALSE(world.take_requests().empty()) << "it is tried on";
}

TEST_F(LateAnswers, AnEndIsGoodThatComesBetweenTwoTries) {
  EngineWorld& world = live();
  world.command(make_command(Command::Kind::unsubscribe, "ETH/USD"));
  pass(60'500_ms);  // twice three times in vain, and now a second's pause
  static_cast<void>(world.take_requests());
  world.ack("unsubscribe", "ETH/USD");
  EXPECT_EQ(world.take_names(), "Unsubscribed");
  pass(10_s);
  EXPECT_TRUE(world.take_requests().empty());
}

// It would be given back and asked for without end, at the full pace.
TEST_F(LateAnswers, WhatIsAlwaysTakenInAnotherDepthIsInDoubtAfterThreeTries) {
  EngineWorld& world = asked();
  for (int i = 0; i < 3; ++i) {
    ack_in_depth(100);
    if (i < 2) world.ack("unsubscribe", "ETH/USD");
    pass(500_ms);
  }
  const auto events = world.take();
  const auto told = std::ranges::find(events, EventKind::rejected, &Event::kind);
  ASSERT_NE(told, events.end());
  EXPECT_EQ(world.engine.names().text(told->payload.subscription.detail),
            "the venue took it with another parameter; it is asked for again");
  EXPECT_EQ(events.back().kind, EventKind::subscriptions_restored);
}

// Each change would give its cycle three tries more, and each try needs slots in the ring.
TEST_F(LateAnswers, ChangesOfMindWhileItIsGivenBackNeedNoMoreSlotsThanOne) {
  Settings settings = book_settings({"BTC/USD"});
  settings.ring_slots = ring_slots_min(settings);
  world_.emplace(settings);
  EngineWorld& world = *world_;
  world.go_live();
  world.consumer_sleeps = true;
  for (uint32_t i = 0; i < settings.ring_slots; ++i) world.say(R"({"channel":"heartbeat"})");
  for (int i = 0; i < 20; ++i) {
    world.command(
        make_command(Command::Kind::subscribe, "BTC/USD", Channel::book, i % 2 == 0 ? 100 : 25));
    world.ack("unsubscribe", "BTC/USD");
    world.pass(300_ms);
    world.say(R"({"channel":"heartbeat"})");
    world.ack("subscribe", "BTC/USD");
    world.pass(300_ms);
    world.say(R"({"channel":"heartbeat"})");
  }
  world.consumer_sleeps = false;
  world.turn();
  pass(20_s);
  EXPECT_FALSE(world.take_requests().empty());
}

TEST_F(LateAnswers, WhatItsDataSettleIsListenedTo) {
  Settings settings = book_settings({"BTC/USD"});
  world_.emplace(settings);
  EngineWorld& world = *world_;
  world.turn();
  world.open();
  world.greet();
  world.snapshot("BTC/USD");
  pass(30_s);  // never acknowledged, and evidently held
  EXPECT_TRUE(world.take_names().ends_with("SubscriptionsRestored"));
  const Instant deaf = world.clock.now();
  world.pass(settings.timeouts.heartbeat_timeout * 2);
  const auto events = world.take();
  const auto lost = std::ranges::find(events, EventKind::disconnected, &Event::kind);
  ASSERT_NE(lost, events.end());
  EXPECT_LE(lost->time - deaf, settings.timeouts.heartbeat_timeout * 2);
}

// Told as Rejected at once, for what the last connection met; but nobody is well yet.
TEST_F(LateAnswers, ADoubtOfAnEarlierConnectionIsNoAllClearOfThisOne) {
  world_.emplace(book_settings({"BTC/USD"}));
  EngineWorld& world = *world_;
  world.turn();
  world.open();
  world.greet();
  pass(29'500_ms);
  world.pass(1_s);  // mute: given up, and the next attempt is due
  static_cast<void>(world.take());
  world.open();
  world.greet();
  EXPECT_EQ(world.take_names(), "Connected Rejected Status");
  world.ack("subscribe", "BTC/USD");
  world.snapshot("BTC/USD");
  EXPECT_EQ(world.take_names(), "Subscribed BookSnapshot BookSnapshot SubscriptionsRestored");
}

TEST_F(LateAnswers, AMuteConnectionIsAFailureEachTime) {
  Settings settings = book_settings({"BTC/USD"});
  settings.circuit_breaker.failure_threshold = 3;
  world_.emplace(settings);
  EngineWorld& world = *world_;
  world.turn();
  for (int i = 0; i < 3; ++i) {
    world.open();
    world.greet();
    pass(29'500_ms);
    world.pass(2_s);
  }
  EXPECT_TRUE(world.take_names().contains("CircuitBreakerOpen"));
}

TEST_F(LateAnswers, WhatIsRefusedAgainOnThisConnectionHoldsUpNoAllClear) {
  world_.emplace(book_settings({"BTC/USD"}));
  EngineWorld& world = *world_;
  world.turn();
  world.open();
  world.greet();
  world.refuse("subscribe", "EService:Unavailable", R"(,"req_id":1)");
  world.fail(Reason::peer_reset);
  world.pass(1_s);
  world.open();
  world.greet();
  EXPECT_FALSE(world.take_names().ends_with("SubscriptionsRestored"));
  world.refuse("subscribe", "EService:Unavailable", R"(,"req_id":3)");
  EXPECT_EQ(world.take_names(), "SubscriptionsRestored");
}

// Its request never leaves: each rate error puts it off.
TEST_F(LateAnswers, WhatTheRateNeverLetsLeaveIsInDoubtAfterThreeTries) {
  Settings settings = book_settings({"BTC/USD"});
  settings.subscriptions.push_back({.channel = Channel::ticker, .symbols = {"BTC/USD"}});
  settings.requests = {.per_second = 1, .burst = 1};
  world_.emplace(settings);
  EngineWorld& world = *world_;
  world.turn();
  world.open();
  world.greet();
  world.ack("subscribe", "BTC/USD");
  world.snapshot("BTC/USD");
  static_cast<void>(world.take());
  for (int i = 0; i < 80; ++i) {
    pass(500_ms);
    world.say(R"({"Error":"Exceeded msg rate"})");
  }
  EXPECT_EQ(world.take_names(), "Rejected SubscriptionsRestored");
}

// A venue that contradicts itself: the book is there.
TEST_F(LateAnswers, AlreadySubscribedForTheSecondTimeIsAnAckWhereTheBookIsGood) {
  EngineWorld& world = asked();
  world.refuse("subscribe", "Already subscribed", R"(,"req_id":1)");
  world.ack("unsubscribe", "ETH/USD");
  pass(500_ms);
  world.snapshot("ETH/USD");
  static_cast<void>(world.take());
  world.refuse("subscribe", "Already subscribed", R"(,"req_id":3)");
  EXPECT_EQ(world.take_names(), "Subscribed SubscriptionsRestored");
}

// One subscription carries all instruments: its end for one is the end of all.
TEST_F(LateAnswers, AnInstrumentThatLostItsWireToAnothersEndBeginsAnew) {
  Settings settings = book_settings({"BTC/USD"});
  settings.subscriptions.push_back({.channel = Channel::instrument, .symbols = {"BTC/USD"}});
  world_.emplace(settings);
  EngineWorld& world = *world_;
  world.turn();
  world.open();
  world.greet();
  world.ack("subscribe", "BTC/USD");
  world.snapshot("BTC/USD");
  world.ack("subscribe", "BTC/USD", "instrument");
  static_cast<void>(world.take());
  world.command(make_command(Command::Kind::subscribe, "ETH/USD", Channel::instrument));
  world.refuse("subscribe", "Already subscribed", R"(,"req_id":3)");
  world.command(make_command(Command::Kind::unsubscribe, "ETH/USD", Channel::instrument));
  static_cast<void>(world.take_requests());
  world.say(R"({"method":"unsubscribe","result":{"channel":"instrument"},"success":true})");
  pass(1_s);
  const auto requests = world.take_requests();
  ASSERT_FALSE(requests.empty());
  EXPECT_TRUE(requests.back().contains(R"("subscribe")")) << requests.back();
  world.say(R"({"method":"subscribe","result":{"channel":"instrument"},"success":true})");
  EXPECT_EQ(world.take_names(), "Unsubscribed Subscribed");
}

TEST_F(LateAnswers, ALateAckOfAnotherDepthIsNone) {
  EngineWorld& world = asked();
  pass(40'500_ms);  // in doubt, asked for once more, and it waits to be asked again
  static_cast<void>(world.take());
  world.command(make_command(Command::Kind::subscribe, "ETH/USD", Channel::book, 100));
  world.ack("subscribe", "ETH/USD");
  EXPECT_EQ(world.take_names(), "");
}

// A deaf venue answers at last what was asked before the user changed the depth. It says which.
TEST_F(LateAnswers, AnAckThatNamesAnotherDepthIsNoneToTheNewerRequest) {
  EngineWorld& world = asked();
  world.command(make_command(Command::Kind::subscribe, "ETH/USD", Channel::book, 100));
  pass(35_s);  // its end is not acknowledged either: it is asked for in the new depth
  static_cast<void>(world.take());
  world.say(R"({"method":"subscribe","result":{"channel":"book","depth":10,"snapshot":true,)"
            R"("symbol":"ETH/USD"},"success":true})");
  world.snapshot("ETH/USD");
  EXPECT_EQ(world.take_names(), "") << "a book of ten levels in one of a hundred";
  pass(1_s);
  world.ack("unsubscribe", "ETH/USD");
  pass(1_s);
  static_cast<void>(world.take());
  world.say(R"({"method":"subscribe","result":{"channel":"book","depth":100,"snapshot":true,)"
            R"("symbol":"ETH/USD"},"success":true})");
  EXPECT_EQ(world.take_names(), "Subscribed");
}

// Found by havklo sim: a venue that answers everything half a minute later had taken it back since.
TEST_F(LateAnswers, AnAckOfWhatWasGivenBackSinceIsNone) {
  const auto ack_of = [](uint64_t id) {
    return R"({"method":"subscribe","req_id":)" + std::to_string(id) +
           R"(,"result":{"channel":"book","depth":10,"snapshot":true,"symbol":"ETH/USD"},)"
           R"("success":true})";
  };
  EngineWorld& world = asked();
  world.command(make_command(Command::Kind::subscribe, "ETH/USD", Channel::book, 100));
  world.command(make_command(Command::Kind::subscribe, "ETH/USD"));
  pass(41_s);  // given back in vain, and asked for again
  static_cast<void>(world.take());
  world.say(ack_of(1));
  EXPECT_EQ(world.take_names(), "");
  world.say(ack_of(6));
  EXPECT_EQ(world.take_names(), "Subscribed");
}

}  // namespace
}  // namespace havklo
