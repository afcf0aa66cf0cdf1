// A feed that comes late by the venue's own time (design §7.2; lessons, 20). Through the engine's
// doors.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "support/engine_world.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

// 2026-07-07T23:00:00Z.
constexpr int64_t hour_ns = 1'783'465'200'000'000'000;

class Lag : public testing::Test {
 protected:
  static Settings lag_settings(std::optional<Duration> warn = 2_s) {
    Settings settings = book_settings({"BTC/USD"});
    settings.subscriptions.push_back({.channel = Channel::trade, .symbols = {"BTC/USD"}});
    settings.feed.lag_warn = warn;
    settings.ring_slots = ring_slots_min(settings);
    return settings;
  }
  EngineWorld& live(const Settings& settings = lag_settings()) {
    world_.emplace(settings);
    set_utc(0);
    world_->go_live();
    static_cast<void>(world_->take());
    return *world_;
  }
  // The engine's clock becomes so many milliseconds past 23:00 UTC.
  void set_utc(int64_t past_ms) {
    world_->clock.set_utc_offset(Duration{hour_ns + past_ms * 1'000'000 - world_->clock.now().ns});
  }
  [[nodiscard]] int64_t utc_ms() {
    return (world_->clock.now().ns + world_->clock.utc_offset().ns - hour_ns) / 1'000'000;
  }
  // One that the venue made `ago_ms` before now, as it prints it.
  void trade(int64_t ago_ms, std::string_view type = "update") {
    const int64_t at_ms = utc_ms() - ago_ms;
    world_->say(fmt::format(
        R"({{"channel":"trade","type":"{}","data":[{{"symbol":"BTC/USD","side":"buy","price":1,)"
        R"("qty":1,"ord_type":"limit","trade_id":{},"timestamp":"2026-07-07T23:{:02}:{:02}.{:03}000Z"}}]}})",
        type, ++trade_id_, at_ms / 60'000, at_ms / 1'000 % 60, at_ms % 1'000));
  }
  // "trade 2500 ms", "trade over 900 ms".
  std::string told() {
    std::string text;
    for (const Event& event : world_->take()) {
      if (event.kind != EventKind::feed_lag) continue;
      const Event::FeedLag& lag = event.payload.feed_lag;
      text += fmt::format("{}{}{} {} ms", text.empty() ? "" : ", ", to_string(lag.channel),
                          lag.begins != 0 ? "" : " over", lag.lag_ns / 1'000'000);
      EXPECT_EQ(world_->engine.names().symbol(lag.symbol), "BTC/USD");
    }
    return text;
  }

  std::optional<EngineWorld> world_;
  uint64_t trade_id_ = 0;
};

TEST_F(Lag, BeginsAndEndsOnce) {
  live();
  world_->clock.advance(10_s);
  trade(1'999);
  EXPECT_EQ(told(), "");
  trade(2'500);
  trade(3'000);
  EXPECT_EQ(told(), "trade 2500 ms");
  trade(1'001);  // not yet: it would flap
  EXPECT_EQ(told(), "");
  trade(900);
  trade(1'900);
  EXPECT_EQ(told(), "trade over 900 ms");
  trade(2'001);
  EXPECT_EQ(told(), "trade 2001 ms");
}

TEST_F(Lag, IsCountedWhetherSomebodyIsWarnedOrNot) {
  live(lag_settings({}));
  world_->clock.advance(10_s);
  trade(9'000);
  EXPECT_EQ(told(), "");
  EXPECT_EQ(world_->engine.counters(0).lag_ns, 9'000'000'000);
}

// 23:00:04.501510 is on the update.
TEST_F(Lag, IsABooksToo) {
  live();
  world_->clock.advance(10_s);
  const int64_t before = utc_ms();
  world_->update("BTC/USD");
  EXPECT_EQ(told(), fmt::format("book {} ms", before - 4'502));
}

// What it says of the past is no delay.
TEST_F(Lag, IsNoMatterOfSnapshots) {
  live();
  world_->clock.advance(10_s);
  world_->snapshot("BTC/USD");
  trade(9'000, "snapshot");
  EXPECT_EQ(told(), "");
  EXPECT_LT(world_->engine.counters(0).lag_ns, 9'000'000'000);
}

TEST_F(Lag, WaitsForRoomAndIsNotToldWhenItIsOverByThen) {
  live();
  world_->clock.advance(10_s);
  world_->consumer_sleeps = true;
  for (uint32_t i = 0; i < ring_slots_min(lag_settings()); ++i) {
    world_->say(R"({"channel":"heartbeat"})");
  }
  trade(2'500);
  trade(100);
  trade(4'000);
  trade(1'500);  // still, and not what it began with
  world_->consumer_sleeps = false;
  world_->turn();
  world_->turn();
  EXPECT_EQ(told(), "trade 4000 ms");
}

TEST_F(Lag, IsForgottenWithTheConnection) {
  live();
  world_->clock.advance(10_s);
  trade(2'500);
  EXPECT_EQ(told(), "trade 2500 ms");
  world_->fail(Reason::peer_reset);
  world_->pass(1_s);
  world_->come_back();
  trade(2'600);
  EXPECT_EQ(told(), "trade 2600 ms");
}

TEST_F(Lag, IsForgottenWithWhatTheVenueHasEnded) {
  live();
  world_->clock.advance(10_s);
  const int64_t before = utc_ms();
  world_->update("BTC/USD");
  EXPECT_EQ(told(), fmt::format("book {} ms", before - 4'502));
  world_->say(EngineWorld::update_text("BTC/USD", "1"));  // a wrong checksum: it is repaired
  world_->ack("unsubscribe", "BTC/USD");
  world_->ack("subscribe", "BTC/USD");
  world_->snapshot("BTC/USD");
  EXPECT_EQ(told(), "");
  world_->update("BTC/USD");
  EXPECT_EQ(told(), fmt::format("book {} ms", utc_ms() - 4'502));
}

// Somebody sets this machine's clock while the connection lasts.
TEST_F(Lag, IsAgainstAClockThatIsReadOnceAMinute) {
  live();
  world_->pass(1_s);
  const int64_t was = utc_ms();
  set_utc(was + 30'000);
  trade(30'100);
  EXPECT_EQ(told(), "");
  for (int i = 0; i < 61; ++i) {
    world_->pass(1_s);
    world_->say(R"({"channel":"heartbeat"})");
  }
  trade(30'100);
  EXPECT_EQ(told(), "trade 30100 ms");
}

}  // namespace
}  // namespace havklo
