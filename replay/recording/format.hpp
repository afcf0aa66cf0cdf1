// The bytes of a recording: blocks, tags and integers. FORMAT.md is the description.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <havklo/clock.hpp>
#include <limits>
#include <optional>
#include <span>
#include <string>
#ifdef __BMI2__
#include <immintrin.h>
#endif

#include "replay/recording/crc32c.hpp"

namespace havklo::replay {

// Format 2 is 1 for several sessions, 3 is either with padding, 4 has short entries and another
// digest, 5 says what was wrong with a certificate, when reads arrived and what others left of a
// connect budget. All are read; 5 is written.
inline constexpr uint32_t format_of_several_sessions = 2;
inline constexpr uint32_t format_with_padding = 3;
inline constexpr uint32_t format_with_short_entries = 4;
inline constexpr uint32_t format_with_certificate_faults = 5;
inline constexpr uint32_t format_version = format_with_certificate_faults;
// What each block, and so each file, begins with.
inline constexpr std::array<char, 4> recording_magic = {'H', 'V', 'K', '1'};
inline constexpr uint32_t block_payload_bytes_max = 4 * 1024 * 1024;

// What no recorder writes more of; a file that says so is damaged, or made to harm.
// Engine's time, and its offset to UTC: 146 years. The sum of two still fits.
inline constexpr int64_t time_ns_max = (int64_t{1} << 62) - 1;
// Completions of a turn: those that the engine asks for at once (completions_per_turn_max), and
// what one read of 16 KiB more can hold in TLS records, some 750.
inline constexpr size_t turn_completions_max = 4096;
// Questions to shared connect budgets in a turn: each of 64 sessions asks some dozens of times.
inline constexpr uint32_t budget_asks_max = 64 * 1024;
// What it may have to wait: a window, of which none is longer than seven days.
inline constexpr int64_t budget_wait_ns_max = int64_t{7} * 86'400 * 1'000'000'000;
// A turn has at least its end: a tag and three numbers.
inline constexpr uint64_t turn_bytes_min = 4;

enum class BlockKind : uint32_t { header = 0, turns = 1, closing = 2 };

// Why a file of a recording ends.
enum class ClosingReason : uint32_t {
  finished = 0,  // the session is over
  continued,     // the next file goes on
  slow_disk,     // recording stopped before the session was over
  disk_error,
};
inline constexpr uint32_t closing_reason_count = 4;

enum class EntryTag : uint8_t {
  padding = 0,  // up to the end of the payload; since format 3
  turn_end,
  command,
  opened,
  received,
  received_part,
  sent,
  closed,
  utc_offset,
  event,
  short_received,  // since format 4, as is the next
  short_turn_end,
  closed_for_certificate,  // since format 5, as are the next
  arrived,
  budget_answer,
};

// Entries that nearly every turn has, of fixed size: each is one or two stores.
struct ShortReceived {
  static constexpr size_t bytes = 8;  // the plaintext lies behind
  static constexpr size_t length_max = (size_t{1} << 24U) - 1;
  static void put(std::byte* at, uint32_t connection, size_t length) {
    const uint64_t word = static_cast<uint64_t>(EntryTag::short_received) |
                          static_cast<uint64_t>(length) << 8U | uint64_t{connection} << 32U;
    std::memcpy(at, &word, sizeof word);
  }
};

struct ShortTurnEnd {
  static constexpr size_t bytes = 16;
  static constexpr uint32_t room_max = (uint32_t{1} << 24U) - 1;
  static constexpr bool fits(int64_t since_last_ns, uint32_t room) {
    return since_last_ns >= 0 && since_last_ns >> 32 == 0 && room <= room_max;
  }
  static void put(std::byte* at, int64_t since_last_ns, uint32_t room, uint32_t event_count,
                  uint32_t digest_low) {
    const std::array<uint64_t, 2> words = {static_cast<uint64_t>(EntryTag::short_turn_end) |
                                               uint64_t{room} << 8U |
                                               static_cast<uint64_t>(since_last_ns) << 32U,
                                           event_count | uint64_t{digest_low} << 32U};
    std::memcpy(at, words.data(), sizeof words);
  }
};

// How far a recording has come: what a block's header says of everything up to its end.
struct Progress {
  Instant time;           // of the last turn
  uint64_t turns = 0;     // that have ended
  uint64_t events = 0;    // that they published
  uint64_t sequence = 0;  // of the last of these
  uint64_t digest = 0;    // of all of these
  friend bool operator==(const Progress&, const Progress&) = default;
};

// Whether two blocks say the same of the turns before them; their time decides nothing.
[[nodiscard]] inline bool is_same_place(const Progress& one, const Progress& other) {
  return one.turns == other.turns && one.events == other.events && one.sequence == other.sequence &&
         one.digest == other.digest;
}

struct BlockHeader {
  static constexpr size_t bytes = 64;
  BlockKind kind = BlockKind::turns;
  uint32_t payload_bytes = 0;
  uint32_t number = 0;
  Progress progress;
  uint32_t payload_crc = 0;
};

using BlockHeaderBytes = std::array<std::byte, BlockHeader::bytes>;
[[nodiscard]] BlockHeaderBytes encode(const BlockHeader& header);
// Nothing if it is not one, or damaged.
[[nodiscard]] std::optional<BlockHeader> decode_block_header(const BlockHeaderBytes& bytes);

inline constexpr size_t varint_bytes_max = 10;

// Writes at `out`, which has room for varint_bytes_max and may change behind what is written;
// returns how many.
inline size_t put_varint(std::byte* out, uint64_t value) {
  if (value < 0x80U) {
    *out = static_cast<std::byte>(value);
    return 1;
  }
#ifdef __BMI2__
  // Without a loop: how long the next one is, is nothing that a processor could foresee.
  constexpr unsigned whole_bytes = 8;
  if (value < uint64_t{1} << 7U * whole_bytes) {
    const auto bytes = (static_cast<unsigned>(std::bit_width(value | 1U)) + 6) / 7;
    const uint64_t goes_on = 0x8080808080808080U & ((uint64_t{1} << 8U * (bytes - 1)) - 1);
    const uint64_t spread = _pdep_u64(value, 0x7F7F7F7F7F7F7F7FU) | goes_on;
    std::memcpy(out, &spread, sizeof spread);
    return bytes;
  }
#endif
  size_t count = 0;
  while (value >= 0x80U) {
    out[count++] = static_cast<std::byte>(value | 0x80U);
    value >>= 7U;
  }
  out[count++] = static_cast<std::byte>(value);
  return count;
}

[[nodiscard]] constexpr uint64_t zigzag(int64_t value) {
  return static_cast<uint64_t>(value) << 1U ^ static_cast<uint64_t>(value >> 63);
}
[[nodiscard]] constexpr int64_t unzigzag(uint64_t value) {
  return static_cast<int64_t>(value >> 1U) ^ -static_cast<int64_t>(value & 1U);
}

// The name of file `segment` of a recording whose first file is `path`: path, path.1, path.2 …
[[nodiscard]] std::string segment_path(const std::string& path, uint32_t segment);

// Takes integers and bytes from the front; once something is missing, everything is.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : rest_(bytes) {}

