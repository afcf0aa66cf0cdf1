// Trades that no leg of a session has delivered, while some leg still may: ranges of ids.
//
// Threads:    loop thread.
// Invariants: ranges in order, none touching another unless one of them is due.
// Cost:       linear in the ranges, of which there is mostly none. Nothing is allocated. Beyond the
//             capacity the two oldest become one, with what lies between: named, though some of it
//             was delivered.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <havklo/clock.hpp>
#include <span>

namespace havklo::core {

class TradeHoles {
 public:
  struct Hole {
    uint64_t first = 0;
    uint64_t last = 0;
    Instant since;
    bool due = false;     // nobody will bring them: to be named
    bool joined = false;  // of two: some of it was delivered
  };
  static constexpr uint32_t capacity = 32;

  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] std::span<Hole> all() { return {holes_.data(), count_}; }

  void add(const Hole& hole) {
    uint32_t at = 0;
    while (at < count_ && holes_[at].first < hole.first) ++at;
    if (at > 0 && joins(holes_[at - 1], hole)) {
      holes_[at - 1].last = hole.last;
      return;
    }
    if (count_ == capacity) {
      holes_[1].first = holes_[0].first;
      holes_[1].due = holes_[1].joined = true;
      erase(0);
      if (at == 1) return;  // it lies between the two
      at = at > 0 ? at - 1 : 0;
    }
    std::copy_backward(holes_.begin() + at, holes_.begin() + count_, holes_.begin() + count_ + 1);
    holes_[at] = hole;
    ++count_;
  }
  // True: it was in a hole, and no longer is.
  bool fill(uint64_t id) {
    for (uint32_t at = 0; at < count_; ++at) {
      Hole& hole = holes_[at];
      if (id < hole.first || id > hole.last) continue;
      if (hole.joined) return false;
      const Hole whole = hole;
      erase(at);
      if (id > whole.first) add({whole.first, id - 1, whole.since, whole.due});
      if (id < whole.last) add({id + 1, whole.last, whole.since, whole.due});
      return true;
    }
    return false;
  }
  void erase(uint32_t at) {
    std::copy(holes_.begin() + at + 1, holes_.begin() + count_, holes_.begin() + at);
    --count_;
  }

 private:
  static bool joins(const Hole& before, const Hole& hole) {
    return before.last + 1 == hole.first && before.due && hole.due;
  }

  std::array<Hole, capacity> holes_;
  uint32_t count_ = 0;
};

}  // namespace havklo::core
