// The syntax of an HTTP/1.1 head: lines, fields, lists.
#include "websocket/http_head.hpp"

#include <algorithm>

namespace havklo::websocket {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool is_token_char(char c) {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || marks.contains(c);
}

bool is_value_char(char c) {
  const auto code = static_cast<unsigned char>(c);
  return code == '\t' || (code >= 0x20 && code != 0x7F);
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view blanks = " \t";
  const size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

}  // namespace

void unfold(std::span<char> head) {
  const std::string_view text{head.data(), head.size()};
  size_t end = text.find("\r\n");
  while (end != std::string_view::npos) {
    end = text.find("\r\n", end + 2);
    if (end == std::string_view::npos || end + 2 == text.size()) return;
    const char next = text[end + 2];
    if (next == ' ' || next == '\t') head[end] = head[end + 1] = ' ';
  }
}

std::string_view HeadReader::line() {
  const size_t end = rest_.find("\r\n");
  if (end == std::string_view::npos) return {};
  const std::string_view line = rest_.substr(0, end);
  rest_.remove_prefix(end + 2);
  return line;
}

bool parse_field(std::string_view line, Field& field) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  field.name = line.substr(0, colon);
  field.value = trim(line.substr(colon + 1));
  return std::ranges::all_of(field.name, is_token_char) &&
         std::ranges::all_of(field.value, is_value_char);
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

bool list_names(std::string_view list, std::string_view token) {
  for (;;) {
    const size_t comma = list.find(',');
    if (equal_ignoring_case(trim(list.substr(0, comma)), token)) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
}

}  // namespace havklo::websocket
