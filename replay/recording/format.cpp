// The block header, byte by byte, and the names of files.
#include "replay/recording/format.hpp"

#include <bit>

namespace havklo::replay {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

constexpr size_t crc_at = 60;

}  // namespace

BlockHeaderBytes encode(const BlockHeader& header) {
  BlockHeaderBytes bytes{};
  const auto put = [&bytes](size_t at, const auto& value) {
    std::memcpy(bytes.data() + at, &value, sizeof value);
  };
  put(0, recording_magic);
  put(4, header.kind);
  put(8, header.payload_bytes);
  put(12, header.number);
  put(16, header.progress.time.ns);
  put(24, header.progress.turns);
  put(32, header.progress.events);
  put(40, header.progress.sequence);
  put(48, header.progress.digest);
  put(56, header.payload_crc);
  put(crc_at, crc32c(0, std::span(bytes).first(crc_at)));
  return bytes;
}

std::optional<BlockHeader> decode_block_header(const BlockHeaderBytes& bytes) {
  const auto get = [&bytes](size_t at, auto& value) {
    std::memcpy(&value, bytes.data() + at, sizeof value);
  };
  // First what costs least: a search for headers looks at every byte.
  if (std::memcmp(bytes.data(), recording_magic.data(), recording_magic.size()) != 0)
    return std::nullopt;
  uint32_t crc = 0;
  get(crc_at, crc);
  if (crc != crc32c(0, std::span(bytes).first(crc_at))) return std::nullopt;
  BlockHeader header;
  get(4, header.kind);
  get(8, header.payload_bytes);
  get(12, header.number);
  get(16, header.progress.time.ns);
  get(24, header.progress.turns);
  get(32, header.progress.events);
  get(40, header.progress.sequence);
  get(48, header.progress.digest);
  get(56, header.payload_crc);
  const Instant time = header.progress.time;
  const bool fits = header.kind <= BlockKind::closing &&
                    header.payload_bytes <= block_payload_bytes_max && time >= Instant{} &&
                    time.ns <= time_ns_max;
  if (!fits) return std::nullopt;
  return header;
}

std::string segment_path(const std::string& path, uint32_t segment) {
  return segment == 0 ? path : path + "." + std::to_string(segment);
}

}  // namespace havklo::replay
