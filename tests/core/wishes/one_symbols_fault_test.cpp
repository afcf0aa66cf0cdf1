// One symbol's fault is one symbol's (design 1.1): what cannot be read, what is never answered and
// what is refused costs that wish, and no other.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "support/engine_world.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

class OneSymbolsFault : public testing::Test {
 protected:
  // BTC/USD is settled, the other wish is asked for.
  EngineWorld& asked(Settings settings) {
    world_.emplace(std::move(settings));
    world_->turn();
    world_->open();
    world_->greet();
    world_->ack("subscribe", "BTC/USD");
    world_->snapshot("BTC/USD");
    static_cast<void>(world_->take_requests());
    static_cast<void>(world_->take());
    return *world_;
  }
  void pass(Duration time) {
    for (; time > Duration{}; time = time - 1_s) {
      world_->pass(1_s);
      world_->say(R"({"channel":"heartbeat"})");
    }
    std::erase_if(world_->events,
                  [](const Event& event) { return event.kind == EventKind::heartbeat; });
  }
  std::string detail(const Event& event) {
    return std::string(world_->engine.names().text(event.payload.subscription.detail));
  }
  // As the venue prints it, for a level that a book cannot hold.
  static std::string with_qty(std::string text, std::string_view qty) {
    const size_t at = text.find("\"qty\":") + 6;
    return text.replace(at, text.find('}', at) - at, qty);
  }

  std::optional<EngineWorld> world_;
};

// The venue's own digits: 100 billion coins with eight places are beyond 64 bits.
TEST_F(OneSymbolsFault, ALevelThatCannotBeHeldMakesItsBookBadAndNoOther) {
  EngineWorld& world = asked(book_settings({"BTC/USD", "BTT/USD"}));
  world.ack("subscribe", "BTT/USD");
  world.say(with_qty(EngineWorld::snapshot_text("BTT/USD"), "100000000000.00000000"));
  const auto events = world.take();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[1].kind, EventKind::book_invalid);
  EXPECT_EQ(events[1].payload.book_fault.fault, BookFault::unreadable);
  EXPECT_EQ(world.engine.names().symbol(events[1].payload.book_fault.symbol), "BTT/USD");
  world.update("BTC/USD");
  EXPECT_EQ(world.take_names(), "BookUpdate");
}

// A message of the venue's may hold the books of several.
TEST_F(OneSymbolsFault, ABookThatIsUnreadableCostsNoOtherOfItsMessage) {
  EngineWorld& world = asked(book_settings({"BTC/USD", "BTT/USD"}));
  world.ack("subscribe", "BTT/USD");
  const std::string good = EngineWorld::update_text("BTC/USD");
  std::string both = with_qty(EngineWorld::update_text("BTT/USD"), "100000000000.00000000");
  const size_t row = good.find("{\"symbol\"");
  both.insert(both.size() - 2, "," + good.substr(row, good.size() - 2 - row));
  static_cast<void>(world.take());
  world.say(both);
  EXPECT_EQ(world.take_names(), "BookInvalid BookUpdate");
}

// It never heals: told once, and after three snapshots the others have their all clear.
TEST_F(OneSymbolsFault, ABookThatIsAlwaysUnreadableHoldsNobodyUp) {
  EngineWorld& world = asked(book_settings({"BTC/USD", "BTT/USD"}));
  bool restored = false;
  for (int i = 0; i < 3; ++i) {
    world.ack("subscribe", "BTT/USD");
    world.say(with_qty(EngineWorld::snapshot_text("BTT/USD"), "100000000000.00000000"));
    world.ack("unsubscribe", "BTT/USD");
    pass(5_s);
    for (const Event& event : world.take()) {
      EXPECT_NE(event.kind, EventKind::disconnected);
      restored = restored || event.kind == EventKind::subscriptions_restored;
    }
  }
  EXPECT_TRUE(restored);
}

