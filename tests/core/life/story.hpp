// A lifecycle told as inputs at instants: each step checks the invariants and gives its events.
//
// Use: step(InputKind::start); go_live(); now = now + 1_s; lose({.reason = …}); wait().
#pragma once

#include <havklo/clock.hpp>
#include <havklo/event.hpp>
#include <havklo/random.hpp>
#include <vector>

#include "core/lifecycle.hpp"

namespace havklo::core {

class Story {
 public:
  // `others`, who share its connect budget; none: nobody does.
  explicit Story(Settings settings = {}, SharedConnectBudget* others = nullptr)
      : budget_(settings.reconnect.budget(), 1, others, asks_),
        lifecycle_(settings, budget_, random_) {}

  std::vector<Event> step(const Input& input) {
    Actions actions;
    lifecycle_.step(input, now, actions);
    lifecycle_.check_invariants();
    lifecycle_.breaker().check_invariants();
    std::vector<Event> events;
    for (const Action& action : actions) {
      if (action.kind == ActionKind::publish) events.push_back(action.event);
    }
    return events;
  }
  std::vector<Event> step(InputKind kind) { return step(Input{.kind = kind}); }
  std::vector<Event> lose(const Loss& loss) {
    return step(Input{.kind = InputKind::lost, .loss = loss});
  }
  std::vector<Event> refuse() { return lose({.reason = Reason::connect_refused}); }
  // Moves to the end of the wait, through the breaker if it comes first or together.
  std::vector<Event> wait() {
    std::vector<Event> events;
    const Instant breaker = lifecycle_.deadline(TimerKind::breaker);
    const Instant phase = lifecycle_.deadline(TimerKind::phase);
    if (breaker <= phase) {
      now = breaker;
      events = step(InputKind::breaker_deadline);
    }
    now = phase;
    for (const Event& event : step(InputKind::phase_deadline)) events.push_back(event);
    return events;
  }
  void go_live() {
    step(InputKind::upgraded);
    step(Input{.kind = InputKind::greeted, .system = SystemStatus::online});
    step(InputKind::restored);
  }

  Instant now{};
  Lifecycle& lifecycle() { return lifecycle_; }
  [[nodiscard]] const AttemptPlaces& budget() const { return budget_; }
  [[nodiscard]] bool any_timer() const {
    for (uint8_t timer = 0; timer < timer_kind_count; ++timer) {
      if (lifecycle_.deadline(TimerKind{timer}) != Instant::never()) return true;
    }
    return false;
  }

 private:
  Random random_{1};
  BudgetAsks asks_;
  AttemptPlaces budget_;
  Lifecycle lifecycle_;
};

}  // namespace havklo::core
