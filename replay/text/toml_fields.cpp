// A reader and a writer for each type of field.
#include "replay/text/toml_fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>

#include "replay/text/duration.hpp"
#include "replay/text/nearest_name.hpp"
#include "replay/text/printable.hpp"
#include "replay/text/size.hpp"

namespace havklo::replay {

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  append_in_quotes(out, text);
  return out += '"';
}

Field duration_field(std::string_view name, Duration& value) {
  return {name,
          [&value](const toml::node& node) {
            const auto text = node.value_exact<std::string>();
            const auto read = text ? parse_duration(*text) : std::nullopt;
            if (read) value = *read;
            return read.has_value();
          },
          duration_expected, [&value] { return in_quotes(to_text(value)); }};
}

Field optional_duration_field(std::string_view name, std::optional<Duration>& value) {
  return {name,
          [&value](const toml::node& node) {
            const auto text = node.value_exact<std::string>();
            value = text ? parse_duration(*text) : std::nullopt;
            return value.has_value();
          },
          duration_expected, [&value] { return value ? in_quotes(to_text(*value)) : ""; }};
}

Field durations_field(std::string_view name, std::vector<Duration>& value) {
  return {name,
          [&value](const toml::node& node) {
            const toml::array* list = node.as_array();
            if (list == nullptr) return false;
            value.clear();
            for (const toml::node& each : *list) {
              const auto text = each.value_exact<std::string>();
              const auto read = text ? parse_duration(*text) : std::nullopt;
              if (!read) return false;
              value.push_back(*read);
            }
            return true;
          },
          "a list of times with a unit, as [\"5ms\", \"1s\"]",
          [&value]() -> std::string {
            std::string out;
            for (const Duration each : value) {
              out += (out.empty() ? "" : ", ") + in_quotes(to_text(each));
            }
            return out.empty() ? out : "[" + out + "]";
          }};
}

Field optional_size_field(std::string_view name, std::optional<uint64_t>& value) {
  return {name,
          [&value](const toml::node& node) {
            const auto text = node.value_exact<std::string>();
            value = text ? parse_size(*text) : std::nullopt;
            return value.has_value();
          },
          size_expected, [&value] { return value ? in_quotes(size_to_text(*value)) : ""; }};
}

Field optional_count_field(std::string_view name, std::optional<uint32_t>& value) {
  return {name,
          [&value](const toml::node& node) {
            const auto read = node.value_exact<int64_t>();
            if (!read || *read < 0 || *read > std::numeric_limits<uint32_t>::max()) return false;
            value = static_cast<uint32_t>(*read);
            return true;
          },
          expected_count<uint32_t>(), [&value] { return value ? std::to_string(*value) : ""; }};
}

Field seed_field(std::string_view name, std::optional<uint64_t>& value) {
  return {name,
          [&value](const toml::node& node) {
            if (const auto number = node.value_exact<int64_t>(); number && *number >= 0) {
              value = static_cast<uint64_t>(*number);
              return true;
            }
            const auto text = node.value_exact<std::string>();
            if (!text || !text->starts_with("0x")) return false;
            uint64_t seed = 0;
            const char* end = text->data() + text->size();
            const auto result = std::from_chars(text->data() + 2, end, seed, 16);
            if (result.ec != std::errc{} || result.ptr != end) return false;
            value = seed;
            return true;
          },
          "a whole number, or text as \"0x1f\"",
          [&value] { return value ? fmt::format("\"{:#x}\"", *value) : ""; }};
}

Field minutes_field(std::string_view name, uint32_t& minutes) {
  constexpr int64_t minute_ns = 60'000'000'000;
  return {name,
          [&minutes](const toml::node& node) {
            const auto text = node.value_exact<std::string>();
            const auto read = text ? parse_minutes(*text) : std::nullopt;
            if (read) minutes = *read;
            return read.has_value();
          },
          "whole minutes with a unit, as \"5m\" or \"1h\"",
          [&minutes] { return in_quotes(to_text(Duration{minutes * minute_ns})); }};
}

Field channel_field(std::string_view name, Channel& channel) {
  static const std::string expected = [] {
    std::string names;
    for (uint8_t i = 0; i < channel_count; ++i) {
      if (i != 0) names += i + 1 == channel_count ? " or " : ", ";
      names += in_quotes(to_string(Channel{i}));
    }
    return names;
  }();
  return {name,
          [&channel](const toml::node& node) {
            const auto text = node.value_exact<std::string>();
            const auto read = text ? channel_named(*text) : std::nullopt;
            if (read) channel = *read;
            return read.has_value();
          },
          expected, [&channel] { return in_quotes(to_string(channel)); }};
}

