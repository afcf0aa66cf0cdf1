// Where a replay went another way than its recording, for people: the turn, what came in, and the
// expected and the actual events side by side.
#pragma once

#include <havklo/clock.hpp>
#include <havklo/names.hpp>
#include <string>

#include "replay/playback/player.hpp"

namespace havklo::replay {

// Lines, each with its end. `start`: the instant of the first turn, from which times count.
[[nodiscard]] std::string difference_text(const Difference& difference, const Names& names,
                                          Instant start);

}  // namespace havklo::replay
