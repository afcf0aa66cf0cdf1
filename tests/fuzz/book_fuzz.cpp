// Messages of a book, judged by a book kept in a map: after each the same levels, the same verdict,
// the checksum of the printed digits bit by bit; and whoever follows changes() alone holds the same
// book. Two books share the scratch and are told in turn.
//
// Input: the depth of each; then messages: what kind, how the middle moves, how many levels a side,
// and the levels.
#include <algorithm>
#include <array>
#include <cstring>
#include <havklo/limits.hpp>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "fuzz/target.hpp"
#include "kraken/book.hpp"
#include "kraken/plain_crc.hpp"

namespace havklo::book_fuzz {
namespace {

using namespace kraken;
using fuzz::FuzzInput;
using fuzz::require;

// By value, whatever the places: in units of the smallest place that there is.
__extension__ using Units = __int128;
Units units_of(Decimal number) {
  Units units = number.mantissa;
  for (int place = decimal_exponent_min; place < number.exponent; ++place) units *= 10;
  return units;
}

// One side; the best is first.
class PlainSide {
 public:
  explicit PlainSide(bool bids) : sign_(bids ? -1 : 1) {}

  void set(Decimal price, Decimal qty) {
    if (qty.mantissa == 0) {
      levels_.erase(sign_ * units_of(price));
    } else {
      levels_[sign_ * units_of(price)] = WireLevel(price, qty);  // anew, from its digits
    }
  }
  [[nodiscard]] bool holds(Decimal price) const {
    return levels_.contains(sign_ * units_of(price));
  }
  void truncate(size_t depth) {
    while (levels_.size() > depth) levels_.erase(std::prev(levels_.end()));
  }
  void clear() { levels_.clear(); }
  [[nodiscard]] bool empty() const { return levels_.empty(); }
  [[nodiscard]] Units best() const { return sign_ * levels_.begin()->first; }
  [[nodiscard]] std::string checksum_text() const {
    std::string text;
    size_t count = 0;
    for (const auto& [key, level] : levels_) {
      if (count++ == 10) break;
      for (const int64_t digits : {level.price_mantissa, level.qty_mantissa}) {
        if (digits != 0) text += std::to_string(digits);
      }
    }
    return text;
  }
  // To the digit, not only by value.
  [[nodiscard]] bool is(std::span<const WireLevel> levels) const {
    return std::ranges::equal(levels, levels_, [](const WireLevel& own, const auto& plain) {
      return std::memcmp(&own, &plain.second, sizeof own) == 0;
    });
  }

 private:
  int sign_;
  std::map<Units, WireLevel> levels_;
};

// A book, what it should hold, and what a reader of its changes makes of them.
struct Beside {
  Beside(uint32_t depth, BookScratch& scratch) : book(depth, scratch) {}
  Book book;
  std::array<PlainSide, 2> plain{PlainSide(true), PlainSide(false)};
  std::array<PlainSide, 2> reader{PlainSide(true), PlainSide(false)};
  bool has_snapshot = false;

  void clear() {
    book.clear();
    for (auto* const sides : {&plain, &reader}) {
      for (PlainSide& side : *sides) side.clear();
    }
    has_snapshot = false;
  }
  [[nodiscard]] ApplyOutcome expected(const BookMessage& message) {
    if (message.is_snapshot) {
      for (PlainSide& side : plain) side.clear();
      has_snapshot = true;
    }
    if (!has_snapshot) return ApplyOutcome::no_snapshot;
    for (const WireLevel& level : message.bids) plain[0].set(level.price(), level.qty());
    for (const WireLevel& level : message.asks) plain[1].set(level.price(), level.qty());
    for (PlainSide& side : plain) side.truncate(book.depth());
    return ApplyOutcome::verified;
  }
  [[nodiscard]] uint32_t checksum() const {
    return plain_crc(plain[1].checksum_text() + plain[0].checksum_text());
  }
  [[nodiscard]] bool is_crossed() const {
    return !plain[0].empty() && !plain[1].empty() && plain[0].best() >= plain[1].best();
  }
  void follow(bool is_snapshot) {
    if (is_snapshot) {
      for (PlainSide& side : reader) side.clear();
    }
    for (const BookChange& change : book.changes()) {
      PlainSide& side = reader[change.side == BookSide::bid ? 0 : 1];
      const bool removes = change.level.qty_mantissa == 0;
      require(!removes || side.holds(change.level.price()),
              "it takes away what nobody was told of");
      require(!change.truncated || removes, "truncation adds a level");
      side.set(change.level.price(), change.level.qty());
    }
  }
};

// Levels near a middle that moves, as the venue has them; some printed with more places, some with
// any number that fits.
class Levels {
 public:
  explicit Levels(FuzzInput& input) : input_(input) {}
  void move() { middle_ = std::max<int64_t>(300, middle_ + static_cast<int8_t>(input_.byte())); }
  void draw(bool bids, size_t count) {
    while (count-- > 0) draw_one(bids);
  }
  std::vector<WireLevel> take() { return std::exchange(levels_, {}); }

