// The timer wheel: cancel and arm again a random timer among N pending ones; fire; look at an hour
// of nothing. Each checks its answer before its time counts.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <havklo/random.hpp>
#include <havklo/timer_wheel.hpp>
#include <memory>
#include <vector>

namespace {

using namespace havklo;

struct Timers {
  explicit Timers(size_t count) : nodes(std::make_unique<TimerNode[]>(count)), size(count) {
    for (size_t i = 0; i < count; ++i) wheel.arm(nodes[i], some_deadline());
  }
  ~Timers() {
    for (size_t i = 0; i < size; ++i) {
      if (nodes[i].armed()) wheel.cancel(nodes[i]);
    }
  }
  // Within the next ten seconds, as timeouts are.
  Instant some_deadline() {
    return now + Duration{static_cast<int64_t>(1'000'000 + random.below(10'000'000'000))};
  }

  std::unique_ptr<TimerNode[]> nodes;
  size_t size;
  TimerWheel wheel;
  Random random{42};
  Instant now{};
};

void cancel_and_arm(benchmark::State& state) {
  Timers timers(static_cast<size_t>(state.range(0)));
  // As many draws as timers, or a part of them only would be touched, and stay in the cache.
  std::vector<uint32_t> order(std::max<size_t>(timers.size, 1U << 18U));
  for (uint32_t& each : order) each = static_cast<uint32_t>(timers.random.below(timers.size));
  size_t at = 0;
  const auto step = [&timers, &order, &at] {
    TimerNode& node = timers.nodes[order[at++ % order.size()]];
    timers.wheel.cancel(node);
    timers.wheel.arm(node, timers.some_deadline());
  };
  // Once around first, so that neighbours in memory are none in time.
  for (size_t i = 0; i < order.size(); ++i) step();
  for (auto _ : state) step();
  Instant earliest = Instant::never();
  uint64_t fired = 0;
  while (timers.wheel.next_deadline() != Instant::never()) {
    earliest = timers.wheel.next_deadline();
    fired += timers.wheel.advance(earliest, ~0U, [](TimerNode&) {}).fired;
  }
  if (fired != timers.size) state.SkipWithError("not every timer fired");
}
BENCHMARK(cancel_and_arm)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);

void expire(benchmark::State& state) {
  Timers timers(static_cast<size_t>(state.range(0)));
  uint64_t fired = 0;
  for (auto _ : state) {
    timers.now = timers.wheel.next_deadline();
    fired +=
        timers.wheel
            .advance(timers.now, 1,
                     [&timers](TimerNode& node) { timers.wheel.arm(node, timers.some_deadline()); })
            .fired;
  }
  if (fired != static_cast<uint64_t>(state.iterations())) state.SkipWithError("a timer is missing");
}
BENCHMARK(expire)->Arg(1'000)->Arg(100'000);

void advance_over_an_hour_of_nothing(benchmark::State& state) {
  // The far timer stands at the end of what 63 bits of nanoseconds can say: 292 years.
  constexpr int64_t hours = 2'000'000;
  auto wheel = std::make_unique<TimerWheel>();
  TimerNode far;
  wheel->arm(far, Instant::never() - Duration::seconds(1));
  int64_t hour = 0;
  uint64_t fired = 0;
  for (auto _ : state) {
    if (++hour == hours) {
      state.PauseTiming();
      wheel->cancel(far);
      wheel = std::make_unique<TimerWheel>();
      wheel->arm(far, Instant::never() - Duration::seconds(1));
      hour = 1;
      state.ResumeTiming();
    }
    fired +=
        wheel->advance(Instant{} + Duration::seconds(3600 * hour), 64, [](TimerNode&) {}).fired;
  }
  wheel->cancel(far);
  if (fired != 0) state.SkipWithError("something fired");
}
BENCHMARK(advance_over_an_hour_of_nothing);

}  // namespace
