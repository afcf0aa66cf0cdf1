// How fast requests may leave: a token bucket as one instant (the generic cell rate algorithm,
// ITU-T I.371).
//
// `burst` requests may leave at once, then one each 1/per_second. A venue that says "Exceeded msg
// rate" halves the rate, down to one in four seconds; a good life forgets that: Subscriptions says
// when.
// Threads: value.
// Cost:    O(1).
#pragma once

#include <algorithm>
#include <cstdint>
#include <havklo/clock.hpp>
#include <limits>

namespace havklo::core {

class RequestPace {
 public:
  RequestPace(uint32_t per_second, uint32_t burst)
      : configured_interval_{Duration::nanoseconds(1'000'000'000 / per_second)},
        interval_{configured_interval_},
        burst_{burst} {}

  // A new connection starts with a full bucket; a slowed pace stays slow.
  void refill() { full_at_ = Instant{std::numeric_limits<int64_t>::min() / 2}; }

  // When the next request may leave; not later than `now` means at once.
  [[nodiscard]] Instant next_allowed() const { return full_at_ - interval_ * (burst_ - 1); }
  [[nodiscard]] bool allows(Instant now) const { return next_allowed() <= now; }
  void take(Instant now) { full_at_ = std::max(full_at_, now) + interval_; }

  // The venue refused for rate: half the rate, and an empty bucket from now.
  void slow_down(Instant now) {
    interval_ = std::min(interval_ * 2, std::max(configured_interval_, slowest_interval));
    full_at_ = now + interval_ * burst_;
    slowed_at_ = now;
  }
  // The rate is as configured again from `at` on. As many requests as the bucket lacked then, it
  // lacks still: so many would wait for ever at the old interval and a moment at this one.
  void restore(Instant at) {
    const Duration missing = full_at_ - at;
    if (missing > Duration{}) {
      const int64_t requests = missing.ns / interval_.ns;
      const int64_t rest = missing.ns % interval_.ns * configured_interval_.ns / interval_.ns;
      full_at_ = at + configured_interval_ * requests + Duration::nanoseconds(rest);
    }
    interval_ = configured_interval_;
  }
  [[nodiscard]] bool is_slowed() const { return interval_ != configured_interval_; }
  [[nodiscard]] Instant slowed_at() const { return slowed_at_; }
  [[nodiscard]] Duration interval() const { return interval_; }

 private:
  static constexpr Duration slowest_interval = Duration::seconds(4);

  Duration configured_interval_;
  Duration interval_;
  int64_t burst_;
  Instant full_at_{std::numeric_limits<int64_t>::min() / 2};
  Instant slowed_at_;  // for the last time
};

}  // namespace havklo::core
