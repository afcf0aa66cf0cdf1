// Makes a failing scenario as small as it still fails.
//
// Takes away faults, commands, pauses, jumps and sessions, in halves and then one by one (Zeller's
// ddmin), then puts settings back to their defaults, as long as the same invariant breaks.
// Owns nothing: a function.   Cost: some hundred runs of the world.
#pragma once

#include <cstdint>

#include "replay/observer/verdict.hpp"
#include "replay/world/scenario.hpp"

namespace havklo::replay {

struct Minimised {
  Scenario scenario;
  uint32_t runs = 0;
};

[[nodiscard]] Minimised minimise(const Scenario& scenario, Invariant broken);

}  // namespace havklo::replay
