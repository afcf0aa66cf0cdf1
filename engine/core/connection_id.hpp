// What a ConnectionId says of its connection: whose it is, and that it was not used before.
//
// n × 64 + session where the session has one leg, (n × 4 + leg) × 64 + session where it has
// several; n counts the leg's connections from 1.
// Threads: values.
#pragma once

#include <cstdint>
#include <havklo/limits.hpp>
#include <havklo/transport.hpp>

namespace havklo::core {

[[nodiscard]] constexpr ConnectionId connection_id(uint32_t number, uint32_t session, uint32_t leg,
                                                   bool several_legs) {
  const uint32_t of_session = several_legs ? number * legs_max + leg : number;
  return ConnectionId{of_session * sessions_max + session};
}

[[nodiscard]] constexpr uint32_t session_of(ConnectionId id) {
  return static_cast<uint32_t>(id) % sessions_max;
}

[[nodiscard]] constexpr uint32_t leg_of(ConnectionId id, bool several_legs) {
  return several_legs ? static_cast<uint32_t>(id) / sessions_max % legs_max : 0;
}

}  // namespace havklo::core
