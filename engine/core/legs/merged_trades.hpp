// The trades of one symbol out of several legs: each id once.
//
// Threads: loop thread.
// Source:  kraken-v2.md §6, as wishes/trade_tail.hpp, which does the same for one leg.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <havklo/limits.hpp>

#include "core/legs/behind.hpp"
#include "core/legs/leg_sink.hpp"
#include "core/legs/trade_holes.hpp"

namespace havklo::core {

class MergedTrades {
 public:
  enum class Fate : uint8_t { deliver, late, drop };

  // What becomes of a trade. The very first snapshot only says where to begin. The holes that it
  // leaves or fills are known when it returns.
  [[nodiscard]] Fate take(uint32_t leg, uint64_t id, int64_t time_ns, const TradeArrival& arrival,
                          Instant now) {
    passed_[leg] = std::max(passed_[leg], id);
    if (arrival.of_snapshot &&
        (!known_ || (learned_of_ == leg && learned_in_ == arrival.message))) {
      learned_of_ = leg;
      learned_in_ = arrival.message;
      advance(std::max(id, last_), time_ns);
      return Fate::drop;
    }
    if (known_ && id <= last_) {
      if (holes_.fill(id)) {
        time_ns_ = std::max(time_ns_, time_ns);
        return Fate::late;
      }
      if (id == last_ || time_ns <= time_ns_) return Fate::drop;
      begin_anew(leg, id);  // older, and newer all the same: the venue has begun to number anew
      advance(id, time_ns);
      return Fate::deliver;
    }
    // A leg that is behind may still speak in the old numbers.
    if (id <= numbers_before_ && time_ns <= anew_at_ns_) return Fate::drop;
    if (known_ && id - last_ > 1) holes_.add({last_ + 1, id - 1, now, false});
    advance(id, time_ns);
    return arrival.of_snapshot ? Fate::late : Fate::deliver;
  }

  // It was taken and has not left: no room, or it cannot be read.
  void lose(uint64_t id, bool due, Instant now) { holes_.add({id, id, now, due}); }

  [[nodiscard]] TradeHoles& holes() { return holes_; }
  [[nodiscard]] uint64_t passed(uint32_t leg) const { return passed_[leg]; }
  [[nodiscard]] uint64_t last() const { return last_; }
  void forget(uint32_t leg) {
    passed_[leg] = 0;
    behind_[leg].forget();
  }
  [[nodiscard]] Behind& behind(uint32_t leg) { return behind_[leg]; }

 private:
  void advance(uint64_t id, int64_t time_ns) {
    known_ = true;
    last_ = id;
    time_ns_ = std::max(time_ns_, time_ns);
  }
  void begin_anew(uint32_t leg, uint64_t id) {
    numbers_before_ = last_;
    anew_at_ns_ = time_ns_;
    for (TradeHoles::Hole& hole : holes_.all()) hole.due = true;
    passed_.fill(0);
    passed_[leg] = id;
  }

  bool known_ = false;
  uint64_t last_ = 0;
  int64_t time_ns_ = 0;      // the latest of any
  uint32_t learned_of_ = 0;  // the leg, and its message, that said where to begin
  uint64_t learned_in_ = 0;
  uint64_t numbers_before_ = 0;  // the last id before the venue began to number anew
  int64_t anew_at_ns_ = 0;
  std::array<uint64_t, legs_max> passed_{};
  std::array<Behind, legs_max> behind_;
  TradeHoles holes_;
};

}  // namespace havklo::core