TEST_F(OneSymbolsFault, ARowThatCannotBeReadIsLeftOutAndNamed) {
  Settings settings = book_settings({"BTC/USD"});
  settings.subscriptions.push_back({.channel = Channel::trade, .symbols = {"A/B", "C/D"}});
  EngineWorld& world = asked(settings);
  world.ack("subscribe", "A/B", "trade");
  world.ack("subscribe", "C/D", "trade");
  static_cast<void>(world.take());
  const auto row = [](std::string_view symbol, std::string_view price, int id,
                      std::string_view time) {
    return fmt::format(R"({{"symbol":"{}","side":"buy","price":{},"qty":1,"ord_type":"limit",)"
                       R"("trade_id":{},"timestamp":"{}"}})",
                       symbol, price, id, time);
  };
  constexpr std::string_view good_time = "2026-07-07T23:00:04.585581Z";
  const auto say = [&](const std::string& rows) {
    world.say(R"({"channel":"trade","type":"update","data":[)" + rows + "]}");
    return world.take();
  };
  auto events = say(row("A/B", "0.12345678901234567890", 7, good_time) + "," +
                    row("C/D", "1.5", 7, good_time) + "," +
                    row("A/B", "1.5", 8, "2026-07-07T23:00:04.585581000000Z"));
  std::erase_if(events, [](const Event& event) { return event.kind == EventKind::trade_gap; });
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0].kind, EventKind::unreadable);
  EXPECT_EQ(events[0].payload.subscription.channel, Channel::trade);
  EXPECT_EQ(world.engine.names().symbol(events[0].payload.subscription.symbol), "A/B");
  EXPECT_EQ(detail(events[0]), "price: no number that fits");
  EXPECT_EQ(events[1].kind, EventKind::trade);
  EXPECT_EQ(events[2].kind, EventKind::unreadable);
  EXPECT_EQ(detail(events[2]), "timestamp: no time from 1970 to 2261 of at most nine decimals");
  // Of a symbol that nobody wants nobody is told.
  EXPECT_TRUE(say(row("X/Y", "0.12345678901234567890", 7, good_time)).empty());
}

// An answer that cannot be understood is none: that wish waits, and the others go on.
TEST_F(OneSymbolsFault, AMalformedAnswerIsItsSymbolsFaultAlone) {
  const std::string result = R"("result":{"channel":"book","symbol":"BTT/USD"})";
  std::vector<std::string> answers = {R"("success":true,"result":[{"channel":"book"}])",
                                      R"("success":true,"result":"BTT/USD")",
                                      R"("success":true,"result":{"channel":5,"symbol":"BTT/USD"})",
                                      R"("success":true,"result":{"channel":"book","symbol":5})",
                                      R"("result":null)",
                                      result};
  for (const char* success : {R"("true")", "null", "1", "[]", "{}"}) {
    answers.push_back(R"("success":)" + std::string(success) + "," + result);
  }
  for (const std::string& answer : answers) {
    EngineWorld& world = asked(book_settings({"BTC/USD", "BTT/USD"}));
    std::vector<Event> events;
    for (int i = 0; i < 3; ++i) {
      world.say(R"({"method":"subscribe",)" + answer + "}");
      world.update("BTC/USD");
      world.snapshot("BTC/USD");
      pass(10_s);
      for (const Event& event : world.take()) {
        EXPECT_NE(event.kind, EventKind::disconnected) << answer;
        if (event.kind == EventKind::rejected || event.kind == EventKind::subscriptions_restored) {
          events.push_back(event);
        }
      }
    }
    ASSERT_EQ(events.size(), 2U) << answer;
    EXPECT_EQ(detail(events[0]), "the venue never acknowledged it; it is asked for again");
    EXPECT_EQ(events[1].payload.subscriptions_restored.count, 1U) << answer;
    EXPECT_EQ(events[1].payload.subscriptions_restored.rejected, 1U) << answer;
    world.update("BTC/USD");
    EXPECT_EQ(world.take_names(), "BookUpdate") << answer;
  }
}

// What of an answer can be understood counts.
TEST_F(OneSymbolsFault, AnAnswerWithAStrangeIdIsOne) {
  for (const char* id : {R"("1")", "-1", "1.5", "999999999999999999999", "null", "[]", "{}"}) {
    EngineWorld& world = asked(book_settings({"BTC/USD", "BTT/USD"}));
    world.say(R"({"method":"subscribe","req_id":)" + std::string(id) +
              R"(,"success":true,"result":{"channel":"book","symbol":"BTT/USD"}})");
    EXPECT_EQ(world.take_names(), "Subscribed") << id;
    world.snapshot("BTT/USD");
    EXPECT_EQ(world.take_names(), "BookSnapshot BookSnapshot SubscriptionsRestored") << id;
  }
}

