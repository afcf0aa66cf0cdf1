// "1 world", "2 worlds".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace havklo::replay {

// `one`: a noun that takes an s in the plural; of several words the last does.
[[nodiscard]] inline std::string counted(uint64_t count, std::string_view one) {
  std::string text = std::to_string(count);
  text += ' ';
  text += one;
  if (count != 1) text += 's';
  return text;
}

}  // namespace havklo::replay
