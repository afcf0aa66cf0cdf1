// The faults of a drawn world.
//
// Owns nothing: a function.
#pragma once

#include "replay/venue/fault_plan.hpp"
#include "replay/world/swarm.hpp"

namespace havklo::replay {

// Within `lasting`; of the families that the swarm has, possibly none.
[[nodiscard]] FaultPlan draw_faults(Swarm& draw, Duration lasting);

}  // namespace havklo::replay
