// The life of one connection as a step function: what happened, and when, in; what to do, out.
//
// Owns:       the phase, the attempt counter, the epoch, backoff and circuit breaker (as values).
// Not owned:  time (passed in), the places of the connect budget (shared with others), randomness,
//             doing anything: the session carries the returned actions out, in order.
// Threads:    loop thread.
// Cost:       O(1) but for the budget; never allocates.
// Invariants: every phase but Idle, Live and Closed has a deadline armed or waits for room; one
//             event for each transition of the breaker; one Reconnecting for each attempt but the
//             first, published when its wait begins, and one more, of the first attempt too, each
//             time that others have taken the place of who would begin; after Closed, nothing.
// Rules:      design §1.1 and §1.2. lifecycle_waits.cpp has the waits between two attempts.
#pragma once

#include <array>
#include <cstdint>
#include <havklo/assert.hpp>
#include <havklo/backoff.hpp>
#include <havklo/circuit_breaker.hpp>
#include <havklo/clock.hpp>
#include <havklo/config.hpp>
#include <havklo/event.hpp>
#include <havklo/random.hpp>
#include <optional>
#include <span>

#include "core/attempt_places.hpp"
#include "core/legs/company.hpp"

namespace havklo::core {

enum class Phase : uint8_t {
  idle,
  connecting,  // resolve, TCP, TLS, upgrade; "Probing" when the breaker is half-open
  greeting,    // upgraded, waits for `status`
  restoring,   // waits for every subscription
  live,
  waiting,  // for the next attempt; the breaker is closed or half-open
  tripped,  // for the breaker
  closing,  // WebSocket close sent
  closed,
};
inline constexpr uint8_t phase_count = 9;

// How a connection, or an attempt at one, ended.
struct Loss {
  Reason reason = Reason::none;
  uint16_t close_code = 0;   // the venue's, or ours after a protocol error
  uint16_t http_status = 0;  // upgrade_refused
  int32_t os_error = 0;
  CertificateFault certificate = CertificateFault::none;  // certificate_refused
  std::optional<Duration> retry_after;                    // upgrade_refused
};

// False for what no retry mends: a refused certificate, HTTP 4xx other than 408 and 429.
[[nodiscard]] bool is_retryable(const Loss& loss);

enum class InputKind : uint8_t {
  start,
  upgraded,
  greeted,
  status_changed,    // a later `status`
  restored,          // every wanted subscription is verified or rejected
  lost,              // the transport, the peer, a watchdog
  phase_deadline,    // of connecting, greeting, closing; the end of a wait
  probe_deadline,    // half_open_timeout
  breaker_deadline,  // reset_timeout
  stable_deadline,   // stable_after of Live
  room,              // event slots for an attempt are reserved again
  others_changed,    // another leg has become Live or is lost, or the breaker is no longer open
  gave_up,           // this leg has no attempt left, and no other has
  renewal,           // another leg stands in: `loss` says why this one is renewed
  reconnect_requested,
  close_requested,
};
inline constexpr uint8_t input_kind_count = 16;

struct Input {
  InputKind kind = InputKind::start;
  bool room =
      true;  // start, phase_deadline: slots for an attempt are reserved. lost: … could be reserved
  Loss loss;                                    // lost, renewal
  Event::Connected connected;                   // greeted; connect_time_ns is filled in here
  SystemStatus system = SystemStatus::unknown;  // greeted, status_changed
  uint32_t count = 0;                           // restored
  uint32_t rejected = 0;                        // restored
};

enum class TimerKind : uint8_t { phase, probe, breaker, stable };
inline constexpr uint8_t timer_kind_count = 4;

enum class ActionKind : uint8_t {
  open,         // begin an attempt
  restore,      // ask for every subscription
  stable,       // the connection has been, or was, Live for stable_after
  say_goodbye,  // send close 1000 and go on reading until the peer answers
  drop,     // end the connection at once; a close frame with `close_code` first if that is not 0
  arm,      // `timer` to `deadline`
  cancel,   // `timer`
  publish,  // `event`
};

struct Action {
  ActionKind kind = ActionKind::publish;
  TimerKind timer = TimerKind::phase;
  uint16_t close_code = 0;
  Instant deadline;
  Event event;
};

// What one step asks for, in order.
class Actions {
 public:
  // The most that one step adds: four timers, drop, ConnectFailed, stable, breaker event,
  // Reconnecting and spare.
  static constexpr uint32_t capacity = 16;

  Action& add(ActionKind kind) {
    HAVKLO_ASSERT(count_ < capacity);
    Action& action = actions_[count_++];
    action.kind = kind;
    return action;
  }
  [[nodiscard]] const Action* begin() const { return actions_.data(); }
  [[nodiscard]] const Action* end() const { return actions_.data() + count_; }
  [[nodiscard]] uint32_t size() const { return count_; }

 private:
  std::array<Action, capacity> actions_{};
  uint32_t count_ = 0;
};

// Lifecycle events that one attempt can publish from its Connected, through its loss, to the next
// Reconnecting:
//   Connected, SubscriptionsRestored, CircuitBreakerClosed, Disconnected or ConnectFailed,
//   CircuitBreakerOpen, Reconnecting, CircuitBreakerHalfOpen, ReconnectFailed, Closed.
// A wait that others lengthen is told out of these too: the budget is asked with all of them held,
// and asked again when they are held again.
inline constexpr uint32_t attempt_events_max = 9;
// Those that can still come once Connected is out.
inline constexpr uint32_t after_connected_events_max = attempt_events_max - 1;

class Lifecycle {
 public:
  // `company`: of the legs of its session, if there are several; outlives it.
  Lifecycle(const Settings& settings, AttemptPlaces& places, Random& random,
            LegCompany* company = nullptr, uint32_t leg = 0);

