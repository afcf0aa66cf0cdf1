// The words of TOML 1.0, as far as they tell a key's dots from others.
#include "replay/text/toml_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "replay/text/printable.hpp"

namespace havklo::replay {
namespace {

// Goes over the text that the quote at `at` begins; where it ends.
size_t end_of_string(std::string_view text, size_t at) {
  const char quote = text[at];
  const std::string triple(3, quote);
  const bool lines = text.substr(at).starts_with(triple);
  const std::string_view end = lines ? std::string_view(triple) : text.substr(at, 1);
  for (at += end.size(); at < text.size(); ++at) {
    if (quote == '"' && text[at] == '\\') {
      ++at;
    } else if (!lines && text[at] == '\n') {
      return at;  // no TOML: nothing behind it is read
    } else if (text.substr(at).starts_with(end)) {
      at += end.size();
      // Up to two more quotes are the text's own.
      for (int more = 0; lines && more < 2 && at < text.size() && text[at] == quote; ++more) ++at;
      return at;
    }
  }
  return text.size();
}

// Where a key has more parts than may be; as far as the text is TOML, nothing else is counted.
std::optional<size_t> find_deep_key(std::string_view text) {
  size_t parts = 1;
  for (size_t at = 0; at < text.size(); ++at) {
    switch (text[at]) {
      case '"':
      case '\'':
        at = end_of_string(text, at) - 1;
        break;
      case '#':
        at = std::min(text.find('\n', at), text.size()) - 1;
        break;
      case '.':
        if (++parts > toml_key_parts_max) return at;
        break;
      case '\n':
      case '=':
      case ',':
      case '[':
      case ']':
      case '{':
      case '}':
        parts = 1;
        break;
      default:
        break;
    }
  }
  return std::nullopt;
}

}  // namespace

std::expected<toml::table, std::string> parse_toml(std::string_view text, std::string_view source) {
  if (const auto deep = find_deep_key(text)) {
    const auto line = 1 + std::ranges::count(text.substr(0, *deep), '\n');
    return std::unexpected(
        fmt::format("{}:{}: a key has at most {} parts", source, line, toml_key_parts_max));
  }
  try {
    return toml::parse(text, source);
  } catch (const toml::parse_error& error) {
    return std::unexpected(fmt::format("{}:{}: not TOML: {}", source, error.source().begin.line,
                                       printable(error.description())));
  }
}

}  // namespace havklo::replay
