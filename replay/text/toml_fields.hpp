// The keys of a TOML table, each with how to read and how to write it, and a reader that knows what
// to say about a key that it does not know.
//
// For configuration files and scenarios. Fields refer to the variables that they fill; both live as
// long as the reading.
#pragma once

#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstdint>
#include <functional>
#include <havklo/channel.hpp>
#include <havklo/clock.hpp>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace havklo::replay {

struct Field {
  std::string_view name;
  std::function<bool(const toml::node&)> read;  // false: not what is expected
  std::string_view expected;
  std::function<std::string()> write;  // "" leaves the key out
  // What people write in its place that no count of letters leads from: "when" for "at".
  std::vector<std::string_view> other_names = {};
};

[[nodiscard]] std::string in_quotes(std::string_view text);

[[nodiscard]] Field duration_field(std::string_view name, Duration& value);
[[nodiscard]] Field optional_duration_field(std::string_view name, std::optional<Duration>& value);
// A list; an empty one leaves the key out.
[[nodiscard]] Field durations_field(std::string_view name, std::vector<Duration>& value);
// Bytes: text with a unit.
[[nodiscard]] Field optional_size_field(std::string_view name, std::optional<uint64_t>& value);
[[nodiscard]] Field optional_count_field(std::string_view name, std::optional<uint32_t>& value);
// Whole minutes, as text with a unit.
[[nodiscard]] Field minutes_field(std::string_view name, uint32_t& minutes);
[[nodiscard]] Field channel_field(std::string_view name, Channel& channel);
[[nodiscard]] Field bool_field(std::string_view name, bool& value);
[[nodiscard]] Field number_field(std::string_view name, double& value);
[[nodiscard]] Field text_field(std::string_view name, std::string& value);
[[nodiscard]] Field optional_text_field(std::string_view name, std::optional<std::string>& value);
// A number, or text in hexadecimal: TOML's integers have a sign, a seed has 64 bits.
[[nodiscard]] Field seed_field(std::string_view name, std::optional<uint64_t>& value);
// "BTC/USD", or a list of such.
[[nodiscard]] Field texts_field(std::string_view name, std::vector<std::string>& value);

// "a whole number from 0 to 65535".
template <std::unsigned_integral T>
[[nodiscard]] std::string_view expected_count() {
  static const std::string text =
      "a whole number from 0 to " +
      std::to_string(
          std::min<uint64_t>(std::numeric_limits<T>::max(), std::numeric_limits<int64_t>::max()));
  return text;
}

template <std::unsigned_integral T>
[[nodiscard]] Field count_field(std::string_view name, T& value) {
  return {name,
          [&value](const toml::node& node) {
            const auto read = node.value_exact<int64_t>();
            if (!read || *read < 0) return false;
            if (static_cast<uint64_t>(*read) > std::numeric_limits<T>::max()) return false;
            value = static_cast<T>(*read);
            return true;
          },
          expected_count<T>(), [&value] { return std::to_string(value); }};
}

// Text that is one of a few names, the index of which is the enumerator.
template <class Enum, size_t count>
[[nodiscard]] Field choice_field(std::string_view name, Enum& value,
                                 const std::array<std::string_view, count>& names,
                                 std::string_view expected) {
  return {name,
          [&value, &names](const toml::node& node) {
            const auto text = node.value_exact<std::string>();
            for (size_t i = 0; text && i < count; ++i) {
              if (names[i] != *text) continue;
              value = static_cast<Enum>(i);
              return true;
            }
            return false;
          },
          expected, [&value, &names] { return in_quotes(names[static_cast<size_t>(value)]); }};
}

class TableReader {
 public:
  // `source` stands in errors: the file's name.
  explicit TableReader(std::string_view source) : source_(source) {}

  // Reads every key of the table but `subtables`, which the caller reads; `prefix` stands before a
  // key in errors. False: error() says why.
  [[nodiscard]] bool read_table(const toml::table& table, std::string_view prefix,
                                const std::vector<Field>& fields,
                                const std::vector<std::string_view>& subtables = {});
  // Always false.
  bool refuse(const toml::node& node, std::string_view what);
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  bool refuse_unknown(const toml::node& node, std::string_view prefix, std::string_view name,
                      const std::vector<Field>& fields,
                      const std::vector<std::string_view>& subtables);

  std::string_view source_;
  std::string error_;
};

void write_fields(std::string& out, const std::vector<Field>& fields);
// The lines of those fields whose value is not that of the same field in `usual`, which is empty or
// as long.
[[nodiscard]] std::string changed_fields(const std::vector<Field>& fields,
                                         const std::vector<Field>& usual);

}  // namespace havklo::replay
