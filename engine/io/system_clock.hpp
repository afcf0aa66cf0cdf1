// The clock door on a real machine.
#pragma once

#include <ctime>
#include <havklo/clock.hpp>

namespace havklo::io {

class SystemClock final : public Clock {
 public:
  [[nodiscard]] Instant now() override { return {read(CLOCK_MONOTONIC)}; }
  [[nodiscard]] Duration utc_offset() override {
    return {read(CLOCK_REALTIME) - read(CLOCK_MONOTONIC)};
  }

 private:
  // The vDSO answers: no system call.
  static int64_t read(clockid_t clock) {
    timespec time{};
    clock_gettime(clock, &time);
    return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  }
};

}  // namespace havklo::io
