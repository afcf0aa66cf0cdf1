// Byte by byte, as reads are cut anywhere.
#include "replay/recording/redaction/frame_walk.hpp"

#include "websocket/frame.hpp"

namespace havklo::replay {
namespace {

constexpr uint8_t reserved_bits = 0x70;
constexpr uint8_t mask_bit = 0x80;
constexpr uint8_t control_bytes_max = 125;
constexpr uint8_t length_in_two_bytes = 126;

bool is_known(websocket::Opcode opcode) {
  switch (opcode) {
    case websocket::Opcode::continuation:
    case websocket::Opcode::text:
    case websocket::Opcode::binary:
    case websocket::Opcode::close:
    case websocket::Opcode::ping:
    case websocket::Opcode::pong:
      return true;
  }
  return false;
}

}  // namespace

FrameWalk::Byte FrameWalk::next(uint8_t byte) {
  switch (at_) {
    case At::opcode:
      return take_opcode(byte);
    case At::length:
      return take_length(byte);
    case At::long_length:
      payload_left_ = payload_left_ << 8U | byte;
      if (--length_bytes_left_ == 0) at_ = payload_left_ == 0 ? At::opcode : At::payload;
      return Byte::framing;
    case At::payload:
      if (--payload_left_ == 0) at_ = At::opcode;
      if (code_bytes_left_ == 0) return Byte::words;
      --code_bytes_left_;
      return Byte::framing;
    case At::nowhere:
      break;
  }
  return Byte::words;
}

FrameWalk::Byte FrameWalk::take_opcode(uint8_t byte) {
  opcode_ = byte & 0x0FU;
  const auto opcode = static_cast<websocket::Opcode>(opcode_);
  if ((byte & reserved_bits) != 0 || !is_known(opcode)) {
    at_ = At::nowhere;
    return Byte::words;
  }
  at_ = At::length;
  return opcode == websocket::Opcode::continuation ? Byte::framing : Byte::first_framing;
}

FrameWalk::Byte FrameWalk::take_length(uint8_t byte) {
  const auto opcode = static_cast<websocket::Opcode>(opcode_);
  const bool control = websocket::is_control(opcode);
  if ((byte & mask_bit) != 0 || (control && byte > control_bytes_max)) {
    at_ = At::nowhere;
    return Byte::framing;
  }
  code_bytes_left_ = opcode == websocket::Opcode::close ? 2 : 0;
  payload_left_ = 0;
  if (byte >= length_in_two_bytes) {
    length_bytes_left_ = byte == length_in_two_bytes ? 2 : 8;
    at_ = At::long_length;
    return Byte::framing;
  }
  payload_left_ = byte;
  at_ = byte == 0 ? At::opcode : At::payload;
  return Byte::framing;
}

}  // namespace havklo::replay
