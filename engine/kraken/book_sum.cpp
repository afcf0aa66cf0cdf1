// apply() for a book whose sum is asked for: what several legs compare.
//
// Compiled apart from book.cpp: a second caller there would cost every message of the book that
// keeps none, by what the compiler then no longer inlines (bench/instructions shows it).
#include <havklo/assert.hpp>
#include <havklo/limits.hpp>

#include "kraken/book.hpp"

namespace havklo::kraken {
namespace {

// A level as a number that nothing else has; their sum does not ask for an order.
uint64_t mix(const WireLevel& level, BookSide side) {
  uint64_t mixed = static_cast<uint64_t>(level.price_mantissa) * 0x9E3779B97F4A7C15U +
                   static_cast<uint64_t>(level.qty_mantissa) * 0xC2B2AE3D27D4EB4FU +
                   static_cast<uint64_t>(level.price_exponent) * 0x165667B19E3779F9U +
                   static_cast<uint64_t>(level.qty_exponent) * 0x27D4EB2F165667C5U +
                   (side == BookSide::bid ? 0x85EBCA77C2B2AE63U : 0);
  mixed = (mixed ^ mixed >> 32U) * 0xD6E8FEB86659FD93U;
  return mixed ^ mixed >> 29U;
}

}  // namespace

ApplyOutcome Book::apply_and_sum(const BookMessage& message) {
  change_count_ = 0;
  HAVKLO_ASSERT(message.bids.size() + message.asks.size() <= book_message_levels_max);
  if (message.is_snapshot) {
    bids_.clear();
    asks_.clear();
    sum_ = 0;
    has_snapshot_ = true;
  }
  if (!has_snapshot_) return ApplyOutcome::no_snapshot;
  apply_side_and_sum(bids_, message.bids);
  apply_side_and_sum(asks_, message.asks);
  return verify(message.checksum);
}

template <BookSide side>
void Book::apply_side_and_sum(BookLevels<side>& book, std::span<const WireLevel> levels) {
  if (levels.empty()) return;
  book.make_room(levels.size(), scratch_.wide(side));
  for (const WireLevel& level : levels) {
    const WireLevel* const old = book.find(level.price());
    if (old != nullptr) sum_ -= mix(*old, side);
    if (level.qty_mantissa != 0) sum_ += mix(level, side);
    if (book.apply(level)) add_change(level, side, false);
  }
  while (book.size() > depth_) {
    sum_ -= mix(book.levels().back(), side);
    add_change(book.levels().back(), side, true).level.qty_mantissa = 0;
    book.pop_worst();
  }
  book.return_home();
}

uint64_t Book::sum_of_levels() const {
  uint64_t sum = 0;
  for (const WireLevel& level : bids()) sum += mix(level, BookSide::bid);
  for (const WireLevel& level : asks()) sum += mix(level, BookSide::ask);
  return sum;
}

}  // namespace havklo::kraken
