// One chain a row: good but for one thing, and the fault that it must have. Where the measure is
// OpenSSL's, the row is shown to it, too.
#include <gtest/gtest.h>

#include <ctime>
#include <fstream>
#include <functional>

#include "io/certificates/certificate_path.hpp"
#include "support/net/openssl_server.hpp"
#include "support/openssl_certificates.hpp"
#include "support/temporary_folder.hpp"

namespace havklo::io {
namespace {

using openssl::Der;
using openssl::Made;
using openssl::Recipe;
using Fault = CertificateFault;

struct GoodChain {
  Recipe root{.subject = "root",
              .key_number = 20,
              .extensions = {{"basicConstraints", "critical,CA:TRUE"},
                             {"keyUsage", "critical,keyCertSign"}}};
  Recipe issuer{.subject = "issuer",
                .key_number = 21,
                .extensions = {{"basicConstraints", "critical,CA:TRUE"},
                               {"keyUsage", "critical,keyCertSign"}}};
  Recipe server{.key_number = 22,
                .extensions = {{"subjectAltName", "DNS:venue.test,IP:127.0.0.1,IP:::1"},
                               {"keyUsage", "critical,digitalSignature"},
                               {"extendedKeyUsage", "serverAuth"}}};
  const char* host = "venue.test";

