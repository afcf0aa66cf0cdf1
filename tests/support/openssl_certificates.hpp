// Certificates as a test wants them, good or bad, made by OpenSSL's libcrypto, and OpenSSL's
// verdict on them: a TLS server's chain at security level 2.
#pragma once

#include <gtest/gtest.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace havklo::openssl {

// How much is drawn: a chain takes its makers some milliseconds. HAVKLO_CHAINS=N draws more.
inline int chains_of_a_part() {
  const char* given = std::getenv("HAVKLO_CHAINS");
  return given == nullptr ? 200 : std::atoi(given);
}

template <auto Free>
struct Freeing {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using X509Pointer = std::shared_ptr<X509>;
using Der = std::vector<uint8_t>;

// "rsa2048", "rsa_pss2048", "ec256" (224, 384, 521), "ec192", "ec256k1", "ed25519", "ed448". Each
// kind has several keys, by number; made once.
inline EVP_PKEY* key_of(const std::string& kind, int number = 0) {
  using Key = std::unique_ptr<EVP_PKEY, Freeing<EVP_PKEY_free>>;
  // First, so that the library is still there when the keys go.
  static const bool is_there = OPENSSL_init_crypto(0, nullptr) == 1;
  EXPECT_TRUE(is_there);
  static std::map<std::pair<std::string, int>, Key> keys;
  if (kind == "rsa4104") number = 0;
  if (kind == "rsa3072" || kind == "rsa4096") number %= 2;  // they take a second each
  Key& kept = keys[{kind, number}];
  if (kept != nullptr) return kept.get();
  EVP_PKEY* key = nullptr;
  const std::map<std::string, const char*> curves = {
      {"ec192", "prime192v1"},  {"ec224", "secp224r1"}, {"ec256", "prime256v1"},
      {"ec256k1", "secp256k1"}, {"ec384", "secp384r1"}, {"ec521", "secp521r1"}};
  if (kind.starts_with("rsa_pss")) {
    EVP_PKEY_CTX* maker = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA_PSS, nullptr);
    EVP_PKEY_keygen_init(maker);
    EVP_PKEY_CTX_set_rsa_keygen_bits(maker, std::stoi(kind.substr(7)));
    EVP_PKEY_keygen(maker, &key);
    EVP_PKEY_CTX_free(maker);
  } else if (kind.starts_with("rsa")) {
    key = EVP_RSA_gen(static_cast<unsigned>(std::stoi(kind.substr(3))));
  } else if (curves.contains(kind)) {
    key = EVP_EC_gen(curves.at(kind));
  } else {
    key = EVP_PKEY_Q_keygen(nullptr, nullptr, kind == "ed448" ? "ED448" : "ED25519");
  }
  EXPECT_NE(key, nullptr) << kind;
  kept.reset(key);
  return key;
}

struct Recipe {
  std::string subject = "venue";  // its CN; empty: no subject
  // More of its names: type and value. They stand in one set with the CN (a multi-valued RDN).
  std::vector<std::pair<std::string, std::string>> beside_cn{};
  std::string key = "ec256";
  int key_number = 0;
  std::string digest = "sha256";  // "pss-sha256": by RSA-PSS
  int64_t from_s = -86'400;       // relative to now
  int64_t until_s = 86'400;
  long serial = 4711;
  int serial_bytes = 0;  // a longer one, of so many
  long version = 2;      // as encoded
  bool key_ids = true;
  // Name of the extension and its value, as in a configuration file of OpenSSL.
  std::vector<std::pair<std::string, std::string>> extensions{};
};

struct Made {
  X509Pointer certificate;
  EVP_PKEY* key = nullptr;
  Der der;
};

inline Der der_of(X509* certificate) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(certificate, &bytes);
  Der der(bytes, bytes + std::max(size, 0));
  OPENSSL_free(bytes);
  return der;
}

inline X509Pointer certificate_of(std::span<const uint8_t> der) {
  const unsigned char* at = der.data();
  X509* parsed = d2i_X509(nullptr, &at, static_cast<long>(der.size()));
  if (parsed != nullptr && at != der.data() + der.size()) {
    X509_free(parsed);
    parsed = nullptr;
  }
  return {parsed, X509_free};
}

inline void sign(X509* certificate, EVP_PKEY* key, const std::string& digest) {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_PKEY_CTX* parameters = nullptr;
  const bool is_pss = digest.starts_with("pss-");
  const bool is_edwards =
      EVP_PKEY_get_id(key) == EVP_PKEY_ED25519 || EVP_PKEY_get_id(key) == EVP_PKEY_ED448;
  const EVP_MD* md =
      is_edwards ? nullptr : EVP_get_digestbyname(digest.substr(is_pss ? 4 : 0).c_str());
  EVP_DigestSignInit(context, &parameters, md, nullptr, key);
  if (is_pss) {
    EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING);
    EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST);
  }
  EXPECT_GT(X509_sign_ctx(certificate, context), 0) << digest;
  EVP_MD_CTX_free(context);
}

