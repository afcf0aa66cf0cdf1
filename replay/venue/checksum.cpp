// CRC-32 by table, four bytes a step.
#include "replay/venue/checksum.hpp"

#include <array>
#include <cstddef>

namespace havklo::replay {

namespace {

using Table = std::array<uint32_t, 256>;

constexpr std::array<Table, 4> make_tables() {
  std::array<Table, 4> tables{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0xEDB88320U : 0U);
    tables[0][i] = crc;
  }
  for (size_t t = 1; t < tables.size(); ++t) {
    for (size_t i = 0; i < 256; ++i) {
      const uint32_t last = tables[t - 1][i];
      tables[t][i] = (last >> 8U) ^ tables[0][last & 255U];
    }
  }
  return tables;
}

constexpr std::array<Table, 4> tables = make_tables();

}  // namespace

uint32_t crc32_ieee(std::string_view text) {
  uint32_t crc = 0xFFFFFFFFU;
  size_t i = 0;
  const auto byte_at = [text](size_t at) { return uint32_t{static_cast<uint8_t>(text[at])}; };
  for (; i + 4 <= text.size(); i += 4) {
    crc ^= byte_at(i) | byte_at(i + 1) << 8U | byte_at(i + 2) << 16U | byte_at(i + 3) << 24U;
    crc = tables[3][crc & 255U] ^ tables[2][crc >> 8U & 255U] ^ tables[1][crc >> 16U & 255U] ^
          tables[0][crc >> 24U];
  }
  for (; i < text.size(); ++i) crc = (crc >> 8U) ^ tables[0][(crc ^ byte_at(i)) & 255U];
  return ~crc;
}

}  // namespace havklo::replay
