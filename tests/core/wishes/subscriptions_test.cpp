// What happens to one symbol while the connection lives: refusals, silence, repairs, changes of
// mind. Through the engine's doors; the rules are design §1.1 and kraken-v2 §5, §8.6.
#include <gtest/gtest.h>

#include "support/engine_world.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

class SubscriptionsTest : public testing::Test {
 protected:
  // Connected, greeted, and the first requests taken.
  EngineWorld& greeted(Settings settings) {
    world_.emplace(std::move(settings));
    world_->turn();
    world_->open();
    world_->greet();
    static_cast<void>(world_->take_requests());
    static_cast<void>(world_->take());
    return *world_;
  }
  EngineWorld& live(Settings settings) {
    world_.emplace(std::move(settings));
    world_->go_live();
    static_cast<void>(world_->take_requests());
    static_cast<void>(world_->take());
    return *world_;
  }
  // The feed of every other symbol goes on.
  void pass_with_heartbeats(Duration time) {
    for (; time >= 1_s; time = time - 1_s) {
      world_->pass(1_s);
      world_->say(R"({"channel":"heartbeat"})");
    }
    world_->pass(time);
    std::erase_if(world_->events,
                  [](const Event& event) { return event.kind == EventKind::heartbeat; });
  }

  static std::string bad_snapshot(std::string_view symbol) {
    std::string text = EngineWorld::snapshot_text(symbol);
    const std::string_view checksum = EngineWorld::snapshot_checksum;
    return text.replace(text.find(checksum), checksum.size(), "1");
  }

  std::optional<EngineWorld> world_;
};

TEST_F(SubscriptionsTest, ARefusedSymbolIsReportedFirstAndLeftOutOfTheCount) {  // lesson 27
  EngineWorld& world = greeted(book_settings({"BTC/USD", "XBT/USD"}));
  world.refuse("subscribe", "Currency pair not supported XBT/USD",
               R"(,"symbol":"XBT/USD","req_id":1)");
  world.ack("subscribe", "BTC/USD");
  world.snapshot("BTC/USD");
  const auto events = world.take();
  ASSERT_EQ(events[0].kind, EventKind::rejected);
  EXPECT_EQ(world.engine.names().symbol(events[0].payload.subscription.symbol), "XBT/USD");
  EXPECT_EQ(world.engine.names().text(events[0].payload.subscription.detail),
            "Currency pair not supported XBT/USD");
  EXPECT_EQ(events.back().kind, EventKind::subscriptions_restored);
  EXPECT_EQ(events.back().payload.subscriptions_restored.count, 1u);
  EXPECT_EQ(events.back().payload.subscriptions_restored.rejected, 1u);
}

TEST_F(SubscriptionsTest, ARefusalThatNamesNobodyIsAskedAgainSymbolBySymbol) {  // lesson 27
  EngineWorld& world = greeted(book_settings({"BTC/USD", "bad/one"}));
  world.refuse("subscribe", "Malformed request", R"(,"req_id":1)");
  world.pass(1_s);
  const auto requests = world.take_requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_TRUE(contains(requests[0], R"(["BTC/USD"])"));
  EXPECT_TRUE(contains(requests[1], R"(["bad/one"])"));
  world.ack("subscribe", "BTC/USD");
  world.snapshot("BTC/USD");
  world.refuse("subscribe", "Malformed request", R"(,"req_id":3)");
  EXPECT_EQ(world.take_names(),
            "Subscribed BookSnapshot BookSnapshot Rejected SubscriptionsRestored");
}

// There is nothing that the venue could end.
TEST_F(SubscriptionsTest, WhatWasRefusedIsNotGivenBack) {
  EngineWorld& world = greeted(book_settings({"BTC/USD", "XBT/USD"}));
  world.refuse("subscribe", "Currency pair not supported XBT/USD", R"(,"symbol":"XBT/USD")");
  static_cast<void>(world.take());
  world.command(make_command(Command::Kind::unsubscribe, "XBT/USD"));
  EXPECT_EQ(world.take_names(), "Unsubscribed");
  world.pass(1_s);
  EXPECT_TRUE(world.take_requests().empty());
}

