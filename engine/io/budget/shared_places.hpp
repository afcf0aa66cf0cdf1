// The places of a connect budget that several loops use at once: threads, or processes that map the
// same memory.
//
// There is a slot for each attempt that a window may hold. In it stands when the last attempt that
// took it began; it is free again a window later, and taken by one compare-and-swap of that time
// for the new one. Two attempts of one slot are so never less than a window apart, and any window
// has at most as many attempts as there are slots, whoever dies between any two instructions.
//
// Owns nothing: slots and scratch are the caller's; the slots are all_free() at first.
// Threads: any number, each with scratch of its own; lock-free.
// Times:   nanoseconds of one clock for all users. What lies more than clock_slack_ns ahead of a
//          user's own is no time of an attempt; it is cut to now, or it would hold its slot for
//          ever.
// Cost:    of a question O(slots); no call, no allocation.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace havklo::io {

class SharedPlaces {
  using Slot = std::atomic_ref<int64_t>;
  static_assert(Slot::is_always_lock_free, "a lock would be one process's own");

 public:
  // A slot that nobody has taken yet.
  static constexpr int64_t never_ns = std::numeric_limits<int64_t>::min();
  // Two loops do not read their clocks at the same moment.
  static constexpr int64_t clock_slack_ns = 1'000'000'000;

  // `scratch` is as long as `slots`; add() needs none.
  SharedPlaces(std::span<int64_t> slots, std::span<int64_t> scratch, int64_t window_ns)
      : slots_(slots), scratch_(scratch), window_ns_(window_ns) {}

  static void all_free(std::span<int64_t> slots) { std::ranges::fill(slots, never_ns); }

  // As they are now. Allocates.
  [[nodiscard]] static std::vector<int64_t> copy_of(std::span<int64_t> slots) {
    std::vector<int64_t> times;
    times.reserve(slots.size());
    for (int64_t& slot : slots) times.push_back(Slot(slot).load(std::memory_order_relaxed));
    return times;
  }

  // An attempt began at `at_ns`, the `same`-th of that very moment, as somebody else remembers: it
  // takes the slot that was taken the longest ago, unless that was later, or it is known here.
  void add(int64_t at_ns, uint32_t same) const {
    for (;;) {
      uint32_t known = 0;
      size_t oldest = 0;
      int64_t oldest_ns = std::numeric_limits<int64_t>::max();
      for (size_t i = 0; i < slots_.size(); ++i) {
        const int64_t taken_ns = Slot(slots_[i]).load(std::memory_order_relaxed);
        if (taken_ns == at_ns) ++known;
        if (taken_ns < oldest_ns) oldest = i, oldest_ns = taken_ns;
      }
      if (known >= same || oldest_ns >= at_ns || exchange(oldest, oldest_ns, at_ns)) return;
    }
  }

  // When `spare` + 1 slots are free, but not before `earliest_ns`.
  [[nodiscard]] int64_t free_from(int64_t earliest_ns, uint32_t spare, int64_t now_ns) const {
    for (size_t i = 0; i < slots_.size(); ++i) scratch_[i] = taken_at(i, now_ns);
    const size_t which = std::min<size_t>(spare, slots_.size() - 1);
    std::ranges::nth_element(scratch_, scratch_.begin() + static_cast<ptrdiff_t>(which));
    return std::max(earliest_ns, scratch_[which] + window_ns_);
  }

  // Takes a slot now, and says so by `now_ns`; or says when `spare` + 1 slots will be free.
  [[nodiscard]] int64_t begin(uint32_t spare, int64_t now_ns) const {
    for (;;) {
      uint32_t free = 0;
      size_t oldest = 0;
      int64_t oldest_ns = std::numeric_limits<int64_t>::max();
      for (size_t i = 0; i < slots_.size(); ++i) {
        const int64_t taken_ns = taken_at(i, now_ns);
        if (taken_ns <= now_ns - window_ns_) ++free;
        if (taken_ns < oldest_ns) oldest = i, oldest_ns = taken_ns;
      }
      if (free <= spare) return free_from(now_ns + 1, spare, now_ns);
      if (exchange(oldest, oldest_ns, now_ns)) return now_ns;
      // Somebody else took it: that is progress, and no reason to wait.
    }
  }

 private:
  [[nodiscard]] int64_t taken_at(size_t slot, int64_t now_ns) const {
    const int64_t taken_ns = Slot(slots_[slot]).load(std::memory_order_relaxed);
    if (taken_ns <= now_ns) return taken_ns;
    if (taken_ns > now_ns + clock_slack_ns) static_cast<void>(exchange(slot, taken_ns, now_ns));
    return now_ns;
  }

  // Relaxed, as every access here: a slot's time stands for itself and publishes nothing else.
  [[nodiscard]] bool exchange(size_t slot, int64_t from_ns, int64_t to_ns) const {
    return Slot(slots_[slot]).compare_exchange_strong(from_ns, to_ns, std::memory_order_relaxed);
  }

  std::span<int64_t> slots_;
  std::span<int64_t> scratch_;
  int64_t window_ns_;
};

}  // namespace havklo::io
