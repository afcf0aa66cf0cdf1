// Written only where it is not what there is anyway: a file of one leg is what it was before there
// were several.
#include "replay/text/legs_toml.hpp"

#include <fmt/format.h>

#include <havklo/limits.hpp>
#include <utility>

namespace havklo::replay {
namespace {

// Bounded where it is read: so many legs are made at once.
Field leg_count_field(LegCount& count) {
  static const std::string expected = fmt::format("a whole number from 1 to {}", legs_max);
  Field field = optional_count_field("legs", count);
  field.read = [&count, read = std::move(field.read)](const toml::node& node) {
    return read(node) && *count >= 1 && *count <= legs_max;
  };
  field.expected = expected;
  return field;
}

std::vector<Field> fields_of(LegSettings& leg) {
  return {optional_text_field("url", leg.url),
          optional_text_field("source_address", leg.source_address)};
}

}  // namespace

std::vector<Field> leg_fields(LegCount& count, Settings& settings) {
  return {leg_count_field(count), duration_field("leg_lag_max", settings.leg_lag_max),
          optional_duration_field("rotate_after", settings.rotate_after)};
}

bool read_legs(const toml::table& table, std::string_view prefix, LegCount count,
               Settings& settings, TableReader& reader) {
  const toml::node* const node = table.get("leg");
  if (node == nullptr) {
    if (count) settings.legs.resize(*count);
    return true;
  }
  const toml::array* const list = node->as_array();
  if (list == nullptr || !list->is_homogeneous<toml::table>()) {
    return reader.refuse(*node, fmt::format("{0}leg must be a list of tables: [[{0}leg]]", prefix));
  }
  if (list->size() > legs_max) {
    return reader.refuse(
        *node, fmt::format("{} [[{}leg]] tables: at most {}", list->size(), prefix, legs_max));
  }
  if (count && *count != list->size()) {
    return reader.refuse(*table.get("legs"),
                         fmt::format("{0}legs = {1}, and there are {2} [[{0}leg]] tables: write "
                                     "{2}, or as many tables",
                                     prefix, *count, list->size()));
  }
  settings.legs.clear();
  for (const toml::node& each : *list) {
    LegSettings& leg = settings.legs.emplace_back();
    if (!reader.read_table(*each.as_table(), fmt::format("{}leg.", prefix), fields_of(leg))) {
      return false;
    }
  }
  return true;
}

std::string leg_keys_text(const Settings& settings, const Settings& usual) {
  const auto written = [](const Settings& of, Settings& copy, LegCount& count) {
    copy = of;
    count = static_cast<uint32_t>(of.legs.size());
    return leg_fields(count, copy);
  };
  Settings copy;
  Settings usual_copy;
  LegCount count;
  LegCount usual_count;
  return changed_fields(written(settings, copy, count), written(usual, usual_copy, usual_count));
}

std::string leg_tables_text(const Settings& settings, const Settings& usual,
                            std::string_view prefix) {
  std::vector<LegSettings> unsaid = usual.legs;
  unsaid.resize(settings.legs.size());
  if (unsaid == settings.legs) return {};
  std::string out;
  for (LegSettings leg : settings.legs) {
    out += fmt::format("[[{}leg]]\n", prefix);
    write_fields(out, fields_of(leg));
  }
  return out;
}

}  // namespace havklo::replay
