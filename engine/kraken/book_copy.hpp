// A book as it was told to somebody: it follows changes, verifies nothing, and says what another
// book has otherwise.
//
// Owns:       the levels of both sides, best first.
// Not owned:  the list of changes (book_scratch.hpp).
// Threads:    one.
// Cost:       a change is a search by halves and a move of the levels behind it; a difference is
//             linear in the levels of both. Nothing is allocated after construction.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kraken/book.hpp"
#include "kraken/book_scratch.hpp"

namespace havklo::kraken {

class BookCopy {
 public:
  BookCopy(uint32_t depth, BookScratch& scratch);

  [[nodiscard]] uint32_t depth() const { return depth_; }
  // Becomes what `book` is.
  void take(const Book& book);
  // These changes have made `book` out of what this one is.
  void follow(std::span<const BookChange> changes, const Book& book);

  // What turns this one into `book`, as changes in the scratch, valid until the next of any book.
  [[nodiscard]] std::span<const BookChange> difference(const Book& book) const;

 private:
  static constexpr uint32_t changes_max = 64;  // that are followed one by one

  std::vector<WireLevel> bids_;
  std::vector<WireLevel> asks_;
  BookScratch& scratch_;
  uint32_t depth_;
};

// All levels of a book as changes in its scratch: what a snapshot of it says.
[[nodiscard]] std::span<const BookChange> levels_of(const Book& book, BookScratch& scratch);

}  // namespace havklo::kraken
