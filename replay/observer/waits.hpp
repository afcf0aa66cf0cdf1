// The announced waits of one session as an observer sees them: the range that a backoff may lie in,
// and the floors under it, from the design's table (§1.2).
//
// Owns:       what the last loss asks of the next wait, and the last backoff (for jitter).
// Not owned:  the breaker, the count of attempts, the verdict.
// Threads:    one.
// Cost:       O(attempts) of an announced wait.
#pragma once

#include <cstdint>
#include <havklo/config.hpp>
#include <havklo/event.hpp>

#include "replay/observer/verdict.hpp"
#include "replay/observer/wire_view.hpp"

namespace havklo::replay {

class WaitObserver {
 public:
  WaitObserver(const Settings& settings, uint16_t session, Verdict& verdict);

  // A connection is lost or an attempt has failed; `wire` is what was seen of it.
  void on_loss(Reason reason, bool retryable, uint16_t http_status, const WireView& wire,
               bool was_live, Instant at);
  // The connection that was lost had been stable: the next backoff is the first again.
  void begin_again() { previous_delay_ = settings_.reconnect.initial_delay; }
  // All clear: what the venue said of maintenance is over.
  void on_restored() { maintenance_floor_ = floor_is_certain_ = false; }
  // Reconnecting says this.
  void check(const Event::Reconnecting& wait, uint32_t attempt, bool breaker_open,
             const WireView& wire, Instant at);

  // Of the last loss.
  [[nodiscard]] bool retryable() const { return retryable_; }
  // Until when the venue has asked to be left alone, whatever the user wants meanwhile; as far as
  // that is certain, and at most.
  [[nodiscard]] Instant asked_until() const { return asked_until_; }
  [[nodiscard]] Instant asked_until_at_most() const { return asked_until_at_most_; }

 private:
  struct Range {
    Duration lowest;
    Duration highest;
  };
  [[nodiscard]] Range backoff_range(uint32_t attempt) const;
  [[nodiscard]] bool is_first_delay(uint32_t attempt) const {
    return settings_.reconnect.first_delay && was_live_ && attempt == 1;
  }

  Settings settings_;
  uint16_t session_;
  Verdict& verdict_;
  bool retryable_ = true;
  bool was_live_ = false;
  uint16_t http_status_ = 0;
  bool maintenance_floor_ = false;
  // Not when it was only said in the instant of a loss: before or behind it.
  bool floor_is_certain_ = false;
  Duration previous_delay_;
  Instant asked_until_;
  Instant asked_until_at_most_;
};

}  // namespace havklo::replay
