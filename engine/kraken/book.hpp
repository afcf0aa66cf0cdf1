// The venue's order book for one symbol, verified by the venue's own checksum after every message.
//
// Owns:       the levels of both sides, best first, and the list of changes of the last message.
// Threads:    one.
// Invariants: sides sorted, at most `depth` levels each, no level of quantity 0.
// Cost:       a message costs its levels (book_levels.hpp) and a checksum of at most twenty
//             multiplications, whatever the depth. Nothing is allocated after construction.
// Source:     kraken-v2.md §8: snapshot replaces; bids then asks, first to last; quantity 0
//             removes; truncate; CRC-32 over the best ten asks and bids.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "kraken/book_levels.hpp"
#include "kraken/message.hpp"

namespace havklo::kraken {

enum class ApplyOutcome : uint8_t { verified, no_snapshot, checksum_mismatch, crossed };

struct ApplyResult {
  ApplyOutcome outcome = ApplyOutcome::verified;
  uint32_t expected = 0;
  uint32_t computed = 0;
};

// One thing for a reader to do: the wire's entry, or the removal of a level that truncation pushed
// out.
struct BookChange {
  WireLevel level;  // quantity 0 removes
  BookSide side = BookSide::bid;
  bool truncated = false;
};

class Book {
 public:
  explicit Book(uint32_t depth);

  // The outcome says whether changes() may be published. After a mismatch or a crossed book,
  // clear() it.
  [[nodiscard]] ApplyResult apply(const BookMessage& message);
  void clear();
  [[nodiscard]] std::span<const BookChange> changes() const {
    return {changes_.get(), change_count_};
  }

  [[nodiscard]] std::span<const WireLevel> bids() const { return bids_.levels(); }  // best first
  [[nodiscard]] std::span<const WireLevel> asks() const { return asks_.levels(); }
  [[nodiscard]] uint32_t depth() const { return depth_; }
  [[nodiscard]] uint32_t checksum() const;
  void check_invariants() const;

 private:
  template <BookSide side>
  void apply_side(BookLevels<side>& book, std::span<const WireLevel> levels);
  template <BookSide side>
  void truncate(BookLevels<side>& book);

  uint32_t depth_;
  bool has_snapshot_ = false;
  BookLevels<BookSide::bid> bids_;
  BookLevels<BookSide::ask> asks_;
  size_t change_count_ = 0;
  std::unique_ptr<BookChange[]> changes_;  // room for what the largest message can become
};

}  // namespace havklo::kraken