  [[nodiscard]] size_t left() const { return rest_.size(); }
  [[nodiscard]] bool failed() const { return failed_; }

  [[nodiscard]] uint8_t byte() {
    const auto one = take(1);
    return one.empty() ? uint8_t{0} : static_cast<uint8_t>(one[0]);
  }
  // A varint that must fit.
  template <class Integer>
  [[nodiscard]] Integer number(Integer most = std::numeric_limits<Integer>::max()) {
    const uint64_t value = varint();
    if (value > static_cast<uint64_t>(most)) failed_ = true;
    return failed_ ? Integer{0} : static_cast<Integer>(value);
  }
  template <class Integer>
  [[nodiscard]] Integer signed_number(Integer least, Integer most) {
    const uint64_t value = varint();
    const int64_t number = unzigzag(value);
    if (number < least || number > most) failed_ = true;
    return failed_ ? Integer{0} : static_cast<Integer>(number);
  }
  [[nodiscard]] uint64_t varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const uint64_t next = byte();
      if (failed_) return 0;
      if (shift == 63 && next > 1) break;
      value |= (next & 0x7FU) << shift;
      if (next < 0x80U) return value;
    }
    failed_ = true;
    return 0;
  }
  template <class Integer>
  [[nodiscard]] Integer fixed() {
    Integer value = 0;
    const auto bytes = take(sizeof value);
    if (!bytes.empty()) std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  [[nodiscard]] uint32_t word() { return fixed<uint32_t>(); }
  // Three bytes.
  [[nodiscard]] uint32_t word24() {
    const uint32_t low = fixed<uint16_t>();
    return low | uint32_t{byte()} << 16U;
  }
  [[nodiscard]] std::span<const std::byte> take(uint64_t count) {
    if (failed_ || count > rest_.size()) {
      failed_ = true;
      return {};
    }
    const auto front = rest_.first(count);
    rest_ = rest_.subspan(count);
    return front;
  }

 private:
  std::span<const std::byte> rest_;
  bool failed_ = false;
};

}  // namespace havklo::replay
