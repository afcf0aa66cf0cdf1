// Durations as people write them: "100ms", "1.5s", "10m".
#pragma once

#include <havklo/clock.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace havklo::replay {

// What is refused is answered by this: "must be …".
inline constexpr std::string_view duration_expected =
    "a duration with a unit (ns, us, ms, s, m or h), as \"100ms\" or \"30s\", at most 292 years";

// A number and a unit: ns us ms s m h. Nothing if it is not that, or does not fit 64 bits.
[[nodiscard]] std::optional<Duration> parse_duration(std::string_view text);

// … of whole minutes: "5m", "1h".
[[nodiscard]] std::optional<uint32_t> parse_minutes(std::string_view text);

// The largest unit that loses nothing; parse_duration() gives the same back.
[[nodiscard]] std::string to_text(Duration duration);

}  // namespace havklo::replay
