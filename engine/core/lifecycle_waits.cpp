// How long the next attempt waits, for what, and what cuts that short (design §1.2).
#include <algorithm>

#include "core/lifecycle.hpp"

namespace havklo::core {
namespace {

constexpr uint16_t close_normal = 1000;
constexpr uint16_t http_too_many_requests = 429;

// The longest Retry-After obeyed: the venue's own ban lasts ten minutes.
constexpr Duration retry_after_max = Duration::seconds(600);

}  // namespace

// Others have taken the place of an attempt that would begin: a wait that nobody has heard of, or a
// longer one than was said. Places that this engine's own sessions take are not told so: they are
// booked ahead, and but for a turn that comes late an announced wait knows of them. Each time has a
// place of its own, which somebody has taken: in a window they are no more than the budget.
void Lifecycle::wait_for_place(bool room, Instant now, Actions& actions) {
  waits_for_place_ = true;
  if (room && budget_->held_up_by_others()) {
    skippable_ = false;
    publish_wait({.delay = *booked_ - now, .cause = WaitsFor::budget}, actions);
  }
  arm(TimerKind::phase, *booked_, actions);
}

bool Lifecycle::must_wait_for_breaker() const {
  if (company_ == nullptr || !breaker_settings_.enabled || others_live()) return false;
  const BreakerState state = breaker().state();
  return state == BreakerState::open || breaker().probe_in_flight() ||
         (state == BreakerState::half_open && company_->waits_before(leg_));
}

void Lifecycle::set_held(bool held) {
  held_ = held;
  if (company_ == nullptr) return;
  company_->held = (company_->held & ~(1U << leg_)) | (held ? 1U << leg_ : 0);
}

// Another leg has opened it, or tries for all of them. Of its place in the budget others may have
// more.
void Lifecycle::wait_for_breaker(Instant now, Actions& actions) {
  phase_ = Phase::waiting;
  skippable_ = false;
  waits_for_place_ = false;
  if (booked_) budget_->cancel(*booked_);
  booked_.reset();
  if (held_) return;
  set_held(true);
  const bool open = breaker().state() == BreakerState::open;
  publish_wait(
      {.delay = open ? breaker().next_deadline() - now : breaker_settings_.half_open_timeout,
       .cause = WaitsFor::breaker},
      actions);
}

// What held it up may be over; which of several begins as the probe, their order says.
void Lifecycle::on_others_changed(const Input& input, Instant now, Actions& actions) {
  if (phase_ == Phase::tripped && breaker().state() != BreakerState::open) {
    phase_ = Phase::waiting;
    cancel(TimerKind::breaker, actions);
    if (!breakers_wait_) return;
    cancel(TimerKind::phase, actions);
    return begin_attempt(input.room, now, actions);
  }
  if (probing_ && breaker().state() == BreakerState::closed) {  // another was Live before it
    probing_ = false;
    cancel(TimerKind::probe, actions);
  }
  const bool free = (held_ && !must_wait_for_breaker()) || (spent_ && others_live());
  if (free && !wants_room_) {
    booked_ = budget_->reserve(now, now, spare());
    if (spent_) {
      const Duration delay = *booked_ - now;
      publish_wait(
          {.delay = delay, .cause = delay > Duration{} ? WaitsFor::budget : WaitsFor::backoff},
          actions);
    }
    set_held(false);
    spent_ = false;
    return begin_attempt(input.room, now, actions);
  }
  // The places that it left for those in greater need: now it is one of them.
  if (phase_ != Phase::waiting || !waits_for_place_ || wants_room_ || others_live()) return;
  const Instant place = *booked_;
  booked_ = budget_->move_up(place, std::max(now, unbooked_end_), now);
  if (*booked_ != place) arm(TimerKind::phase, *booked_, actions);
}

// Of several legs the one that has opened the breaker has its timer.
void Lifecycle::schedule_attempt(const Loss& loss, bool was_live, bool opened, bool room,
                                 Instant now, Actions& actions) {
  const Wait wait = choose_wait(loss, was_live, room, now);
  breakers_wait_ = wait.cause == WaitsFor::breaker;
  publish_wait(wait, actions);
  phase_ = opened ? Phase::tripped : Phase::waiting;
  // The breaker is armed first: at the same tick it is half-open before the probe begins.
  if (opened) arm(TimerKind::breaker, breaker().next_deadline(), actions);
  arm(TimerKind::phase, now + wait.delay, actions);
}

// The longest of the waits that apply; among equals the first in the order of WaitsFor.
Lifecycle::Wait Lifecycle::choose_wait(const Loss& loss, bool was_live, bool room, Instant now) {
  Wait wait{};
  if (breaker_settings_.enabled && breaker().state() == BreakerState::open && !others_live()) {
    wait = {breaker().next_deadline() - now, WaitsFor::breaker};
  } else if (!is_retryable(loss)) {
    wait = {reconnect_.max_delay, WaitsFor::backoff};
  } else if (reconnect_.first_delay && was_live && attempt_ == 1) {
    wait = {*reconnect_.first_delay, WaitsFor::backoff};
  } else {
    wait = {backoff_.next(attempt_, *random_), WaitsFor::backoff};
  }
  const auto at_least = [&wait](Duration delay, WaitsFor cause) {
    if (delay > wait.delay) wait = {delay, cause};
  };
  not_before_ = now;
  const auto venue_asks = [&](Duration delay, WaitsFor cause) {
    not_before_ = std::max(not_before_, now + delay);
    at_least(delay, cause);
  };
  if (maintenance_floor_) venue_asks(reconnect_.maintenance_delay, WaitsFor::maintenance);
  if (loss.http_status == http_too_many_requests && !loss.retry_after) {
    venue_asks(reconnect_.rate_limited_delay, WaitsFor::rate_limited);
  }
  if (loss.retry_after) {
    venue_asks(std::min(*loss.retry_after, retry_after_max), WaitsFor::retry_after);
  }
  unbooked_end_ = now + wait.delay;
  const Instant begins = budget_->reserve(unbooked_end_, now, spare());
  booked_ = begins;
  waits_for_place_ = begins - now > wait.delay;
  at_least(begins - now, WaitsFor::budget);
  skippable_ = wait.cause == WaitsFor::backoff && is_retryable(loss);
  if (!room) wait.cause = WaitsFor::ring;  // of unknown length: never shorter than the others
  return wait;
}

void Lifecycle::on_reconnect_requested(const Input& input, Instant now, Actions& actions) {
  if (phase_ == Phase::live) {
    return lose({.reason = Reason::requested}, close_normal, input.room, now, actions);
  }
  if (phase_ != Phase::waiting || !skippable_ || !booked_) return;
  skippable_ = false;
  const Instant earliest = std::max(now, not_before_);
  unbooked_end_ = earliest;
  booked_ = budget_->move_up(*booked_, earliest, now, spare());
  waits_for_place_ = *booked_ > earliest;
  if (*booked_ > now) return arm(TimerKind::phase, *booked_, actions);
  cancel(TimerKind::phase, actions);
  begin_attempt(input.room, now, actions);
}

void Lifecycle::publish_wait(const Wait& wait, Actions& actions) const {
  Event event = Event::make(EventKind::reconnecting);
  event.payload.reconnecting.attempt = attempt_;
  event.payload.reconnecting.delay_ns = wait.delay.ns;
  event.payload.reconnecting.waits_for = wait.cause;
  actions.add(ActionKind::publish).event = event;
}

}  // namespace havklo::core
