// Instants as people read them: so long after an origin, or by the wall clock.
//
// One origin for everything that is said of a run or a recording: its first turn. What stands
// there can be given back (`--from`, `--to`), so both sides count whole microseconds.
#pragma once

#include <cstdint>
#include <havklo/clock.hpp>
#include <string>

namespace havklo::replay {

// To the nearest microsecond, as offset_text() shows it.
[[nodiscard]] int64_t whole_us(Duration offset);

// "+5.562460 s".
[[nodiscard]] std::string offset_text(Instant at, Instant origin);

// "2026-07-07T23:00:03.501510Z". `utc_offset`: what makes engine time UTC.
[[nodiscard]] std::string utc_text(Instant at, Duration utc_offset);

}  // namespace havklo::replay
