// Levenshtein's distance, one row at a time.
#include "replay/text/nearest_name.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

namespace havklo::replay {
namespace {

constexpr size_t part_min = 4;  // a shorter name is a part of too many

// Two letters of five may be changed, and one of any: two that changed places are two.
size_t changes_max(size_t letters) { return std::max<size_t>(1, letters * 2 / 5); }

size_t distance(std::string_view from, std::string_view to) {
  std::vector<size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < from.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < to.size(); ++j) {
      const size_t replaced = diagonal + (from[i] == to[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string_view nearest_name(std::string_view wrong, std::span<const std::string_view> known) {
  std::string_view nearest;
  for (const std::string_view name : known) {
    if (nearest.empty() || distance(wrong, name) < distance(wrong, nearest)) nearest = name;
  }
  return nearest;
}

std::string_view similar_name(std::string_view wrong, std::span<const std::string_view> known) {
  const std::string_view nearest = nearest_name(wrong, known);
  const size_t longer = std::max(wrong.size(), nearest.size());
  if (distance(wrong, nearest) <= changes_max(longer)) return nearest;
  std::vector<std::string_view> related;
  for (const std::string_view name : known) {
    const bool is_part = wrong.size() >= part_min && name.find(wrong) != name.npos;
    const bool has_part = name.size() >= part_min && wrong.find(name) != wrong.npos;
    if (is_part || has_part) related.push_back(name);
  }
  return nearest_name(wrong, related);
}

}  // namespace havklo::replay
