// Side by side, best first.
#include "core/legs/book_copy.hpp"

namespace havklo::core {
namespace {

template <BookSide side>
bool is_better(const kraken::WireLevel& a, const kraken::WireLevel& b) {
  return side == BookSide::bid ? a.price() > b.price() : a.price() < b.price();
}

// What only the first has goes; what the second has otherwise comes.
template <BookSide side>
kraken::BookChange* write_difference(std::span<const kraken::WireLevel> from,
                                     std::span<const kraken::WireLevel> to,
                                     kraken::BookChange* out) {
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

kraken::BookChange* write_levels(std::span<const kraken::WireLevel> levels, BookSide side,
                                 kraken::BookChange* out) {
  for (const kraken::WireLevel& level : levels)
    *out++ = {.level = level, .side = side, .truncated = false};
  return out;
}

}  // namespace

BookCopy::BookCopy(uint32_t depth) : depth_(depth) {
  bids_.reserve(depth);
  asks_.reserve(depth);
}

void BookCopy::take(const kraken::Book& book) {
  bids_.assign(book.bids().begin(), book.bids().end());
  asks_.assign(book.asks().begin(), book.asks().end());
}

template <class From>
std::span<const kraken::BookChange> difference(const From& from, const kraken::Book& to,
                                               kraken::BookScratch& scratch) {
  kraken::BookChange* const begin = scratch.changes();
  kraken::BookChange* end = write_difference<BookSide::bid>(from.bids(), to.bids(), begin);
  end = write_difference<BookSide::ask>(from.asks(), to.asks(), end);
  return {begin, end};
}
template std::span<const kraken::BookChange> difference(const kraken::Book&, const kraken::Book&,
                                                        kraken::BookScratch&);
template std::span<const kraken::BookChange> difference(const BookCopy&, const kraken::Book&,
                                                        kraken::BookScratch&);

std::span<const kraken::BookChange> levels_of(const kraken::Book& book,
                                              kraken::BookScratch& scratch) {
  kraken::BookChange* const begin = scratch.changes();
  kraken::BookChange* end = write_levels(book.bids(), BookSide::bid, begin);
  end = write_levels(book.asks(), BookSide::ask, end);
  return {begin, end};
}

}  // namespace havklo::core
