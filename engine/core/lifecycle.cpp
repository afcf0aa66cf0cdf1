// The rules of design §1.1 and §1.2, one step at a time.
#include "core/lifecycle.hpp"

#include <algorithm>

namespace havklo::core {
namespace {

constexpr uint16_t close_normal = 1000;
constexpr uint16_t close_going_away = 1001;
constexpr uint16_t close_service_restart = 1012;
constexpr uint16_t close_try_again_later = 1013;
constexpr uint16_t http_request_timeout = 408;
constexpr uint16_t http_too_many_requests = 429;
constexpr uint16_t http_unavailable = 503;

// What to tell the peer when we end a connection ourselves.
uint16_t goodbye_code(const Loss& loss) {
  switch (loss.reason) {
    case Reason::protocol_error:
      return loss.close_code;
    case Reason::requested:
    case Reason::rotated:
      return close_normal;
    case Reason::greeting_timeout:
    case Reason::restore_timeout:
    case Reason::heartbeat_timeout:
    case Reason::probe_timeout:
    case Reason::lagging:
      return close_going_away;
    default:
      return 0;
  }
}

bool is_ended_by_us(Reason reason) {
  return reason == Reason::requested || reason == Reason::protocol_error ||
         reason == Reason::lagging || reason == Reason::rotated;
}

}  // namespace

bool is_retryable(const Loss& loss) {
  if (loss.reason == Reason::certificate_refused) return false;
  const bool client_error = loss.http_status >= 400 && loss.http_status < 500;
  return !client_error || loss.http_status == http_request_timeout ||
         loss.http_status == http_too_many_requests;
}

Lifecycle::Lifecycle(const Settings& settings, AttemptPlaces& places, Random& random,
                     LegCompany* company, uint32_t leg)
    : reconnect_(settings.reconnect),
      breaker_settings_(settings.circuit_breaker),
      timeouts_(settings.timeouts),
      budget_(&places),
      random_(&random),
      backoff_(settings.reconnect.backoff()),
      own_breaker_(settings.circuit_breaker),
      company_(company),
      leg_(leg) {
  deadlines_.fill(Instant::never());
}

void Lifecycle::step(const Input& input, Instant now, Actions& actions) {
  if (phase_ == Phase::closed) return;
  switch (input.kind) {
    case InputKind::start:
      return on_start(input, now, actions);
    case InputKind::upgraded:
      if (phase_ != Phase::connecting) return;
      phase_ = Phase::greeting;
      return arm(TimerKind::phase, now + timeouts_.greeting_timeout, actions);
    case InputKind::greeted:
      return on_greeted(input, now, actions);
    case InputKind::status_changed:
      if (!has_connection()) return;
      maintenance_said_ = input.system == SystemStatus::maintenance;
      maintenance_announced_ = maintenance_said_;
      return;
    case InputKind::restored:
      return on_restored(input, now, actions);
    case InputKind::lost:
      return lose(input.loss, goodbye_code(input.loss), input.room, now, actions);
    case InputKind::phase_deadline:
      return on_phase_deadline(input, now, actions);
    case InputKind::probe_deadline: {
      if (!probing_) return;
      const Loss loss{.reason = Reason::probe_timeout};
      return lose(loss, goodbye_code(loss), input.room, now, actions);
    }
    case InputKind::breaker_deadline:
      return on_breaker_deadline(now, actions);
    case InputKind::stable_deadline:
      if (phase_ != Phase::live) return;
      deadlines_[static_cast<uint8_t>(TimerKind::stable)] = Instant::never();
      return note_stable(actions);
    case InputKind::room:
      if (wants_room_) begin_attempt(true, now, actions);
      return;
    case InputKind::others_changed:
      return on_others_changed(input, now, actions);
    case InputKind::gave_up:
      if (!spent_) return;
      cancel_all(actions);
      return run_out(input.loss.reason, actions);
    case InputKind::renewal:
      if (phase_ != Phase::live) return;
      return lose(input.loss, close_normal, input.room, now, actions);
    case InputKind::reconnect_requested:
      return on_reconnect_requested(input, now, actions);
    case InputKind::close_requested:
      return on_close_requested(now, actions);
  }
}

void Lifecycle::on_start(const Input& input, Instant now, Actions& actions) {
  if (phase_ != Phase::idle) return;
  phase_ = Phase::waiting;
  booked_ = budget_->reserve(now, now, spare());
  if (*booked_ > now) return wait_for_place(input.room, now, actions);
  begin_attempt(input.room, now, actions);
}

// The wait of this attempt is over; the ring and the budget may still hold it back. The breaker
// only where there are other legs: an open one's wait is never shorter than reset_timeout, and its
// timer was armed first.
void Lifecycle::begin_attempt(bool room, Instant now, Actions& actions) {
  const bool guarded = breaker_settings_.enabled;
  wants_room_ = !room;
  if (!room) return;
  if (must_wait_for_breaker()) return wait_for_breaker(now, actions);
  HAVKLO_ASSERT(!guarded || breaker().state() != BreakerState::open);
  booked_ = budget_->begin(booked_.value_or(now), now, spare());
  if (*booked_ > now) return wait_for_place(room, now, actions);
  const bool admitted = !guarded || own_or_shared_breaker().admit(now);
  HAVKLO_ASSERT(admitted);  // the last probe's end opened the breaker, or closed it
  booked_.reset();
  waits_for_place_ = false;
  set_held(false);
  phase_ = Phase::connecting;
  greeted_ = false;
  maintenance_said_ = false;
  maintenance_announced_ = false;
  attempt_began_ = now;
  probing_ = guarded && breaker().state() == BreakerState::half_open;
  if (probing_ && company_ != nullptr) company_->last_probe = leg_;
  actions.add(ActionKind::open);
  arm(TimerKind::phase, now + timeouts_.connect_timeout, actions);
  if (probing_) arm(TimerKind::probe, now + breaker_settings_.half_open_timeout, actions);
}

void Lifecycle::on_greeted(const Input& input, Instant now, Actions& actions) {
  if (phase_ != Phase::greeting) return;
  phase_ = Phase::restoring;
  greeted_ = true;
  ++epoch_;
  connected_at_ = now;
  maintenance_said_ = input.system == SystemStatus::maintenance;
  cancel(TimerKind::phase, actions);
  Event event = Event::make(EventKind::connected);
  event.payload.connected = input.connected;
  event.payload.connected.connect_time_ns = (now - attempt_began_).ns;
  actions.add(ActionKind::publish).event = event;
  actions.add(ActionKind::restore);
}

void Lifecycle::on_restored(const Input& input, Instant now, Actions& actions) {
  if (phase_ != Phase::restoring) return;
  phase_ = Phase::live;
  live_since_ = now;
  maintenance_floor_ = false;
  Event event = Event::make(EventKind::subscriptions_restored);
  event.payload.subscriptions_restored.count = input.count;
  event.payload.subscriptions_restored.rejected = input.rejected;
  event.payload.subscriptions_restored.downtime_ns = down_since_ ? (now - *down_since_).ns : 0;
  down_since_.reset();
  actions.add(ActionKind::publish).event = event;
  arm(TimerKind::stable, now + reconnect_.stable_after, actions);
  if (probing_) cancel(TimerKind::probe, actions);
  if (!probing_ && company_ == nullptr) return;
  probing_ = false;
  if (own_or_shared_breaker().record_live() == BreakerTransition::closed) {
    publish_breaker(EventKind::circuit_breaker_closed, actions);
  }
}

void Lifecycle::on_phase_deadline(const Input& input, Instant now, Actions& actions) {
  deadlines_[static_cast<uint8_t>(TimerKind::phase)] = Instant::never();
  switch (phase_) {
    case Phase::connecting:
      return lose({.reason = Reason::connect_timeout}, 0, input.room, now, actions);
    case Phase::greeting: {
      const Loss loss{.reason = Reason::greeting_timeout};
      return lose(loss, goodbye_code(loss), input.room, now, actions);
    }
    case Phase::closing:
      return lose({.reason = Reason::requested}, 0, input.room, now, actions);
    case Phase::waiting:
    case Phase::tripped:
      return begin_attempt(input.room, now, actions);
    default:
      return;
  }
}

void Lifecycle::on_breaker_deadline(Instant now, Actions& actions) {
  deadlines_[static_cast<uint8_t>(TimerKind::breaker)] = Instant::never();
  if (own_or_shared_breaker().on_reset_timer(now) != BreakerTransition::half_opened) return;
  publish_breaker(EventKind::circuit_breaker_half_open, actions);
  if (phase_ == Phase::tripped) phase_ = Phase::waiting;
}

// Ends what was running, says so, and decides what comes next.
void Lifecycle::lose(Loss loss, uint16_t close_code_to_send, bool room, Instant now,
                     Actions& actions) {
  if (!has_connection()) return;
  const bool closing = phase_ == Phase::closing;
  const bool was_live = phase_ == Phase::live;
  const bool was_stable = was_live && now - live_since_ >= reconnect_.stable_after;
  if (closing) loss.reason = Reason::requested;
  if (loss.http_status != http_too_many_requests && loss.http_status != http_unavailable) {
    loss.retry_after.reset();
  }
  if (loss.close_code == close_service_restart || loss.close_code == close_try_again_later ||
      loss.http_status == http_unavailable || maintenance_said_) {
    maintenance_floor_ = true;
  }
  if (!is_ended_by_us(loss.reason) &&
      (loss.close_code == close_service_restart || maintenance_said_)) {
    loss.reason = Reason::maintenance;
  }

  cancel_all(actions);
  actions.add(ActionKind::drop).close_code = close_code_to_send;
  publish_loss(loss, now, actions);
  if (was_live) down_since_ = now;
  greeted_ = false;
  // A verdict, if there is one, follows below.
  const bool was_probe = probing_;
  if (probing_) own_or_shared_breaker().abandon_probe();
  probing_ = false;
  if (closing || !reconnect_.enabled) return finish(loss.reason, actions);

  // A stable life ends the series even when its timer fires later in this same turn.
  if (was_stable) note_stable(actions);
  const bool renewed = loss.reason == Reason::requested || loss.reason == Reason::rotated;
  const bool failed = !was_stable && !renewed;
  const bool counts = !others_live();
  // Half-open, the probe alone says how the venue is.
  const bool heard = was_probe || breaker().state() != BreakerState::half_open;
  const bool opened = failed && counts && heard && breaker_settings_.enabled &&
                      own_or_shared_breaker().record_failure(now) == BreakerTransition::opened;
  if (opened) publish_breaker(EventKind::circuit_breaker_open, actions);
  ++attempt_;
  if (counts) ++counted_;
  if (counts && reconnect_.max_attempts && counted_ > *reconnect_.max_attempts) {
    --attempt_;
    --counted_;
    if (company_ == nullptr) return run_out(loss.reason, actions);
    phase_ = Phase::waiting;
    spent_ = true;
    if (opened) arm(TimerKind::breaker, breaker().next_deadline(), actions);
    return;
  }
  schedule_attempt(loss, was_live, opened, room, now, actions);
}

void Lifecycle::run_out(Reason reason, Actions& actions) {
  Event event = Event::make(EventKind::reconnect_failed);
  event.payload.ended.attempts = attempt_;
  event.payload.ended.reason = reason;
  actions.add(ActionKind::publish).event = event;
  finish(reason, actions);
}

void Lifecycle::on_close_requested(Instant now, Actions& actions) {
  switch (phase_) {
    case Phase::closing:
    case Phase::closed:
      return;
    case Phase::restoring:
    case Phase::live:
      cancel_all(actions);
      probing_ = false;
      phase_ = Phase::closing;
      actions.add(ActionKind::say_goodbye).close_code = close_normal;
      return arm(TimerKind::phase, now + timeouts_.close_timeout, actions);
    case Phase::connecting:
    case Phase::greeting:
      cancel_all(actions);
      actions.add(ActionKind::drop).close_code = close_normal;
      publish_loss({.reason = Reason::requested}, now, actions);
      return finish(Reason::requested, actions);
    case Phase::idle:
    case Phase::waiting:
    case Phase::tripped:
      cancel_all(actions);
      return finish(Reason::requested, actions);
  }
}

// A good life: what went before it is forgotten.
void Lifecycle::note_stable(Actions& actions) {
  attempt_ = 0;
  counted_ = 0;
  backoff_.reset();
  own_or_shared_breaker().record_stable();
  actions.add(ActionKind::stable);
}

void Lifecycle::finish(Reason reason, Actions& actions) {
  phase_ = Phase::closed;
  probing_ = false;
  wants_room_ = false;
  set_held(false);
  spent_ = false;
  if (booked_) budget_->cancel(*booked_);
  booked_.reset();
  Event event = Event::make(EventKind::closed);
  event.payload.ended.attempts = attempt_;
  event.payload.ended.reason = reason;
  actions.add(ActionKind::publish).event = event;
}

void Lifecycle::publish_loss(const Loss& loss, Instant now, Actions& actions) const {
  if (greeted_) {
    Event event = Event::make(EventKind::disconnected);
    event.payload.disconnected.reason = loss.reason;
    event.payload.disconnected.close_code = loss.close_code;
    event.payload.disconnected.os_error = loss.os_error;
    event.payload.disconnected.uptime_ns = (now - connected_at_).ns;
    event.payload.disconnected.retryable = is_retryable(loss) ? 1 : 0;
    actions.add(ActionKind::publish).event = event;
    return;
  }
  Event event = Event::make(EventKind::connect_failed);
  event.payload.connect_failed.attempt = attempt_;
  event.payload.connect_failed.reason = loss.reason;
  event.payload.connect_failed.certificate = loss.certificate;
  event.payload.connect_failed.http_status = loss.http_status;
  event.payload.connect_failed.os_error = loss.os_error;
  event.payload.connect_failed.retryable = is_retryable(loss) ? 1 : 0;
  actions.add(ActionKind::publish).event = event;
}

void Lifecycle::publish_breaker(EventKind kind, Actions& actions) const {
  Event event = Event::make(kind);
  event.payload.circuit_breaker.trips = breaker().trips();
  if (kind == EventKind::circuit_breaker_open) {
    event.payload.circuit_breaker.retry_after_ns = breaker_settings_.reset_timeout.ns;
  }
  actions.add(ActionKind::publish).event = event;
}

void Lifecycle::arm(TimerKind timer, Instant deadline, Actions& actions) {
  deadlines_[static_cast<uint8_t>(timer)] = deadline;
  Action& action = actions.add(ActionKind::arm);
  action.timer = timer;
  action.deadline = deadline;
}

void Lifecycle::cancel(TimerKind timer, Actions& actions) {
  Instant& deadline = deadlines_[static_cast<uint8_t>(timer)];
  if (deadline == Instant::never()) return;
  deadline = Instant::never();
  actions.add(ActionKind::cancel).timer = timer;
}

void Lifecycle::cancel_all(Actions& actions) {
  for (uint8_t timer = 0; timer < timer_kind_count; ++timer) {
    cancel(static_cast<TimerKind>(timer), actions);
  }
}

bool Lifecycle::has_connection() const {
  switch (phase_) {
    case Phase::connecting:
    case Phase::greeting:
    case Phase::restoring:
    case Phase::live:
    case Phase::closing:
      return true;
    default:
      return false;
  }
}

void Lifecycle::check_invariants() const {
  const auto armed = [this](TimerKind timer) { return deadline(timer) != Instant::never(); };
  const bool waits = phase_ == Phase::waiting || phase_ == Phase::tripped;
  if (phase_ == Phase::connecting || phase_ == Phase::greeting || phase_ == Phase::closing) {
    HAVKLO_ASSERT(armed(TimerKind::phase));
  }
  if (waits) {
    HAVKLO_ASSERT(armed(TimerKind::phase) || wants_room_ || held_ || spent_);
  }
  HAVKLO_ASSERT(!wants_room_ || waits);
  HAVKLO_ASSERT(company_ != nullptr || (!held_ && !spent_ && counted_ == attempt_));
  HAVKLO_ASSERT(!booked_ || waits);
  HAVKLO_ASSERT(phase_ != Phase::tripped || breaker().state() == BreakerState::open);
  HAVKLO_ASSERT(!probing_ || armed(TimerKind::probe));
  HAVKLO_ASSERT(!armed(TimerKind::stable) || phase_ == Phase::live);
  if (phase_ == Phase::closed) {
    for (const Instant deadline : deadlines_) HAVKLO_ASSERT(deadline == Instant::never());
  }
}

}  // namespace havklo::core
