"""The life of a session: lifecycle, backoff, breaker, budget, timers, watchdog, addresses.

How a bug is written: planted_bugs.py.
"""
from by_test import by_test

LIFE = "engine/core/lifecycle.cpp"
STEPS = "engine/core/session_lifecycle.cpp"
SESSION = "engine/core/session.cpp"
BREAKER = "include/havklo/circuit_breaker.hpp"
BACKOFF = "include/havklo/backoff.hpp"
BUDGET = "include/havklo/connect_budget.hpp"

WATCHDOG = "engine/core/watchdog.hpp"
CONNECTION = "engine/websocket/connection.cpp"
ADDRESSES = "engine/addresses/addresses.cpp"
TRANSPORT = "engine/io/live_transport.cpp"
RACE = "engine/addresses/race.cpp"

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

    # What has to be forgotten: not forgotten, forgotten too early, forgotten at another door.
    ("a stable life forgets no attempts", LIFE, "attempt_ = 0;\n  backoff_.reset();", "backoff_.reset();"),
    ("the all clear forgets the attempts", LIFE, "live_since_ = now;", "live_since_ = now; attempt_ = 0;"),
    ("reconnect() forgets the attempts", LIFE, "return lose({.reason = Reason::requested}, close_normal, input.room, now, actions);",
     "attempt_ = 0; return lose({.reason = Reason::requested}, close_normal, input.room, now, actions);"),
    ("a life is reckoned from the first all clear", LIFE, "live_since_ = now;", "if (epoch_ == 1) live_since_ = now;"),
    ("a life is reckoned from its greeting", LIFE, "now - live_since_ >= reconnect_.stable_after", "now - connected_at_ >= reconnect_.stable_after"),
    ("a stable life forgives no failures", BREAKER, "if (state_ == BreakerState::closed) failures_ = 0;", ";"),
    ("the all clear forgives the failures", LIFE, "live_since_ = now;", "live_since_ = now; breaker_.record_stable();"),
    ("a probe's success forgives no failures", BREAKER, "failures_ = 0;\n    return BreakerTransition::closed;", "return BreakerTransition::closed;"),
    ("reconnect() counts as a failure", LIFE, "!was_stable && loss.reason != Reason::requested", "!was_stable"),
    ("half-open begins to count anew", [
        (BREAKER, "state_ = BreakerState::half_open;", "state_ = BreakerState::half_open; failures_ = 0;"),
        (BREAKER, "state_ == BreakerState::closed && failures_ < settings_.failure_threshold", "failures_ < settings_.failure_threshold")]),
    ("trips are forgotten when it closes", BREAKER, "opened_at_.reset();", "opened_at_.reset(); trips_ = 0;"),
    ("the first opening is remembered", BREAKER, "opened_at_ = now;", "if (!opened_at_) opened_at_ = now;"),
    by_test("core_tests", "CircuitBreaker.CountsATripForAFailedProbeAndGivesThePermitBack",
            ("a failed probe keeps its permit", BREAKER, "probe_in_flight_ = false;\n    ++trips_;", "++trips_;")),
    by_test("core_tests", "CircuitBreaker.AdmitsOneProbeUntilItEnds",
            ("a probe without a verdict keeps its permit", BREAKER, "void abandon_probe() { probe_in_flight_ = false; }",
             None, "void abandon_probe() { if (!planted_bug::is({number})) probe_in_flight_ = false; }")),
    ("the probe's deadline outlives its success", LIFE, "probing_ = false;\n  cancel(TimerKind::probe, actions);", ";"),
    ("a stable life keeps the delay drawn last", BACKOFF, "void reset() { previous_ = settings_.initial_delay; }",
     None, "void reset() { if (!planted_bug::is({number})) previous_ = settings_.initial_delay; }"),
    by_test("core_life_tests", "Forgetting.TheDelayDrawnLastIsForgottenAfterAStableLifeAndNotBefore",
            ("the all clear forgets the delay drawn last", LIFE, "down_since_.reset();", "down_since_.reset(); backoff_.reset();")),
    by_test("core_tests", "Backoff.DecorrelatedJitterGrowsFromWhatItDrewLastUntilItIsReset",
            ("each draw forgets the one before", BACKOFF, "return previous_;",
             "const Duration drawn = previous_; previous_ = settings_.initial_delay; return drawn;")),

    # Maintenance, Retry-After, rate limits.
    ("maintenance is never over", LIFE, "maintenance_floor_ = false;", ";"),
    ("the greeting ends the maintenance", LIFE, "greeted_ = true;", "greeted_ = true; maintenance_floor_ = false;"),
    ("maintenance said on the last connection", LIFE, "greeted_ = false;\n  maintenance_said_ = false;", "greeted_ = false;"),
    ("a status takes nothing back", LIFE, "if (has_connection()) maintenance_said_ = input.system == SystemStatus::maintenance;",
     "if (has_connection() && input.system == SystemStatus::maintenance) maintenance_said_ = true;"),
    ("a later status is not heard", LIFE, "if (has_connection()) maintenance_said_ = input.system == SystemStatus::maintenance;", ";"),
    ("the greeting's status is not heard", LIFE, "maintenance_said_ = input.system == SystemStatus::maintenance;\n  cancel(TimerKind::phase, actions);",
     "cancel(TimerKind::phase, actions);"),
    ("1013 is any close", LIFE, "loss.close_code == close_service_restart || loss.close_code == close_try_again_later",
     "loss.close_code == close_service_restart"),
    ("a date in Retry-After is now", "engine/websocket/http_date.cpp", "const int64_t seconds = *to - *from;",
     None, "const int64_t seconds = planted_bug::is({number}) ? 0 : *to - *from;"),
    by_test("core_life_tests", "Lifecycle.WaitsForWhatTheVenueAsksFor",
            ("Retry-After is obeyed for an hour", LIFE, "std::min(*loss.retry_after, retry_after_max)", "*loss.retry_after")),
    by_test("websocket_tests", "WebSocketHandshake.AStartForgetsTheConnectionBefore",
            ("the next connection has the last Retry-After", CONNECTION, "retry_after_.reset();", ";")),
    ("the next connection has the last half a frame", CONNECTION, "frame_open_ = false;\n  message_open_ = false;\n  head_bytes_ = 0;",
     "message_open_ = false; head_bytes_ = 0;"),

    # Commands, and the places in the budget.
    ("reconnect() waits its backoff out", LIFE, "skippable_ = wait.cause == WaitsFor::backoff && !open && is_retryable(loss);", "skippable_ = false;"),
    ("reconnect() cuts any wait short", LIFE, "skippable_ = wait.cause == WaitsFor::backoff && !open && is_retryable(loss);", "skippable_ = !open;"),
    ("reconnect() goes before the venue's time", LIFE, "budget_->reserve(std::max(now, not_before_), now)", "budget_->reserve(now, now)"),
    by_test("core_life_tests", "Forgetting.AWaitThatIsCutShortOrClosedGivesItsPlaceBack",
            ("a wait that is cut short keeps its place", LIFE, "skippable_ = false;\n  budget_->cancel(*booked_);", "skippable_ = false;")),
    by_test("core_life_tests", "Forgetting.AWaitThatIsCutShortOrClosedGivesItsPlaceBack",
            ("a closed session keeps its place", LIFE, "if (booked_) budget_->cancel(*booked_);", ";")),
    ("close() is heard when the wait is over", LIFE, "cancel_all(actions);\n      return finish(Reason::requested, actions);", "return;"),
    by_test("core_life_tests", "Forgetting.CloseEndsEveryPhaseAndLeavesNoTimer",
            ("close() leaves the breaker's timer", LIFE, "cancel_all(actions);\n      return finish(Reason::requested, actions);",
             "cancel(TimerKind::phase, actions); return finish(Reason::requested, actions);")),
    ("close() says goodbye to who has not greeted", LIFE,
     "actions.add(ActionKind::drop).close_code = close_normal;\n      publish_loss({.reason = Reason::requested}, now, actions);\n"
     "      return finish(Reason::requested, actions);",
     "phase_ = Phase::closing; actions.add(ActionKind::say_goodbye).close_code = close_normal; "
     "return arm(TimerKind::phase, now + timeouts_.close_timeout, actions);"),
    ("half of the window is enough", BUDGET, "forget_before(now - settings_.window);\n    Instant place = earliest;",
     None, "forget_before(now - (planted_bug::is({number}) ? Duration{settings_.window.ns / 2} : settings_.window));\n    Instant place = earliest;"),
    ("a place given back stays taken", BUDGET, "if (found != places_.end() && *found == place) places_.erase(found);", ";"),
    ("a place that is booked ahead is not taken", BUDGET, "places_.insert(std::ranges::upper_bound(places_, place), place);",
     "if (place <= now) places_.insert(std::ranges::upper_bound(places_, place), place);"),
    by_test("core_tests", "ConnectBudget.WhatHasBegunIsForgottenAfterAWindowAndNotBefore",
            ("no place is ever forgotten", BUDGET, "places_.erase(places_.begin(), kept);", ";")),

    # What one connection leaves to the next.
    ("the greeting has what the upgrade left", LIFE, "return arm(TimerKind::phase, now + timeouts_.greeting_timeout, actions);", "return;"),
    ("uptime of the first connection", LIFE, "connected_at_ = now;", "if (epoch_ == 1) connected_at_ = now;"),
    ("connect time of the whole outage", LIFE, "attempt_began_ = now;", "if (attempt_ <= 1) attempt_began_ = now;"),
    ("the greeting ends the downtime", LIFE, "greeted_ = true;", "greeted_ = true; down_since_.reset();"),
    ("the last connection's greeting counts for the next", [
        (LIFE, "greeted_ = false;\n  maintenance_said_ = false;", "maintenance_said_ = false;"),
        (LIFE, "greeted_ = false;\n  if (probing_) breaker_.abandon_probe();", "if (probing_) breaker_.abandon_probe();")]),
    ("the network is not told of greetings", STEPS, "shared_.transport.greeted(*connection_);", ";"),
    ("nobody says that TLS was resumed", SESSION, "tls_resumed_ = completion.tls_resumed;", ";"),
    ("a message does not feed the watchdog", SESSION, "watchdog_.fed(now_);", "if (phase() == Phase::greeting) watchdog_.fed(now_);"),
    ("a pong is no answer to the probe", WATCHDOG, "if (pinged_at_ && heard_at_ > *pinged_at_) pinged_at_.reset();", ";"),
    ("an idle socket is not probed", STEPS, "send_ping();\n      break;", "watchdog_.heard(now_); break;"),
    by_test("core_life_tests", "Watchdog.ANewConnectionForgetsTheQuestionOfTheLast",
            ("the last connection's probe is waited for", WATCHDOG, "void begin_connection() { pinged_at_.reset(); }",
             None, "void begin_connection() { if (!planted_bug::is({number})) pinged_at_.reset(); }")),
    by_test("core_life_tests", "Watchdog.ASubscriptionForgetsTheQuestion",
            ("a subscription keeps the probe", WATCHDOG, "pinged_at_.reset();\n      return fed_at_ + heartbeat_timeout_;",
             "return fed_at_ + heartbeat_timeout_;")),

    # Names, TLS and the places of connections, on the live network.
    by_test("io_tests", "ResolverTest.AWildcardDoesNotAnswerForAVenueThatIsGoneForAMoment",
            ("as what a name was found is forgotten", "engine/io/threads/resolver.cpp", "known = name;", ";")),
    by_test("io_tests", "*TlsTransportTest.TheSecondConnectionResumes*",
            ("a connection's end forgets the ticket", TRANSPORT,
             "if (slot.tls && slot.phase == Phase::open) slot.known->session = slot.tls->take_session();", ";")),
    by_test("io_tests", "*TlsTransportTest.AFailedHandshakeForgetsTheTicket*",
            ("a ticket is offered again to who disliked it", TRANSPORT, "slot.known->session = {};", ";")),
    by_test("io_tests", "*VenueAddresses.WhatTheLastConnectionWasToldIsNotTheNextOnes*",
            ("a place keeps that its last connection was greeted", TRANSPORT, "slot.greeted = false;", ";")),

    # Addresses.
    by_test("addresses_tests", "Addresses.WhatFailedSinceComesLastTheLongestAgoFirst",
            ("a greeting forgives no address", "engine/addresses/addresses.hpp", "has_failed_since() const { return failed > greeted; }",
             None, "has_failed_since() const { return planted_bug::is({number}) ? failed != 0 : failed > greeted; }")),
    by_test("addresses_tests", "Addresses.WhatComesBackIntoTheAnswerIsRemembered",
            ("each answer forgives all addresses", ADDRESSES, "listed.push_back(before != nullptr ? *before : Memory{.endpoint = endpoint});",
             "listed.push_back(Memory{.endpoint = endpoint});")),
    by_test("addresses_tests", "Addresses.WhatComesBackIntoTheAnswerIsRemembered",
            ("what leaves the answer is forgotten", ADDRESSES, "if (!again && before.last_news() != 0) listed.push_back(before);", ";")),
    by_test("addresses_tests", "Addresses.AnAnswerWithoutAddressesLeavesTheLastGoodOnes",
            ("an empty answer forgets the last", ADDRESSES, "if (answer.empty()) return;", "if (answer.empty()) { listed_ = 0; memories_.clear(); return; }")),
    by_test("addresses_tests", "Addresses.OldNewsOfWhatIsInNoAnswerAreForgotten",
            ("news of old addresses add up", ADDRESSES, "while (memories_.size() - listed_ > remembered_max) forget_oldest();", ";")),
    by_test("addresses_tests", "Addresses.OldNewsOfWhatIsInNoAnswerAreForgotten",
            ("the newest news are forgotten first", ADDRESSES, "std::ranges::min_element(unlisted, memories_.end(), {}, &Memory::last_news)",
             "std::ranges::max_element(unlisted, memories_.end(), {}, &Memory::last_news)")),
    by_test("addresses_tests", "AddressRace.ANewAttemptForgetsTheLast",
            ("who ran in the last attempt runs no more", RACE, "*this = {};", "auto ran = started_; *this = {}; started_ = ran;")),
    by_test("addresses_tests", "AddressRace.OneThatFallsCostsNothing",
            ("one that fell hurries everybody", RACE, "last_start_ = now;\n  hurries_ = false;", "last_start_ = now;")),
]
