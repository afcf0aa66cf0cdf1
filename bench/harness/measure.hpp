// The cost of an operation, on a machine that others use too: this thread's CPU time, which a core
// taken away does not add to, and the median of many, which a cache that somebody emptied does not
// move.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <vector>

namespace havklo::bench {

inline int64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// Of a clock that counts CPU time: this thread's, the process's, another thread's.
inline double cpu_ns(clockid_t clock) {
  timespec spent{};
  clock_gettime(clock, &spent);
  return static_cast<double>(spent.tv_sec) * 1e9 + static_cast<double>(spent.tv_nsec);
}

inline double thread_cpu_ns() { return cpu_ns(CLOCK_THREAD_CPUTIME_ID); }

// Orders `values`, of which there is at least one, as it needs.
inline double quantile(std::vector<double>& values, double q) {
  const auto at = static_cast<ptrdiff_t>(q * static_cast<double>(values.size() - 1) + 0.5);
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<size_t>(at)];
}

inline double median(std::vector<double>& values) { return quantile(values, 0.5); }

// Nanoseconds of this thread's CPU for one of the operations that f(count) does `count` of: the
// median of chunks.
template <class F>
double cpu_cost_ns(uint64_t chunk, uint32_t chunks, F&& f) {
  std::vector<double> costs;
  costs.reserve(chunks);
  for (uint32_t i = 0; i < chunks; ++i) {
    const double begin = thread_cpu_ns();
    f(chunk);
    costs.push_back((thread_cpu_ns() - begin) / static_cast<double>(chunk));
  }
  return median(costs);
}

}  // namespace havklo::bench
