// Exact: digits are taken as integers, a fraction as digits of the next smaller unit.
#include "replay/text/duration.hpp"

#include <array>
#include <cstdint>
#include <limits>
#include <utility>

namespace havklo::replay {
namespace {

__extension__ using Wide = __int128;  // so that an overflow is seen, not suffered

constexpr std::array<std::pair<std::string_view, int64_t>, 6> time_units = {
    {{"ns", 1},
     {"us", 1'000},
     {"ms", 1'000'000},
     {"s", 1'000'000'000},
     {"m", 60'000'000'000},
     {"h", 3'600'000'000'000}}};

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const size_t number_end = text.find_first_not_of("0123456789.");
  if (number_end == 0 || number_end == std::string_view::npos) return std::nullopt;
  const std::string_view number = text.substr(0, number_end);
  const std::string_view unit_text = text.substr(number_end);
  int64_t unit = 0;
  for (const auto& [name, ns] : time_units) {
    if (name == unit_text) unit = ns;
  }
  if (unit == 0) return std::nullopt;
  Wide total = 0;
  Wide scale = unit;  // of the next digit, behind the point
  bool fraction = false;
  bool digits = false;
  for (const char c : number) {
    if (c == '.') {
      if (fraction) return std::nullopt;
      fraction = true;
      continue;
    }
    digits = true;
    if (fraction) {
      if (c != '0' && (scale == 0 || scale % 10 != 0)) return std::nullopt;  // below 1 ns
      scale /= 10;
      total += scale * (c - '0');
    } else {
      total = total * 10 + Wide{unit} * (c - '0');
    }
    if (total > std::numeric_limits<int64_t>::max()) return std::nullopt;
  }
  if (!digits) return std::nullopt;
  const auto ns = static_cast<int64_t>(total);
  return Duration{negative ? -ns : ns};
}

std::optional<uint32_t> parse_minutes(std::string_view text) {
  constexpr int64_t minute_ns = 60'000'000'000;
  const auto read = parse_duration(text);
  if (!read || read->ns < 0 || read->ns % minute_ns != 0) return std::nullopt;
  const int64_t minutes = read->ns / minute_ns;
  if (minutes > std::numeric_limits<uint32_t>::max()) return std::nullopt;
  return static_cast<uint32_t>(minutes);
}

std::string to_text(Duration duration) {
  for (auto unit = time_units.rbegin(); unit != time_units.rend(); ++unit) {
    if (duration.ns != 0 && duration.ns % unit->second == 0) {
      return std::to_string(duration.ns / unit->second).append(unit->first);
    }
  }
  return duration.ns == 0 ? "0s" : std::to_string(duration.ns).append("ns");
}

}  // namespace havklo::replay
