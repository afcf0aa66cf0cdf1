// How long a session may take to be Live and verified once its world is well.
//
// A pure function of settings and network.
#pragma once

#include <cstdint>
#include <havklo/clock.hpp>

#include "replay/world/scenario.hpp"

namespace havklo::replay {

// How many subscriptions its settings name.
[[nodiscard]] int64_t wishes_of(const Settings& session);

// From the start of an attempt to all clear when nothing fails, at the slowest pace of requests.
[[nodiscard]] Duration healthy_attempt(const Settings& session, const NetworkSettings& network,
                                       const VenueSettings& venue);

// From the healing to all clear, for every session of the scenario.
[[nodiscard]] Duration recovery_bound(const Scenario& scenario);

}  // namespace havklo::replay
