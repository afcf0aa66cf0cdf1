// One side of a book: levels in order of price, the best first.
//
// Owns:       a buffer with room at both ends of the levels, so that a change moves those on its
//             shorter side only: most changes come near the best price, truncation takes the worst.
//             It is little larger than the book is deep, so that many shallow books stay in the
//             caches; a message that could overflow it is taken in memory that is borrowed. Behind
//             that room is a margin that holds no level: a dozen are always compared.
// Threads:    one.
// Invariants: sorted, prices different by value, no quantity 0. `uniform_`: all prices have the
//             exponent `exponent_`, so integers compare; else decimals are compared by value.
//             `part_` is what the best ten give to the book's checksum, when `part_known_`. Where
//             the first dozen places hold no level they hold the worst price.
// Cost:       a level among the best dozen is found without a branch that depends on where it is,
//             another one by halves; at most half of the levels move, or a dozen; the checksum is
//             ten multiplications, when one of the best ten has changed. Nothing is allocated after
//             construction.
// Why levels are read and moved one by one: a load finds what was stored a moment ago only if one
//             store wrote all of it; of several levels, or of one that was moved together with
//             another, it waits until those stores have left the processor. Changes of one book
//             follow each other so closely that this was nearly half of their time.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <havklo/assert.hpp>
#include <limits>
#include <memory>
#include <span>

#include "kraken/checksum.hpp"
#include "kraken/message.hpp"

namespace havklo::kraken {

// So many levels are compared at a time: the whole of a book of depth 10, with two that truncation
// is still to take. A memory for levels has as many beyond those that it holds.
inline constexpr size_t level_look = 12;

template <BookSide side>
class BookLevels {
 public:
  explicit BookLevels(uint32_t depth)
      : depth_(depth),
        home_(std::make_unique<WireLevel[]>(home_capacity(depth) + level_look)),
        memory_(home_.get()),
        capacity_(home_capacity(depth)) {
    clear();
  }

  [[nodiscard]] std::span<const WireLevel> levels() const { return {first(), size_}; }
  [[nodiscard]] size_t size() const { return size_; }

  void prefetch() const {
    constexpr size_t line_bytes = 64;
    const auto* const bytes = reinterpret_cast<const char*>(first());
    for (size_t at = 0; at < checksum_levels * sizeof(WireLevel); at += line_bytes) {
      __builtin_prefetch(bytes + at, 1);
    }
  }

  void clear() {
    size_ = 0;
    begin_ = (capacity_ - depth_) / 2;
    uniform_ = true;
    part_known_ = false;
    blank_rest_of_look();
  }

  // Before as many are applied: moves to `wide` when they might not fit. After them, and when no
  // more than the depth is left: back.
  void make_room(size_t more, std::span<WireLevel> wide) {
    if (size_ + more + 2 > capacity_) [[unlikely]]
      move_to(wide.data(), wide.size() - level_look);
  }
  void return_home() {
    if (memory_ != home_.get()) [[unlikely]]
      move_to(home_.get(), home_capacity(depth_));
  }

  // Writes or, with quantity 0, removes. False: a removal of what is not there.
  bool apply(const WireLevel& level) {
    return apply(level, [](const WireLevel*) {});
  }
  // … and shows first what stands there; null: nothing.
  template <class SeeOld>
  bool apply(const WireLevel& level, SeeOld see_old);
  void pop_worst() {
    --size_;
    first()[size_].price_mantissa = worst_price;
    part_known_ = part_known_ && size_ >= checksum_levels;
  }

  // What the best ten print.
  [[nodiscard]] ChecksumPart checksum_part() {
    if (!part_known_) {
      part_ = best_part();
      part_known_ = true;
    }
    return part_;
  }
  // The same, without the memory of it.
  [[nodiscard]] ChecksumPart best_part() const {
    const WireLevel* const levels = first();
    PartsChecksum checksum;
    const auto add = [&checksum, levels](size_t count) {
      while (count-- > 0) checksum.prepend(levels[count].remainder, levels[count].chars);
    };
    if (size_ >= checksum_levels) {
      add(checksum_levels);  // a constant, for the compiler to unroll
    } else {
      add(size_);
    }
    return checksum.part();
  }
  void check_invariants() const {
    for (size_t i = size_; i < level_look; ++i)
      HAVKLO_ASSERT(first()[i].price_mantissa == worst_price);
    if (!part_known_) return;
    const ChecksumPart again = best_part();
    HAVKLO_ASSERT(part_.remainder == again.remainder && part_.chars == again.chars);
  }

 private:
  // None is negative; so compared, an answer is added up in one instruction.
  static bool better(int64_t a, int64_t b) {
    return side == BookSide::bid ? static_cast<uint64_t>(a) > static_cast<uint64_t>(b)
                                 : static_cast<uint64_t>(a) < static_cast<uint64_t>(b);
  }

  // No price is worse.
  static constexpr int64_t worst_price =
      side == BookSide::bid ? 0 : std::numeric_limits<int64_t>::max();

