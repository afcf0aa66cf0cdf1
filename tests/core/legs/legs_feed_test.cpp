// The channels without a checksum, out of several legs: trades each once and holes by name, of all
// others what is news (design §7.3). Through the engine's doors.
#include <gtest/gtest.h>

#include "support/legs/legs_world.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

[[nodiscard]] Settings trade_legs(uint32_t legs = 2) {
  return legs_settings(legs, {{.channel = Channel::trade, .symbols = {"BTC/USD"}}});
}

// All legs Live, and each has said that 7 was the last trade.
void begin_trades(LegsWorld& world, uint32_t legs = 2) {
  world.go_live();
  for (uint32_t leg = 0; leg < legs; ++leg) world.trades(leg, "snapshot", {6, 7});
  static_cast<void>(world.told());
}

TEST(LegsTrades, LeaveWithTheFirstCopyAndOnce) {
  LegsWorld world(trade_legs());
  begin_trades(world);
  world.trades(0, "update", {8});
  world.trades(1, "update", {8, 9});
  world.trades(0, "update", {9, 10});
  EXPECT_EQ(world.told(), "Trade@0 8, Trade@1 9, Trade@0 10");
}

TEST(LegsTrades, TheFirstSnapshotOfAnyLegSaysWhereToBegin) {
  LegsWorld world(trade_legs());
  world.go_live();
  world.trades(1, "snapshot", {6, 7});
  world.trades(0, "snapshot", {5, 6, 7});
  EXPECT_EQ(world.told(), "");
  world.trades(0, "update", {8});
  EXPECT_EQ(world.told(), "Trade@0 8");
}

TEST(LegsTrades, OneThatComesAfterALaterIdIsLate) {
  LegsWorld world(trade_legs());
  begin_trades(world);
  world.trades(0, "update", {9});
  world.trades(1, "update", {8});
  world.trades(1, "update", {9});
  EXPECT_EQ(world.told(), "Trade@0 9, Trade@1 late 8");
}

TEST(LegsTrades, AHoleIsToldWhenEveryLiveLegIsPastIt) {
  LegsWorld world(trade_legs());
  begin_trades(world);
  world.trades(0, "update", {10});
  EXPECT_EQ(world.told(), "Trade@0 10");
  world.trades(1, "update", {10, 11});
  EXPECT_EQ(world.told(), "TradeGap@1 8-9, Trade@1 11");
}

TEST(LegsTrades, AHoleIsToldWhenTheOthersHaveHadTimeEnough) {
  Settings settings = trade_legs(3);
  LegsWorld world(settings);
  begin_trades(world, 3);
  world.trades(0, "update", {9});
  static_cast<void>(world.told());
  world.pass(200_ms);
  EXPECT_EQ(world.told(), "");
  world.pass(51_ms);
  EXPECT_EQ(world.told_of({EventKind::trade_gap}), "TradeGap@0 8-8");
}

TEST(LegsTrades, WithOneLiveLegAHoleIsToldAtOnceAndBeforeALaterTrade) {
  LegsWorld world(trade_legs());
  begin_trades(world);
  world.fail(1);
  static_cast<void>(world.told());
  world.trades(0, "update", {9, 12});
  EXPECT_EQ(world.told(), "TradeGap@0 8-8, Trade@0 9, TradeGap@0 10-11, Trade@0 12");
}

TEST(LegsTrades, TheLossOfTheLegThatHadNotPassedAHoleMakesItDue) {
  LegsWorld world(trade_legs());
  begin_trades(world);
  world.trades(0, "update", {9});
  static_cast<void>(world.told());
  world.fail(1);
  EXPECT_EQ(world.told_of({EventKind::trade_gap}), "TradeGap@0 8-8");
}

TEST(LegsTrades, ALateCopyOfAToldGapIsDropped) {
  LegsWorld world(trade_legs());
  begin_trades(world);
  world.trades(0, "update", {9});
  world.trades(1, "update", {9});
  static_cast<void>(world.told());
  world.trades(1, "update", {8});
  EXPECT_EQ(world.told(), "");
}

TEST(LegsTrades, ALegsSnapshotAfterItsReturnFillsWhatNobodyHas) {
  LegsWorld world(trade_legs());
  begin_trades(world);
  world.fail(0);
  world.fail(1);
  world.pass(200_ms);
  for (const uint32_t leg : {0U, 1U}) {
    world.open(leg);
    world.greet(leg);
    world.ack(leg, "subscribe", "BTC/USD", Channel::trade);
  }
  static_cast<void>(world.told());
  world.trades(1, "snapshot", {9, 10});
  world.trades(0, "snapshot", {8, 9, 10});
  EXPECT_EQ(world.told(), "Trade@1 late 9, Trade@1 late 10, Trade@0 late 8");
}

