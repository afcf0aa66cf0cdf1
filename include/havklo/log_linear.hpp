// Buckets for values of any size, each at most 1/2^bits of its value wide: for histograms.
//
// Values below 2^bits have a bucket each; above, 2^bits buckets for each doubling.
// Threads: functions.   Cost: a few instructions, no division.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace havklo {

template <unsigned bits>
struct LogLinear {
  static constexpr uint64_t steps = uint64_t{1} << bits;
  // Of all 64-bit values.
  static constexpr size_t bucket_count = (64 - bits + 1) << bits;

  [[nodiscard]] static constexpr size_t bucket_of(uint64_t value) {
    if (value < steps) return value;
    const auto exponent = static_cast<unsigned>(std::bit_width(value)) - 1 - bits;
    return ((size_t{exponent} + 1) << bits) + ((value >> exponent) & (steps - 1));
  }
  [[nodiscard]] static constexpr uint64_t lowest_of(size_t bucket) {
    if (bucket < steps) return bucket;
    return (steps + (bucket & (steps - 1))) << ((bucket >> bits) - 1);
  }
  [[nodiscard]] static constexpr uint64_t highest_of(size_t bucket) {
    return bucket + 1 < bucket_count ? lowest_of(bucket + 1) - 1 : UINT64_MAX;
  }
};

}  // namespace havklo
