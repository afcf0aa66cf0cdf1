// Where the blocks of a file lie, sparsely: what the closing block of a file carries.
//
// Owns:       at most `capacity` entries, made once. When they are full every second one goes and
//             from then on half as many blocks are noted, so a file of any length has its index.
// Threads:    the recorder's.   Cost: O(1) for a block, amortised; add() allocates nothing.
// Invariants: entries are in the order of the file; between two lie `stride` blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <havklo/clock.hpp>
#include <optional>
#include <span>
#include <vector>

#include "replay/recording/format.hpp"

namespace havklo::replay {

// A block, by its place and by what its header says.
struct IndexEntry {
  uint64_t offset = 0;
  Instant time;
  uint64_t turns = 0;
  uint64_t sequence = 0;
  static constexpr size_t bytes = 32;
};

// What a closing block says: FORMAT.md, "The closing block".
struct Closing {
  ClosingReason reason = ClosingReason::finished;
  int32_t os_error = 0;
  uint32_t stride = 1;
  std::vector<IndexEntry> entries;
};

class BlockIndex {
 public:
  static constexpr uint32_t capacity = 4096;
  static constexpr size_t closing_bytes_max = 24 + capacity * IndexEntry::bytes;

  BlockIndex();
  void clear();
  void add(const IndexEntry& entry);
  // Forgets the blocks that begin at `offset` and later.
  void drop_from(uint64_t offset);
  [[nodiscard]] uint32_t stride() const { return stride_; }
  [[nodiscard]] std::span<const IndexEntry> entries() const { return entries_; }
  [[nodiscard]] size_t closing_bytes() const { return 24 + entries_.size() * IndexEntry::bytes; }
  // From here on half as many blocks have an entry.
  void thin_out();
  // Writes the payload of the closing block that begins at `offset`, with so many zeros in it;
  // returns its bytes.
  size_t write_closing(std::byte* out, ClosingReason reason, int32_t os_error, uint64_t offset,
                       size_t padding) const;

 private:
  std::vector<IndexEntry> entries_;
  uint32_t stride_ = 1;
  uint32_t until_next_ = 0;  // blocks that go unnoted before the next entry
};

// Nothing if it is not one.
[[nodiscard]] std::optional<Closing> read_closing(std::span<const std::byte> payload);

}  // namespace havklo::replay
