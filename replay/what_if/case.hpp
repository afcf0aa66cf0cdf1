// One recording with one file of settings: a square of a grid, as one line of JSON that machines
// pass on and `havklo merge` adds up.
//
//     {"havklo_what_if":1,"recording":"night.hvk","settings":"quick.toml","torn":"","outages":[…],…}
//
// Owns:    what compare() found, and whose it is.
// Threads: a value.
#pragma once

#include <string>

#include "replay/what_if/comparison.hpp"

namespace havklo::replay {

struct WhatIfCase {
  std::string recording;  // paths, as they were given
  std::string settings;
  std::string failure;  // not "": why the recording answers nothing; then there is no what_if
  std::string torn;     // not "": the recording ends early, and why
  uint64_t rate_errors = 0;
  WhatIf what_if;
};

// Without a line's end.
[[nodiscard]] std::string to_json(const WhatIfCase& one);

}  // namespace havklo::replay