  [[nodiscard]] WireLevel* first() const { return memory_ + begin_; }
  [[nodiscard]] size_t find_uniform(int64_t price) const;
  [[nodiscard, gnu::noinline]] size_t find_mixed(Decimal price) const;
  void insert(size_t at, const WireLevel& level);
  void erase(size_t at);
  [[gnu::noinline]] void centre();
  [[gnu::noinline]] void move_to(WireLevel* memory, size_t capacity);
  // Twice the depth, or at least 22 levels more: to move in, and for a message of as many.
  static constexpr uint32_t home_capacity(uint32_t depth) {
    return depth + std::max<uint32_t>(depth, 22);
  }
  // The shorter side moves; but a dozen behind always do, so that the branch is the same for every
  // change of a shallow book.
  static bool moves_behind(size_t at, size_t behind) { return behind <= std::max(at, level_look); }
  static void move(WireLevel* to, const WireLevel* from, size_t count);
  [[nodiscard]] size_t better_of_look(int64_t price) const;
  void blank_rest_of_look() {
    for (size_t i = size_; i < level_look; ++i) first()[i].price_mantissa = worst_price;
  }

  uint32_t depth_;
  int8_t exponent_ = 0;
  bool uniform_ = true;
  bool part_known_ = false;
  std::unique_ptr<WireLevel[]> home_;
  WireLevel* memory_;  // home_, or what is borrowed
  uint32_t capacity_;  // of memory_
  uint32_t begin_ = 0;
  uint32_t size_ = 0;
  ChecksumPart part_;
};

template <BookSide side>
template <class SeeOld>
bool BookLevels<side>::apply(const WireLevel& level, SeeOld see_old) {
  if (size_ == 0) {
    exponent_ = level.price_exponent;
    uniform_ = true;
  }
  uniform_ = uniform_ && level.price_exponent == exponent_;
  size_t at = 0;
  bool known = false;
  if (uniform_) {
    at = find_uniform(level.price_mantissa);
    known = at < size_ && first()[at].price_mantissa == level.price_mantissa;
  } else {
    at = find_mixed(level.price());
    known = at < size_ && first()[at].price() == level.price();
  }
  see_old(known ? first() + at : nullptr);
  part_known_ = part_known_ && at >= checksum_levels;
  if (level.qty_mantissa == 0) {
    if (known) erase(at);
    return known;
  }
  if (known) {
    first()[at] = level;
  } else {
    insert(at, level);
  }
  return true;
}

// How many of the first dozen are better.
template <BookSide side>
size_t BookLevels<side>::better_of_look(int64_t price) const {
  const WireLevel* const levels = first();
  size_t count = 0;
  for (size_t i = 0; i < level_look; ++i) count += better(levels[i].price_mantissa, price) ? 1 : 0;
  return count;
}

// How many levels are better.
template <BookSide side>
size_t BookLevels<side>::find_uniform(int64_t price) const {
  const WireLevel* const levels = first();
  size_t at = better_of_look(price);
  if (at < level_look) return at;
  size_t left = size_ - at;
  while (left > 0) {
    const size_t half = left / 2;
    const bool beyond = better(levels[at + half].price_mantissa, price);
    at = beyond ? at + half + 1 : at;
    left = beyond ? left - half - 1 : half;
  }
  return at;
}

template <BookSide side>
size_t BookLevels<side>::find_mixed(Decimal price) const {
  const auto found = std::ranges::partition_point(levels(), [price](const WireLevel& own) {
    return side == BookSide::bid ? own.price() > price : own.price() < price;
  });
  return static_cast<size_t>(found - levels().begin());
}

template <BookSide side>
void BookLevels<side>::insert(size_t at, const WireLevel& level) {
  HAVKLO_ASSERT(size_ + 2 < capacity_);
  const size_t behind = size_ - at;
  if (moves_behind(at, behind)) {
    if (begin_ + size_ == capacity_) centre();
    move(first() + at + 1, first() + at, behind);
  } else {
    if (begin_ == 0) centre();
    move(first() - 1, first(), at);
    --begin_;
  }
  first()[at] = level;
  ++size_;
}

template <BookSide side>
void BookLevels<side>::erase(size_t at) {
  const size_t behind = size_ - at - 1;
  if (moves_behind(at, behind)) {
    move(first() + at, first() + at + 1, behind);
  } else {
    move(first() + 1, first(), at);
    ++begin_;
  }
  --size_;
  first()[size_].price_mantissa = worst_price;
}

// Also onto itself. Many levels at once are worth waiting for.
template <BookSide side>
void BookLevels<side>::move(WireLevel* to, const WireLevel* from, size_t count) {
  if (count > 2 * level_look) {
    std::memmove(static_cast<void*>(to), from, count * sizeof(WireLevel));
    return;
  }
  // The fence is the compiler's alone, which would make a memmove of either loop.
  const auto move_one = [to, from](size_t i) {
    to[i] = from[i];
    std::atomic_signal_fence(std::memory_order_seq_cst);
  };
  if (to < from) {
    for (size_t i = 0; i < count; ++i) move_one(i);
  } else {
    for (size_t i = count; i > 0; --i) move_one(i - 1);
  }
}

// Half of the spare room has been used up by a drift of the price.
template <BookSide side>
void BookLevels<side>::centre() {
  const uint32_t begin = (capacity_ - size_) / 2;
  move(memory_ + begin, first(), size_);
  begin_ = begin;
  blank_rest_of_look();
}

template <BookSide side>
void BookLevels<side>::move_to(WireLevel* memory, size_t capacity) {
  HAVKLO_ASSERT(size_ + 2 < capacity);
  const auto begin = static_cast<uint32_t>((capacity - size_) / 2);
  move(memory + begin, first(), size_);
  memory_ = memory;
  capacity_ = static_cast<uint32_t>(capacity);
  begin_ = begin;
  blank_rest_of_look();
}

}  // namespace havklo::kraken
