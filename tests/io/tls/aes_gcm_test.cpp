// AES-GCM with kept tables against wolfCrypt's: every size around the blocks, both keys, in place
// and apart; a damaged byte anywhere is refused and leaves nothing readable.
#include "io/tls/aes_gcm.hpp"

#include <gtest/gtest.h>
#include <wolfssl/options.h>
// options.h comes first: it says how the library was built.
#include <wolfssl/wolfcrypt/aes.h>

#include <algorithm>
#include <havklo/random.hpp>
#include <vector>

namespace havklo::io {
namespace {

using Bytes = std::vector<std::byte>;

Bytes random_bytes(Random& random, size_t count) {
  Bytes bytes(count);
  for (std::byte& one : bytes) one = static_cast<std::byte>(random.below(256));
  return bytes;
}

const ::byte* octets(std::span<const std::byte> bytes) {
  return reinterpret_cast<const ::byte*>(bytes.data());
}

Bytes sealed_by_wolfcrypt(const Bytes& key, const AesGcm::Nonce& nonce, const Bytes& header,
                          const Bytes& plain) {
  Bytes sealed(plain.size() + AesGcm::tag_bytes);
  auto* const out = reinterpret_cast<::byte*>(sealed.data());
  Aes aes;
  EXPECT_EQ(wc_AesInit(&aes, nullptr, INVALID_DEVID), 0);
  EXPECT_EQ(wc_AesGcmSetKey(&aes, octets(key), static_cast<word32>(key.size())), 0);
  EXPECT_EQ(wc_AesGcmEncrypt(&aes, out, octets(plain), static_cast<word32>(plain.size()),
                             octets(nonce), static_cast<word32>(nonce.size()), out + plain.size(),
                             AesGcm::tag_bytes, octets(header), static_cast<word32>(header.size())),
            0);
  wc_AesFree(&aes);
  return sealed;
}

class AesGcmTest : public testing::TestWithParam<size_t> {
 protected:
  void SetUp() override {
    if (!AesGcm::is_fast()) GTEST_SKIP() << "this processor has no AES instructions";
  }
};
INSTANTIATE_TEST_SUITE_P(KeyBytes, AesGcmTest, testing::Values(16, 32),
                         [](const auto& bytes) { return std::to_string(bytes.param); });

TEST_P(AesGcmTest, SealsAndOpensAsWolfCryptDoes) {
  Random random(GetParam());
  const Bytes key = random_bytes(random, GetParam());
  AesGcm cipher(key);
  for (size_t size = 1; size < 700; size += size < 300 ? 1 : 37) {
    const Bytes plain = random_bytes(random, size);
    const Bytes header = random_bytes(random, 5);
    AesGcm::Nonce nonce{};
    std::ranges::copy(random_bytes(random, nonce.size()), nonce.begin());
    const Bytes expected = sealed_by_wolfcrypt(key, nonce, header, plain);
    Bytes sealed(size + AesGcm::tag_bytes);
    cipher.seal(plain, nonce, header, sealed);
    ASSERT_EQ(sealed, expected) << size;
    Bytes opened(size + 1, std::byte{0xa5});  // what lies behind is not touched
    ASSERT_TRUE(cipher.open(expected, nonce, header, std::span(opened).first(size)));
    ASSERT_TRUE(std::ranges::equal(plain, std::span(opened).first(size))) << size;
    ASSERT_EQ(opened.back(), std::byte{0xa5}) << size;
    ASSERT_TRUE(cipher.open(sealed, nonce, header, std::span(sealed).first(size))) << "in place";
    ASSERT_TRUE(std::ranges::equal(plain, std::span(sealed).first(size))) << size;
  }
}

TEST_P(AesGcmTest, RefusesADamagedByteAnywhereAndLeavesNothing) {
  Random random(7);
  AesGcm cipher(random_bytes(random, GetParam()));
  const Bytes plain = random_bytes(random, 201);
  const Bytes header = random_bytes(random, 5);
  const AesGcm::Nonce nonce{};
  Bytes sealed(plain.size() + AesGcm::tag_bytes);
  cipher.seal(plain, nonce, header, sealed);
  const auto refuses = [&](const Bytes& record, const AesGcm::Nonce& number, const Bytes& head) {
    Bytes opened(plain.size(), std::byte{0xa5});
    return !cipher.open(record, number, head, opened) &&
           std::ranges::all_of(opened, [](std::byte one) { return one == std::byte{}; });
  };
  EXPECT_FALSE(refuses(sealed, nonce, header));
  for (size_t at = 0; at < sealed.size(); ++at) {
    Bytes damaged = sealed;
    damaged[at] ^= static_cast<std::byte>(1U << random.below(8));
    EXPECT_TRUE(refuses(damaged, nonce, header)) << at;
  }
  for (size_t at = 0; at < nonce.size(); ++at) {
    AesGcm::Nonce other = nonce;
    other[at] ^= std::byte{1};
    EXPECT_TRUE(refuses(sealed, other, header)) << at;
  }
  for (size_t at = 0; at < header.size(); ++at) {
    Bytes other = header;
    other[at] ^= std::byte{1};
    EXPECT_TRUE(refuses(sealed, nonce, other)) << at;
  }
}

}  // namespace
}  // namespace havklo::io
