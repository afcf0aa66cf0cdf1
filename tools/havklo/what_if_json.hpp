// A case of a grid (replay/what_if/case.hpp), read from its line of JSON.
//
// What it says is as a terminal may have it (replay/text/printable.hpp), whoever wrote it.
// Errors: one line that says what is wrong with the text.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "replay/what_if/case.hpp"

namespace havklo {

// Times count from the recording's first turn, which is 0.
[[nodiscard]] std::expected<replay::WhatIfCase, std::string> what_if_case_from_json(
    std::string_view text);

}  // namespace havklo
