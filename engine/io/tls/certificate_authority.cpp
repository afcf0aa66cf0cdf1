// wolfCrypt's certificate generation, with what it leaves to the caller: subjectAltName in DER.
#include "io/tls/certificate_authority.hpp"

#include <wolfssl/options.h>
// options.h comes first: it says how the library was built.
#include <arpa/inet.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/random.h>

#include <array>
#include <cstring>
#include <ctime>
#include <memory>
#include <string_view>

namespace havklo::io {
namespace {

constexpr size_t der_bytes_max = 4096;
constexpr int p256_bytes = 32;

// A generator and a key, freed by leaving the scope.
class Generator {
 public:
  Generator() : ok_(wc_InitRng(&rng_) == 0) {}
  ~Generator() { wc_FreeRng(&rng_); }
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] WC_RNG* get() { return &rng_; }

 private:
  WC_RNG rng_{};
  bool ok_;
};

class Key {
 public:
  Key() { wc_ecc_init(&key_); }
  ~Key() { wc_ecc_free(&key_); }
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;
  [[nodiscard]] ecc_key* get() { return &key_; }

 private:
  ecc_key key_{};
};

std::unexpected<std::string> failed(const char* what, int error) {
  return std::unexpected(std::string("cannot make a certificate: ") + what + " (wolfCrypt " +
                         std::to_string(error) + ")");
}

std::string to_pem(std::span<const uint8_t> der, int type) {
  std::string pem(2 * der.size() + 256, '\0');
  const int size =
      wc_DerToPem(der.data(), static_cast<word32>(der.size()), reinterpret_cast<byte*>(pem.data()),
                  static_cast<word32>(pem.size()), type);
  pem.resize(size > 0 ? static_cast<size_t>(size) : 0);
  return pem;
}

void append_tlv(std::vector<uint8_t>& out, uint8_t tag, std::span<const uint8_t> value) {
  out.push_back(tag);
  if (value.size() < 128) {
    out.push_back(static_cast<uint8_t>(value.size()));
  } else {
    out.push_back(0x82);
    out.push_back(static_cast<uint8_t>(value.size() >> 8U));
    out.push_back(static_cast<uint8_t>(value.size()));
  }
  out.insert(out.end(), value.begin(), value.end());
}

// GeneralNames of RFC 5280 §4.2.1.6: [2] a host, [7] an address.
std::vector<uint8_t> alt_names_der(const CertificateNames& names) {
  std::vector<uint8_t> list;
  for (const std::string& host : names.hosts) {
    append_tlv(list, 0x82, {reinterpret_cast<const uint8_t*>(host.data()), host.size()});
  }
  for (const std::string& text : names.addresses) {
    std::array<uint8_t, 16> address{};
    if (inet_pton(AF_INET, text.c_str(), address.data()) == 1) {
      append_tlv(list, 0x87, std::span(address).first(4));
    } else if (inet_pton(AF_INET6, text.c_str(), address.data()) == 1) {
      append_tlv(list, 0x87, address);
    }
  }
  std::vector<uint8_t> der;
  append_tlv(der, 0x30, list);
  return der;
}

// GeneralizedTime of RFC 5280 §4.1.2.5.2, with its tag and length.
int set_date(byte* field, int64_t relative_s) {
  const std::time_t when = std::time(nullptr) + relative_s;
  std::tm parts{};
  gmtime_r(&when, &parts);
  std::array<char, 32> text{};
  const size_t size = std::strftime(text.data(), text.size(), "%Y%m%d%H%M%SZ", &parts);
  field[0] = 0x18;
  field[1] = static_cast<byte>(size);
  std::memcpy(field + 2, text.data(), size);
  return static_cast<int>(size) + 2;
}

void set_validity(Cert& cert, Validity validity) {
  cert.beforeDateSz = set_date(cert.beforeDate, validity.from_s);
  cert.afterDateSz = set_date(cert.afterDate, validity.until_s);
}

void set_name(CertName& name, const char* common_name) {
  std::strncpy(name.org, "Havklo throw-away", CTC_NAME_SIZE - 1);
  std::strncpy(name.commonName, common_name, CTC_NAME_SIZE - 1);
}

std::expected<std::vector<uint8_t>, std::string> make_and_sign(Cert& cert, ecc_key* subject,
                                                               ecc_key* signer, WC_RNG* rng) {
  std::vector<uint8_t> der(der_bytes_max);
  const auto room = static_cast<word32>(der.size());
  if (const int made = wc_MakeCert(&cert, der.data(), room, nullptr, subject, rng); made < 0) {
    return failed("body", made);
  }
  const int size = wc_SignCert(cert.bodySz, cert.sigType, der.data(), room, nullptr, signer, rng);
  if (size < 0) return failed("signature", size);
  der.resize(static_cast<size_t>(size));
  return der;
}

std::expected<std::vector<uint8_t>, std::string> key_to_der(ecc_key* key) {
  std::vector<uint8_t> der(der_bytes_max);
  const int size = wc_EccKeyToDer(key, der.data(), static_cast<word32>(der.size()));
  if (size < 0) return failed("key", size);
  der.resize(static_cast<size_t>(size));
  return der;
}

}  // namespace

