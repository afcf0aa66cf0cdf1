// How long to wait before reconnect attempt n.
//
// none:         min(max_delay, initial_delay × multiplier^(n-1)).
// full:         uniform in [0, that].
// decorrelated: min(max_delay, uniform in [initial_delay, 3 × the previous delay]); the first
//               previous is initial_delay.
//
// max_delay is hard, jitter included. Integer nanoseconds, from a generator that the caller owns.
// Threads: value.
// Cost:    O(1) but for n multiplications at most until the cap is reached.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <havklo/assert.hpp>
#include <havklo/clock.hpp>
#include <havklo/random.hpp>

namespace havklo {

enum class Jitter : uint8_t { none, full, decorrelated };

struct BackoffSettings {
  Duration initial_delay = Duration::milliseconds(100);
  double multiplier = 2.0;
  Duration max_delay = Duration::seconds(30);
  Jitter jitter = Jitter::none;
};

class Backoff {
 public:
  // The settings must be valid: 0 <= initial_delay <= max_delay, multiplier >= 1 and finite.
  explicit Backoff(const BackoffSettings& settings)
      : settings_(settings), previous_(settings.initial_delay) {}

  // `attempt` counts from 1.
  [[nodiscard]] Duration next(uint32_t attempt, Random& random) {
    HAVKLO_ASSERT(attempt >= 1);
    switch (settings_.jitter) {
      case Jitter::none:
        return exponential(attempt);
      case Jitter::full:
        return uniform({}, exponential(attempt), random);
      case Jitter::decorrelated: {
        const int64_t cap = settings_.max_delay.ns;
        const Duration highest{previous_.ns > cap / 3 ? cap : previous_.ns * 3};
        const Duration lowest = settings_.initial_delay;
        previous_ =
            std::min(uniform(lowest, std::max(lowest, highest), random), settings_.max_delay);
        return previous_;
      }
    }
    return settings_.max_delay;
  }

  // A connection has been stable: the next series begins anew.
  void reset() { previous_ = settings_.initial_delay; }

 private:
  [[nodiscard]] Duration exponential(uint32_t attempt) const {
    const auto cap = static_cast<double>(settings_.max_delay.ns);
    auto delay = static_cast<double>(settings_.initial_delay.ns);
    for (uint32_t n = 1; n < attempt; ++n) {
      const double longer = delay * settings_.multiplier;
      if (longer >= cap) return settings_.max_delay;
      if (longer == delay) break;  // multiplier 1, or no delay at all: it grows no further
      delay = longer;
    }
    return std::min(Duration{std::llround(delay)}, settings_.max_delay);
  }

  static Duration uniform(Duration lowest, Duration highest, Random& random) {
    const auto span = static_cast<uint64_t>(highest.ns - lowest.ns);
    return lowest + Duration{static_cast<int64_t>(random.below(span + 1))};
  }

  BackoffSettings settings_;
  Duration previous_;  // decorrelated only
};

}  // namespace havklo
