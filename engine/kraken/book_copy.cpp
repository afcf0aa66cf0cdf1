// Side by side, best first.
#include "kraken/book_copy.hpp"

#include <algorithm>
#include <havklo/limits.hpp>

namespace havklo::kraken {
namespace {

template <BookSide side>
bool is_better(const WireLevel& a, const WireLevel& b) {
  return side == BookSide::bid ? a.price() > b.price() : a.price() < b.price();
}

template <BookSide side>
void write(std::vector<WireLevel>& levels, const WireLevel& level) {
  const auto at = std::ranges::lower_bound(levels, level, is_better<side>);
  const bool known = at != levels.end() && at->price() == level.price();
  if (level.qty_mantissa == 0) {
    if (known) levels.erase(at);
  } else if (known) {
    *at = level;
  } else {
    levels.insert(at, level);
  }
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

BookCopy::BookCopy(uint32_t depth, BookScratch& scratch) : scratch_(scratch), depth_(depth) {
  bids_.reserve(depth + changes_max);
  asks_.reserve(depth + changes_max);
}

void BookCopy::take(const Book& book) {
  bids_.assign(book.bids().begin(), book.bids().end());
  asks_.assign(book.asks().begin(), book.asks().end());
}

// A shallow book is copied sooner than a place in it is found.
void BookCopy::follow(std::span<const BookChange> changes, const Book& book) {
  constexpr uint32_t shallow_depth = 25;
  if (depth_ <= shallow_depth || changes.size() > changes_max) return take(book);
  for (const BookChange& change : changes) {
    if (change.side == BookSide::bid) {
      write<BookSide::bid>(bids_, change.level);
    } else {
      write<BookSide::ask>(asks_, change.level);
    }
  }
}

std::span<const BookChange> BookCopy::difference(const Book& book) const {
  BookChange* const begin = scratch_.changes();
  BookChange* end = write_difference<BookSide::bid>(bids_, book.bids(), begin);
  end = write_difference<BookSide::ask>(asks_, book.asks(), end);
  return {begin, end};
}

std::span<const BookChange> levels_of(const Book& book, BookScratch& scratch) {
  BookChange* const begin = scratch.changes();
  BookChange* end = write_levels(book.bids(), BookSide::bid, begin);
  end = write_levels(book.asks(), BookSide::ask, end);
  return {begin, end};
}

}  // namespace havklo::kraken