Field bool_field(std::string_view name, bool& value) {
  return {name,
          [&value](const toml::node& node) {
            const auto read = node.value_exact<bool>();
            if (read) value = *read;
            return read.has_value();
          },
          "true or false", [&value] { return value ? "true" : "false"; }};
}

Field number_field(std::string_view name, double& value) {
  return {name,
          [&value](const toml::node& node) {
            const auto read = node.value<double>();
            if (!read || !std::isfinite(*read)) return false;
            value = *read;
            return true;
          },
          "a number",
          [&value] {
            const std::string text = fmt::format("{}", value);
            return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
          }};
}

Field text_field(std::string_view name, std::string& value) {
  return {name,
          [&value](const toml::node& node) {
            const auto read = node.value_exact<std::string>();
            if (read) value = *read;
            return read.has_value();
          },
          "text in quotes", [&value] { return in_quotes(value); }};
}

Field optional_text_field(std::string_view name, std::optional<std::string>& value) {
  return {name,
          [&value](const toml::node& node) {
            value = node.value_exact<std::string>();
            return value.has_value();
          },
          "text in quotes", [&value] { return value ? in_quotes(*value) : ""; }};
}

Field texts_field(std::string_view name, std::vector<std::string>& value) {
  return {name,
          [&value](const toml::node& node) {
            value.clear();
            if (const auto one = node.value_exact<std::string>()) {
              value.push_back(*one);
              return true;
            }
            const toml::array* list = node.as_array();
            if (list == nullptr) return false;
            for (const toml::node& each : *list) {
              const auto text = each.value_exact<std::string>();
              if (!text) return false;
              value.push_back(*text);
            }
            return true;
          },
          "a list of texts, as [\"BTC/USD\"]",
          [&value] {
            std::string out = "[";
            for (const std::string& symbol : value) {
              if (out.size() > 1) out += ", ";
              out += in_quotes(symbol);
            }
            return out += "]";
          }};
}

bool TableReader::read_table(const toml::table& table, std::string_view prefix,
                             const std::vector<Field>& fields,
                             const std::vector<std::string_view>& subtables) {
  for (const auto& [key, node] : table) {
    const std::string_view name = key.str();
    if (std::ranges::find(subtables, name) != subtables.end()) continue;
    const auto field = std::ranges::find(fields, name, &Field::name);
    if (field == fields.end()) return refuse_unknown(node, prefix, name, fields, subtables);
    if (!field->read(node)) {
      return refuse(node, fmt::format("{}{} must be {}", prefix, name, field->expected));
    }
  }
  return true;
}

bool TableReader::refuse(const toml::node& node, std::string_view what) {
  error_ = fmt::format("{}:{}: {}", source_, node.source().begin.line, printable(what));
  return false;
}

bool TableReader::refuse_unknown(const toml::node& node, std::string_view prefix,
                                 std::string_view name, const std::vector<Field>& fields,
                                 const std::vector<std::string_view>& subtables) {
  std::vector<std::string_view> known = subtables;
  std::string_view meant;
  for (const Field& field : fields) {
    known.push_back(field.name);
    if (std::ranges::find(field.other_names, name) != field.other_names.end()) meant = field.name;
  }
  if (meant.empty()) meant = similar_name(name, known);
  if (!meant.empty()) {
    return refuse(node, fmt::format("unknown key {}{}; the nearest known one is {}{}", prefix, name,
                                    prefix, meant));
  }
  std::ranges::sort(known);
  return refuse(
      node, fmt::format("unknown key {}{}; known are {}", prefix, name, fmt::join(known, ", ")));
}

void write_fields(std::string& out, const std::vector<Field>& fields) {
  out += changed_fields(fields, {});
}

std::string changed_fields(const std::vector<Field>& fields, const std::vector<Field>& usual) {
  std::string out;
  for (size_t i = 0; i < fields.size(); ++i) {
    const std::string value = fields[i].write();
    if (value.empty() || (!usual.empty() && usual[i].write() == value)) continue;
    fmt::format_to(std::back_inserter(out), "{} = {}\n", fields[i].name, value);
  }
  return out;
}

}  // namespace havklo::replay
