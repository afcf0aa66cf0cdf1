// By the sessions' settings.
#include "replay/text/session_names.hpp"

#include <fmt/format.h>

#include <havklo/limits.hpp>

#include "core/connection_id.hpp"

namespace havklo::replay {

SessionNames::SessionNames(std::span<const Settings> sessions) : several_(sessions.size() > 1) {
  static_assert(sessions_max <= 64);
  for (size_t i = 0; i < sessions.size(); ++i) {
    if (sessions[i].legs.size() > 1) with_legs_ |= uint64_t{1} << i;
  }
}

std::string SessionNames::of(uint32_t session, uint32_t leg) const {
  if (has_several_legs(session)) return fmt::format("[{}.{}]", session, leg);
  return several_ || with_legs_ != 0 ? fmt::format("[{}]", session) : "";
}

std::string SessionNames::of(ConnectionId connection) const {
  return of(core::session_of(connection), leg_of(connection));
}

uint32_t SessionNames::leg_of(ConnectionId connection) const {
  return core::leg_of(connection, has_several_legs(core::session_of(connection)));
}

}  // namespace havklo::replay
