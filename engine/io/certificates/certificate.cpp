// The body of a certificate; its extensions and algorithms have files of their own.
#include "io/certificates/certificate.hpp"

#include <array>

namespace havklo::io {
namespace {

namespace tag = der::tag;

int64_t days_from_civil(int64_t year, unsigned month, unsigned day) {
  year -= month <= 2 ? 1 : 0;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const auto year_of_era = static_cast<unsigned>(year - era * 400);
  const unsigned day_of_year = (153 * (month + (month > 2 ? -3U : 9U)) + 2) / 5 + day - 1;
  const unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + static_cast<int64_t>(day_of_era) - 719468;
}

unsigned days_of_month(int64_t year, unsigned month) {
  constexpr std::array<unsigned, 12> days = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && is_leap ? 29 : days[month - 1];
}

// "YYMMDDHHMMSSZ" or "YYYYMMDDHHMMSSZ", and nothing else: RFC 5280 §4.1.2.5.
std::optional<int64_t> parse_time(const der::Element& element) {
  const bool is_long = element.tag == tag::generalized_time;
  const std::string_view text = der::as_text(element.value);
  if (text.size() != (is_long ? 15 : 13) || text.back() != 'Z') return std::nullopt;
  for (const char c : text.substr(0, text.size() - 1)) {
    if (c < '0' || c > '9') return std::nullopt;
  }
  const auto pair = [&](size_t at) {
    return static_cast<unsigned>(text[at] - '0') * 10 + static_cast<unsigned>(text[at + 1] - '0');
  };
  const size_t month_at = is_long ? 4 : 2;
  int64_t year = is_long ? pair(0) * 100 + pair(2) : pair(0) + (pair(0) < 50 ? 2000 : 1900);
  const unsigned month = pair(month_at);
  const unsigned day = pair(month_at + 2);
  const unsigned hour = pair(month_at + 4);
  const unsigned minute = pair(month_at + 6);
  const unsigned second = pair(month_at + 8);
  if (month < 1 || month > 12 || day < 1 || day > days_of_month(year, month)) return std::nullopt;
  if (hour > 23 || minute > 59 || second > 59) return std::nullopt;
  return days_from_civil(year, month, day) * 86'400 + hour * 3600 + minute * 60 + second;
}

bool parse_validity(der::Bytes sequence, Certificate& certificate) {
  der::Reader reader(sequence);
  for (auto* time : {&certificate.not_before_s, &certificate.not_after_s}) {
    const auto element = reader.next();
    if (!element || (element->tag != tag::utc_time && element->tag != tag::generalized_time)) {
      return false;
    }
    *time = parse_time(*element);
  }
  return reader.finished();
}

bool parse_body(Certificate& certificate, der::Bytes outer_algorithm) {
  der::Reader whole(certificate.signed_part);
  der::Reader body(whole.take(tag::sequence));
  uint8_t version = 0;
  if (const auto explicit_version = body.take_if(tag::context_constructed(0))) {
    der::Reader number(*explicit_version);
    const der::Bytes value = number.take(tag::integer);
    if (!number.finished() || value.size() != 1 || value.front() > 2) return false;
    version = value.front();
  }
  certificate.is_version_1 = version == 0;
  certificate.serial = body.take(tag::integer);
  const der::Bytes algorithm = body.take_whole(tag::sequence);
  const der::Bytes issuer = body.take_whole(tag::sequence);
  const der::Bytes validity = body.take(tag::sequence);
  const der::Bytes subject = body.take_whole(tag::sequence);
  const der::Bytes key = body.take_whole(tag::sequence);
  static_cast<void>(body.take_if(tag::context(1)));  // unique identifiers
  static_cast<void>(body.take_if(tag::context(2)));
  const auto extensions = body.take_if(tag::context_constructed(3));
  if (!body.finished() || !der::is_integer(certificate.serial)) return false;
  // What is signed must say how, or the algorithm could be exchanged.
  if (!der::equal(algorithm, outer_algorithm)) certificate.malformed = true;
  auto issuer_name = DistinguishedName::parse(issuer);
  auto subject_name = DistinguishedName::parse(subject);
  if (!issuer_name || !subject_name) return false;
  certificate.issuer = std::move(*issuer_name);
  certificate.subject = std::move(*subject_name);
  der::Reader info(key);
  if (!parse_validity(validity, certificate) ||
      !parse_public_key(info.take(tag::sequence), certificate.key)) {
    return false;
  }
  certificate.key.info = key;
  if (!extensions) return true;
  der::Reader explicit_tag(*extensions);
  const der::Bytes sequence = explicit_tag.take(tag::sequence);
  if (!explicit_tag.finished()) return false;
  parse_extensions(sequence, certificate);
  return true;
}

}  // namespace

std::optional<Certificate> Certificate::parse(der::Bytes der) {
  Certificate certificate;
  der::Reader outer(der);
  certificate.whole = der;
  der::Reader parts(outer.take(tag::sequence));
  if (!outer.finished()) return std::nullopt;
  certificate.signed_part = parts.take_whole(tag::sequence);
  const der::Bytes algorithm = parts.take_whole(tag::sequence);
  const der::Bytes signature = parts.take(tag::bit_string);
  if (!parts.finished()) return std::nullopt;
  const auto signature_bytes = der::whole_bytes_of_bit_string(signature);
  const auto signature_algorithm = parse_signature_algorithm(algorithm);
  if (!signature_bytes || !signature_algorithm) return std::nullopt;
  certificate.signature = *signature_bytes;
  certificate.signature_algorithm = *signature_algorithm;
  if (!parse_body(certificate, algorithm)) return std::nullopt;
  return certificate;
}

bool Certificate::can_have_issued(const Certificate& other) const {
  if (subject.comparable != other.issuer.comparable) return false;
  if (other.authority_key_id) {
    const AuthorityKeyId& id = *other.authority_key_id;
    if (id.key_id && subject_key_id && !der::equal(*id.key_id, *subject_key_id)) return false;
    if (id.serial && !der::equal(*id.serial, serial)) return false;
    if (id.issuer && *id.issuer != issuer.comparable) return false;
  }
  const SignatureAlgorithm& made = other.signature_algorithm;
  if (key.type == KeyType::rsa_pss) return made.key == KeyType::rsa && made.is_pss;
  return key.type == made.key;
}

}  // namespace havklo::io
