// What each event, command and attempt shows of the states.
#include "replay/observer/sometimes.hpp"

#include <algorithm>

#include "kraken/channels.hpp"

namespace havklo::replay {
namespace {

constexpr Duration a_second = Duration::seconds(1);

bool is_silence(std::string_view detail) { return detail.find("never") != std::string_view::npos; }

}  // namespace

Sometimes::Sometimes(const std::vector<Settings>& sessions, const Names& names)
    : names_(names), settings_(sessions), sessions_(sessions.size()) {
  for (size_t i = 0; i < sessions_.size(); ++i) {
    sessions_[i].settings = &settings_[i];
    for (const SubscriptionSettings& each : settings_[i].subscriptions) {
      for (const std::string& symbol : each.symbols) {
        sessions_[i].wishes.push_back(
            {.channel = each.channel, .symbol = symbol, .depth = parameter_of(each)});
      }
    }
  }
}

// The wishes.

Sometimes::Wish* Sometimes::find(Session& session, Channel channel, std::string_view symbol) {
  const auto found = std::ranges::find_if(session.wishes, [&](const Wish& wish) {
    return wish.channel == channel && wish.symbol == symbol;
  });
  return found == session.wishes.end() ? nullptr : &*found;
}

Sometimes::Wish* Sometimes::find_book(Session& session, SymbolId symbol) {
  for (Wish& wish : session.wishes) {
    if (wish.channel != Channel::book) continue;
    if (!wish.id_known && names_.symbol(symbol) == wish.symbol) {
      wish.id = symbol;
      wish.id_known = true;
    }
    if (wish.id_known && wish.id == symbol) return &wish;
  }
  return nullptr;
}

void Sometimes::set_leaving(Session& session, Wish& wish, bool leaving) {
  if (wish.leaving == leaving) return;
  wish.leaving = leaving;
  leaving ? ++session.leaving : --session.leaving;
}

void Sometimes::set_broken(Session& session, Wish& wish, bool broken) {
  if (wish.broken == broken) return;
  wish.broken = broken;
  broken ? ++session.broken : --session.broken;
}

// A request that subscribes to it left since then.
bool Sometimes::asked_since(const WireView& wire, size_t from, const Wish& wish) {
  for (size_t i = from; i < wire.requests.size(); ++i) {
    const SeenRequest& request = wire.requests[i];
    const bool names_it = std::ranges::find(request.symbols, wish.symbol) != request.symbols.end();
    if (request.subscribe && request.channel == wish.channel && names_it) return true;
  }
  return false;
}

bool Sometimes::answered_late(const WireView& wire, const Wish& wish) {
  int64_t asked = 0;
  int64_t answered = 0;
  for (const SeenRequest& each : wire.requests) {
    const bool names_it = std::ranges::find(each.symbols, wish.symbol) != each.symbols.end();
    if (each.subscribe && each.channel == wish.channel && names_it) asked = each.req_id;
  }
  for (const SeenAck& each : wire.subscribed) {
    if (each.symbol == wish.symbol) answered = each.req_id;
  }
  return answered < asked;
}

// Commands.

void Sometimes::on_command(const Command& command, const WireView& wire, Instant now) {
  Session& session = sessions_[command.session];
  if (session.phase == Phase::closed || session.close_asked) return;
  switch (command.kind) {
    case Command::Kind::subscribe:
    case Command::Kind::unsubscribe:
      if (session.phase == Phase::waiting && session.due) reach(Sometime::command_while_waiting);
      return on_wish_command(session, command, wire);
    case Command::Kind::reconnect:
      if (session.phase != Phase::waiting) return;
      session.asked_in_wait = true;
      if (session.breaker == Breaker::open) reach(Sometime::reconnect_at_an_open_breaker);
      return;
    case Command::Kind::close:
      return on_close(session, wire, now);
  }
}

void Sometimes::on_close(Session& session, const WireView& wire, Instant now) {
  session.close_asked = now;
  switch (session.phase) {
    case Phase::waiting:
      return reach(session.breaker == Breaker::open ? Sometime::close_while_tripped
                                                    : Sometime::close_while_waiting);
    case Phase::opening:
      return reach(wire.http_status == 101 ? Sometime::close_while_greeting
                                           : Sometime::close_while_connecting);
    case Phase::restoring:
      session.phase = Phase::closing;
      return reach(Sometime::close_while_restoring);
    case Phase::live:
      session.phase = Phase::closing;
      return reach(Sometime::close_while_live);
    case Phase::closing:
    case Phase::closed:
      return;
  }
}

void Sometimes::on_wish_command(Session& session, const Command& command, const WireView& wire) {
  Wish* wish = find(session, command.channel, command.symbol());
  const bool connected = session.phase == Phase::restoring || session.phase == Phase::live;
  if (command.kind == Command::Kind::unsubscribe) {
    if (wish == nullptr || !wish->wanted) return;
    wish->wanted = false;
    if (connected && !wish->acked && asked_since(wire, wish->requests_answered, *wish)) {
      reach(Sometime::unsubscribe_behind_a_subscribe);
    }
    if (connected) set_leaving(session, *wish, true);
    return;
  }
  if (wish == nullptr) {
    session.wishes.push_back({.channel = command.channel,
                              .symbol = std::string(command.symbol()),
                              .depth = command.depth});
    return;
  }
  if (!wish->wanted && wish->leaving && connected) {
    reach(Sometime::subscribe_behind_an_unsubscribe);
  }
  const bool has_depth = !kraken::facts_of(wish->channel).parameter.name.empty();
  const bool changes = has_depth && wish->depth != command.depth;
  if (changes && wish->wanted && connected) {
    if (wish->doubt != Doubt::none) reach(Sometime::depth_changed_in_doubt);
    set_leaving(session, *wish, true);
  }
  wish->wanted = true;
  wish->depth = command.depth;
}

// Attempts.

void Sometimes::on_open(uint32_t number, Instant now) {
  Session& session = sessions_[number];
  if (session.asked_in_wait && session.due && now < *session.due) {
    reach(Sometime::reconnect_cuts_a_wait);
  }
  if (session.due && !session.waits_for_ring) on_deadline(*session.due, now);
  session.probing = session.breaker == Breaker::half_open;
  session.phase = Phase::opening;
  session.due.reset();
  session.asked_in_wait = false;
}

// Something that time alone brings about, a second late or more: a clock that leapt.
void Sometimes::on_deadline(Instant due, Instant now) {
  if (now - due < a_second) return;
  if (++overdue_now_ == 2) reach(Sometime::leap_over_deadlines);
}

void Sometimes::on_timeout(const Session& session, Reason reason, const WireView& wire,
                           Instant now) {
  const TimeoutSettings& timeouts = session.settings->timeouts;
  switch (reason) {
    case Reason::connect_timeout:
      return on_deadline(wire.began + timeouts.connect_timeout, now);
    case Reason::greeting_timeout:
      return on_deadline(wire.upgraded_at + timeouts.greeting_timeout, now);
    case Reason::heartbeat_timeout:
      return on_deadline(wire.last_message_at + timeouts.heartbeat_timeout, now);
    default:
      return;
  }
}

void Sometimes::end_instant() {
  lost_now_ = 0;
  overdue_now_ = 0;
}

// Events.

void Sometimes::on_event(const Event& event, const WireView& wire) {
  event_time_ = event.time;
  if (overrun_amid_ && is_market(event.kind)) reach(Sometime::overrun_amid_a_turn);
  overrun_amid_ = event.kind == EventKind::overrun && delivered_;
  Session& session = sessions_[event.session];
  switch (event.kind) {
    case EventKind::connected:
      return on_connected(session, event.payload.connected);
    case EventKind::connect_failed:
      return on_loss(session, event.payload.connect_failed.reason, wire, event);
    case EventKind::disconnected:
      return on_loss(session, event.payload.disconnected.reason, wire, event);
    case EventKind::reconnecting:
      return on_reconnecting(session, event.payload.reconnecting);
    case EventKind::reconnect_failed:
      reach(Sometime::max_attempts_spent);
      if (session.probed_last) reach(Sometime::max_attempts_spent_by_a_probe);
      return;
    case EventKind::closed:
      session.phase = Phase::closed;
      session.breaker = Breaker::closed;
      if (!session.close_asked && !session.settings->reconnect.enabled) {
        reach(Sometime::no_reconnect);
      }
      return;
    case EventKind::subscriptions_restored:
      return on_restored(session, event);
    case EventKind::circuit_breaker_open:
    case EventKind::circuit_breaker_half_open:
    case EventKind::circuit_breaker_closed:
      return on_breaker(session, event.kind);
    case EventKind::subscribed:
    case EventKind::rejected:
    case EventKind::unsubscribed:
      return on_answer(session, event, wire);
    case EventKind::checksum_mismatch:
    case EventKind::book_invalid:
    case EventKind::book_stale:
      return on_book_fault(session, event);
    case EventKind::book_snapshot:
      if (event.last_in_message()) on_snapshot(session, event.payload.book.symbol);
      return;
    case EventKind::book_update:
      if (session.leaving != 0) on_update(session, event.payload.book.symbol);
      return;
    case EventKind::overrun:
      return on_overrun();
    case EventKind::recording_stopped: {
      const bool live = std::ranges::any_of(
          sessions_, [](const Session& each) { return each.phase == Phase::live; });
      return reach(live ? Sometime::disk_full_while_live : Sometime::disk_full_while_down);
    }
    default:
      return;
  }
}

void Sometimes::on_connected(Session& session, const Event::Connected& connected) {
  if (session.peer && session.peer->address != connected.address) {
    reach(Sometime::another_address);
  }
  session.peer = connected;
  session.phase = Phase::restoring;
}

void Sometimes::on_loss(Session& session, Reason reason, const WireView& wire, const Event& event) {
  reach(Sometime::lost_by_server_closed, static_cast<uint8_t>(static_cast<uint8_t>(reason) - 1));
  on_timeout(session, reason, wire, event.time);
  if (wire.has_retry_date) reach(Sometime::retry_after_is_a_date);
  const bool connected = event.kind == EventKind::disconnected;
  if (session.phase == Phase::live) {
    const bool stable = event.time - session.live_at >= session.settings->reconnect.stable_after;
    reach(stable ? Sometime::life_stable : Sometime::life_too_short);
    if (++lost_now_ == sessions_.size() && lost_now_ > 1) reach(Sometime::all_lost_at_once);
  }
  if (session.probing && connected) reach(Sometime::probe_lost_after_the_greeting);
  if (session.phase == Phase::closing && session.close_asked) {
    const Duration took = event.time - *session.close_asked;
    if (took >= session.settings->timeouts.close_timeout) reach(Sometime::close_unanswered);
  }
  session.certificate = session.certificate || reason == Reason::certificate_refused;
  session.maintenance = session.maintenance || reason == Reason::maintenance ||
                        wire.http_status == 503 || wire.close_code == 1013;
  session.probed_last = session.probing;
  session.probing = false;
  session.phase = Phase::waiting;
  for (Wish& wish : session.wishes) {
    set_leaving(session, wish, false);
    set_broken(session, wish, false);
    wish.acked = false;
    wish.fault.reset();
    wish.repairs = 0;
    wish.doubt = Doubt::none;
    wish.requests_answered = 0;
  }
}

void Sometimes::on_reconnecting(Session& session, const Event::Reconnecting& wait) {
  reach(Sometime::waits_for_backoff, static_cast<uint8_t>(wait.waits_for));
  if (session.maintenance && wait.waits_for == WaitsFor::budget) {
    reach(Sometime::budget_in_maintenance);
  }
  if (session.maintenance && wait.waits_for == WaitsFor::breaker) {
    reach(Sometime::breaker_in_maintenance);
  }
  session.due = event_time_ + Duration{wait.delay_ns};
  session.waits_for_ring = wait.waits_for == WaitsFor::ring;
  session.asked_in_wait = false;
}

void Sometimes::on_restored(Session& session, const Event& event) {
  if (session.certificate) reach(Sometime::certificate_heals);
  if (event.payload.subscriptions_restored.count >= 100) reach(Sometime::hundred_subscriptions);
  session.certificate = session.maintenance = false;
  session.phase = Phase::live;
  session.live_at = event.time;
}

void Sometimes::on_breaker(Session& session, EventKind kind) {
  if (kind == EventKind::circuit_breaker_half_open) {
    session.breaker = Breaker::half_open;
    return on_deadline(session.opened_at + session.settings->circuit_breaker.reset_timeout,
                       event_time_);
  }
  if (kind == EventKind::circuit_breaker_closed) {
    reach(Sometime::breaker_closes);
    session.breaker = Breaker::closed;
    session.probing = false;
    return;
  }
  if (session.breaker == Breaker::half_open) reach(Sometime::probe_trips_again);
  session.breaker = Breaker::open;
  session.opened_at = event_time_;
  const auto open = std::ranges::count_if(
      sessions_, [](const Session& each) { return each.breaker == Breaker::open; });
  if (open >= 2) reach(Sometime::two_breakers_open);
}

void Sometimes::on_answer(Session& session, const Event& event, const WireView& wire) {
  const Event::Subscription& about = event.payload.subscription;
  Wish* wish = find(session, about.channel, names_.symbol(about.symbol));
  if (wish == nullptr) return;
  if (event.kind == EventKind::rejected) {
    return on_rejected(session, *wish, names_.text(about.detail), wire);
  }
  wish->acked = event.kind == EventKind::subscribed;
  if (!wish->acked) {
    set_leaving(session, *wish, false);
    set_broken(session, *wish, false);
    return;
  }
  constexpr size_t many = 30;
  if (wire.requests.size() >= many) reach(Sometime::many_requests_behind_a_pace);
  if (wish->doubt == Doubt::silence) {
    reach(answered_late(wire, *wish) ? Sometime::late_ack_after_doubt : Sometime::doubt_ends);
  }
  if (wish->doubt == Doubt::refusal) reach(Sometime::refusal_passes);
  wish->doubt = Doubt::none;
  wish->requests_answered = wire.requests.size();
}

void Sometimes::on_rejected(Session& session, Wish& wish, std::string_view detail,
                            const WireView& wire) {
  wish.requests_answered = wire.requests.size();
  if (is_final_refusal(detail)) {
    set_leaving(session, wish, false);
    return reach(Sometime::refused_for_good);
  }
  if (detail.find("verifies") != std::string_view::npos) {
    return reach(Sometime::snapshot_never_verifies);
  }
  if (detail == "Exceeded msg rate") reach(Sometime::doubt_behind_a_pace);
  if (is_silence(detail)) {
    reach(Sometime::mute_symbol);
    wish.doubt = Doubt::silence;
  } else {
    wish.doubt = Doubt::refusal;
  }
}

void Sometimes::on_book_fault(Session& session, const Event& event) {
  Wish* wish = find_book(session, event.payload.book_fault.symbol);
  if (wish == nullptr) return;
  set_broken(session, *wish, true);
  wish->fault = event.kind;
  if (event.kind != EventKind::book_stale && ++wish->repairs == 3) {
    reach(Sometime::repair_backs_off);
  }
}

void Sometimes::on_snapshot(Session& session, SymbolId symbol) {
  Wish* wish = find_book(session, symbol);
  if (wish == nullptr || !wish->fault) return;
  if (*wish->fault == EventKind::book_invalid) reach(Sometime::crossed_book_comes_back);
  if (*wish->fault == EventKind::book_stale) reach(Sometime::stale_book_comes_back);
  wish->fault.reset();
}

void Sometimes::on_update(Session& session, SymbolId symbol) {
  const Wish* wish = find_book(session, symbol);
  if (wish != nullptr && wish->leaving) reach(Sometime::book_kept_up);
}

// It carries the session of the last event that was lost; the loss is all sessions'.
void Sometimes::on_overrun() {
  reach(Sometime::overrun);
  for (const Session& each : sessions_) {
    if (each.phase == Phase::restoring) reach(Sometime::overrun_while_restoring);
    const bool repairs = std::ranges::any_of(each.wishes, [](const Wish& wish) {
      return wish.broken && wish.fault && *wish.fault != EventKind::book_stale;
    });
    if (each.broken != 0 && repairs) reach(Sometime::overrun_in_a_repair);
  }
}

}  // namespace havklo::replay
