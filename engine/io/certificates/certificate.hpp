// A certificate as the checks of a path need it: parsed once, its parts found.
//
// Owns:   the comparable forms of its names. All else points into the DER, which the caller keeps.
// Errors: none where it is no certificate. One whose extensions are not what they should be is
//         `malformed`: no path may use it, but it does not make a whole file unreadable.
// Cost:   some microseconds; allocates.
// Source: RFC 5280 §4; what OpenSSL takes for granted where that says nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "io/certificates/der.hpp"
#include "io/certificates/distinguished_name.hpp"

namespace havklo::io {

enum class KeyType : uint8_t { other, rsa, rsa_pss, ec, ed25519 };

struct PublicKey {
  KeyType type = KeyType::other;
  uint32_t bits = 0;              // of an RSA modulus, of a curve's order
  bool spells_out_curve = false;  // its parameters in place of its name
  uint16_t curve_bits = 0;        // of a curve that we can compute with: 224, 256, 384, 521
  der::Bytes modulus;             // RSA, without sign
  der::Bytes exponent;
  der::Bytes point;  // of a curve, Ed25519's too
  der::Bytes info;   // the whole SubjectPublicKeyInfo, with its tag; of a certificate's own key
};

enum class Digest : uint8_t { none, sha224, sha256, sha384, sha512 };

struct SignatureAlgorithm {
  KeyType key = KeyType::other;  // that makes it; rsa for PSS, too
  Digest digest = Digest::none;
  bool is_pss = false;
  bool is_weak = false;  // MD5, SHA-1 and older
};

struct Certificate {
  // keyUsage, as RFC 5280 §4.2.1.3 counts them
  static constexpr uint16_t digital_signature = 1U << 0U;
  static constexpr uint16_t key_encipherment = 1U << 2U;
  static constexpr uint16_t key_agreement = 1U << 4U;
  static constexpr uint16_t key_cert_sign = 1U << 5U;
  // nsCertType
  static constexpr uint8_t netscape_ssl_server = 0x40;
  static constexpr uint8_t netscape_ssl_ca = 0x04;

  struct AuthorityKeyId {
    std::optional<der::Bytes> key_id;
    std::optional<std::string> issuer;  // comparable: of the issuer of the issuer
    std::optional<der::Bytes> serial;
  };

  der::Bytes whole;
  der::Bytes signed_part;
  der::Bytes serial;
  DistinguishedName issuer;
  DistinguishedName subject;
  std::optional<int64_t> not_before_s;  // since 1970 UTC; none: not a time
  std::optional<int64_t> not_after_s;
  PublicKey key;
  SignatureAlgorithm signature_algorithm;
  der::Bytes signature;

  bool is_version_1 = false;
  bool malformed = false;
  bool has_unknown_critical = false;
  bool has_basic_constraints = false;
  bool is_ca = false;
  std::optional<int64_t> path_length;
  std::optional<uint16_t> key_usage;
  std::optional<bool> serves_tls;  // by its extended key usage, if it has one
  std::optional<uint8_t> netscape_type;
  std::optional<der::Bytes> subject_key_id;
  std::optional<AuthorityKeyId> authority_key_id;
  std::optional<der::Bytes> alt_names;         // GeneralNames, without tag
  std::optional<der::Bytes> name_constraints;  // without tag

  [[nodiscard]] static std::optional<Certificate> parse(der::Bytes der);

  [[nodiscard]] bool is_self_issued() const { return subject.comparable == issuer.comparable; }
  // By its names and key identifiers: nobody has checked its signature.
  [[nodiscard]] bool is_self_signed() const { return is_self_issued() && can_have_issued(*this); }
  // By names, key identifiers and the kinds of key and signature.
  [[nodiscard]] bool can_have_issued(const Certificate& other) const;
  [[nodiscard]] bool allows(uint16_t usages) const { return !key_usage || *key_usage & usages; }
};

// Fills in what the extensions say.
void parse_extensions(der::Bytes sequence, Certificate& certificate);
// SubjectPublicKeyInfo, without tag. False: it is none. A key of a kind that we do not know is one.
[[nodiscard]] bool parse_public_key(der::Bytes info, PublicKey& key);
[[nodiscard]] std::optional<SignatureAlgorithm> parse_signature_algorithm(der::Bytes whole);

}  // namespace havklo::io
