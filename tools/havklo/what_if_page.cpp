// A table, then for each file of settings the times to the all clear, all on one scale.
#include "havklo/what_if_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "havklo/histogram_chart.hpp"
#include "replay/text/counted.hpp"

namespace havklo {
namespace {

using replay::Histogram;
using replay::Range;
using replay::WhatIfCase;
using replay::WhatIfRow;

// The outages of a row that ended, under one assumption.
struct Clears {
  Histogram ms;
  uint64_t open = 0;  // not over when the recording ended
};

Clears clears_of(const WhatIfRow& row, int64_t Range::*side) {
  Clears clears;
  for (const Range& each : row.all_clear_ns) {
    if (each.*side == replay::not_by_the_end) {
      ++clears.open;
    } else {
      clears.ms.add(static_cast<uint64_t>(each.*side / 1'000'000));
    }
  }
  return clears;
}

bool is_exact(const WhatIfRow& row) {
  return std::ranges::all_of(row.all_clear_ns,
                             [](const Range& each) { return each.low == each.high; });
}

std::string name_of(const WhatIfRow& row) {
  return row.settings.empty() ? "As recorded" : html_text(row.settings);
}

void append_clears(std::string& out, const Clears& clears, const BucketRange& range,
                   std::string_view what) {
  auto to = std::back_inserter(out);
  fmt::format_to(to, "<p>To the all clear, ms{}: {}; half at most {}, 99 % {}, all {}", what,
                 replay::counted(clears.ms.count(), "outage"), clears.ms.quantile(0.5),
                 clears.ms.quantile(0.99), clears.ms.quantile(1.0));
  if (clears.open != 0) fmt::format_to(to, "; {} more not over by the end", clears.open);
  out += "</p>\n";
  append_chart(out, clears.ms, range);
}

void append_table(std::string& out, const std::vector<WhatIfRow>& rows) {
  auto to = std::back_inserter(out);
  out +=
      "<table><tr><th>settings</th><th>recordings</th><th>outages</th><th>attempts</th>"
      "<th>most in 10 min</th><th>all clear p50, s</th><th>p99, s</th><th>max, s</th>"
      "<th>books lost, s</th><th>outages on assumptions</th></tr>\n";
  for (const WhatIfRow& row : rows) {
    const auto clear = [&row](double q) {
      return row.all_clear_ns.empty() ? "-" : seconds_text(row.all_clear_quantile_ns(q));
    };
    fmt::format_to(to,
                   "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>"
                   "<td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                   name_of(row), row.recordings, row.outages, count_text(row.attempts),
                   count_text(row.most_in_ten_minutes), clear(0.5), clear(0.99), clear(1.0),
                   seconds_text(row.all_books_lost_ns()), row.assumed_outages);
  }
  out += "</table>\n";
}

void append_row(std::string& out, const WhatIfRow& row, const BucketRange& range) {
  auto to = std::back_inserter(out);
  fmt::format_to(to, "<h2>{}</h2>\n", name_of(row));
  if (is_exact(row)) {
    append_clears(out, clears_of(row, &Range::high), range, "");
  } else {
    append_clears(out, clears_of(row, &Range::low), range, ", if the venue was back early");
    append_clears(out, clears_of(row, &Range::high), range, ", if it was back late");
  }
  if (row.model_attempts != 0) {
    fmt::format_to(to,
                   "<p>{}, {} of them when a recording made none, {} of those between "
                   "two that went otherwise.</p>\n",
                   replay::counted(row.model_attempts, "attempt"), row.assumed_attempts,
                   row.disputed_attempts);
  }
  if (row.books_lost_ns.empty()) return;
  out += "<table><tr><th>book lost</th><th>s</th></tr>\n";
  for (const auto& [symbol, lost] : row.books_lost_ns) {
    fmt::format_to(to, "<tr><td>{}</td><td>{}</td></tr>\n", html_text(symbol), seconds_text(lost));
  }
  out += "</table>\n";
}

}  // namespace

std::string what_if_page(const replay::WhatIfGrid& grid) {
  const std::vector<WhatIfRow> rows = grid.rows();
  std::string out = page_head(fmt::format("Havklo: {} with {} of settings",
                                          replay::counted(rows[0].recordings, "recording"),
                                          replay::counted(rows.size() - 1, "file")));
  auto to = std::back_inserter(out);
  if (grid.failures() != 0) {
    fmt::format_to(to, "<p class=\"bad\">No answer of {}.</p><ul>\n",
                   replay::counted(grid.failures(), "pair"));
    for (const WhatIfCase& each : grid.cases()) {
      if (each.failure.empty()) continue;
      fmt::format_to(to, "<li>{} with {}: {}</li>\n", html_text(each.recording),
                     html_text(each.settings), html_text(each.failure));
    }
    out += "</ul>\n";
  }
  if (grid.torn() != 0) {
    fmt::format_to(to, "<p>Torn, and counted up to there: {}.</p>\n",
                   replay::counted(grid.torn(), "recording"));
  }
  if (grid.cases().size() != grid.whole()) {
    fmt::format_to(to, "<p class=\"bad\">Not the whole grid: {} of {} pairs.</p>\n",
                   grid.cases().size(), grid.whole());
  }
  append_table(out, rows);
  out +=
      "<p>\"A to B\": the answer rests on an assumption about what the venue would have said when "
      "the recording did not ask.</p>\n";
  BucketRange range;
  for (const WhatIfRow& row : rows) {
    for (const auto side : {&Range::low, &Range::high}) {
      range = joined(range, used_buckets(clears_of(row, side).ms));
    }
  }
  for (const WhatIfRow& row : rows) append_row(out, row, range);
  return out += page_end;
}

}  // namespace havklo
