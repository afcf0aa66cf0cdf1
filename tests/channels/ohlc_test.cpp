// The channel `ohlc`, from the settings to the events (engine/kraken/channels/ohlc.hpp). Rules:
// kraken-v2.md §6.
#include <gtest/gtest.h>

#include "channels/world.hpp"
#include "replay/text/settings_toml.hpp"
#include "support/venue_world.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

// Each number has places of its own.
constexpr std::string_view update =
    R"({"channel":"ohlc","type":"update","timestamp":"2026-09-25T17:48:26.844359566Z","data":[)"
    R"({"symbol":"BTC/USD","open":83729.5,"high":83745.25,"low":83729.455,"close":83744,)"
    R"("trades":33,"volume":0.21155628,"vwap":83736.4444,)"
    R"("interval_begin":"2026-09-25T17:48:00.000000000Z","interval":5,"timestamp":"2026-09-25T17:53:00.000000Z"}]})";

Settings five_minutes() {
  Settings settings = wish_for(Channel::ohlc, {"BTC/USD"});
  settings.subscriptions[0].interval_minutes = 5;
  return settings;
}

TEST(Ohlc, ACandleIsTwoEvents) {
  EngineWorld world(five_minutes());
  world.go_live();
  static_cast<void>(world.take());
  world.say(update);
  EXPECT_EQ(
      market_lines(world),
      (std::vector<std::string>{
          R"("event":"Candle","symbol":"BTC/USD","open":"83729.5","high":"83745.25",)"
          R"("low":"83729.455","close":"83744")",
          R"("event":"CandleVolume","symbol":"BTC/USD","volume":"0.21155628","vwap":"83736.4444",)"
          R"("trades":33,"begin_minutes":29839308,"interval_minutes":5)"}));
}

TEST(Ohlc, TheSnapshotComesCandleByCandle) {
  EngineWorld world(five_minutes());
  world.go_live();
  static_cast<void>(world.take());
  std::string two(update);
  const size_t row = two.find("{\"symbol\"");
  two.insert(two.size() - 2, "," + two.substr(row, two.size() - 2 - row));
  two.replace(two.find("update"), 6, "snapshot");
  world.say(two);
  EXPECT_EQ(market_lines(world).size(), 4U);
}

TEST(Ohlc, RequestsNameTheIntervalInBothDirections) {
  EngineWorld world(five_minutes());
  world.turn();
  world.open();
  world.greet();
  EXPECT_EQ(world.take_requests(),
            (std::vector<std::string>{
                R"({"method":"subscribe","params":{"channel":"ohlc","symbol":["BTC/USD"],)"
                R"("interval":5,"snapshot":true},"req_id":1})"}));
  world.ack("subscribe", "BTC/USD", "ohlc");
  EXPECT_EQ(world.take().back().kind, EventKind::subscriptions_restored);
  world.command(make_command(Command::Kind::unsubscribe, "BTC/USD", Channel::ohlc));
  EXPECT_EQ(world.take_requests(),
            (std::vector<std::string>{R"({"method":"unsubscribe","params":{"channel":"ohlc",)"
                                      R"("symbol":["BTC/USD"],"interval":5},"req_id":2})"}));
}

TEST(Ohlc, AnotherIntervalIsAskedForAfterTheOldOneHasEnded) {
  EngineWorld world(five_minutes());
  world.go_live();
  static_cast<void>(world.take_requests());
  world.command(make_command(Command::Kind::subscribe, "BTC/USD", Channel::ohlc, 60));
  const auto goodbye = world.take_requests();
  ASSERT_EQ(goodbye.size(), 1U);
  EXPECT_NE(goodbye[0].find(R"("interval":5)"), std::string::npos) << goodbye[0];
  world.ack("unsubscribe", "BTC/USD", "ohlc");
  const auto again = world.take_requests();
  ASSERT_EQ(again.size(), 1U);
  EXPECT_NE(again[0].find(R"("interval":60)"), std::string::npos) << again[0];
}

