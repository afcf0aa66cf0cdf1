// Rows out of cases, and the table.
#include "replay/what_if/grid.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <tuple>

#include "replay/text/counted.hpp"

namespace havklo::replay {
namespace {

std::tuple<const std::string&, const std::string&> place_of(const WhatIfCase& one) {
  return {one.recording, one.settings};
}

Range range_of(const Figure& figure, bool recorded) {
  if (recorded) {
    const int64_t value = figure.recorded.value_or(0);
    return {value, value};
  }
  return {figure.low.value_or(0), figure.high.value_or(figure.low.value_or(0))};
}

Range all_clear_of(const Figure& figure, bool recorded) {
  if (recorded) {
    const int64_t value = figure.recorded.value_or(not_by_the_end);
    return {value, value};
  }
  return {figure.low.value_or(not_by_the_end), figure.high.value_or(not_by_the_end)};
}

void add(Range& sum, const Range& more) {
  sum.low += more.low;
  sum.high += more.high;
}

// Adds up cases of one kind.
class RowMaker {
 public:
  explicit RowMaker(std::string settings) : recorded_(settings.empty()) {
    row_.settings = std::move(settings);
  }

  void add_case(const WhatIfCase& one) {
    const WhatIf& what_if = one.what_if;
    ++row_.recordings;
    for (const OutageComparison& each : what_if.outages) add_outage(each);
    for (const auto& [symbol, lost] : what_if.repairs_ns) {
      add(books_[symbol], range_of(lost, recorded_));
    }
    if (recorded_) return;
    row_.model_attempts += what_if.attempts;
    row_.assumed_attempts += what_if.assumed_attempts;
    row_.disputed_attempts += what_if.disputed_attempts;
  }

  [[nodiscard]] WhatIfRow row() const {
    WhatIfRow out = row_;
    out.books_lost_ns.assign(books_.begin(), books_.end());
    return out;
  }

 private:
  void add_outage(const OutageComparison& each) {
    const uint32_t count = recorded_ ? each.recorded_count : each.model_count;
    if (count == 0) return;
    row_.outages += count;
    if (!recorded_ && each.all_clear_ns.assumed) row_.assumed_outages += count;
    add(row_.attempts, range_of(each.attempts, recorded_));
    const Range most = range_of(each.attempts_in_ten_minutes, recorded_);
    row_.most_in_ten_minutes.low = std::max(row_.most_in_ten_minutes.low, most.low);
    row_.most_in_ten_minutes.high = std::max(row_.most_in_ten_minutes.high, most.high);
    row_.all_clear_ns.push_back(all_clear_of(each.all_clear_ns, recorded_));
    for (const auto& [symbol, lost] : each.books_lost_ns) {
      add(books_[symbol], range_of(lost, recorded_));
    }
  }

  bool recorded_;
  WhatIfRow row_;
  std::map<std::string, Range> books_;
};

// The value that a share `q` of all do not exceed.
int64_t quantile(std::vector<int64_t> values, double q) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  const auto rank = static_cast<size_t>(q * static_cast<double>(values.size()));
  return values[std::min(rank, values.size() - 1)];
}

std::string range_text(const std::string& low, const std::string& high) {
  return low == high ? low : low + " to " + high;
}

// The case of a recording that joins the fewest of its recorded outages: other settings may make an
// outage that spans two of them.
const WhatIfCase* best_of_recorded(const std::vector<WhatIfCase>& cases, std::string_view name) {
  const WhatIfCase* best = nullptr;
  const auto stretches = [](const WhatIfCase& one) {
    return std::ranges::count_if(one.what_if.outages, &OutageComparison::recorded_count);
  };
  for (const WhatIfCase& each : cases) {
    if (each.recording != name || !each.failure.empty()) continue;
    if (best == nullptr || stretches(each) > stretches(*best)) best = &each;
  }
  return best;
}

}  // namespace

Range WhatIfRow::all_books_lost_ns() const {
  Range all;
  for (const auto& [symbol, lost] : books_lost_ns) add(all, lost);
  return all;
}

Range WhatIfRow::all_clear_quantile_ns(double q) const {
  std::vector<int64_t> low;
  std::vector<int64_t> high;
  for (const Range& each : all_clear_ns) {
    low.push_back(each.low);
    high.push_back(each.high);
  }
  return {quantile(std::move(low), q), quantile(std::move(high), q)};
}

