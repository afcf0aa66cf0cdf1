// A histogram that grows: buckets of LogLinear<4>, so that a value is known to 6 %.
//
// Two histograms of the same kind add up to that of both runs.
// Threads: a value.   Cost: O(1) to add; memory for the buckets up to the largest value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <havklo/log_linear.hpp>
#include <vector>

namespace havklo::replay {

class Histogram : public LogLinear<4> {
 public:
  void add(uint64_t value, uint64_t times = 1) {
    add_bucket(bucket_of(value), times);
    sum_ += value * times;
  }
  void add(const Histogram& other) {
    for (size_t i = 0; i < other.counts_.size(); ++i) add_bucket(i, other.counts_[i]);
    sum_ += other.sum_;
  }
  // For what was written as buckets and a sum.
  void add_bucket(size_t bucket, uint64_t times) {
    if (times == 0) return;
    if (bucket >= counts_.size()) counts_.resize(bucket + 1);
    counts_[bucket] += times;
    count_ += times;
  }
  void add_sum(uint64_t sum) { sum_ += sum; }

  [[nodiscard]] uint64_t count() const { return count_; }
  [[nodiscard]] uint64_t sum() const { return sum_; }
  [[nodiscard]] const std::vector<uint64_t>& buckets() const { return counts_; }
  // The highest value of the bucket in which the quantile lies; 0 when there is none.
  [[nodiscard]] uint64_t quantile(double q) const {
    const auto wanted = static_cast<uint64_t>(q * static_cast<double>(count_));
    uint64_t seen = 0;
    for (size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen > wanted || (seen == count_ && seen != 0)) return highest_of(i);
    }
    return 0;
  }

 private:
  std::vector<uint64_t> counts_;
  uint64_t count_ = 0;
  uint64_t sum_ = 0;
};

}  // namespace havklo::replay
