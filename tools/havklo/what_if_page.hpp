// A grid of recordings × settings as one page that needs nothing but itself.
//
// Owns nothing: a function.
#pragma once

#include <string>

#include "replay/what_if/grid.hpp"

namespace havklo {

[[nodiscard]] std::string what_if_page(const replay::WhatIfGrid& grid);

}  // namespace havklo
