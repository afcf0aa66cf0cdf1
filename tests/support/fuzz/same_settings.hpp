// Whether two settings, or two scenarios, say the same: field by field, each of them.
//
// A struct is taken apart with as many names as it has fields, so that one that gets another field
// no longer compiles here before it is compared.
// Owns nothing.   Threads: any.
#pragma once

#include <algorithm>
#include <havklo/config.hpp>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "replay/world/scenario.hpp"

namespace havklo::fuzz {

inline auto fields(const ReconnectSettings& all) {
  const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m] = all;
  return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m);
}
inline auto fields(const CircuitBreakerSettings& all) {
  const auto& [a, b, c, d] = all;
  return std::tie(a, b, c, d);
}
inline auto fields(const TimeoutSettings& all) {
  const auto& [a, b, c, d, e] = all;
  return std::tie(a, b, c, d, e);
}
inline auto fields(const RequestSettings& all) {
  const auto& [a, b] = all;
  return std::tie(a, b);
}
inline auto fields(const FeedSettings& all) {
  const auto& [a, b] = all;
  return std::tie(a, b);
}
// Of depth and interval a file says the one that its channel has.
inline auto fields(const SubscriptionSettings& all) {
  const auto& [channel, symbols, depth, interval] = all;
  return std::tuple<const Channel&, const std::vector<std::string>&, uint32_t>(
      channel, symbols, channel == Channel::ohlc ? interval : depth);
}
inline auto fields(const RecordingSettings& all) {
  const auto& [a, b, c, d] = all;
  return std::tie(a, b, c, d);
}
inline auto fields(const LoopSettings& all) {
  const auto& [a, b, c, d, e, f] = all;
  return std::tie(a, b, c, d, e, f);
}
// What has a base is not taken apart; that nothing is forgotten, its size says.
inline auto fields(const Settings& all) {
  struct Own {
    std::string url;
    ReconnectSettings reconnect;
    CircuitBreakerSettings circuit_breaker;
    TimeoutSettings timeouts;
    RequestSettings requests;
    FeedSettings feed;
    std::vector<SubscriptionSettings> subscriptions;
    std::optional<std::string> ca_file;
    std::optional<std::string> source_address;
    std::vector<LegSettings> legs;
    Duration leg_lag_max;
    std::optional<Duration> rotate_after;
  };
  static_assert(sizeof(Settings) == sizeof(LoopSettings) + sizeof(Own));
  return std::tie(static_cast<const LoopSettings&>(all), all.url, all.reconnect,
                  all.circuit_breaker, all.timeouts, all.requests, all.feed, all.subscriptions,
                  all.ca_file, all.source_address, all.legs, all.leg_lag_max, all.rotate_after);
}
inline auto fields(const replay::VenueSettings& all) {
  const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = all;
  return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n);
}
inline auto fields(const replay::MarketSymbol& all) {
  const auto& [a, b, c, d, e] = all;
  return std::tie(a, b, c, d, e);
}
inline auto fields(const replay::MarketSettings& all) {
  const auto& [a, b, c, d] = all;
  return std::tie(a, b, c, d);
}
inline auto fields(const replay::NetworkSettings& all) {
  const auto& [a, b, c, d, e, f, g, h, i, j] = all;
  return std::tie(a, b, c, d, e, f, g, h, i, j);
}
inline auto fields(const replay::Fault& all) {
  const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x] = all;
  return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x);
}
inline auto fields(const replay::FaultPlan& all) { return std::tie(all.faults); }
inline auto fields(const replay::RunSettings& all) {
  const auto& [a, b, says_for, c, d] = all;
  static_cast<void>(says_for);  // what is written says it always
  return std::tie(a, b, c, d);
}
inline auto fields(const replay::PlannedCommand& all) {
  const auto& [a, b, c, d, e, f] = all;
  return std::tie(a, b, c, d, e, f);
}
inline auto fields(const replay::ConsumerPause& all) {
  const auto& [a, b] = all;
  return std::tie(a, b);
}
inline auto fields(const replay::ClockJump& all) {
  const auto& [a, b] = all;
  return std::tie(a, b);
}
inline auto fields(const replay::Scenario& all) {
  const auto& [a, b, c, d, e, f, g, h, i] = all;
  return std::tie(a, b, c, d, e, f, g, h, i);
}

template <class T>
[[nodiscard]] bool is_same(const T& one, const T& other) {
  if constexpr (requires { fields(one); }) {
    return is_same(fields(one), fields(other));
  } else if constexpr (requires { std::tuple_size<T>::value; }) {
    const auto each = [&]<size_t... i>(std::index_sequence<i...>) {
      return (is_same(std::get<i>(one), std::get<i>(other)) && ...);
    };
    return each(std::make_index_sequence<std::tuple_size_v<T>>());
  } else if constexpr (
      requires { one.begin(); } && !requires { one.c_str(); }) {
    return std::ranges::equal(one, other,
                              [](const auto& a, const auto& b) { return is_same(a, b); });
  } else {
    return one == other;
  }
}

}  // namespace havklo::fuzz
