// Drawn worlds whose connect budgets others use too: the observer sees their answers, and finds who
// is made to wait and not told, and who is told without a cause.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <havklo/random.hpp>
#include <havklo/shared_connect_budget.hpp>
#include <vector>

#include "replay/world/scenario_draw.hpp"
#include "replay/world/simulation.hpp"

namespace havklo::replay {
namespace {

// Others who come and go while the world is sick: any answer that the contract allows.
class Others final : public SharedConnectBudget {
 public:
  Others(uint64_t seed, Duration window, Duration busy_for)
      : random_(seed), window_(window), busy_until_(Instant{} + busy_for) {}
  [[nodiscard]] Instant free_from(Instant earliest, uint32_t, Instant now) override {
    const bool busy = now < busy_until_ && random_.below(2) == 0;
    return busy ? std::max(earliest, now + Duration{some()}) : earliest;
  }
  [[nodiscard]] Instant begin(uint32_t, Instant now) override { return free_from(now, 0, now); }

 private:
  int64_t some() { return static_cast<int64_t>(random_.below(static_cast<uint64_t>(window_.ns))); }
  Random random_;
  Duration window_;
  Instant busy_until_;
};

struct Told {
  uint64_t first = 0;  // connects
  uint64_t again = 0;  // of a wait that was announced
  uint64_t probes = 0;
};

SimulationResult simulate_among_others(uint64_t seed, Told& told) {
  Scenario scenario = with_defaults(draw_scenario(seed));
  std::deque<Others> others;
  SimulationOptions options;
  for (const uint32_t first : group_by_budget(scenario.sessions).first_of) {
    const Duration window = scenario.sessions[first].reconnect.connect_budget_window;
    // Who waits for them in the end has the time that recovery_bound() has for the budget.
    const Duration longest = std::min(window, Duration::seconds(2));
    options.budgets.push_back(&others.emplace_back(seed, longest, scenario.run.lasting));
  }
  std::vector<EventKind> last(scenario.sessions.size(), EventKind::heartbeat);
  options.on_event = [&](const Event& event, const Names&) {
    if (is_market(event.kind)) return;
    EventKind& before = last[event.session];
    if (event.kind == EventKind::reconnecting) {
      if (event.payload.reconnecting.attempt == 0) ++told.first;
      if (before == EventKind::reconnecting) ++told.again;
      if (before == EventKind::circuit_breaker_half_open) ++told.probes;
    }
    before = event.kind;
  };
  return simulate(scenario, options);
}

TEST(WorldsAmongOthers, KeepEveryInvariantAndTellEachWait) {
  Told told;
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    const SimulationResult result = simulate_among_others(seed, told);
    ASSERT_FALSE(result.breach) << "seed " << seed << ", session " << result.breach->session
                                << ", at " << result.breach->at.ns
                                << " ns: " << result.breach->what;
  }
  EXPECT_GT(told.first, 100U);
  EXPECT_GT(told.again, 100U);
  EXPECT_GT(told.probes, 10U);
}

// Who shares with nobody hears of nothing that he did not hear before.
TEST(WorldsAmongOthers, AreTheSameWhenTheOthersAreQuiet) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const Scenario scenario = with_defaults(draw_scenario(seed));
    std::deque<Others> others;
    SimulationOptions options;
    for (size_t i = 0; i < group_by_budget(scenario.sessions).first_of.size(); ++i) {
      options.budgets.push_back(&others.emplace_back(seed, Duration::seconds(1), Duration{}));
    }
    EXPECT_EQ(simulate(scenario, options).digest, simulate(scenario).digest) << seed;
  }
}

}  // namespace
}  // namespace havklo::replay
