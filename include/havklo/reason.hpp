// Why a connection, or an attempt at one, ended: the closed list.
#pragma once

#include <cstdint>
#include <string_view>

namespace havklo {

enum class Reason : uint8_t {
  none = 0,
  server_closed,        // the venue sent a WebSocket close
  end_of_stream,        // FIN without a close frame
  peer_reset,           // RST, or another socket error on an open connection
  connect_refused,      // TCP did not open (refused, unreachable)
  connect_timeout,      // not upgraded within connect_timeout
  resolve_failed,       // the name has no address, or no server answered
  tls_failed,           // the TLS handshake broke, certificate apart
  certificate_refused,  // chain or host name did not verify: no retry mends it
  upgrade_refused,      // HTTP answer other than 101, or a malformed one
  greeting_timeout,     // upgraded, then no `status`
  restore_timeout,      // a subscription stayed unanswered after three tries
  heartbeat_timeout,    // subscribed, then silent
  probe_timeout,        // half-open probe not Live within half_open_timeout
  protocol_error,       // the peer broke RFC 6455 or sent what is not a message of the venue
  maintenance,          // close 1012, or a loss after the venue announced it
  requested,            // by the user
};
inline constexpr uint8_t reason_count = 17;

// The name in JSON lines: "connect_refused".
[[nodiscard]] std::string_view to_string(Reason reason);

}  // namespace havklo
