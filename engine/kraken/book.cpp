// Apply, truncate, verify.
#include "kraken/book.hpp"

#include <libdeflate.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <havklo/assert.hpp>
#include <havklo/limits.hpp>

namespace havklo::kraken {
namespace {

constexpr size_t checksum_levels = 10;
constexpr size_t digits_max = 19;

template <BookSide side>
bool better(const Decimal& a, const Decimal& b) {
  return side == BookSide::bid ? a > b : a < b;
}

char* append_digits(char* out, char* end, Decimal value) {
  if (value.is_zero()) return out;  // every digit is a leading zero
  return std::to_chars(out, end, value.mantissa).ptr;
}

}  // namespace

Book::Book(uint32_t depth) : depth_(depth) {
  HAVKLO_ASSERT(depth > 0 && depth <= book_depth_max);
  bids_.reserve(depth + book_message_levels_max);
  asks_.reserve(depth + book_message_levels_max);
  changes_.reserve(message_events_max + 2 * size_t{depth});
}

void Book::clear() {
  has_snapshot_ = false;
  bids_.clear();
  asks_.clear();
  changes_.clear();
}

ApplyResult Book::apply(const BookMessage& message) {
  changes_.clear();
  HAVKLO_ASSERT(message.bids.size() + message.asks.size() <= book_message_levels_max);
  if (message.is_snapshot) {
    bids_.clear();
    asks_.clear();
    has_snapshot_ = true;
  }
  if (!has_snapshot_) return {.outcome = ApplyOutcome::no_snapshot};
  apply_side<BookSide::bid>(message.bids);
  apply_side<BookSide::ask>(message.asks);
  truncate<BookSide::bid>();
  truncate<BookSide::ask>();
  const uint32_t computed = checksum();
  if (computed != message.checksum) {
    return {ApplyOutcome::checksum_mismatch, message.checksum, computed};
  }
  if (!bids_.empty() && !asks_.empty() && bids_[0].price >= asks_[0].price) {
    return {ApplyOutcome::crossed, message.checksum, computed};
  }
  return {ApplyOutcome::verified, message.checksum, computed};
}

template <BookSide side>
void Book::apply_side(std::span<const WireLevel> levels) {
  std::vector<WireLevel>& book = side == BookSide::bid ? bids_ : asks_;
  for (const WireLevel& level : levels) {
    const auto at = std::ranges::find_if(
        book, [&level](const WireLevel& own) { return !better<side>(own.price, level.price); });
    const bool known = at != book.end() && at->price == level.price;
    if (level.qty.is_zero()) {
      if (!known) continue;  // nobody was told of it
      book.erase(at);
    } else if (known) {
      *at = level;
    } else {
      book.insert(at, level);
    }
    changes_.push_back({level.price, level.qty, side, false});
  }
}

// The venue sends nothing for a level that merely falls out of the window, so the reader is told
// here.
template <BookSide side>
void Book::truncate() {
  std::vector<WireLevel>& book = side == BookSide::bid ? bids_ : asks_;
  while (book.size() > depth_) {
    const WireLevel& worst = book.back();
    changes_.push_back({worst.price, {0, worst.qty.exponent}, side, true});
    book.pop_back();
  }
}

uint32_t Book::checksum() const {
  std::array<char, 2 * checksum_levels * 2 * digits_max> text;
  char* out = text.data();
  char* const end = out + text.size();
  for (const auto* side : {&asks_, &bids_}) {
    const size_t count = std::min(side->size(), checksum_levels);
    for (size_t i = 0; i < count; ++i) {
      out = append_digits(out, end, (*side)[i].price);
      out = append_digits(out, end, (*side)[i].qty);
    }
  }
  return libdeflate_crc32(0, text.data(), static_cast<size_t>(out - text.data()));
}

void Book::check_invariants() const {
  HAVKLO_ASSERT(bids_.size() <= depth_ && asks_.size() <= depth_);
  for (size_t i = 1; i < bids_.size(); ++i) HAVKLO_ASSERT(bids_[i - 1].price > bids_[i].price);
  for (size_t i = 1; i < asks_.size(); ++i) HAVKLO_ASSERT(asks_[i - 1].price < asks_[i].price);
}

}  // namespace havklo::kraken
