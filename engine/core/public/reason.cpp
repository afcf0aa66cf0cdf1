// The names of the reasons, as JSON lines print them.
#include <array>
#include <havklo/reason.hpp>

namespace havklo {

std::string_view to_string(Reason reason) {
  static constexpr std::array<std::string_view, reason_count> names = {"none",
                                                                       "server_closed",
                                                                       "end_of_stream",
                                                                       "peer_reset",
                                                                       "connect_refused",
                                                                       "connect_timeout",
                                                                       "resolve_failed",
                                                                       "tls_failed",
                                                                       "certificate_refused",
                                                                       "upgrade_refused",
                                                                       "greeting_timeout",
                                                                       "restore_timeout",
                                                                       "heartbeat_timeout",
                                                                       "probe_timeout",
                                                                       "protocol_error",
                                                                       "maintenance",
                                                                       "requested"};
  const auto index = static_cast<uint8_t>(reason);
  return index < reason_count ? names[index] : "unknown";
}

}  // namespace havklo
