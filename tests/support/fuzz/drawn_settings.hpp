// Settings of a session from an input: waits of a second or so, where people have minutes, so that
// a script of some hundred steps sees each of them end.
//
// Owns nothing.   Threads: any.
#pragma once

#include <array>
#include <cstdint>
#include <havklo/config.hpp>
#include <string>
#include <string_view>

#include "fuzz/target.hpp"

namespace havklo::fuzz {

using namespace havklo::literals;

// What the venue has, and a session may want.
inline constexpr std::array<std::string_view, 3> symbols = {"BTC/USD", "ETH/USD", "XYZ/EUR"};

template <class T, size_t count>
[[nodiscard]] T pick(FuzzInput& input, const std::array<T, count>& values) {
  return values[input.below(count)];
}

[[nodiscard]] inline Settings draw_settings(FuzzInput& input) {
  Settings settings;
  settings.url = "wss://venue.test/v2";
  const uint8_t what = input.byte();
  const std::array<uint32_t, 2> depths = {10, 25};
  SubscriptionSettings books{.symbols = {}, .depth = depths[(what >> 4U) & 1U]};
  for (size_t i = 0; i < symbols.size(); ++i) {
    if (i == 0 || (what >> i & 1U) != 0) books.symbols.emplace_back(symbols[i]);
  }
  settings.subscriptions.push_back(books);
  for (const Channel channel :
       {Channel::trade, Channel::ticker, Channel::ohlc, Channel::instrument}) {
    if ((what >> (3 + static_cast<unsigned>(channel)) & 1U) == 0) continue;
    settings.subscriptions.push_back({.channel = channel, .symbols = {std::string(symbols[0])}});
  }
  ReconnectSettings& reconnect = settings.reconnect;
  const uint8_t how = input.byte();
  reconnect.enabled = how % 8 != 7;
  reconnect.initial_delay = pick<Duration, 3>(input, {100_ms, 50_ms, 0_ms});
  reconnect.max_delay = pick<Duration, 2>(input, {1_s, 100_ms});
  reconnect.jitter = static_cast<Jitter>(how / 8 % 3);
  if (how >= 192) reconnect.max_attempts = 1 + how % 3;
  if (how % 11 == 5) reconnect.first_delay = pick<Duration, 2>(input, {0_ms, 20_ms});
  reconnect.stable_after = pick<Duration, 3>(input, {1_s, 0_ms, 3_s});
  reconnect.connect_budget = pick<uint32_t, 3>(input, {120, 5, 2});
  reconnect.connect_budget_window = pick<Duration, 2>(input, {10_s, 1_s});
  reconnect.maintenance_delay = 2_s;
  reconnect.rate_limited_delay = 4_s;
  CircuitBreakerSettings& breaker = settings.circuit_breaker;
  breaker.failure_threshold = pick<uint32_t, 4>(input, {5, 1, 2, 3});
  breaker.reset_timeout = 1500_ms;
  // Four requests, at the slowest pace that the venue can bring about: in less no probe ends well.
  breaker.half_open_timeout = pick<Duration, 2>(input, {60_s, 30_s});
  breaker.enabled = how % 16 != 6;
  settings.timeouts = {.connect_timeout = 1_s,
                       .greeting_timeout = 500_ms,
                       .restore_timeout = 2_s,
                       .heartbeat_timeout = 3_s,
                       .close_timeout = 200_ms};
  settings.requests = {.per_second = pick<uint32_t, 2>(input, {10, 2}), .burst = 2};
  settings.feed.trade_gaps = how % 5 != 4;
  if (how % 7 == 3) settings.feed.lag_warn = 500_ms;
  settings.ring_slots = ring_slots_min(settings);
  return settings;
}

}  // namespace havklo::fuzz
