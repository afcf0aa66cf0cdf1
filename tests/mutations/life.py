"""The life of a session: lifecycle, backoff, breaker, budget, timers, watchdog, addresses.

How a bug is written: planted_bugs.py.
"""
LIFE = "engine/core/lifecycle.cpp"
STEPS = "engine/core/session_lifecycle.cpp"
SESSION = "engine/core/session.cpp"
BREAKER = "include/havklo/circuit_breaker.hpp"
BACKOFF = "include/havklo/backoff.hpp"
BUDGET = "include/havklo/connect_budget.hpp"

BUGS = [
    ("one attempt too few", LIFE, "attempt_ > *reconnect_.max_attempts", "attempt_ >= *reconnect_.max_attempts"),
    ("one attempt too many", LIFE, "attempt_ > *reconnect_.max_attempts", "attempt_ > *reconnect_.max_attempts + 1"),
    ("attempt counter reset by the greeting", LIFE, "connected_at_ = now;", "connected_at_ = now; attempt_ = 0;"),
    ("budget ignored", BUDGET, "last - oldest < settings_.window", "false"),
    ("a late attempt keeps its old place", LIFE, "booked_ = budget_->begin(booked_.value_or(now), now);", "booked_ = now;"),
    ("stale epoch", LIFE, "++epoch_;", "if (epoch_ == 0) ++epoch_;"),
    ("half-open said twice", LIFE, "publish_breaker(EventKind::circuit_breaker_half_open, actions);",
     "publish_breaker(EventKind::circuit_breaker_half_open, actions); publish_breaker(EventKind::circuit_breaker_half_open, actions);"),
    ("open for twice as long", LIFE, "arm(TimerKind::breaker, breaker_.next_deadline(), actions);",
     "arm(TimerKind::breaker, breaker_.next_deadline() + breaker_settings_.reset_timeout, actions);"),
    ("the breaker never closes", LIFE, "breaker_.record_live() == BreakerTransition::closed", "false"),
    ("a stable life counts as a failure", LIFE, "!was_stable && loss.reason != Reason::requested", "loss.reason != Reason::requested"),
    ("trips counted once", BREAKER, "++trips_;", "if (trips_ == 0) ++trips_;"),
    ("threshold off by one", BREAKER, "state_ == BreakerState::closed && failures_ < settings_.failure_threshold",
     "state_ == BreakerState::closed && failures_ <= settings_.failure_threshold"),
    ("a probe without a deadline", LIFE, "if (probing_) arm(TimerKind::probe, now + breaker_settings_.half_open_timeout, actions);", ";"),
    ("no deadline for the greeting", LIFE, "return arm(TimerKind::phase, now + timeouts_.greeting_timeout, actions);",
     "cancel(TimerKind::phase, actions); return;"),
    ("connect_timeout doubled", LIFE, "arm(TimerKind::phase, now + timeouts_.connect_timeout, actions);",
     "arm(TimerKind::phase, now + timeouts_.connect_timeout * 2, actions);"),
    ("no deadline for the close", LIFE, "return arm(TimerKind::phase, now + timeouts_.close_timeout, actions);", "return;"),
    ("maintenance forgotten", LIFE, "if (maintenance_floor_) venue_asks(reconnect_.maintenance_delay, WaitsFor::maintenance);", ";"),
    ("Retry-After ignored", LIFE, "if (loss.retry_after) {\n    venue_asks(std::min(*loss.retry_after, retry_after_max), WaitsFor::retry_after);\n  }", ";"),
    ("429 is any failure", LIFE, "loss.http_status == http_too_many_requests && !loss.retry_after", "false"),
    ("a refused certificate is retried at once", LIFE, "!is_retryable(loss)", "false"),
    ("downtime from the last attempt", LIFE, "if (was_live) down_since_ = now;", "down_since_ = now;"),
    ("jitter added after the cap", BACKOFF, "return uniform({}, exponential(attempt), random);",
     "return exponential(attempt) + uniform({}, Duration{exponential(attempt).ns / 5}, random);"),
    ("decorrelated jitter grows fourfold", BACKOFF, "previous_.ns * 3", "previous_.ns * 4"),
    ("backoff begins one step later", BACKOFF, "n < attempt", "n <= attempt"),
    ("timers fire up to a tick early", "include/havklo/timer_wheel.hpp", "const uint64_t due = tick_up(deadline);",
     None, "const uint64_t due = planted_bug::is({number}) ? tick_down(deadline) : tick_up(deadline);"),
    ("watchdog fed by a pong", SESSION, "if (*kind == kraken::MessageKind::pong) return true;", ";"),
    ("no watchdog once subscribed", SESSION, "check_restored();\n      return arm_watchdog();", "return check_restored();"),
    ("the watchdog outlives its connection", STEPS,
     "disarm(watchdog_timer_);\n  disarm(pace_timer_);\n  subscriptions_.end_connection(now_);\n  if (!connected()) return;",
     None, "if (!planted_bug::is({number})) disarm(watchdog_timer_);\n  disarm(pace_timer_);\n  subscriptions_.end_connection(now_);\n  if (!connected()) return;"),
]
