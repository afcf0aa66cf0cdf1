// Recordings × settings: what each file of settings would have done in all of those nights.
//
// Owns:    the cases, in the order of their recordings and settings, however they came.
// Threads: a value.
// Cost:    the cases are held; a row is made by going over all of them.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "replay/what_if/case.hpp"

namespace havklo::replay {

// Between two assumptions; the same when nothing rests on one.
struct Range {
  int64_t low = 0;
  int64_t high = 0;
};
// A time to all clear that had not come when the recording ended.
inline constexpr int64_t not_by_the_end = std::numeric_limits<int64_t>::max();

struct WhatIfRow {
  std::string settings;  // "": what was recorded
  uint64_t recordings = 0;
  uint64_t outages = 0;
  uint64_t assumed_outages = 0;  // of which a figure rests on an assumption
  Range attempts;
  Range most_in_ten_minutes;
  std::vector<Range> all_clear_ns;                           // of each outage
  std::vector<std::pair<std::string, Range>> books_lost_ns;  // by symbol, repairs included
  uint64_t model_attempts = 0;  // of the whole runs, first connects included
  uint64_t assumed_attempts = 0;
  uint64_t disputed_attempts = 0;

  [[nodiscard]] Range all_books_lost_ns() const;
  // Of the times to all clear under the kinder assumption, and of those under the other.
  [[nodiscard]] Range all_clear_quantile_ns(double q) const;
};

class WhatIfGrid {
 public:
  // False: the pair is there already.
  [[nodiscard]] bool add(WhatIfCase one);

  // By recording, then settings.
  [[nodiscard]] const std::vector<WhatIfCase>& cases() const { return cases_; }
  [[nodiscard]] uint64_t failures() const;
  [[nodiscard]] uint64_t torn() const;
  // How many pairs all recordings with all settings are.
  [[nodiscard]] uint64_t whole() const;
  // What was recorded, then a row for each file of settings.
  [[nodiscard]] std::vector<WhatIfRow> rows() const;

 private:
  std::vector<WhatIfCase> cases_;
};

// "3 of 4 pairs: the grid is not whole"; empty: it is.
[[nodiscard]] std::string not_whole(const WhatIfGrid& grid);

// For people.
[[nodiscard]] std::string to_table(const WhatIfGrid& grid);
// "7.619 to 13.620": seconds; "-" for no outage.
[[nodiscard]] std::string seconds_text(const Range& range);
[[nodiscard]] std::string count_text(const Range& range);

}  // namespace havklo::replay