// lesson 7: a rate error names nobody and overtakes the acks of what the venue has taken.
TEST_F(SubscriptionsTest, AnAckThatComesAfterARateErrorIsGood) {
  Settings settings = book_settings({"BTC/USD", "ETH/USD"});
  settings.subscriptions.push_back({.channel = Channel::trade, .symbols = {"BTC/USD"}});
  EngineWorld& world = greeted(settings);
  world.say(R"({"Error":"Exceeded msg rate"})");
  world.ack("subscribe", "BTC/USD");
  world.ack("subscribe", "ETH/USD");
  world.snapshot("BTC/USD");
  world.snapshot("ETH/USD");
  EXPECT_EQ(world.take_names(),
            "Subscribed Subscribed BookSnapshot BookSnapshot BookSnapshot BookSnapshot");
  world.pass(1_s);
  const auto requests = world.take_requests();
  ASSERT_EQ(requests.size(), 1u) << "only the one that was refused is asked for again";
  EXPECT_TRUE(contains(requests[0], R"("channel":"trade")"));
  world.ack("subscribe", "BTC/USD", "trade");
  EXPECT_EQ(world.take_names(), "Subscribed SubscriptionsRestored");
}

// Its data show that the venue took the request: the strategy's book must not stand still unsaid.
TEST_F(SubscriptionsTest, ABookWhoseAnswerIsMissingIsKeptUpUntilItIsGivenBack) {
  EngineWorld& world = greeted(book_settings({"BTC/USD", "ETH/USD"}));
  world.ack("subscribe", "BTC/USD");
  world.snapshot("BTC/USD");
  world.snapshot("ETH/USD");  // before its ack
  static_cast<void>(world.take());
  world.say(R"({"Error":"Exceeded msg rate"})");
  world.pass(1_s);
  EXPECT_EQ(world.take_requests().size(), 1U);
  world.update("ETH/USD");
  EXPECT_EQ(world.take_names(), "BookUpdate");
  world.refuse("subscribe", "Already subscribed", R"(,"symbol":"ETH/USD")");
  EXPECT_EQ(world.take_requests().size(), 1U);
  world.update("ETH/USD");
  EXPECT_EQ(world.take_names(), "BookUpdate");
  world.ack("unsubscribe", "ETH/USD");
  EXPECT_EQ(world.take_names(), "Unsubscribed");
  world.pass(1_s);
  EXPECT_EQ(world.take_requests().size(), 1U);
  world.ack("subscribe", "ETH/USD");
  world.snapshot("ETH/USD");
  EXPECT_EQ(world.take_names(), "Subscribed BookSnapshot BookSnapshot SubscriptionsRestored");
}

TEST_F(SubscriptionsTest, ARateErrorThatNamesItsRequestConcernsThatOneAlone) {
  Settings settings = book_settings({"BTC/USD"});
  settings.subscriptions.push_back({.channel = Channel::trade, .symbols = {"BTC/USD"}});
  EngineWorld& world = greeted(settings);
  world.refuse("subscribe", "Exceeded msg rate", R"(,"req_id":2)");
  world.pass(1_s);
  const auto requests = world.take_requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_TRUE(contains(requests[0], R"("channel":"trade")"));
}

