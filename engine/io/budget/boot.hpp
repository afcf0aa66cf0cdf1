// Since when this machine runs, and how its two clocks lie to each other.
//
// Threads: any.   Errors: one line.
#pragma once

#include <array>
#include <cstddef>
#include <expected>
#include <havklo/clock.hpp>
#include <string>

namespace havklo::io {

struct Boot {
  std::array<char, 36> id{};  // the kernel's boot_id, as text
  Duration utc_offset;        // what to add to the engine's time for UTC
  Instant now;                // engine's time

  [[nodiscard]] static std::expected<Boot, std::string> read();
};

}  // namespace havklo::io