 private:
  void draw_one(bool bids) {
    const uint8_t kind = input_.byte();
    const int64_t away = input_.byte();
    Decimal price{bids ? middle_ - away : middle_ + away, -2};
    if ((kind & 3) == 1) price = {price.mantissa * 10 + (kind >> 6), -3};
    if ((kind & 3) == 2) price = {any(), static_cast<int8_t>(-int64_t(input_.below(19)))};
    const Decimal qty = quantity(kind >> 2 & 3);
    levels_.emplace_back(price, qty);
    if ((kind & 3) != 3) return;
    for (int64_t run = (kind >> 4) * 8; run > 0; --run) {
      price.mantissa += bids ? -1 : 1;
      if (price.mantissa >= 0) levels_.emplace_back(price, qty);
    }
  }
  Decimal quantity(int kind) {
    if (kind == 0) return {0, -8};
    if (kind == 1) return {input_.byte(), -8};
    if (kind == 2) return {any(), static_cast<int8_t>(-int64_t(input_.below(19)))};
    return {100'000, -8};
  }
  int64_t any() { return static_cast<int64_t>(input_.number() >> 1); }

  FuzzInput& input_;
  int64_t middle_ = 100'000;
  std::vector<WireLevel> levels_;
};

void judge(Beside& it, BookMessage message, bool wrong_checksum) {
  ApplyOutcome expected = it.expected(message);
  message.checksum = it.checksum() + (wrong_checksum ? 1 : 0);
  if (expected == ApplyOutcome::verified && it.is_crossed()) expected = ApplyOutcome::crossed;
  if (expected != ApplyOutcome::no_snapshot && wrong_checksum) {
    expected = ApplyOutcome::checksum_mismatch;
  }
  const ApplyOutcome outcome = it.book.apply(message);
  it.book.check_invariants();
  require(outcome == expected, "another verdict than the plain book's");
  require(it.plain[0].is(it.book.bids()), "other bids than the plain book's");
  require(it.plain[1].is(it.book.asks()), "other asks than the plain book's");
  require(it.book.checksum() == it.checksum(), "another checksum than the plain book's");
  if (outcome == ApplyOutcome::no_snapshot)
    require(it.book.changes().empty(), "changes of nothing");
  if (outcome == ApplyOutcome::no_snapshot) return;
  if (outcome != ApplyOutcome::verified) return it.clear();
  it.follow(message.is_snapshot);
  require(it.reader[0].is(it.book.bids()), "other bids than who follows the changes");
  require(it.reader[1].is(it.book.asks()), "other asks than who follows the changes");
}

}  // namespace

HAVKLO_FUZZ_TARGET(book) {
  static BookScratch scratch;
  FuzzInput input(bytes);
  constexpr std::array<uint32_t, 8> depths = {1, 2, 10, 11, 12, 25, 100, 500};
  std::array<Beside, 2> books{Beside(depths[input.below(8)], scratch),
                              Beside(depths[input.below(8)], scratch)};
  Levels levels(input);
  for (int round = 0; round < 100 && !input.empty(); ++round) {
    const uint8_t kind = input.byte();
    Beside& it = books[kind >> 7];
    if ((kind & 63) == 63) {
      it.clear();
      continue;
    }
    levels.move();
    const uint8_t counts = input.byte();
    levels.draw(true, counts & 15);
    const std::vector<WireLevel> bids = levels.take();
    levels.draw(false, counts >> 4);
    const std::vector<WireLevel> asks = levels.take();
    judge(it, {.is_snapshot = (kind & 3) == 0, .bids = bids, .asks = asks}, (kind & 60) == 60);
  }
}

}  // namespace havklo::book_fuzz
