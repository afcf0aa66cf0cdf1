// Our verdict and OpenSSL's on the same chains. A chain that is good is drawn, then up to three
// things about it are changed; where the two verdicts differ the test says what was changed.
#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <functional>
#include <havklo/random.hpp>

#include "io/certificates/certificate_path.hpp"
#include "support/openssl_certificates.hpp"
#include "support/temporary_file.hpp"

namespace havklo::io {
namespace {

using openssl::Der;
using openssl::Made;
using openssl::Recipe;

struct DrawnChain {
  std::vector<Recipe> recipes;  // the root first, the server last
  std::string host = "venue.test";
  std::vector<Der> shown;
  std::vector<Der> trusted;
  std::string story;  // what was changed

  Recipe& any(Random& random) { return recipes[random.below(recipes.size())]; }
  Recipe& server() { return recipes.back(); }
};

template <class T>
T one_of(Random& random, std::initializer_list<T> choices) {
  return *(choices.begin() + random.below(choices.size()));
}

void replace_extension(Recipe& recipe, const std::string& name, const std::string& value) {
  std::erase_if(recipe.extensions, [&](const auto& each) { return each.first == name; });
  if (!value.empty()) recipe.extensions.emplace_back(name, value);
}

std::string good_key(Random& random) {
  return one_of<const char*>(
      random, {"ec256", "ec256", "ec384", "ec521", "ec224", "rsa2048", "rsa2048", "rsa3072",
               "rsa4096", "ed25519", "ed25519", "rsa_pss2048"});
}

// Fits the key of the issuer.
std::string good_digest(Random& random, const std::string& key) {
  if (key.starts_with("rsa_pss")) return one_of<const char*>(random, {"pss-sha256", "pss-sha384"});
  if (key.starts_with("rsa")) {
    return one_of<const char*>(
        random, {"sha256", "sha384", "sha512", "sha224", "pss-sha256", "pss-sha512"});
  }
  return one_of<const char*>(random, {"sha256", "sha384", "sha512", "sha224"});
}

DrawnChain draw_good(Random& random) {
  DrawnChain chain;
  const size_t length = 2 + random.below(4);
  for (size_t i = 0; i < length; ++i) {
    Recipe recipe{.subject = i == 0            ? "root"
                             : i + 1 == length ? "venue"
                                               : "issuer " + std::to_string(i),
                  .key = good_key(random),
                  .key_number = static_cast<int>(i)};
    if (i + 1 < length) {
      recipe.extensions = {{"basicConstraints", "critical,CA:TRUE"},
                           {"keyUsage", "critical,keyCertSign,cRLSign"}};
    } else {
      recipe.extensions = {{"subjectAltName", "DNS:venue.test,DNS:*.other.test,IP:127.0.0.1"},
                           {"keyUsage", "critical,digitalSignature"},
                           {"extendedKeyUsage", "serverAuth"}};
    }
    chain.recipes.push_back(std::move(recipe));
  }
  for (size_t i = 0; i < length; ++i) {
    chain.recipes[i].digest = good_digest(random, chain.recipes[i == 0 ? 0 : i - 1].key);
  }
  return chain;
}

using Change = std::function<std::string(DrawnChain&, Random&)>;

// Each says what it did. They come before the certificates are made.
// Keys, signatures, times, serial numbers.
std::vector<Change> key_changes() {
  return {[](DrawnChain& chain, Random& random) {
            Recipe& recipe = chain.any(random);
            recipe.key =
                one_of<const char*>(random, {"rsa1024", "rsa1536", "ec192", "rsa1024", "rsa512"});
            return recipe.subject + " has key " + recipe.key;
          },
          [](DrawnChain& chain, Random& random) {
            Recipe& recipe = chain.any(random);
            recipe.digest = one_of<const char*>(random, {"sha1", "md5", "pss-sha1", "sha1"});
            return recipe.subject + " is signed by " + recipe.digest;
          },
          [](DrawnChain& chain, Random& random) {
            Recipe& recipe = chain.any(random);
            const bool early = random.below(2) == 0;
            recipe.from_s = early ? 3600 : -7200;
            recipe.until_s = early ? 7200 : -3600;
            return recipe.subject + (early ? " is not yet valid" : " has expired");
          },
          [](DrawnChain& chain, Random& random) {
            Recipe& recipe = chain.any(random);
            recipe.serial = one_of<long>(random, {0, -1, 1, 0x7fffffffffffffff});
            return recipe.subject + " serial " + std::to_string(recipe.serial);
          },
          [](DrawnChain& chain, Random& random) {
            Recipe& recipe = chain.any(random);
            recipe.version = 0;
            recipe.extensions.clear();
            return recipe.subject + " is of version 1";
          },
          [](DrawnChain& chain, Random& random) {
            Recipe& recipe = chain.any(random);
            recipe.key_ids = false;
            return recipe.subject + " has no key identifiers";
          },
          [](DrawnChain& chain, Random& random) {
            Recipe& recipe = chain.any(random);
            recipe.subject = one_of<const char*>(random, {"root", "venue", "", "issuer 1"});
            return "a subject is '" + recipe.subject + "'";
          },
          [](DrawnChain& chain, Random& random) {  // what OpenSSL can and we cannot: see TLS.md
            if (random.below(4) != 0) return std::string();
            Recipe& recipe = chain.any(random);
            recipe.key = one_of<const char*>(random, {"ec256k1", "ed448"});
            return recipe.subject + " has key " + recipe.key;
          }};
}

// What it may be used for.
std::vector<Change> usage_changes() {
  return {[](DrawnChain& chain, Random& random) {
            Recipe& recipe = chain.any(random);
            const std::string value = one_of<const char*>(
                random, {"", "CA:FALSE", "critical,CA:TRUE,pathlen:0", "critical,CA:TRUE,pathlen:1",
                         "CA:TRUE,pathlen:2", "critical,CA:FALSE", "CA:TRUE"});
            replace_extension(recipe, "basicConstraints", value);
            return recipe.subject + " basicConstraints '" + value + "'";
          },
          [](DrawnChain& chain, Random& random) {
            Recipe& recipe = chain.any(random);
            const std::string value = one_of<const char*>(
                random,
                {"", "digitalSignature", "critical,cRLSign", "keyCertSign", "keyEncipherment",
                 "keyAgreement", "critical,nonRepudiation", "decipherOnly", "dataEncipherment"});
            replace_extension(recipe, "keyUsage", value);
            return recipe.subject + " keyUsage '" + value + "'";
          },
          [](DrawnChain& chain, Random& random) {
            Recipe& recipe = chain.any(random);
            const std::string value = one_of<const char*>(
                random, {"", "clientAuth", "critical,serverAuth", "clientAuth,serverAuth",
                         "anyExtendedKeyUsage", "codeSigning", "critical,clientAuth",
                         "1.3.6.1.4.1.311.10.3.3", "msSGC,emailProtection"});
            replace_extension(recipe, "extendedKeyUsage", value);
            return recipe.subject + " extendedKeyUsage '" + value + "'";
          }};
}

// Names, and the constraints on them.
std::vector<Change> name_changes() {
  return {[](DrawnChain& chain, Random& random) {
            const std::string value =
                one_of<const char*>(random, {"",
                                             "DNS:elsewhere.test",
                                             "DNS:VENUE.test",
                                             "DNS:*.test",
                                             "DNS:*.venue.test",
                                             "DNS:a.*.venue.test",
                                             "IP:127.0.0.1",
                                             "IP:::1",
                                             "DNS:127.0.0.1",
                                             "DNS:*.0.0.1",
                                             "DNS:*",
                                             "DNS:v*.venue.test",
                                             "email:me@venue.test",
                                             "URI:https://venue.test/",
                                             "DNS:venue.test.",
                                             "DNS:.venue.test",
                                             "DNS:xn--venue-abc.test",
                                             "DNS:*.xn--venue-abc.test",
                                             "critical,DNS:venue.test",
                                             "IP:10.0.0.1",
                                             "DNS:one.test,DNS:two.test,DNS:venue.test,IP:::1",
                                             "DNS:a.venue.test,DNS:b.c.venue.test",
                                             "DNS:*.*.test",
                                             "DNS:w_x.test",
                                             "DNS:*.w_x.venue.test",
                                             "RID:1.2.3.4",
                                             "DNS:*.-venue.test"});
            replace_extension(chain.server(), "subjectAltName", value);
            return "names '" + value + "'";
          },
          [](DrawnChain& chain, Random& random) {
            chain.host = one_of<const char*>(
                random, {"venue.test", "127.0.0.1", "::1", "elsewhere.test", "a.venue.test",
                         "b.a.venue.test", "VENUE.TEST", "10.0.0.1", "x.other.test", "other.test",
                         "x.y.other.test", "w_x.test", "w_x.other.test", "-x.other.test",
                         "xn--q-xyz.other.test", "localhost", "1.other.test"});
            return "asked for " + chain.host;
          },
          [](DrawnChain& chain, Random& random) {
            Recipe& recipe = chain.any(random);
            const std::string value = one_of<const char*>(
                random, {"permitted;DNS:venue.test", "permitted;DNS:.test", "permitted;DNS:test",
                         "excluded;DNS:venue.test", "permitted;DNS:elsewhere.test",
                         "excluded;DNS:.venue.test", "permitted;IP:127.0.0.0/255.0.0.0",
                         "excluded;IP:127.0.0.0/255.0.0.0", "permitted;email:venue.test",
                         "permitted;URI:.venue.test", "critical,permitted;DNS:venue.test",
                         "permitted;dirName:dn", "excluded;DNS:other.test",
                         "permitted;DNS:venue.test,permitted;DNS:other.test,permitted;IP:127.0.0.1/"
                         "255.255.255.255",
                         "excluded;email:.test", "permitted;RID:1.2.3", "permitted;IP:::1/ffff::"});
            if (value.find("dirName") == std::string::npos)
              replace_extension(recipe, "nameConstraints", value);
            return recipe.subject + " nameConstraints '" + value + "'";
          }};
}

// Other extensions.
std::vector<Change> extension_changes() {
  return {[](DrawnChain& chain, Random& random) {
            Recipe& recipe = chain.any(random);
            const auto [name, value] = one_of<std::pair<const char*, const char*>>(
                random, {{"1.2.3.4.5.6", "critical,DER:0500"},
                         {"1.2.3.4.5.6", "DER:0500"},
                         {"2.5.29.32", "critical,DER:3007300506032A0304"},
                         {"noCheck", "critical,ignored"},
                         {"crlDistributionPoints", "critical,URI:http://x.test/crl"},
                         {"nsCertType", "client"},
                         {"nsCertType", "server"},
                         {"nsCertType", "sslCA"},
                         {"inhibitAnyPolicy", "critical,0"},
                         {"policyConstraints", "critical,requireExplicitPolicy:0"},
                         {"authorityInfoAccess", "critical,OCSP;URI:http://x.test/"},
                         {"tlsfeature", "status_request"}});
            recipe.extensions.emplace_back(name, value);
            return recipe.subject + " " + name + " " + value;
          },
          [](DrawnChain& chain, Random& random) {
            Recipe& recipe = chain.any(random);
            recipe.extensions.push_back(
                recipe.extensions.empty()
                    ? std::pair<std::string, std::string>("keyUsage", "keyCertSign")
                    : recipe.extensions[random.below(recipe.extensions.size())]);
            return recipe.subject + " has " + recipe.extensions.back().first + " twice";
          }};
}

const std::vector<Change>& recipe_changes() {
  static const std::vector<Change> all = [] {
    std::vector<Change> made;
    for (const auto& some : {key_changes(), usage_changes(), name_changes(), extension_changes()}) {
      made.insert(made.end(), some.begin(), some.end());
    }
    return made;
  }();
  return all;
}

struct MadeChain {
  std::vector<Made> certificates;  // the root first
  Made stranger;                   // a root of somebody else
  const Made& issuer(size_t i) const { return certificates[i - 1]; }
};

Made cross_sign(const DrawnChain& chain, const MadeChain& made, size_t i, int64_t until_s) {
  Recipe recipe = chain.recipes[i];
  recipe.until_s = until_s;
  recipe.from_s = std::min<int64_t>(recipe.from_s, until_s - 3600);
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
    case 12:
      chain.trusted.push_back(
          cross_sign(chain, made, random.below(length - 1), random.below(2) ? 3600 : -3600).der);
      return "a cross certificate is trusted";
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
  std::string pem;
  for (const Der& each : trusted) pem += openssl::pem_of(each);
  const TemporaryFile file(pem);
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
  for (int i = 0; i < chains && different < 8; ++i) {
    const auto seed = static_cast<uint64_t>(GetParam() * chains + i + 1);
    const DrawnChain chain = draw(seed);
    const std::string theirs = openssl::verdict(chain.shown, chain.trusted, chain.host, now);
    const OurVerdict ours = judge(chain, now);
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
  EXPECT_LT(by_another_path, chains / 10);
  EXPECT_GT(accepted, chains / 5) << "the draw must not only make bad ones";
  EXPECT_LT(accepted, chains * 4 / 5);
}

}  // namespace
}  // namespace havklo::io
