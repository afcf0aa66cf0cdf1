// Our verdict and OpenSSL's on the same chains. A chain that is good is drawn, then up to three
// things about it are changed; where the two verdicts differ the test says what was changed.
#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <functional>
#include <havklo/random.hpp>

#include "drawn_chain.hpp"
#include "io/certificates/certificate_path.hpp"
#include "support/net/openssl_server.hpp"
#include "support/openssl_certificates.hpp"
#include "support/temporary_file.hpp"

namespace havklo::io {
namespace {

struct MadeChain {
  std::vector<Made> certificates;  // the root first
  Made stranger;                   // a root of somebody else
  const Made& issuer(size_t i) const { return certificates[i - 1]; }
};

Made cross_sign(const DrawnChain& chain, const MadeChain& made, size_t i, int64_t until_s) {
  Recipe recipe = chain.recipes[i];
  recipe.until_s = until_s;
  recipe.from_s = std::min<int64_t>(recipe.from_s, until_s - 7200);
  recipe.digest = "sha256";
  return openssl::make(recipe, &made.stranger);
}

// What is shown and trusted: at first the chain without its root, and its root.
std::string change_layout(DrawnChain& chain, const MadeChain& made, Random& random) {
  const size_t length = made.certificates.size();
  switch (random.below(14)) {
    case 0:
      chain.shown.push_back(made.certificates.front().der);
      return "the root is shown";
    case 1:
      if (chain.shown.size() > 1) chain.shown.pop_back();
      return "the last is not shown";
    case 2:
      if (chain.shown.size() > 2) std::swap(chain.shown[1], chain.shown.back());
      return "in another order";
    case 3:
      chain.trusted = {made.stranger.der};
      return "only a stranger is trusted";
    case 4:
      chain.trusted.push_back(made.stranger.der);
      chain.shown.push_back(made.stranger.der);
      return "a stranger is trusted, too";
    case 5:
      chain.shown.push_back(cross_sign(chain, made, random.below(length - 1), -3600).der);
      return "with an expired cross certificate";
    case 6:
      chain.shown.insert(chain.shown.begin() + 1,
                         cross_sign(chain, made, random.below(length - 1), -3600).der);
      return "with an expired cross certificate in front";
    case 7:
      chain.shown.insert(chain.shown.begin() + 1,
                         cross_sign(chain, made, random.below(length - 1), 3600).der);
      return "with a cross certificate of a stranger in front";
    case 8:
      chain.trusted = {made.stranger.der};
      chain.shown.push_back(cross_sign(chain, made, 0, 3600).der);
      return "trusted by a cross certificate alone";
    case 9:
      chain.trusted.push_back(made.certificates[random.below(length)].der);
      return "another one of the chain is trusted, too";
    case 10:
      chain.trusted = {made.certificates.back().der};
      return "the server's own is trusted";
    case 11:
      chain.shown.push_back(chain.shown[random.below(chain.shown.size())]);
      return "one is shown twice";
    case 12: {
      const size_t at = random.below(length - 1);
      chain.trusted.push_back(cross_sign(chain, made, at, random.below(2) ? 3600 : -3600).der);
      return "a cross certificate is trusted";
    }
    default: {
      Der& der = chain.shown[random.below(chain.shown.size())];
      der[der.size() - 1 - random.below(40)] ^= static_cast<uint8_t>(1U << random.below(8));
      return "a signature is damaged";
    }
  }
}

MadeChain make_all(DrawnChain& chain) {
  MadeChain made;
  for (size_t i = 0; i < chain.recipes.size(); ++i) {
    Recipe& recipe = chain.recipes[i];
    // Where the issuer's key was changed, the signature has to follow.
    const std::string& signer = chain.recipes[i == 0 ? 0 : i - 1].key;
    const bool was_pss = recipe.digest.starts_with("pss-");
    if (signer.starts_with("rsa_pss") && !was_pss) recipe.digest = "pss-sha256";
    if (!signer.starts_with("rsa") && was_pss) recipe.digest = recipe.digest.substr(4);
    if (!signer.starts_with("rsa") && recipe.digest == "md5") recipe.digest = "sha1";
    if (signer == "rsa512" && recipe.digest != "md5") recipe.digest = "sha1";
    if (signer == "rsa1024" && recipe.digest == "pss-sha512") recipe.digest = "sha256";
    made.certificates.push_back(
        openssl::make(recipe, i == 0 ? nullptr : &made.certificates[i - 1]));
  }
  made.stranger = openssl::make({.subject = "stranger",
                                 .key_number = 99,
                                 .extensions = {{"basicConstraints", "critical,CA:TRUE"}}});
  return made;
}

DrawnChain draw(uint64_t seed) {
  Random random(seed);
  DrawnChain chain = draw_good(random);
  const size_t changes = random.below(4);
  const size_t of_layout = changes == 0 ? 0 : random.below(changes + 1);
  for (size_t i = of_layout; i < changes; ++i) {
    chain.story += recipe_changes()[random.below(recipe_changes().size())](chain, random) + "; ";
  }
  const MadeChain made = make_all(chain);
  for (size_t i = made.certificates.size(); i-- > 1;)
    chain.shown.push_back(made.certificates[i].der);
  chain.trusted = {made.certificates.front().der};
  for (size_t i = 0; i < of_layout; ++i) chain.story += change_layout(chain, made, random) + "; ";
  return chain;
}

TrustStore store_of(std::span<const Der> trusted) {
  const TemporaryFile file(openssl::pem_of(trusted));
  auto store = TrustStore::from(file.path());
  EXPECT_TRUE(store) << store.error();
  return store ? std::move(*store) : TrustStore();
}

struct OurVerdict {
  CertificateFault fault = CertificateFault::none;
  std::vector<Der> path;
};

OurVerdict judge(const DrawnChain& chain, std::time_t now) {
  const std::vector<der::Bytes> shown(chain.shown.begin(), chain.shown.end());
  const TrustStore store = store_of(chain.trusted);
  const CertificateVerdict verdict = judge_server(shown, store, chain.host, now);
  OurVerdict ours{.fault = verdict.fault, .path = {}};
  for (const der::Bytes each : verdict.path) ours.path.emplace_back(each.begin(), each.end());
  return ours;
}

// OpenSSL takes the first issuer that fits and does not come back to the others; we do. What it
// then refuses and we accept must be good in its eyes too when it is shown our path alone.
bool accepts_our_path(const DrawnChain& chain, const OurVerdict& ours, std::time_t now) {
  return openssl::verdict(ours.path, std::span(ours.path).last(1), chain.host, now).empty();
}

// Curves and Edwards keys that wolfSSL is built without, and a server's own key of RSA-PSS: refused
// here, and TLS.md says so.
bool uses_what_we_cannot(const DrawnChain& chain) {
  if (chain.recipes.back().key.starts_with("rsa_pss")) return true;
  return std::ranges::any_of(chain.recipes, [](const Recipe& recipe) {
    return recipe.key == "ec256k1" || recipe.key == "ed448";
  });
}

class CertificateMatrix : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Part, CertificateMatrix, testing::Range(0, 2));

TEST_P(CertificateMatrix, TheVerdictIsThatOfOpenSsl) {
  const int chains = openssl::chains_of_a_part();
  const std::time_t now = std::time(nullptr);
  int accepted = 0;
  int different = 0;
  int by_another_path = 0;
  int handshakes = 0;
  for (int i = 0; i < chains && different < 8; ++i) {
    const auto seed = static_cast<uint64_t>(GetParam() * chains + i + 1);
    const DrawnChain chain = draw(seed);
    const std::string theirs = openssl::verdict(chain.shown, chain.trusted, chain.host, now);
    const OurVerdict ours = judge(chain, now);
    const Recipe& server = chain.recipes.back();
    if (const auto shaken =
            openssl::fault_in_handshake(server, chain.shown, chain.trusted, chain.host)) {
      ++handshakes;
      EXPECT_EQ(to_string(*shaken), to_string(ours.fault))
          << "seed " << seed << ", in a handshake: " << chain.story;
    }
    const bool is_same = theirs.empty() == (ours.fault == CertificateFault::none);
    accepted += theirs.empty() ? 1 : 0;
    if (is_same || (uses_what_we_cannot(chain) && theirs.empty())) continue;
    if (ours.fault == CertificateFault::none && accepts_our_path(chain, ours, now)) {
      ++by_another_path;
      continue;
    }
    ++different;
    ADD_FAILURE() << "seed " << seed << ": " << chain.story
                  << "\n  OpenSSL: " << (theirs.empty() ? "good" : theirs)
                  << "\n  ours: " << to_string(ours.fault);
  }
  EXPECT_GT(handshakes, chains / 2);
  EXPECT_LT(by_another_path, chains / 10);
  EXPECT_GT(accepted, chains / 5) << "the draw must not only make bad ones";
  EXPECT_LT(accepted, chains * 4 / 5);
}

}  // namespace
}  // namespace havklo::io