bool WhatIfGrid::add(WhatIfCase one) {
  const auto at = std::ranges::lower_bound(cases_, place_of(one), {}, place_of);
  if (at != cases_.end() && place_of(*at) == place_of(one)) return false;
  cases_.insert(at, std::move(one));
  return true;
}

uint64_t WhatIfGrid::failures() const {
  return static_cast<uint64_t>(
      std::ranges::count_if(cases_, [](const WhatIfCase& each) { return !each.failure.empty(); }));
}

uint64_t WhatIfGrid::torn() const {
  std::set<std::string_view> recordings;
  for (const WhatIfCase& each : cases_) {
    if (!each.torn.empty()) recordings.insert(each.recording);
  }
  return recordings.size();
}

uint64_t WhatIfGrid::whole() const {
  std::set<std::string_view> recordings;
  std::set<std::string_view> settings;
  for (const WhatIfCase& each : cases_) {
    recordings.insert(each.recording);
    settings.insert(each.settings);
  }
  return recordings.size() * settings.size();
}

std::vector<WhatIfRow> WhatIfGrid::rows() const {
  std::set<std::string> recordings;
  std::map<std::string, RowMaker> by_settings;
  for (const WhatIfCase& each : cases_) {
    recordings.insert(each.recording);
    RowMaker& row = by_settings.try_emplace(each.settings, each.settings).first->second;
    if (each.failure.empty()) row.add_case(each);
  }
  RowMaker recorded("");
  for (const std::string& name : recordings) {
    if (const WhatIfCase* one = best_of_recorded(cases_, name)) recorded.add_case(*one);
  }
  std::vector<WhatIfRow> rows{recorded.row()};
  for (const auto& [name, row] : by_settings) rows.push_back(row.row());
  return rows;
}

std::string count_text(const Range& range) {
  return range_text(std::to_string(range.low), std::to_string(range.high));
}

std::string seconds_text(const Range& range) {
  const auto one = [](int64_t ns) {
    if (ns == not_by_the_end) return std::string("not by the end");
    return fmt::format("{:.3f}", static_cast<double>(ns) / 1e9);
  };
  return range_text(one(range.low), one(range.high));
}

std::string not_whole(const WhatIfGrid& grid) {
  if (grid.cases().size() == grid.whole()) return "";
  return fmt::format("{} of {} pairs: the grid is not whole", grid.cases().size(), grid.whole());
}

std::string to_table(const WhatIfGrid& grid) {
  const std::vector<WhatIfRow> rows = grid.rows();
  std::vector<std::vector<std::string>> cells = {{"settings", "recordings", "outages", "attempts",
                                                  "most in 10 min", "all clear p50, s", "p99, s",
                                                  "max, s", "books lost, s", "assumed"}};
  for (const WhatIfRow& row : rows) {
    const auto clear = [&row](double q) {
      return row.all_clear_ns.empty() ? "-" : seconds_text(row.all_clear_quantile_ns(q));
    };
    cells.push_back({row.settings.empty() ? "(as recorded)" : row.settings,
                     std::to_string(row.recordings), std::to_string(row.outages),
                     count_text(row.attempts), count_text(row.most_in_ten_minutes), clear(0.5),
                     clear(0.99), clear(1.0), seconds_text(row.all_books_lost_ns()),
                     fmt::format("{} of {}", row.assumed_outages, row.outages)});
  }
  std::string out;
  for (const auto& line : cells) {
    for (size_t i = 0; i < line.size(); ++i) {
      size_t width = 0;
      for (const auto& other : cells) width = std::max(width, other[i].size());
      if (i == 0) {
        fmt::format_to(std::back_inserter(out), "{:<{}}", line[i], width);
      } else {
        fmt::format_to(std::back_inserter(out), "  {:>{}}", line[i], width);
      }
    }
    out += '\n';
  }
  out +=
      "assumed: outages of which a figure rests on an assumption; then \"A to B\" is the range\n";
  if (grid.torn() != 0) {
    fmt::format_to(std::back_inserter(out), "torn, and counted up to there: {}\n",
                   counted(grid.torn(), "recording"));
  }
  if (grid.cases().size() != grid.whole()) {
    fmt::format_to(std::back_inserter(out), "not the whole grid: {} of {} pairs\n",
                   grid.cases().size(), grid.whole());
  }
  for (const WhatIfCase& each : grid.cases()) {
    if (each.failure.empty()) continue;
    fmt::format_to(std::back_inserter(out), "{} with {}: {}\n", each.recording, each.settings,
                   each.failure);
  }
  return out;
}

}  // namespace havklo::replay
