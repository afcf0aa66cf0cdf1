// Apply, truncate, verify.
#include "kraken/book.hpp"

#include <algorithm>
#include <havklo/assert.hpp>
#include <havklo/limits.hpp>

namespace havklo::kraken {

Book::Book(uint32_t depth, BookScratch& scratch)
    : bids_(depth), asks_(depth), scratch_(scratch), depth_(depth) {
  HAVKLO_ASSERT(depth > 0 && depth <= book_depth_max);
}

void Book::clear() {
  has_snapshot_ = false;
  bids_.clear();
  asks_.clear();
  change_count_ = 0;
  sum_ = 0;
}

[[gnu::hot]] ApplyOutcome Book::apply(const BookMessage& message) {
  change_count_ = 0;
  HAVKLO_ASSERT(message.bids.size() + message.asks.size() <= book_message_levels_max);
  if (message.is_snapshot) {
    bids_.clear();
    asks_.clear();
    has_snapshot_ = true;
  }
  if (!has_snapshot_) return ApplyOutcome::no_snapshot;
  // Most messages change one side; nothing is to be done for the other.
  const bool has_bids = !message.bids.empty();
  const bool has_asks = !message.asks.empty();
  if (has_bids) apply_side(bids_, message.bids);
  if (has_asks) apply_side(asks_, message.asks);
  if (has_bids) truncate(bids_);
  if (has_asks) truncate(asks_);
  return verify(message.checksum);
}

template <BookSide side>
[[gnu::hot]] void Book::apply_side(BookLevels<side>& book, std::span<const WireLevel> levels) {
  book.make_room(levels.size(), scratch_.wide(side));
  for (const WireLevel& level : levels) {
    if (book.apply(level)) add_change(level, side, false);  // else nobody was told of it
  }
}

// The venue sends nothing for a level that merely falls out of the window, so the reader is told
// here. The levels go back to the book's own memory, if they were in a borrowed one.
template <BookSide side>
void Book::truncate(BookLevels<side>& book) {
  while (book.size() > depth_) {
    add_change(book.levels().back(), side, true).level.qty_mantissa = 0;
    book.pop_worst();
  }
  book.return_home();
}

uint32_t Book::checksum() const {
  return detail::checksum_of(bids_.best_part(), asks_.best_part());
}

void Book::check_invariants() const {
  HAVKLO_ASSERT(sum_ == 0 || sum_ == sum_of_levels());
  HAVKLO_ASSERT(bids_.size() <= depth_ && asks_.size() <= depth_);
  bids_.check_invariants();
  asks_.check_invariants();
  for (size_t i = 1; i < bids_.size(); ++i)
    HAVKLO_ASSERT(bids()[i - 1].price() > bids()[i].price());
  for (size_t i = 1; i < asks_.size(); ++i)
    HAVKLO_ASSERT(asks()[i - 1].price() < asks()[i].price());
}

}  // namespace havklo::kraken
