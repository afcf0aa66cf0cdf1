// TLS over memory: a client and a server exchange ciphertext in pieces; every refusal is provoked.
#include "io/tls/stream.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <havklo/random.hpp>
#include <string>

#include "io/tls/certificate_authority.hpp"
#include "support/temporary_file.hpp"
#include "support/temporary_folder.hpp"

namespace havklo::io {
namespace {

const CertificateAuthority& authority() {
  static const CertificateAuthority made = CertificateAuthority::make().value();
  return made;
}

struct Sides {
  std::optional<TlsContext> client;
  std::optional<TlsContext> server;
};

Sides make_sides(const ServerIdentity& identity, TlsVersions versions = TlsVersions::both) {
  const TemporaryFile ca(authority().certificate_pem());
  Sides sides;
  sides.client = TlsContext::client(ca.path(), versions).value();
  sides.server = TlsContext::server(identity, versions).value();
  return sides;
}

// Moves what `from` has to say to `to`, at most `piece` bytes; the streams read all of it.
bool move_some(TlsStream& from, std::vector<std::byte>& wire, size_t piece) {
  const auto out = from.output().first(std::min(piece, from.output().size()));
  wire.assign(out.begin(), out.end());
  from.consume_output(out.size());
  return !wire.empty();
}

struct Outcome {
  TlsStatus client = TlsStatus::want_more;
  TlsStatus server = TlsStatus::want_more;
};

Outcome shake_hands(TlsStream& client, TlsStream& server, size_t piece = 1 << 20) {
  Outcome outcome;
  std::vector<std::byte> wire;
  outcome.client = client.handshake();
  for (bool moved = true; moved;) {
    moved = false;
    if (outcome.server != TlsStatus::failed && move_some(client, wire, piece)) {
      server.feed(wire);
      outcome.server = server.handshake();
      moved = true;
    }
    if (outcome.client == TlsStatus::want_more && move_some(server, wire, piece)) {
      client.feed(wire);
      outcome.client = client.handshake();
      moved = true;
    }
  }
  return outcome;
}

// Everything that `from` has to say, read by `to`.
std::string deliver(TlsStream& from, TlsStream& to, size_t piece = 1 << 20) {
  std::string text;
  std::vector<std::byte> wire;
  std::array<std::byte, 4096> room{};
  while (move_some(from, wire, piece)) {
    to.feed(wire);
    for (;;) {
      const TlsStream::Read read = to.read(room);
      text.append(reinterpret_cast<const char*>(room.data()), read.bytes);
      if (read.status != TlsStatus::done) break;
    }
  }
  return text;
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

class TlsVersionTest : public testing::TestWithParam<TlsVersions> {};
INSTANTIATE_TEST_SUITE_P(Both, TlsVersionTest,
                         testing::Values(TlsVersions::only_1_2, TlsVersions::only_1_3));

TEST_P(TlsVersionTest, CarriesTextBothWaysInPiecesOfAnySize) {
  Sides sides = make_sides(authority().issue().value(), GetParam());
  for (const size_t piece : {size_t{1}, size_t{7}, size_t{100}, size_t{1} << 20}) {
    TlsStream client(*sides.client, "localhost");
    TlsStream server(*sides.server);
    const Outcome outcome = shake_hands(client, server, piece);
    ASSERT_EQ(outcome.client, TlsStatus::done) << client.error_text();
    ASSERT_EQ(outcome.server, TlsStatus::done) << server.error_text();
    std::string sent;
    for (int i = 0; i < 50; ++i) {
      const std::string part(static_cast<size_t>(i * i), static_cast<char>('a' + i % 26));
      ASSERT_TRUE(server.write(bytes_of(part)));
      sent += part;
    }
    EXPECT_EQ(deliver(server, client, piece), sent);
    ASSERT_TRUE(client.write(bytes_of("hello")));
    EXPECT_EQ(deliver(client, server, piece), "hello");
  }
}

// One connection after another, each offering the session of the last.
bool resumes(Sides& sides, TlsSession& session) {
  TlsStream client(*sides.client, "localhost");
  client.resume(session);
  TlsStream server(*sides.server);
  EXPECT_EQ(shake_hands(client, server).client, TlsStatus::done) << client.error_text();
  EXPECT_TRUE(server.write(bytes_of("x")));
  EXPECT_EQ(deliver(server, client), "x");
  session = client.take_session();
  return client.resumed();
}

TEST(Tls, ResumesWithATicketAndFallsBackWhenItIsStale) {  // lesson 31
  Sides sides = make_sides(authority().issue().value(), TlsVersions::only_1_3);
  TlsSession session;
  EXPECT_FALSE(resumes(sides, session));
  EXPECT_FALSE(session.empty());
  EXPECT_TRUE(resumes(sides, session));
  EXPECT_TRUE(resumes(sides, session));
  Sides others = make_sides(authority().issue().value(), TlsVersions::only_1_3);
  EXPECT_FALSE(resumes(others, session)) << "that server has never seen the ticket";
  EXPECT_TRUE(resumes(others, session));
}

class TlsGroupTest : public testing::TestWithParam<TlsGroup> {};
INSTANTIATE_TEST_SUITE_P(Every, TlsGroupTest,
                         testing::Values(TlsGroup::x25519, TlsGroup::secp256r1, TlsGroup::secp384r1,
                                         TlsGroup::secp521r1));

// A share of any group is offered first: the server asks for its own. A session of another group is
// not offered with it, which a server would take for nonsense.
TEST_P(TlsGroupTest, AServerThatKnowsNoOtherIsReached) {
  if (GetParam() == TlsGroup::x25519 && preferred_group() != TlsGroup::x25519) {
    GTEST_SKIP() << "this wolfSSL is built without X25519";
  }
  Sides sides = make_sides(authority().issue().value(), TlsVersions::only_1_3);
  sides.server->allow_only(GetParam());
  TlsSession session;
  for (const TlsGroup offered : {TlsGroup::secp256r1, preferred_group(), GetParam()}) {
    TlsStream client(*sides.client, "localhost", offered);
    EXPECT_EQ(client.group(), offered);
    client.resume(session);
    TlsStream server(*sides.server);
    ASSERT_EQ(shake_hands(client, server).client, TlsStatus::done) << client.error_text();
    EXPECT_EQ(client.group(), GetParam());
    EXPECT_EQ(client.resumed(), !session.empty() && offered == GetParam());
    EXPECT_TRUE(server.write(bytes_of("x")));
    EXPECT_EQ(deliver(server, client), "x");
    session = client.take_session();
    EXPECT_FALSE(session.empty());
  }
}

// wolfSSL by itself takes its certificate for a breach of a resumption, and ends with an alert.
TEST(Tls, ATicketOfVersion13CostsNothingWhereOnlyVersion12IsSpoken) {
  Sides sides = make_sides(authority().issue().value());
  TlsSession session;
  EXPECT_FALSE(resumes(sides, session));
  ASSERT_FALSE(session.empty());
  TlsContext older = TlsContext::server(authority().issue().value(), TlsVersions::only_1_2).value();
  for (const size_t piece : {size_t{1}, size_t{7}, size_t{60}, size_t{1} << 20}) {
    TlsStream client(*sides.client, "localhost");
    client.resume(session);
    TlsStream server(older);
    ASSERT_EQ(shake_hands(client, server, piece).client, TlsStatus::done)
        << client.error_text() << ", in pieces of " << piece;
    EXPECT_FALSE(client.resumed());
    EXPECT_TRUE(server.write(bytes_of("x")));
    EXPECT_EQ(deliver(server, client), "x");
  }
}

TEST(Tls, AResumedHandshakeInPiecesIsOne) {
  Sides sides = make_sides(authority().issue().value());
  TlsSession session;
  EXPECT_FALSE(resumes(sides, session));
  for (const size_t piece : {size_t{1}, size_t{5}, size_t{100}, size_t{1} << 20}) {
    TlsStream client(*sides.client, "localhost");
    client.resume(session);
    TlsStream server(*sides.server);
    ASSERT_EQ(shake_hands(client, server, piece).client, TlsStatus::done) << client.error_text();
    EXPECT_TRUE(client.resumed()) << "in pieces of " << piece;
  }
}

TEST(Tls, KeepsNoTicketOfVersion12) {
  Sides sides = make_sides(authority().issue().value(), TlsVersions::only_1_2);
  TlsSession session;
  EXPECT_FALSE(resumes(sides, session));
  EXPECT_TRUE(session.empty());
}

TEST_P(TlsVersionTest, AGoodbyeIsSeenAsOne) {
  Sides sides = make_sides(authority().issue().value(), GetParam());
  TlsStream client(*sides.client, "localhost");
  TlsStream server(*sides.server);
  ASSERT_EQ(shake_hands(client, server).client, TlsStatus::done);
  ASSERT_TRUE(server.write(bytes_of("last words")));
  server.send_close_notify();
  std::vector<std::byte> wire;
  ASSERT_TRUE(move_some(server, wire, 1 << 20));
  client.feed(wire);
  std::array<std::byte, 100> room{};
  const TlsStream::Read read = client.read(room);
  EXPECT_EQ(read.bytes, 10u);
  EXPECT_EQ(read.status, TlsStatus::closed);
}

struct Refusal {
  const char* name;
  CertificateNames names;
  Validity validity;
  const char* host;
  CertificateFault fault;
};

class CertificateRefusedTest : public testing::TestWithParam<Refusal> {};
INSTANTIATE_TEST_SUITE_P(
    Reasons, CertificateRefusedTest,
    testing::Values(
        Refusal{"Expired", {}, {-100, -50}, "localhost", CertificateFault::expired},
        Refusal{
            "NotYetValid", {}, {86'400, 2 * 86'400}, "localhost", CertificateFault::not_yet_valid},
        Refusal{
            "OtherName", {{"elsewhere.test"}, {}}, {}, "localhost", CertificateFault::wrong_name},
        Refusal{"OtherAddress",
                {{"localhost"}, {"127.0.0.2"}},
                {},
                "127.0.0.1",
                CertificateFault::wrong_name},
        Refusal{"NoAddress", {{"localhost"}, {}}, {}, "127.0.0.1", CertificateFault::wrong_name},
        Refusal{
            "OtherAddress6", {{"localhost"}, {"::2"}}, {}, "::1", CertificateFault::wrong_name}),
    [](const auto& refusal) { return refusal.param.name; });

TEST_P(CertificateRefusedTest, IsTheReason) {
  for (const TlsVersions versions : {TlsVersions::only_1_2, TlsVersions::only_1_3}) {
    Sides sides =
        make_sides(authority().issue(GetParam().names, GetParam().validity).value(), versions);
    TlsStream client(*sides.client, GetParam().host);
    TlsStream server(*sides.server);
    EXPECT_EQ(shake_hands(client, server).client, TlsStatus::failed);
    EXPECT_EQ(client.reason(), Reason::certificate_refused) << client.error_text();
    EXPECT_EQ(client.certificate_fault(), GetParam().fault) << client.error_text();
    EXPECT_FALSE(client.is_established());
    EXPECT_EQ(server.reason(), Reason::tls_failed) << "it was told by an alert";
  }
}

TEST(Tls, AcceptsNamesAndAddressesThatTheCertificateHas) {
  Sides sides = make_sides(authority().issue({{"a.test", "b.test"}, {"127.0.0.1", "::1"}}).value());
  // "a.test." is the same name for a resolver, and no name for SNI or a certificate.
  for (const char* host : {"a.test", "b.test", "a.test.", "A.test", "127.0.0.1", "::1"}) {
    TlsStream client(*sides.client, host);
    TlsStream server(*sides.server);
    EXPECT_EQ(shake_hands(client, server).client, TlsStatus::done)
        << host << ": " << client.error_text();
  }
}

TEST(Tls, AnAbsoluteNameHasNoDotInSni) {
  Sides sides = make_sides(authority().issue().value());
  const auto hello = [&](const char* host) {
    TlsStream client(*sides.client, host);
    EXPECT_EQ(client.handshake(), TlsStatus::want_more);
    return std::string(reinterpret_cast<const char*>(client.output().data()),
                       client.output().size());
  };
  // server_name: its type, its list's length, host_name, the name's length
  const std::string sni("\0\0\0\x0f\0\x0d\0\0\x0avenue.test", 19);
  EXPECT_NE(hello("venue.test.").find(sni), std::string::npos);
  EXPECT_NE(hello("venue.test").find(sni), std::string::npos);
  EXPECT_EQ(hello("127.0.0.1.").find("127.0.0.1"), std::string::npos) << "an address has no SNI";
}

TEST(Tls, RefusesACaThatNobodyTrusts) {
  const auto stranger = CertificateAuthority::make().value();
  Sides sides = make_sides(stranger.issue().value());
  TlsStream client(*sides.client, "localhost");
  TlsStream server(*sides.server);
  EXPECT_EQ(shake_hands(client, server).client, TlsStatus::failed);
  EXPECT_EQ(client.reason(), Reason::certificate_refused) << client.error_text();
}

TEST(Tls, GarbageIsAFailureOfTls) {
  Sides sides = make_sides(authority().issue().value());
  TlsStream client(*sides.client, "localhost");
  EXPECT_EQ(client.handshake(), TlsStatus::want_more);
  client.feed(bytes_of("HTTP/1.1 400 Bad Request\r\n\r\n"));
  EXPECT_EQ(client.handshake(), TlsStatus::failed);
  EXPECT_EQ(client.reason(), Reason::tls_failed);
  EXPECT_FALSE(client.error_text().empty());
}

// Whoever is on the way can say so in nine bytes, in the clear: what no handshake holds is the
// certificate's fault only where a certificate should be.
TEST(Tls, AMessageThatIsTooLongIsTheCertificatesFaultOnlyIfItIsOne) {
  Sides sides = make_sides(authority().issue().value());
  const auto refusal_of = [&](char type, std::string_view size) {
    TlsStream client(*sides.client, "localhost");
    EXPECT_EQ(client.handshake(), TlsStatus::want_more);
    const std::string record =
        std::string("\x16\x03\x03\x00\x44", 5) + type + std::string(size) + std::string(64, 'x');
    client.feed(bytes_of(record));
    EXPECT_EQ(client.handshake(), TlsStatus::failed);
    return client.reason() == Reason::tls_failed ? CertificateFault::none
                                                 : client.certificate_fault();
  };
  for (const char type : {'\x02', '\x08', '\x0c', '\x0e', '\x14', '\xee'}) {
    EXPECT_EQ(refusal_of(type, "\xff\xff\xff"), CertificateFault::none) << int{type};
  }
  EXPECT_EQ(refusal_of('\x0b', "\xff\xff\xff"), CertificateFault::malformed);
}

TEST(Tls, AServersKeyIsThatOfItsCertificate) {
  ServerIdentity mixed = authority().issue().value();
  mixed.key_pem = authority().issue().value().key_pem;
  const auto context = TlsContext::server(mixed);
  ASSERT_FALSE(context);
  EXPECT_EQ(context.error(), "the server's key is not that of its certificate");
}

TEST(Tls, ADamagedStreamNeverYieldsOtherText) {
  Sides sides = make_sides(authority().issue().value());
  Random random(0x71c5);
  for (int round = 0; round < 200; ++round) {
    TlsStream client(*sides.client, "localhost");
    TlsStream server(*sides.server);
    ASSERT_EQ(shake_hands(client, server).client, TlsStatus::done);
    ASSERT_TRUE(server.write(bytes_of("a message of the venue")));
    std::vector<std::byte> wire;
    ASSERT_TRUE(move_some(server, wire, 1 << 20));
    wire[random.below(wire.size())] ^= static_cast<std::byte>(1U << random.below(8));
    client.feed(wire);
    std::array<std::byte, 4096> room{};
    const TlsStream::Read read = client.read(room);
    EXPECT_EQ(read.bytes, 0u) << "round " << round;
  }
}

TEST(Tls, SaysWhatIsWrongWithTheCaFile) {
  const auto missing = TlsContext::client("/no/such/file.pem");
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().find("/no/such/file.pem"), std::string::npos);
  const auto complaint = [](const std::string& path) {
    const auto context = TlsContext::client(path);
    EXPECT_FALSE(context) << path;
    return context ? "" : context.error();
  };
  const auto names = [](const std::string& text, const std::string& words) {
    return text.find(words) != std::string::npos;
  };
  const TemporaryFile nonsense("not a certificate");
  EXPECT_PRED2(names, complaint(nonsense.path()), "no usable PEM certificate");
  const TemporaryFile empty("");
  EXPECT_PRED2(names, complaint(empty.path()), "is empty");
  const TemporaryFile torn(authority().certificate_pem() +
                           authority().certificate_pem().substr(0, 200));
  EXPECT_PRED2(names, complaint(torn.path()), "number 2 of it");
  const TemporaryFolder folder;
  EXPECT_PRED2(names, complaint(folder.path()), "holds no file with a PEM certificate");
}

// As openssl rehash leaves it when a file has gone: a link to nowhere, here the last.
TEST(Tls, TakesAFolderOfCaFilesWithADanglingLink) {
  const TemporaryFolder folder;
  std::ofstream(folder / "a.pem") << authority().certificate_pem();
  std::ofstream(folder / "b.txt") << "no certificate";
  std::filesystem::create_symlink("gone.pem", folder / "z.pem");
  std::filesystem::create_directory(folder / "more");
  TlsContext context = TlsContext::client(folder.path()).value();
  TlsContext server_context = TlsContext::server(authority().issue().value()).value();
  TlsStream client(context, "localhost");
  TlsStream server(server_context);
  EXPECT_EQ(shake_hands(client, server).client, TlsStatus::done) << client.error_text();
}

}  // namespace
}  // namespace havklo::io