TEST_F(SubscriptionsTest, AnAckAfterItsDeadlineIsGoodAndItsSnapshotHasOneOfItsOwn) {
  Settings settings = book_settings({"BTC/USD", "ETH/USD"});
  settings.requests = {.per_second = 1, .burst = 1};
  EngineWorld& world = greeted(settings);
  world.ack("subscribe", "BTC/USD");
  world.snapshot("BTC/USD");
  pass_with_heartbeats(9'800_ms);
  world.command(make_command(Command::Kind::subscribe, "SOL/USD"));  // the next has to wait
  pass_with_heartbeats(300_ms);
  ASSERT_EQ(world.take_requests().size(), 1u);
  world.ack("subscribe", "SOL/USD");
  world.snapshot("SOL/USD");
  static_cast<void>(world.take());
  world.ack("subscribe", "ETH/USD");
  EXPECT_EQ(world.take_names(), "Subscribed");
  pass_with_heartbeats(9_s);
  EXPECT_TRUE(world.take_requests().empty());
  pass_with_heartbeats(1_s);
  const auto requests = world.take_requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_TRUE(contains(requests[0], R"("method":"unsubscribe")"));
}

TEST_F(SubscriptionsTest, AcknowledgedButDeadIsUnsubscribedAndAskedAgain) {  // lessons 15, 16
  EngineWorld& world = greeted(book_settings({"BTC/USD"}));
  world.ack("subscribe", "BTC/USD");
  EXPECT_EQ(world.take_names(), "Subscribed");
  pass_with_heartbeats(10_s);
  auto requests = world.take_requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_TRUE(contains(requests[0], R"("method":"unsubscribe")"));
  world.ack("unsubscribe", "BTC/USD");
  world.pass(1_s);
  requests = world.take_requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_TRUE(contains(requests[0], R"("method":"subscribe")"));
  world.ack("subscribe", "BTC/USD");
  world.snapshot("BTC/USD");
  EXPECT_TRUE(contains(world.take_names(), "SubscriptionsRestored"));
}

TEST_F(SubscriptionsTest, ABadChecksumRepairsThatBookAlone) {  // lessons 9, 16, 17
  EngineWorld& world = live(book_settings({"BTC/USD", "ETH/USD"}));
  world.say(EngineWorld::update_text("BTC/USD", "1"));
  ASSERT_EQ(world.events.size(), 1u);
  EXPECT_EQ(world.events[0].kind, EventKind::checksum_mismatch);
  EXPECT_EQ(world.events[0].payload.book_fault.expected, 1u);
  auto requests = world.take_requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_TRUE(contains(requests[0], R"("method":"unsubscribe")"));
  EXPECT_TRUE(contains(requests[0], R"(["BTC/USD"])"));
  static_cast<void>(world.take());
  world.say(EngineWorld::update_text("BTC/USD", "1"));  // still on the way: once is enough
  EXPECT_TRUE(world.take().empty());
  world.update("ETH/USD");
  EXPECT_EQ(world.take_names(), "BookUpdate");
  world.ack("unsubscribe", "BTC/USD");
  requests = world.take_requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_TRUE(contains(requests[0], R"("method":"subscribe")"));
  world.ack("subscribe", "BTC/USD");
  world.snapshot("BTC/USD");
  EXPECT_EQ(world.take_names(), "Unsubscribed Subscribed BookSnapshot BookSnapshot");
}

TEST_F(SubscriptionsTest, RepairsOfOneBookBackOffByThemselves) {  // lesson 17
  EngineWorld& world = live(book_settings({"BTC/USD"}));
  const std::vector<Duration> delays = {0_s, 1_s, 2_s, 4_s, 8_s, 16_s, 32_s, 60_s, 60_s};
  for (const Duration delay : delays) {
    world.say(EngineWorld::update_text("BTC/USD", "1"));
    world.pass(200_ms);
    ASSERT_EQ(world.take_requests().size(), 1u);  // unsubscribe
    world.ack("unsubscribe", "BTC/USD");
    if (delay > 0_s) {
      pass_with_heartbeats(delay - 1_s);
      world.say(R"({"channel":"heartbeat"})");
      world.pass(900_ms);
      EXPECT_TRUE(world.take_requests().empty()) << delay.ns;
      world.pass(100_ms);
    }
    const auto requests = world.take_requests();
    ASSERT_EQ(requests.size(), 1u) << delay.ns;
    world.ack("subscribe", "BTC/USD");
    world.snapshot("BTC/USD");
  }
  pass_with_heartbeats(5_s);  // stable_after of good book: forgotten
  world.say(EngineWorld::update_text("BTC/USD", "1"));
  world.ack("unsubscribe", "BTC/USD");
  EXPECT_EQ(world.take_requests().size(), 2u);
}

TEST_F(SubscriptionsTest, ACrossedBookIsInvalid) {
  EngineWorld& world = live(book_settings({"BTC/USD"}));
  world.say(
      R"({"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[{"price":100.2,"qty":1.0000}],"asks":[],"checksum":1939367622,"timestamp":"2026-07-07T23:00:04.501510Z"}]})");
  ASSERT_FALSE(world.events.empty());
  EXPECT_EQ(world.events[0].kind, EventKind::book_invalid);
  EXPECT_EQ(world.events[0].payload.book_fault.fault, BookFault::crossed);
}

