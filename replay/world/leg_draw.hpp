// What several legs add to a drawn world: sessions of two or three, with ways and faults of their
// own.
#pragma once

#include <cstdint>

#include "replay/world/scenario.hpp"

namespace havklo::replay {

// From a generator of its own, as with_trades(): about one world in five has legs, and without it
// each is what it was.
[[nodiscard]] Scenario with_legs(const Scenario& drawn, uint64_t seed);

}  // namespace havklo::replay
