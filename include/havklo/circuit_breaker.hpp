// Circuit breaker for one venue connection, or for several that stand in for each other.
//
// Closed lets every attempt through; `failure_threshold` consecutive failures open it. Open lets
// none through until `reset_timeout` is over; then it is half-open and lets exactly one probe
// through. The probe reaching Live closes it, its failure opens it again and counts a trip.
// Owns:       the count of failures and of trips, the instant it opened, the probe's permit.
// Not owned:  time (passed in), timers (the session arms next_deadline()), publishing (each
//             transition is returned once).
// Threads:    value.
// Cost:       O(1), never allocates.
// Invariants: open => opened_at_ set; closed => no probe in flight; one permit at most.
#pragma once

#include <cstdint>
#include <havklo/assert.hpp>
#include <havklo/clock.hpp>
#include <optional>

namespace havklo {

struct CircuitBreakerSettings {
  uint32_t failure_threshold = 5;
  Duration reset_timeout = Duration::seconds(30);
  Duration half_open_timeout = Duration::seconds(60);
  bool enabled = true;
};

enum class BreakerState : uint8_t { closed, open, half_open };
enum class BreakerTransition : uint8_t { none, opened, half_opened, closed };

class CircuitBreaker {
 public:
  explicit CircuitBreaker(const CircuitBreakerSettings& settings) : settings_(settings) {}

  [[nodiscard]] BreakerState state() const { return state_; }
  [[nodiscard]] uint32_t trips() const { return trips_; }
  [[nodiscard]] uint32_t failures() const { return failures_; }
  [[nodiscard]] bool probe_in_flight() const { return probe_in_flight_; }

  // May an attempt begin? Half-open, a yes takes the one permit; every end of the probe gives it
  // back.
  [[nodiscard]] bool admit(Instant) {
    if (state_ != BreakerState::half_open) return state_ == BreakerState::closed;
    if (probe_in_flight_) return false;
    probe_in_flight_ = true;
    return true;
  }

  // An attempt that did not reach Live, or a Live connection lost before it was stable.
  BreakerTransition record_failure(Instant now) {
    if (state_ == BreakerState::open) return BreakerTransition::none;
    ++failures_;
    if (state_ == BreakerState::closed && failures_ < settings_.failure_threshold) {
      return BreakerTransition::none;
    }
    state_ = BreakerState::open;
    opened_at_ = now;
    probe_in_flight_ = false;
    ++trips_;
    return BreakerTransition::opened;
  }

  // A connection reached Live: the probe, or one that was on its way when another's end opened it.
  // A closed breaker keeps its count: only a stable life forgives.
  BreakerTransition record_live() {
    if (state_ == BreakerState::closed) return BreakerTransition::none;
    state_ = BreakerState::closed;
    opened_at_.reset();
    probe_in_flight_ = false;
    failures_ = 0;
    return BreakerTransition::closed;
  }

  // A connection has been Live for stable_after.
  void record_stable() {
    if (state_ == BreakerState::closed) failures_ = 0;
  }

  // The probe ended without a verdict (the user closed): the permit comes back.
  void abandon_probe() { probe_in_flight_ = false; }

  // reset_timeout is over: open becomes half-open. Early calls change nothing.
  BreakerTransition on_reset_timer(Instant now) {
    if (state_ != BreakerState::open || now < next_deadline()) return BreakerTransition::none;
    state_ = BreakerState::half_open;
    return BreakerTransition::half_opened;
  }

  // When an open breaker becomes half-open; never() otherwise.
  [[nodiscard]] Instant next_deadline() const {
    return state_ == BreakerState::open ? *opened_at_ + settings_.reset_timeout : Instant::never();
  }

  void check_invariants() const {
    HAVKLO_ASSERT(state_ != BreakerState::open || opened_at_.has_value());
    HAVKLO_ASSERT(state_ == BreakerState::half_open || !probe_in_flight_);
    HAVKLO_ASSERT(state_ != BreakerState::closed || failures_ < settings_.failure_threshold);
  }

 private:
  CircuitBreakerSettings settings_;
  BreakerState state_ = BreakerState::closed;
  bool probe_in_flight_ = false;
  uint32_t failures_ = 0;  // consecutive
  uint32_t trips_ = 0;
  std::optional<Instant> opened_at_;
};

}  // namespace havklo
