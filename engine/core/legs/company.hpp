// What the lifecycles of a session's several legs know of each other.
//
// Owns:    the circuit breaker, which is the session's; which legs are Live.
// Threads: loop thread.
// Rules:   design §7.3: while none is Live each failed attempt counts, and there is one probe.
#pragma once

#include <cstdint>
#include <havklo/circuit_breaker.hpp>

namespace havklo::core {

struct LegCompany {
  explicit LegCompany(const CircuitBreakerSettings& settings) : breaker(settings) {}

  [[nodiscard]] bool others_live(uint32_t leg) const { return (live & ~(1U << leg)) != 0; }

  CircuitBreaker breaker;
  // A bit for each leg:
  uint32_t live = 0;
  uint32_t held = 0;  // waits for the breaker alone
};

}  // namespace havklo::core