inline void add_extension(X509* certificate, X509V3_CTX& context, const std::string& name,
                          const std::string& value) {
  X509_EXTENSION* extension = X509V3_EXT_conf(nullptr, &context, name.c_str(), value.c_str());
  ASSERT_NE(extension, nullptr) << name << " = " << value;
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

inline void set_name(X509_NAME* name, const std::string& common) {
  if (common.empty()) return;
  X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>("Havklo tests"), -1, -1, 0);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common.c_str()), -1, -1, 0);
}

// Signed by `issuer`; none: by itself.
inline Made make(const Recipe& recipe, const Made* issuer = nullptr) {
  Made made{.certificate = {X509_new(), X509_free}, .key = key_of(recipe.key, recipe.key_number)};
  X509* x = made.certificate.get();
  X509_set_version(x, recipe.version);
  ASN1_INTEGER_set_int64(X509_get_serialNumber(x), recipe.serial);
  if (recipe.serial_bytes > 0) {
    const std::vector<uint8_t> bytes(static_cast<size_t>(recipe.serial_bytes), 0x47);
    BIGNUM* number = BN_bin2bn(bytes.data(), recipe.serial_bytes, nullptr);
    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x));
    BN_free(number);
  }
  X509_gmtime_adj(X509_getm_notBefore(x), static_cast<long>(recipe.from_s));
  X509_gmtime_adj(X509_getm_notAfter(x), static_cast<long>(recipe.until_s));
  X509_NAME* name = X509_NAME_new();
  set_name(name, recipe.subject);
  for (const auto& [type, value] : recipe.beside_cn) {
    X509_NAME_add_entry_by_txt(name, type.c_str(), MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(value.c_str()), -1, -1, -1);
  }
  X509_set_subject_name(x, name);
  X509_set_issuer_name(x,
                       issuer == nullptr ? name : X509_get_subject_name(issuer->certificate.get()));
  X509_NAME_free(name);
  X509_set_pubkey(x, made.key);
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer == nullptr ? x : issuer->certificate.get(), x, nullptr, nullptr,
                 0);
  if (recipe.key_ids && recipe.version == 2) {
    add_extension(x, context, "subjectKeyIdentifier", "hash");
    const bool has_id =
        issuer == nullptr ||
        X509_get_ext_by_NID(issuer->certificate.get(), NID_subject_key_identifier, -1) >= 0;
    if (has_id) add_extension(x, context, "authorityKeyIdentifier", "keyid:always");
  }
  for (const auto& [extension, value] : recipe.extensions)
    add_extension(x, context, extension, value);
  sign(x, issuer == nullptr ? made.key : issuer->key, recipe.digest);
  made.der = der_of(x);
  return made;
}

inline std::string pem_of(const Der& der) {
  BIO* memory = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(memory, certificate_of(der).get());
  char* text = nullptr;
  const long size = BIO_get_mem_data(memory, &text);
  std::string pem(text, static_cast<size_t>(size));
  BIO_free(memory);
  return pem;
}

inline std::string pem_of(std::span<const Der> all) {
  std::string pem;
  for (const Der& each : all) pem += pem_of(each);
  return pem;
}

inline std::string pem_of(EVP_PKEY* key) {
  BIO* memory = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(memory, key, nullptr, nullptr, 0, nullptr, nullptr);
  char* text = nullptr;
  const long size = BIO_get_mem_data(memory, &text);
  std::string pem(text, static_cast<size_t>(size));
  BIO_free(memory);
  return pem;
}

inline std::string last_errors() {
  std::string text;
  while (const unsigned long error = ERR_get_error()) {
    text += ERR_reason_error_string(error) + std::string("; ");
  }
  return text;
}

// OpenSSL's words for what is wrong with it; empty: it is good.
inline std::string verdict(std::span<const Der> shown, std::span<const Der> trusted,
                           const std::string& host, std::time_t now) {
  std::unique_ptr<X509_STORE, Freeing<X509_STORE_free>> store(X509_STORE_new());
  for (const Der& each : trusted) {
    const X509Pointer certificate = certificate_of(each);
    if (!certificate) return "unreadable root";
    X509_STORE_add_cert(store.get(), certificate.get());
  }
  std::vector<X509Pointer> parsed;
  STACK_OF(X509)* untrusted = sk_X509_new_null();
  const std::unique_ptr<STACK_OF(X509),
                        Freeing<[](STACK_OF(X509) * stack) { sk_X509_free(stack); }>>
      owner(untrusted);
  for (const Der& each : shown) {
    parsed.push_back(certificate_of(each));
    if (!parsed.back()) return "unreadable: " + last_errors();
    sk_X509_push(untrusted, parsed.back().get());
  }
  std::unique_ptr<X509_STORE_CTX, Freeing<X509_STORE_CTX_free>> context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store.get(), parsed.front().get(), untrusted);
  X509_STORE_CTX_set_default(context.get(), "ssl_server");
  X509_VERIFY_PARAM* asked = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_auth_level(asked, 2);
  X509_VERIFY_PARAM_set_time(asked, now);
  X509_VERIFY_PARAM_set_hostflags(
      asked, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (X509_VERIFY_PARAM_set1_ip_asc(asked, host.c_str()) != 1) {
    X509_VERIFY_PARAM_set1_host(asked, host.c_str(), host.size());
  }
  if (X509_verify_cert(context.get()) == 1) return "";
  return X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()));
}

}  // namespace havklo::openssl
