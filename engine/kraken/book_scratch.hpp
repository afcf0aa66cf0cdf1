// What a book needs while it takes a message and not between two: the list of changes, and room for
// the levels of a message that holds far more than the book's depth.
//
// One for all books of an engine, so that a book itself is a few cache lines (book_levels.hpp) and
// the list stays where it was written a message ago.
// Owns:    the memory; its books borrow it for the length of an apply(), and their changes() until
//          the next one of any of them.
// Threads: one, that of the books.
#pragma once

#include <cstddef>
#include <havklo/event.hpp>
#include <havklo/limits.hpp>
#include <memory>
#include <span>

#include "kraken/message.hpp"

namespace havklo::kraken {

// One thing for a reader to do: the wire's entry, or the removal of a level that truncation pushed
// out.
struct BookChange {
  WireLevel level;  // quantity 0 removes
  BookSide side = BookSide::bid;
  bool truncated = false;
};

class BookScratch {
 public:
  // Both sides in full, the largest message, and a little to move in.
  static constexpr size_t levels_max = size_t{book_depth_max} + book_message_levels_max + 64;

  [[nodiscard]] BookChange* changes() const { return changes_.get(); }
  // What the last message of a book has changed, as it was before: for who takes it back. There
  // since keep_old().
  [[nodiscard]] BookChange* old() const { return old_.get(); }
  void keep_old() {
    if (old_ == nullptr) old_ = std::make_unique_for_overwrite<BookChange[]>(changes_max);
  }
  [[nodiscard]] std::span<WireLevel> wide(BookSide side) const {
    return {wide_.get() + (side == BookSide::bid ? 0 : levels_max), levels_max};
  }

 private:
  // What the largest message can become.
  static constexpr size_t changes_max = message_events_max + 2 * size_t{book_depth_max};

  std::unique_ptr<BookChange[]> changes_ =
      std::make_unique_for_overwrite<BookChange[]>(changes_max);
  std::unique_ptr<BookChange[]> old_;
  std::unique_ptr<WireLevel[]> wide_ = std::make_unique_for_overwrite<WireLevel[]>(2 * levels_max);
};

}  // namespace havklo::kraken
