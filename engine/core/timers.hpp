// The timers of an engine: what each is for, and whose it is. The wheel holds them all.
#pragma once

#include <cstdint>
#include <havklo/timer_wheel.hpp>

namespace havklo::core {

enum class TimerOwner : uint8_t {
  lifecycle,     // index: TimerKind
  subscription,  // index: record
  pace,          // the next request may leave
  watchdog,      // heartbeat_timeout, or the probe of a socket with nothing subscribed
  utc_offset,    // what makes our time UTC is read again
  leg_lag,       // how far a leg is behind the others is looked at
  leg_rotation,  // it has lived for rotate_after
  trade_holes,   // trades that one leg has not brought wait for the others
};

struct Timer : TimerNode {
  TimerOwner owner = TimerOwner::lifecycle;
  uint8_t session = 0;
  uint8_t leg = 0;  // of the session
  uint32_t index = 0;

  void is_for(TimerOwner whose, uint32_t of_session, uint32_t of_leg) {
    owner = whose;
    session = static_cast<uint8_t>(of_session);
    leg = static_cast<uint8_t>(of_leg);
  }
};

}  // namespace havklo::core
