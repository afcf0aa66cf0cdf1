// Sessions of one engine that connect to different venues: each venue has a connect budget of its
// own, and the observer counts as the engine does.
#include <gtest/gtest.h>

#include <vector>

#include "replay/world/scenario.hpp"
#include "replay/world/simulation.hpp"

namespace havklo::replay {
namespace {

using namespace havklo::literals;

// Each session's first Connected, in a world where a budget has one attempt in 20 s.
std::vector<Instant> first_connected(const std::vector<std::string>& urls) {
  Scenario scenario;
  scenario.run.lasting = 60_s;
  for (const std::string& url : urls) {
    Settings settings;
    settings.url = url;
    settings.reconnect.connect_budget = 1;
    settings.reconnect.connect_budget_window = 20_s;
    settings.subscriptions.push_back({.symbols = {"BTC/USD"}});
    scenario.sessions.push_back(settings);
  }
  std::vector<Instant> first(urls.size());
  SimulationOptions options;
  options.on_event = [&first](const Event& event, const Names&) {
    if (event.kind == EventKind::connected && event.epoch == 1) first[event.session] = event.time;
  };
  const SimulationResult result = simulate(scenario, options);
  EXPECT_FALSE(result.breach) << result.breach->what;
  return first;
}

TEST(Venues, OfOneNameShareABudget) {
  const auto at = first_connected({"wss://ws.kraken.com/v2", "wss://ws2.kraken.com/v2"});
  EXPECT_LT(at[0] - Instant{}, 5_s);
  EXPECT_GT(at[1] - at[0], 15_s);
}

TEST(Venues, OfOtherNamesHaveTheirOwn) {
  const auto at =
      first_connected({"wss://ws.kraken.com/v2", "wss://other.test/v2", "wss://ws.kraken.com/v2"});
  EXPECT_LT(at[0] - Instant{}, 5_s);
  EXPECT_LT(at[1] - Instant{}, 5_s);
  EXPECT_GT(at[2] - at[0], 15_s);
}

}  // namespace
}  // namespace havklo::replay
