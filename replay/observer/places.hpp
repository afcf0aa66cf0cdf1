// The places in a connect budget as an observer sees them: what has begun, and what each session
// that shares it has announced.
//
// Owns:       the instants at which attempts began, for a window; a place for each session that
//             waits.
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
#include <vector>

namespace havklo::replay {

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
};

}  // namespace havklo::replay
