// What the lifecycles of a session's several legs know of each other.
//
// Owns:    the circuit breaker, which is the session's; which legs are Live.
// Threads: loop thread.
// Rules:   design §7.3: while none is Live each failed attempt counts, and there is one probe.
#pragma once

#include <cstdint>
#include <havklo/circuit_breaker.hpp>
#include <havklo/limits.hpp>

namespace havklo::core {

struct LegCompany {
  explicit LegCompany(const CircuitBreakerSettings& settings) : breaker(settings) {}

  [[nodiscard]] bool others_live(uint32_t leg) const { return (live & ~(1U << leg)) != 0; }

  // A leg that waits for the breaker alone and is before this one: the probe goes round, so that
  // one whose way is closed does not stand in that of the others.
  [[nodiscard]] bool waits_before(uint32_t leg) const {
    for (uint32_t other = (last_probe + 1) % legs_max; other != leg;
         other = (other + 1) % legs_max) {
      if ((held >> other & 1U) != 0) return true;
    }
    return false;
  }

  CircuitBreaker breaker;
  uint32_t last_probe = legs_max - 1;  // the leg that had the last, or the next, of them
  // A bit for each leg:
  uint32_t live = 0;
  uint32_t held = 0;  // waits for the breaker alone
};

}  // namespace havklo::core
