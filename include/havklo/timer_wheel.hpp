// Deadlines to callbacks: a hierarchical timing wheel (Varghese and Lauck 1987), no tick loop.
//
// Owns:       the buckets and their occupancy bitmaps. Memory: levels × slots × 32 bytes, inside
//             the object, of which only the buckets in use are touched.
// Not owned:  the timers. A timer is a node that its user embeds; it must not move or die while it
//             is armed.
// Contract:   never early; at most one tick (512 ns) late for a caller that advances in time. A
//             deadline is rounded up to a tick when it is armed. Timers of one tick fire in the
//             order in which they were armed, whatever levels they passed through. A timer armed
//             for the past is due at once, after those of earlier ticks that are due. In a
//             callback, arming and cancelling any timer is allowed; one armed for now or earlier
//             fires in the same advance, in its place.
// Threads:    one.
// Cost:       arm and cancel O(1). advance costs one comparison while nothing can happen; else one
//             step for each timer fired and for each bucket that is opened. Empty time costs
//             nothing, because the bitmaps tell the next occupied slot. A timer moves down a level
//             at most `levels - 1` times in its life; a bucket whose timers are all of one tick
//             moves down in one step, however many they are.
// Invariants: at `current_` every timer lies in the bucket that bucket_for() says; nothing is due,
//             and no bucket begins, before `quiet_until_`.
// Why buckets keep the arming order: a bucket of a higher level is opened before any of its ticks
//             is current, and its timers are put down in their order; whatever is armed later for
//             the same tick was armed later.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <havklo/assert.hpp>
#include <havklo/clock.hpp>
#include <utility>

namespace havklo {

// A place in a circular list: a timer's, or a bucket's, which is its list's beginning and end. On
// 32 bytes, so that none lies in two cache lines.
class alignas(32) TimerLink {
 private:
  friend class TimerNode;
  template <unsigned, unsigned>
  friend class BasicTimerWheel;
  TimerLink* next_ = nullptr;
  uint64_t tick_ = 0;  // of a bucket that is not empty: that of all its timers, or `mixed`
  TimerLink* previous_ = nullptr;
};

class TimerNode : private TimerLink {
 public:
  TimerNode() = default;
  TimerNode(const TimerNode&) = delete;
  TimerNode& operator=(const TimerNode&) = delete;
  ~TimerNode() { HAVKLO_ASSERT(!armed()); }

  [[nodiscard]] bool armed() const { return next_ != nullptr; }

 private:
  template <unsigned, unsigned>
  friend class BasicTimerWheel;
};

struct AdvanceResult {
  uint64_t fired = 0;     // as wide as a register: nothing is packed on the way of an empty advance
  bool more_due = false;  // fires_max was reached: call again with the same instant
};

// Whether the levels that cover 64 - tick_bits bits have a slot for Instant::never(), which is a
// deadline like any other: rounded up to a tick it needs one bit more.
constexpr bool wheel_holds_all_time(unsigned level_bits, unsigned tick_bits) {
  return tick_bits == 0 || (64 - tick_bits) % level_bits != 0;
}

// level_bits: log2 of the slots of a level. Together the levels cover all 64 bits of a tick count.
template <unsigned level_bits, unsigned tick_bits>
class BasicTimerWheel {
 public:
  static constexpr unsigned levels = (64 - tick_bits + level_bits - 1) / level_bits;
  static constexpr uint32_t slots = 1U << level_bits;
  static constexpr Duration tick = Duration{int64_t{1} << tick_bits};
  static_assert(wheel_holds_all_time(level_bits, tick_bits),
                "Instant::never() has no slot: take another level_bits or tick_bits");

  BasicTimerWheel() {
    for (TimerLink& bucket : buckets_) bucket.next_ = bucket.previous_ = &bucket;
  }
  BasicTimerWheel(const BasicTimerWheel&) = delete;
  BasicTimerWheel& operator=(const BasicTimerWheel&) = delete;
  // Lets go of the timers that are still armed.
  ~BasicTimerWheel() {
    for (TimerLink& bucket : buckets_) {
      for (TimerLink* link = bucket.next_; link != &bucket;) {
        TimerLink* const next = link->next_;
        link->next_ = nullptr;
        link = next;
      }
    }
  }

  // `node` must not be armed.
  void arm(TimerNode& node, Instant deadline) {
    HAVKLO_ASSERT(!node.armed());
    const uint64_t due = tick_up(deadline);
    const uint64_t at = due < current_ ? current_ : due;
    const unsigned level = level_for(at);
    append(bucket_of(level, at), node, at);
    ++armed_;
    const uint64_t begins = at == current_ ? 0 : at >> level * level_bits << level * level_bits;
    if (begins < quiet_until_) quiet_until_ = begins;
  }

  // `node` must be armed.
  void cancel(TimerNode& node) {
    HAVKLO_ASSERT(node.armed());
    unlink(node);
    ++cancelled_;
  }

