// One simulated world, from its beginning to its end: the engine itself against the venue model, in
// virtual time, watched by an observer that knows nothing of the engine's inside: steps/world.hpp
// goes on, steps/acts.hpp says what must become of it. A strategy's test steps such a world by
// itself (havklo/simulation.hpp).
// Owns nothing: a function.
// Threads: one.   Invariants: the same scenario gives the same events to the byte.
#pragma once

#include <cstdint>
#include <functional>
#include <havklo/event.hpp>
#include <havklo/names.hpp>
#include <havklo/shared_connect_budget.hpp>
#include <optional>
#include <string>
#include <vector>

#include "replay/observer/outage_histograms.hpp"
#include "replay/observer/run.hpp"
#include "replay/observer/verdict.hpp"
#include "replay/world/scenario.hpp"

namespace havklo::replay {

struct SimulationOptions {
  AllocationCount allocations = nullptr;  // null: not counted
  std::string record_path;                // "": as the scenario says
  bool record_overwrite = false;          // what an earlier recording left there goes
  bool records = true;                    // false: never, whatever the scenario says
  // What others use of the connect budgets, in the order of group_by_budget(); none: nobody does.
  std::vector<SharedConnectBudget*> budgets;
  // Called for every event that the consumer takes.
  std::function<void(const Event&, const Names&)> on_event;
};

struct SimulationResult {
  std::optional<Breach> breach;
  uint64_t digest = 0;  // of all events
  Duration virtual_time;
  Duration recovery;  // from the healing until everybody was well
  uint64_t turns = 0;
  uint64_t events = 0;
  uint64_t attempts = 0;
  uint64_t outages = 0;  // of a Live connection, ended by an all clear
  uint64_t losses = 0;   // connections lost and attempts failed
  uint64_t repairs = 0;
  uint64_t books_verified = 0;
  uint32_t closed = 0;  // sessions that ended by themselves
  OutageHistograms figures;
  Reached reached;           // of the states that a sweep must reach
  std::string not_recorded;  // not "": why there is no whole recording, though one was asked for
};

// Sessions that a scenario without any has, and a ring that carries them; without what would happen
// after its time.
[[nodiscard]] Scenario with_defaults(Scenario scenario);

[[nodiscard]] SimulationResult simulate(const Scenario& scenario,
                                        const SimulationOptions& options = {});

}  // namespace havklo::replay
