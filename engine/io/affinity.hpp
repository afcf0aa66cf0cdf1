// Pins the calling thread to one core, and makes sure that it is there.
#pragma once

#include <cstdint>
#include <expected>
#include <string>

namespace havklo::io {

// The error says which cores this process may use.
[[nodiscard]] std::expected<void, std::string> pin_this_thread(uint32_t cpu);

}  // namespace havklo::io
