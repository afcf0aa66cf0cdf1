// The entropy door on a real machine: one seed from the kernel, at start.
#pragma once

#include <cstdint>
#include <expected>
#include <string>

namespace havklo::io {

[[nodiscard]] std::expected<uint64_t, std::string> seed_from_kernel();

}  // namespace havklo::io
