// The names of the reasons and of certificates' faults, as JSON lines print them.
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
                                                                       "requested",
                                                                       "lagging",
                                                                       "rotated"};
  const auto index = static_cast<uint8_t>(reason);
  return index < reason_count ? names[index] : "unknown";
}

std::string_view to_string(CertificateFault fault) {
  static constexpr std::array<std::string_view, certificate_fault_count> names = {
      "none",
      "malformed",
      "unknown_issuer",
      "self_signed",
      "untrusted_root",
      "expired",
      "not_yet_valid",
      "bad_signature",
      "weak_key",
      "weak_signature",
      "unsupported_algorithm",
      "not_a_ca",
      "no_signing_usage",
      "path_too_long",
      "name_not_permitted",
      "wrong_usage",
      "critical_extension",
      "no_names",
      "wrong_name"};
  const auto index = static_cast<uint8_t>(fault);
  return index < certificate_fault_count ? names[index] : "unknown";
}

}  // namespace havklo
