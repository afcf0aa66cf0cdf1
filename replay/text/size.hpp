// Sizes as people write them: "64kB", "256MB", "1GiB".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace havklo::replay {

// What is refused is answered by this: "must be …".
inline constexpr std::string_view size_expected =
    "a whole number with a unit (B, kB, MB, GB, KiB, MiB or GiB), as \"256MB\"";

// A whole number and a unit: B, kB MB GB (1000), KiB MiB GiB (1024). Nothing if it is not that, or
// does not fit 63 bits.
[[nodiscard]] std::optional<uint64_t> parse_size(std::string_view text);

// The largest decimal unit that loses nothing; parse_size() gives the same back.
[[nodiscard]] std::string size_to_text(uint64_t bytes);

// For people: "5.2 MB".
[[nodiscard]] std::string readable_size(uint64_t bytes);

}  // namespace havklo::replay
