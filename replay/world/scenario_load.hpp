// How much happens in a scenario's world, counted before it begins: so that every world ends, with
// the memory that a machine has.
//
// Something happens: a move of the market and a heartbeat, for each session and in as many pieces
// as they are read in; a strike of a fault; an attempt to connect. It costs some ten microseconds.
// Errors: names the fields whose product it is, in words that go on after "file:line: ".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "replay/world/scenario.hpp"

namespace havklo::replay {

inline constexpr uint64_t happenings_max = 2'000'000;

struct TooMuch {
  std::string_view section;  // of the file, that the first of the fields stands in
  std::string why;
};

// Nothing: the world of the simulator ends.
[[nodiscard]] std::optional<TooMuch> check_load(const Scenario& scenario);

// What is due at once when the clock leaps so far.
[[nodiscard]] uint64_t happenings_within(const Scenario& scenario, Duration time);

}  // namespace havklo::replay
