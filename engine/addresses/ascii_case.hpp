// Names of hosts are compared in any case, of ASCII's letters alone (RFC 4343).
#pragma once

#include <algorithm>
#include <string_view>

namespace havklo::addresses {

[[nodiscard]] constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

[[nodiscard]] constexpr bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

}  // namespace havklo::addresses
