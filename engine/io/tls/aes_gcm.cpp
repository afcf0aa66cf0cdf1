// Intel's ipsec-mb where the build found it, wolfCrypt elsewhere.
#include "io/tls/aes_gcm.hpp"

#include <wolfssl/options.h>
// options.h comes first: it says how the library was built.
#if HAVKLO_HAS_IPSEC_MB
#include <intel-ipsec-mb.h>
#else
#include <wolfssl/version.h>
#include <wolfssl/wolfcrypt/aes.h>
#endif

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <havklo/assert.hpp>

namespace havklo::io {
namespace {

const uint8_t* octets(std::span<const std::byte> bytes) {
  return reinterpret_cast<const uint8_t*>(bytes.data());
}
uint8_t* octets(std::span<std::byte> bytes) { return reinterpret_cast<uint8_t*>(bytes.data()); }

}  // namespace

#if HAVKLO_HAS_IPSEC_MB

namespace {

// The library's functions for this processor: chosen once, then only read.
const IMB_MGR* manager() {
  struct Free {
    void operator()(IMB_MGR* made) const { free_mb_mgr(made); }
  };
  static const std::unique_ptr<IMB_MGR, Free> chosen = [] {
    std::unique_ptr<IMB_MGR, Free> made(alloc_mb_mgr(0));
    if (made != nullptr) init_mb_mgr_auto(made.get(), nullptr);
    return made;
  }();
  return chosen.get();
}

// Reads both to their ends, whatever they hold.
bool is_same(const uint8_t* tag, const uint8_t* other) {
  std::array<uint64_t, 2> a{};
  std::array<uint64_t, 2> b{};
  static_assert(sizeof a == AesGcm::tag_bytes);
  std::memcpy(a.data(), tag, sizeof a);
  std::memcpy(b.data(), other, sizeof b);
  return ((a[0] ^ b[0]) | (a[1] ^ b[1])) == 0;
}

}  // namespace

struct AesGcm::Key {
  explicit Key(std::span<const std::byte> key) {
    const IMB_MGR* const functions = manager();
    const bool is_128 = key.size() == IMB_KEY_128_BYTES;
    (is_128 ? functions->gcm128_pre : functions->gcm256_pre)(key.data(), &expanded);
    decrypt = is_128 ? functions->gcm128_dec : functions->gcm256_dec;
    encrypt = is_128 ? functions->gcm128_enc : functions->gcm256_enc;
  }
  ~Key() {  // not to be left out by the compiler, though nobody reads it again
    explicit_bzero(&expanded, sizeof expanded);
    explicit_bzero(&context, sizeof context);
  }
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;

  bool open(std::span<const std::byte> sealed, const Nonce& nonce,
            std::span<const std::byte> header, std::span<std::byte> plain) {
    std::array<uint8_t, tag_bytes> tag{};
    decrypt(&expanded, &context, octets(plain), octets(sealed), plain.size(), octets(nonce),
            octets(header), header.size(), tag.data(), tag.size());
    return is_same(tag.data(), octets(sealed) + plain.size());
  }

  void seal(std::span<const std::byte> plain, const Nonce& nonce, std::span<const std::byte> header,
            std::span<std::byte> sealed) {
    encrypt(&expanded, &context, octets(sealed), octets(plain), plain.size(), octets(nonce),
            octets(header), header.size(), octets(sealed) + plain.size(), tag_bytes);
  }

  // The header asks for it only where LINUX is defined.
  alignas(64) gcm_key_data expanded{};
  gcm_context_data context{};  // of one message
  aes_gcm_enc_dec_t decrypt;
  aes_gcm_enc_dec_t encrypt;
};

bool AesGcm::is_fast() {
  constexpr uint64_t wanted = IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ;
  const IMB_MGR* const functions = manager();
  if (functions == nullptr || (functions->features & wanted) != wanted) return false;
  const bool tests_itself = (functions->features & IMB_FEATURE_SELF_TEST) != 0;
  return !tests_itself || (functions->features & IMB_FEATURE_SELF_TEST_PASS) != 0;
}

std::string AesGcm::library_text() { return "ipsec-mb " IMB_VERSION_STR; }

#else

struct AesGcm::Key {
  explicit Key(std::span<const std::byte> key) {
    const bool is_set = wc_AesInit(&aes, nullptr, INVALID_DEVID) == 0 &&
                        wc_AesGcmSetKey(&aes, octets(key), static_cast<word32>(key.size())) == 0;
    HAVKLO_ASSERT(is_set);
  }
  ~Key() {
    wc_AesFree(&aes);
    explicit_bzero(&aes, sizeof aes);
  }
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;

  bool open(std::span<const std::byte> sealed, const Nonce& nonce,
            std::span<const std::byte> header, std::span<std::byte> plain) {
    return wc_AesGcmDecrypt(&aes, octets(plain), octets(sealed), static_cast<word32>(plain.size()),
                            octets(nonce), static_cast<word32>(nonce.size()),
                            octets(sealed) + plain.size(), tag_bytes, octets(header),
                            static_cast<word32>(header.size())) == 0;
  }

  void seal(std::span<const std::byte> plain, const Nonce& nonce, std::span<const std::byte> header,
            std::span<std::byte> sealed) {
    const int result = wc_AesGcmEncrypt(
        &aes, octets(sealed), octets(plain), static_cast<word32>(plain.size()), octets(nonce),
        static_cast<word32>(nonce.size()), octets(sealed) + plain.size(), tag_bytes, octets(header),
        static_cast<word32>(header.size()));
    HAVKLO_ASSERT(result == 0);
  }

  Aes aes{};
};

bool AesGcm::is_fast() {
#ifdef WOLFSSL_AESNI
  return true;
#else
  return false;
#endif
}

std::string AesGcm::library_text() { return "wolfCrypt " LIBWOLFSSL_VERSION_STRING; }

#endif

AesGcm::AesGcm(std::span<const std::byte> key) {
  HAVKLO_ASSERT(key.size() == 16 || key.size() == 32);
  key_.reset(new Key(key));
}

void AesGcm::Free::operator()(Key* key) const { delete key; }

bool AesGcm::open(std::span<const std::byte> sealed, const Nonce& nonce,
                  std::span<const std::byte> header, std::span<std::byte> plain) {
  HAVKLO_ASSERT(sealed.size() == plain.size() + tag_bytes);
  if (key_->open(sealed, nonce, header, plain)) return true;
  std::ranges::fill(plain, std::byte{});
  return false;
}

void AesGcm::seal(std::span<const std::byte> plain, const Nonce& nonce,
                  std::span<const std::byte> header, std::span<std::byte> sealed) {
  HAVKLO_ASSERT(sealed.size() == plain.size() + tag_bytes);
  key_->seal(plain, nonce, header, sealed);
}

}  // namespace havklo::io
