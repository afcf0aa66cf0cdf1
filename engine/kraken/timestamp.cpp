// RFC 3339 timestamps.
#include "kraken/decode.hpp"

namespace havklo::kraken {
namespace {

bool digits(std::string_view text, size_t at, size_t count, int64_t& out) {
  out = 0;
  for (size_t i = at; i < at + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    out = out * 10 + (text[i] - '0');
  }
  return true;
}

// Days from 1970-01-01 in the proleptic Gregorian calendar (Howard Hinnant, "chrono-Compatible
// Low-Level Date Algorithms", days_from_civil).
int64_t days_since_1970(int64_t year, int64_t month, int64_t day) {
  year -= month <= 2 ? 1 : 0;
  const int64_t era = year / 400;
  const int64_t year_of_era = year - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + day_of_era - 719'468;
}

int64_t days_in_month(int64_t year, int64_t month) {
  if (month != 2) return 30 + (month + month / 8) % 2;
  const bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return is_leap ? 29 : 28;
}

// Takes "Z", "+00:00" or "-05:30" off the end.
bool take_offset(std::string_view& text, int64_t& minutes) {
  minutes = 0;
  if (text.ends_with('Z')) {
    text.remove_suffix(1);
    return true;
  }
  constexpr size_t size = 6;
  if (text.size() < size) return false;
  const std::string_view offset = text.substr(text.size() - size);
  int64_t hours = 0;
  if ((offset[0] != '+' && offset[0] != '-') || offset[3] != ':' || !digits(offset, 1, 2, hours) ||
      !digits(offset, 4, 2, minutes) || hours > 23 || minutes > 59) {
    return false;
  }
  minutes += hours * 60;
  if (offset[0] == '-') minutes = -minutes;
  text.remove_suffix(size);
  return true;
}

}  // namespace

bool parse_timestamp(std::string_view text, int64_t& ns) {
  constexpr std::string_view form = "0000-00-00T00:00:00";
  int64_t offset = 0;
  if (!take_offset(text, offset) || text.size() < form.size()) return false;
  for (size_t i = 0; i < form.size(); ++i) {
    if (form[i] != '0' && text[i] != form[i]) return false;
  }
  int64_t year, month, day, hour, minute, second;
  if (!digits(text, 0, 4, year) || !digits(text, 5, 2, month) || !digits(text, 8, 2, day) ||
      !digits(text, 11, 2, hour) || !digits(text, 14, 2, minute) || !digits(text, 17, 2, second)) {
    return false;
  }
  // Instants count nanoseconds in 64 bits: until 2262.
  if (year < 1970 || year > 2261 || month < 1 || month > 12 || day < 1 ||
      day > days_in_month(year, month) || hour > 23 || minute > 59 || second > 60) {
    return false;
  }
  int64_t fraction = 0;
  if (const std::string_view rest = text.substr(form.size()); !rest.empty()) {
    const size_t count = rest.size() - 1;
    if (rest[0] != '.' || count < 1 || count > 9 || !digits(rest, 1, count, fraction)) return false;
    for (size_t i = count; i < 9; ++i) fraction *= 10;
  }
  const int64_t minutes = (days_since_1970(year, month, day) * 24 + hour) * 60 + minute - offset;
  if (minutes < 0) return false;  // by its offset before 1970
  ns = (minutes * 60 + second) * 1'000'000'000 + fraction;
  return true;
}

}  // namespace havklo::kraken
