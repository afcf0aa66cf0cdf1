// Deadlines to callbacks: a hierarchical timing wheel (Varghese and Lauck 1987), no tick loop.
//
// Owns:       the buckets and their occupancy bitmaps. Memory: levels × slots × 16 bytes, inside
//             the object.
// Not owned:  the timers. A timer is a node that its user embeds; it must not move or die while it
//             is armed.
// Contract:   never early; at most one tick (512 ns) late for a caller that advances in time. A
//             deadline is rounded up to a tick when it is armed. Timers of one tick fire in the
//             order in which they were armed, whatever levels they passed through. A timer armed
//             for the past is due at once, after those of earlier ticks that are due. In a
//             callback, arming and cancelling any timer is allowed; one armed for now or earlier
//             fires in the same advance, in its place.
// Threads:    one.
// Cost:       arm and cancel O(1). advance costs one step for each timer fired and for each bucket
//             that is opened; empty time costs nothing, because the bitmaps tell the next occupied
//             slot. A timer moves down a level at most `levels - 1` times in its life.
// Why buckets keep the arming order: a bucket of a higher level is opened before any of its ticks
//             is current, and its timers are put down in their order; whatever is armed later for
//             the same tick was armed later.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <havklo/assert.hpp>
#include <havklo/clock.hpp>
#include <limits>

namespace havklo {

class TimerNode {
 public:
  TimerNode() = default;
  TimerNode(const TimerNode&) = delete;
  TimerNode& operator=(const TimerNode&) = delete;
  ~TimerNode() { HAVKLO_ASSERT(!armed()); }

  [[nodiscard]] bool armed() const { return next_ != nullptr; }

 private:
  template <unsigned, unsigned>
  friend class BasicTimerWheel;
  TimerNode* next_ = nullptr;
  TimerNode* previous_ = nullptr;
  uint64_t tick_ = 0;
  uint32_t bucket_ = 0;
};

struct AdvanceResult {
  uint32_t fired = 0;
  bool more_due = false;  // fires_max was reached: call again with the same instant
};

// level_bits: log2 of the slots of a level. Together the levels cover all 64 bits of a tick count.
template <unsigned level_bits, unsigned tick_bits>
class BasicTimerWheel {
 public:
  static constexpr unsigned levels = (64 - tick_bits + level_bits - 1) / level_bits;
  static constexpr uint32_t slots = 1U << level_bits;
  static_assert(slots <= 64, "one bitmap word a level");
  static constexpr Duration tick = Duration{int64_t{1} << tick_bits};

  BasicTimerWheel() = default;
  BasicTimerWheel(const BasicTimerWheel&) = delete;
  BasicTimerWheel& operator=(const BasicTimerWheel&) = delete;
  // Lets go of the timers that are still armed.
  ~BasicTimerWheel() {
    for (TimerNode* node : heads_) {
      while (node != nullptr) {
        TimerNode* const next = node->next_ == node ? nullptr : node->next_;
        node->next_ = nullptr;
        node = next;
      }
    }
  }

  // `node` must not be armed.
  void arm(TimerNode& node, Instant deadline) {
    HAVKLO_ASSERT(!node.armed());
    const uint64_t due = tick_up(deadline);
    node.tick_ = due < current_ ? current_ : due;
    insert(node);
    ++armed_;
  }

  // `node` must be armed.
  void cancel(TimerNode& node) {
    HAVKLO_ASSERT(node.armed());
    unlink(node);
    --armed_;
  }

  // Fires what is due at `now`, by tick and then by arming order, at most `fires_max`:
  // f(TimerNode&), no longer armed.
  template <class F>
  AdvanceResult advance(Instant now, uint32_t fires_max, F&& f) {
    AdvanceResult result;
    const uint64_t target = tick_down(now);
    if (target < current_ && !due_now()) return result;
    for (;;) {
      uint64_t at = 0;
      if (!next_tick_upto(target, at)) break;
      current_ = at;
      // All of one tick, and what the callbacks arm for it.
      TimerNode* const& head = heads_[bucket_of(0, at)];
      do {
        if (result.fired == fires_max) {
          result.more_due = true;
          return result;
        }
        TimerNode& node = *head;
        unlink(node);
        --armed_;
        ++result.fired;
        f(node);
      } while (head != nullptr);
    }
    if (target > current_) current_ = target;
    return result;
  }

  // The earliest tick at which a timer is due, exactly; never() when none is armed.
  [[nodiscard]] Instant next_deadline() const {
    if (occupied_levels_ == 0) return Instant::never();
    const TimerNode* const head = heads_[first_bucket()];
    uint64_t earliest = head->tick_;
    for (const TimerNode* node = head->next_; node != head; node = node->next_) {
      if (node->tick_ < earliest) earliest = node->tick_;
    }
    return from_tick(earliest);
  }

  [[nodiscard]] uint64_t armed_count() const { return armed_; }

  void check_invariants() const {
    uint64_t count = 0;
    for (unsigned level = 0; level < levels; ++level) {
      HAVKLO_ASSERT((bitmaps_[level] != 0) == ((occupied_levels_ >> level & 1U) != 0));
      HAVKLO_ASSERT(bitmaps_[level] == occupied_ahead(level));
      for (uint32_t slot = 0; slot < slots; ++slot) {
        const TimerNode* const head = heads_[level * slots + slot];
        const bool occupied = (bitmaps_[level] >> slot & 1U) != 0;
        HAVKLO_ASSERT(occupied == (head != nullptr));
        if (head == nullptr) continue;
        const TimerNode* node = head;
        do {
          HAVKLO_ASSERT(node->bucket_ == level * slots + slot);
          HAVKLO_ASSERT(node->tick_ >= current_);
          HAVKLO_ASSERT(bucket_for(node->tick_) == node->bucket_);
          HAVKLO_ASSERT(node->next_->previous_ == node);
          ++count;
          node = node->next_;
        } while (node != head);
      }
    }
    HAVKLO_ASSERT(count == armed_);
  }

