// What is asked of timers. One driver for every contender, which brings:
//   Timers(size_t count, uint64_t& fired)   a callback that runs adds one to `fired`
//   void arm(uint32_t i, int64_t delay_ns)  timer i, not armed, `delay_ns` from now
//   void cancel(uint32_t i)                 timer i, armed
//   void wait(int64_t delay_ns)             lets so much time pass; its own clock, or the real one
//   void fire()                             fires what is due
#pragma once

#include <havklo/random.hpp>
#include <string>
#include <vector>

#include "bench/harness/contender.hpp"
#include "bench/harness/measure.hpp"

namespace havklo::bench {

inline const std::vector<int64_t> timer_counts{1'000, 100'000, 1'000'000};

// Ten to sixty seconds, as timeouts are, and longer than the run takes; in whole milliseconds,
// which all contenders can say.
struct Rearm {
  uint32_t timer;
  uint32_t delay_ms;
};

inline std::vector<Rearm> rearms(uint32_t timers, size_t count, uint64_t seed) {
  Random random(seed);
  std::vector<Rearm> all(count);
  for (Rearm& each : all) {
    each.timer = static_cast<uint32_t>(random.below(timers));
    each.delay_ms = 10'000 + static_cast<uint32_t>(random.below(50'000));
  }
  return all;
}

template <class Timers>
Measured timer_rearm(const Run& run) {
  const auto count = static_cast<uint32_t>(run.tiny ? 1'000 : run.size);
  const std::vector<Rearm> order = rearms(count, run.tiny ? 1'000 : 1U << 18U, 42);
  uint64_t fired = 0;
  Timers timers(count, fired);
  for (uint32_t i = 0; i < count; ++i)
    timers.arm(i, int64_t{order[i % order.size()].delay_ms} * 1'000'000);
  size_t at = 0;
  const auto step = [&](uint64_t operations) {
    for (uint64_t i = 0; i < operations; ++i) {
      const Rearm& next = order[at++ % order.size()];
      timers.cancel(next.timer);
      timers.arm(next.timer, int64_t{next.delay_ms} * 1'000'000);
    }
  };
  // Once around first, so that neighbours in memory are none in time.
  step(run.tiny ? 100 : order.size());
  const double cost = cpu_cost_ns(run.tiny ? 100 : 5'000, run.tiny ? 2 : 60, step);
  for (uint32_t i = 0; i < count; ++i) timers.cancel(i);
  timers.wait(1'000'000);
  timers.fire();
  if (fired != 0) return std::unexpected("a cancelled timer fired");
  return Figure{.value = cost, .percentiles = {}};
}

template <class Timers>
Measured timer_expire(const Run& run) {
  const auto count = static_cast<uint32_t>(run.tiny ? 1'000 : run.size);
  const uint32_t rounds =
      run.tiny ? 1 : static_cast<uint32_t>(std::max<int64_t>(5, 100'000 / count));
  uint64_t fired = 0;
  Timers timers(count, fired);
  Random random(7);
  std::vector<double> costs;
  for (uint32_t round = 0; round < rounds; ++round) {
    for (uint32_t i = 0; i < count; ++i) {
      timers.arm(i, static_cast<int64_t>(1 + random.below(20)) * 1'000'000);
    }
    timers.wait(21'000'000);
    const double begin = thread_cpu_ns();
    timers.fire();
    costs.push_back((thread_cpu_ns() - begin) / count);
    if (fired != uint64_t{count} * (round + 1)) {
      return std::unexpected("fired " + std::to_string(fired) + " of " +
                             std::to_string(uint64_t{count} * (round + 1)));
    }
  }
  return Figure{.value = median(costs), .percentiles = {}};
}

// Spins: a sleeping thread may come back on a core that has slowed down.
inline void spin_for(int64_t delay_ns) {
  const int64_t until = monotonic_ns() + delay_ns;
  while (monotonic_ns() < until) continue;
}

}  // namespace havklo::bench
