// The timer wheel.
#include "bench/questions/timers.hpp"

#include <havklo/timer_wheel.hpp>
#include <memory>

namespace havklo::bench {
namespace {

class Wheel {
 public:
  Wheel(size_t count, uint64_t& fired)
      : nodes_(std::make_unique<TimerNode[]>(count)), fired_(fired) {}

  void arm(uint32_t i, int64_t delay_ns) { wheel_.arm(nodes_[i], now_ + Duration{delay_ns}); }
  void cancel(uint32_t i) { wheel_.cancel(nodes_[i]); }
  void wait(int64_t delay_ns) { now_ = now_ + Duration{delay_ns}; }
  void fire() {
    static_cast<void>(wheel_.advance(now_, ~0U, [this](TimerNode&) { ++fired_; }));
  }

 private:
  std::unique_ptr<TimerNode[]> nodes_;
  uint64_t& fired_;
  TimerWheel wheel_;
  Instant now_{};
};

// One timer far away, and an hour passes in which nothing is due.
Measured timer_empty_hour(const Run& run) {
  constexpr int64_t hours = 1'000'000;
  TimerWheel wheel;
  TimerNode far;
  wheel.arm(far, Instant::never() - Duration::seconds(1));
  int64_t hour = 0;
  uint64_t fired = 0;
  const auto step = [&](uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) {
      fired +=
          wheel.advance(Instant{} + Duration::seconds(3'600 * ++hour), 64, [](TimerNode&) {}).fired;
    }
  };
  const double cost = cpu_cost_ns(run.tiny ? 10 : hours / 100, run.tiny ? 1 : 100, step);
  wheel.cancel(far);
  if (fired != 0) return std::unexpected("something fired");
  return Figure{.value = cost, .percentiles = {}};
}

const Registration rearm("timer_rearm", "havklo", HAVKLO_VERSION, timer_rearm<Wheel>, timer_counts);
const Registration expire("timer_expire", "havklo", HAVKLO_VERSION, timer_expire<Wheel>,
                          {1'000, 100'000});
const Registration empty("timer_empty_hour", "havklo", HAVKLO_VERSION, timer_empty_hour);

}  // namespace
}  // namespace havklo::bench
