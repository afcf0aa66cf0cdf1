// The channels `ticker` and `trade`, from a message of the venue to the events: each number has
// places of its own (engine/kraken/channels/). Rules: kraken-v2.md §6.
#include <gtest/gtest.h>

#include "channels/world.hpp"

namespace havklo {
namespace {

using Lines = std::vector<std::string>;

EngineWorld& live(EngineWorld& world) {
  world.go_live();
  static_cast<void>(world.take());
  return world;
}

TEST(Ticker, ARowIsTwoEvents) {
  EngineWorld world(wish_for(Channel::ticker, {"BTC/USD"}));
  live(world).say(R"({"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":1.1,)"
                  R"("bid_qty":2.22,"ask":3.333,"ask_qty":4.4444,"last":5.55555,"volume":6.666666,)"
                  R"("vwap":7.1,"low":8.1,"high":9.1,"change":-1.5,"change_pct":-0.1,)"
                  R"("timestamp":"2026-09-25T17:48:26.844359Z"}]})");
  EXPECT_EQ(market_lines(world),
            (Lines{R"("event":"Ticker","symbol":"BTC/USD","bid":"1.1","bid_qty":"2.22",)"
                   R"("ask":"3.333","ask_qty":"4.4444")",
                   R"("event":"TickerLast","symbol":"BTC/USD","last":"5.55555",)"
                   R"("volume":"6.666666","venue_time_ns":1790358506844359000)"}));
}

TEST(Trade, ARowIsAnEvent) {
  EngineWorld world(wish_for(Channel::trade, {"BTC/USD"}));
  live(world).say(R"({"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"sell",)"
                  R"("price":1.1,"qty":2.22,"ord_type":"market","trade_id":42,)"
                  R"("timestamp":"2026-09-25T17:48:26.844359Z"}]})");
  EXPECT_EQ(market_lines(world),
            (Lines{R"("event":"Trade","symbol":"BTC/USD","side":"sell","price":"1.1",)"
                   R"("qty":"2.22","trade_id":42,"venue_time_ns":1790358506844359000)"}));
}

}  // namespace
}  // namespace havklo
