// Upper bounds, term by term. Floating point, since products may be beyond any integer.
#include "replay/world/scenario_load.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "replay/text/duration.hpp"
#include "replay/world/recovery_bound.hpp"
#include "replay/world/simulation.hpp"

namespace havklo::replay {
namespace {

// A message of the venue, about.
constexpr double message_bytes = 400;
// An attempt has a handshake, requests and snapshots.
constexpr double attempt_weight = 10;
// A recovery takes minutes; one that may take longer counts as a part of the run.
constexpr Duration usual_recovery = Duration::seconds(3600);
constexpr Duration a_nanosecond{1};

double seconds(Duration duration) { return static_cast<double>(duration.ns) / 1e9; }

struct Cause {
  std::string_view section;
  std::string name;
  double happenings = 0;
};

struct Span {
  std::string_view section;
  std::string_view name;
  Duration time;
};

// In so many pieces a message is read, or leaves the venue.
double pieces(const Scenario& scenario) {
  double bytes = message_bytes;
  if (scenario.network.read_bytes_max != 0) {
    bytes = std::min<double>(bytes, scenario.network.read_bytes_max);
  }
  for (const Fault& fault : scenario.faults.faults) {
    const bool cuts = fault.kind == FaultKind::chunk || fault.kind == FaultKind::drip;
    if (cuts) bytes = std::min<double>(bytes, std::max<uint32_t>(fault.bytes, 1));
  }
  return message_bytes / bytes;
}

std::vector<Cause> causes(const Scenario& scenario, Duration time) {
  size_t legs = scenario.sessions.empty() ? 1 : 0;
  for (const Settings& session : scenario.sessions) legs += session.legs.size();
  const auto connections = static_cast<double>(legs);
  const double messages = pieces(scenario) * connections * seconds(time);
  const MarketSettings& market = scenario.market;
  const auto symbols = static_cast<double>(market.symbols.size());
  const double rate = static_cast<double>(market.moves_per_1000_s) / 1000;
  const double unheard = static_cast<double>(market.unheard_trades_per_1000_s) / 1000;
  std::vector<Cause> all = {
      {"market", fmt::format("market.rate ({} a second, {} symbols)", rate, symbols),
       rate * symbols * messages},
      {"market", fmt::format("market.unheard_trades ({} a second, {} symbols)", unheard, symbols),
       unheard * symbols * seconds(time)},
      {"venue",
       fmt::format("venue.heartbeat_interval ({})", to_text(scenario.venue.heartbeat_interval)),
       messages / seconds(scenario.venue.heartbeat_interval)}};
  for (const Fault& fault : scenario.faults.faults) {
    if (!fault.every || !is_action(fault.kind)) continue;
    const double most = seconds(std::min(fault.lasting.value_or(time), time));
    const double strikes = most / seconds(*fault.every) * connections;
    all.push_back({"fault", fmt::format("fault.every ({})", to_text(*fault.every)),
                   std::min<double>(fault.times, strikes)});
  }
  for (const Settings& session : scenario.sessions) {
    const ReconnectSettings& reconnect = session.reconnect;
    const double budget = reconnect.connect_budget / seconds(reconnect.connect_budget_window);
    const double paced = 2 / seconds(std::max(reconnect.initial_delay, a_nanosecond));
    all.push_back({"session",
                   fmt::format("session.reconnect.connect_budget ({} in {})",
                               reconnect.connect_budget, to_text(reconnect.connect_budget_window)),
                   std::min(budget, paced) * attempt_weight * seconds(time)});
  }
  return all;
}

double sum(const std::vector<Cause>& all) {
  double total = 0;
  for (const Cause& each : all) total += each.happenings;
  return total;
}

// What the recovery waits for longest.
Span longest_wait(const Scenario& scenario) {
  const NetworkSettings& network = scenario.network;
  std::vector<Span> all = {{"venue", "venue.ack_delay", scenario.venue.ack_delay},
                           {"venue", "venue.snapshot_delay", scenario.venue.snapshot_delay},
                           {"network", "network.latency", longest_latency(network) * 8},
                           {"network", "network.jitter", network.jitter * 8},
                           {"network", "network.send_time", network.send_time * 4096}};
  for (const Settings& each : scenario.sessions) {
    const TimeoutSettings& timeouts = each.timeouts;
    const ReconnectSettings& reconnect = each.reconnect;
    const std::vector<Span> waits = {
        {"session", "session.timeouts.connect_timeout", timeouts.connect_timeout},
        {"session", "session.timeouts.greeting_timeout", timeouts.greeting_timeout},
        {"session", "session.timeouts.restore_timeout", timeouts.restore_timeout * 4},
        {"session", "session.timeouts.heartbeat_timeout", timeouts.heartbeat_timeout},
        {"session", "session.timeouts.close_timeout", timeouts.close_timeout},
        {"session", "session.reconnect.max_delay", reconnect.max_delay},
        {"session", "session.reconnect.maintenance_delay", reconnect.maintenance_delay},
        {"session", "session.reconnect.rate_limited_delay", reconnect.rate_limited_delay},
        {"session", "session.reconnect.connect_budget_window", reconnect.connect_budget_window},
        {"session", "session.reconnect.stable_after", reconnect.stable_after},
        {"session", "session.circuit_breaker.reset_timeout", each.circuit_breaker.reset_timeout}};
    all.insert(all.end(), waits.begin(), waits.end());
  }
  return *std::ranges::max_element(all, {}, &Span::time);
}

}  // namespace

uint64_t happenings_within(const Scenario& scenario, Duration time) {
  constexpr double most = 1e15;  // fits
  return static_cast<uint64_t>(std::min(sum(causes(scenario, time)), most));
}

std::optional<TooMuch> check_load(const Scenario& as_written) {
  const Scenario scenario = with_defaults(as_written);
  Span run{"run", "run.for", scenario.run.lasting};
  Span jumps{"jump", "jump.by"};
  for (const ClockJump& each : scenario.jumps) jumps.time = jumps.time + each.by;
  Span recovery = longest_wait(scenario);
  Duration longest = recovery_bound(scenario);
  for (const Settings& each : scenario.sessions) {
    longest = longest + each.reconnect.stable_after + each.timeouts.close_timeout;
  }
  recovery.time = std::max(longest - usual_recovery, Duration{});
  const Duration time = run.time + jumps.time + recovery.time;
  const std::vector<Cause> all = causes(scenario, time);
  const double total = sum(all);
  if (total <= static_cast<double>(happenings_max)) return std::nullopt;
  const Cause& cause = *std::ranges::max_element(all, {}, &Cause::happenings);
  const Span span = std::ranges::max({run, jumps, recovery}, {}, &Span::time);
  return TooMuch{
      cause.section,
      fmt::format("{} × {}: the world, which lasts up to {:.0f} s, may have from 0 to {} "
                  "messages and attempts, not {:.0f}; lower one of the two",
                  cause.name, span.name, seconds(time), happenings_max, total)};
}

}  // namespace havklo::replay
