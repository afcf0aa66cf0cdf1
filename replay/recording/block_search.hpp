// What a damaged file still says of the turns it held: by the block headers that can be found.
//
// Cost: 64 bytes read for each block that is good; all bytes from a bad one to the next good.
#pragma once

#include <cstdint>
#include <fstream>

namespace havklo::replay {

[[nodiscard]] uint64_t file_end(std::ifstream& file);
// The number of the last turn, by the last header at `at` or behind it; 0: there is none.
[[nodiscard]] uint64_t last_turn_from(std::ifstream& file, uint64_t at);

}  // namespace havklo::replay
