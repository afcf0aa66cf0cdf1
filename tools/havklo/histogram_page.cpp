// HTML with inline SVG: a bar for each bucket, on the buckets' own (logarithmic) scale.
#include "havklo/histogram_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace havklo {
namespace {

using replay::Histogram;

constexpr std::string_view head = R"(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Havklo sweep</title><style>
:root{color-scheme:light dark}
body{font:15px/1.45 system-ui,sans-serif;max-width:900px;margin:2em auto;padding:0 1em}
h1{font-size:1.5em}h2{font-size:1.05em;margin:2em 0 .3em}
table{border-collapse:collapse}td,th{padding:.15em .9em .15em 0;text-align:right}
td:first-child,th:first-child{text-align:left}
svg{width:100%;height:auto}rect{fill:#3b7dd8}text{font-size:11px;fill:currentColor}
line{stroke:currentColor;opacity:.35}.bad{color:#c22}
</style></head><body>
)";

constexpr double width = 860;
constexpr double height = 150;
constexpr double left = 8;

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '<') {
      out += "&lt;";
    } else if (c == '&') {
      out += "&amp;";
    } else {
      out += c;
    }
  }
  return out;
}

void append_chart(std::string& out, const Histogram& histogram) {
  const auto& buckets = histogram.buckets();
  size_t first = 0;
  while (first < buckets.size() && buckets[first] == 0) ++first;
  if (first == buckets.size()) {
    out += "<p>Nothing to show.</p>\n";
    return;
  }
  const size_t count = buckets.size() - first;
  const uint64_t highest = *std::ranges::max_element(buckets);
  const double step = (width - 2 * left) / static_cast<double>(std::max<size_t>(count, 12));
  auto to = std::back_inserter(out);
  fmt::format_to(to, "<svg viewBox=\"0 0 {} {}\" role=\"img\">\n", width, height + 24);
  fmt::format_to(to, "<line x1=\"0\" y1=\"{0}\" x2=\"{1}\" y2=\"{0}\"/>\n", height, width);
  const size_t label_every = std::max<size_t>(1, count / 10);
  for (size_t i = 0; i < count; ++i) {
    const uint64_t value = buckets[first + i];
    const double x = left + static_cast<double>(i) * step;
    if (value != 0) {
      const double bar =
          std::max(1.0, static_cast<double>(value) / static_cast<double>(highest) * (height - 12));
      fmt::format_to(to,
                     "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\">"
                     "<title>{}..{}: {}</title></rect>\n",
                     x, height - bar, std::max(0.6, step - 0.8), bar,
                     Histogram::lowest_of(first + i), Histogram::lowest_of(first + i + 1) - 1,
                     value);
    }
    if (i % label_every == 0) {
      fmt::format_to(to, "<text x=\"{:.1f}\" y=\"{}\">{}</text>\n", x, height + 16,
                     Histogram::lowest_of(first + i));
    }
  }
  out += "</svg>\n";
}

}  // namespace

std::string histogram_page(const replay::SweepStatistics& given) {
  replay::SweepStatistics statistics = given;
  std::string out(head);
  auto to = std::back_inserter(out);
  fmt::format_to(to, "<h1>Havklo: {} worlds, seeds {} to {}</h1>\n", statistics.worlds,
                 statistics.first_seed, statistics.last_seed);
  if (statistics.failures.empty()) {
    out += "<p>Every invariant held in every world.</p>\n";
  } else {
    fmt::format_to(to, "<p class=\"bad\">{} worlds failed.</p><ul>\n", statistics.failures.size());
    for (const replay::SweepFailure& each : statistics.failures) {
      fmt::format_to(to, "<li>seed {}: {}: {}</li>\n", each.seed, escaped(each.invariant),
                     escaped(each.what));
    }
    out += "</ul>\n";
  }
  out += "<table>\n";
  for (const replay::NamedCount& each : replay::sweep_counts()) {
    fmt::format_to(to, "<tr><td>{}</td><td>{}</td></tr>\n", each.name, statistics.*each.value);
  }
  out += "</table>\n";
  for (const replay::NamedHistogram& each : replay::sweep_histograms()) {
    const Histogram& histogram = each.get(statistics);
    fmt::format_to(to, "<h2>{}</h2>\n<p>{} values; half at most {}, 90 % {}, 99 % {}, all {}</p>\n",
                   escaped(each.title), histogram.count(), histogram.quantile(0.5),
                   histogram.quantile(0.9), histogram.quantile(0.99), histogram.quantile(1.0));
    append_chart(out, histogram);
  }
  return out += "</body></html>\n";
}

}  // namespace havklo