  // Fires what is due at `now`, by tick and then by arming order, at most `fires_max`:
  // f(TimerNode&), no longer armed.
  template <class F>
  AdvanceResult advance(Instant now, uint32_t fires_max, F&& f) {
    const uint64_t target = tick_down(now);
    if (target < quiet_until_) [[likely]] {
      if (target > current_) current_ = target;
      return {};
    }
    return advance_upto(target, fires_max, std::forward<F>(f));
  }

  // The earliest tick at which a timer is due, exactly; never() when none is armed.
  [[nodiscard]] Instant next_deadline() const {
    if (occupied_words_ == 0) return Instant::never();
    const TimerLink& bucket = buckets_[first_bucket()];
    if (bucket.tick_ != mixed) return from_tick(bucket.tick_);
    uint64_t earliest = mixed;
    for (const TimerLink* link = bucket.next_; link != &bucket; link = link->next_) {
      if (link->tick_ < earliest) earliest = link->tick_;
    }
    return from_tick(earliest);
  }

  [[nodiscard]] uint64_t armed_count() const { return armed_ - cancelled_; }

  void check_invariants() const {
    uint64_t count = 0;
    for (uint32_t word = 0; word < words; ++word) {
      HAVKLO_ASSERT((bitmaps_[word] != 0) == ((occupied_words_ >> word & 1U) != 0));
    }
    for (uint32_t bucket = 0; bucket < levels * slots; ++bucket) {
      const TimerLink& list = buckets_[bucket];
      HAVKLO_ASSERT(is_occupied(bucket) == (list.next_ != &list));
      HAVKLO_ASSERT(list.next_->previous_ == &list);
      for (const TimerLink* link = list.next_; link != &list; link = link->next_) {
        HAVKLO_ASSERT(link->tick_ >= current_);
        HAVKLO_ASSERT(bucket_for(link->tick_) == bucket);
        HAVKLO_ASSERT(list.tick_ == mixed || list.tick_ == link->tick_);
        HAVKLO_ASSERT(link->next_->previous_ == link);
        ++count;
      }
    }
    HAVKLO_ASSERT(count == armed_count());
    HAVKLO_ASSERT(quiet_until_ <= first_begin());
  }

 private:
  // A level has a word of bitmap for 64 slots, or a part of one; all lie in one row, the first
  // in time first, so that finding the first bucket costs the same however many a level has.
  static constexpr uint32_t slots_a_word = slots < 64 ? slots : 64;
  static constexpr uint32_t words = levels * slots / slots_a_word;
  static_assert(words <= 64, "one word tells which of the words are occupied");
  // No timer's: a tick is a shifted nanosecond, rounded up.
  static constexpr uint64_t mixed = ~uint64_t{0};

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
  [[nodiscard]] unsigned level_for(uint64_t at) const {
    const uint64_t differs = at ^ current_;
    return static_cast<unsigned>(63 - std::countl_zero(differs | 1U)) / level_bits;
  }
  [[nodiscard]] uint32_t bucket_for(uint64_t at) const { return bucket_of(level_for(at), at); }
  // The bucket that comes first in time; some word is occupied. No timer lies before the current
  // tick and all of a level share the digits above it, so it is the first of the lowest level.
  [[nodiscard]] uint32_t first_bucket() const {
    const auto word = static_cast<uint32_t>(std::countr_zero(occupied_words_));
    return word * slots_a_word + static_cast<uint32_t>(std::countr_zero(bitmaps_[word]));
  }
  // The tick at which the bucket begins.
  [[nodiscard]] uint64_t begin_of(uint32_t bucket) const {
    const unsigned shift = bucket / slots * level_bits;
    const unsigned above = shift + level_bits;
    const uint64_t kept = above >= 64 ? 0 : current_ >> above << above;
    return kept | uint64_t{bucket % slots} << shift;
  }
  // Where quiet_until_ may be at most. What is due at the current tick is due at once, even for a
  // caller whose time went back.
  [[nodiscard]] uint64_t first_begin() const {
    if (occupied_words_ == 0) return ~uint64_t{0};
    const uint64_t begins = begin_of(first_bucket());
    return begins == current_ ? 0 : begins;
  }
  [[nodiscard]] bool is_occupied(uint32_t bucket) const {
    return (bitmaps_[bucket / slots_a_word] >> bucket % slots_a_word & 1U) != 0;
  }
  void set_occupied(uint32_t bucket) {
    bitmaps_[bucket / slots_a_word] |= uint64_t{1} << bucket % slots_a_word;
    occupied_words_ |= uint64_t{1} << bucket / slots_a_word;
  }
  void set_empty(uint32_t bucket) {
    uint64_t& bitmap = bitmaps_[bucket / slots_a_word];
    bitmap &= ~(uint64_t{1} << bucket % slots_a_word);
    if (bitmap == 0) occupied_words_ &= ~(uint64_t{1} << bucket / slots_a_word);
  }

