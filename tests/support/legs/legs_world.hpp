// An engine of one session with several legs, and a venue that speaks on each leg's connection.
//
// Use: world.go_live(); world.update(1, {{100, 3}}, {}, 2'000) is an update of leg 1's book at
// 23:00:02; world.told() are the events since, in the words of leg_texts.hpp.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/connection_id.hpp"
#include "support/engine_world.hpp"
#include "support/legs/leg_texts.hpp"

namespace havklo {

[[nodiscard]] inline Settings legs_settings(uint32_t legs = 2,
                                            std::vector<SubscriptionSettings> wishes = {
                                                {.channel = Channel::book,
                                                 .symbols = {"BTC/USD"}}}) {
  Settings settings;
  settings.url = "wss://venue.test/v2";
  settings.legs.resize(legs);
  settings.subscriptions = std::move(wishes);
  settings.reconnect.jitter = Jitter::none;
  settings.ring_slots = ring_slots_min(settings);
  return settings;
}

class LegsWorld : public EngineWorld {
 public:
  explicit LegsWorld(const Settings& settings = legs_settings(), Journal* journal = nullptr)
      : EngineWorld(settings, journal), settings_(settings) {
    for (uint32_t leg = 0; leg < settings_.legs.size(); ++leg) {
      for (const SubscriptionSettings& wish : settings_.subscriptions) {
        if (wish.channel != Channel::book) continue;
        for (const std::string& symbol : wish.symbols) {
          books_[{leg, symbol}] = ToldBook(wish.depth);
        }
      }
    }
    set_utc(0);
  }

  // The connection that the leg has opened last, and how many it has opened.
  [[nodiscard]] ConnectionId id(uint32_t leg) const {
    const auto last = std::find_if(net.opens.rbegin(), net.opens.rend(), [leg](const auto& each) {
      return core::leg_of(each.id, true) == leg;
    });
    EXPECT_NE(last, net.opens.rend()) << "leg " << leg << " has opened nothing";
    return last->id;
  }
  [[nodiscard]] size_t opened(uint32_t leg) const {
    return static_cast<size_t>(std::ranges::count_if(
        net.opens, [leg](const auto& each) { return core::leg_of(each.id, true) == leg; }));
  }

  // Upgraded, and neither side has ended it.
  [[nodiscard]] bool is_open(uint32_t leg) const {
    const ConnectionId last = id(leg);
    return net.upgraded(last) && net.close_code(last) == 0 &&
           std::ranges::find(net.closes, last) == net.closes.end();
  }

  // Said in the next turn, and in a turn of its own.
  void queue_text(uint32_t leg, std::string_view message) { net.text(id(leg), message); }
  void say(uint32_t leg, std::string_view message) {
    queue_text(leg, message);
    turn();
  }
  void open(uint32_t leg) {
    net.opened(id(leg));
    turn();
    net.answer(id(leg));
    turn();
  }
  void status(uint32_t leg, std::string_view system) {
    say(leg, fmt::format(R"({{"channel":"status","type":"update","data":[{{"version":"2.0.10",)"
                         R"("system":"{}","api_version":"v2","connection_id":{}}}]}})",
                         system, leg + 1));
  }
  void greet(uint32_t leg, std::string_view system = "online") { status(leg, system); }
  void ack(uint32_t leg, std::string_view method = "subscribe", std::string_view symbol = "BTC/USD",
           Channel channel = Channel::book, std::string_view rest = {}) {
    const std::string named =
        channel == Channel::instrument ? "" : fmt::format(R"(,"symbol":"{}")", symbol);
    say(leg, fmt::format(R"({{"method":"{}","result":{{"channel":"{}"{}{}}},"success":true}})",
                         method, to_string(channel), named, rest));
  }
  void refuse(uint32_t leg, std::string_view symbol = "BTC/USD") {
    say(leg, fmt::format(R"({{"error":"Currency pair not supported {0}","method":"subscribe",)"
                         R"("success":false,"symbol":"{0}"}})",
                         symbol));
  }
  void heartbeat(uint32_t leg) { say(leg, R"({"channel":"heartbeat"})"); }

