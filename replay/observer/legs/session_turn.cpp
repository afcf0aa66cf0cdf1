// What must be true of legs when everything due at an instant is done.
#include <fmt/format.h>

#include <algorithm>
#include <havklo/timer_wheel.hpp>

#include "replay/observer/legs/session.hpp"

namespace havklo::replay {
namespace {

// A deadline is rounded up to the wheel's tick, and so is what is reckoned from it.
constexpr Duration tick = TimerWheel::tick * 2;

}  // namespace

void LegsObserver::end_turn(Instant now, bool has_room, bool has_spare, bool) {
  lost_all_at_.reset();
  if (closed_) return;
  if (expected_) {
    violate(Invariant::leg_order, now, fmt::format("{} does not come", to_string(*expected_)));
  }
  for (uint32_t number = 0; const SeenLeg& leg : legs_) {
    const bool may_be_spent = settings_.reconnect.max_attempts.has_value();
    if (leg.seen == SeenLeg::Seen::lost && !close_asked_ && !may_be_spent) {
      violate(Invariant::silent_loss, now,
              fmt::format("leg {} is lost, and nothing is announced", number));
    }
    const bool should_be_open = leg.seen == SeenLeg::Seen::attempting || leg.greeted();
    if (leg.wire_open && !should_be_open) {
      violate(Invariant::transport_contract, now, fmt::format("leg {} is left open", number));
    }
    if (leg.greeted() && !leg.greeting_told) {
      violate(Invariant::transport_contract, now, "the network is not told of the greeting");
    }
    ++number;
  }
  if (open_ != (greeted_legs(legs_) != 0)) {
    violate(Invariant::leg_order, now,
            open_ ? "an epoch without a connection" : "a connection without an epoch");
  }
  check_deadlines(now);
  check_lag(now);
  const bool tells = open_ && !close_asked_ && has_room && has_spare;
  if (tells && owes_all_clear_ && !books_.any_unanswered()) {
    violate(Invariant::restored_promptly, now, "a leg is all clear, and the session is not");
  }
  books_.end_turn(now, tells);
  trades_.end_turn(now, tells);
}

void LegsObserver::check_deadlines(Instant now) {
  const TimeoutSettings& timeouts = settings_.timeouts;
  for (const SeenLeg& leg : legs_) {
    if (leg.seen != SeenLeg::Seen::attempting) continue;
    const bool upgraded = leg.wire.upgraded_at != Instant::never();
    const Instant since = upgraded ? leg.wire.upgraded_at : leg.wire.began;
    const Duration most = upgraded ? timeouts.greeting_timeout : timeouts.connect_timeout;
    if (now - since <= most + tick) continue;
    violate(Invariant::deadline, now,
            upgraded ? "not greeted within greeting_timeout" : "not upgraded within its time");
  }
  if (close_asked_ && now - *close_asked_ > timeouts.close_timeout + tick) {
    violate(Invariant::command_obeyed, now, "not Closed within close_timeout");
  }
  for (uint32_t number = 0; const SeenLeg& leg : legs_) {
    const Duration silent = now - leg.wire.last_message_at;
    const bool listens = leg.reads() && leg.told.any_acked() && !close_asked_;
    if (listens && silent > timeouts.heartbeat_timeout + tick) {
      violate(Invariant::watchdog, now, fmt::format("leg {} is silent, and nobody minds", number));
    }
    ++number;
  }
}

// Who does not keep up with the others is given up, if he is Live and not the only one.
void LegsObserver::check_lag(Instant now) {
  if (live_legs(legs_) < 2 || close_asked_) return;
  for (uint32_t number = 0; const SeenLeg& leg : legs_) {
    const auto behind = behind_since(number);
    if (leg.live && leg.reads() && behind) {
      const Instant since = std::max({*behind, leg.live_at, several_live_at_});
      if (now - since > settings_.leg_lag_max + tick) {
        violate(Invariant::leg_lag, now,
                fmt::format("leg {} has been behind for {} ms, and nobody minds", number,
                            (now - *behind).ns / 1'000'000));
      }
    }
    ++number;
  }
}

}  // namespace havklo::replay
