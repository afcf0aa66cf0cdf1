// Certificates with damage: bytes changed, cut, doubled; half of them signed again, so that the
// damage is in what an authority vouches for. Nothing crashes, and nothing is accepted that OpenSSL
// refuses.
#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <havklo/random.hpp>

#include "io/certificates/certificate_path.hpp"
#include "support/openssl_certificates.hpp"
#include "support/temporary_file.hpp"

namespace havklo::io {
namespace {

using openssl::Der;
using openssl::Made;

struct Hierarchy {
  Made root;
  Made issuer;
  Made server;
};

Hierarchy make_hierarchy() {
  Hierarchy made;
  made.root = openssl::make({.subject = "root",
                             .key = "ed25519",
                             .extensions = {{"basicConstraints", "critical,CA:TRUE"}}});
  made.issuer =
      openssl::make({.subject = "issuer",
                     .key = "ed25519",
                     .key_number = 1,
                     .extensions = {{"basicConstraints", "critical,CA:TRUE,pathlen:0"},
                                    {"keyUsage", "critical,keyCertSign,cRLSign"},
                                    {"nameConstraints",
                                     "permitted;DNS:venue.test,permitted;IP:127.0.0.0/255.0.0.0"},
                                    {"crlDistributionPoints", "URI:http://venue.test/crl"}}},
                    &made.root);
  made.server = openssl::make({.subject = "venue",
                               .extensions = {{"subjectAltName", "DNS:venue.test,IP:127.0.0.1"},
                                              {"keyUsage", "critical,digitalSignature"},
                                              {"extendedKeyUsage", "serverAuth,clientAuth"},
                                              {"basicConstraints", "CA:FALSE"}}},
                              &made.issuer);
  return made;
}

void damage(Der& der, Random& random) {
  const size_t at = random.below(der.size());
  switch (random.below(6)) {
    case 0:
      der[at] = static_cast<uint8_t>(random.below(256));
      break;
    case 1:
      der.erase(der.begin() + static_cast<ptrdiff_t>(at));
      break;
    case 2:
      der.insert(der.begin() + static_cast<ptrdiff_t>(at), der[random.below(der.size())]);
      break;
    case 3: {
      const size_t other = random.below(der.size());
      std::swap(der[at], der[other]);
      break;
    }
    default:
      der[at] ^= static_cast<uint8_t>(1U << random.below(8));
  }
}

void append_length(Der& out, size_t length) {
  if (length >= 128) {
    out.push_back(0x82);
    out.push_back(static_cast<uint8_t>(length >> 8U));
  }
  out.push_back(static_cast<uint8_t>(length));
}

// The signed part damaged, and signed by Ed25519: what a careless authority hands out.
Der damage_and_sign(const Der& whole, EVP_PKEY* authority, Random& random) {
  der::Reader outer(whole);
  der::Reader parts(outer.take(der::tag::sequence));
  const der::Bytes body = parts.take_whole(der::tag::sequence);
  const der::Bytes algorithm = parts.take_whole(der::tag::sequence);
  Der damaged(body.begin(), body.end());
  for (uint64_t times = 1 + random.below(2); times > 0; --times) damage(damaged, random);
  std::vector<uint8_t> signature(64);
  size_t signature_bytes = signature.size();
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_DigestSignInit(context, nullptr, nullptr, nullptr, authority);
  EXPECT_EQ(
      EVP_DigestSign(context, signature.data(), &signature_bytes, damaged.data(), damaged.size()),
      1);
  EVP_MD_CTX_free(context);
  Der content = damaged;
  content.insert(content.end(), algorithm.begin(), algorithm.end());
  for (const int each : {int{der::tag::bit_string}, 65, 0}) {
    content.push_back(static_cast<uint8_t>(each));
  }
  content.insert(content.end(), signature.begin(), signature.end());
  Der certificate = {der::tag::sequence};
  append_length(certificate, content.size());
  certificate.insert(certificate.end(), content.begin(), content.end());
  return certificate;
}

class CertificateDamage : public testing::TestWithParam<uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Part, CertificateDamage, testing::Range<uint64_t>(1, 3));

TEST_P(CertificateDamage, NeverMakesOneAcceptable) {
  const int rounds = 40 * openssl::chains_of_a_part();
  const Hierarchy made = make_hierarchy();
  const std::time_t now = std::time(nullptr);
  const TemporaryFile root(openssl::pem_of(made.root.der));
  const TrustStore store = TrustStore::from(root.path()).value();
  const std::vector<Der> trusted = {made.root.der};
  Random random(GetParam());
  int accepted = 0;
  for (int round = 0; round < rounds; ++round) {
    std::vector<Der> shown = {made.server.der, made.issuer.der};
    const size_t which = random.below(2);
    const bool signs = random.below(2) == 0;
    if (signs) {
      shown[which] =
          damage_and_sign(shown[which], which == 0 ? made.issuer.key : made.root.key, random);
    } else {
      damage(shown[which], random);
    }
    const char* host = random.below(2) == 0 ? "venue.test" : "127.0.0.1";
    const std::vector<der::Bytes> views(shown.begin(), shown.end());
    const CertificateVerdict ours = judge_server(views, store, host, now);
    if (ours.fault != CertificateFault::none) continue;
    ++accepted;
    const std::string theirs = openssl::verdict(shown, trusted, host, now);
    ASSERT_EQ(theirs, "") << "seed " << GetParam() << ", round " << round
                          << (signs ? ", signed again" : "");
  }
  EXPECT_GT(accepted, rounds / 250) << "damage to a serial number or a comment does no harm";
}

TEST(CertificateDamageOf, RubbishIsMalformed) {
  const Hierarchy made = make_hierarchy();
  const TrustStore store;
  Random random(7);
  for (size_t size = 0; size < 300; ++size) {
    Der rubbish(size);
    for (uint8_t& each : rubbish) each = static_cast<uint8_t>(random.below(256));
    const std::vector<der::Bytes> shown = {der::Bytes(rubbish)};
    EXPECT_EQ(judge_server(shown, store, "venue.test", 0).fault, CertificateFault::malformed);
  }
  for (size_t size = 0; size < made.server.der.size(); ++size) {
    const std::vector<der::Bytes> shown = {der::Bytes(made.server.der).first(size)};
    EXPECT_EQ(judge_server(shown, store, "venue.test", 0).fault, CertificateFault::malformed);
  }
  EXPECT_EQ(judge_server({}, store, "venue.test", 0).fault, CertificateFault::malformed);
}

}  // namespace
}  // namespace havklo::io
