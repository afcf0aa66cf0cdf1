// What the lifecycle decides, done: connections opened and dropped, timers, the watchdog's probe.
#include <array>
#include <optional>

#include "core/connection_id.hpp"
#include "core/session.hpp"
#include "kraken/encode.hpp"

namespace havklo::core {

void Session::on_timer(const Timer& timer, Instant now) {
  now_ = now;
  switch (timer.owner) {
    case TimerOwner::lifecycle: {
      constexpr std::array<InputKind, timer_kind_count> inputs = {
          InputKind::phase_deadline, InputKind::probe_deadline, InputKind::breaker_deadline,
          InputKind::stable_deadline};
      return step({.kind = inputs[timer.index], .room = slots_.top_up()}, now);
    }
    case TimerOwner::subscription:
      if (!subscriptions_.on_timer(timer.index, now)) {
        lose({.reason = Reason::restore_timeout});
      } else {
        arm_watchdog();  // a wish may have been settled: from then on there is something to hear
      }
      return check_restored();  // the others need not wait for one that never answers
    case TimerOwner::pace:
      return;  // end_turn sends
    case TimerOwner::watchdog:
      return on_watchdog();
    case TimerOwner::utc_offset:
      read_utc();
      return watch_utc();
    case TimerOwner::leg_lag:
    case TimerOwner::leg_rotation:
    case TimerOwner::trade_holes:
      return;  // of a session with several legs
  }
}

void Session::step(Input input, Instant now) {
  if (input.kind == InputKind::lost) input.room = slots_.top_up();
  Actions actions;
  const std::optional<Instant> waited_for = place_waited_for();
  lifecycle_.step(input, now, actions);
  // No event says that a place came free, nor that one is waited for which this engine has taken.
  if (place_waited_for() != waited_for) shared_.publisher.note_news();
  run(actions);
}

void Session::run(const Actions& actions) {
  for (const Action& action : actions) {
    Timer& timer = lifecycle_timers_[static_cast<uint8_t>(action.timer)];
    switch (action.kind) {
      case ActionKind::open:
        open();
        break;
      case ActionKind::restore:
        shared_.transport.greeted(*connection_);
        subscriptions_.begin_connection(epoch());
        arm_watchdog();
        watch_utc();
        break;
      case ActionKind::stable:
        subscriptions_.on_stable(now_);
        disarm(pace_timer_);  // set for the slow pace; end_turn arms it again
        break;
      case ActionKind::say_goodbye:
        end_feed();
        websocket_.send_close(action.close_code, {});
        break;
      case ActionKind::drop:
        drop(action.close_code);
        break;
      case ActionKind::arm:
        arm(timer, action.deadline);
        break;
      case ActionKind::cancel:
        disarm(timer);
        break;
      case ActionKind::publish:
        note(action.event);
        if (leg_.sink != nullptr) {
          leg_.sink->on_lifecycle(leg_.number, action.event);
        } else {
          slots_.publish(action.event, origin());
        }
        break;
    }
  }
}

// What a thread that waits for the first all clear wants to know, beside is_live().
void Session::note(const Event& event) {
  if (event.kind == EventKind::connected) counts_.connections.add_one();
  if (event.kind == EventKind::disconnected) {
    counts_.losses.add_one();
    last_loss_ = event.payload.disconnected.reason;
  }
  if (event.kind == EventKind::connect_failed) last_loss_ = event.payload.connect_failed.reason;
}

void Session::open() {
  read_utc();
  counts_.attempts.add_one();
  ++connections_opened_;
  connection_ = connection_id(connections_opened_, number_, leg_.number, leg_.sink != nullptr);
  peer_ = {};
  tls_resumed_ = false;
  watchdog_.begin_connection();
  shared_.transport.open(*connection_, {.host = url_.host,
                                        .port = url_.port,
                                        .tls = url_.tls,
                                        .timeout = connect_timeout_,
                                        .source_address = source_address_});
}

// What the connection brings counts no longer, and nothing more is asked for on it.
void Session::end_feed() {
  disarm(watchdog_timer_);
  disarm(pace_timer_);
  disarm(utc_timer_);
  subscriptions_.end_connection(now_);
}

void Session::drop(uint16_t close_code) {
  end_feed();
  if (!connected()) return;
  if (close_code != 0) websocket_.send_close(close_code, {});
  flush();
  websocket_.stop();  // the next stream has nothing to say before it has opened
  shared_.transport.close(*connection_);
  connection_.reset();
}

void Session::arm(Timer& timer, Instant deadline) {
  disarm(timer);
  shared_.wheel.arm(timer, deadline);
}

void Session::disarm(Timer& timer) {
  if (timer.armed()) shared_.wheel.cancel(timer);
}

void Session::arm_watchdog() {
  if (phase() != Phase::restoring && phase() != Phase::live) return;
  arm(watchdog_timer_, watchdog_.deadline(subscriptions_.any_on_wire()));
}

void Session::on_watchdog() {
  switch (watchdog_.look(subscriptions_.any_on_wire(), now_)) {
    case Watchdog::Finding::dead:
      return lose({.reason = Reason::heartbeat_timeout});
    case Watchdog::Finding::ask:
      send_ping();
      break;
    case Watchdog::Finding::alive:
      break;
  }
  arm_watchdog();
}

// Twice: the venue counts the message as activity, and every WebSocket peer answers the frame.
void Session::send_ping() {
  std::array<char, 128> buffer;
  websocket_.send_ping({});
  websocket_.send_text(kraken::encode_ping(++last_ping_id_, buffer));
  watchdog_.pinged(now_);
}

}  // namespace havklo::core
