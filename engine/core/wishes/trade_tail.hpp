// How far the trades of one symbol have come: the last id that was delivered or named, and those
// that nobody delivered and that are still to be named.
//
// It outlives connections: what one missed shows on the next. Without a gap to tell and with the
// next id it costs a comparison.
// Threads:   loop thread.
// Invariant: all ids up to last() were delivered once, were named, or lie in the gap.
// Source:    kraken-v2.md §6: ids count up by one for each pair; a snapshot reaches back.
#pragma once

#include <algorithm>
#include <cstdint>

namespace havklo::core {

class TradeTail {
 public:
  enum class Fate : uint8_t { deliver, drop };

  // What becomes of a trade. A first snapshot (`message`: the number of the message) only says
  // where to begin. One that was there already is dropped, but not one that is newer all the same:
  // the venue has begun to number anew.
  [[nodiscard]] Fate take(uint64_t id, int64_t time_ns, bool of_snapshot, uint64_t message) {
    if (of_snapshot && (!known_ || learned_in_ == message)) {
      learned_in_ = message;
      advance(std::max(id, last_), time_ns);
      return Fate::drop;
    }
    if (known_) {
      if (id == last_ || (id < last_ && time_ns <= time_ns_)) return Fate::drop;
      if (id > last_ && id - last_ > 1) miss(last_ + 1, id - 1);
    }
    advance(id, time_ns);
    return Fate::deliver;
  }

  // It was taken, and there was no room for it, or it could not be read.
  void lose(uint64_t id) { miss(id, id); }

  [[nodiscard]] bool has_gap() const { return has_gap_; }
  [[nodiscard]] uint64_t gap_first() const { return gap_first_; }
  [[nodiscard]] uint64_t gap_last() const { return gap_last_; }
  void told() { has_gap_ = false; }

 private:
  void advance(uint64_t id, int64_t time_ns) {
    known_ = true;
    last_ = id;
    time_ns_ = std::max(time_ns_, time_ns);
  }
  void miss(uint64_t first, uint64_t last) {
    gap_first_ = has_gap_ ? std::min(gap_first_, first) : first;
    gap_last_ = has_gap_ ? std::max(gap_last_, last) : last;
    has_gap_ = true;
  }

  bool known_ = false;
  bool has_gap_ = false;
  uint64_t last_ = 0;
  int64_t time_ns_ = 0;      // the latest of any
  uint64_t learned_in_ = 0;  // the message that said where to begin
  uint64_t gap_first_ = 0;
  uint64_t gap_last_ = 0;
};

}  // namespace havklo::core
