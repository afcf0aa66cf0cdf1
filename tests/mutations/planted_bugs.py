"""Plausible mistakes, one a line: (name, file, old, new), or (name, [(file, old, new), …]).

`old` stands exactly once in the file, and is a statement (it ends with `;` or `}`) or an expression.
tools/mutate puts all of them into a copy of the tree, each behind a switch, and runs seeds until one breaks.
"""
LIFE = "engine/core/lifecycle.cpp"
SUBS = "engine/core/wishes/subscriptions.cpp"
ANSWERS = "engine/core/wishes/answers.cpp"
SESSION = "engine/core/session.cpp"
STEPS = "engine/core/session_lifecycle.cpp"
BOOK = "engine/kraken/book.cpp"
BREAKER = "include/havklo/circuit_breaker.hpp"
BACKOFF = "include/havklo/backoff.hpp"
BUDGET = "include/havklo/connect_budget.hpp"
PUBLISHER = "engine/core/publisher.cpp"

BUGS = [
    ("one attempt too few", LIFE, "attempt_ > *reconnect_.max_attempts", "attempt_ >= *reconnect_.max_attempts"),
    ("one attempt too many", LIFE, "attempt_ > *reconnect_.max_attempts", "attempt_ > *reconnect_.max_attempts + 1"),
    ("attempt counter reset by the greeting", LIFE, "connected_at_ = now;", "connected_at_ = now; attempt_ = 0;"),
    ("budget ignored", BUDGET, "last - oldest < settings_.window", "false"),
    ("a late attempt keeps its old place", LIFE, "booked_ = budget_->begin(booked_.value_or(now), now);", "booked_ = now;"),
    ("stale epoch", LIFE, "++epoch_;", "if (epoch_ == 0) ++epoch_;"),
    ("half-open said twice", LIFE, "publish_breaker(EventKind::circuit_breaker_half_open, actions);",
     "publish_breaker(EventKind::circuit_breaker_half_open, actions); publish_breaker(EventKind::circuit_breaker_half_open, actions);"),
    ("the rejected are not told", SESSION, "subscriptions_.rejected_count()", "0U"),
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
    ("maintenance forgotten", LIFE, "if (maintenance_floor_) at_least(reconnect_.maintenance_delay, WaitsFor::maintenance);", ";"),
    ("Retry-After ignored", LIFE, "if (loss.retry_after) {\n    at_least(std::min(*loss.retry_after, retry_after_max), WaitsFor::retry_after);\n  }", ";"),
    ("429 is any failure", LIFE, "loss.http_status == http_too_many_requests && !loss.retry_after", "false"),
    ("a refused certificate is retried at once", LIFE, "!is_retryable(loss)", "false"),
    ("downtime from the last attempt", LIFE, "if (was_live) down_since_ = now;", "down_since_ = now;"),
    ("jitter added after the cap", BACKOFF, "return uniform({}, exponential(attempt), random);",
     "return exponential(attempt) + uniform({}, Duration{exponential(attempt).ns / 5}, random);"),
    ("decorrelated jitter grows fourfold", BACKOFF, "previous_.ns * 3", "previous_.ns * 4"),
    ("backoff begins one step later", BACKOFF, "n < attempt", "n <= attempt"),
    ("timers fire up to a tick early", "include/havklo/timer_wheel.hpp", "const uint64_t due = tick_up(deadline);",
     None, "const uint64_t due = planted_bug::is({number}) ? tick_down(deadline) : tick_up(deadline);"),
    ("restored on ack", ANSWERS,
     "if (keeps_book(record) && !record.verified) {\n    return set(record, Stage::acknowledged, record.cycle);\n  }\n  settle(record);",
     "settle(record);"),
    ("repair without waiting for the ack", SUBS, "publish_fault(record);\n      return queue_unsubscribe(record);\n",
     None, "publish_fault(record);\n      if (planted_bug::is({number})) return queue_subscribe(record);\n      return queue_unsubscribe(record);\n"),
    ("snapshot merged into the old book", [
        (BOOK, "bids_.clear();\n    asks_.clear();\n    has_snapshot_ = true;", "has_snapshot_ = true;"),
        (SUBS, "if (record.book) record.book->clear();", ";")]),
    ("no truncation", BOOK, "book.size() > depth_", "book.size() > depth_ + 1"),
    ("checksum not compared", BOOK, "computed != message.checksum", "false"),
    ("a crossed book passes", BOOK, "bids()[0].price() >= asks()[0].price()", "false"),
    ("lost updates are no reason to resynchronise", SESSION, "subscriptions_.on_book_fault(record, stale, now_);", ";"),
    ("a lost message counts as one event", PUBLISHER, "lost_count_ += events;", "++lost_count_;"),
    ("an overrun is not reported", PUBLISHER, "if (report != 0) write_overrun();", ";"),
    ("watchdog fed by a pong", SESSION, "if (*kind == kraken::MessageKind::pong) return true;", ";"),
    ("no watchdog once subscribed", SESSION, "check_restored();\n      return arm_watchdog();", "return check_restored();"),
    ("the watchdog outlives its connection", STEPS,
     "disarm(watchdog_timer_);\n  disarm(pace_timer_);\n  subscriptions_.end_connection();\n  if (!connected()) return;",
     None, "if (!planted_bug::is({number})) disarm(watchdog_timer_);\n  disarm(pace_timer_);\n  subscriptions_.end_connection();\n  if (!connected()) return;"),
    ("requests are not paced", "engine/core/wishes/request_pace.hpp", "full_at_ = std::max(full_at_, now) + interval_;", ";"),
    ("Subscribed said twice", ANSWERS, "publish(EventKind::subscribed, record);",
     "publish(EventKind::subscribed, record); publish(EventKind::subscribed, record);"),
]


def edits_of(bug, number):
    """The (file, old, replacement behind the switch) of a bug."""
    name, *rest = bug
    if len(rest) == 1:
        parts = rest[0]
    else:
        parts = [tuple(rest)]
    for file, old, new, *literal in parts:
        if literal:
            yield file, old, literal[0].replace("{number}", str(number))
        elif old.rstrip()[-1] in ";}":
            yield file, old, f"if (planted_bug::is({number})) {{ {new} }} else {{ {old} }}"
        else:
            yield file, old, f"(planted_bug::is({number}) ? ({new}) : ({old}))"
