// The places in a connect budget as an observer sees them: what has begun, and what each session
// that shares it has announced.
//
// Owns:       the instants at which attempts began, for a window; a place for each session that
//             waits; where others share the budget, their last answer that made somebody wait.
// Not owned:  the verdict.
// Threads:    one.
// Invariants: a session has one place at most. One that has come and not begun is not known: late
//             turns move places, and nobody announces that. Then is_certain_for() the others is
//             false, and nothing is to be judged by fits().
// Cost:       O(places).
#pragma once

#include <cstdint>
#include <deque>
#include <havklo/clock.hpp>
#include <havklo/config.hpp>
#include <optional>
#include <utility>
#include <vector>

namespace havklo::replay {

// What others leave of the budget, as its door answers: who is made to wait by them must be told,
// and nobody else may say that he is. An answer is the session's that is heard of next: a session
// asks, and says what comes of it, before another asks.
class OthersObserver {
 public:
  // There are others. Without a call there are none, and nothing else here is called.
  void share() { shared_ = true; }
  [[nodiscard]] bool is_shared() const { return shared_; }

  // The door: others leave no place before `free`, which is later than was asked for.
  void hold_up(Instant free, Instant now) {
    free_ = free;
    held_up_at_ = now;
    untold_ = !moving_;
  }
  // … they leave one now, and an attempt has it.
  void grant() { granted_ = true; }
  // What is asked from now on is whether a wait can be cut short: whoever has to wait on knows it.
  void set_moving(bool moving) {
    moving_ = moving;
    free_.reset();
  }

  // Somebody is told of a wait: from when on others leave him a place, if they made him wait.
  [[nodiscard]] std::optional<Instant> tell() {
    untold_ = false;
    return std::exchange(free_, std::nullopt);
  }
  // An attempt begins: false if nobody has asked for it.
  [[nodiscard]] bool take_grant() { return std::exchange(granted_, false) || !shared_; }
  // They made somebody wait who has not been told; asked once.
  [[nodiscard]] bool take_untold() { return std::exchange(untold_, false); }
  // How soon there was a place then, the sessions' own places do not say.
  [[nodiscard]] bool held_up_at(Instant now) const { return held_up_at_ == now; }

 private:
  bool shared_ = false;
  bool moving_ = false;
  bool untold_ = false;
  bool granted_ = false;
  std::optional<Instant> free_;
  std::optional<Instant> held_up_at_;
};

class PlaceObserver {
 public:
  // Of an engine's `sessions`, those that share this budget call admit().
  PlaceObserver(const ReconnectSettings& reconnect, size_t sessions)
      : most_(reconnect.connect_budget),
        window_(reconnect.connect_budget_window),
        booked_(sessions) {}

  // It has asked for its first place, which nobody has heard of yet.
  void admit(uint32_t session) { booked_[session] = Instant{}; }

  void begin(uint32_t session, Instant now);
  // Reconnecting names this instant; a wait that is cut short goes on to one that nobody names.
  void book(uint32_t session, Instant place) { booked_[session] = place; }
  void move(uint32_t session) { booked_[session] = Instant{}; }
  // It is closed: its place is free again.
  void give_back(uint32_t session) { booked_[session].reset(); }

  [[nodiscard]] OthersObserver& others() { return others_; }

  // Whether an attempt of the session could begin at `at`, beside those that have begun and those
  // that the others have places for.
  [[nodiscard]] bool fits(uint32_t session, Instant at) const;
  // The places of all others are known.
  [[nodiscard]] bool is_certain_for(uint32_t session, Instant now) const;
  // More have begun in the last window than may.
  [[nodiscard]] bool is_overdrawn() const { return begun_.size() > most_; }
  [[nodiscard]] size_t begun_within(Instant now) const;
  [[nodiscard]] uint32_t most() const { return most_; }

 private:
  uint32_t most_;
  Duration window_;
  std::deque<Instant> begun_;  // those of the last window, the oldest first
  std::vector<std::optional<Instant>> booked_;
  OthersObserver others_;
};

}  // namespace havklo::replay