TEST_F(SubscriptionsTest, AnAckThatNamesNobodyIsLeftAlone) {
  EngineWorld& world = live(book_settings({"BTC/USD"}));
  static_cast<void>(world.take());
  for (const char* method : {"subscribe", "unsubscribe"}) {
    world.say(R"({"method":")" + std::string(method) + R"(","success":true})");
    world.say(R"({"method":")" + std::string(method) +
              R"(","success":true,"result":{"channel":"book"}})");
    world.say(R"({"method":")" + std::string(method) +
              R"(","success":true,"result":{"channel":"book","symbol":""}})");
  }
  EXPECT_TRUE(world.take().empty());
}

TEST_F(SubscriptionsTest, AlreadySubscribedMeansOurPictureIsWrong) {  // lesson 16
  EngineWorld& world = greeted(book_settings({"BTC/USD"}));
  world.refuse("subscribe", "Already subscribed", R"(,"req_id":1)");
  auto requests = world.take_requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_TRUE(contains(requests[0], R"("method":"unsubscribe")"));
  world.refuse("unsubscribe", "Subscription Not Found", R"(,"req_id":2)");
  requests = world.take_requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_TRUE(contains(requests[0], R"("method":"subscribe")"));
  // The strategy was told of no subscription, so it is told of no end of one.
  EXPECT_TRUE(world.take().empty());
  world.ack("subscribe", "BTC/USD");
  EXPECT_EQ(world.take_names(), "Subscribed");
}

TEST_F(SubscriptionsTest, GivenBackAfterAlreadySubscribedItIsSaidWhenTheUserAskedForIt) {
  EngineWorld& world = greeted(book_settings({"BTC/USD"}));
  world.refuse("subscribe", "Already subscribed", R"(,"req_id":1)");
  world.command(make_command(Command::Kind::unsubscribe, "BTC/USD", Channel::book, 10));
  static_cast<void>(world.take());
  world.ack("unsubscribe", "BTC/USD");
  EXPECT_TRUE(contains(world.take_names(), "Unsubscribed"));
}

TEST_F(SubscriptionsTest, ExceededMsgRateSlowsDownAndAsksAgain) {
  EngineWorld& world = greeted(book_settings({"BTC/USD"}));
  world.say(R"({"Error":"Exceeded msg rate"})");
  EXPECT_TRUE(world.take_requests().empty());
  pass_with_heartbeats(3_s);
  EXPECT_EQ(world.take_requests().size(), 1u);
}

TEST_F(SubscriptionsTest, ASymbolAddedWhileLiveIsAskedForAndNoSecondAllClearIsSaid) {
  EngineWorld& world = live(book_settings({"BTC/USD"}));
  world.command(make_command(Command::Kind::subscribe, "ETH/USD", Channel::book, 25));
  const auto requests = world.take_requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_TRUE(contains(requests[0], R"("depth":25)"));
  world.ack("subscribe", "ETH/USD");
  world.snapshot("ETH/USD");
  EXPECT_EQ(world.take_names(), "Subscribed BookSnapshot BookSnapshot");
}