TEST_F(OneSymbolsFault, AMalformedRefusalIsOneAllTheSame) {
  for (const char* fields :
       {R"("error":{"a":1},"req_id":1)", R"("error":5,"symbol":"BTT/USD")", R"("req_id":1)"}) {
    EngineWorld& world = asked(book_settings({"BTC/USD", "BTT/USD"}));
    world.say(R"({"method":"subscribe","success":false,)" + std::string(fields) + "}");
    const auto events = world.take();
    ASSERT_EQ(events.size(), 2U) << fields;
    EXPECT_EQ(events[0].kind, EventKind::rejected);
    EXPECT_EQ(world.engine.names().symbol(events[0].payload.subscription.symbol), "BTT/USD");
    EXPECT_EQ(detail(events[0]), "refused without a word; it is asked for again");
    EXPECT_EQ(events[1].kind, EventKind::subscriptions_restored);
  }
  EngineWorld& world = asked(book_settings({"BTC/USD", "BTT/USD"}));
  world.refuse("subscribe", "EService:Unavailable", R"(,"symbol":5,"req_id":"x")");
  EXPECT_EQ(world.take_names(), "Rejected SubscriptionsRestored");
}

// Neither a snapshot nor a change: that book is begun anew.
TEST_F(OneSymbolsFault, ABookMessageOfAnUnknownTypeMakesItsBooksBadAlone) {
  for (const char* type : {R"("snapshut")", R"("partial")", "5", "null", "[]", ""}) {
    EngineWorld& world = asked(book_settings({"BTC/USD", "BTT/USD"}));
    world.ack("subscribe", "BTT/USD");
    world.snapshot("BTT/USD");
    static_cast<void>(world.take());
    static_cast<void>(world.take_requests());
    std::string text = EngineWorld::update_text("BTT/USD");
    const std::string_view usual = R"("type":"update",)";
    const std::string named = *type == 0 ? "" : R"("type":)" + std::string(type) + ",";
    world.say(text.replace(text.find(usual), usual.size(), named));
    const auto events = world.take();
    ASSERT_EQ(events.size(), 1U) << type;
    EXPECT_EQ(events[0].kind, EventKind::book_invalid);
    EXPECT_EQ(events[0].payload.book_fault.fault, BookFault::unreadable);
    EXPECT_EQ(world.engine.names().symbol(events[0].payload.book_fault.symbol), "BTT/USD");
    const auto requests = world.take_requests();
    ASSERT_EQ(requests.size(), 1U) << type;
    EXPECT_NE(requests[0].find("unsubscribe"), std::string::npos);
    world.update("BTC/USD");
    EXPECT_EQ(world.take_names(), "BookUpdate") << type;
  }
}

TEST_F(OneSymbolsFault, WhatNamesNobodyCostsNobody) {
  EngineWorld& world = asked(book_settings({"BTC/USD", "BTT/USD"}));
  for (const char* text :
       {R"({"method":5})", "[]", "{}", R"({"channel":"book","type":"update","data":null})",
        R"({"channel":"book","type":"update","data":{}})", R"({"channel":"book","data":[null,5]})",
        R"({"channel":"trade","type":5,"data":[{"symbol":5}]})", R"({"channel":5,"data":[]})",
        R"({"channel":"instrument","type":5,"data":[]})", R"({"Error":5})"}) {
    world.say(text);
    EXPECT_TRUE(world.take().empty()) << text;
  }
  world.update("BTC/USD");
  EXPECT_EQ(world.take_names(), "BookUpdate");
}

// Its book says what the venue does not.
TEST_F(OneSymbolsFault, ABookWithoutAnAnswerIsSettledByItsData) {
  EngineWorld& world = asked(book_settings({"BTC/USD", "ETH/USD"}));
  world.snapshot("ETH/USD");
  static_cast<void>(world.take());
  for (int round = 0; round < 2; ++round) {
    pass(10_s);
    EXPECT_TRUE(world.take().empty()) << round;
  }
  pass(10_s);
  EXPECT_EQ(world.take_names(), "Subscribed SubscriptionsRestored");
  world.update("ETH/USD");
  EXPECT_EQ(world.take_names(), "BookUpdate");
}

