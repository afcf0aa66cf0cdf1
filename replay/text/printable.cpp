// Code point by code point, once the first that is not plain has come.
#include "replay/text/printable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>

namespace havklo::replay {
namespace {

constexpr uint32_t no_code_point = 0xFFFFFFFF;
constexpr uint32_t replacement_character = 0xFFFD;

uint8_t byte_at(std::string_view text, size_t at) { return static_cast<uint8_t>(text[at]); }

// Takes the next code point from the front (RFC 3629: the shortest form, no surrogates); or one
// byte, which is none.
uint32_t take_code_point(std::string_view& text) {
  const uint8_t first = byte_at(text, 0);
  const size_t length = first < 0x80   ? 1
                        : first < 0xC2 ? 0
                        : first < 0xE0 ? 2
                        : first < 0xF0 ? 3
                        : first < 0xF5 ? 4
                                       : 0;
  constexpr std::array<uint32_t, 5> least = {0, 0, 0x80, 0x800, 0x10000};
  constexpr std::array<uint32_t, 5> first_bits = {0, 0x7F, 0x1F, 0x0F, 0x07};
  uint32_t point = length == 0 || length > text.size() ? no_code_point : first & first_bits[length];
  for (size_t i = 1; i < length && point != no_code_point; ++i) {
    const uint8_t next = byte_at(text, i);
    point = (next & 0xC0U) == 0x80 ? point << 6U | (next & 0x3FU) : no_code_point;
  }
  const bool is_surrogate = point >= 0xD800 && point <= 0xDFFF;
  const bool good =
      point != no_code_point && point >= least[length] && !is_surrogate && point <= 0x10FFFF;
  text.remove_prefix(good ? length : 1);
  return good ? point : no_code_point;
}

// What a terminal would do something at, or show elsewhere than where it stands.
bool acts(uint32_t point) {
  const bool control = point < 0x20 || (point >= 0x7F && point < 0xA0);
  const bool separates = point == 0x2028 || point == 0x2029;
  const bool turns = point == 0x061C || point == 0x200E || point == 0x200F ||
                     (point >= 0x202A && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069);
  return control || separates || turns || point == 0xFEFF;
}

bool is_plain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

void append_escape(std::string& out, uint32_t point) {
  if (point == '\n') {
    out += "\\n";
  } else if (point == '\t') {
    out += "\\t";
  } else if (point == '\r') {
    out += "\\r";
  } else if (point < 0x80) {
    fmt::format_to(std::back_inserter(out), "\\x{:02x}", point);
  } else {
    fmt::format_to(std::back_inserter(out), "\\u{:04x}", point);
  }
}

}  // namespace

void append_printable(std::string& out, std::string_view text) {
  if (is_plain(text)) {
    out += text;
    return;
  }
  while (!text.empty()) {
    const std::string_view before = text;
    const uint32_t point = take_code_point(text);
    if (point == no_code_point) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", byte_at(before, 0));
    } else if (acts(point)) {
      append_escape(out, point);
    } else {
      out += before.substr(0, before.size() - text.size());
    }
  }
}

std::string printable(std::string_view text) {
  std::string out;
  append_printable(out, text);
  return out;
}

void append_in_quotes(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const std::string_view before = text;
    const uint32_t point = take_code_point(text);
    if (point == '"' || point == '\\') out += '\\';
    if (point == no_code_point || acts(point)) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}",
                     point == no_code_point ? replacement_character : point);
    } else {
      out += before.substr(0, before.size() - text.size());
    }
  }
}

}  // namespace havklo::replay
