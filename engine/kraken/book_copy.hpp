// A book as it was told to somebody: it follows changes, verifies nothing, and says what another
// book has otherwise.
//
// Owns:       the levels of both sides, best first.
// Not owned:  the room of a large message (book_scratch.hpp).
// Threads:    one.
// Cost:       a change costs its place among the levels (book_levels.hpp); a difference is linear
//             in the levels of both. Nothing is allocated after construction.
#pragma once

#include <cstdint>
#include <span>

#include "kraken/book.hpp"
#include "kraken/book_levels.hpp"
#include "kraken/book_scratch.hpp"

namespace havklo::kraken {

class BookCopy {
 public:
  BookCopy(uint32_t depth, BookScratch& scratch)
      : bids_(depth), asks_(depth), scratch_(scratch), depth_(depth) {}

  [[nodiscard]] uint32_t depth() const { return depth_; }
  // Becomes what `book` is.
  void take(const Book& book);
  // After it, no more levels than the depth are left.
  void follow(std::span<const BookChange> changes);

  // What turns this one into `book`, as changes in the scratch, valid until the next of any book.
  [[nodiscard]] std::span<const BookChange> difference(const Book& book) const;

 private:
  BookLevels<BookSide::bid> bids_;
  BookLevels<BookSide::ask> asks_;
  BookScratch& scratch_;
  uint32_t depth_;
};

// All levels of a book as changes in its scratch: what a snapshot of it says.
[[nodiscard]] std::span<const BookChange> levels_of(const Book& book, BookScratch& scratch);

}  // namespace havklo::kraken
