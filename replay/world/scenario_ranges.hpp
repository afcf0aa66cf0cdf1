// What a scenario may ask for, field by field: ranges in which no clock goes back. Whether a world
// of them ends is a matter of their products: scenario_load.hpp.
//
// Errors: the first thing out of its range, in words that go on after "file:line: ".
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "replay/world/scenario.hpp"
#include "replay/world/scenario_fields.hpp"

namespace havklo::replay {

using OutOfRange = std::optional<std::string>;

[[nodiscard]] OutOfRange check_ranges(const VenueSettings& venue);
[[nodiscard]] OutOfRange check_ranges(const MarketSettings& market);
[[nodiscard]] OutOfRange check_ranges(const NetworkSettings& network);
[[nodiscard]] OutOfRange check_ranges(const VenueAddress& address);
[[nodiscard]] OutOfRange check_ranges(const RunSettings& run);
// `maintenance` too, whose `for` says how long the venue is away.
[[nodiscard]] OutOfRange check_ranges(const FaultText& fault);
[[nodiscard]] OutOfRange check_ranges(const PlannedCommand& command);
[[nodiscard]] OutOfRange check_ranges(const ConsumerPause& pause);
[[nodiscard]] OutOfRange check_ranges(const ClockJump& jump);
[[nodiscard]] OutOfRange check_ranges(const MarketSymbol& symbol);
// All of them together.
[[nodiscard]] OutOfRange check_ranges(const std::vector<MarketSymbol>& symbols);

}  // namespace havklo::replay
