// Whose something is, where there are several: "[1]" of several sessions, "[1.0]" where that
// session has several legs. Of one session with one leg nothing is said.
//
// Owns:    a bit a session.   Threads: values.
#pragma once

#include <cstdint>
#include <havklo/config.hpp>
#include <havklo/transport.hpp>
#include <span>
#include <string>

namespace havklo::replay {

class SessionNames {
 public:
  SessionNames() = default;
  explicit SessionNames(std::span<const Settings> sessions);

  [[nodiscard]] std::string of(uint32_t session, uint32_t leg) const;
  [[nodiscard]] std::string of(ConnectionId connection) const;
  [[nodiscard]] uint32_t leg_of(ConnectionId connection) const;

 private:
  [[nodiscard]] bool has_several_legs(uint32_t session) const {
    return (with_legs_ >> session & 1U) != 0;
  }

  bool several_ = false;  // sessions
  uint64_t with_legs_ = 0;
};

}  // namespace havklo::replay
