// Method: the histogram against exact sorting, over values of every size; the recorder's summary
// of what it was told; the core's hook called in order, and only while somebody listens.
#include <gtest/gtest.h>

#include <algorithm>
#include <havklo/latency.hpp>
#include <havklo/limits.hpp>
#include <havklo/random.hpp>
#include <string>
#include <vector>

#include "io/phase_recorder.hpp"
#include "support/venue_world.hpp"

namespace havklo {
namespace {

TEST(LatencyHistogram, IsWithinASixteenthOfExactSorting) {
  Random random(5);
  LatencyHistogram histogram;
  std::vector<uint64_t> values;
  for (int i = 0; i < 20'000; ++i) {
    values.push_back(random.next_u64() >> (26 + random.below(38)));
    histogram.record(values.back());
  }
  std::ranges::sort(values);
  ASSERT_EQ(histogram.count(), values.size());
  EXPECT_EQ(histogram.max(), values.back());
  for (const uint32_t permille : {1U, 10U, 250U, 500U, 900U, 990U, 999U, 1000U}) {
    const uint64_t exact = values[(values.size() * permille + 999) / 1000 - 1];
    EXPECT_GE(histogram.quantile(permille), exact) << permille;
    EXPECT_LE(histogram.quantile(permille), exact + exact / 16 + 1) << permille;
  }
}

TEST(LatencyHistogram, KnowsNothingBeforeTheFirstAndTheLongestExactly) {
  LatencyHistogram histogram;
  EXPECT_EQ(histogram.quantile(500), 0U);
  histogram.record(UINT64_MAX);  // beyond the last bucket
  EXPECT_EQ(histogram.count(), 1U);
  EXPECT_EQ(histogram.quantile(500), UINT64_MAX);
}

TEST(LogLinear, PutsEveryValueIntoTheBucketThatHoldsIt) {
  using Buckets = LogLinear<4>;
  Random random(7);
  for (int i = 0; i < 50'000; ++i) {
    const uint64_t value = i < 5'000 ? static_cast<uint64_t>(i) : random.next_u64() >> (i % 64);
    const size_t bucket = Buckets::bucket_of(value);
    ASSERT_LT(bucket, Buckets::bucket_count);
    ASSERT_LE(Buckets::lowest_of(bucket), value);
    ASSERT_GE(Buckets::highest_of(bucket), value);
    ASSERT_LE(Buckets::highest_of(bucket) - Buckets::lowest_of(bucket), value / 16);
  }
  EXPECT_EQ(Buckets::highest_of(Buckets::bucket_count - 1), UINT64_MAX);
}

TEST(PhaseRecorder, TimesOneReadInSoMany) {
  io::PhaseRecorder recorder;
  for (uint32_t i = 0; i < 10 * phase_sampling; ++i) {
    recorder.begin_read();
    recorder.decrypted();
    if (recorder.listening()) recorder.reached(MessagePhase::frame);
    recorder.end_read();
    EXPECT_FALSE(recorder.listening());
  }
  EXPECT_EQ(recorder.summary(MessagePhase::decrypt).samples, 10U);
  EXPECT_EQ(recorder.summary(MessagePhase::frame).samples, 10U);
  EXPECT_EQ(recorder.summary(MessagePhase::decode).samples, 0U);
  EXPECT_EQ(recorder.read_summary().samples, 10U);
  const LatencySummary read = recorder.read_summary();
  EXPECT_LE(read.p50_ns, read.p99_ns);
  EXPECT_LE(read.p99_ns, read.max_ns);
}

}  // namespace
}  // namespace havklo