TEST_F(SubscriptionsTest, AnUnsubscribedSymbolIsNotAskedForAgain) {
  EngineWorld& world = live(book_settings({"BTC/USD", "ETH/USD"}));
  world.command(make_command(Command::Kind::unsubscribe, "ETH/USD"));
  world.ack("unsubscribe", "ETH/USD");
  EXPECT_EQ(world.take_names(), "Unsubscribed");
  world.fail(Reason::peer_reset);
  world.pass(100_ms);
  world.open();
  world.greet();
  const auto requests = world.take_requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_TRUE(contains(requests[0], R"("symbol":["BTC/USD"])"));
}

TEST_F(SubscriptionsTest, AnotherDepthTakesAnUnsubscribeFirst) {  // lesson 16
  EngineWorld& world = live(book_settings({"BTC/USD"}));
  world.command(make_command(Command::Kind::subscribe, "BTC/USD", Channel::book, 100));
  auto requests = world.take_requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_TRUE(contains(requests[0], R"("method":"unsubscribe")"));
  EXPECT_TRUE(contains(requests[0], R"("depth":10)"));
  world.ack("unsubscribe", "BTC/USD");
  requests = world.take_requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_TRUE(contains(requests[0], R"("depth":100)"));
}

// lesson 26: nothing in between may answer with a price that no longer moves.
TEST_F(SubscriptionsTest, ABookThatIsToGoIsKeptUpUntilTheVenueHasEndedIt) {
  EngineWorld& world = live(book_settings({"BTC/USD", "ETH/USD"}));
  world.command(make_command(Command::Kind::subscribe, "BTC/USD", Channel::book, 100));
  world.command(make_command(Command::Kind::unsubscribe, "ETH/USD"));
  static_cast<void>(world.take_requests());
  world.update("BTC/USD");
  world.update("ETH/USD");
  EXPECT_EQ(world.take_names(), "BookUpdate BookUpdate");
  world.ack("unsubscribe", "BTC/USD");
  world.ack("unsubscribe", "ETH/USD");
  world.update("BTC/USD");
  world.update("ETH/USD");
  EXPECT_EQ(world.take_names(), "Unsubscribed Unsubscribed");
  world.ack("subscribe", "BTC/USD");
  world.snapshot("BTC/USD");
  EXPECT_EQ(world.take_names(), "Subscribed BookSnapshot BookSnapshot");
}

TEST_F(SubscriptionsTest, ABookThatIsToGoAndBreaksIsToldAndGoesAllTheSame) {
  EngineWorld& world = live(book_settings({"BTC/USD", "ETH/USD"}));
  world.command(make_command(Command::Kind::unsubscribe, "ETH/USD"));
  static_cast<void>(world.take_requests());
  world.say(EngineWorld::update_text("ETH/USD", "1"));
  world.update("ETH/USD");
  EXPECT_EQ(world.take_names(), "ChecksumMismatch");
  world.ack("unsubscribe", "ETH/USD");
  EXPECT_EQ(world.take_names(), "Unsubscribed");
  world.pass(1_s);
  EXPECT_TRUE(world.take_requests().empty());
}

TEST_F(SubscriptionsTest, ABadSnapshotOfAnotherDepthIsRepairedAtOnce) {
  EngineWorld& world = live(book_settings({"BTC/USD"}));
  world.command(make_command(Command::Kind::subscribe, "BTC/USD", Channel::book, 100));
  world.ack("unsubscribe", "BTC/USD");
  static_cast<void>(world.take_requests());
  world.ack("subscribe", "BTC/USD");
  world.say(bad_snapshot("BTC/USD"));
  EXPECT_EQ(world.take_names(), "Unsubscribed Subscribed ChecksumMismatch");
  world.pass(1_s);
  const auto requests = world.take_requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_TRUE(contains(requests[0], R"("method":"unsubscribe")")) << requests[0];
}

