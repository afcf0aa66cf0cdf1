// A scenario: any text is refused in one line, or it is a scenario that is written and read back
// the same; what the simulator admits is a world that ends, the same each time, and in which all
// invariants hold (the first act of a small one is run).
#include <algorithm>
#include <string>
#include <string_view>

#include "fuzz/target.hpp"
#include "replay/world/recovery_bound.hpp"
#include "replay/world/scenario_load.hpp"
#include "replay/world/simulation.hpp"
#include "support/fuzz/one_line.hpp"
#include "support/fuzz/same_settings.hpp"

namespace havklo::scenario_fuzz {
namespace {

using fuzz::check_one_line;
using fuzz::Disagreement;
using fuzz::is_same;
using fuzz::require;
using replay::Scenario;

// So much happens in the worlds that are run: some milliseconds each, as they mostly go.
constexpr uint64_t happenings_run = 20'000;
constexpr uint64_t levels_run = 2000;
constexpr uint32_t ring_slots_run = 1024;

uint64_t levels_of(const Scenario& scenario) {
  uint64_t levels = 0;
  for (const replay::MarketSymbol& each : scenario.market.symbols) levels += each.levels;
  return levels;
}

// The same world, no longer than it takes to run many of them.
Scenario shortened(Scenario scenario) {
  scenario = replay::with_defaults(std::move(scenario));
  for (Settings& each : scenario.sessions) {
    each.ring_slots = std::max(ring_slots_run, ring_slots_min(each));
    if (each.ring_slots > 8 * ring_slots_run) return {};
  }
  return scenario;
}

bool is_small(const Scenario& scenario) {
  if (scenario.sessions.empty() || levels_of(scenario) > levels_run) return false;
  Duration time = scenario.run.lasting + replay::recovery_bound(scenario);
  for (const replay::ClockJump& each : scenario.jumps) time = time + each.by;
  for (const Settings& each : scenario.sessions) {
    time = time + each.reconnect.stable_after + each.timeouts.close_timeout;
  }
  return replay::happenings_within(scenario, time) <= happenings_run;
}

void check_world(const Scenario& given) {
  const Scenario scenario = shortened(given);
  if (!is_small(scenario)) return;
  const replay::SimulationResult once = replay::simulate(scenario);
  if (once.breach) {
    throw Disagreement(std::string(replay::to_string(once.breach->invariant)) + ": " +
                       once.breach->what + "\n" + replay::to_toml(scenario));
  }
  const replay::SimulationResult again = replay::simulate(scenario);
  require(again.digest == once.digest && again.turns == once.turns, "the same world goes two ways");
}

}  // namespace

HAVKLO_FUZZ_TARGET(scenario) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto exchange = replay::parse_scenario(text, "f", replay::ScenarioUse::exchange);
  const auto simulation = replay::parse_scenario(text, "f", replay::ScenarioUse::simulation);
  if (!exchange) check_one_line(exchange.error(), "f:");
  if (!simulation) check_one_line(simulation.error(), "f:");
  if (!exchange) return require(!simulation, "the simulator takes what no venue does");

  const std::string written = replay::to_toml(*exchange);
  const auto again = replay::parse_scenario(written, "f", replay::ScenarioUse::exchange);
  require(again.has_value(),
          "what was written is not read: " + fuzz::error_of(again) + "\n" + written);
  require(is_same(*exchange, *again), "what was written reads otherwise:\n" + written);
  require(replay::to_toml(*again) == written, "what was read is written otherwise");
  if (simulation) check_world(*simulation);
}

}  // namespace havklo::scenario_fuzz
