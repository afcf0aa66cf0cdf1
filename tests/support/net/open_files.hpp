// How many descriptors this process has open.
#pragma once

#include <cstddef>
#include <filesystem>

namespace havklo {

inline size_t open_files() {
  size_t count = 0;
  for ([[maybe_unused]] const auto& each : std::filesystem::directory_iterator("/proc/self/fd")) {
    ++count;
  }
  return count;
}

}  // namespace havklo
