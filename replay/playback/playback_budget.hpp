// The budget door of a replay: others leave as much as they did then.
//
// Owns nothing. Not owned: the turn, which outlives its questions.
// Threads: one.
// Rule:    a recording has the answers that made an engine wait, each with the number of its
//          question in the turn; all others were what was asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <havklo/shared_connect_budget.hpp>

#include "replay/recording/turn_decoder.hpp"

namespace havklo::replay {

class PlaybackBudget final : public SharedConnectBudget {
 public:
  void begin_turn(const RecordedTurn& turn) {
    turn_ = &turn;
    asked_ = 0;
    answered_ = 0;
  }
  [[nodiscard]] Instant free_from(Instant earliest, uint32_t, Instant now) override {
    return answer(earliest, now);
  }
  [[nodiscard]] Instant begin(uint32_t, Instant now) override { return answer(now, now); }

 private:
  Instant answer(Instant asked_for, Instant now) {
    const uint32_t ask = asked_++;
    const auto& answers = turn_->budget_answers;
    if (answered_ == answers.size() || answers[answered_].ask != ask) return asked_for;
    return now + answers[answered_++].wait;
  }

  const RecordedTurn* turn_ = nullptr;
  uint32_t asked_ = 0;
  size_t answered_ = 0;
};

}  // namespace havklo::replay
