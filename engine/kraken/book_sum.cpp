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

[[gnu::hot]] ApplyOutcome Book::apply_and_sum(const BookMessage& message) {
  change_count_ = 0;
  HAVKLO_ASSERT(message.bids.size() + message.asks.size() <= book_message_levels_max);
  if (message.is_snapshot) {
    bids_.clear();
    asks_.clear();
    sum_ = 0;
    has_snapshot_ = true;
  }
  if (!has_snapshot_) return ApplyOutcome::no_snapshot;
  can_undo_ = !message.is_snapshot;
  old_count_ = 0;
  old_sum_ = sum_;
  if (!message.bids.empty()) apply_side_and_sum(bids_, message.bids);
  if (!message.asks.empty()) apply_side_and_sum(asks_, message.asks);
  return verify(message.checksum);
}

template <BookSide side>
[[gnu::hot]] void Book::apply_side_and_sum(BookLevels<side>& book,
                                           std::span<const WireLevel> levels) {
  book.make_room(levels.size(), scratch_.wide(side));
  for (const WireLevel& level : levels) {
    const auto see_old = [&](const WireLevel* old) {
      BookChange& before = note_old(old != nullptr ? *old : level, side);
      if (old != nullptr) {
        sum_ -= mix(*old, side);
      } else {
        before.level.qty_mantissa = 0;
      }
    };
    if (!book.apply(level, see_old)) continue;  // nobody was told of it
    if (level.qty_mantissa != 0) sum_ += mix(level, side);
    add_change(level, side, false);
  }
  while (book.size() > depth_) {
    const WireLevel& worst = book.levels().back();
    sum_ -= mix(worst, side);
    note_old(worst, side);
    add_change(worst, side, true).level.qty_mantissa = 0;
    book.pop_worst();
  }
  book.return_home();
}

bool Book::undo() {
  if (!can_undo_) return false;
  bids_.make_room(old_count_, scratch_.wide(BookSide::bid));
  asks_.make_room(old_count_, scratch_.wide(BookSide::ask));
  while (old_count_ != 0) {
    const BookChange& old = scratch_.old()[--old_count_];
    if (old.side == BookSide::bid) {
      static_cast<void>(bids_.apply(old.level));
    } else {
      static_cast<void>(asks_.apply(old.level));
    }
  }
  bids_.return_home();
  asks_.return_home();
  sum_ = old_sum_;
  can_undo_ = false;
  return true;
}

uint64_t Book::sum_of_levels() const {
  uint64_t sum = 0;
  for (const WireLevel& level : bids()) sum += mix(level, BookSide::bid);
  for (const WireLevel& level : asks()) sum += mix(level, BookSide::ask);
  return sum;
}

}  // namespace havklo::kraken
