// What a real machine gives at start that cannot be foreseen: the seed, which is the entropy door
// and gets recorded, and a secret for the masks, which nothing depends on and nobody writes down.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>

namespace havklo::io {

[[nodiscard]] std::expected<uint64_t, std::string> seed_from_kernel();
[[nodiscard]] std::expected<std::array<std::byte, 32>, std::string> secret_from_kernel();

}  // namespace havklo::io
