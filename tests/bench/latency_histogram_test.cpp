// The histogram of the benchmarks against sorting.
#include "bench/harness/latency_histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <havklo/random.hpp>
#include <limits>
#include <memory>
#include <vector>

namespace {

using havklo::Random;
using havklo::bench::LatencyHistogram;

// The smallest of the sorted samples that at least `percent` of them do not exceed.
uint64_t exact(const std::vector<int64_t>& sorted, double percent) {
  size_t at = 0;
  while (static_cast<double>(at + 1) < percent / 100 * static_cast<double>(sorted.size())) ++at;
  return static_cast<uint64_t>(sorted[at]);
}

TEST(LatencyHistogram, IsNeverBelowSortingAndAtMostABucketAbove) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Random random(seed);
    auto histogram = std::make_unique<LatencyHistogram>();
    std::vector<int64_t> samples(1 + random.below(5'000));
    for (int64_t& each : samples) {
      // Spread over all magnitudes, as latencies with outliers are.
      each = static_cast<int64_t>(random.below(uint64_t{1} << (1 + random.below(40))));
      histogram->record(each);
    }
    std::ranges::sort(samples);
    ASSERT_EQ(histogram->count(), samples.size());
    EXPECT_EQ(histogram->max(), static_cast<uint64_t>(samples.back()));
    for (const double percent : {0.0, 1.0, 50.0, 90.0, 99.0, 99.9, 99.99, 100.0}) {
      const uint64_t right = exact(samples, percent);
      const uint64_t answer = histogram->value_at(percent);
      EXPECT_GE(answer, right) << "seed " << seed << ", p" << percent;
      EXPECT_LE(answer, right + right / LatencyHistogram::Buckets::steps)
          << "seed " << seed << ", p" << percent;
    }
  }
}

TEST(LatencyHistogram, HoldsTheEdges) {
  auto histogram = std::make_unique<LatencyHistogram>();
  EXPECT_EQ(histogram->value_at(50), 0U);
  histogram->record(-5);
  EXPECT_EQ(histogram->value_at(100), 0U);
  histogram->record(std::numeric_limits<int64_t>::max());
  EXPECT_EQ(histogram->value_at(100), uint64_t{std::numeric_limits<int64_t>::max()});
  for (const int64_t each : {511, 512, 1023, 1024}) {
    auto one = std::make_unique<LatencyHistogram>();
    one->record(each);
    EXPECT_EQ(one->value_at(50), static_cast<uint64_t>(each));
  }
}

}  // namespace