 private:
  // Ticks count from the smallest Instant, so that they are unsigned and order as Instants do.
  static constexpr uint64_t origin = uint64_t{1} << 63U;
  static uint64_t tick_down(Instant at) {
    return (static_cast<uint64_t>(at.ns) + origin) >> tick_bits;
  }
  static uint64_t tick_up(Instant at) {
    const uint64_t ns = static_cast<uint64_t>(at.ns) + origin;
    const uint64_t mask = (uint64_t{1} << tick_bits) - 1;
    return (ns >> tick_bits) + ((ns & mask) != 0 ? 1 : 0);
  }
  static Instant from_tick(uint64_t at) {
    const uint64_t ns = at << tick_bits;
    if (at != 0 && ns >> tick_bits != at) return Instant::never();
    return Instant{static_cast<int64_t>(ns - origin)};
  }

  static uint32_t digit(unsigned level, uint64_t at) {
    return static_cast<uint32_t>(at >> (level * level_bits)) & (slots - 1);
  }
  static uint32_t bucket_of(unsigned level, uint64_t at) {
    return level * slots + digit(level, at);
  }
  // The level of the highest digit in which `at` differs from the current tick: below it, all slots
  // of the level that are ahead belong to the current turn of the wheel, so a slot holds one value
  // of the digits above.
  [[nodiscard]] uint32_t bucket_for(uint64_t at) const {
    const uint64_t differs = at ^ current_;
    const unsigned level =
        differs == 0 ? 0 : static_cast<unsigned>(63 - std::countl_zero(differs)) / level_bits;
    return bucket_of(level, at);
  }
  // Slots of the level at or after the current digit: all that are occupied, because no timer lies
  // before the current tick and all of a level share the digits above it.
  [[nodiscard]] uint64_t occupied_ahead(unsigned level) const {
    return bitmaps_[level] & (~uint64_t{0} << digit(level, current_));
  }
  // The bucket that comes first in time; some level is occupied.
  [[nodiscard]] uint32_t first_bucket() const {
    const auto level = static_cast<unsigned>(std::countr_zero(occupied_levels_));
    return level * slots + static_cast<uint32_t>(std::countr_zero(bitmaps_[level]));
  }
  void set_occupied(uint32_t bucket) {
    bitmaps_[bucket / slots] |= uint64_t{1} << bucket % slots;
    occupied_levels_ |= 1U << bucket / slots;
  }
  void set_empty(uint32_t bucket) {
    uint64_t& bitmap = bitmaps_[bucket / slots];
    bitmap &= ~(uint64_t{1} << bucket % slots);
    if (bitmap == 0) occupied_levels_ &= ~(1U << bucket / slots);
  }
  [[nodiscard]] bool due_now() const { return heads_[bucket_of(0, current_)] != nullptr; }

  void insert(TimerNode& node) {
    const uint32_t bucket = bucket_for(node.tick_);
    node.bucket_ = bucket;
    TimerNode*& head = heads_[bucket];
    if (head == nullptr) {
      head = node.next_ = node.previous_ = &node;
      set_occupied(bucket);
      return;
    }
    node.next_ = head;
    node.previous_ = head->previous_;
    head->previous_->next_ = &node;
    head->previous_ = &node;
  }

  void unlink(TimerNode& node) {
    TimerNode*& head = heads_[node.bucket_];
    if (node.next_ == &node) {
      head = nullptr;
      set_empty(node.bucket_);
    } else {
      node.previous_->next_ = node.next_;
      node.next_->previous_ = node.previous_;
      if (head == &node) head = node.next_;
    }
    node.next_ = nullptr;
  }

  // The next occupied tick at or before `target`; opens buckets of higher levels on the way, and
  // moves `current_` to the beginning of each, which is at or before the first of its timers.
  bool next_tick_upto(uint64_t target, uint64_t& at) {
    for (;;) {
      if (occupied_levels_ == 0) return false;
      const uint32_t bucket = first_bucket();
      const unsigned level = bucket / slots;
      const uint64_t slot = bucket % slots;
      const unsigned shift = level * level_bits;
      const unsigned above = shift + level_bits;
      const uint64_t kept = above >= 64 ? 0 : current_ >> above << above;
      const uint64_t begins = kept | slot << shift;
      if (begins > target) return begins == current_ && due_now() ? (at = begins, true) : false;
      if (level == 0) {
        at = begins;
        return true;
      }
      current_ = begins;
      open(bucket);
    }
  }

  // Puts the timers of a higher bucket down where they belong now, in their order.
  void open(uint32_t bucket) {
    TimerNode* const head = heads_[bucket];
    heads_[bucket] = nullptr;
    set_empty(bucket);
    TimerNode* node = head;
    do {
      TimerNode* const next = node->next_;
      insert(*node);
      node = next;
    } while (node != head);
  }

  uint64_t current_ = 0;  // every tick before it has been fired
  uint64_t armed_ = 0;
  uint32_t occupied_levels_ = 0;
  std::array<uint64_t, levels> bitmaps_{};
  std::array<TimerNode*, size_t{levels} * slots> heads_{};
};

// 64 slots a level, ticks of 512 ns: ten levels for all of time.
using TimerWheel = BasicTimerWheel<6, 9>;

}  // namespace havklo
