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
  lagging,              // of several connections it was behind the others for leg_lag_max
  rotated,              // rotate_after: closed in good order while another was Live
};
inline constexpr uint8_t reason_count = 19;

// The name in JSON lines: "connect_refused".
[[nodiscard]] std::string_view to_string(Reason reason);

// Why a certificate was refused: the closed list. Recordings hold the numbers.
enum class CertificateFault : uint8_t {
  none = 0,
  malformed,              // it, or one of its extensions, is not what RFC 5280 says
  unknown_issuer,         // no path leads to a trusted root
  self_signed,            // by itself, and not trusted
  untrusted_root,         // its chain ends in a root that is not trusted
  expired,                // it, or one above it on every path
  not_yet_valid,          // the same; or the clock here is wrong
  bad_signature,          // it was not signed by the key of its issuer
  weak_key,               // RSA below 2048 bits, a curve below 224
  weak_signature,         // by SHA-1, MD5 or older
  unsupported_algorithm,  // a key or a signature that nobody here can check
  not_a_ca,               // an issuer without basicConstraints CA
  no_signing_usage,       // an issuer whose keyUsage does not hold keyCertSign
  path_too_long,          // longer than a pathLenConstraint, or than any path that is tried
  name_not_permitted,     // by the name constraints of an issuer
  wrong_usage,            // not for a TLS server, by keyUsage or extendedKeyUsage
  critical_extension,     // one that must be understood, and is not
  no_names,               // no subjectAltName: the subject does not count
  wrong_name,             // the host is not among its names
};
inline constexpr uint8_t certificate_fault_count = 19;

// The name in JSON lines: "weak_key".
[[nodiscard]] std::string_view to_string(CertificateFault fault);

}  // namespace havklo
