// Counts, failures, and a chart for each histogram.
#include "havklo/histogram_page.hpp"

#include <fmt/format.h>

#include <iterator>

#include "havklo/histogram_chart.hpp"
#include "replay/text/counted.hpp"

namespace havklo {

using replay::Histogram;

std::string histogram_page(const replay::SweepStatistics& given) {
  replay::SweepStatistics statistics = given;
  std::string out = page_head(fmt::format("Havklo: {}, seeds {} to {}",
                                          replay::counted(statistics.worlds, "world"),
                                          statistics.first_seed, statistics.last_seed));
  auto to = std::back_inserter(out);
  if (const std::string part = not_whole(statistics); !part.empty()) {
    fmt::format_to(to, "<p class=\"bad\">{}.</p>\n", part);
  }
  if (statistics.failures.empty()) {
    out += "<p>Every invariant held in every world that ran.</p>\n";
  } else {
    fmt::format_to(to, "<p class=\"bad\">{} failed.</p><ul>\n",
                   replay::counted(statistics.failures.size(), "world"));
    for (const replay::SweepFailure& each : statistics.failures) {
      fmt::format_to(to, "<li>seed {}: {}: {}</li>\n", each.seed, html_text(each.invariant),
                     html_text(each.what));
    }
    out += "</ul>\n";
  }
  out += "<table>\n";
  for (const replay::NamedCount& each : replay::sweep_counts()) {
    fmt::format_to(to, "<tr><td>{}</td><td>{}</td></tr>\n", each.name, statistics.*each.value);
  }
  out += "</table>\n<h2>States that a sweep must reach, in so many worlds</h2>\n<table>\n";
  for (size_t state = 0; state < replay::sometime_count; ++state) {
    const uint64_t count = statistics.reached[state];
    fmt::format_to(to, "<tr{}><td>{}</td><td>{}</td></tr>\n", count == 0 ? " class=\"bad\"" : "",
                   to_string(static_cast<replay::Sometime>(state)), count);
  }
  out += "</table>\n";
  for (const replay::NamedHistogram& each : replay::sweep_histograms()) {
    const Histogram& histogram = each.get(statistics);
    fmt::format_to(to, "<h2>{}</h2>\n<p>{}; half at most {}, 90 % {}, 99 % {}, all {}</p>\n",
                   html_text(each.title), replay::counted(histogram.count(), "value"),
                   histogram.quantile(0.5), histogram.quantile(0.9), histogram.quantile(0.99),
                   histogram.quantile(1.0));
    append_chart(out, histogram, used_buckets(histogram));
  }
  return out += page_end;
}

}  // namespace havklo
