// The figures of a sweep as JSON, written and read.
//
// What it says is as a terminal may have it (replay/text/printable.hpp), whoever wrote it.
// Errors: one line that says what is wrong with the text.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "replay/world/statistics.hpp"

namespace havklo {

[[nodiscard]] std::string to_json(const replay::SweepStatistics& statistics);
[[nodiscard]] std::expected<replay::SweepStatistics, std::string> statistics_from_json(
    std::string_view text);

}  // namespace havklo
