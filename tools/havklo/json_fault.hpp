// What is wrong with a line of figures, for who merges them: the JSON library's words speak of its
// own inside.
#pragma once

#include <simdjson.h>

#include <string>
#include <string_view>

namespace havklo {

// `command`: what writes such lines.
[[nodiscard]] inline std::string json_fault(std::string_view command, simdjson::error_code error) {
  const std::string begin = "no line of " + std::string(command) + ": ";
  switch (error) {
    case simdjson::NO_SUCH_FIELD:
      return begin + "a figure is missing; was it written by another version?";
    case simdjson::INCORRECT_TYPE:
    case simdjson::NUMBER_OUT_OF_RANGE:
      return begin + "a figure is of another kind; was it written by another version?";
    default:
      return begin + "no whole JSON; was it cut?";
  }
}

}  // namespace havklo
