// A world from its beginning to its end, and what it came to.
#include "replay/world/simulation.hpp"

#include <algorithm>
#include <utility>

#include "replay/world/steps/acts.hpp"
#include "replay/world/steps/world.hpp"

namespace havklo::replay {
namespace {

SimulationResult sum_up(World& world, const GoodEnd& end, const SimulationOptions& options) {
  const RunObserver& observer = world.observer();
  SimulationResult result;
  result.breach = world.verdict().breach();
  result.digest = world.digest();
  result.virtual_time = world.now() - Instant{};
  result.recovery = end.recovery;
  result.turns = world.turns();
  result.events = observer.events();
  result.attempts = observer.attempts();
  result.closed = end.closed;
  for (const auto& each : observer.sessions()) {
    result.outages += each->outages();
    result.losses += each->losses();
    result.repairs += each->repairs();
    result.books_verified += each->books_verified();
  }
  result.figures = observer.figures();
  result.reached = observer.reached();
  result.not_recorded = world.not_recorded();
  if (Recorder* recorder = world.recorder(); recorder && !options.record_path.empty()) {
    recorder->finish();
    const auto outcome = recorder->outcome();
    if (!outcome) result.not_recorded = outcome.error();
  }
  return result;
}

// What a session asks for that does not say it: three whole books; of thin ones if there are none.
std::vector<std::string> usual_symbols(const MarketSettings& market) {
  const bool thin = std::ranges::none_of(
      market.symbols, [](const MarketSymbol& symbol) { return symbol.levels >= 10; });
  std::vector<std::string> symbols;
  for (const MarketSymbol& symbol : market.symbols) {
    if ((thin || symbol.levels >= 10) && symbols.size() < 3) symbols.push_back(symbol.name);
  }
  return symbols;
}

}  // namespace

Scenario with_defaults(Scenario scenario) {
  if (scenario.sessions.empty()) {
    Settings settings;
    settings.subscriptions.push_back(
        {.channel = Channel::book, .symbols = usual_symbols(scenario.market), .depth = 10});
    scenario.sessions.push_back(std::move(settings));
  }
  std::ranges::stable_sort(scenario.jumps, {}, &ClockJump::at);
  std::erase_if(scenario.commands, [&](const PlannedCommand& command) {
    return command.session >= scenario.sessions.size();
  });
  // When the trouble is over, everybody lets the world recover.
  const auto too_late = [&](const auto& each) { return each.at > scenario.run.lasting; };
  std::erase_if(scenario.commands, too_late);
  std::erase_if(scenario.pauses, too_late);
  std::erase_if(scenario.jumps, too_late);
  return scenario;
}

SimulationResult simulate(const Scenario& scenario, const SimulationOptions& options) {
  World world(with_defaults(scenario), options);
  suffer(world);
  world.heal();
  const GoodEnd end = end_well(world);
  Recorder* const recorder = world.recorder();
  if (recorder != nullptr && !world.failed()) {
    world.disk()->check(*recorder, world.turns(), world.verdict(), world.now());
  }
  return sum_up(world, end, options);
}

}  // namespace havklo::replay
