// What passes that take turns in one process are measured by: this thread's CPU time, and the
// median of many.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstddef>
#include <vector>

namespace havklo::bench {

inline double thread_cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

// Orders `values` as it needs.
inline double median(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace havklo::bench
