// Field by field, in the order of the file.
#include "replay/world/scenario_ranges.hpp"

#include <fmt/format.h>

#include <havklo/config.hpp>
#include <havklo/limits.hpp>
#include <initializer_list>
#include <set>
#include <string_view>

#include "kraken/channels.hpp"
#include "replay/text/duration.hpp"
#include "websocket/frame.hpp"

namespace havklo::replay {
namespace {

constexpr Duration nothing{};
constexpr Duration a_millisecond = Duration::milliseconds(1);
constexpr Duration a_microsecond = Duration::microseconds(1);
// As the settings of a session have it.
constexpr Duration longest = Duration::seconds(7 * 86'400);
// What a clock leaps over is due at one instant; what is on the way is kept.
constexpr Duration longest_jump = Duration::seconds(3600);
constexpr Duration longest_way = Duration::seconds(60);
constexpr uint32_t rate_max = 1'000'000;
// A book of them takes some hundred kilobytes; all of them together at most some hundred megabytes.
constexpr uint32_t levels_max = 10'000;
constexpr uint64_t levels_of_all_max = 4'000'000;
constexpr int64_t price_max = 1'000'000'000'000'000;
constexpr uint8_t price_decimals_max = 10;
constexpr uint32_t per_mille = 1000;

struct Time {
  std::string_view name;
  std::optional<Duration> value;
  Duration least;
  Duration most = longest;
};

OutOfRange check(std::initializer_list<Time> times) {
  for (const Time& each : times) {
    if (!each.value || (*each.value >= each.least && *each.value <= each.most)) continue;
    return fmt::format("{} must be from {} to {}, not {}", each.name, to_text(each.least),
                       each.most == longest ? "7 days" : to_text(each.most), to_text(*each.value));
  }
  return std::nullopt;
}

OutOfRange check_count(std::string_view name, uint64_t value, uint64_t most) {
  if (value <= most) return std::nullopt;
  return fmt::format("{} must be from 0 to {}, not {}", name, most, value);
}

}  // namespace

OutOfRange check_ranges(const VenueSettings& venue) {
  if (auto wrong = check({{"venue.ack_delay", venue.ack_delay, nothing},
                          {"venue.snapshot_delay", venue.snapshot_delay, nothing},
                          {"venue.heartbeat_interval", venue.heartbeat_interval, a_millisecond},
                          {"venue.idle_timeout", venue.idle_timeout, a_millisecond},
                          {"venue.close_linger", venue.close_linger, nothing},
                          {"venue.connects_window", venue.connects_window, a_millisecond},
                          {"venue.connect_ban", venue.connect_ban, nothing},
                          {"venue.cut_hold", venue.cut_hold, nothing, longest_way}})) {
    return wrong;
  }
  if (auto wrong = check_count("venue.requests_per_second", venue.requests_per_second, rate_max)) {
    return wrong;
  }
  if (auto wrong = check_count("venue.requests_burst", venue.requests_burst, rate_max)) {
    return wrong;
  }
  return check_count("venue.connects_max", venue.connects_max, rate_max);
}

OutOfRange check_ranges(const MarketSettings& market) {
  return check_count("market.trades_per_1000_moves", market.trades_per_1000_moves, per_mille);
}

OutOfRange check_ranges(const NetworkSettings& network) {
  if (network.leg_latency.size() > legs_max) {
    return fmt::format("network.leg_latency must be of at most {} legs", legs_max);
  }
  for (const Duration each : network.leg_latency) {
    if (auto wrong = check({{"network.leg_latency", each, nothing, longest_way}})) return wrong;
  }
  return check({{"network.latency", network.latency, nothing, longest_way},
                {"network.jitter", network.jitter, nothing, longest_way},
                {"network.send_time", network.send_time, nothing, longest_way}});
}

OutOfRange check_ranges(const VenueAddress& address) {
  return check({{"address.for", address.lasting, nothing}});
}

OutOfRange check_ranges(const RunSettings& run) {
  return check({{"run.for", run.lasting, nothing}, {"run.lateness", run.lateness, nothing}});
}

OutOfRange check_ranges(const FaultText& text) {
  const Fault& fault = text.fault;
  if (auto wrong = check({{"fault.at", fault.at, nothing},
                          {"fault.after", fault.after, nothing},
                          {"fault.for", fault.lasting, Duration{1}},
                          {"fault.every", fault.every, a_millisecond},
                          {"fault.interval", fault.interval, a_microsecond},
                          {"fault.retry_after", fault.retry_after, nothing},
                          {"fault.lead", text.lead, nothing}})) {
    return wrong;
  }
  if (fault.leg && *fault.leg >= legs_max) {
    return fmt::format("fault.leg must be from 0 to {}, not {}", legs_max - 1, *fault.leg);
  }
  // A maintenance is written as faults at its instants.
  const Duration over = fault.at.value_or(nothing) + text.lead.value_or(maintenance_lead) +
                        fault.lasting.value_or(nothing);
  if (text.kind == "maintenance" && over > longest) {
    return "fault.at, fault.lead and fault.for of a maintenance must be at most 7 days together";
  }
  // A control frame carries so much; a close frame its code besides.
  const size_t most = text.kind == "ping"    ? websocket::control_payload_bytes_max
                      : text.kind == "close" ? websocket::control_payload_bytes_max - 2
                                             : message_bytes_max;
  if (fault.text.size() <= most) return std::nullopt;
  return fmt::format("fault.text of a {} must be at most {} bytes long", text.kind, most);
}

OutOfRange check_ranges(const PlannedCommand& command) {
  if (auto wrong = check({{"command.at", command.at, nothing}})) return wrong;
  if (command.session >= sessions_max) {
    return fmt::format("command.session must be from 0 to {}", sessions_max - 1);
  }
  const bool subscribes = command.kind == Command::Kind::subscribe;
  if (!subscribes && command.kind != Command::Kind::unsubscribe) return std::nullopt;
  if (!is_valid_symbol(command.symbol)) return "command.symbol must be a pair, as \"BTC/USD\"";
  const kraken::Parameter& parameter = kraken::facts_of(command.channel).parameter;
  const bool served =
      parameter.name.empty() || kraken::serves(parameter, static_cast<uint32_t>(command.depth));
  if (!subscribes || served) return std::nullopt;
  return fmt::format("command.depth must be one that {} is served at, not {}",
                     to_string(command.channel), command.depth);
}

OutOfRange check_ranges(const ConsumerPause& pause) {
  return check({{"pause.at", pause.at, nothing}, {"pause.for", pause.lasting, nothing}});
}

OutOfRange check_ranges(const ClockJump& jump) {
  return check({{"jump.at", jump.at, nothing}, {"jump.by", jump.by, nothing, longest_jump}});
}

OutOfRange check_ranges(const MarketSymbol& symbol) {
  if (!is_valid_symbol(symbol.name)) {
    return fmt::format("symbol.name must be a pair, as \"BTC/USD\", not '{}'", symbol.name);
  }
  if (symbol.mid_price > price_max || symbol.price_decimals > price_decimals_max) {
    return fmt::format("symbol.price must have at most 15 digits, {} of them decimals",
                       price_decimals_max);
  }
  return check_count("symbol.levels", symbol.levels, levels_max);
}

OutOfRange check_ranges(const std::vector<MarketSymbol>& symbols) {
  std::set<std::string_view> names;
  uint64_t levels = 0;
  for (const MarketSymbol& each : symbols) {
    if (!names.insert(each.name).second) return fmt::format("the same symbol twice: {}", each.name);
    levels += each.levels;
  }
  if (symbols.size() > symbols_max) {
    return fmt::format("{} symbols; at most {}", symbols.size(), symbols_max);
  }
  return check_count("symbol.levels of all symbols", levels, levels_of_all_max);
}

}  // namespace havklo::replay
