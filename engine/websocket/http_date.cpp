// Dates of HTTP and Retry-After.
#include "websocket/http_date.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

namespace havklo::websocket {
namespace {

constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> days{"Monday", "Tuesday",  "Wednesday", "Thursday",
                                               "Friday", "Saturday", "Sunday"};

// Takes a text apart from the front. After the first thing that does not fit, nothing fits any
// more.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  void literal(std::string_view expected) {
    if (!text_.starts_with(expected)) ok_ = false;
    text_.remove_prefix(std::min(expected.size(), text_.size()));
  }

  int64_t digits(size_t count) {
    int64_t value = 0;
    if (text_.size() < count) ok_ = false;
    for (const char c : text_.substr(0, count)) {
      if (c < '0' || c > '9') ok_ = false;
      value = value * 10 + (c - '0');
    }
    text_.remove_prefix(std::min(count, text_.size()));
    return value;
  }

  // One of `names`, by its first `letters` (0: all of them). Answers its index.
  size_t one_of(std::span<const std::string_view> names, size_t letters) {
    for (size_t i = 0; i < names.size(); ++i) {
      const std::string_view name = letters == 0 ? names[i] : names[i].substr(0, letters);
      if (text_.starts_with(name)) {
        text_.remove_prefix(name.size());
        return i;
      }
    }
    ok_ = false;
    return 0;
  }

  // " 6" or "06" or "16", as asctime prints it.
  int64_t padded_day() {
    if (!text_.starts_with(' ')) return digits(2);
    literal(" ");
    return digits(1);
  }

  [[nodiscard]] bool done() const { return ok_ && text_.empty(); }

 private:
  std::string_view text_;
  bool ok_ = true;
};

struct DateTime {
  int64_t year = 0;
  size_t month = 0;  // 0: January
  int64_t day = 0;
  int64_t hour = 0;
  int64_t minute = 0;
  int64_t second = 0;
};

bool is_leap(int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

int64_t days_in_month(int64_t year, size_t month) {
  constexpr std::array<int64_t, 12> lengths{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 1 && is_leap(year) ? 29 : lengths[month];
}

std::optional<int64_t> to_seconds(const DateTime& at) {
  if (at.year < 1 || at.day < 1 || at.day > days_in_month(at.year, at.month)) return {};
  if (at.hour > 23 || at.minute > 59 || at.second > 60) return {};  // 60: a leap second
  const int64_t before = at.year - 1;
  constexpr int64_t days_to_1970 = 719'162;  // from the first day of year 1
  int64_t day = before * 365 + before / 4 - before / 100 + before / 400 - days_to_1970;
  for (size_t month = 0; month < at.month; ++month) day += days_in_month(at.year, month);
  day += at.day - 1;
  return ((day * 24 + at.hour) * 60 + at.minute) * 60 + at.second;
}

void read_time(Cursor& in, DateTime& at) {
  at.hour = in.digits(2);
  in.literal(":");
  at.minute = in.digits(2);
  in.literal(":");
  at.second = in.digits(2);
}

std::optional<int64_t> parse_imf(std::string_view text) {
  Cursor in(text);
  DateTime at;
  in.one_of(days, 3);
  in.literal(", ");
  at.day = in.digits(2);
  in.literal(" ");
  at.month = in.one_of(months, 0);
  in.literal(" ");
  at.year = in.digits(4);
  in.literal(" ");
  read_time(in, at);
  in.literal(" GMT");
  return in.done() ? to_seconds(at) : std::nullopt;
}

std::optional<int64_t> parse_rfc850(std::string_view text, int64_t near_year) {
  Cursor in(text);
  DateTime at;
  in.one_of(days, 0);
  in.literal(", ");
  at.day = in.digits(2);
  in.literal("-");
  at.month = in.one_of(months, 0);
  in.literal("-");
  const int64_t two_digits = in.digits(2);
  in.literal(" ");
  read_time(in, at);
  in.literal(" GMT");
  if (!in.done()) return {};
  at.year = near_year - near_year % 100 + two_digits;
  if (at.year > near_year + 50) at.year -= 100;
  if (at.year < near_year - 49) at.year += 100;
  return to_seconds(at);
}

std::optional<int64_t> parse_asctime(std::string_view text) {
  Cursor in(text);
  DateTime at;
  in.one_of(days, 3);
  in.literal(" ");
  at.month = in.one_of(months, 0);
  in.literal(" ");
  at.day = in.padded_day();
  in.literal(" ");
  read_time(in, at);
  in.literal(" ");
  at.year = in.digits(4);
  return in.done() ? to_seconds(at) : std::nullopt;
}

std::optional<Duration> parse_delay_seconds(std::string_view value) {
  if (value.empty()) return {};
  constexpr int64_t seconds_max = retry_after_max.ns / 1'000'000'000;
  int64_t seconds = 0;
  for (const char c : value) {
    if (c < '0' || c > '9') return {};
    seconds = std::min(seconds * 10 + (c - '0'), seconds_max);
  }
  return Duration::seconds(seconds);
}

}  // namespace

std::optional<int64_t> parse_http_date(std::string_view text, int64_t near_year) {
  if (const auto imf = parse_imf(text)) return imf;
  if (const auto rfc850 = parse_rfc850(text, near_year)) return rfc850;
  return parse_asctime(text);
}

std::optional<Duration> parse_retry_after(std::string_view value, std::string_view date) {
  if (const auto delay = parse_delay_seconds(value)) return delay;
  constexpr int64_t near_year = 2025;  // only for a Date in the oldest format
  const auto from = parse_http_date(date, near_year);
  if (!from) return {};
  constexpr int64_t year_seconds = 31'556'952;  // the mean one is near enough to pick a century
  const auto to = parse_http_date(value, 1970 + *from / year_seconds);
  if (!to) return {};
  const int64_t seconds = *to - *from;
  return Duration::seconds(std::clamp<int64_t>(seconds, 0, retry_after_max.ns / 1'000'000'000));
}

}  // namespace havklo::websocket
