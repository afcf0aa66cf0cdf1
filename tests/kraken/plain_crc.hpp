// CRC-32/ISO-HDLC bit by bit: what faster ways are compared with.
#pragma once

#include <cstdint>
#include <string_view>

namespace havklo {

inline uint32_t plain_crc(std::string_view text) {
  uint32_t crc = 0xFFFFFFFFU;
  for (const char c : text) {
    crc ^= static_cast<uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1U ^ (0xEDB88320U & (0U - (crc & 1U)));
  }
  return ~crc;
}

}  // namespace havklo
