// A book as it once was, and what another has otherwise.
//
// Owns:       the levels of both sides, best first.
// Threads:    one.
// Cost:       linear in the levels. Nothing is allocated after construction.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kraken/book.hpp"
#include "kraken/book_scratch.hpp"

namespace havklo::core {

class BookCopy {
 public:
  explicit BookCopy(uint32_t depth);

  [[nodiscard]] uint32_t depth() const { return depth_; }
  // Becomes what `book` is.
  void take(const kraken::Book& book);
  [[nodiscard]] std::span<const kraken::WireLevel> bids() const { return bids_; }  // best first
  [[nodiscard]] std::span<const kraken::WireLevel> asks() const { return asks_; }

 private:
  std::vector<kraken::WireLevel> bids_;
  std::vector<kraken::WireLevel> asks_;
  uint32_t depth_;
};

// What turns `from`, a Book or a copy of one, into `to`: changes in the scratch, valid until the
// next of any book.
template <class From>
[[nodiscard]] std::span<const kraken::BookChange> difference(const From& from,
                                                             const kraken::Book& to,
                                                             kraken::BookScratch& scratch);

// All levels of a book as changes in its scratch: what a snapshot of it says.
[[nodiscard]] std::span<const kraken::BookChange> levels_of(const kraken::Book& book,
                                                            kraken::BookScratch& scratch);

}  // namespace havklo::core
