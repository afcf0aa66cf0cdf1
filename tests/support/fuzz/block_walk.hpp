// The blocks of a recording, told a second time from replay/recording/FORMAT.md: it judges the
// reader, and mends what a mutation broke.
//
// Owns nothing.   Threads: any.   Cost: a pass over the bytes.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

namespace havklo::fuzz {

inline constexpr size_t head_bytes = 64;
inline constexpr uint32_t payload_bytes_max = 4 * 1024 * 1024;
inline constexpr uint64_t time_ns_max = (uint64_t{1} << 62U) - 1;

// CRC-32C, reflected (RFC 3720), a byte at a time.
[[nodiscard]] inline uint32_t plain_crc32c(std::span<const uint8_t> bytes) {
  constexpr auto table = [] {
    std::array<uint32_t, 256> all{};
    for (uint32_t byte = 0; byte < 256; ++byte) {
      uint32_t crc = byte;
      for (int bit = 0; bit < 8; ++bit) crc = crc >> 1U ^ (0x82F63B78U & (0U - (crc & 1U)));
      all[byte] = crc;
    }
    return all;
  }();
  uint32_t crc = ~0U;
  for (const uint8_t byte : bytes) crc = crc >> 8U ^ table[(crc ^ byte) & 0xFFU];
  return ~crc;
}

template <class Integer>
[[nodiscard]] Integer word_at(std::span<const uint8_t> bytes, size_t at) {
  Integer value{};
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}
template <class Integer>
void put_word(std::span<uint8_t> bytes, size_t at, Integer value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

struct WalkedBlock {
  size_t offset = 0;
  uint32_t kind = 0;
  uint32_t payload_bytes = 0;
  uint32_t number = 0;
  uint64_t turns = 0;
  uint64_t events = 0;
  uint64_t sequence = 0;
  uint64_t digest = 0;
  bool good_head = false;     // its magic, kind, length, time, its own checksum
  bool good_payload = false;  // whole, and under its checksum
};

// The block at `at`, whatever its checksums say; nothing: there is not even a head of one.
[[nodiscard]] inline std::optional<WalkedBlock> block_at(std::span<const uint8_t> bytes,
                                                         size_t at) {
  if (bytes.size() < at + head_bytes) return std::nullopt;
  const std::span<const uint8_t> head = bytes.subspan(at, head_bytes);
  WalkedBlock block{.offset = at,
                    .kind = word_at<uint32_t>(head, 4),
                    .payload_bytes = word_at<uint32_t>(head, 8),
                    .number = word_at<uint32_t>(head, 12),
                    .turns = word_at<uint64_t>(head, 24),
                    .events = word_at<uint64_t>(head, 32),
                    .sequence = word_at<uint64_t>(head, 40),
                    .digest = word_at<uint64_t>(head, 48)};
  block.good_head = std::memcmp(head.data(), "HVK1", 4) == 0 && block.kind <= 2 &&
                    block.payload_bytes <= payload_bytes_max &&
                    word_at<uint64_t>(head, 16) <= time_ns_max &&
                    word_at<uint32_t>(head, 60) == plain_crc32c(head.first(60));
  const size_t left = bytes.size() - at - head_bytes;
  block.good_payload = block.payload_bytes <= left &&
                       word_at<uint32_t>(head, 56) ==
                           plain_crc32c(bytes.subspan(at + head_bytes, block.payload_bytes));
  return block;
}

// From block to block, to the first that is damaged, which is the last of the list; `whole`: there
// is none, and the bytes end behind a block.
struct Walk {
  std::vector<WalkedBlock> blocks;
  bool whole = false;
  size_t damage = 0;  // where what is no good block begins
};
[[nodiscard]] inline Walk walk_file(std::span<const uint8_t> bytes) {
  Walk walk;
  size_t at = 0;
  while (at != bytes.size()) {
    walk.damage = at;
    const auto block = block_at(bytes, at);
    if (!block || !block->good_head || !block->good_payload ||
        block->number != walk.blocks.size()) {
      return walk;
    }
    walk.blocks.push_back(*block);
    at += head_bytes + block->payload_bytes;
  }
  walk.damage = at;
  walk.whole = true;
  return walk;
}

// Both checksums of the block at `at`, whose payload is there.
inline void mend_checksums(std::span<uint8_t> bytes, size_t at) {
  const auto payload_bytes = word_at<uint32_t>(bytes, at + 8);
  put_word(bytes, at + 56, plain_crc32c(bytes.subspan(at + head_bytes, payload_bytes)));
  put_word(bytes, at + 60, plain_crc32c(bytes.subspan(at, 60)));
}

}  // namespace havklo::fuzz
