// Side by side, best first.
#include "kraken/book_copy.hpp"

namespace havklo::kraken {
namespace {

template <BookSide side>
void take_side(BookLevels<side>& own, std::span<const WireLevel> levels) {
  own.clear();
  for (const WireLevel& level : levels) static_cast<void>(own.apply(level));
}

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

void BookCopy::take(const Book& book) {
  take_side(bids_, book.bids());
  take_side(asks_, book.asks());
}

void BookCopy::follow(std::span<const BookChange> changes) {
  bids_.make_room(changes.size(), scratch_.wide(BookSide::bid));
  asks_.make_room(changes.size(), scratch_.wide(BookSide::ask));
  for (const BookChange& change : changes) {
    if (change.side == BookSide::bid) {
      static_cast<void>(bids_.apply(change.level));
    } else {
      static_cast<void>(asks_.apply(change.level));
    }
  }
  bids_.return_home();
  asks_.return_home();
}

std::span<const BookChange> BookCopy::difference(const Book& book) const {
  BookChange* const begin = scratch_.changes();
  BookChange* end = write_difference<BookSide::bid>(bids_.levels(), book.bids(), begin);
  end = write_difference<BookSide::ask>(asks_.levels(), book.asks(), end);
  return {begin, end};
}

std::span<const BookChange> levels_of(const Book& book, BookScratch& scratch) {
  BookChange* const begin = scratch.changes();
  BookChange* end = write_levels(book.bids(), BookSide::bid, begin);
  end = write_levels(book.asks(), BookSide::ask, end);
  return {begin, end};
}

}  // namespace havklo::kraken