TEST(LegsTrades, NumbersThatBeginAnewAreFollowedAndOldOnesDropped) {
  LegsWorld world(trade_legs());
  begin_trades(world);
  world.trades(0, "update", {8}, 1'000);
  world.trades(0, "update", {1}, 2'000);
  world.trades(1, "update", {8}, 1'000);  // still in the old numbers
  world.trades(1, "update", {1, 2}, 2'000);
  EXPECT_EQ(world.told(), "Trade@0 8, Trade@0 1, Trade@1 2");
}

TEST(LegsTrades, WithoutTradeGapsNothingIsNamedAndNothingIsLate) {
  Settings settings = trade_legs();
  settings.feed.trade_gaps = false;
  LegsWorld world(settings);
  world.go_live();
  world.trades(0, "update", {7});
  world.trades(1, "update", {7});
  world.trades(0, "update", {10});
  world.trades(1, "update", {9});
  world.pass(200_ms);
  world.trades(1, "update", {10});
  EXPECT_EQ(world.told(), "Trade@0 7, Trade@0 10, Trade@1 9");
}

TEST(LegsTrades, AnUnreadableOneIsToldAndFilledByAReadableCopy) {
  LegsWorld world(trade_legs());
  begin_trades(world);
  world.say(0, R"({"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy",)"
               R"("price":"x","qty":1,"ord_type":"limit","trade_id":8,)"
               R"("timestamp":"2026-07-07T23:00:01.000000Z"}]})");
  EXPECT_EQ(world.told(), "Unreadable@0");
  world.trades(1, "update", {8});
  EXPECT_EQ(world.told(), "Trade@1 late 8");
}

TEST(LegsTrades, AHoleIsNamedBeforeTheEndOfItsWish) {
  LegsWorld world(trade_legs());
  begin_trades(world);
  world.trades(0, "update", {9});
  world.command(make_command(Command::Kind::unsubscribe, "BTC/USD", Channel::trade, 0));
  static_cast<void>(world.told());
  world.ack(0, "unsubscribe", "BTC/USD", Channel::trade);
  world.trades(1, "update", {8});
  EXPECT_EQ(world.told(), "TradeGap@0 8-8, Unsubscribed@0");
}

TEST(LegsTicker, TheLaterByTheVenuesTimeLeavesAndTheSameIsDropped) {
  LegsWorld world(legs_settings(2, {{.channel = Channel::ticker, .symbols = {"BTC/USD"}}}));
  world.go_live();
  world.ticker(0, 100, 2'000);
  world.ticker(1, 100, 2'000);
  world.ticker(1, 99, 1'000);
  world.ticker(1, 101, 3'000);
  world.ticker(0, 101, 3'000);
  EXPECT_EQ(world.told(), "Ticker@0 100, TickerLast@0, Ticker@1 101, TickerLast@1");
}

TEST(LegsTicker, WithoutTimesOnlyTheLegThatSpokeLastMaySayOtherwise) {
  LegsWorld world(legs_settings(2, {{.channel = Channel::ticker, .symbols = {"BTC/USD"}}}));
  world.go_live();
  world.ticker(0, 100, no_time);
  world.ticker(1, 99, no_time);
  world.ticker(0, 101, no_time);
  EXPECT_EQ(world.told(), "Ticker@0 100, TickerLast@0, Ticker@0 101, TickerLast@0");
  world.fail(0);
  static_cast<void>(world.told());
  world.ticker(1, 102, no_time);
  EXPECT_EQ(world.told(), "Ticker@1 102, TickerLast@1");
}

TEST(LegsCandles, TheLaterByBeginAndTradesLeaves) {
  LegsWorld world(legs_settings(2, {{.channel = Channel::ohlc, .symbols = {"BTC/USD"}}}));
  world.go_live();
  world.candle(0, 5, 3, 1);
  world.candle(1, 4, 2, 1);  // fewer trades
  world.candle(1, 5, 3, 1);
  world.candle(1, 6, 4, 1);
  world.candle(0, 7, 1, 2);  // the next minute
  world.candle(1, 8, 9, 1);
  EXPECT_EQ(world.told(),
            "Candle@0 5, CandleVolume@0, Candle@1 6, CandleVolume@1, Candle@0 7, CandleVolume@0");
}

TEST(LegsInstrument, TheSameIsDroppedAndAnotherWordOfTheSameLegLeaves) {
  LegsWorld world(legs_settings(2, {{.channel = Channel::instrument, .symbols = {"BTC/USD"}}}));
  world.go_live();
  world.instrument(0, "online");
  world.instrument(1, "online");
  world.instrument(0, "cancel_only");
  world.instrument(1, "cancel_only");
  EXPECT_EQ(world.told(), "Instrument@0 online, Instrument@0 cancel_only");
}

TEST(LegsStatus, IsToldWhenItChanges) {
  LegsWorld world;
  world.go_live();
  world.status(0, "online");
  world.status(1, "post_only");
  world.status(0, "post_only");
  EXPECT_EQ(world.told(), "Status@1 post_only");
}

TEST(LegsHeartbeat, IsThatOfTheLowestLiveLeg) {
  LegsWorld world;
  world.go_live();
  world.heartbeat(1);
  EXPECT_EQ(world.told_of({EventKind::heartbeat}), "");
  world.heartbeat(0);
  EXPECT_EQ(world.told_of({EventKind::heartbeat}), "Heartbeat@0");
  world.fail(0);
  world.heartbeat(1);
  EXPECT_EQ(world.told_of({EventKind::heartbeat}), "Heartbeat@1");
}

TEST(LegsFeedLag, IsThatOfWhatIsPublished) {
  Settings settings = legs_settings();
  settings.feed.lag_warn = Duration::seconds(1);
  LegsWorld world(settings);
  world.go_live();
  world.pass_with_heartbeats(10_s, {0, 1});
  world.update(0, {{99, 1}}, {}, 9'500);
  world.pass(200_ms);
  world.update(1, {{99, 1}}, {}, 9'500);  // comes later still, and nobody is told of it
  EXPECT_EQ(world.told_of({EventKind::feed_lag}), "");
  EXPECT_EQ(world.engine.counters(0).lag_ns / 1'000'000, 500);
  world.update(0, {{99, 2}}, {}, 9'000);
  EXPECT_EQ(world.told_of({EventKind::feed_lag}), "FeedLag@0 begins");
  world.update(0, {{99, 3}}, {}, 10'100);
  EXPECT_EQ(world.told_of({EventKind::feed_lag}), "FeedLag@0 ends");
}

}  // namespace
}  // namespace havklo
