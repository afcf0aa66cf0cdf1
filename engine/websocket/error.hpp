// Every way in which a peer can break the WebSocket protocol, one name for each rule.
//
// The exact rule goes into logs and tests; what to do about it is a coarser question, answered by
// close_code_for() and is_upgrade_error().
// Threads: values.
// Source:  RFC 6455; sections are named below.
#pragma once

#include <cstdint>
#include <string_view>

namespace havklo::websocket {

enum class Error : uint8_t {
  none,

  // Frames (5.2, 5.4, 5.5): close code 1002.
  reserved_bits,            // RSV1-3 set, no extension was agreed on
  unknown_opcode,           // 3-7, 11-15
  fragmented_control,       // a control frame without FIN
  control_too_long,         // a control frame of more than 125 bytes
  unexpected_continuation,  // a continuation, and no message has begun
  expected_continuation,    // a new message before the last one ended
  masked_by_server,         // a server must not mask (5.1)
  unmasked_by_client,       // a client must mask (5.1)
  length_not_minimal,       // 16 or 64 bits used for a length that needs less
  length_beyond_63_bits,    // the most significant bit of a 64-bit length is set
  close_body_one_byte,      // a close body is empty or begins with two bytes of code
  close_code_invalid,       // a code that must not be on the wire (7.4)

  // Content: 1007, 1009.
  invalid_utf8,               // in a text message (8.1)
  close_reason_invalid_utf8,  // in the reason of a close frame
  message_too_big,            // a frame, or a message after reassembly, beyond our limit

  // The HTTP upgrade (4.1, 4.2): there is no close frame, the connection just ends.
  http_head_too_big,        // more than http_head_bytes_max
  http_malformed,           // not an HTTP/1.1 head
  upgrade_refused,          // an answer other than 101: see http_status(), retry_after()
  upgrade_header_wrong,     // Upgrade is missing or is not "websocket"
  connection_header_wrong,  // Connection is missing or does not name "upgrade"
  accept_wrong,             // Sec-WebSocket-Accept is missing or does not match the key
  extension_unasked,        // the server chose an extension; none was offered
  subprotocol_unasked,      // the server chose a subprotocol; none was offered
  method_not_get,           // server side from here on
  host_missing,
  key_invalid,  // Sec-WebSocket-Key is not 16 bytes in Base64
  websocket_version_unsupported,
};

// The code of the close frame that ends a connection for this error.
[[nodiscard]] uint16_t close_code_for(Error error);

// True for errors of the HTTP upgrade, that is: the connection never opened.
[[nodiscard]] constexpr bool is_upgrade_error(Error error) {
  return error >= Error::http_head_too_big;
}

// The name as written above.
[[nodiscard]] std::string_view to_string(Error error);

}  // namespace havklo::websocket
