// The rules of the model, one function each: what the design's tables say, and beside it how each
// could be got wrong. Included by machine.hpp alone.
#pragma once

#include <cmath>

#include "model/machine.hpp"

namespace havklo::model {

[[nodiscard]] inline bool is_retryable(const Input& loss) {
  const bool client_error = loss.http_status >= 400 && loss.http_status < 500;
  const bool may_pass = loss.http_status == 408 || loss.http_status == 429;
  return loss.reason != Reason::certificate_refused && (!client_error || may_pass);
}

inline void Machine::take(const Input& input) {
  Life& life = lives_[input.session];
  switch (input.kind) {
    case InputKind::nothing:
      return;
    case InputKind::upgraded:
      if (life.phase != Phase::connecting) return;
      life.phase = Phase::greeting;
      if (is(Mistake::greeting_without_deadline)) return cancel(input.session, TimerKind::phase);
      return arm(input.session, TimerKind::phase, now_ + timeouts(input.session).greeting_timeout);
    case InputKind::greeted:
      return greet(input.session, input.maintenance);
    case InputKind::status:
      if (life.has_connection()) life.said = input.maintenance;
      return;
    case InputKind::all_clear:
      return all_clear(input.session);
    case InputKind::lost:
      return lose(input.session, input);
    case InputKind::reconnect:
      return reconnect(input.session);
    case InputKind::close:
      return close(input.session);
  }
}

// The first connect waits for its place too; nothing announces it, as nobody else uses the budget.
inline void Machine::start(uint8_t session) {
  Life& life = lives_[session];
  life.phase = Phase::waiting;
  life.place = budget_.book(now_, now_);
  if (*life.place > now_) return arm(session, TimerKind::phase, *life.place);
  begin_attempt(session);
}

inline void Machine::begin_attempt(uint8_t session) {
  Life& life = lives_[session];
  cancel(session, TimerKind::phase);
  life.held = !choices_->room(session);
  if (life.held) return;
  life.place = budget_.begin(life.place.value_or(now_), now_);
  if (*life.place > now_) return arm(session, TimerKind::phase, *life.place);
  life.place.reset();
  life.phase = Phase::connecting;
  life.began = now_;
  if (!is(Mistake::maintenance_of_an_older_connection)) life.said = false;
  life.probing = life.breaker == Breaker::half_open;
  say(session, What::attempt, life.attempt);
  arm(session, TimerKind::phase, now_ + timeouts(session).connect_timeout);
  if (life.probing && !is(Mistake::probe_without_deadline)) {
    arm(session, TimerKind::probe, now_ + breaker_set(session).half_open_timeout);
  }
}

inline void Machine::greet(uint8_t session, bool maintenance) {
  Life& life = lives_[session];
  if (life.phase != Phase::greeting) return;
  life.phase = Phase::restoring;
  life.said = maintenance;
  if (is(Mistake::counter_reset_by_greeting)) life.attempt = 0;
  if (is(Mistake::maintenance_forgotten_by_greeting)) life.floor = false;
  life.connected = now_;
  cancel(session, TimerKind::phase);
  say(session, What::connected, ++life.epoch).time = now_ - life.began;
}

inline void Machine::all_clear(uint8_t session) {
  Life& life = lives_[session];
  if (life.phase != Phase::restoring) return;
  life.phase = Phase::live;
  life.live_since = now_;
  if (!is(Mistake::maintenance_never_forgotten)) life.floor = false;
  if (is(Mistake::counter_reset_by_all_clear)) life.attempt = 0;
  if (is(Mistake::short_life_forgives_failures)) life.failures = 0;
  say(session, What::restored, life.epoch).time =
      life.down_since ? now_ - *life.down_since : Duration{};
  life.down_since.reset();
  arm(session, TimerKind::stable, now_ + set(session).stable_after);
  if (!life.probing) return;
  life.probing = false;
  cancel(session, TimerKind::probe);
  life.breaker = Breaker::closed;
  if (!is(Mistake::probe_forgives_nothing)) life.failures = 0;
  say(session, What::breaker_closed, life.trips);
}

// Of a life of stable_after.
inline void Machine::stable(uint8_t session) {
  Life& life = lives_[session];
  if (!is(Mistake::counter_never_reset)) life.attempt = 0;
  life.failures = 0;
  life.drawn = set(session).initial_delay;
}

inline void Machine::lose(uint8_t session, Input loss) {
  Life& life = lives_[session];
  if (!life.has_connection()) return;
  const bool greeted = life.phase != Phase::connecting && life.phase != Phase::greeting;
  const bool was_live = life.phase == Phase::live;
  const bool was_stable = was_live && now_ - life.live_since >= set(session).stable_after;
  const bool closing = life.phase == Phase::closing;
  if (closing) loss.reason = Reason::requested;
  const bool restarts = loss.close_code == 1012;
  if (restarts || loss.close_code == 1013 || loss.http_status == 503 || life.said) {
    life.floor = true;
  }
  const bool ended_by_us =
      loss.reason == Reason::requested || loss.reason == Reason::protocol_error;
  if (!ended_by_us && (restarts || life.said)) loss.reason = Reason::maintenance;

  for (const auto kind : {TimerKind::phase, TimerKind::probe, TimerKind::stable}) {
    cancel(session, kind);
  }
  Said& said = say(session, greeted ? What::disconnected : What::connect_failed,
                   greeted ? life.epoch : life.attempt);
  said.reason = loss.reason;
  said.code = greeted ? loss.close_code : loss.http_status;
  said.retryable = is_retryable(loss);
  if (greeted) said.time = now_ - life.connected;
  if (was_live) life.down_since = now_;
  const bool probed = life.probing;
  life.probing = false;
  if (closing || !set(session).enabled) return finish(session, loss.reason);

  if (was_stable) stable(session);
  const bool requested = loss.reason == Reason::requested && !is(Mistake::reconnect_is_a_failure);
  const bool failed = (!was_stable || is(Mistake::stable_life_is_a_failure)) && !requested;
  if (probed && is(Mistake::probe_that_failed_probes_on)) {
    life.phase = Phase::waiting;
  } else if (failed && breaker_set(session).enabled && fail(session)) {
    say(session, What::breaker_open, life.trips).time = breaker_set(session).reset_timeout;
  }
  ++life.attempt;
  const auto& most = set(session).max_attempts;
  const uint32_t less = is(Mistake::one_attempt_too_few) ? 1 : 0;
  const uint32_t more = is(Mistake::one_attempt_too_many) ? 1 : 0;
  if (!most || life.attempt + less <= *most + more) return wait(session, loss, was_live);
  say(session, What::reconnect_failed, --life.attempt).reason = loss.reason;
  finish(session, loss.reason);
}

// One more failure; true: it opens the breaker.
inline bool Machine::fail(uint8_t session) {
  Life& life = lives_[session];
  uint32_t threshold = breaker_set(session).failure_threshold;
  if (is(Mistake::threshold_one_late)) ++threshold;
  if (is(Mistake::threshold_one_early) && threshold > 1) --threshold;
  ++life.failures;
  if (life.breaker != Breaker::half_open && life.failures < threshold) return false;
  life.breaker = Breaker::open;
  if (!is(Mistake::trips_counted_once) || life.trips == 0) ++life.trips;
  return true;
}

inline Duration Machine::backoff(uint8_t session) {
  const ReconnectSettings& by = set(session);
  Life& life = lives_[session];
  if (by.jitter == Jitter::decorrelated) {
    const Duration lowest = std::min(by.initial_delay, by.max_delay);
    const Duration highest = std::min(by.max_delay, std::max(lowest, life.drawn * 3));
    return choices_->draw(session, lowest, highest);
  }
  const uint32_t steps = life.attempt - (is(Mistake::backoff_one_step_late) ? 0 : 1);
  const double exact = static_cast<double>(by.initial_delay.ns) * std::pow(by.multiplier, steps);
  const bool capped = exact >= static_cast<double>(by.max_delay.ns);
  const Duration delay = capped ? by.max_delay : Duration{std::llround(exact)};
  return choices_->draw(session, by.jitter == Jitter::full ? Duration{} : delay, delay);
}

// The longest of the waits that apply, and what it is for.
inline void Machine::wait(uint8_t session, const Input& loss, bool was_live) {
  Life& life = lives_[session];
  const ReconnectSettings& by = set(session);
  const bool open = life.breaker == Breaker::open && !is(Mistake::open_is_no_wait);
  const bool permanent = !is_retryable(loss) && !is(Mistake::permanent_retried_at_once);
  Duration asked;  // by breaker and venue
  WaitsFor cause = WaitsFor::backoff;
  const auto at_least = [&](Duration delay, WaitsFor for_what) {
    if (delay > asked) asked = delay, cause = for_what;
  };
  if (open) at_least(breaker_set(session).reset_timeout, WaitsFor::breaker);
  if (life.floor && !is(Mistake::maintenance_floor_dropped)) {
    at_least(by.maintenance_delay, WaitsFor::maintenance);
  }
  if (loss.http_status == 429 && !loss.retry_after && !is(Mistake::rate_limit_ignored)) {
    at_least(by.rate_limited_delay, WaitsFor::rate_limited);
  }
  if (loss.retry_after && !is(Mistake::retry_after_ignored)) {
    at_least(std::min(*loss.retry_after, 10_min), WaitsFor::retry_after);
  }
  life.not_before = now_ + asked;
  Duration delay = asked;
  if (!open) {
    const bool first = !permanent && by.first_delay && was_live && life.attempt == 1;
    const Duration own = permanent ? by.max_delay : first ? *by.first_delay : backoff(session);
    if (!permanent && !first && by.jitter == Jitter::decorrelated) life.drawn = own;
    if (own >= asked) delay = own, cause = WaitsFor::backoff;
  }
  life.place = budget_.book(now_ + delay, now_);
  if (*life.place > now_ + delay) delay = *life.place - now_, cause = WaitsFor::budget;
  life.only_backoff = cause == WaitsFor::backoff && !open && !permanent;
  life.phase = Phase::waiting;
  if (!choices_->room_to_wait(session)) cause = WaitsFor::ring, life.only_backoff = false;
  if (!is(Mistake::reconnecting_said_late)) {
    Said& said = say(session, What::reconnecting, life.attempt);
    said.time = delay;
    said.cause = cause;
  }
  // The breaker first: of two timers for one tick it is half-open before the probe begins.
  if (life.breaker == Breaker::open && life.timer(TimerKind::breaker).due == Instant::never() &&
      !is(Mistake::breaker_stays_open)) {
    const Duration early = is(Mistake::half_open_early) ? 1_s : Duration{};
    arm(session, TimerKind::breaker, now_ + breaker_set(session).reset_timeout - early);
  }
  arm(session, TimerKind::phase, now_ + delay);
}

// Renews a live connection; skips what is left of a backoff, and nothing of what the venue, the
// breaker or the budget ask for.
inline void Machine::reconnect(uint8_t session) {
  Life& life = lives_[session];
  if (life.phase == Phase::live) {
    return lose(session, {.session = session, .reason = Reason::requested});
  }
  const bool cuts_breaker = is(Mistake::reconnect_cuts_breaker) && life.breaker == Breaker::open;
  if (life.phase != Phase::waiting || !life.place || life.held) return;
  if (!life.only_backoff && !cuts_breaker) return;
  life.only_backoff = false;
  budget_.give_back(*life.place);
  const bool cuts_floors = is(Mistake::reconnect_cuts_floors) || cuts_breaker;
  const Instant earliest = cuts_floors ? now_ : std::max(now_, life.not_before);
  life.place = budget_.book(earliest, now_);
  if (*life.place > now_) return arm(session, TimerKind::phase, *life.place);
  begin_attempt(session);
}

inline void Machine::close(uint8_t session) {
  Life& life = lives_[session];
  switch (life.phase) {
    case Phase::closing:
    case Phase::closed:
      return;
    case Phase::restoring:
    case Phase::live:
      for (const auto kind : {TimerKind::probe, TimerKind::stable}) cancel(session, kind);
      life.phase = Phase::closing;
      if (is(Mistake::closing_without_deadline)) return;
      return arm(session, TimerKind::phase, now_ + timeouts(session).close_timeout);
    case Phase::connecting:
    case Phase::greeting:
      say(session, What::connect_failed, life.attempt).reason = Reason::requested;
      [[fallthrough]];
    default:
      return finish(session, Reason::requested);
  }
}

inline void Machine::finish(uint8_t session, Reason reason) {
  Life& life = lives_[session];
  life.phase = Phase::closed;
  life.held = life.probing = false;
  if (life.place && !is(Mistake::place_kept_by_who_closed)) budget_.give_back(*life.place);
  life.place.reset();
  if (!is(Mistake::closed_goes_on)) {
    for (Timer& timer : life.timers) timer = {};
  }
  say(session, What::closed, life.attempt).reason = reason;
}

inline bool Machine::fire_next() {
  uint8_t session = 0;
  uint8_t kind = 0;
  const Timer* first = nullptr;
  for (uint8_t i = 0; i < lives_.size(); ++i) {
    for (uint8_t k = 0; k < lives_[i].timers.size(); ++k) {
      const Timer& timer = lives_[i].timers[k];
      if (timer.due > now_) continue;
      const bool before = first == nullptr || timer.due < first->due ||
                          (timer.due == first->due && timer.order < first->order);
      if (before) first = &timer, session = i, kind = k;
    }
  }
  if (first == nullptr) return false;
  lives_[session].timers[kind] = {};
  fire(session, TimerKind{kind});
  return true;
}

inline void Machine::fire(uint8_t session, TimerKind kind) {
  Life& life = lives_[session];
  const auto lose_by = [&](Reason reason) {
    lose(session, {.session = session, .reason = reason});
  };
  if (kind == TimerKind::probe) return lose_by(Reason::probe_timeout);
  if (kind == TimerKind::stable) return stable(session);
  if (kind == TimerKind::breaker) {
    life.breaker = Breaker::half_open;
    say(session, What::breaker_half_open, life.trips);
    return;
  }
  switch (life.phase) {
    case Phase::connecting:
      return lose_by(Reason::connect_timeout);
    case Phase::greeting:
      return lose_by(Reason::greeting_timeout);
    case Phase::closing:
      return lose_by(Reason::requested);
    default:
      return begin_attempt(session);  // of a wait, or (a mistake) of a session that has closed
  }
}

}  // namespace havklo::model
