// The parts of a page.
#include "havklo/histogram_chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace havklo {
namespace {

using replay::Histogram;

constexpr std::string_view style = R"(<style>
:root{color-scheme:light dark}
body{font:15px/1.45 system-ui,sans-serif;max-width:1040px;margin:2em auto;padding:0 1em}
h1{font-size:1.5em}h2{font-size:1.05em;margin:2em 0 .3em}
table{border-collapse:collapse}td,th{padding:.15em .9em .15em 0;text-align:right}
td{white-space:nowrap}
td:first-child,th:first-child{text-align:left}
svg{width:100%;height:auto}rect{fill:#3b7dd8}text{font-size:11px;fill:currentColor}
line{stroke:currentColor;opacity:.35}.bad{color:#c22}
</style>)";

constexpr double width = 860;
constexpr double height = 150;
constexpr double left = 8;
// Of an 11 px digit, generously: a label begins at its bar's left edge and must end on the page.
constexpr double digit_width = 7.5;
constexpr size_t labels_most = 10;
constexpr size_t bars_least = 12;

}  // namespace

BucketRange used_buckets(const Histogram& histogram) {
  const auto& buckets = histogram.buckets();
  size_t first = 0;
  while (first < buckets.size() && buckets[first] == 0) ++first;
  return first == buckets.size() ? BucketRange{} : BucketRange{first, buckets.size()};
}

BucketRange joined(const BucketRange& a, const BucketRange& b) {
  if (a.first == a.end) return b;
  if (b.first == b.end) return a;
  return {std::min(a.first, b.first), std::max(a.end, b.end)};
}

void append_chart(std::string& out, const Histogram& histogram, const BucketRange& range) {
  const auto& buckets = histogram.buckets();
  if (histogram.count() == 0) {
    out += "<p>Nothing to show.</p>\n";
    return;
  }
  const size_t count = range.end - range.first;
  const uint64_t highest = *std::ranges::max_element(buckets);
  const std::string last_label = std::to_string(Histogram::lowest_of(range.end - 1));
  const double right = digit_width * static_cast<double>(last_label.size());
  const double step =
      (width - left - right) / static_cast<double>(std::max<size_t>(count, bars_least));
  auto to = std::back_inserter(out);
  fmt::format_to(to, "<svg viewBox=\"0 0 {} {}\" role=\"img\">\n", width, height + 24);
  fmt::format_to(to, "<line x1=\"0\" y1=\"{0}\" x2=\"{1}\" y2=\"{0}\"/>\n", height, width);
  const size_t label_every = (count + labels_most - 1) / labels_most;
  for (size_t i = 0; i < count; ++i) {
    const size_t bucket = range.first + i;
    const uint64_t value = bucket < buckets.size() ? buckets[bucket] : 0;
    const double x = left + static_cast<double>(i) * step;
    if (value != 0) {
      const double bar =
          std::max(1.0, static_cast<double>(value) / static_cast<double>(highest) * (height - 12));
      fmt::format_to(to,
                     "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\">"
                     "<title>{}..{}: {}</title></rect>\n",
                     x, height - bar, std::max(0.6, step - 0.8), bar, Histogram::lowest_of(bucket),
                     Histogram::lowest_of(bucket + 1) - 1, value);
    }
    if (i % label_every == 0) {
      fmt::format_to(to, "<text x=\"{:.1f}\" y=\"{}\">{}</text>\n", x, height + 16,
                     Histogram::lowest_of(bucket));
    }
  }
  out += "</svg>\n";
}

std::string html_text(std::string_view text) {
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

std::string page_head(std::string_view title) {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{0}</title>{1}\n"
      "</head><body>\n<h1>{0}</h1>\n",
      html_text(title), style);
}

}  // namespace havklo
