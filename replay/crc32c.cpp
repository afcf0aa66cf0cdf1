// The processor's instruction, or shifts.
#include "replay/crc32c.hpp"

#include <cstring>
#ifdef __SSE4_2__
#include <nmmintrin.h>
#endif

namespace havklo::replay {

uint32_t crc32c(uint32_t crc, std::span<const std::byte> bytes) {
  uint32_t state = ~crc;
#ifdef __SSE4_2__
  while (bytes.size() >= 8) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data(), sizeof word);
    state = static_cast<uint32_t>(_mm_crc32_u64(state, word));
    bytes = bytes.subspan(8);
  }
#endif
  constexpr uint32_t polynomial = 0x82F63B78U;
  for (const std::byte byte : bytes) {
    state ^= static_cast<uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) state = state >> 1U ^ ((state & 1U) != 0 ? polynomial : 0);
  }
  return ~state;
}

}  // namespace havklo::replay
