// A world from a seed: settings, market, network, faults, and what the user does at bad moments.
//
// Owns nothing: a function. The same seed gives the same scenario, and every one of them is a world
// in which each session can be Live once the faults are over (recovery_bound.hpp).
#pragma once

#include <cstdint>

#include "replay/world/scenario.hpp"

namespace havklo::replay {

[[nodiscard]] Scenario draw_scenario(uint64_t seed);
// The same before there were trades in it beside a rare one.
[[nodiscard]] Scenario draw_scenario_without_trades(uint64_t seed);
// … and a fifth of them with sessions of several legs.
[[nodiscard]] Scenario draw_scenario_with_legs(uint64_t seed);

// What the ring of a session must carry, with what the scenario's commands can add to it: every
// symbol that they name, at their deepest book.
[[nodiscard]] uint32_t ring_slots_for(const Scenario& scenario, uint32_t number,
                                      const Settings& session);

}  // namespace havklo::replay
