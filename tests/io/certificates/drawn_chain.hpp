// A chain as it is drawn: good at first, then changed. Each change says what it did.
#pragma once

#include <functional>
#include <havklo/random.hpp>
#include <string>
#include <vector>

#include "support/openssl_certificates.hpp"

namespace havklo::io {

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

inline void replace_extension(Recipe& recipe, const std::string& name, const std::string& value) {
  std::erase_if(recipe.extensions, [&](const auto& each) { return each.first == name; });
  if (!value.empty()) recipe.extensions.emplace_back(name, value);
}

inline std::string good_key(Random& random) {
  return one_of<const char*>(
      random, {"ec256", "ec256", "ec384", "ec521", "ec224", "rsa2048", "rsa2048", "rsa3072",
               "rsa4096", "ed25519", "ed25519", "rsa_pss2048"});
}

// Fits the key of the issuer.
inline std::string good_digest(Random& random, const std::string& key) {
  if (key.starts_with("rsa_pss")) return one_of<const char*>(random, {"pss-sha256", "pss-sha384"});
  if (key.starts_with("rsa")) {
    return one_of<const char*>(
        random, {"sha256", "sha384", "sha512", "sha224", "pss-sha256", "pss-sha512"});
  }
  return one_of<const char*>(random, {"sha256", "sha384", "sha512", "sha224"});
}

inline DrawnChain draw_good(Random& random) {
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
inline std::vector<Change> key_changes() {
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
            recipe.serial_bytes = one_of(random, {0, 0, 20, 35, 100});
            return recipe.subject + " serial " + std::to_string(recipe.serial) + " of bytes " +
                   std::to_string(recipe.serial_bytes);
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
            const char* type = one_of<const char*>(random, {"serialNumber", "OU", "1.2.3", "CN"});
            recipe.beside_cn.emplace_back(type, "7");
            return recipe.subject + " has a " + type + " beside its CN";
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
inline std::vector<Change> usage_changes() {
  return {[](DrawnChain& chain, Random& random) {
            Recipe& recipe = chain.any(random);
            const std::string value = one_of<const char*>(
                random, {"", "CA:FALSE", "critical,CA:TRUE,pathlen:0", "critical,CA:TRUE,pathlen:1",
                         "CA:TRUE,pathlen:2", "critical,CA:FALSE", "CA:TRUE",
                         "critical,CA:TRUE,pathlen:128", "CA:TRUE,pathlen:2147483647"});
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
                         "1.3.6.1.4.1.311.10.3.3", "msSGC,emailProtection", "serverAuth,1.2.3"});
            replace_extension(recipe, "extendedKeyUsage", value);
            return recipe.subject + " extendedKeyUsage '" + value + "'";
          }};
}

// Names, and the constraints on them.
inline std::vector<Change> name_changes() {
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
inline std::vector<Change> extension_changes() {
  return {[](DrawnChain& chain, Random& random) {
            Recipe& recipe = chain.any(random);
            const auto [name, value] = one_of<std::pair<const char*, const char*>>(
                random, {{"1.2.3.4.5.6", "critical,DER:0500"},
                         {"1.2.3.4.5.6", "DER:0500"},
                         {"1.2.3", "DER:0500"},
                         {"1.2.3", "critical,DER:0500"},
                         {"2.5.29.32", "DER:3006300406022A03"},
                         {"authorityInfoAccess", "1.2.3;URI:http://x.test/"},
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

inline const std::vector<Change>& recipe_changes() {
  static const std::vector<Change> all = [] {
    std::vector<Change> made;
    for (const auto& some : {key_changes(), usage_changes(), name_changes(), extension_changes()}) {
      made.insert(made.end(), some.begin(), some.end());
    }
    return made;
  }();
  return all;
}

}  // namespace havklo::io
