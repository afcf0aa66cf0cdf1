// What is said of a file that is refused: a line, with the place, and nothing in it acts on a
// terminal.
//
// Owns nothing.   Threads: any.
#pragma once

#include <algorithm>
#include <expected>
#include <string>
#include <string_view>

#include "fuzz/target.hpp"

namespace havklo::fuzz {

inline void check_one_line(std::string_view error, std::string_view source) {
  require(!error.empty() && error.starts_with(source), "a refusal without its place");
  const bool acts = std::ranges::any_of(
      error, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; });
  require(!acts, "a refusal that is not one line: " + std::string(error));
}

// "" of what is none.
template <class Value>
[[nodiscard]] std::string error_of(const std::expected<Value, std::string>& given) {
  return given ? std::string() : given.error();
}

}  // namespace havklo::fuzz
