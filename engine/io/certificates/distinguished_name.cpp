// Strings of six types to UTF-8, folded; RDNs in one order.
#include "io/certificates/distinguished_name.hpp"

#include <algorithm>
#include <array>

namespace havklo::io {
namespace {

namespace tag = der::tag;

constexpr std::array<uint8_t, 9> email_address = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1};

void append_utf8(std::string& out, uint32_t code) {
  const auto tail = [&](unsigned shift) {
    out.push_back(static_cast<char>(0x80U | (code >> shift & 0x3fU)));
  };
  if (code < 0x80) return out.push_back(static_cast<char>(code));
  if (code < 0x800) {
    out.push_back(static_cast<char>(0xc0U | code >> 6U));
    return tail(0);
  }
  if (code < 0x10000) {
    out.push_back(static_cast<char>(0xe0U | code >> 12U));
    tail(6);
    return tail(0);
  }
  out.push_back(static_cast<char>(0xf0U | code >> 18U));
  tail(12);
  tail(6);
  tail(0);
}

bool is_character(uint32_t code) { return code <= 0x10ffff && (code < 0xd800 || code > 0xdfff); }

bool is_utf8(der::Bytes text) {
  for (size_t at = 0; at < text.size();) {
    const uint8_t lead = text[at++];
    if (lead < 0x80) continue;
    const int tails = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (lead < 0xc2 || lead > 0xf4 || text.size() - at < static_cast<size_t>(tails)) return false;
    uint32_t code = lead & (0x3fU >> static_cast<unsigned>(tails));
    for (int i = 0; i < tails; ++i) {
      if ((text[at] & 0xc0U) != 0x80) return false;
      code = code << 6U | (text[at++] & 0x3fU);
    }
    constexpr std::array<uint32_t, 4> least = {0, 0x80, 0x800, 0x10000};
    if (code < least[static_cast<size_t>(tails)] || !is_character(code)) return false;
  }
  return true;
}

std::optional<std::string> wide_to_utf8(der::Bytes text, size_t character_bytes) {
  if (text.size() % character_bytes != 0) return std::nullopt;
  std::string out;
  for (size_t at = 0; at < text.size(); at += character_bytes) {
    uint32_t code = 0;
    for (size_t i = 0; i < character_bytes; ++i) code = code << 8U | text[at + i];
    if (!is_character(code)) return std::nullopt;
    append_utf8(out, code);
  }
  return out;
}

std::optional<std::string> to_utf8(uint8_t type, der::Bytes text) {
  switch (type) {
    case tag::utf8_string:
      if (!is_utf8(text)) return std::nullopt;
      return std::string(der::as_text(text));
    case tag::bmp_string:
      return wide_to_utf8(text, 2);
    case tag::universal_string:
      return wide_to_utf8(text, 4);
    default:
      return wide_to_utf8(text, 1);
  }
}

bool is_text(uint8_t type) {
  constexpr std::array types = {tag::utf8_string, tag::printable_string, tag::t61_string,
                                tag::ia5_string,  tag::universal_string, tag::bmp_string};
  return std::ranges::find(types, type) != types.end();
}

// What is compared byte by byte.
bool is_other_value(uint8_t type) {
  return type == tag::numeric_string || type == tag::bit_string || type == tag::sequence;
}

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::string folded(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (!is_space(c)) {
      out.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
    } else if (!out.empty() && out.back() != ' ') {
      out.push_back(' ');
    }
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

void append_counted(std::string& out, std::string_view part) {
  for (unsigned shift = 24; shift < 32; shift -= 8) {
    out.push_back(static_cast<char>(part.size() >> shift));
  }
  out += part;
}

std::optional<std::string> parse_attribute(der::Reader& rdn, DistinguishedName& name) {
  der::Reader attribute(rdn.take(tag::sequence));
  const der::Bytes type = attribute.take(tag::oid);
  const auto value = attribute.next();
  if (rdn.failed() || !attribute.finished() || !value) return std::nullopt;
  if (der::equal(type, email_address)) {
    if (value->tag == tag::ia5_string) {
      name.emails.push_back(value->value);
    } else {
      name.has_odd_email = true;
    }
  }
  std::string text;
  append_counted(text, der::as_text(type));
  if (!is_text(value->tag)) {
    if (!is_other_value(value->tag)) return std::nullopt;
    append_counted(text, der::as_text(value->whole));
    return text;
  }
  const auto utf8 = to_utf8(value->tag, value->value);
  if (!utf8) return std::nullopt;
  text.push_back(static_cast<char>(tag::utf8_string));
  append_counted(text, folded(*utf8));
  return text;
}

}  // namespace

std::optional<DistinguishedName> DistinguishedName::parse(der::Bytes whole) {
  DistinguishedName name;
  der::Reader outer(whole);
  der::Reader rdns(outer.take(tag::sequence));
  if (!outer.finished()) return std::nullopt;
  while (!rdns.finished()) {
    der::Reader rdn(rdns.take(tag::set));
    if (rdns.failed()) return std::nullopt;
    std::vector<std::string> attributes;
    while (!rdn.finished()) {
      auto attribute = parse_attribute(rdn, name);
      if (!attribute) return std::nullopt;
      attributes.push_back(std::move(*attribute));
    }
    std::ranges::sort(attributes);
    std::string joined;
    for (const std::string& attribute : attributes) append_counted(joined, attribute);
    append_counted(name.comparable, joined);
  }
  return name;
}

}  // namespace havklo::io
