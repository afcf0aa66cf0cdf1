// The venue's CRC-32 (IEEE 802.3, reflected), apart from the engine's library, so that the one
// checks the other.
//
// Pure functions. Source: kraken-v2, 8.2.
#pragma once

#include <cstdint>
#include <string_view>

namespace havklo::replay {

[[nodiscard]] uint32_t crc32_ieee(std::string_view text);

}  // namespace havklo::replay