TEST_F(OneSymbolsFault, AMuteSymbolIsRejectedAfterThreeTriesAndTriedOnAlone) {  // lesson 15, 42
  EngineWorld& world = asked(book_settings({"BTC/USD", "ETH/USD"}));
  for (int round = 0; round < 2; ++round) {
    pass(10_s);
    ASSERT_EQ(world.take_requests().size(), 1U) << round;
  }
  EXPECT_TRUE(world.take().empty());
  pass(10_s);
  auto events = world.take();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].kind, EventKind::rejected);
  EXPECT_EQ(detail(events[0]), "the venue never acknowledged it; it is asked for again");
  EXPECT_EQ(events[1].kind, EventKind::subscriptions_restored);
  EXPECT_EQ(events[1].payload.subscriptions_restored.count, 1U);
  EXPECT_EQ(events[1].payload.subscriptions_restored.rejected, 1U);
  // For half an hour: asked for now and then, told no second time, and the healthy one lives on.
  size_t asked_again = 0;
  for (int minute = 0; minute < 30; ++minute) {
    pass(60_s);
    const auto requests = world.take_requests();
    for (const std::string& request : requests) {
      EXPECT_NE(request.find("[\"ETH/USD\"]"), std::string::npos) << request;
    }
    asked_again += requests.size();
    EXPECT_TRUE(world.take().empty()) << minute;
  }
  EXPECT_GT(asked_again, 20U);
  EXPECT_LT(asked_again, 60U);
  // It answers at last.
  pass(60_s);
  world.ack("subscribe", "ETH/USD");
  world.snapshot("ETH/USD");
  EXPECT_EQ(world.take_names(), "Subscribed BookSnapshot BookSnapshot");
}

TEST_F(OneSymbolsFault, AnAckUnderAnotherNameIsNone) {
  EngineWorld& world = asked(book_settings({"BTC/USD", "XBT/USD"}));
  for (int round = 0; round < 3; ++round) {
    world.ack("subscribe", "BTC/USD");
    pass(10_s);
  }
  EXPECT_EQ(world.take_names(), "Rejected SubscriptionsRestored");
}

TEST_F(OneSymbolsFault, AnAcknowledgedBookWithoutASnapshotIsRejectedAndTriedOn) {  // lesson 15
  EngineWorld& world = asked(book_settings({"BTC/USD", "ETH/USD"}));
  std::vector<Event> events;
  for (int round = 0; round < 3; ++round) {
    world.ack("subscribe", "ETH/USD");
    pass(10_s);
    world.ack("unsubscribe", "ETH/USD");
    for (const Event& event : world.take()) events.push_back(event);
  }
  const auto rejected =
      std::ranges::find(events, EventKind::rejected, [](const Event& event) { return event.kind; });
  ASSERT_NE(rejected, events.end());
  EXPECT_EQ(detail(*rejected), "its snapshot never came; it is asked for again");
  EXPECT_EQ(events.back().kind, EventKind::unsubscribed);
  pass(1_s);
  world.ack("subscribe", "ETH/USD");
  world.snapshot("ETH/USD");
  EXPECT_EQ(world.take_names(), "Subscribed BookSnapshot BookSnapshot");
}

// Without anything settled the connection itself is doubtful.
TEST_F(OneSymbolsFault, WhenEverythingIsMuteTheConnectionIsGivenUp) {
  world_.emplace(book_settings({"ETH/USD", "SOL/USD"}));
  world_->turn();
  world_->open();
  world_->greet();
  static_cast<void>(world_->take());
  pass(29_s);
  world_->pass(1_s);
  EXPECT_EQ(world_->take_names(), "Rejected Rejected Disconnected Reconnecting");
}

// It delays no later all clear.
TEST_F(OneSymbolsFault, AWishInDoubtIsSoFromTheNextGreetingOn) {
  EngineWorld& world = asked(book_settings({"BTC/USD", "ETH/USD"}));
  pass(30_s);
  static_cast<void>(world.take());
  world.fail(Reason::peer_reset);
  world.pass(100_ms);
  world.open();
  world.greet();
  EXPECT_EQ(world.take_names(), "Disconnected Reconnecting Connected Rejected Status");
  world.ack("subscribe", "BTC/USD");
  world.snapshot("BTC/USD");
  EXPECT_EQ(world.take_names(), "Subscribed BookSnapshot BookSnapshot SubscriptionsRestored");
  world.ack("subscribe", "ETH/USD");
  world.snapshot("ETH/USD");
  EXPECT_EQ(world.take_names(), "Subscribed BookSnapshot BookSnapshot");
}

TEST_F(OneSymbolsFault, ARefusalThatMayPassIsAskedAgainAndToldOnce) {
  for (const char* const text : {"EService:Unavailable", "EGeneral:Internal error", "a new text"}) {
    EngineWorld& world = asked(book_settings({"BTC/USD", "ETH/USD"}));
    world.refuse("subscribe", text, R"(,"req_id":1)");
    EXPECT_EQ(world.take_names(), "Rejected SubscriptionsRestored") << text;
    size_t requests = world.take_requests().size();
    for (uint64_t id = 2; id < 6; ++id) {
      world.refuse("subscribe", text, R"(,"req_id":)" + std::to_string(id));
      pass(10_s);
      requests += world.take_requests().size();
      EXPECT_TRUE(world.take().empty()) << text;
    }
    EXPECT_GE(requests, 4U) << text;
    world.ack("subscribe", "ETH/USD");
    world.snapshot("ETH/USD");
    EXPECT_EQ(world.take_names(), "Subscribed BookSnapshot BookSnapshot") << text;
  }
}

