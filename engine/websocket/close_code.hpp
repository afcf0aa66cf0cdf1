// Close codes of RFC 6455 (7.4) and of the registry it opened.
//
// Which codes may stand in a close frame on the wire, and the names of those that Havklo speaks of.
// Threads: constants and pure functions.
#pragma once

#include <cstdint>

namespace havklo::websocket {

inline constexpr uint16_t close_normal = 1000;
inline constexpr uint16_t close_going_away = 1001;
inline constexpr uint16_t close_protocol_error = 1002;
inline constexpr uint16_t close_unsupported_data = 1003;
inline constexpr uint16_t close_none = 1005;  // never on the wire: "the close frame had no code"
inline constexpr uint16_t close_invalid_data = 1007;
inline constexpr uint16_t close_policy_violation = 1008;
inline constexpr uint16_t close_message_too_big = 1009;
inline constexpr uint16_t close_internal_error = 1011;
inline constexpr uint16_t close_service_restart = 1012;
inline constexpr uint16_t close_try_again_later = 1013;

// True when this code may stand in a close frame, ours or a peer's. 1004 is reserved, 1005, 1006
// and 1015 are for use inside a program only, 1016 to 2999 are not given out yet; 3000 to 4999
// belong to libraries and applications.
[[nodiscard]] constexpr bool close_code_may_be_sent(uint16_t code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
         (code >= 3000 && code <= 4999);
}

}  // namespace havklo::websocket
