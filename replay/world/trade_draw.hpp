// What trades add to a drawn world: who wants them, how busy they are, what breaks of them.
#pragma once

#include <cstdint>

#include "replay/world/scenario.hpp"

namespace havklo::replay {

// From a generator of its own: without it the world of a seed is what it was before there were any
// (Simulator.WithoutWhatCameLaterTheWorldsAreWhatTheyWere).
[[nodiscard]] Scenario with_trades(const Scenario& drawn, uint64_t seed);

}  // namespace havklo::replay
