// What becomes of a world. First act: faults, commands, pauses and jumps, as the scenario says.
// Second act: the world is well, and every session must be Live and verified within
// recovery_bound(), or Closed for a reason that the settings give. Then it must stay so, and close
// without leaving anything behind.
//
// Owns nothing: functions of a world, which judge by its verdict.
// Threads: one.
#pragma once

#include <cstdint>
#include <havklo/clock.hpp>

#include "replay/world/steps/world.hpp"

namespace havklo::replay {

// The first act, or what is left of it; over early when everybody is closed.
void suffer(World& world);

struct GoodEnd {
  Duration recovery;    // from the healing until everybody was well
  uint32_t closed = 0;  // sessions that had ended by themselves
};
// The second act, of a world that was healed.
GoodEnd end_well(World& world);

}  // namespace havklo::replay
