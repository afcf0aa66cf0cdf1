// The order in which connections, epochs and the all clears of legs and session may be told.
#include <fmt/format.h>

#include <utility>

#include "replay/observer/legs/session.hpp"
#include "replay/observer/loss_cause.hpp"

namespace havklo::replay {
namespace {

uint64_t ms(Duration duration) { return static_cast<uint64_t>(duration.ns / 1'000'000); }

}  // namespace

void LegsObserver::check_order(const Event& event) {
  const bool market = is_market(event.kind);
  if (closed_) {
    violate(Invariant::after_closed, event.time,
            fmt::format("{} after Closed", to_string(event.kind)));
  }
  const uint32_t epoch = event.kind == EventKind::connected ? epoch_ + 1 : epoch_;
  if (event.epoch != epoch) {
    violate(market ? Invariant::dead_epoch : Invariant::epoch, event.time,
            fmt::format("{} of epoch {} in epoch {}", to_string(event.kind), event.epoch, epoch));
  }
  if (market && event.kind != EventKind::trade_gap && !open_) {
    violate(Invariant::dead_epoch, event.time,
            fmt::format("{} without a connection", to_string(event.kind)));
  }
  if (market || !expected_) return;
  if (event.kind != *expected_) {
    violate(Invariant::leg_order, event.time,
            fmt::format("{} where {} is due", to_string(event.kind), to_string(*expected_)));
  }
  expected_.reset();
}

void LegsObserver::on_event(const Event& event, const VenueHas&) {
  if (event.leg >= legs_.size()) {
    return violate(Invariant::leg_order, event.time, "no such leg");
  }
  const bool was_due = expected_ == event.kind;
  check_order(event);
  const auto call_for = [&] {
    if (was_due) return;
    violate(Invariant::leg_order, event.time,
            fmt::format("{} that nothing calls for", to_string(event.kind)));
  };
  switch (event.kind) {
    case EventKind::connected:
      books_.on_event(event);
      return on_connected(event);
    case EventKind::leg_connected:
      return on_leg_connected(event);
    case EventKind::leg_lost:
      return on_leg_lost(event);
    case EventKind::connect_failed:
      return on_connect_failed(event);
    case EventKind::disconnected:
      call_for();
      books_.on_event(event);
      return on_disconnected(event);
    case EventKind::leg_restored:
      return on_leg_restored(event);
    case EventKind::subscriptions_restored:
      return on_restored(event);
    case EventKind::leg_reconnecting:
      return on_leg_reconnecting(event);
    case EventKind::reconnecting:
      return violate(Invariant::leg_order, event.time, "Reconnecting of a session with legs");
    case EventKind::reconnect_failed:
      if (!settings_.reconnect.max_attempts || greeted_legs(legs_) != 0) {
        violate(Invariant::max_attempts, event.time, "ReconnectFailed, and a leg goes on");
      }
      gave_up_ = true;
      return expect(EventKind::closed);
    case EventKind::closed:
      return on_closed(event);
    case EventKind::circuit_breaker_open:
    case EventKind::circuit_breaker_half_open:
    case EventKind::circuit_breaker_closed:
      return on_breaker(event);
    default:
      books_.on_event(event);
      trades_.on_event(event);
  }
}

// The first greeting begins the epoch; or the last loss does, where another is greeted.
void LegsObserver::on_connected(const Event& event) {
  SeenLeg& leg = legs_[event.leg];
  if (open_) violate(Invariant::leg_order, event.time, "Connected twice");
  const bool handed_over = lost_all_at_ == event.time && leg.greeted();
  if (!handed_over && (leg.seen != SeenLeg::Seen::attempting || leg.wire.http_status != 101)) {
    violate(Invariant::leg_order, event.time, "Connected without an upgraded connection");
  }
  if (handed_over) {
    reach(Sometime::epoch_handed_over);
  } else {
    expect(EventKind::leg_connected);
  }
  open_ = true;
  restored_ = false;
  ++epoch_;
  connected_at_ = event.time;
}

void LegsObserver::on_leg_connected(const Event& event) {
  SeenLeg& leg = legs_[event.leg];
  if (!open_ || leg.seen != SeenLeg::Seen::attempting || leg.wire.http_status != 101) {
    violate(Invariant::leg_order, event.time, "LegConnected without an upgraded connection");
  }
  const Event::Connected& said = event.payload.connected;
  if (said.connect_time_ns != (event.time - leg.wire.began).ns) {
    violate(Invariant::uptime, event.time, "connect_time_ns is not the attempt's");
  }
  const Endpoint peer{.address = said.address, .port = said.port, .family = said.family};
  if (peer != leg.wire.peer) {
    violate(Invariant::transport_contract, event.time, "LegConnected to another than was reached");
  }
  leg.seen = SeenLeg::Seen::greeted;
  leg.connected_at = event.time;
  leg.live = false;
}

void LegsObserver::note_loss(SeenLeg& leg, Reason reason, Instant at) {
  leg.seen = SeenLeg::Seen::lost;
  leg.live = leg.renewal_asked = false;
  leg.lost_at = at;
  if (reason == Reason::rotated || reason == Reason::requested) return;  // wanted
  ++losses_;
  last_reason_ = reason;
  lost_attempt_began_ = leg.wire.began;
}

void LegsObserver::on_leg_lost(const Event& event) {
  SeenLeg& leg = legs_[event.leg];
  const Event::Disconnected& lost = event.payload.disconnected;
  if (!leg.greeted() || !open_) {
    violate(Invariant::leg_order, event.time, "LegLost without LegConnected");
  }
  if (lost.uptime_ns != (event.time - leg.connected_at).ns) {
    violate(Invariant::uptime, event.time, "uptime_ns is not the leg's");
  }
  const bool was_live = leg.live;
  check_reason(leg, event.leg, lost.reason, was_live, event.time);
  check_not_last(leg, event.leg, lost.reason, was_live, event.time);
  figures_.uptime_ms.add(ms(event.time - leg.connected_at));
  note_loss(leg, lost.reason, event.time);
  books_.on_leg_lost(event.leg);
  trades_.on_leg_lost(event.leg);
  if (lost.reason == Reason::lagging) reach(Sometime::leg_lost_by_lagging);
  if (lost.reason == Reason::rotated) reach(Sometime::leg_lost_by_rotation);
  if (was_live && live_legs(legs_) != 0) reach(Sometime::leg_lost_and_nobody_noticed);
  const bool ends =
      greeted_legs(legs_) == 0 || (was_live && live_legs(legs_) == 0 && !close_asked_);
  if (ends) expect(EventKind::disconnected);
}

void LegsObserver::check_reason(const SeenLeg& leg, uint32_t number, Reason reason, bool was_live,
                                Instant at) {
  if (reason == Reason::lagging) {
    const auto since = behind_since(number);
    if (!since || at - *since < settings_.leg_lag_max) {
      violate(Invariant::leg_lag, at, fmt::format("leg {} lags, and it is not late", number));
    }
    return;
  }
  if (reason == Reason::rotated) {
    if (!settings_.rotate_after || !was_live ||
        at - leg.live_at < Duration{settings_.rotate_after->ns / 4 * 3}) {
      violate(Invariant::loss_reason, at, fmt::format("leg {} is renewed too early", number));
    }
    return;
  }
  const LossCircumstances seen{.connected_at = leg.connected_at,
                               .probing = true,
                               .asked_for = close_asked_ || leg.renewal_asked,
                               .idle = !leg.told.any_acked()};
  // Whether it was the probe, and whether anything was subscribed, only its session knows.
  if (reason == Reason::heartbeat_timeout) {
    const Instant heard = std::min(leg.wire.last_heard_at, leg.wire.last_message_at);
    if (at - heard < settings_.timeouts.heartbeat_timeout) {
      violate(Invariant::false_alarm, at, "heartbeat_timeout of a leg that was heard");
    }
    return;
  }
  if (const auto broken = unfounded(reason, settings_, leg.wire, seen, at)) {
    violate(*broken, at, fmt::format("{}, and nothing on the wire says so", to_string(reason)));
  }
  if (is_untold(reason, leg.wire)) {
    violate(Invariant::loss_reason, at, fmt::format("{}, and no close frame", to_string(reason)));
  }
}

void LegsObserver::check_not_last(const SeenLeg& leg, uint32_t number, Reason reason, bool was_live,
                                  Instant at) {
  if (close_asked_) return;
  const bool by_us = reason == Reason::lagging || reason == Reason::rotated ||
                     reason == Reason::requested ||
                     (reason == Reason::maintenance && leg.wire.goodbye_code == 1000 &&
                      leg.wire.ended == Reason::none);
  if (!by_us || !was_live) return;
  if (reason == Reason::maintenance) reach(Sometime::renewed_before_a_maintenance);
  if (live_legs(legs_) > 1) return;
  violate(Invariant::never_the_last, at,
          fmt::format("leg {} was the only Live one, and goes: {}", number, to_string(reason)));
}

void LegsObserver::on_connect_failed(const Event& event) {
  const Event::ConnectFailed& failed = event.payload.connect_failed;
  SeenLeg& leg = legs_[event.leg];
  if (leg.seen != SeenLeg::Seen::attempting) {
    violate(Invariant::leg_order, event.time, "ConnectFailed without an attempt");
  }
  if (failed.reason == Reason::upgrade_refused && failed.http_status != leg.wire.http_status) {
    violate(Invariant::loss_reason, event.time, "another HTTP status than the venue's");
  }
  leg.connected_at = leg.wire.began;
  check_reason(leg, event.leg, failed.reason, false, event.time);
  note_loss(leg, failed.reason, event.time);
}

void LegsObserver::on_disconnected(const Event& event) {
  if (!open_) violate(Invariant::leg_order, event.time, "Disconnected without Connected");
  if (live_legs(legs_) != 0) {
    violate(Invariant::gapless, event.time, "Disconnected, and a leg is Live");
  }
  if (event.payload.disconnected.uptime_ns != (event.time - connected_at_).ns) {
    violate(Invariant::uptime, event.time, "uptime_ns is not the session's");
  }
  open_ = false;
  if (std::exchange(restored_, false)) down_since_ = event.time;
  lost_all_at_ = event.time;
  owes_all_clear_ = false;
  if (greeted_legs(legs_) != 0 && !close_asked_) expect(EventKind::connected);
}

void LegsObserver::on_leg_restored(const Event& event) {
  SeenLeg& leg = legs_[event.leg];
  if (!leg.greeted() || leg.live) {
    violate(Invariant::leg_order, event.time, "LegRestored twice, or without a connection");
  }
  leg.live = true;
  leg.live_at = event.time;
  if (live_legs(legs_) == 2) several_live_at_ = event.time;
  // At once, or when all that it tells of has found room.
  owes_all_clear_ = owes_all_clear_ || !restored_;
}

void LegsObserver::on_restored(const Event& event) {
  const auto& restored = event.payload.subscriptions_restored;
  if (!std::exchange(owes_all_clear_, false) || !legs_[event.leg].live) {
    violate(Invariant::leg_order, event.time, "all clear twice, or without a Live leg");
  }
  books_.on_restored(restored.count, restored.rejected, event.leg, event.time);
  if (restored.downtime_ns != (down_since_ ? (event.time - *down_since_).ns : 0)) {
    violate(Invariant::uptime, event.time, "downtime_ns is not the outage's");
  }
  if (down_since_) {
    ++outages_;
    figures_.time_to_all_clear_ms.add(ms(event.time - *down_since_));
  } else {
    figures_.first_all_clear_ms.add(ms(event.time - Instant{}));
  }
  down_since_.reset();
  restored_ = true;
}

void LegsObserver::on_leg_reconnecting(const Event& event) {
  SeenLeg& leg = legs_[event.leg];
  const Event::Reconnecting& wait = event.payload.reconnecting;
  static_cast<void>(places_[event.leg].places->others().tell());
  if (leg.seen != SeenLeg::Seen::lost && leg.seen != SeenLeg::Seen::waiting &&
      leg.seen != SeenLeg::Seen::idle) {
    violate(Invariant::leg_order, event.time, "LegReconnecting without a loss");
  }
  if (close_asked_) {
    violate(Invariant::command_obeyed, event.time, "LegReconnecting where no more is wanted");
  }
  leg.seen = SeenLeg::Seen::waiting;
  leg.waits_for = wait.waits_for;
  leg.due = event.time + Duration{wait.delay_ns};
  leg.cut_short = false;
  places_[event.leg].places->book(places_[event.leg].number, leg.due);
}

void LegsObserver::on_breaker(const Event& event) {
  const auto wrong = [&](std::string_view what) {
    violate(Invariant::breaker_transition, event.time,
            fmt::format("{}: {}", to_string(event.kind), what));
  };
  if (event.kind == EventKind::circuit_breaker_open) {
    ++trips_;
    if (breaker_ == Breaker::open) wrong("it was open");
    breaker_ = Breaker::open;
  } else if (event.kind == EventKind::circuit_breaker_half_open) {
    if (breaker_ != Breaker::open) wrong("it was not open");
    breaker_ = Breaker::half_open;
  } else {
    if (breaker_ == Breaker::closed) wrong("it was closed");
    breaker_ = Breaker::closed;
  }
  if (event.payload.circuit_breaker.trips != trips_) wrong("another count of trips");
}

void LegsObserver::on_closed(const Event& event) {
  if (!close_asked_ && !gave_up_) {
    violate(Invariant::leg_order, event.time, "Closed, and nobody asked for it");
  }
  for (size_t i = 0; i < legs_.size(); ++i) {
    if (legs_[i].greeted() || legs_[i].seen == SeenLeg::Seen::attempting) {
      violate(Invariant::leg_order, event.time, fmt::format("Closed, and leg {} is not", i));
    }
    places_[i].places->give_back(places_[i].number);
  }
  if (open_) violate(Invariant::leg_order, event.time, "Closed without Disconnected");
  closed_ = true;
}

}  // namespace havklo::replay
