// What the extensions of a certificate say. One that cannot be read, or comes twice, makes it
// malformed; one that is critical and not known here is noted.
#include <algorithm>
#include <array>
#include <string_view>

#include "io/certificates/certificate.hpp"
#include "io/certificates/general_name.hpp"

namespace havklo::io {
namespace {

namespace tag = der::tag;
using namespace std::string_view_literals;

bool parse_basic_constraints(der::Bytes value, Certificate& certificate) {
  der::Reader outer(value);
  der::Reader reader(outer.take(tag::sequence));
  if (const auto flag = reader.take_if(tag::boolean)) {
    if (flag->size() != 1) return false;
    certificate.is_ca = flag->front() != 0;
  }
  if (const auto length = reader.take_if(tag::integer)) {
    if (!der::is_integer(*length) || der::is_negative(*length)) return false;
    int64_t number = 0;  // a huge one is no bound
    for (const uint8_t each : *length) number = number << 8U | each;
    if (length->size() <= 4) certificate.path_length = number;
  }
  certificate.has_basic_constraints = true;
  return outer.finished() && reader.finished();
}

// The first bits of a BIT STRING, the first in the lowest place.
std::optional<uint16_t> parse_bits(der::Bytes value) {
  der::Reader reader(value);
  const der::Bytes bits = reader.take(tag::bit_string);
  if (!reader.finished() || bits.empty() || bits.front() > 7) return std::nullopt;
  if (bits.size() == 1 && bits.front() != 0) return std::nullopt;
  uint16_t found = 0;
  for (size_t i = 0; i + 1 < bits.size() && i < 2; ++i) {
    uint8_t eight = bits[i + 1];
    if (i + 2 == bits.size()) eight = static_cast<uint8_t>(eight & (0xffU << bits.front()));
    for (unsigned bit = 0; bit < 8; ++bit) {
      if ((eight & (0x80U >> bit)) != 0) found |= static_cast<uint16_t>(1U << (8 * i + bit));
    }
  }
  return found;
}

bool parse_key_usage(der::Bytes value, Certificate& certificate) {
  certificate.key_usage = parse_bits(value);
  return certificate.key_usage && *certificate.key_usage != 0;
}

bool parse_netscape_type(der::Bytes value, Certificate& certificate) {
  const auto bits = parse_bits(value);
  if (!bits) return false;
  uint8_t reversed = 0;
  for (unsigned bit = 0; bit < 8; ++bit) {
    if ((*bits >> bit & 1U) != 0) reversed |= static_cast<uint8_t>(0x80U >> bit);
  }
  certificate.netscape_type = reversed;
  return true;
}

// serverAuth, or the step-up of old browsers that means the same. anyExtendedKeyUsage does not.
bool parse_extended_key_usage(der::Bytes value, Certificate& certificate) {
  constexpr std::array servers = {"\x2b\x06\x01\x05\x05\x07\x03\x01"sv,
                                  "\x2b\x06\x01\x04\x01\x82\x37\x0a\x03\x03"sv,
                                  "\x60\x86\x48\x01\x86\xf8\x42\x04\x01"sv};
  der::Reader outer(value);
  der::Reader usages(outer.take(tag::sequence));
  bool serves = false;
  while (!usages.failed() && !usages.finished()) {
    const auto usage = der::as_text(usages.take(tag::oid));
    serves = serves || std::ranges::find(servers, usage) != servers.end();
  }
  certificate.serves_tls = serves;
  return outer.finished() && usages.finished();
}

bool parse_subject_key_id(der::Bytes value, Certificate& certificate) {
  der::Reader reader(value);
  certificate.subject_key_id = reader.take(tag::octet_string);
  return reader.finished();
}

bool parse_authority_key_id(der::Bytes value, Certificate& certificate) {
  der::Reader outer(value);
  der::Reader reader(outer.take(tag::sequence));
  Certificate::AuthorityKeyId id;
  id.key_id = reader.take_if(tag::context(0));
  const auto issuers = reader.take_if(tag::context_constructed(1));
  id.serial = reader.take_if(tag::context(2));
  if (!outer.finished() || !reader.finished()) return false;
  if (id.serial && !der::is_integer(*id.serial)) return false;
  if (issuers) {
    der::Reader names(*issuers);
    while (const auto name = GeneralName::next(names)) {
      if (name->kind != GeneralName::Kind::directory || id.issuer) continue;
      id.issuer = DistinguishedName::parse(name->value)->comparable;
    }
    if (!names.finished()) return false;
  }
  certificate.authority_key_id = std::move(id);
  return true;
}

bool parse_alt_names(der::Bytes value, Certificate& certificate) {
  der::Reader reader(value);
  certificate.alt_names = reader.take(tag::sequence);
  return reader.finished() && are_general_names(*certificate.alt_names);
}

bool parse_name_constraints(der::Bytes value, Certificate& certificate) {
  der::Reader outer(value);
  certificate.name_constraints = outer.take(tag::sequence);
  der::Reader reader(*certificate.name_constraints);
  for (const unsigned number : {0U, 1U}) {
    const auto subtrees = reader.take_if(tag::context_constructed(number));
    if (!subtrees) continue;
    der::Reader list(*subtrees);
    while (!list.failed() && !list.finished()) {
      der::Reader subtree(list.take(tag::sequence));
      if (!GeneralName::next(subtree)) return false;
      static_cast<void>(subtree.take_if(tag::context(0)));
      static_cast<void>(subtree.take_if(tag::context(1)));
      if (!subtree.finished()) return false;
    }
    if (list.failed()) return false;
  }
  return outer.finished() && reader.finished();
}

// CRLs are not fetched; where they would lie must be well said all the same.
bool parse_crl_points(der::Bytes value, Certificate&) {
  der::Reader outer(value);
  der::Reader points(outer.take(tag::sequence));
  while (!points.failed() && !points.finished()) {
    der::Reader point(points.take(tag::sequence));
    if (const auto where = point.take_if(tag::context_constructed(0))) {
      der::Reader choice(*where);
      if (const auto full = choice.take_if(tag::context_constructed(0))) {
        if (!are_general_names(*full)) return false;
      } else {
        der::Reader relative(choice.take(tag::context_constructed(1)));
        while (!relative.failed() && !relative.finished()) {
          der::Reader attribute(relative.take(tag::sequence));
          static_cast<void>(attribute.take(tag::oid));
          static_cast<void>(attribute.next());
          if (!attribute.finished()) return false;
        }
        if (relative.failed()) return false;
      }
      if (!choice.finished()) return false;
    }
    static_cast<void>(point.take_if(tag::context(1)));
    const auto issuer = point.take_if(tag::context_constructed(2));
    if (!point.finished() || (issuer && !are_general_names(*issuer))) return false;
  }
  return outer.finished() && points.finished();
}

bool is_understood(der::Bytes, Certificate&) { return true; }
bool is_proxy(der::Bytes, Certificate&) { return false; }  // never allowed here

struct KnownExtension {
  std::string_view oid;
  bool may_be_critical;
  bool (*parse)(der::Bytes value, Certificate& certificate);
};
constexpr std::array known_extensions = {
    KnownExtension{"\x55\x1d\x13"sv, true, parse_basic_constraints},
    KnownExtension{"\x55\x1d\x0f"sv, true, parse_key_usage},
    KnownExtension{"\x55\x1d\x25"sv, true, parse_extended_key_usage},
    KnownExtension{"\x55\x1d\x11"sv, true, parse_alt_names},
    KnownExtension{"\x55\x1d\x1e"sv, true, parse_name_constraints},
    KnownExtension{"\x55\x1d\x0e"sv, false, parse_subject_key_id},
    KnownExtension{"\x55\x1d\x23"sv, false, parse_authority_key_id},
    KnownExtension{"\x55\x1d\x1f"sv, true, parse_crl_points},
    KnownExtension{"\x60\x86\x48\x01\x86\xf8\x42\x01\x01"sv, true, parse_netscape_type},
    KnownExtension{"\x2b\x06\x01\x05\x05\x07\x01\x0e"sv, true, is_proxy},
    // Policies: no policy is asked for, so none can be missing.
    KnownExtension{"\x55\x1d\x20"sv, true, is_understood},
    KnownExtension{"\x55\x1d\x21"sv, true, is_understood},
    KnownExtension{"\x55\x1d\x24"sv, true, is_understood},
    KnownExtension{"\x55\x1d\x36"sv, true, is_understood},
    KnownExtension{"\x2b\x06\x01\x05\x05\x07\x30\x01\x05"sv, true, is_understood},  // no OCSP check
};

}  // namespace

void parse_extensions(der::Bytes sequence, Certificate& certificate) {
  der::Reader extensions(sequence);
  std::array<bool, known_extensions.size()> seen{};
  while (!extensions.failed() && !extensions.finished()) {
    der::Reader extension(extensions.take(tag::sequence));
    const auto oid = der::as_text(extension.take(tag::oid));
    const auto flag = extension.take_if(tag::boolean);
    const der::Bytes value = extension.take(tag::octet_string);
    if (!extension.finished() || (flag && flag->size() != 1)) {
      certificate.malformed = true;
      return;
    }
    const bool is_critical = flag && flag->front() != 0;
    const auto known = std::ranges::find(known_extensions, oid, &KnownExtension::oid);
    const bool may_be_critical = known != known_extensions.end() && known->may_be_critical;
    if (is_critical && !may_be_critical) certificate.has_unknown_critical = true;
    if (known == known_extensions.end()) continue;
    const auto number = static_cast<size_t>(known - known_extensions.begin());
    if (seen[number] || !known->parse(value, certificate)) certificate.malformed = true;
    seen[number] = true;
  }
  if (extensions.failed()) certificate.malformed = true;
}

}  // namespace havklo::io
