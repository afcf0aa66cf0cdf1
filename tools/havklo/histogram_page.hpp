// The figures of a sweep as one page that needs nothing but itself.
//
// Owns nothing: a function.
#pragma once

#include <string>

#include "replay/world/statistics.hpp"

namespace havklo {

[[nodiscard]] std::string histogram_page(const replay::SweepStatistics& statistics);

}  // namespace havklo
