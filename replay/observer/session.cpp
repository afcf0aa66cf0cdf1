// The model of a session's life, from the design's tables (§1.1 and §1.2).
#include "replay/observer/session.hpp"

#include <fmt/format.h>

#include "replay/observer/loss_cause.hpp"

namespace havklo::replay {
namespace {

uint64_t ms(Duration duration) { return static_cast<uint64_t>(duration.ns / 1'000'000); }

}  // namespace

SessionObserver::SessionObserver(const Settings& settings, uint16_t number, uint32_t place,
                                 const Names& names, const MarketTruth& truth,
                                 PlaceObserver& places, Duration utc_offset, Verdict& verdict,
                                 OutageHistograms& figures)
    : settings_(settings),
      number_(number),
      place_(place),
      places_(places),
      verdict_(verdict),
      figures_(figures),
      wishes_(settings, number, names, truth, verdict),
      asking_(settings, number, names, truth.is_lossy(), verdict),
      trades_(settings, number, names, truth, verdict),
      lag_(settings, number, names, utc_offset, verdict),
      waits_(settings, number, verdict) {}

void SessionObserver::on_command(const Command& command, Instant now) {
  if (seen_ == Seen::closed) return;
  wishes_.on_command(command);
  asking_.on_command(command, now);
  trades_.on_command(command);
  if (command.kind == Command::Kind::close && !close_asked_) {
    close_asked_ = now;
    close_at_once_ = seen_ != Seen::connected;
  }
  if (command.kind != Command::Kind::reconnect || close_asked_) return;
  if (live()) reconnect_asked_ = now;
  // What room in the ring hides may be a backoff.
  const bool may_skip =
      seen_ == Seen::waiting && (waits_for_backoff_ || waits_for_room_) && waits_.retryable();
  if (!may_skip || breaker_ == Breaker::open || cut_short_) return;
  cut_short_ = now;
  places_.move(place_);
  places_.others().set_moving(true);
}

void SessionObserver::on_open(ConnectionId id, const OpenRequest& request, Instant now) {
  if (wire_open_) violate(Invariant::transport_contract, now, "a second stream beside the first");
  if (static_cast<uint32_t>(id) <= static_cast<uint32_t>(wire_.id) && wire_.id != ConnectionId{}) {
    violate(Invariant::transport_contract, now, "an id is used twice");
  }
  if (request.timeout != settings_.timeouts.connect_timeout) {
    violate(Invariant::transport_contract, now, "the attempt has another connect_timeout");
  }
  if (seen_ != Seen::waiting && seen_ != Seen::idle) {
    violate(Invariant::legal_event, now, "an attempt without a wait before it");
  }
  if (seen_ == Seen::waiting && now < due_ && !cut_short_) {
    violate(Invariant::wait_kept, now,
            fmt::format("the attempt begins {} ns before its announced time", (due_ - now).ns));
  }
  if (seen_ == Seen::waiting && now < waits_.asked_until()) {
    violate(Invariant::backoff, now, "cut short, to sooner than the venue asked");
  }
  if (breaker_ == Breaker::open) {
    violate(Invariant::one_probe, now, "an attempt while the breaker is open");
  }
  probing_ = breaker_ == Breaker::half_open;
  if (probing_ && probe_used_) violate(Invariant::one_probe, now, "a second probe");
  probe_used_ = probing_;
  seen_ = Seen::attempting;
  wire_open_ = true;
  greeting_told_ = idle_ = false;
  asked_by_.reset();
  if (!places_.others().take_grant() || places_.others().take_untold()) {
    violate(Invariant::connect_budget, now, "an attempt for which others leave no place");
  }
  places_.begin(place_, now);
  cut_short_.reset();
  held_by_budget_ = false;
  requests_seen_ = 0;
  wire_.begin(id, now);
  if (attempt_ != 0) ++outage_attempts_;
}

void SessionObserver::on_send(ConnectionId id, std::span<const std::byte> bytes, Instant now) {
  if (!wire_open_ || id != wire_.id) {
    return violate(Invariant::transport_contract, now, "bytes for a stream that is not open");
  }
  wire_.on_sent(bytes, now);
  read_requests(now);
}

void SessionObserver::read_requests(Instant now) {
  for (; requests_seen_ < wire_.requests.size(); ++requests_seen_) {
    const SeenRequest& request = wire_.requests[requests_seen_];
    if (seen_ != Seen::connected) {
      violate(Invariant::subscription_order, now, "a request before the greeting");
    }
    wishes_.on_request(request);
    asking_.on_request(wire_, request);
  }
}

void SessionObserver::on_close(ConnectionId id, Instant now) {
  if (!wire_open_ || id != wire_.id) {
    return violate(Invariant::transport_contract, now, "a stream is closed twice");
  }
  wire_open_ = false;
}

void SessionObserver::on_greeting_told(ConnectionId id, Instant now) {
  if (seen_ != Seen::connected || id != wire_.id || greeting_told_) {
    violate(Invariant::transport_contract, now, "the network is told of a greeting that was none");
  }
  greeting_told_ = true;
}

void SessionObserver::on_delivered(const Completion& completion, Instant now) {
  if (!wire_open_ || completion.connection != wire_.id) return;
  wire_.on_delivered(completion, now);
  if (wire_.rate_errors != 0) wishes_.on_rate_error();
  lag_.on_delivered(wire_);
  asking_.on_delivered(wire_, now);
  trades_.on_delivered(wire_);
}

void SessionObserver::on_event(const Event& event, const VenueHas& venue_has) {
  const bool market = is_market(event.kind);
  if (seen_ == Seen::closed) {
    return violate(Invariant::after_closed, event.time,
                   fmt::format("{} after Closed", to_string(event.kind)));
  }
  const uint32_t epoch = event.kind == EventKind::connected ? epoch_ + 1 : epoch_;
  if (event.epoch != epoch) {
    violate(market ? Invariant::dead_epoch : Invariant::epoch, event.time,
            fmt::format("{} of epoch {} in epoch {}", to_string(event.kind), event.epoch, epoch));
  }
  // Before the end of a wish (TradeObserver) a gap is named without one, too.
  if (market && event.kind != EventKind::trade_gap && seen_ != Seen::connected) {
    violate(Invariant::dead_epoch, event.time,
            fmt::format("{} without a connection", to_string(event.kind)));
  }
  if (!market && expected_) {
    if (event.kind != *expected_) {
      violate(Invariant::breaker_transition, event.time,
              fmt::format("{} where {} is due", to_string(event.kind), to_string(*expected_)));
    }
    expected_.reset();
  } else if (event.kind == EventKind::circuit_breaker_open ||
             event.kind == EventKind::circuit_breaker_closed) {
    violate(Invariant::breaker_transition, event.time,
            fmt::format("{} that nothing calls for", to_string(event.kind)));
  }
  trades_.on_event(event);
  lag_.on_event(event);
  switch (event.kind) {
    case EventKind::connected:
      return on_connected(event);
    case EventKind::connect_failed:
      return on_connect_failed(event);
    case EventKind::disconnected:
      wishes_.on_event(event);
      return on_disconnected(event);
    case EventKind::reconnecting:
      return on_reconnecting(event);
    case EventKind::reconnect_failed:
      return on_reconnect_failed(event);
    case EventKind::closed:
      return on_closed(event);
    case EventKind::subscriptions_restored:
      return on_restored(event, venue_has);
    case EventKind::circuit_breaker_open:
    case EventKind::circuit_breaker_half_open:
    case EventKind::circuit_breaker_closed:
      return on_breaker(event);
    default:
      asking_.on_event(event);
      return wishes_.on_event(event);
  }
}

void SessionObserver::on_connected(const Event& event) {
  wishes_.on_event(event);
  if (seen_ != Seen::attempting || wire_.http_status != 101) {
    violate(Invariant::legal_event, event.time, "Connected without an upgraded connection");
  }
  const Event::Connected& said = event.payload.connected;
  if (said.connect_time_ns != (event.time - wire_.began).ns) {
    violate(Invariant::uptime, event.time, "connect_time_ns is not the attempt's");
  }
  const Endpoint peer{.address = said.address, .port = said.port, .family = said.family};
  if (peer != wire_.peer || (said.tls_resumed != 0) != wire_.tls_resumed) {
    violate(Invariant::transport_contract, event.time, "Connected to another than was reached");
  }
  seen_ = Seen::connected;
  ++epoch_;
  connected_at_ = event.time;
  restored_ = false;
  wishes_.begin_epoch();
  asking_.begin_epoch(event.time);
}

void SessionObserver::on_connect_failed(const Event& event) {
  const Event::ConnectFailed& failed = event.payload.connect_failed;
  if (seen_ != Seen::attempting) {
    violate(Invariant::legal_event, event.time, "ConnectFailed without an attempt");
  }
  if (failed.attempt != attempt_) {
    violate(Invariant::attempt_count, event.time,
            fmt::format("ConnectFailed of attempt {}, it was {}", failed.attempt, attempt_));
  }
  if (failed.reason == Reason::upgrade_refused && failed.http_status != wire_.http_status) {
    violate(Invariant::loss_reason, event.time, "another HTTP status than the venue's");
  }
  on_loss(failed.reason, failed.retryable != 0, failed.http_status, event.time);
}

void SessionObserver::on_disconnected(const Event& event) {
  const Event::Disconnected& lost = event.payload.disconnected;
  if (seen_ != Seen::connected) {
    violate(Invariant::legal_event, event.time, "Disconnected without Connected");
  }
  if (lost.uptime_ns != (event.time - connected_at_).ns) {
    violate(Invariant::uptime, event.time, "uptime_ns is not the connection's");
  }
  if (lost.reason == Reason::requested && wire_.goodbye_code != 1000) {
    violate(Invariant::command_obeyed, event.time, "gone, and no close 1000 before");
  }
  figures_.uptime_ms.add(ms(event.time - connected_at_));
  wishes_.end_epoch();
  asking_.end_epoch(wire_, event.time);
  on_loss(lost.reason, lost.retryable != 0, 0, event.time);
}

void SessionObserver::on_loss(Reason reason, bool retryable, uint16_t http_status, Instant at) {
  const LossCircumstances seen{.connected_at = connected_at_,
                               .probing = probing_,
                               .asked_for = close_asked_ || reconnect_asked_ == at,
                               .idle = idle_};
  reconnect_asked_.reset();  // that it is Live again in the same instant is none of its business
  if (const auto broken = unfounded(reason, settings_, wire_, seen, at)) {
    violate(*broken, at, fmt::format("{}, and nothing on the wire says so", to_string(reason)));
  }
  if (is_untold(reason, wire_)) {
    violate(Invariant::loss_reason, at, fmt::format("{}, and no close frame", to_string(reason)));
  }
  ++losses_;
  last_reason_ = reason;
  lost_attempt_began_ = wire_.began;
  const bool was_live = live();
  const bool was_stable = was_live && at - live_at_ >= settings_.reconnect.stable_after;
  seen_ = Seen::lost;
  restored_ = false;
  waits_.on_loss(reason, retryable, http_status, wire_, was_live, at);
  if (was_live) {
    down_since_ = at;
    outage_attempts_ = outage_trips_ = 0;
  }
  if (was_stable) {
    attempt_ = failures_ = 0;
    waits_.begin_again();
  }
  if (close_asked_ || !settings_.reconnect.enabled) return;
  ++attempt_;
  if (was_stable || reason == Reason::requested || !settings_.circuit_breaker.enabled) return;
  ++failures_;
  if (breaker_ == Breaker::half_open || failures_ >= settings_.circuit_breaker.failure_threshold) {
    expect(EventKind::circuit_breaker_open);
  }
}

void SessionObserver::on_reconnecting(const Event& event) {
  const Event::Reconnecting& wait = event.payload.reconnecting;
  const std::optional<Instant> others = places_.others().tell();
  if (seen_ != Seen::lost) check_held_up(event, others);
  if ((!settings_.reconnect.enabled && seen_ == Seen::lost) || close_asked_) {
    violate(Invariant::command_obeyed, event.time, "Reconnecting where no more is wanted");
  }
  if (wait.attempt != attempt_) {
    violate(Invariant::attempt_count, event.time,
            fmt::format("attempt {} is announced, it is number {}", wait.attempt, attempt_));
  }
  if (settings_.reconnect.max_attempts && attempt_ > *settings_.reconnect.max_attempts) {
    violate(Invariant::max_attempts, event.time, "an attempt beyond max_attempts");
  }
  if (seen_ == Seen::lost) {
    waits_.check(wait, attempt_, breaker_ == Breaker::open, wire_, event.time);
  }
  seen_ = Seen::waiting;
  due_ = event.time + Duration{wait.delay_ns};
  waits_for_backoff_ = wait.waits_for == WaitsFor::backoff;
  waits_for_room_ = wait.waits_for == WaitsFor::ring;
  check_place(event, others);
}

void SessionObserver::check_held_up(const Event& event, std::optional<Instant> others) {
  const bool over = seen_ == Seen::idle ||
                    (seen_ == Seen::waiting && (event.time >= due_ || cut_short_.has_value()));
  if (!over || !others) {
    violate(Invariant::legal_event, event.time, "Reconnecting without a loss");
  }
  if (event.payload.reconnecting.waits_for != WaitsFor::budget) {
    violate(Invariant::legal_event, event.time, "it waits on, and not for the budget");
  }
  if (breaker_ == Breaker::open) {
    violate(Invariant::one_probe, event.time, "a place is asked for while the breaker is open");
  }
  cut_short_.reset();
  held_by_budget_ = false;
  held_up_at_ = event.time;
}

// A wait ends at a place in the budget, and at the first that there is.
void SessionObserver::check_place(const Event& event, std::optional<Instant> others) {
  const bool by_budget = event.payload.reconnecting.waits_for == WaitsFor::budget;
  if (others && due_ < *others) {
    violate(Invariant::connect_budget, event.time, "announced for when others leave no place");
  }
  const bool sooner_for_others = !others || due_ - Duration{1} >= *others;
  if (places_.is_certain_for(place_, event.time)) {
    if (!places_.fits(place_, due_)) {
      violate(Invariant::connect_budget, event.time, "announced for when the budget has no place");
    }
    if (by_budget && sooner_for_others && places_.fits(place_, due_ - Duration{1})) {
      violate(Invariant::connect_budget, event.time, "the budget has a place sooner");
    }
  }
  places_.book(place_, due_);
}

void SessionObserver::on_reconnect_failed(const Event& event) {
  const auto& most = settings_.reconnect.max_attempts;
  if (seen_ != Seen::lost || !most || attempt_ != *most + 1) {
    violate(Invariant::max_attempts, event.time,
            fmt::format("ReconnectFailed before attempt {}", attempt_));
  }
  if (most && event.payload.ended.attempts != *most) {
    violate(Invariant::attempt_count, event.time, "ReconnectFailed with another number");
  }
  reconnect_failed_ = true;
  expect(EventKind::closed);
}

void SessionObserver::on_closed(const Event& event) {
  const bool ended = seen_ == Seen::lost && (reconnect_failed_ || !settings_.reconnect.enabled);
  const bool asked = close_asked_ && seen_ != Seen::connected && seen_ != Seen::attempting;
  if (!ended && !asked) {
    violate(Invariant::legal_event, event.time, "Closed, and nobody asked for it");
  }
  if (!asked && event.payload.ended.attempts != attempt_ - (reconnect_failed_ ? 1 : 0)) {
    violate(Invariant::attempt_count, event.time, "Closed with another number");
  }
  places_.give_back(place_);
  seen_ = Seen::closed;
}

void SessionObserver::on_restored(const Event& event, const VenueHas& venue_has) {
  const auto& restored = event.payload.subscriptions_restored;
  if (seen_ != Seen::connected || restored_) {
    violate(Invariant::legal_event, event.time, "all clear twice, or without connection");
  }
  wishes_.on_restored(restored.count, restored.rejected, venue_has, event.time);
  const int64_t down = down_since_ ? (event.time - *down_since_).ns : 0;
  if (restored.downtime_ns != down) {
    violate(Invariant::uptime, event.time, "downtime_ns is not the outage's");
  }
  if (down_since_) {
    ++outages_;
    figures_.time_to_all_clear_ms.add(ms(Duration{down}));
    figures_.attempts.add(outage_attempts_);
    figures_.trips.add(outage_trips_);
  } else {
    figures_.first_all_clear_ms.add(ms(event.time - Instant{}));
  }
  down_since_.reset();
  restored_ = true;
  live_at_ = event.time;
  asking_.on_live(event.time);
  waits_.on_restored();
  if (probing_) expect(EventKind::circuit_breaker_closed);
}

void SessionObserver::on_breaker(const Event& event) {
  const Event::CircuitBreaker& said = event.payload.circuit_breaker;
  const CircuitBreakerSettings& breaker = settings_.circuit_breaker;
  const auto wrong = [&](std::string_view what) {
    violate(Invariant::breaker_transition, event.time,
            fmt::format("{}: {}", to_string(event.kind), what));
  };
  if (event.kind == EventKind::circuit_breaker_open) {
    ++trips_;
    ++outage_trips_;
    if (said.retry_after_ns != breaker.reset_timeout.ns) wrong("not reset_timeout");
    breaker_ = Breaker::open;
    opened_at_ = event.time;
  } else if (event.kind == EventKind::circuit_breaker_half_open) {
    if (breaker_ != Breaker::open) wrong("it was not open");
    if (event.time < opened_at_ + breaker.reset_timeout) wrong("too early");
    breaker_ = Breaker::half_open;
    probe_used_ = false;
  } else {
    breaker_ = Breaker::closed;
    probing_ = false;
    failures_ = 0;
  }
  if (said.trips != trips_) wrong("another count of trips");
}

}  // namespace havklo::replay