std::expected<CertificateAuthority, std::string> CertificateAuthority::make() {
  Generator generator;
  Key key;
  if (!generator.ok()) return failed("random numbers", 0);
  if (const int made = wc_ecc_make_key(generator.get(), p256_bytes, key.get()); made != 0) {
    return failed("key", made);
  }
  auto cert = std::make_unique<Cert>();  // some 30 kB
  wc_InitCert(cert.get());
  set_name(cert->subject, "Havklo throw-away CA");
  cert->isCA = 1;
  cert->selfSigned = 1;
  cert->sigType = CTC_SHA256wECDSA;
  set_validity(*cert, {});
  wc_SetSubjectKeyIdFromPublicKey(cert.get(), nullptr, key.get());
  wc_SetAuthKeyIdFromPublicKey(cert.get(), nullptr, key.get());
  wc_SetKeyUsage(cert.get(), "keyCertSign,cRLSign");
  auto der = make_and_sign(*cert, key.get(), key.get(), generator.get());
  if (!der) return std::unexpected(der.error());
  auto key_der = key_to_der(key.get());
  if (!key_der) return std::unexpected(key_der.error());

  CertificateAuthority authority;
  authority.certificate_pem_ = to_pem(*der, CERT_TYPE);
  authority.certificate_der_ = std::move(*der);
  authority.key_der_ = std::move(*key_der);
  return authority;
}

std::expected<ServerIdentity, std::string> CertificateAuthority::issue(
    const CertificateNames& names, Validity validity) const {
  Generator generator;
  Key key;
  Key signer;
  if (!generator.ok()) return failed("random numbers", 0);
  if (const int made = wc_ecc_make_key(generator.get(), p256_bytes, key.get()); made != 0) {
    return failed("key", made);
  }
  word32 at = 0;
  if (const int read = wc_EccPrivateKeyDecode(key_der_.data(), &at, signer.get(),
                                              static_cast<word32>(key_der_.size()));
      read != 0) {
    return failed("CA key", read);
  }
  auto cert = std::make_unique<Cert>();
  wc_InitCert(cert.get());
  set_name(cert->subject, names.hosts.empty() ? "venue" : names.hosts.front().c_str());
  cert->selfSigned = 0;
  cert->sigType = CTC_SHA256wECDSA;
  set_validity(*cert, validity);
  const std::vector<uint8_t> alt_names = alt_names_der(names);
  if (alt_names.size() > sizeof cert->altNames) return failed("too many names", 0);
  std::memcpy(cert->altNames, alt_names.data(), alt_names.size());
  cert->altNamesSz = static_cast<int>(alt_names.size());
  const auto issuer_bytes = static_cast<int>(certificate_der_.size());
  wc_SetIssuerBuffer(cert.get(), certificate_der_.data(), issuer_bytes);
  wc_SetAuthKeyIdFromCert(cert.get(), certificate_der_.data(), issuer_bytes);
  wc_SetSubjectKeyIdFromPublicKey(cert.get(), nullptr, key.get());
  wc_SetKeyUsage(cert.get(), "digitalSignature");
  wc_SetExtKeyUsage(cert.get(), "serverAuth");
  auto der = make_and_sign(*cert, key.get(), signer.get(), generator.get());
  if (!der) return std::unexpected(der.error());
  auto key_der = key_to_der(key.get());
  if (!key_der) return std::unexpected(key_der.error());
  return ServerIdentity{to_pem(*der, CERT_TYPE), to_pem(*key_der, ECC_PRIVATEKEY_TYPE)};
}

}  // namespace havklo::io
