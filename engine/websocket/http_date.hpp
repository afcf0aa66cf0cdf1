// Dates of HTTP and Retry-After.
//
// Pure functions; time comes in as the answer's own Date.   Source: RFC 9110, 5.6.7 and 10.2.3.
#pragma once

#include <cstdint>
#include <havklo/clock.hpp>
#include <optional>
#include <string_view>

namespace havklo::websocket {

// What a peer can make of Retry-After at most; more is cut to this. The session obeys far less.
inline constexpr Duration retry_after_max = Duration::seconds(365LL * 24 * 3600);

// Seconds since 1970-01-01 of any of the three formats: "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday,
// 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994". The two digits of the second one mean the
// year nearest to `near_year`: at most 50 years ahead of it, at most 49 behind.
[[nodiscard]] std::optional<int64_t> parse_http_date(std::string_view text, int64_t near_year);

// `value` of Retry-After: seconds, or a date, which counts from `date` (the Date field; empty:
// absent). A date in the past is zero, more than retry_after_max is that. None when it cannot be
// understood, or a date has no Date beside it.
[[nodiscard]] std::optional<Duration> parse_retry_after(std::string_view value,
                                                        std::string_view date);

}  // namespace havklo::websocket
