// The head of a WebSocket frame: parse and encode.
#include "websocket/frame.hpp"

#include <cstring>

namespace havklo::websocket {
namespace {

constexpr uint8_t fin_bit = 0x80;
constexpr uint8_t reserved_bits_mask = 0x70;
constexpr uint8_t opcode_mask = 0x0F;
constexpr uint8_t mask_bit = 0x80;
constexpr uint8_t length_mask = 0x7F;
constexpr uint8_t length_16 = 126;
constexpr uint8_t length_64 = 127;

uint8_t byte_at(std::span<const std::byte> bytes, size_t i) {
  return static_cast<uint8_t>(bytes[i]);
}

uint64_t big_endian(std::span<const std::byte> bytes) {
  uint64_t value = 0;
  for (const std::byte b : bytes) value = value << 8 | static_cast<uint64_t>(b);
  return value;
}

Error check_first(uint8_t first, bool message_open) {
  if ((first & reserved_bits_mask) != 0) return Error::reserved_bits;
  const uint8_t opcode = first & opcode_mask;
  if (opcode > 10 || (opcode > 2 && opcode < 8)) return Error::unknown_opcode;
  if (opcode >= 8) return (first & fin_bit) == 0 ? Error::fragmented_control : Error::none;
  if (opcode == 0) return message_open ? Error::none : Error::unexpected_continuation;
  return message_open ? Error::expected_continuation : Error::none;
}

Error check_second(uint8_t second, Opcode opcode, Role receiver) {
  const bool masked = (second & mask_bit) != 0;
  if (masked && receiver == Role::client) return Error::masked_by_server;
  if (!masked && receiver == Role::server) return Error::unmasked_by_client;
  if (is_control(opcode) && (second & length_mask) > control_payload_bytes_max) {
    return Error::control_too_long;
  }
  return Error::none;
}

Error check_length(uint64_t length, uint8_t code) {
  if (code == length_16) return length < length_16 ? Error::length_not_minimal : Error::none;
  if (length >> 63 != 0) return Error::length_beyond_63_bits;
  return length <= 0xFFFF ? Error::length_not_minimal : Error::none;
}

}  // namespace

ParsedHead parse_frame_head(std::span<const std::byte> bytes, Role receiver, bool message_open) {
  ParsedHead parsed;
  if (bytes.empty()) return parsed;
  const uint8_t first = byte_at(bytes, 0);
  parsed.error = check_first(first, message_open);
  if (parsed.error != Error::none || bytes.size() < 2) return parsed;
  const uint8_t second = byte_at(bytes, 1);
  FrameHead& head = parsed.head;
  head.fin = (first & fin_bit) != 0;
  head.opcode = static_cast<Opcode>(first & opcode_mask);
  head.masked = (second & mask_bit) != 0;
  parsed.error = check_second(second, head.opcode, receiver);
  if (parsed.error != Error::none) return parsed;

  const uint8_t code = second & length_mask;
  const size_t length_bytes = code == length_64 ? 8 : code == length_16 ? 2 : 0;
  size_t need = 2 + length_bytes;
  if (bytes.size() < need) return parsed;
  head.payload_bytes = code;
  if (length_bytes != 0) {
    head.payload_bytes = big_endian(bytes.subspan(2, length_bytes));
    parsed.error = check_length(head.payload_bytes, code);
    if (parsed.error != Error::none) return parsed;
  }
  if (head.masked) {
    if (bytes.size() < need + 4) return parsed;
    std::memcpy(&head.mask_key, bytes.data() + need, 4);
    need += 4;
  }
  parsed.bytes = static_cast<uint8_t>(need);
  return parsed;
}

size_t encode_frame_head(const FrameHead& head, std::byte* out) {
  const uint64_t length = head.payload_bytes;
  const size_t length_bytes = length > 0xFFFF ? 8 : length >= length_16 ? 2 : 0;
  const uint64_t code = length_bytes == 8 ? length_64 : length_bytes == 2 ? length_16 : length;
  out[0] = static_cast<std::byte>((head.fin ? fin_bit : 0) | static_cast<uint8_t>(head.opcode));
  out[1] = static_cast<std::byte>(code | (head.masked ? mask_bit : 0));
  size_t size = 2;
  for (size_t i = length_bytes; i > 0; --i) {
    out[size++] = static_cast<std::byte>(length >> (8 * (i - 1)));
  }
  if (head.masked) {
    std::memcpy(out + size, &head.mask_key, 4);
    size += 4;
  }
  return size;
}

}  // namespace havklo::websocket
