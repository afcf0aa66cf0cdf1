// Names, wildcards, addresses.
#include "io/certificates/server_name.hpp"

#include <arpa/inet.h>

#include <algorithm>

#include "addresses/ascii_case.hpp"
#include "io/certificates/general_name.hpp"

namespace havklo::io {
namespace {

bool is_same_name(std::string_view a, std::string_view b) {
  return !a.empty() && addresses::equal_ignoring_case(a, b);
}

bool is_label_character(char c) {
  const char folded = addresses::lower(c);
  return (folded >= 'a' && folded <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

bool is_plain_label(std::string_view label) {
  return !label.empty() && label.front() != '-' && label.back() != '-' &&
         std::ranges::all_of(label, is_label_character);
}

// "*." and at least two labels of letters, digits and hyphens.
bool is_wildcard(std::string_view pattern) {
  if (!pattern.starts_with("*.")) return false;
  std::string_view rest = pattern.substr(2);
  for (int labels = 0;; ++labels) {
    const size_t dot = rest.find('.');
    if (!is_plain_label(rest.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return labels >= 1;
    rest.remove_prefix(dot + 1);
  }
}

// The star stands for one whole label.
bool matches(std::string_view pattern, std::string_view host) {
  if (!is_wildcard(pattern)) return is_same_name(pattern, host);
  const size_t dot = host.find('.');
  return dot != std::string_view::npos && dot != 0 &&
         std::ranges::all_of(host.substr(0, dot), is_label_character) &&
         is_same_name(pattern.substr(1), host.substr(dot));
}

}  // namespace

std::optional<AddressBytes> parse_address(std::string_view host) {
  const std::string text(host);
  AddressBytes address;
  if (inet_pton(AF_INET, text.c_str(), address.bytes.data()) == 1) {
    address.size = 4;
  } else if (inet_pton(AF_INET6, text.c_str(), address.bytes.data()) == 1) {
    address.size = 16;
  } else {
    return std::nullopt;
  }
  return address;
}

std::string_view without_root_dot(std::string_view host) {
  return host.size() > 1 && host.ends_with('.') ? host.substr(0, host.size() - 1) : host;
}

CertificateFault check_server_name(const Certificate& certificate, std::string_view host) {
  if (!certificate.alt_names) return CertificateFault::no_names;
  const auto address = parse_address(host);
  der::Reader names(*certificate.alt_names);
  while (const auto name = GeneralName::next(names)) {
    if (address) {
      const auto bytes = std::span(address->bytes).first(address->size);
      if (name->kind == GeneralName::Kind::ip && std::ranges::equal(name->value, bytes)) {
        return CertificateFault::none;
      }
    } else if (name->kind == GeneralName::Kind::dns && matches(der::as_text(name->value), host)) {
      return CertificateFault::none;
    }
  }
  return CertificateFault::wrong_name;
}

}  // namespace havklo::io
