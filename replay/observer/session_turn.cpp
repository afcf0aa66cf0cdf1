// What must be true of a session when everything due at an instant is done: nothing is late.
#include <fmt/format.h>

#include <algorithm>
#include <havklo/timer_wheel.hpp>

#include "replay/observer/session.hpp"

namespace havklo::replay {
namespace {

// A deadline is rounded up to the wheel's tick, and so is what is reckoned from it.
constexpr Duration tick = TimerWheel::tick * 2;
// A connection with nothing subscribed is asked for a sign of life after so much silence: well
// before the minute after which the venue would close it.
constexpr Duration socket_probe = Duration::seconds(15);

}  // namespace

void SessionObserver::end_turn(Instant now, bool has_room, bool has_spare, bool has_budget) {
  if (seen_ == Seen::closed) return;
  if (seen_ == Seen::lost) {
    violate(Invariant::silent_loss, now, "a loss after which nothing is announced");
  }
  if (expected_) {
    violate(Invariant::breaker_transition, now,
            fmt::format("{} does not come", to_string(*expected_)));
  }
  if (wire_open_ && seen_ != Seen::attempting && seen_ != Seen::connected) {
    violate(Invariant::transport_contract, now, "a stream is left open");
  }
  if (live() && now - live_at_ >= settings_.reconnect.stable_after && breaker_ != Breaker::open) {
    failures_ = 0;
  }
  if (close_at_once_) {
    violate(Invariant::command_obeyed, now, "close() without a connection, and not Closed");
  }
  if (seen_ == Seen::connected && !greeting_told_) {
    violate(Invariant::transport_contract, now, "the network is not told of the greeting");
  }
  check_deadlines(now);
  check_silence(now);
  asking_.end_turn(wire_, now, has_room);
  const bool reads = seen_ == Seen::connected && !close_asked_ && wire_.goodbye_code == 0;
  trades_.end_turn(now, reads, has_spare);
  lag_.end_turn(now, reads && has_spare);
  check_wait(now, has_room, has_budget);
  if (seen_ == Seen::connected && !restored_ && !close_asked_ && has_room &&
      wishes_.all_at_rest()) {
    violate(Invariant::restored_promptly, now, "everything is settled, and no all clear");
  }
}

// No state may outlive its deadline.
void SessionObserver::check_deadlines(Instant now) {
  const TimeoutSettings& timeouts = settings_.timeouts;
  const auto late = [&](Instant since, Duration limit, std::string_view what) {
    if (now - since > limit + tick) violate(Invariant::deadline, now, std::string(what));
  };
  if (seen_ == Seen::attempting) {
    if (wire_.upgraded_at == Instant::never()) {
      late(wire_.began, timeouts.connect_timeout, "not upgraded within connect_timeout");
    } else {
      late(wire_.upgraded_at, timeouts.greeting_timeout, "not greeted within greeting_timeout");
    }
  }
  if (probing_ && wire_open_ && !close_asked_) {
    late(wire_.began, settings_.circuit_breaker.half_open_timeout, "a probe without an end");
  }
  if (close_asked_) {
    if (now - *close_asked_ > timeouts.close_timeout + tick) {
      violate(Invariant::command_obeyed, now, "not Closed within close_timeout");
    }
  }
  if (reconnect_asked_) {
    if (wire_open_ && live()) {
      violate(Invariant::command_obeyed, now, "Live, and reconnect() did nothing");
    }
    reconnect_asked_.reset();
  }
  if (breaker_ == Breaker::open) {
    late(opened_at_, settings_.circuit_breaker.reset_timeout, "the breaker stays open");
  }
}

// With something subscribed the feed must go on; without, the socket is asked after a while.
void SessionObserver::check_silence(Instant now) {
  if (seen_ != Seen::connected || close_asked_) return;
  const Duration heartbeat = settings_.timeouts.heartbeat_timeout;
  const bool subscribed = wishes_.any_on_wire();
  if (subscribed && now - wire_.last_message_at > heartbeat + tick) {
    violate(Invariant::watchdog, now, "a subscribed feed is silent, and nobody minds");
  }
  const Duration before_question = std::max(socket_probe, heartbeat) + tick;
  if (subscribed || now - wire_.last_heard_at <= before_question) {
    asked_by_.reset();
  } else if (!asked_by_) {
    asked_by_ = now;  // a turn that came late asks only now
  }
  if (asked_by_ && now - *asked_by_ > heartbeat + tick) {
    violate(Invariant::watchdog, now, "the socket is silent, and nobody minds");
  }
  idle_ = !subscribed && wishes_.wanted() == 0;
}

bool SessionObserver::begins_about(Instant now, uint32_t) const {
  return seen_ == Seen::waiting && ((due_ <= now && now <= due_ + tick) || held_up_at_ == now);
}

void SessionObserver::check_wait(Instant now, bool has_room, bool has_budget) {
  const bool heard = cut_short_ == now && seen_ == Seen::waiting && waits_for_backoff_ && has_room;
  if (heard && now >= waits_.asked_until_at_most() && places_.is_certain_for(place_, now) &&
      !places_.others().held_up_at(now) && places_.fits(place_, now)) {
    violate(Invariant::backoff, now, "reconnect() cuts it short, and no attempt begins");
  }
  if (seen_ != Seen::waiting || now < due_) return;
  held_by_budget_ = held_by_budget_ || !has_budget;
  if (!has_room || held_by_budget_) return;
  const Instant latest = breaker_ == Breaker::open
                             ? std::max(due_, opened_at_ + settings_.circuit_breaker.reset_timeout)
                             : due_;
  if (now > latest + tick) {
    violate(Invariant::wait_kept, now, "the wait is over, and no attempt begins");
  }
}

}  // namespace havklo::replay