  [[nodiscard]] std::string snapshot_text(uint32_t leg, const BookSideLevels& bids,
                                          const BookSideLevels& asks, int64_t at_ms,
                                          const std::string& symbol = "BTC/USD") {
    return books_[{leg, symbol}].snapshot(symbol, bids, asks, at_ms);
  }
  [[nodiscard]] std::string update_text(uint32_t leg, const BookSideLevels& bids,
                                        const BookSideLevels& asks, int64_t at_ms,
                                        const std::string& symbol = "BTC/USD") {
    return books_[{leg, symbol}].update(symbol, bids, asks, at_ms);
  }
  void snapshot(uint32_t leg, const BookSideLevels& bids, const BookSideLevels& asks, int64_t at_ms,
                const std::string& symbol = "BTC/USD") {
    say(leg, snapshot_text(leg, bids, asks, at_ms, symbol));
  }
  void update(uint32_t leg, const BookSideLevels& bids, const BookSideLevels& asks, int64_t at_ms,
              const std::string& symbol = "BTC/USD") {
    say(leg, update_text(leg, bids, asks, at_ms, symbol));
  }
  // An update of nothing whose checksum is wrong.
  void corrupt(uint32_t leg, const std::string& symbol = "BTC/USD") {
    say(leg, books_[{leg, symbol}].update(symbol, {}, {}, 1'000, 1));
  }
  void trades(uint32_t leg, std::string_view type, const std::vector<uint64_t>& ids,
              int64_t at_ms = 1'000, std::string_view symbol = "BTC/USD") {
    std::string rows;
    for (const uint64_t trade : ids) {
      rows += fmt::format(R"({}{{"symbol":"{}","side":"buy","price":1.5,"qty":1,)"
                          R"("ord_type":"limit","trade_id":{},"timestamp":"{}"}})",
                          rows.empty() ? "" : ",", symbol, trade, venue_timestamp(at_ms));
    }
    say(leg, fmt::format(R"({{"channel":"trade","type":"{}","data":[{}]}})", type, rows));
  }
  void ticker(uint32_t leg, int64_t bid, int64_t at_ms) {
    say(leg,
        fmt::format(
            R"({{"channel":"ticker","type":"update","data":[{{"symbol":"BTC/USD",)"
            R"("bid":{}.0,"bid_qty":1.0,"ask":200.0,"ask_qty":1.0,"last":1.0,)"
            R"("volume":1.0{}}}]}})",
            bid,
            at_ms == no_time ? "" : fmt::format(R"(,"timestamp":"{}")", venue_timestamp(at_ms))));
  }
  void candle(uint32_t leg, int64_t close, int64_t trades, int64_t minute) {
    say(leg, fmt::format(R"({{"channel":"ohlc","type":"update","data":[{{"symbol":"BTC/USD",)"
                         R"("open":1.0,"high":9.0,"low":1.0,"close":{}.0,"trades":{},"volume":1.0,)"
                         R"("vwap":1.0,"interval_begin":"{}","interval":1}}]}})",
                         close, trades, venue_timestamp(minute * 60'000)));
  }
  void instrument(uint32_t leg, std::string_view status) {
    say(leg,
        fmt::format(R"({{"channel":"instrument","type":"update","data":{{"assets":[],"pairs":[)"
                    R"({{"symbol":"BTC/USD","status":"{}","price_increment":0.1,)"
                    R"("qty_increment":0.1,"qty_min":0.1,"price_precision":1,)"
                    R"("qty_precision":1}}]}}}})",
                    status));
  }

  void fail(uint32_t leg, Reason reason = Reason::peer_reset) {
    net.closed(id(leg), reason);
    turn();
  }
  // From an opened attempt to Live: every wish acknowledged, every book with the first snapshot.
  void bring_live(uint32_t leg, int64_t at_ms = 1'000) {
    open(leg);
    greet(leg);
    answer_all(leg, at_ms);
  }
  void answer_all(uint32_t leg, int64_t at_ms = 1'000) {
    for (const SubscriptionSettings& wish : settings_.subscriptions) {
      for (const std::string& symbol : wish.symbols) {
        ack(leg, "subscribe", symbol, wish.channel);
        if (wish.channel == Channel::book) snapshot(leg, {{100, 1}}, {{101, 1}}, at_ms, symbol);
      }
    }
  }
  // From a fresh engine to all legs Live; nothing of it is told.
  void go_live() {
    turn();
    for (uint32_t leg = 0; leg < settings_.legs.size(); ++leg) bring_live(leg);
    static_cast<void>(told());
  }
  // Time passes, and those of these legs that are connected are well.
  void pass_with_heartbeats(Duration time, const std::vector<uint32_t>& legs) {
    const Duration step = Duration::seconds(1);
    for (; time > Duration{}; time = time - step) {
      pass(std::min(time, step));
      for (const uint32_t leg : legs) {
        if (is_open(leg)) heartbeat(leg);
      }
    }
  }
  // The engine's clock becomes so many milliseconds past 23:00 UTC.
  void set_utc(int64_t past_ms) {
    clock.set_utc_offset(Duration{venue_hour_ns + past_ms * 1'000'000 - clock.now().ns});
  }

  // What was told since, joined by ", "; all but the noise of connections and heartbeats.
  [[nodiscard]] std::string told() {
    std::vector<Event> events = take();
    std::erase_if(events, [](const Event& event) { return event.kind == EventKind::heartbeat; });
    return fmt::format("{}", fmt::join(EventWords().of(events), ", "));
  }
  // … of these kinds only.
  [[nodiscard]] std::string told_of(const std::vector<EventKind>& kinds) {
    std::vector<Event> events = take();
    std::erase_if(events, [&](const Event& event) {
      return std::ranges::find(kinds, event.kind) == kinds.end();
    });
    return fmt::format("{}", fmt::join(EventWords().of(events), ", "));
  }

 private:
  Settings settings_;
  std::map<std::pair<uint32_t, std::string>, ToldBook> books_;
};

}  // namespace havklo