  void name_server(const char* names) { server.extensions[0].second = names; }
};

struct CertificateCase {
  const char* name;
  Fault fault;
  std::function<void(GoodChain& chain)> change;
  bool is_openssls = true;  // its verdict, too
};

std::ostream& operator<<(std::ostream& out, const CertificateCase& row) { return out << row.name; }

std::vector<CertificateCase> strength_cases() {
  return {
      {"Good", Fault::none, [](GoodChain&) {}},
      {"Ed25519Everywhere", Fault::none,
       [](GoodChain& c) { c.root.key = c.issuer.key = c.server.key = "ed25519"; }},
      {"RsaPssAboveTheServer", Fault::none,
       [](GoodChain& c) {
         c.root.key = c.issuer.key = "rsa_pss2048";
         c.server.key = "rsa2048";
         c.root.digest = c.issuer.digest = c.server.digest = "pss-sha256";
       }},
      {"ServerOfRsaPss", Fault::unsupported_algorithm,
       [](GoodChain& c) { c.server.key = "rsa_pss2048"; }, false},
      {"ServerOfRsa1024", Fault::weak_key, [](GoodChain& c) { c.server.key = "rsa1024"; }},
      {"IssuerOfRsa1024", Fault::weak_key, [](GoodChain& c) { c.issuer.key = "rsa1024"; }},
      {"RootOfRsa1024", Fault::weak_key, [](GoodChain& c) { c.root.key = "rsa1024"; }},
      {"ServerOfRsa2047", Fault::weak_key, [](GoodChain& c) { c.server.key = "rsa2047"; }, false},
      {"ServerOfP192", Fault::weak_key, [](GoodChain& c) { c.server.key = "ec192"; }},
      {"ServerOfEd448", Fault::unsupported_algorithm, [](GoodChain& c) { c.server.key = "ed448"; },
       false},
      {"ServerSignedBySha1", Fault::weak_signature, [](GoodChain& c) { c.server.digest = "sha1"; }},
      {"IssuerSignedBySha1", Fault::weak_signature, [](GoodChain& c) { c.issuer.digest = "sha1"; }},
      {"RootSignedBySha1", Fault::none, [](GoodChain& c) { c.root.digest = "sha1"; }},
      {"RootOfSerial0", Fault::none, [](GoodChain& c) { c.root.serial = 0; }},
      {"EverySerial0", Fault::none,
       [](GoodChain& c) { c.root.serial = c.issuer.serial = c.server.serial = 0; }},
      {"ServerHasExpired", Fault::expired, [](GoodChain& c) { c.server.until_s = -1; }},
      {"IssuerHasExpired", Fault::expired, [](GoodChain& c) { c.issuer.until_s = -1; }},
      {"RootHasExpired", Fault::expired, [](GoodChain& c) { c.root.until_s = -1; }},
      {"ServerIsNotYetValid", Fault::not_yet_valid, [](GoodChain& c) { c.server.from_s = 60; }}};
}

std::vector<CertificateCase> usage_cases() {
  return {
      {"ServerForClients", Fault::wrong_usage,
       [](GoodChain& c) { c.server.extensions[2].second = "clientAuth"; }},
      {"ServerForAnything", Fault::wrong_usage,
       [](GoodChain& c) { c.server.extensions[2].second = "anyExtendedKeyUsage"; }},
      {"ServerWithoutUsages", Fault::none, [](GoodChain& c) { c.server.extensions.resize(1); }},
      {"ServerThatSignsCrlsOnly", Fault::wrong_usage,
       [](GoodChain& c) { c.server.extensions[1].second = "cRLSign"; }},
      {"IssuerForClients", Fault::wrong_usage,
       [](GoodChain& c) { c.issuer.extensions.emplace_back("extendedKeyUsage", "clientAuth"); }},
      {"IssuerWithoutKeyCertSign", Fault::no_signing_usage,
       [](GoodChain& c) { c.issuer.extensions[1].second = "cRLSign"; }},
      {"IssuerThatIsNoCa", Fault::not_a_ca,
       [](GoodChain& c) { c.issuer.extensions[0].second = "CA:FALSE"; }},
      {"IssuerWithoutConstraints", Fault::not_a_ca,
       [](GoodChain& c) { c.issuer.extensions.erase(c.issuer.extensions.begin()); }},
      {"RootOfVersion1", Fault::none,
       [](GoodChain& c) {
         c.root.version = 0;
         c.root.extensions.clear();
       }},
      {"RootThatAllowsNoIssuer", Fault::path_too_long,
       [](GoodChain& c) { c.root.extensions[0].second = "critical,CA:TRUE,pathlen:0"; }},
      {"CriticalAndUnknown", Fault::critical_extension,
       [](GoodChain& c) { c.server.extensions.emplace_back("1.2.3.4", "critical,DER:0500"); }},
      {"UnknownAndNotCritical", Fault::none,
       [](GoodChain& c) { c.server.extensions.emplace_back("1.2.3.4", "DER:0500"); }},
      {"ExtensionThatIsNone", Fault::malformed,
       [](GoodChain& c) { c.server.extensions.emplace_back("2.5.29.19", "DER:0500"); }}};
}

std::vector<CertificateCase> name_cases() {
  const auto named = [](const char* names, const char* host) {
    return [=](GoodChain& c) {
      c.name_server(names);
      c.host = host;
    };
  };
  return {{"NameInCapitals", Fault::none, named("DNS:venue.test", "VENUE.test")},
          {"AnotherName", Fault::wrong_name, named("DNS:elsewhere.test", "venue.test")},
          {"NoNameButTheCommonOne", Fault::no_names,
           [](GoodChain& c) {
             c.server.extensions.erase(c.server.extensions.begin());
             c.server.subject = "venue.test";
           }},
          {"CommonNameBesideOthers", Fault::wrong_name,
           [](GoodChain& c) {
             c.name_server("DNS:elsewhere.test");
             c.server.subject = "venue.test";
           }},
          {"Address", Fault::none, named("IP:127.0.0.1", "127.0.0.1")},
          {"Address6", Fault::none, named("IP:::1", "0:0::1")},
          {"AddressAsAName", Fault::wrong_name, named("DNS:127.0.0.1", "127.0.0.1")},
          {"AddressAsAWildcard", Fault::wrong_name, named("DNS:*.0.0.1", "127.0.0.1")},
          {"NameAsAnAddress", Fault::wrong_name, named("IP:127.0.0.1", "venue.test")},
          {"Wildcard", Fault::none, named("DNS:*.venue.test", "ws.venue.test")},
          {"WildcardOfTheNameItself", Fault::wrong_name, named("DNS:*.venue.test", "venue.test")},
          {"WildcardOfTwoLabels", Fault::wrong_name, named("DNS:*.venue.test", "a.ws.venue.test")},
          {"WildcardInside", Fault::wrong_name, named("DNS:a.*.venue.test", "a.ws.venue.test")},
          {"PartOfALabel", Fault::wrong_name, named("DNS:w*.venue.test", "ws.venue.test")},
          {"WildcardOfATopLevel", Fault::wrong_name, named("DNS:*.test", "venue.test")},
          {"TwoWildcards", Fault::wrong_name, named("DNS:*.*.test", "ws.venue.test")},
          {"OnlyAUri", Fault::wrong_name, named("URI:https://venue.test/", "venue.test")},
          {"NameThatIsPermitted", Fault::none,
           [](GoodChain& c) {
             c.name_server("DNS:venue.test");
             c.issuer.extensions.emplace_back("nameConstraints", "critical,permitted;DNS:test");
           }},
          {"NameThatIsNotPermitted", Fault::name_not_permitted,
           [](GoodChain& c) {
             c.issuer.extensions.emplace_back("nameConstraints", "permitted;DNS:elsewhere.test");
           }},
          {"NameThatIsExcluded", Fault::name_not_permitted, [](GoodChain& c) {
             c.root.extensions.emplace_back("nameConstraints", "excluded;IP:127.0.0.0/255.0.0.0");
           }}};
}

std::string many_names(int count) {
  std::string names = "DNS:venue.test";
  for (int i = 1; i < count; ++i) names += ",DNS:host-" + std::to_string(i) + ".venue.test";
  return names;
}

// What a reader that knows only the usual stumbles over, wolfSSL's among them.
std::vector<CertificateCase> unusual_cases() {
  const auto with = [](const char* name, const std::string& value) {
    return [=](GoodChain& c) {
      for (Recipe* each : {&c.issuer, &c.server}) each->extensions.emplace_back(name, value);
    };
  };
  const auto pathlen = [](const char* length) {
    return [=](GoodChain& c) {
      c.root.extensions[0].second = c.issuer.extensions[0].second =
          std::string("critical,CA:TRUE,pathlen:") + length;
    };
  };
  const auto serial = [](int bytes) {
    return [=](GoodChain& c) {
      c.root.serial_bytes = c.issuer.serial_bytes = c.server.serial_bytes = bytes;
    };
  };
  return {
      {"NamesOfSeveralValues", Fault::none,
       [](GoodChain& c) {
         for (Recipe* each : {&c.root, &c.issuer, &c.server}) {
           each->beside_cn = {{"serialNumber", "7"}, {"OU", "trading"}};
         }
       }},
      {"NamesOfUnknownTypes", Fault::none,
       [](GoodChain& c) {
         for (Recipe* each : {&c.root, &c.issuer, &c.server}) each->beside_cn = {{"1.2.3", "x"}};
       }},
      {"PathLength127", Fault::none, pathlen("127")},
      {"PathLength128", Fault::none, pathlen("128")},
      {"PathLength1000", Fault::none, pathlen("1000")},
      {"PathLengthOf31Bits", Fault::none, pathlen("2147483647")},
      {"Serial20Bytes", Fault::none, serial(20)},
      {"Serial34Bytes", Fault::none, serial(34)},
      {"Serial100Bytes", Fault::none, serial(100)},
      {"ShortExtension", Fault::none, with("1.2.3", "DER:0500")},
      {"ShortCriticalExtension", Fault::critical_extension, with("1.2.3", "critical,DER:0500")},
      {"UnknownExtensionTwice", Fault::none,
       [=](GoodChain& c) {
         with("1.2.3.4", "DER:0500")(c);
         with("1.2.3.4", "DER:0500")(c);
       }},
      {"ShortPolicy", Fault::none, with("certificatePolicies", "DER:3006300406022A03")},
      {"ShortUsage", Fault::none,
       [](GoodChain& c) { c.server.extensions[2].second = "serverAuth,1.2.3"; }},
      {"ShortAccessMethod", Fault::none, with("authorityInfoAccess", "1.2.3;URI:http://x.test/")},
      {"CrlPointWithReasons", Fault::none,
       with("crlDistributionPoints", "DER:30163014A00EA00C860A687474703A2F2F782F6381020640")},
      {"ServerOfVersion1WithExtensions", Fault::none, [](GoodChain& c) { c.server.version = 0; }},
      {"ServerOfVersion2WithExtensions", Fault::none, [](GoodChain& c) { c.server.version = 1; }},
      {"ServerOf3000Names", Fault::none,
       [](GoodChain& c) { c.name_server(many_names(3000).c_str()); }},
      {"ServerOfRsa4104", Fault::unsupported_algorithm,
       [](GoodChain& c) { c.server.key = "rsa4104"; }, false},
      {"IssuerOfRsa4104", Fault::unsupported_algorithm,
       [](GoodChain& c) { c.issuer.key = "rsa4104"; }, false},
      {"RootOfRsa4104", Fault::unsupported_algorithm, [](GoodChain& c) { c.root.key = "rsa4104"; },
       false}};
}

std::vector<CertificateCase> all_cases() {
  std::vector<CertificateCase> all;
  for (const auto& some : {strength_cases(), usage_cases(), name_cases(), unusual_cases()}) {
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

class CertificateCases : public testing::TestWithParam<CertificateCase> {};
INSTANTIATE_TEST_SUITE_P(Each, CertificateCases, testing::ValuesIn(all_cases()),
                         [](const auto& row) { return row.param.name; });

TEST_P(CertificateCases, HasItsFault) {
  GoodChain chain;
  GetParam().change(chain);
  const Made root = openssl::make(chain.root);
  const Made issuer = openssl::make(chain.issuer, &root);
  const Made server = openssl::make(chain.server, &issuer);
  const std::vector<Der> shown = {server.der, issuer.der};
  const std::vector<Der> trusted = {root.der};
  const TemporaryFolder folder;
  std::ofstream(folder / "root.pem") << openssl::pem_of(root.der);
  const TrustStore store = TrustStore::from(folder / "root.pem").value();
  const std::vector<der::Bytes> views(shown.begin(), shown.end());
  const std::time_t now = std::time(nullptr);
  const Fault fault = judge_server(views, store, chain.host, now).fault;
  EXPECT_EQ(to_string(fault), to_string(GetParam().fault));
  if (openssl::Server::can_serve(chain.server.key)) {
    TlsContext context = TlsContext::client(folder / "root.pem").value();
    TlsStream client(context, chain.host);
    const TlsStatus status = openssl::Server(server.key, shown).shake_hands(client);
    EXPECT_EQ(status, fault == Fault::none ? TlsStatus::done : TlsStatus::failed)
        << client.error_text();
    EXPECT_EQ(to_string(client.certificate_fault()), to_string(GetParam().fault))
        << "in a handshake: " << client.error_text();
  }
  if (!GetParam().is_openssls) return;
  const std::string theirs = openssl::verdict(shown, trusted, chain.host, now);
  EXPECT_EQ(theirs.empty(), GetParam().fault == Fault::none) << "OpenSSL says: " << theirs;
}

// More than wolfSSL hands on: a verdict as well, and none that another attempt would change.
TEST(CertificatePaths, ThatAreMoreThanAHandshakeTakesAreRefused) {
  const GoodChain good;
  const Made root = openssl::make(good.root);
  const Made issuer = openssl::make(good.issuer, &root);
  const TemporaryFolder folder;
  std::ofstream(folder / "root.pem") << openssl::pem_of(root.der);
  const auto refuse = [&](const char* names, size_t issuers) {
    GoodChain chain;
    chain.name_server(names);
    const Made server = openssl::make(chain.server, &issuer);
    std::vector<Der> shown(1 + issuers, issuer.der);
    shown.front() = server.der;
    TlsContext context = TlsContext::client(folder / "root.pem").value();
    TlsStream client(context, chain.host);
    static_cast<void>(openssl::Server(server.key, shown).shake_hands(client));
    EXPECT_EQ(client.reason() != Reason::none, client.certificate_fault() != Fault::none)
        << client.error_text();
    return std::string(to_string(client.certificate_fault()));
  };
  EXPECT_EQ(refuse("DNS:venue.test", 31), to_string(Fault::none));
  EXPECT_EQ(refuse("DNS:venue.test", 32), to_string(Fault::path_too_long));
  EXPECT_EQ(refuse(many_names(10'000).c_str(), 1), to_string(Fault::malformed));
}

// What nobody vouches for, and what a stranger does.
TEST(CertificatePaths, ThatLeadToNoTrustedRoot) {
  const GoodChain chain;
  const Made root = openssl::make(chain.root);
  const Made issuer = openssl::make(chain.issuer, &root);
  const Made server = openssl::make(chain.server, &issuer);
  const Made alone = openssl::make(chain.server);
  const Made stranger = openssl::make({.subject = "stranger", .key_number = 23});
  const TemporaryFolder folder;
  std::ofstream(folder / "root.pem") << openssl::pem_of(stranger.der);
  const TrustStore store = TrustStore::from(folder / "root.pem").value();
  const auto fault = [&](std::initializer_list<const Made*> shown) {
    std::vector<der::Bytes> views;
    for (const Made* each : shown) views.emplace_back(each->der);
    return judge_server(views, store, "venue.test", std::time(nullptr)).fault;
  };
  EXPECT_EQ(fault({&server, &issuer}), Fault::unknown_issuer);
  EXPECT_EQ(fault({&server}), Fault::unknown_issuer);
  EXPECT_EQ(fault({&server, &issuer, &root}), Fault::untrusted_root);
  EXPECT_EQ(fault({&alone}), Fault::self_signed);
  std::ofstream(folder / "own.pem") << openssl::pem_of(alone.der);
  const TrustStore own = TrustStore::from(folder / "own.pem").value();
  const std::vector<der::Bytes> views = {der::Bytes(alone.der)};
  EXPECT_EQ(judge_server(views, own, "venue.test", std::time(nullptr)).fault, Fault::none)
      << "one that is trusted itself needs nobody else";
}

// As on 30 May 2020 and 30 September 2021: the old root of a cross certificate is over.
TEST(CertificatePaths, AnExpiredCrossCertificateBesideAGoodPathDoesNoHarm) {
  GoodChain chain;
  const Made root = openssl::make(chain.root);
  const Made issuer = openssl::make(chain.issuer, &root);
  const Made server = openssl::make(chain.server, &issuer);
  const Made old_root = openssl::make({.subject = "old root",
                                       .key_number = 24,
                                       .until_s = -60,
                                       .extensions = {{"basicConstraints", "critical,CA:TRUE"}}});
  Recipe crossed = chain.root;
  crossed.until_s = -60;
  const Made cross = openssl::make(crossed, &old_root);
  const TemporaryFolder folder;
  std::ofstream(folder / "roots.pem") << openssl::pem_of(old_root.der) << openssl::pem_of(root.der);
  const TrustStore store = TrustStore::from(folder / "roots.pem").value();
  for (const auto& shown : {std::vector<Der>{server.der, issuer.der, cross.der},
                            std::vector<Der>{server.der, cross.der, issuer.der, old_root.der}}) {
    const std::vector<der::Bytes> views(shown.begin(), shown.end());
    EXPECT_EQ(judge_server(views, store, "venue.test", std::time(nullptr)).fault, Fault::none);
  }
}

// A server that shows as many as it likes costs no more than the bound.
TEST(CertificatePaths, OfManyLikeOnesAreTriedUpToABound) {
  GoodChain chain;
  chain.issuer.key_ids = chain.server.key_ids = false;
  const Made root = openssl::make(chain.root);
  std::vector<Made> issuers;
  for (int i = 0; i < 30; ++i) {
    chain.issuer.subject = chain.root.subject;  // each may have issued each
    chain.issuer.serial = i + 1;
    issuers.push_back(openssl::make(chain.issuer, &root));
  }
  const Made server = openssl::make(chain.server, &issuers.front());
  const Made stranger = openssl::make({.subject = "stranger", .key_number = 23});
  const TemporaryFolder folder;
  std::ofstream(folder / "root.pem") << openssl::pem_of(stranger.der);
  const TrustStore store = TrustStore::from(folder / "root.pem").value();
  std::vector<der::Bytes> views = {der::Bytes(server.der)};
  for (const Made& each : issuers) views.emplace_back(each.der);
  EXPECT_NE(judge_server(views, store, "venue.test", std::time(nullptr)).fault, Fault::none);
}

}  // namespace
}  // namespace havklo::io