  // At the end of the list of the bucket.
  void append(uint32_t bucket, TimerLink& link, uint64_t tick_of_link) {
    link.tick_ = tick_of_link;
    // The stores stay apart: joined in one of 16 bytes, which compilers like, they cost twice as
    // much (bench/NOTES.md, "Expiry among 1,000").
    std::atomic_signal_fence(std::memory_order_seq_cst);
    TimerLink& list = buckets_[bucket];
    TimerLink* const last = list.previous_;
    link.next_ = &list;
    last->next_ = &link;
    link.previous_ = last;
    list.previous_ = &link;
    if (last == &list) {
      list.tick_ = tick_of_link;
      set_occupied(bucket);
    } else if (list.tick_ != tick_of_link) {
      list.tick_ = mixed;
    }
  }

  void unlink(TimerLink& link) {
    TimerLink* const previous = link.previous_;
    TimerLink* const next = link.next_;
    previous->next_ = next;
    next->previous_ = previous;
    link.next_ = nullptr;
    // The only one: both neighbours are its bucket.
    if (previous == next) set_empty(static_cast<uint32_t>(next - buckets_.data()));
  }

  template <class F>
  [[gnu::noinline]] AdvanceResult advance_upto(uint64_t target, uint32_t fires_max, F&& f) {
    AdvanceResult result;
    quiet_until_ = 0;  // until it is known again
    uint64_t at = 0;
    while (next_tick_upto(target, at)) {
      current_ = at;
      // All of one tick. What the callbacks arm for it is the next round's.
      TimerLink& list = buckets_[bucket_of(0, at)];
      // Goes from the last to the first, ahead of what fires: a list that is in no near cache takes
      // half as long when it comes from both ends. Null when they have met, or when a callback has
      // cancelled a timer, which may be gone.
      const TimerLink* fetched = &list;
      TimerLink* link = list.next_;
      do {
        if (result.fired == fires_max) {
          result.more_due = true;
          return result;
        }
        if (fetched != nullptr) {
          const TimerLink* const before = fetched->previous_;
          __builtin_prefetch(before);
          fetched = fetched == link || before == link ? nullptr : before;
        }
        // Asked of the timer, not of the list: what is stored there has to come back first.
        TimerLink& due = *std::exchange(link, link->next_);
        unlink(due);
        --armed_;
        ++result.fired;
        const uint64_t cancelled = cancelled_;
        f(static_cast<TimerNode&>(due));
        if (cancelled_ != cancelled) {
          link = list.next_;
          fetched = nullptr;
        }
      } while (link != &list);
    }
    if (target > current_) current_ = target;
    quiet_until_ = first_begin();
    return result;
  }

  // The next occupied tick at or before `target`; opens buckets of higher levels on the way, and
  // moves `current_` to the beginning of each, which is at or before the first of its timers.
  bool next_tick_upto(uint64_t target, uint64_t& at) {
    while (occupied_words_ != 0) {
      const uint32_t bucket = first_bucket();
      const uint64_t begins = begin_of(bucket);
      if (bucket < slots) {
        at = begins;
        return begins <= target || begins == current_;
      }
      if (begins > target) return false;
      current_ = begins;
      open(bucket);
    }
    return false;
  }

  // Puts the timers of a higher bucket down where they belong now, in their order.
  void open(uint32_t bucket) {
    TimerLink& from = buckets_[bucket];
    TimerLink* link = from.next_;
    TimerLink* const last = from.previous_;
    from.next_ = from.previous_ = &from;
    set_empty(bucket);
    if (from.tick_ != mixed) {
      // Below, all is empty: whatever lies there comes earlier and was fired.
      const uint32_t to = bucket_for(from.tick_);
      TimerLink& list = buckets_[to];
      list.next_ = link;
      list.previous_ = last;
      list.tick_ = from.tick_;
      link->previous_ = last->next_ = &list;
      set_occupied(to);
      return;
    }
    for (;;) {
      TimerLink* const next = link->next_;
      append(bucket_for(link->tick_), *link, link->tick_);
      if (link == last) break;
      link = next;
    }
  }

  uint64_t current_ = 0;  // every tick before it has been fired
  uint64_t quiet_until_ = ~uint64_t{0};
  uint64_t armed_ = 0;      // and not fired
  uint64_t cancelled_ = 0;  // of those
  uint64_t occupied_words_ = 0;
  std::array<uint64_t, words> bitmaps_{};
  std::array<TimerLink, size_t{levels} * slots> buckets_;
};

// 256 slots a level, ticks of 512 ns: seven levels for all of time, of which the first two reach 33
// ms, so that most deadlines of a running connection move down at most once.
using TimerWheel = BasicTimerWheel<8, 9>;

}  // namespace havklo
