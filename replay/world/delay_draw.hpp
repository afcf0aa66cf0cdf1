// What a world's seed says of two settings that came after the swarm: `first_delay`, `lag_warn`.
//
// From a generator of its own: every world is otherwise what it was before they were drawn.
#pragma once

#include <cstdint>

#include "replay/world/scenario.hpp"

namespace havklo::replay {

[[nodiscard]] Scenario with_delays(const Scenario& drawn, uint64_t seed);

}  // namespace havklo::replay
