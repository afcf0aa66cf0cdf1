// Side by side, best first.
#include "kraken/book_copy.hpp"

namespace havklo::kraken {
namespace {

template <BookSide side>
bool is_better(const WireLevel& a, const WireLevel& b) {
  return side == BookSide::bid ? a.price() > b.price() : a.price() < b.price();
}

// What only the first has goes; what the second has otherwise comes.
template <BookSide side>
BookChange* write_difference(std::span<const WireLevel> from, std::span<const WireLevel> to,
                             BookChange* out) {
  size_t old = 0;
  size_t now = 0;
  while (old < from.size() || now < to.size()) {
    if (now == to.size() || (old < from.size() && is_better<side>(from[old], to[now]))) {
      *out = {.level = from[old++], .side = side, .truncated = false};
      out++->level.qty_mantissa = 0;
    } else if (old == from.size() || is_better<side>(to[now], from[old])) {
      *out++ = {.level = to[now++], .side = side, .truncated = false};
    } else {
      if (from[old].qty() != to[now].qty()) {
        *out++ = {.level = to[now], .side = side, .truncated = false};
      }
      ++old;
      ++now;
    }
  }
  return out;
}

BookChange* write_levels(std::span<const WireLevel> levels, BookSide side, BookChange* out) {
  for (const WireLevel& level : levels) *out++ = {.level = level, .side = side, .truncated = false};
  return out;
}

}  // namespace

BookCopy::BookCopy(uint32_t depth) : depth_(depth) {
  bids_.reserve(depth);
  asks_.reserve(depth);
}

void BookCopy::take(const Book& book) {
  bids_.assign(book.bids().begin(), book.bids().end());
  asks_.assign(book.asks().begin(), book.asks().end());
}

template <class From>
std::span<const BookChange> difference(const From& from, const Book& to, BookScratch& scratch) {
  BookChange* const begin = scratch.changes();
  BookChange* end = write_difference<BookSide::bid>(from.bids(), to.bids(), begin);
  end = write_difference<BookSide::ask>(from.asks(), to.asks(), end);
  return {begin, end};
}
template std::span<const BookChange> difference(const Book&, const Book&, BookScratch&);
template std::span<const BookChange> difference(const BookCopy&, const Book&, BookScratch&);

std::span<const BookChange> levels_of(const Book& book, BookScratch& scratch) {
  BookChange* const begin = scratch.changes();
  BookChange* end = write_levels(book.bids(), BookSide::bid, begin);
  end = write_levels(book.asks(), BookSide::ask, end);
  return {begin, end};
}

}  // namespace havklo::kraken