TEST_F(SubscriptionsTest, AnotherDepthWhileItsAnswerIsMissingIsGivenBackFirst) {
  EngineWorld& world = greeted(book_settings({"BTC/USD"}));
  world.say(R"({"Error":"Exceeded msg rate"})");
  world.command(make_command(Command::Kind::subscribe, "BTC/USD", Channel::book, 100));
  world.pass(1_s);
  const auto requests = world.take_requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_TRUE(contains(requests[0], R"("method":"unsubscribe")")) << requests[0];
  EXPECT_TRUE(contains(requests[0], R"("depth":10)")) << requests[0];
}

TEST_F(SubscriptionsTest, WishesMadeWhileDownAreAskedForLater) {
  EngineWorld& world = live(book_settings({"BTC/USD"}));
  world.fail(Reason::peer_reset);
  world.command(make_command(Command::Kind::subscribe, "ETH/USD"));
  world.command(make_command(Command::Kind::unsubscribe, "BTC/USD"));
  EXPECT_EQ(world.take_names(), "Disconnected Reconnecting Unsubscribed");
  world.pass(100_ms);
  world.open();
  world.greet();
  const auto requests = world.take_requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_TRUE(contains(requests[0], R"("symbol":["ETH/USD"])"));
}

TEST_F(SubscriptionsTest, TradesAndTickersNeedNoSnapshot) {
  Settings settings = book_settings({"BTC/USD"});
  settings.subscriptions[0].channel = Channel::trade;
  settings.subscriptions.push_back({.channel = Channel::ticker, .symbols = {"BTC/USD"}});
  EngineWorld& world = greeted(settings);
  world.ack("subscribe", "BTC/USD", "trade");
  world.ack("subscribe", "BTC/USD", "ticker");
  EXPECT_EQ(world.take_names(), "Subscribed Subscribed SubscriptionsRestored");
  world.say(
      R"({"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"sell","price":63501.7,"qty":0.00100000,"ord_type":"market","trade_id":42,"timestamp":"2026-07-07T23:00:03.501510Z"}]})");
  ASSERT_EQ(world.events.size(), 1u);
  EXPECT_EQ(world.events[0].payload.trade.price, 635'017);
  EXPECT_EQ(world.events[0].payload.trade.price_exponent, -1);
  EXPECT_EQ(world.events[0].payload.trade.trade_id, 42u);
  EXPECT_EQ(world.events[0].payload.trade.side, TradeSide::sell);
}

// lessons 1, 27: one book that never verifies must not keep the others from their all clear.
TEST_F(SubscriptionsTest, ABookThatNeverVerifiesIsRejectedAndGoesOnBeingRepaired) {
  EngineWorld& world = greeted(book_settings({"BTC/USD", "ETH/USD"}));
  world.ack("subscribe", "BTC/USD");
  world.snapshot("BTC/USD");
  static_cast<void>(world.take());
  const std::string bad = bad_snapshot("ETH/USD");
  for (int i = 0; i < 4; ++i) {
    world.ack("subscribe", "ETH/USD");
    world.say(bad);
    EXPECT_EQ(world.take_names(), i == 2 ? "Subscribed ChecksumMismatch Rejected "
                                           "SubscriptionsRestored"
                                         : "Subscribed ChecksumMismatch")
        << i;
    world.ack("unsubscribe", "ETH/USD");
    EXPECT_EQ(world.take_names(), "Unsubscribed");
    pass_with_heartbeats(5_s);  // of the repairs' own backoff
    static_cast<void>(world.take());
  }
  world.ack("subscribe", "ETH/USD");
  world.snapshot("ETH/USD");
  EXPECT_EQ(world.take_names(), "Subscribed BookSnapshot BookSnapshot");
}

}  // namespace
}  // namespace havklo
