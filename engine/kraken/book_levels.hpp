// One side of a book: levels in order of price, the best first.
//
// Owns:       a buffer with room at both ends of the levels, so that a change moves those on its
//             shorter side only: most changes come near the best price, truncation takes the worst.
//             It is little larger than the book is deep, so that many shallow books stay in the
//             caches; a message that could overflow it is taken in memory that is borrowed. Behind
//             that room is a margin that holds no level: a dozen are compared at a time, whether
//             they are levels or not.
// Threads:    one.
// Invariants: sorted, prices different by value, no quantity 0. `uniform_`: all prices have the
//             exponent `exponent_`, so integers compare; else decimals are compared by value.
//             `part_` is what the best ten give to the book's checksum, when `part_known_`.
// Cost:       a level among the best dozen is found without a branch that depends on where it is,
//             another one by halves; at most half of the levels move, or a dozen; the checksum is
//             ten multiplications, when one of the best ten has changed. Nothing is allocated after
//             construction.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <havklo/assert.hpp>
#include <memory>
#include <span>

#include "kraken/checksum.hpp"
#include "kraken/message.hpp"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

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
  bool apply(const WireLevel& level);
  void pop_worst() {
    --size_;
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
  void check_part() const {
    if (!part_known_) return;
    const ChecksumPart again = best_part();
    HAVKLO_ASSERT(part_.remainder == again.remainder && part_.chars == again.chars);
  }

 private:
  static bool better(int64_t a, int64_t b) { return side == BookSide::bid ? a > b : a < b; }

  [[nodiscard]] WireLevel* first() const { return memory_ + begin_; }
  [[nodiscard]] size_t find_uniform(int64_t price) const;
  [[nodiscard]] size_t find_mixed(Decimal price) const;
  void insert(size_t at, const WireLevel& level);
  void erase(size_t at);
  void centre();
  void move_to(WireLevel* memory, size_t capacity);
  // Twice the depth, or at least 22 levels more: to move in, and for a message of as many.
  static constexpr uint32_t home_capacity(uint32_t depth) {
    return depth + std::max<uint32_t>(depth, 22);
  }
  // The shorter side moves; but a dozen behind always do, so that the branch is the same for every
  // change of a shallow book.
  static bool moves_behind(size_t at, size_t behind) { return behind <= std::max(at, level_look); }
  static void move(WireLevel* to, const WireLevel* from, size_t count) {
    std::memmove(static_cast<void*>(to), from, count * sizeof(WireLevel));
  }
  [[nodiscard]] static size_t better_of_look(const WireLevel* levels, size_t size, int64_t price);

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
bool BookLevels<side>::apply(const WireLevel& level) {
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

// How many of the first dozen are better than `price`.
template <BookSide side>
size_t BookLevels<side>::better_of_look(const WireLevel* levels, size_t size, int64_t price) {
#if defined(__AVX2__)
  static_assert(sizeof(WireLevel) == 24 && offsetof(WireLevel, price_mantissa) == 0);
  const auto* const words = reinterpret_cast<const char*>(levels);
  const __m256i asked = _mm256_set1_epi64x(price);
  uint32_t better = 0;
  for (size_t four = 0; four < level_look / 4; ++four) {
    const auto load = [words, four](size_t third) {
      const char* const at = words + four * 4 * sizeof(WireLevel) + third * 32;
      return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
    };
    // Three loads hold four levels; their prices come together as the first, fourth, third, second.
    const __m256i prices =
        _mm256_blend_epi32(_mm256_blend_epi32(load(0), load(1), 0x30), load(2), 0x0C);
    const __m256i is_better = side == BookSide::bid ? _mm256_cmpgt_epi64(prices, asked)
                                                    : _mm256_cmpgt_epi64(asked, prices);
    better |= static_cast<uint32_t>(_mm256_movemask_pd(_mm256_castsi256_pd(is_better)))
              << (4 * four);
  }
  // [n]: the bits of n levels
  static constexpr std::array<uint16_t, level_look + 1> own = [] {
    std::array<uint16_t, level_look + 1> bits{};
    constexpr std::array<uint32_t, 4> place = {0, 3, 2, 1};
    for (uint32_t n = 1; n < bits.size(); ++n) {
      bits[n] = static_cast<uint16_t>(bits[n - 1] | 1U << ((n - 1) / 4 * 4 + place[(n - 1) % 4]));
    }
    return bits;
  }();
  return static_cast<size_t>(std::popcount(better & own[std::min(size, level_look)]));
#else
  size_t count = 0;
  for (size_t i = 0; i < std::min(size, level_look); ++i) {
    count += better(levels[i].price_mantissa, price) ? 1 : 0;
  }
  return count;
#endif
}

// How many levels are better.
template <BookSide side>
size_t BookLevels<side>::find_uniform(int64_t price) const {
  const WireLevel* const levels = first();
  size_t at = better_of_look(levels, size_, price);
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
}

// Half of the spare room has been used up by a drift of the price.
template <BookSide side>
void BookLevels<side>::centre() {
  const uint32_t begin = (capacity_ - size_) / 2;
  move(memory_ + begin, first(), size_);
  begin_ = begin;
}

template <BookSide side>
void BookLevels<side>::move_to(WireLevel* memory, size_t capacity) {
  HAVKLO_ASSERT(size_ + 2 < capacity);
  const auto begin = static_cast<uint32_t>((capacity - size_) / 2);
  move(memory + begin, first(), size_);
  memory_ = memory;
  capacity_ = static_cast<uint32_t>(capacity);
  begin_ = begin;
}

}  // namespace havklo::kraken
