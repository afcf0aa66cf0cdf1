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
};

struct Timer : TimerNode {
  TimerOwner owner = TimerOwner::lifecycle;
  uint16_t session = 0;
  uint32_t index = 0;
};

}  // namespace havklo::core
