// The ring that all sessions of a recording or of a scenario share.
#pragma once

#include <bit>
#include <cstdint>
#include <havklo/config.hpp>
#include <span>

namespace havklo::replay {

// As many slots as validate() allows for one session.
inline constexpr uint64_t shared_ring_slots_max = uint64_t{1} << 26U;

[[nodiscard]] inline uint64_t sum_of_ring_slots(std::span<const Settings> sessions) {
  uint64_t slots = 0;
  for (const Settings& session : sessions) slots += session.ring_slots;
  return slots;
}

// What the ring has; the sum is at most shared_ring_slots_max.
[[nodiscard]] inline uint32_t shared_ring_slots(std::span<const Settings> sessions) {
  return static_cast<uint32_t>(std::bit_ceil(sum_of_ring_slots(sessions)));
}

}  // namespace havklo::replay