// Its end is acknowledged, and it is subscribed all the same.
TEST_F(OneSymbolsFault, WhatIsAlwaysAlreadySubscribedIsAskedForWithABackoff) {
  EngineWorld& world = asked(book_settings({"BTC/USD", "ETH/USD"}));
  std::vector<Event> events;
  const auto answer = [&world](const std::vector<std::string>& requests) {
    for (const std::string& request : requests) {
      if (request.find("unsubscribe") != std::string::npos) {
        world.ack("unsubscribe", "ETH/USD");
      } else {
        world.refuse("subscribe", "Already subscribed");
      }
    }
    return requests.size();
  };
  world.refuse("subscribe", "Already subscribed", R"(,"req_id":1)");
  size_t asked_again = 0;
  for (int second = 0; second < 20; ++second) {
    while (const size_t answered = answer(world.take_requests())) asked_again += answered;
    pass(1_s);
    for (const Event& event : world.take()) events.push_back(event);
  }
  EXPECT_LE(asked_again, 15U);
  EXPECT_GE(asked_again, 8U) << "each try gives back what the venue believes in";
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].kind, EventKind::rejected);
  EXPECT_EQ(detail(events[0]), "Already subscribed");
  EXPECT_EQ(events[1].kind, EventKind::subscriptions_restored);
}

TEST_F(OneSymbolsFault, AWishRefusedForItsRateIsRejectedInThoseWords) {
  EngineWorld& world = asked(book_settings({"BTC/USD", "ETH/USD"}));
  for (uint64_t id = 1, second = 0; second < 40; ++second) {
    world.refuse("subscribe", "Exceeded msg rate", R"(,"req_id":)" + std::to_string(id));
    pass(1_s);
    id += world.take_requests().size();
  }
  const auto events = world.take();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].kind, EventKind::rejected);
  EXPECT_EQ(detail(events[0]), "Exceeded msg rate");
  EXPECT_EQ(events[1].kind, EventKind::subscriptions_restored);
}

// The venue knows no such pair: nothing to ask for again, before the next connection.
TEST_F(OneSymbolsFault, ARefusalOfThePairIsFinalOnThisConnection) {
  EngineWorld& world = asked(book_settings({"BTC/USD", "ETH/USD"}));
  world.refuse("subscribe", "Currency pair not supported ETH/USD",
               R"(,"symbol":"ETH/USD","req_id":1)");
  EXPECT_EQ(world.take_names(), "Rejected SubscriptionsRestored");
  pass(300_s);
  EXPECT_TRUE(world.take_requests().empty());
  world.fail(Reason::peer_reset);
  world.pass(100_ms);
  world.open();
  world.greet();
  const auto requests = world.take_requests();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_NE(requests[0].find("ETH/USD"), std::string::npos);
}

// The venue answers in order.
TEST_F(OneSymbolsFault, ARefusalThatNamesNothingIsOfTheOldestRequest) {
  Settings settings = book_settings({"BTC/USD"});
  settings.subscriptions.push_back({.channel = Channel::trade, .symbols = {"A/B"}});
  settings.subscriptions.push_back({.channel = Channel::ticker, .symbols = {"C/D"}});
  EngineWorld& world = asked(settings);
  world.refuse("subscribe", "EService:Busy");
  const auto events = world.take();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].kind, EventKind::rejected);
  EXPECT_EQ(events[0].payload.subscription.channel, Channel::trade);
}

// Told as Rejected, the strategy's book is empty: what still comes of it is of the old depth.
TEST_F(OneSymbolsFault, ABookInDoubtTakesNothingMoreOfItsOldDepth) {
  EngineWorld& world = asked(book_settings({"BTC/USD", "ETH/USD"}));
  world.ack("subscribe", "ETH/USD");
  world.snapshot("ETH/USD");
  world.command(make_command(Command::Kind::subscribe, "ETH/USD", Channel::book, 25));
  pass(30_s);  // the venue never acknowledges the end
  const auto events = world.take();
  ASSERT_EQ(events.back().kind, EventKind::rejected);
  world.update("ETH/USD");
  EXPECT_EQ(world.take_names(), "");
}

}  // namespace
}  // namespace havklo
