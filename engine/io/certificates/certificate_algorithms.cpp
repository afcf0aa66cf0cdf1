// Keys and signatures of a certificate: object identifiers and their parameters.
#include <algorithm>
#include <array>
#include <string_view>

#include "io/certificates/certificate.hpp"

namespace havklo::io {
namespace {

namespace tag = der::tag;
using namespace std::string_view_literals;

constexpr auto oid_rsa = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"sv;
constexpr auto oid_rsa_pss = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"sv;
constexpr auto oid_mgf1 = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08"sv;
constexpr auto oid_ec = "\x2a\x86\x48\xce\x3d\x02\x01"sv;
constexpr auto oid_ed25519 = "\x2b\x65\x70"sv;

struct Curve {
  std::string_view oid;
  uint16_t bits;
  bool can_compute;
};
constexpr std::array curves = {
    Curve{"\x2a\x86\x48\xce\x3d\x03\x01\x07"sv, 256, true},
    Curve{"\x2b\x81\x04\x00\x22"sv, 384, true},
    Curve{"\x2b\x81\x04\x00\x23"sv, 521, true},
    Curve{"\x2b\x81\x04\x00\x21"sv, 224, true},
    Curve{"\x2a\x86\x48\xce\x3d\x03\x01\x01"sv, 192, false},  // P-192: too small in any case
};

struct KnownSignature {
  std::string_view oid;
  SignatureAlgorithm algorithm;
};
constexpr SignatureAlgorithm weak(KeyType key) { return {.key = key, .is_weak = true}; }
constexpr std::array signatures = {
    KnownSignature{"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b"sv, {KeyType::rsa, Digest::sha256}},
    KnownSignature{"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c"sv, {KeyType::rsa, Digest::sha384}},
    KnownSignature{"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d"sv, {KeyType::rsa, Digest::sha512}},
    KnownSignature{"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0e"sv, {KeyType::rsa, Digest::sha224}},
    KnownSignature{"\x2a\x86\x48\xce\x3d\x04\x03\x01"sv, {KeyType::ec, Digest::sha224}},
    KnownSignature{"\x2a\x86\x48\xce\x3d\x04\x03\x02"sv, {KeyType::ec, Digest::sha256}},
    KnownSignature{"\x2a\x86\x48\xce\x3d\x04\x03\x03"sv, {KeyType::ec, Digest::sha384}},
    KnownSignature{"\x2a\x86\x48\xce\x3d\x04\x03\x04"sv, {KeyType::ec, Digest::sha512}},
    KnownSignature{oid_ed25519, {KeyType::ed25519, Digest::none}},
    KnownSignature{"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x02"sv, weak(KeyType::rsa)},  // MD2
    KnownSignature{"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x03"sv, weak(KeyType::rsa)},  // MD4
    KnownSignature{"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04"sv, weak(KeyType::rsa)},  // MD5
    KnownSignature{"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05"sv, weak(KeyType::rsa)},  // SHA-1
    KnownSignature{"\x2b\x0e\x03\x02\x1d"sv, weak(KeyType::rsa)},                  // SHA-1
    KnownSignature{"\x2a\x86\x48\xce\x3d\x04\x01"sv, weak(KeyType::ec)},           // SHA-1
};

struct KnownDigest {
  std::string_view oid;
  Digest digest;
  uint8_t bytes;
};
constexpr std::array digests = {
    KnownDigest{"\x60\x86\x48\x01\x65\x03\x04\x02\x01"sv, Digest::sha256, 32},
    KnownDigest{"\x60\x86\x48\x01\x65\x03\x04\x02\x02"sv, Digest::sha384, 48},
    KnownDigest{"\x60\x86\x48\x01\x65\x03\x04\x02\x03"sv, Digest::sha512, 64},
    KnownDigest{"\x60\x86\x48\x01\x65\x03\x04\x02\x04"sv, Digest::sha224, 28},
};
constexpr auto oid_sha1 = "\x2b\x0e\x03\x02\x1a"sv;

struct Identifier {
  std::string_view oid;
  std::optional<der::Element> parameters;
};

std::optional<Identifier> parse_identifier(der::Bytes value) {
  der::Reader reader(value);
  Identifier identifier{.oid = der::as_text(reader.take(tag::oid)), .parameters = {}};
  if (reader.failed()) return std::nullopt;
  identifier.parameters = reader.next();
  return reader.finished() ? std::optional(identifier) : std::nullopt;
}

bool has_no_parameters(const Identifier& identifier) {
  return !identifier.parameters ||
         (identifier.parameters->tag == tag::null && identifier.parameters->value.empty());
}

const KnownDigest* find_digest(const std::optional<Identifier>& identifier) {
  if (!identifier || !has_no_parameters(*identifier)) return nullptr;
  const auto found = std::ranges::find(digests, identifier->oid, &KnownDigest::oid);
  return found == digests.end() ? nullptr : &*found;
}

// RFC 4055 §3.1. One digest for both of its places and salt as long as it: what is in use, and all
// that TLS allows. Anything else is a signature that nobody here can have made.
SignatureAlgorithm pss_of(const Identifier& pss) {
  const SignatureAlgorithm unknown;
  const SignatureAlgorithm sha1{.key = KeyType::rsa, .is_pss = true, .is_weak = true};
  if (!pss.parameters || pss.parameters->tag != tag::sequence) return unknown;
  der::Reader reader(pss.parameters->value);
  const auto hash = reader.take_if(tag::context_constructed(0));
  const auto mask = reader.take_if(tag::context_constructed(1));
  const auto salt = reader.take_if(tag::context_constructed(2));
  const auto trailer = reader.take_if(tag::context_constructed(3));
  if (!reader.finished()) return unknown;
  if (!hash) return sha1;  // the default
  der::Reader hash_reader(*hash);
  const auto hash_identifier = parse_identifier(hash_reader.take(tag::sequence));
  if (!hash_reader.finished()) return unknown;
  if (hash_identifier && hash_identifier->oid == oid_sha1) return sha1;
  const KnownDigest* digest = find_digest(hash_identifier);
  if (digest == nullptr || !mask || !salt || trailer) return unknown;
  der::Reader mask_reader(*mask);
  const auto mask_identifier = parse_identifier(mask_reader.take(tag::sequence));
  if (!mask_reader.finished() || !mask_identifier || mask_identifier->oid != oid_mgf1 ||
      !mask_identifier->parameters || mask_identifier->parameters->tag != tag::sequence ||
      find_digest(parse_identifier(mask_identifier->parameters->value)) != digest) {
    return unknown;
  }
  der::Reader salt_reader(*salt);
  const der::Bytes salt_bytes = salt_reader.take(tag::integer);
  if (!salt_reader.finished() || salt_bytes.size() != 1 || salt_bytes[0] != digest->bytes) {
    return unknown;
  }
  return {.key = KeyType::rsa, .digest = digest->digest, .is_pss = true};
}

bool parse_rsa(der::Bytes bits, PublicKey& key) {
  der::Reader outer(bits);
  der::Reader numbers(outer.take(tag::sequence));
  const der::Bytes modulus = numbers.take(tag::integer);
  const der::Bytes exponent = numbers.take(tag::integer);
  if (!outer.finished() || !numbers.finished()) return false;
  key.bits = der::bits_of_integer(modulus);
  if (key.bits == 0 || der::bits_of_integer(exponent) == 0) return false;
  key.modulus = modulus.front() == 0 ? modulus.subspan(1) : modulus;
  key.exponent = exponent.front() == 0 ? exponent.subspan(1) : exponent;
  return true;
}

// What cannot be read is a key of which nothing is known: nobody accepts it.
PublicKey key_of(const Identifier& algorithm, der::Bytes bits) {
  PublicKey key;
  if (algorithm.oid == oid_rsa || (algorithm.oid == oid_rsa_pss && !algorithm.parameters)) {
    if (!parse_rsa(bits, key)) return {};
    key.type = algorithm.oid == oid_rsa ? KeyType::rsa : KeyType::rsa_pss;
  } else if (algorithm.oid == oid_ec && algorithm.parameters) {
    key.type = KeyType::ec;
    key.spells_out_curve = algorithm.parameters->tag == tag::sequence;
    key.point = bits;
    const auto curve =
        std::ranges::find(curves, der::as_text(algorithm.parameters->value), &Curve::oid);
    if (algorithm.parameters->tag == tag::oid && curve != curves.end()) {
      key.bits = curve->bits;
      key.curve_bits = curve->can_compute ? curve->bits : uint16_t{0};
    }
  } else if (algorithm.oid == oid_ed25519 && !algorithm.parameters && bits.size() == 32) {
    key = {.type = KeyType::ed25519, .bits = 256, .point = bits};
  }
  return key;
}

}  // namespace

bool parse_public_key(der::Bytes info, PublicKey& key) {
  der::Reader reader(info);
  const auto algorithm = parse_identifier(reader.take(tag::sequence));
  const auto bits = der::whole_bytes_of_bit_string(reader.take(tag::bit_string));
  if (!reader.finished() || !algorithm || !bits) return false;
  key = key_of(*algorithm, *bits);
  return true;
}

std::optional<SignatureAlgorithm> parse_signature_algorithm(der::Bytes whole) {
  der::Reader reader(whole);
  const auto identifier = parse_identifier(reader.take(tag::sequence));
  if (!reader.finished() || !identifier) return std::nullopt;
  if (identifier->oid == oid_rsa_pss) return pss_of(*identifier);
  const auto found = std::ranges::find(signatures, identifier->oid, &KnownSignature::oid);
  if (found == signatures.end() || !has_no_parameters(*identifier)) return SignatureAlgorithm{};
  return found->algorithm;
}

}  // namespace havklo::io
