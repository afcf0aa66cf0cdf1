// Counts latencies in buckets that are at most 1/512 of their value wide, from 0 to 2^63 ns: fine
// enough beside peers that sort their samples, and finer than what a live client counts by
// (havklo/latency.hpp).
//
// Owns:       the counts, 230 kB, inside the object; a steady load touches 2 kB of them.
// Threads:    one.
// Cost:       record() is a shift and an increment; a quantile is one walk over the counts.
// Answers:    value_at() never lies below the exact value of the sorted samples, and at most 1/512
//             of it above (tests/bench/latency_histogram_test.cpp compares them).
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <havklo/log_linear.hpp>
#include <utility>
#include <vector>

namespace havklo::bench {

class LatencyHistogram {
 public:
  using Buckets = LogLinear<9>;

  // Below 0 counts as 0.
  void record(int64_t ns) {
    const uint64_t value = ns < 0 ? 0 : static_cast<uint64_t>(ns);
    ++counts_[Buckets::bucket_of(value)];
    ++count_;
    max_ = std::max(max_, value);
  }

  [[nodiscard]] uint64_t count() const { return count_; }
  [[nodiscard]] uint64_t max() const { return max_; }

  // The smallest value that at least `percent` of the samples do not exceed; 0 when there are none.
  [[nodiscard]] uint64_t value_at(double percent) const {
    const auto wanted = std::max<uint64_t>(
        1, static_cast<uint64_t>(std::ceil(percent / 100 * static_cast<double>(count_))));
    uint64_t seen = 0;
    for (size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen >= wanted) return std::min(Buckets::highest_of(i), max_);
    }
    return max_;
  }

  // What a curve is drawn from.
  [[nodiscard]] std::vector<std::pair<double, double>> percentiles() const {
    std::vector<std::pair<double, double>> all;
    for (const double percent : {50.0, 75.0, 90.0, 95.0, 99.0, 99.5, 99.9, 99.95, 99.99, 100.0}) {
      all.emplace_back(percent, static_cast<double>(value_at(percent)));
    }
    return all;
  }

 private:
  std::array<uint64_t, Buckets::bucket_count> counts_{};
  uint64_t count_ = 0;
  uint64_t max_ = 0;
};

}  // namespace havklo::bench
