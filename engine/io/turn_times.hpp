// How long the loop's turns take, from the clock reads that it makes anyway.
//
// Threads: the loop counts; what it counted is for anyone.
// Cost:    a subtraction and two comparisons a turn.
#pragma once

#include <atomic>
#include <cstdint>
#include <havklo/clock.hpp>
#include <havklo/limits.hpp>

namespace havklo::io {

class TurnTimes {
 public:
  // A turn began at `now`: the one before, if the loop did not sleep, ended there.
  void turn_began(Instant now) {
    const uint64_t before = turns();
    turns_.store(before + 1, std::memory_order_relaxed);
    if (last_ != Instant::never()) {
      add((now - last_).ns);
    } else if (before == 0) {
      first_ns_.store(now.ns, std::memory_order_relaxed);
    }
    last_ = now;
  }
  void slept() { last_ = Instant::never(); }

  [[nodiscard]] uint64_t turns() const { return turns_.load(std::memory_order_relaxed); }
  // When the first began.
  [[nodiscard]] Instant first() const { return {first_ns_.load(std::memory_order_relaxed)}; }
  [[nodiscard]] int64_t longest_ns() const { return longest_ns_.load(std::memory_order_relaxed); }
  [[nodiscard]] uint64_t over_budget() const {
    return over_budget_.load(std::memory_order_relaxed);
  }

 private:
  void add(int64_t length_ns) {
    if (length_ns > turn_budget_ns) {
      over_budget_.store(over_budget() + 1, std::memory_order_relaxed);
    }
    if (length_ns > longest_ns()) longest_ns_.store(length_ns, std::memory_order_relaxed);
  }

  Instant last_ = Instant::never();
  std::atomic<uint64_t> turns_{0};
  std::atomic<int64_t> first_ns_{0};
  std::atomic<int64_t> longest_ns_{0};
  std::atomic<uint64_t> over_budget_{0};
};

}  // namespace havklo::io
