// wolfCrypt's RSA, ECDSA and Ed25519.
#include "io/certificates/certificate_signature.hpp"

#include <wolfssl/options.h>
// options.h comes first: it says how the library was built.
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/ed25519.h>
#include <wolfssl/wolfcrypt/hash.h>
#include <wolfssl/wolfcrypt/rsa.h>
#include <wolfssl/wolfcrypt/signature.h>

#include <vector>

namespace havklo::io {
namespace {

word32 size_of(der::Bytes bytes) { return static_cast<word32>(bytes.size()); }

class RsaPublicKey {
 public:
  RsaPublicKey() { wc_InitRsaKey(&key_, nullptr); }
  ~RsaPublicKey() { wc_FreeRsaKey(&key_); }
  RsaPublicKey(const RsaPublicKey&) = delete;
  RsaPublicKey& operator=(const RsaPublicKey&) = delete;
  [[nodiscard]] bool load(const PublicKey& key) {
    return wc_RsaPublicKeyDecodeRaw(key.modulus.data(), size_of(key.modulus), key.exponent.data(),
                                    size_of(key.exponent), &key_) == 0;
  }
  [[nodiscard]] RsaKey* get() { return &key_; }

 private:
  RsaKey key_{};
};

class EcPublicKey {
 public:
  EcPublicKey() { wc_ecc_init(&key_); }
  ~EcPublicKey() { wc_ecc_free(&key_); }
  EcPublicKey(const EcPublicKey&) = delete;
  EcPublicKey& operator=(const EcPublicKey&) = delete;
  [[nodiscard]] bool load(const PublicKey& key) {
    if (key.curve_bits == 0) return false;
    const int curve = key.curve_bits == 224   ? int{ECC_SECP224R1}
                      : key.curve_bits == 384 ? int{ECC_SECP384R1}
                      : key.curve_bits == 521 ? int{ECC_SECP521R1}
                                              : int{ECC_SECP256R1};
    return wc_ecc_import_x963_ex(key.point.data(), size_of(key.point), &key_, curve) == 0;
  }
  [[nodiscard]] bool is_on_curve() {
    mp_int a;
    mp_int b;
    mp_int prime;
    if (mp_init_multi(&a, &b, &prime, nullptr, nullptr, nullptr) != MP_OKAY) return false;
    return mp_read_radix(&a, key_.dp->Af, MP_RADIX_HEX) == MP_OKAY &&
           mp_read_radix(&b, key_.dp->Bf, MP_RADIX_HEX) == MP_OKAY &&
           mp_read_radix(&prime, key_.dp->prime, MP_RADIX_HEX) == MP_OKAY &&
           wc_ecc_is_point(&key_.pubkey, &a, &b, &prime) == MP_OKAY;
  }
  [[nodiscard]] ecc_key* get() { return &key_; }

 private:
  ecc_key key_{};
};

class EdPublicKey {
 public:
  EdPublicKey() { wc_ed25519_init(&key_); }
  ~EdPublicKey() { wc_ed25519_free(&key_); }
  EdPublicKey(const EdPublicKey&) = delete;
  EdPublicKey& operator=(const EdPublicKey&) = delete;
  [[nodiscard]] bool load(const PublicKey& key) {
    return wc_ed25519_import_public(key.point.data(), size_of(key.point), &key_) == 0;
  }
  [[nodiscard]] ed25519_key* get() { return &key_; }

 private:
  ed25519_key key_{};
};

struct DigestKind {
  wc_HashType hash;
  int mask;  // of PSS
};

DigestKind kind_of(Digest digest) {
  switch (digest) {
    case Digest::sha224:
      return {WC_HASH_TYPE_SHA224, WC_MGF1SHA224};
    case Digest::sha384:
      return {WC_HASH_TYPE_SHA384, WC_MGF1SHA384};
    case Digest::sha512:
      return {WC_HASH_TYPE_SHA512, WC_MGF1SHA512};
    default:
      return {WC_HASH_TYPE_SHA256, WC_MGF1SHA256};
  }
}

bool verify_pss(const Certificate& certificate, RsaKey* key) {
  const DigestKind kind = kind_of(certificate.signature_algorithm.digest);
  std::vector<uint8_t> digest(static_cast<size_t>(wc_HashGetDigestSize(kind.hash)));
  const auto digest_bytes = static_cast<word32>(digest.size());
  if (wc_Hash(kind.hash, certificate.signed_part.data(), size_of(certificate.signed_part),
              digest.data(), digest_bytes) != 0) {
    return false;
  }
  std::vector<uint8_t> signature(certificate.signature.begin(), certificate.signature.end());
  std::vector<uint8_t> room(signature.size());
  return wc_RsaPSS_VerifyCheck(signature.data(), static_cast<word32>(signature.size()), room.data(),
                               static_cast<word32>(room.size()), digest.data(), digest_bytes,
                               kind.hash, kind.mask, key) > 0;
}

bool verify_with(const Certificate& certificate, wc_SignatureType type, const void* key,
                 size_t key_bytes) {
  return wc_SignatureVerify(kind_of(certificate.signature_algorithm.digest).hash, type,
                            certificate.signed_part.data(), size_of(certificate.signed_part),
                            certificate.signature.data(), size_of(certificate.signature), key,
                            static_cast<word32>(key_bytes)) == 0;
}

CertificateFault fault_unless(bool good) {
  return good ? CertificateFault::none : CertificateFault::bad_signature;
}

}  // namespace

CertificateFault check_signature(const Certificate& certificate, const PublicKey& issuer) {
  switch (issuer.type) {
    case KeyType::rsa:
    case KeyType::rsa_pss: {
      RsaPublicKey key;
      if (!key.load(issuer)) break;
      if (certificate.signature_algorithm.is_pss) {
        return fault_unless(verify_pss(certificate, key.get()));
      }
      return fault_unless(
          verify_with(certificate, WC_SIGNATURE_TYPE_RSA_W_ENC, key.get(), sizeof(RsaKey)));
    }
    case KeyType::ec: {
      EcPublicKey key;
      if (!key.load(issuer)) break;
      return fault_unless(
          verify_with(certificate, WC_SIGNATURE_TYPE_ECC, key.get(), sizeof(ecc_key)));
    }
    case KeyType::ed25519: {
      EdPublicKey key;
      if (!key.load(issuer)) break;
      int good = 0;
      const int done = wc_ed25519_verify_msg(
          certificate.signature.data(), size_of(certificate.signature),
          certificate.signed_part.data(), size_of(certificate.signed_part), &good, key.get());
      return fault_unless(done == 0 && good == 1);
    }
    case KeyType::other:
      break;
  }
  return CertificateFault::unsupported_algorithm;
}

bool lies_on_its_curve(const PublicKey& key) {
  if (key.type != KeyType::ec) return true;
  EcPublicKey loaded;
  return loaded.load(key) && loaded.is_on_curve();
}

}  // namespace havklo::io
