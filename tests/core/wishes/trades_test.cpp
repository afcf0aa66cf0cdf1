// Trades: each id once, late ones where a snapshot fills what a connection missed, and by name
// those that nobody delivered (design §7.2). Through the engine's doors.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "support/engine_world.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

class Trades : public testing::Test {
 protected:
  struct Row {
    uint64_t id;
    std::string price = "1.5";
    int64_t second = 4;
    std::string symbol = "BTC/USD";
  };

  static Settings trade_settings(std::vector<std::string> symbols = {"BTC/USD"}) {
    Settings settings = book_settings({});
    settings.subscriptions = {{.channel = Channel::trade, .symbols = std::move(symbols)}};
    settings.ring_slots = ring_slots_min(settings);
    return settings;
  }
  EngineWorld& asked(Settings settings = trade_settings()) {
    world_.emplace(settings);
    world_->turn();
    world_->open();
    world_->greet();
    static_cast<void>(world_->take());
    return *world_;
  }
  void say(std::string_view type, const std::vector<Row>& rows) {
    std::string text;
    for (const Row& row : rows) {
      text += fmt::format(R"({}{{"symbol":"{}","side":"buy","price":{},"qty":1,"ord_type":"limit",)"
                          R"("trade_id":{},"timestamp":"2026-07-07T23:00:{:02}.585581Z"}})",
                          text.empty() ? "" : ",", row.symbol, row.price, row.id, row.second);
    }
    world_->say(fmt::format(R"({{"channel":"trade","type":"{}","data":[{}]}})", type, text));
  }
  void snapshot(const std::vector<Row>& rows) { say("snapshot", rows); }
  void update(const std::vector<Row>& rows) { say("update", rows); }
  // What was told of trades since: "7", "late 7", "gap 5-6", and of others nothing.
  std::string told() {
    std::string text;
    for (const Event& event : world_->take()) {
      const auto& gap = event.payload.trade_gap;
      if (event.kind == EventKind::trade) {
        text += fmt::format("{}{} ", (event.flags & flag_late) != 0 ? "late " : "",
                            event.payload.trade.trade_id);
      }
      if (event.kind == EventKind::trade_gap)
        text += fmt::format("gap {}-{} ", gap.first, gap.last);
      if (event.kind == EventKind::unreadable) text += "unreadable ";
      if (event.kind == EventKind::unsubscribed) text += "unsubscribed ";
      if (event.kind == EventKind::overrun) text += "overrun ";
    }
    if (!text.empty()) text.pop_back();
    return text;
  }
  void lose_and_return() {
    world_->fail(Reason::peer_reset);
    come_back();
  }
  void come_back() {
    world_->pass(1_s);
    world_->open();
    world_->greet();
  }
  // Nobody looks, and the ring has room for nothing more.
  void fall_asleep() {
    world_->consumer_sleeps = true;
    for (uint32_t i = 0; i < ring_slots_min(trade_settings()); ++i) {
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

TEST_F(Trades, AreAskedForWithTheirSnapshotWhereGapsAreNamed) {
  asked();
  EXPECT_NE(world_->take_requests().at(0).find(R"("snapshot":true)"), std::string::npos);
  Settings off = trade_settings();
  off.feed.trade_gaps = false;
  asked(off);
  EXPECT_NE(world_->take_requests().at(0).find(R"("snapshot":false)"), std::string::npos);
}

TEST_F(Trades, TheFirstSnapshotSaysWhereToBeginAndNothingElse) {
  asked();
  snapshot({{5}, {6}, {7}});
  EXPECT_EQ(told(), "");
  update({{8}, {9}});
  EXPECT_EQ(told(), "8 9");
}

TEST_F(Trades, WithoutASnapshotTheFirstTradeSaysWhereToBegin) {
  asked();
  snapshot({});
  update({{8}});
  snapshot({{6}, {7}, {8}});  // it came late
  update({{9}});
  EXPECT_EQ(told(), "8 9");
}

TEST_F(Trades, WhatTheNextConnectionsSnapshotReachesIsLate) {
  asked();
  snapshot({{5}});
  update({{6}});
  lose_and_return();
  snapshot({{5}, {6}, {7}, {8}});
  update({{9}});
  EXPECT_EQ(told(), "6 late 7 late 8 9");
}

TEST_F(Trades, WhatItDoesNotReachIsNamedFirst) {
  asked();
  snapshot({{5}});
  lose_and_return();
  snapshot({{9}, {10}});
  update({{11}});
  EXPECT_EQ(told(), "gap 6-8 late 9 late 10 11");
}

TEST_F(Trades, ASnapshotMayComeNewestFirst) {
  asked();
  snapshot({{7}, {6}, {5}});
  update({{8}});
  lose_and_return();
  snapshot({{11}, {10}, {8}});
  EXPECT_EQ(told(), "8 gap 9-9 late 10 late 11");
}

TEST_F(Trades, AnUpdateBeforeTheSnapshotIsNotHeld) {
  asked();
  snapshot({{5}});
  lose_and_return();
  update({{8}});
  snapshot({{6}, {7}, {8}});
  update({{9}});
  EXPECT_EQ(told(), "gap 6-7 8 9");
}

TEST_F(Trades, ALostMessageIsNamedByTheNext) {
  asked();
  snapshot({{5}});
  update({{6}});
  update({{9}, {10}, {12}});
  EXPECT_EQ(told(), "6 gap 7-8 9 10 gap 11-11 12");
}

TEST_F(Trades, ATradeThatComesTwiceIsToldOnce) {
  asked();
  snapshot({{5}});
  update({{6}, {7}});
  update({{6}, {7}, {8}});
  EXPECT_EQ(told(), "6 7 8");
}

// Older ids with newer times: nothing of it was there before.
TEST_F(Trades, AVenueMayBeginToNumberAnew) {
  asked();
  snapshot({{5'000}});
  update({{5'001, "1.5", 5}});
  update({{1, "1.5", 6}});
  update({{2, "1.5", 7}, {4, "1.5", 7}});
  update({{2, "1.5", 7}});
  EXPECT_EQ(told(), "5001 1 2 gap 3-3 4");
}

TEST_F(Trades, ASnapshotMaySpanANewNumbering) {
  asked();
  snapshot({{999}});
  update({{1000, "1.5", 5}});
  lose_and_return();
  snapshot({{999}, {1000, "1.5", 5}, {1, "1.5", 6}, {2, "1.5", 7}});
  update({{3, "1.5", 8}});
  EXPECT_EQ(told(), "1000 late 1 late 2 3");
}

// Whatever the last row of a snapshot is: of another symbol, or without a number.
TEST_F(Trades, TheOrderOfASnapshotIsItsOwnSymbols) {
  asked(trade_settings({"BTC/USD", "ETH/USD"}));
  snapshot({{100, "1", 4, "BTC/USD"}, {5, "1", 4, "ETH/USD"}});
  lose_and_return();
  snapshot({{101, "1", 4, "BTC/USD"}, {102, "1", 4, "BTC/USD"}, {6, "1", 4, "ETH/USD"}});
  EXPECT_EQ(told(), "late 101 late 102 late 6");
}

TEST_F(Trades, TheLastOneAgainIsNoNewNumbering) {
  asked();
  snapshot({{5}});
  update({{6, "1.5", 4}});
  update({{6, "1.5", 9}, {7, "1.5", 9}});
  EXPECT_EQ(told(), "6 7");
}

TEST_F(Trades, ANewNumberingInAFullRingIsInTheGap) {
  asked();
  world_->ack("subscribe", "BTC/USD", "trade");
  snapshot({{500}});
  static_cast<void>(told());
  fall_asleep();
  update({{501, "1.5", 5}});
  update({{1, "1.5", 6}, {2, "1.5", 7}});
  wake_up();
  EXPECT_EQ(told(), "overrun gap 1-501");
}

TEST_F(Trades, OneThatCannotBeReadIsNamedWhereItsIdCan) {
  asked();
  snapshot({{5}});
  update({{6}, {7, "0.12345678901234567890"}, {8}});
  EXPECT_EQ(told(), "6 unreadable gap 7-7 8");
  update({{8, "0.12345678901234567890"}});
  EXPECT_EQ(told(), "");
}

TEST_F(Trades, EachSymbolHasItsOwn) {
  asked(trade_settings({"BTC/USD", "ETH/USD"}));
  snapshot({{5, "1", 4, "BTC/USD"}, {50, "1", 4, "ETH/USD"}});
  update({{51, "1", 4, "ETH/USD"}, {7, "1", 4, "BTC/USD"}, {52, "1", 4, "ETH/USD"}});
  EXPECT_EQ(told(), "51 gap 6-6 7 52");
}

TEST_F(Trades, WhatAFullRingHadNoRoomForIsNamedAsSoonAsThereIs) {
  asked();
  world_->ack("subscribe", "BTC/USD", "trade");
  snapshot({{5}});
  EXPECT_EQ(told(), "");
  fall_asleep();
  update({{6}, {7}});
  update({{8}});
  wake_up();
  EXPECT_EQ(told(), "overrun gap 6-8");
  update({{9}});
  EXPECT_EQ(told(), "9");
}

TEST_F(Trades, AGapThatWaitsSurvivesTheConnection) {
  asked();
  world_->ack("subscribe", "BTC/USD", "trade");
  snapshot({{5}});
  static_cast<void>(told());
  fall_asleep();
  update({{6}, {7}});
  world_->fail(Reason::peer_reset);
  wake_up();
  EXPECT_EQ(told(), "overrun");  // nothing of a market is told while there is no connection
  come_back();
  EXPECT_EQ(told(), "gap 6-7");
  snapshot({{7}, {8}});
  EXPECT_EQ(told(), "late 8");
}

// Whatever is lost while a gap waits joins it, over a connection's end too.
TEST_F(Trades, LaterLossesJoinAGapThatWaits) {
  asked();
  world_->ack("subscribe", "BTC/USD", "trade");
  snapshot({{5}});
  static_cast<void>(told());
  fall_asleep();
  update({{6}});
  update({{10}, {11}});
  wake_up();
  EXPECT_EQ(told(), "overrun gap 6-11");
}

TEST_F(Trades, AGapThatWaitsIsToldBeforeTheEndOfTheWish) {
  asked();
  world_->ack("subscribe", "BTC/USD", "trade");
  snapshot({{5}});
  static_cast<void>(told());
  fall_asleep();
  update({{6}});
  world_->command(make_command(Command::Kind::unsubscribe, "BTC/USD", Channel::trade));
  world_->turn();
  world_->ack("unsubscribe", "BTC/USD", "trade");
  world_->read();
  EXPECT_EQ(told(), "overrun gap 6-6 unsubscribed");
}

TEST_F(Trades, ANewWishOfTheSameSymbolBeginsAnew) {
  asked();
  world_->ack("subscribe", "BTC/USD", "trade");
  snapshot({{5}});
  world_->command(make_command(Command::Kind::unsubscribe, "BTC/USD", Channel::trade));
  world_->turn();
  world_->ack("unsubscribe", "BTC/USD", "trade");
  world_->command(make_command(Command::Kind::subscribe, "BTC/USD", Channel::trade));
  world_->turn();
  snapshot({{9}});
  update({{10}});
  EXPECT_EQ(told(), "unsubscribed 10");
}

TEST_F(Trades, WithoutGapsEveryTradeIsToldAsItComes) {
  Settings off = trade_settings();
  off.feed.trade_gaps = false;
  asked(off);
  update({{9}, {7}, {7}});
  EXPECT_EQ(told(), "9 7 7");
}

}  // namespace
}  // namespace havklo
