// The phases of a message in time-stamp-counter ticks, for one read in sixteen.
//
// Owns:    a histogram a phase. Reading the counter costs some 10 ns on a virtual machine, five a
//          message; sampled, that is less than a message's own noise (bench/NOTES.md).
// Threads: the loop records; summary() is for anyone.
#pragma once

#include <array>
#include <cstdint>
#include <havklo/latency.hpp>
#include <havklo/limits.hpp>

#include "io/system_clock.hpp"

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace havklo::io {

class PhaseRecorder final : public PhaseObserver {
 public:
  // The transport has a completion with bytes in its hand.
  void begin_read() {
    listening_ = (++reads_ & (phase_sampling - 1)) == 0;
    if (listening_) begun_ = last_ = ticks();
  }
  void decrypted() {
    if (listening_) reached(MessagePhase::decrypt);
  }
  void reached(MessagePhase phase) override {
    const uint64_t now = ticks();
    phases_[static_cast<size_t>(phase)].record(now - last_);
    last_ = now;
    told_ = true;
  }
  // Its messages have been taken.
  void end_read() {
    if (listening_ && told_) read_.record(last_ - begun_);
    listening_ = false;
    told_ = false;
  }

  [[nodiscard]] LatencySummary summary(MessagePhase phase) const {
    return summary_of(phases_[static_cast<size_t>(phase)]);
  }
  [[nodiscard]] LatencySummary read_summary() const { return summary_of(read_); }

 private:
  static uint64_t monotonic_ns() { return static_cast<uint64_t>(SystemClock{}.now().ns); }
  static uint64_t ticks() {
#if defined(__x86_64__)
    return __rdtsc();
#else
    return monotonic_ns();
#endif
  }

  // The counter's pace is what it did since the recorder was made: no pause to calibrate it.
  [[nodiscard]] LatencySummary summary_of(const LatencyHistogram& histogram) const {
    const uint64_t passed_ticks = ticks() - first_ticks_;
    const uint64_t passed_ns = monotonic_ns() - first_ns_;
    const double ns_per_tick =
        passed_ticks == 0 ? 1 : static_cast<double>(passed_ns) / static_cast<double>(passed_ticks);
    const auto to_ns = [ns_per_tick](uint64_t value) {
      return static_cast<int64_t>(static_cast<double>(value) * ns_per_tick + 0.5);
    };
    return {.samples = histogram.count(),
            .p50_ns = to_ns(histogram.quantile(500)),
            .p99_ns = to_ns(histogram.quantile(990)),
            .p999_ns = to_ns(histogram.quantile(999)),
            .max_ns = to_ns(histogram.max())};
  }

  uint64_t first_ticks_ = ticks();
  uint64_t first_ns_ = monotonic_ns();
  uint64_t reads_ = 0;
  uint64_t begun_ = 0;
  uint64_t last_ = 0;
  bool told_ = false;
  std::array<LatencyHistogram, phase_count> phases_;
  LatencyHistogram read_;
};

}  // namespace havklo::io
