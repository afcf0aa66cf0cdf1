// The venue's order book for one symbol, verified by the venue's own checksum after every message.
//
// Owns:       the levels of both sides, best first.
// Not owned:  the list of changes and the room of a large message (book_scratch.hpp), which the
//             books of an engine share.
// Threads:    one.
// Invariants: sides sorted, at most `depth` levels each, no level of quantity 0.
// Cost:       a message costs its levels (book_levels.hpp) and a checksum of at most twenty
//             multiplications, whatever the depth. Nothing is allocated after construction.
// Source:     kraken-v2.md §8: snapshot replaces; bids then asks, first to last; quantity 0
//             removes; truncate; CRC-32 over the best ten asks and bids.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>

#include "kraken/book_levels.hpp"
#include "kraken/book_scratch.hpp"
#include "kraken/checksum.hpp"
#include "kraken/message.hpp"

namespace havklo::kraken {

enum class ApplyOutcome : uint8_t { verified, no_snapshot, checksum_mismatch, crossed };

class Book {
 public:
  Book(uint32_t depth, BookScratch& scratch);

  // The outcome says whether changes() may be published. After a mismatch, when checksum() says
  // what was computed, or a crossed book, clear() it.
  [[nodiscard]] ApplyOutcome apply(const BookMessage& message);
  // The same for a book whose sum() is asked for; since its last snapshot at every message. Its
  // scratch keeps what was before.
  [[nodiscard]] ApplyOutcome apply_and_sum(const BookMessage& message);
  // Takes back what the last apply_and_sum() did. False: it was a snapshot, nothing is as before.
  [[nodiscard]] bool undo();
  void clear();
  // Asks for what an apply() near the best price will read.
  void prefetch() const {
    bids_.prefetch();
    asks_.prefetch();
  }
  // Until the next apply() of any book of this scratch.
  [[nodiscard]] std::span<const BookChange> changes() const {
    return {scratch_.changes(), change_count_};
  }

  [[nodiscard]] std::span<const WireLevel> bids() const { return bids_.levels(); }  // best first
  [[nodiscard]] std::span<const WireLevel> asks() const { return asks_.levels(); }
  [[nodiscard]] uint32_t depth() const { return depth_; }
  [[nodiscard]] uint32_t checksum() const;
  // Of all levels: books of the same sum hold the same.
  [[nodiscard]] uint64_t sum() const { return sum_; }
  void check_invariants() const;

 private:
  BookChange& add_change(const WireLevel& level, BookSide side, bool truncated);
  template <BookSide side>
  void apply_side(BookLevels<side>& book, std::span<const WireLevel> levels);
  template <BookSide side>
  void truncate(BookLevels<side>& book);
  [[nodiscard]] inline ApplyOutcome verify(uint32_t checksum);
  template <BookSide side>
  void apply_side_and_sum(BookLevels<side>& book, std::span<const WireLevel> levels);
  BookChange& note_old(const WireLevel& level, BookSide side) {
    BookChange& old = scratch_.old()[old_count_++];
    std::memcpy(static_cast<void*>(&old.level), &level, sizeof level);
    old.side = side;
    return old;
  }
  [[nodiscard]] uint64_t sum_of_levels() const;

  BookLevels<BookSide::bid> bids_;
  BookLevels<BookSide::ask> asks_;
  BookScratch& scratch_;
  size_t change_count_ = 0;
  uint32_t depth_;
  bool has_snapshot_ = false;
  bool can_undo_ = false;
  uint32_t old_count_ = 0;
  uint64_t sum_ = 0;
  uint64_t old_sum_ = 0;
};

inline BookChange& Book::add_change(const WireLevel& level, BookSide side, bool truncated) {
  BookChange& change = scratch_.changes()[change_count_++];
  // As it was written, in two pieces: a copy by members would wait for all of those to be stored.
  std::memcpy(static_cast<void*>(&change.level), &level, sizeof level);
  change.side = side;
  change.truncated = truncated;
  return change;
}

namespace detail {
// All asks, then all bids: the last part comes first.
[[nodiscard]] inline uint32_t checksum_of(ChecksumPart bids, ChecksumPart asks) {
  PartsChecksum checksum;
  checksum.prepend(bids);
  checksum.prepend(asks);
  return checksum.value();
}
}  // namespace detail

inline ApplyOutcome Book::verify(uint32_t checksum) {
  const uint32_t computed = detail::checksum_of(bids_.checksum_part(), asks_.checksum_part());
  if (computed != checksum) return ApplyOutcome::checksum_mismatch;
  const bool two_sided = bids_.size() != 0 && asks_.size() != 0;
  if (two_sided && bids()[0].price() >= asks()[0].price()) return ApplyOutcome::crossed;
  return ApplyOutcome::verified;
}

}  // namespace havklo::kraken
