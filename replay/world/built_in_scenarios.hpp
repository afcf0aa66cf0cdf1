// The scenario files of replay/world/scenarios, as they were when the program was built.
//
// Owns nothing. The build writes the list (replay/world/built_in_scenarios.cmake).
#pragma once

#include <span>
#include <string_view>

namespace havklo::replay {

struct BuiltInScenario {
  std::string_view name;  // the file's, without its ending
  std::string_view text;

  // The first comment line.
  [[nodiscard]] std::string_view summary() const {
    const std::string_view line = text.substr(0, text.find('\n'));
    return line.starts_with("# ") ? line.substr(2) : line;
  }
};

[[nodiscard]] std::span<const BuiltInScenario> built_in_scenarios();

}  // namespace havklo::replay