TEST(Ohlc, TheSameIntervalAgainAsksForNothing) {
  EngineWorld world(five_minutes());
  world.go_live();
  static_cast<void>(world.take_requests());
  world.command(make_command(Command::Kind::subscribe, "BTC/USD", Channel::ohlc, 5));
  world.pass(1_s);
  EXPECT_TRUE(world.take_requests().empty());
}

TEST(Ohlc, AnIntervalThatTheVenueDoesNotServeIsRefused) {
  Settings settings = five_minutes();
  settings.subscriptions[0].interval_minutes = 7;
  const auto valid = validate(settings);
  ASSERT_FALSE(valid.has_value());
  EXPECT_EQ(valid.error().message(),
            "subscription.interval = 7: must be 1, 5, 15, 30, 60, 240, 1440, 10080 or 21600");
}

TEST(Ohlc, SettingsAreTextAndBack) {
  const auto read = settings_from_toml(
      "[[subscription]]\nchannel = \"ohlc\"\nsymbol = \"BTC/USD\"\ninterval = \"1h\"\n", "file");
  ASSERT_TRUE(read.has_value()) << read.error();
  EXPECT_EQ(read->subscriptions[0].interval_minutes, 60U);
  EXPECT_TRUE(validate(*read).has_value());
  const std::string written = replay::settings_to_toml(*read);
  EXPECT_NE(written.find("interval = \"1h\"\n"), std::string::npos) << written;
  EXPECT_EQ(written.find("depth"), std::string::npos) << written;
  const auto bad = settings_from_toml("[[subscription]]\ninterval = \"90s\"\n", "file");
  EXPECT_EQ(bad.error(),
            "file:2: subscription.interval must be whole minutes with a unit, as \"5m\" or \"1h\"");
}

TEST(Ohlc, ARowThatLacksSomethingIsToldAndNoCandle) {
  for (const std::string_view key : {"open", "high", "low", "close", "trades", "interval_begin"}) {
    EngineWorld world(five_minutes());
    world.go_live();
    static_cast<void>(world.take());
    std::string text(update);
    text[text.find("\"" + std::string(key) + "\":") + 1] = 'x';
    world.say(text);
    EXPECT_EQ(market_lines(world),
              (std::vector<std::string>{
                  R"("event":"Unreadable","channel":"ohlc","symbol":"BTC/USD","detail":")" +
                  std::string(key) + R"(: is missing")"}));
  }
}

// The venue model's own candles against its trades, and the same after an outage.
TEST(Ohlc, CandlesOfTheVenueModelAddUpToItsTrades) {
  VenueWorldSettings settings;
  settings.engine = five_minutes();
  settings.engine.subscriptions.push_back({.channel = Channel::trade, .symbols = {"BTC/USD"}});
  settings.faults.add({.kind = replay::FaultKind::reset, .at = 100_s});
  VenueWorld world(settings);
  ASSERT_TRUE(world.run_until(2_s, EventKind::subscriptions_restored));
  world.run(240_s);
  EXPECT_EQ(world.count(EventKind::disconnected), 1U);
  EXPECT_EQ(world.count(EventKind::candle), world.count(EventKind::candle_volume));
  int64_t last_trade = 0;
  uint32_t candles = 0;
  for (const Event& event : world.events) {
    if (event.kind == EventKind::trade) last_trade = event.payload.trade.price;
    if (event.kind != EventKind::candle) continue;
    const Event::Candle& candle = event.payload.candle;
    EXPECT_LE(candle.low, candle.open);
    EXPECT_LE(candle.low, candle.close);
    EXPECT_GE(candle.high, candle.open);
    EXPECT_GE(candle.high, candle.close);
    // An update follows the trades that it is made of.
    const bool is_update = ++candles > 1 && last_trade != 0;
    if (is_update && event.epoch == 1) {
      EXPECT_EQ(candle.close, last_trade);
    }
  }
  EXPECT_GT(candles, 20U);
}

}  // namespace
}  // namespace havklo
