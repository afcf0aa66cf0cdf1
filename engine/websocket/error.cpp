// Names and close codes of the protocol errors.
#include "websocket/error.hpp"

#include "websocket/close_code.hpp"

namespace havklo::websocket {

uint16_t close_code_for(Error error) {
  switch (error) {
    case Error::none:
      return close_normal;
    case Error::invalid_utf8:
    case Error::close_reason_invalid_utf8:
      return close_invalid_data;
    case Error::message_too_big:
      return close_message_too_big;
    default:
      return close_protocol_error;
  }
}

std::string_view to_string(Error error) {
  switch (error) {
    case Error::none:
      return "none";
    case Error::reserved_bits:
      return "reserved_bits";
    case Error::unknown_opcode:
      return "unknown_opcode";
    case Error::fragmented_control:
      return "fragmented_control";
    case Error::control_too_long:
      return "control_too_long";
    case Error::unexpected_continuation:
      return "unexpected_continuation";
    case Error::expected_continuation:
      return "expected_continuation";
    case Error::masked_by_server:
      return "masked_by_server";
    case Error::unmasked_by_client:
      return "unmasked_by_client";
    case Error::length_not_minimal:
      return "length_not_minimal";
    case Error::length_beyond_63_bits:
      return "length_beyond_63_bits";
    case Error::close_body_one_byte:
      return "close_body_one_byte";
    case Error::close_code_invalid:
      return "close_code_invalid";
    case Error::invalid_utf8:
      return "invalid_utf8";
    case Error::close_reason_invalid_utf8:
      return "close_reason_invalid_utf8";
    case Error::message_too_big:
      return "message_too_big";
    case Error::http_head_too_big:
      return "http_head_too_big";
    case Error::http_malformed:
      return "http_malformed";
    case Error::upgrade_refused:
      return "upgrade_refused";
    case Error::upgrade_header_wrong:
      return "upgrade_header_wrong";
    case Error::connection_header_wrong:
      return "connection_header_wrong";
    case Error::accept_wrong:
      return "accept_wrong";
    case Error::extension_unasked:
      return "extension_unasked";
    case Error::subprotocol_unasked:
      return "subprotocol_unasked";
    case Error::method_not_get:
      return "method_not_get";
    case Error::host_missing:
      return "host_missing";
    case Error::key_invalid:
      return "key_invalid";
    case Error::websocket_version_unsupported:
      return "websocket_version_unsupported";
  }
  return "?";
}

}  // namespace havklo::websocket
