// A table of units, from small to large.
#include "replay/text/size.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <limits>
#include <utility>

namespace havklo::replay {
namespace {

constexpr std::array<std::pair<std::string_view, uint64_t>, 7> size_units = {
    {{"B", 1},
     {"kB", 1'000},
     {"MB", 1'000'000},
     {"GB", 1'000'000'000},
     {"KiB", uint64_t{1} << 10U},
     {"MiB", uint64_t{1} << 20U},
     {"GiB", uint64_t{1} << 30U}}};
constexpr size_t decimal_units = 4;

}  // namespace

std::optional<uint64_t> parse_size(std::string_view text) {
  uint64_t number = 0;
  const auto result = std::from_chars(text.begin(), text.end(), number);
  if (result.ec != std::errc{}) return std::nullopt;
  const std::string_view unit_text(result.ptr, static_cast<size_t>(text.end() - result.ptr));
  for (const auto& [name, bytes] : size_units) {
    if (name != unit_text) continue;
    if (number > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) / bytes) break;
    return number * bytes;
  }
  return std::nullopt;
}

std::string size_to_text(uint64_t bytes) {
  for (size_t i = decimal_units; i-- > 1;) {
    if (bytes != 0 && bytes % size_units[i].second == 0) {
      return fmt::format("{}{}", bytes / size_units[i].second, size_units[i].first);
    }
  }
  return fmt::format("{}B", bytes);
}

std::string readable_size(uint64_t bytes) {
  for (size_t i = decimal_units; i-- > 1;) {
    const auto unit = static_cast<double>(size_units[i].second);
    if (static_cast<double>(bytes) >= unit) {
      return fmt::format("{:.3g} {}", static_cast<double>(bytes) / unit, size_units[i].first);
    }
  }
  return fmt::format("{} B", bytes);
}

}  // namespace havklo::replay