  // Deadlines come in their order; the breaker's before a phase's of the same tick.
  void step(const Input& input, Instant now, Actions& actions);

  [[nodiscard]] Phase phase() const { return phase_; }
  [[nodiscard]] uint32_t epoch() const { return epoch_; }
  [[nodiscard]] uint32_t attempt() const { return attempt_; }
  [[nodiscard]] bool is_probing() const { return probing_; }
  [[nodiscard]] bool waits_for_room() const { return wants_room_; }
  // The place in the connect budget that the next attempt waits for, if nothing else holds it up
  // for so long.
  [[nodiscard]] std::optional<Instant> place_waited_for() const {
    return waits_for_place_ && !wants_room_ ? booked_ : std::nullopt;
  }
  // Its own, or that of all legs.
  [[nodiscard]] const CircuitBreaker& breaker() const {
    return company_ != nullptr ? company_->breaker : own_breaker_;
  }
  // Of several legs: it has no attempt left while none is Live.
  [[nodiscard]] bool is_spent() const { return spent_; }
  [[nodiscard]] bool has_announced_maintenance() const { return maintenance_announced_; }
  [[nodiscard]] Instant deadline(TimerKind timer) const {
    return deadlines_[static_cast<uint8_t>(timer)];
  }
  void check_invariants() const;

 private:
  struct Wait {
    Duration delay;
    WaitsFor cause;
  };

  void on_start(const Input& input, Instant now, Actions& actions);
  void on_greeted(const Input& input, Instant now, Actions& actions);
  void on_restored(const Input& input, Instant now, Actions& actions);
  void on_phase_deadline(const Input& input, Instant now, Actions& actions);
  void on_breaker_deadline(Instant now, Actions& actions);
  void on_reconnect_requested(const Input& input, Instant now, Actions& actions);
  void on_close_requested(Instant now, Actions& actions);

  void on_others_changed(const Input& input, Instant now, Actions& actions);

  void begin_attempt(bool room, Instant now, Actions& actions);
  [[nodiscard]] bool must_wait_for_breaker() const;
  void set_held(bool held);
  void wait_for_breaker(Instant now, Actions& actions);
  void wait_for_place(bool room, Instant now, Actions& actions);
  void lose(Loss loss, uint16_t close_code_to_send, bool room, Instant now, Actions& actions);
  void schedule_attempt(const Loss& loss, bool was_live, bool opened, bool room, Instant now,
                        Actions& actions);
  void run_out(Reason reason, Actions& actions);
  [[nodiscard]] Wait choose_wait(const Loss& loss, bool was_live, bool room, Instant now);
  void publish_wait(const Wait& wait, Actions& actions) const;
  void note_stable(Actions& actions);
  void finish(Reason reason, Actions& actions);

  void publish_loss(const Loss& loss, Instant now, Actions& actions) const;
  void publish_breaker(EventKind kind, Actions& actions) const;
  void arm(TimerKind timer, Instant deadline, Actions& actions);
  void cancel(TimerKind timer, Actions& actions);
  void cancel_all(Actions& actions);
  [[nodiscard]] bool has_connection() const;
  [[nodiscard]] bool others_live() const {
    return company_ != nullptr && company_->others_live(leg_);
  }
  [[nodiscard]] CircuitBreaker& own_or_shared_breaker() {
    return company_ != nullptr ? company_->breaker : own_breaker_;
  }
  // Places in the budget that it leaves free.
  [[nodiscard]] uint32_t spare() const { return others_live() ? budget_->last_tenth() : 0; }

  // Settings, copied: a lifecycle is a value but for the budget and the generator.
  ReconnectSettings reconnect_;
  CircuitBreakerSettings breaker_settings_;
  TimeoutSettings timeouts_;
  AttemptPlaces* budget_;
  Random* random_;

  Backoff backoff_;
  CircuitBreaker own_breaker_;
  LegCompany* company_;
  uint32_t leg_;
  std::array<Instant, timer_kind_count> deadlines_;

  Phase phase_ = Phase::idle;
  uint32_t attempt_ = 0;  // of the running attempt, or of the one waited for; 0: the first connect
  uint32_t counted_ =
      0;  // of these attempts, what max_attempts counts: those while no leg was Live
  uint32_t epoch_ = 0;
  bool greeted_ = false;                // this connection has published Connected
  bool probing_ = false;                // this attempt is the half-open probe
  bool wants_room_ = false;             // the wait is over but for slots in the ring
  bool held_ = false;                   // … but for the breaker, which another leg has opened
  bool spent_ = false;                  // no attempt left, unless another leg becomes Live
  bool breakers_wait_ = false;          // nothing asks for so long a wait but the breaker
  bool maintenance_said_ = false;       // by the last status of this connection
  bool maintenance_announced_ = false;  // … and not by the first
  bool maintenance_floor_ = false;      // maintenance_delay applies until the next Live
  bool skippable_ = false;         // nothing asks for so long a wait but the backoff: reconnect()
                                   // may cut it short, to …
  Instant not_before_;             // … what the venue has asked for
  Instant unbooked_end_;           // … of the wait, were it not for the budget
  std::optional<Instant> booked_;  // this attempt's place in the budget, while it waits
  bool waits_for_place_ = false;   // … and nothing else makes it wait until then
  Instant attempt_began_;
  Instant connected_at_;
  Instant live_since_;
  std::optional<Instant> down_since_;  // the Disconnected that ended the last Live epoch
};

}  // namespace havklo::core
