// The frame of a page that needs nothing but itself, and a histogram in it as inline SVG: a bar for
// each bucket, on the buckets' own (logarithmic) scale.
//
// Owns nothing: functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "replay/observer/histogram.hpp"

namespace havklo {

// `end`: one behind the last.
struct BucketRange {
  size_t first = 0;
  size_t end = 0;
};
// From the lowest to the highest value; {0, 0}: there is none.
[[nodiscard]] BucketRange used_buckets(const replay::Histogram& histogram);
// That of both.
[[nodiscard]] BucketRange joined(const BucketRange& a, const BucketRange& b);

// Charts of the same range can be compared by eye.
void append_chart(std::string& out, const replay::Histogram& histogram, const BucketRange& range);

[[nodiscard]] std::string html_text(std::string_view text);
[[nodiscard]] std::string page_head(std::string_view title);
inline constexpr std::string_view page_end = "</body></html>\n";

}  // namespace havklo
