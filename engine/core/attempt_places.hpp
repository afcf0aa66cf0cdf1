// The places at which the attempts of some legs may begin: the engine's own budget, and, where
// others use it too, what they leave of it.
//
// Owns:       the engine's own bookings. Places ahead are booked here alone: others see an attempt
//             when it begins.
// Not owned:  the shared budget behind the door; there may be none, and then nothing is asked.
// Threads:    loop thread.
// Invariants: an attempt begins when both have a place for it. With a shared budget in which nobody
//             else has begun one, every answer is that of the own budget alone.
// Cost:       a ConnectBudget's; for a shared one as many questions as there are legs that wait
//             for the same places, mostly one. Never allocates.
#pragma once

#include <algorithm>
#include <cstdint>
#include <havklo/connect_budget.hpp>
#include <havklo/journal.hpp>
#include <havklo/shared_connect_budget.hpp>

namespace havklo::core {

// What an engine asks of its shared budgets. Which of its questions an answer belongs to is how a
// replay finds it again.
struct BudgetAsks {
  Journal* journal = nullptr;
  uint32_t in_this_turn = 0;
  bool held_up = false;  // an answer in this turn made somebody wait
};

class AttemptPlaces {
 public:
  AttemptPlaces(const ConnectBudgetSettings& settings, uint32_t waiters)
      : own_(settings, waiters), window_(settings.window) {}
  AttemptPlaces(const ConnectBudgetSettings& settings, uint32_t waiters,
                SharedConnectBudget* shared, BudgetAsks& asks)
      : own_(settings, waiters), window_(settings.window), shared_(shared), asks_(&asks) {}

  // What whoever can wait leaves free for those who are in greater need.
  [[nodiscard]] uint32_t last_tenth() const { return own_.settings().attempts / 10; }

  // As ConnectBudget has them.
  [[nodiscard]] Instant reserve(Instant earliest, Instant now, uint32_t spare = 0) {
    held_up_by_others_ = false;
    return book(earliest, now, spare);
  }

  [[nodiscard]] Instant begin(Instant place, Instant now, uint32_t spare = 0) {
    held_up_by_others_ = false;
    const Instant begins = own_.begin(place, now, spare);
    if (shared_ == nullptr) return begins;
    if (begins > now) return agree(begins, now, spare);
    const Instant free = answer(shared_->begin(spare, now), now, now);
    if (free <= now) return now;
    own_.cancel(now);
    return book(free, now, spare);
  }

  [[nodiscard]] Instant move_up(Instant place, Instant earliest, Instant now, uint32_t spare = 0) {
    held_up_by_others_ = false;
    if (shared_ == nullptr) return own_.move_up(place, earliest, now, spare);
    own_.cancel(place);
    const Instant sooner = book(earliest, now, spare);
    if (sooner <= place) return sooner;
    own_.cancel(sooner);
    own_.put_back(place);
    return place;
  }

  void cancel(Instant place) { own_.cancel(place); }
  // The last of these questions was answered with a later place than this engine's own attempts
  // leave: nobody here could know of it before.
  [[nodiscard]] bool held_up_by_others() const { return held_up_by_others_; }
  [[nodiscard]] size_t booked() const { return own_.booked(); }

 private:
  // A place that is not agreed on by then is asked for again when its time has come.
  static constexpr uint32_t asks_max = 16;

  [[nodiscard]] Instant book(Instant earliest, Instant now, uint32_t spare) {
    const Instant place = own_.reserve(earliest, now, spare);
    return shared_ == nullptr ? place : agree(place, now, spare);
  }

  // Moves a booked place to the first that is free for others too. What waits here before it, and
  // is not seen there yet, will take the places that come free until then.
  [[nodiscard]] Instant agree(Instant place, Instant now, uint32_t spare) {
    for (uint32_t asks = 0; asks < asks_max; ++asks) {
      const uint32_t before = own_.others_before(place, now);
      const Instant free = answer(shared_->free_from(place, before + spare, now), place, now);
      if (free <= place) break;
      own_.cancel(place);
      place = own_.reserve(free, now, spare);
    }
    return place;
  }

  // In the bounds of the door's contract.
  [[nodiscard]] Instant answer(Instant free, Instant asked, Instant now) {
    const uint32_t ask = asks_->in_this_turn++;
    free = std::clamp(free, asked, std::max(asked, now + window_));
    if (free == asked) return asked;
    asks_->held_up = held_up_by_others_ = true;
    if (asks_->journal != nullptr) asks_->journal->on_budget_answer(ask, free - now);
    return free;
  }

  ConnectBudget own_;
  Duration window_;
  SharedConnectBudget* shared_ = nullptr;
  BudgetAsks* asks_ = nullptr;
  bool held_up_by_others_ = false;
};

}  // namespace havklo::core
