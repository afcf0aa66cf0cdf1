// OpenSSL's s_server, gnutls-serv and nginx as the venue's TLS, each a process of the test's on a
// port that the kernel chose, with certificates made here. Skipped where a program is missing.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <fstream>
#include <functional>
#include <memory>

#include "io/tls/stream.hpp"
#include "support/net/child_process.hpp"
#include "support/openssl_certificates.hpp"
#include "support/temporary_folder.hpp"

namespace havklo::io {
namespace {

enum class PeerKind : uint8_t { openssl, gnutls, nginx };

struct PeerFiles {
  TemporaryFolder folder;
  std::string chain = folder / "chain.pem";
  std::string key = folder / "key.pem";
  std::string roots = folder / "roots.pem";
};

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

// root, issuer, server; `change` spoils the server's.
void make_files(
    const PeerFiles& files, const std::string& key,
    const std::function<void(openssl::Recipe& issuer, openssl::Recipe& server)>& change = {}) {
  const openssl::Made root =
      openssl::make({.subject = "root",
                     .key_number = 10,
                     .extensions = {{"basicConstraints", "critical,CA:TRUE"}}});
  openssl::Recipe issuer{.subject = "issuer",
                         .key = "rsa2048",
                         .key_number = 11,
                         .extensions = {{"basicConstraints", "critical,CA:TRUE"},
                                        {"keyUsage", "critical,keyCertSign"}}};
  openssl::Recipe server{.key = key,
                         .key_number = 12,
                         .serial = 0,
                         .extensions = {{"subjectAltName", "DNS:venue.test,IP:127.0.0.1"},
                                        {"keyUsage", "critical,digitalSignature"},
                                        {"extendedKeyUsage", "serverAuth"}}};
  if (change) change(issuer, server);
  const openssl::Made made_issuer = openssl::make(issuer, &root);
  const openssl::Made made_server = openssl::make(server, &made_issuer);
  write(files.chain, openssl::pem_of(made_server.der) + openssl::pem_of(made_issuer.der));
  write(files.key, openssl::pem_of(made_server.key));
  write(files.roots, openssl::pem_of(root.der));
}

class Peer {
 public:
  Peer(PeerKind kind, const PeerFiles& files, TlsVersions versions) {
    if (kind == PeerKind::openssl) start_openssl(files, versions);
    if (kind == PeerKind::gnutls) start_gnutls(files, versions);
    if (kind == PeerKind::nginx) start_nginx(files, versions);
  }
  ~Peer() {
    if (listener_ >= 0) ::close(listener_);
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  [[nodiscard]] static bool is_there(PeerKind kind) {
    constexpr std::array programs = {"openssl", "gnutls-serv", "nginx"};
    return !find_program(programs[static_cast<size_t>(kind)]).empty();
  }
  [[nodiscard]] uint16_t port() const { return port_; }
  [[nodiscard]] const std::string& answer() const { return answer_; }

 private:
  void start_openssl(const PeerFiles& files, TlsVersions versions) {
    std::vector<std::string> command = {
        find_program("openssl"), "s_server",  "-accept", "127.0.0.1:0", "-cert", files.chain,
        "-cert_chain",           files.chain, "-key",    files.key,     "-rev",  "-cipher",
        "ALL:@SECLEVEL=0"};
    if (versions == TlsVersions::only_1_2) command.emplace_back("-tls1_2");
    if (versions == TlsVersions::only_1_3) command.emplace_back("-tls1_3");
    process_ = std::make_unique<ChildProcess>(command);
    EXPECT_TRUE(process_->read_until("ACCEPT")) << process_->said();
    port_ = process_->listens_on();
    answer_ = "olleh";
  }
  void start_gnutls(const PeerFiles& files, TlsVersions versions) {
    const std::string only = versions == TlsVersions::only_1_2   ? "NORMAL:-VERS-ALL:+VERS-TLS1.2"
                             : versions == TlsVersions::only_1_3 ? "NORMAL:-VERS-ALL:+VERS-TLS1.3"
                                                                 : "NORMAL";
    process_ = std::make_unique<ChildProcess>(std::vector<std::string>{
        find_program("gnutls-serv"), "--port=0", "--echo", "--x509certfile=" + files.chain,
        "--x509keyfile=" + files.key, "--priority=" + only});
    EXPECT_TRUE(process_->read_until("IPv4")) << process_->said();
    EXPECT_TRUE(process_->read_until("done")) << process_->said();
    port_ = process_->listens_on();
    answer_ = "hello";
  }
  // It takes a socket that already listens.
  void start_nginx(const PeerFiles& files, TlsVersions versions) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_, 16), 0);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    answer_ = "hello";
    std::string paths;
    for (const char* each : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
      paths += std::string(each) + "_temp_path " + (files.folder / each) + ";\n";
    }
    write(files.folder / "nginx.conf",
          "daemon off;\npid " + (files.folder / "pid") +
              ";\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n" + paths +
              "server { listen 127.0.0.1:" + std::to_string(port_) + " ssl; ssl_certificate " +
              files.chain + "; ssl_certificate_key " + files.key + "; ssl_protocols " +
              (versions == TlsVersions::only_1_2   ? "TLSv1.2"
               : versions == TlsVersions::only_1_3 ? "TLSv1.3"
                                                   : "TLSv1.2 TLSv1.3") +
              "; ssl_session_tickets on; return 200 hello; } }\n");
    process_ = std::make_unique<ChildProcess>(
        std::vector<std::string>{find_program("nginx"), "-p", files.folder.path(), "-c",
                                 files.folder / "nginx.conf"},
        listener_, std::vector<std::string>{"NGINX=" + std::to_string(listener_) + ";"});
  }

  std::unique_ptr<ChildProcess> process_;
  uint16_t port_ = 0;
  std::string answer_;
  int listener_ = -1;
};

// One connection to it.
class Visit {
 public:
  Visit(TlsContext& context, const Peer& peer, const char* host, const TlsSession& session = {})
      : tls(context, host) {
    file_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(peer.port());
    EXPECT_EQ(::connect(file_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    tls.resume(session);
    status = tls.handshake();
    while (status == TlsStatus::want_more && exchange()) status = tls.handshake();
    send();
  }
  ~Visit() { ::close(file_); }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;

  // Says hello and reads until it has the answer.
  [[nodiscard]] std::string ask(const std::string& answer) {
    const std::string_view request = "GET / HTTP/1.0\r\n\r\nhello\n";
    EXPECT_TRUE(tls.write(std::as_bytes(std::span(request))));
    std::string text;
    while (text.find(answer) == std::string::npos && exchange()) {
      std::array<std::byte, 20'000> room{};
      TlsStream::Read read;
      do {
        read = tls.read(room);
        text.append(reinterpret_cast<const char*>(room.data()), read.bytes);
      } while (read.status == TlsStatus::done);
      if (read.status != TlsStatus::want_more) break;
    }
    return text;
  }

  TlsStream tls;
  TlsStatus status;

 private:
  void send() {
    while (!tls.output().empty()) {
      const ssize_t size = ::send(file_, tls.output().data(), tls.output().size(), MSG_NOSIGNAL);
      if (size <= 0) return;
      tls.consume_output(static_cast<size_t>(size));
    }
  }
  bool exchange() {
    send();
    pollfd waits{.fd = file_, .events = POLLIN, .revents = 0};
    if (::poll(&waits, 1, 20'000) <= 0) return false;
    const ssize_t size = ::recv(file_, bytes_.data(), bytes_.size(), 0);
    if (size <= 0) return false;
    tls.feed(std::span(bytes_).first(static_cast<size_t>(size)));
    return true;
  }

  int file_ = -1;
  std::array<std::byte, 20'000> bytes_{};
};

class TlsPeers : public testing::TestWithParam<PeerKind> {
 protected:
  void SetUp() override {
    if (!Peer::is_there(GetParam())) GTEST_SKIP() << "that program is not installed";
  }
};
std::string name_of_peer(const testing::TestParamInfo<PeerKind>& kind) {
  constexpr std::array names = {"OpenSsl", "GnuTls", "Nginx"};
  return names[static_cast<size_t>(kind.param)];
}
INSTANTIATE_TEST_SUITE_P(Of, TlsPeers,
                         testing::Values(PeerKind::openssl, PeerKind::gnutls, PeerKind::nginx),
                         name_of_peer);

TEST_P(TlsPeers, TalkToUsByEveryKeyAndVersion) {
  for (const char* key : {"rsa2048", "rsa3072", "ec256", "ec384", "ec521", "ed25519"}) {
    for (const TlsVersions versions : {TlsVersions::only_1_2, TlsVersions::only_1_3}) {
      SCOPED_TRACE(std::string(key) + (versions == TlsVersions::only_1_2 ? ", 1.2" : ", 1.3"));
      const PeerFiles files;
      make_files(files, key);
      const Peer peer(GetParam(), files, versions);
      TlsContext context = TlsContext::client(files.roots).value();
      for (const char* host : {"venue.test", "127.0.0.1", "venue.test."}) {
        Visit visit(context, peer, host);
        ASSERT_EQ(visit.status, TlsStatus::done) << visit.tls.error_text();
        EXPECT_NE(visit.ask(peer.answer()).find(peer.answer()), std::string::npos);
      }
    }
  }
}

TEST_P(TlsPeers, WithABadCertificateAreRefusedByItsFault) {
  struct Bad {
    CertificateFault fault;
    std::function<void(openssl::Recipe& issuer, openssl::Recipe& server)> change;
  };
  const std::vector<Bad> bad = {
      {CertificateFault::expired, [](auto&, auto& server) { server.until_s = -60; }},
      {CertificateFault::expired, [](auto& issuer, auto&) { issuer.until_s = -60; }},
      {CertificateFault::no_names,
       [](auto&, auto& server) { server.extensions.erase(server.extensions.begin()); }},
      {CertificateFault::wrong_name,
       [](auto&, auto& server) { server.extensions[0].second = "DNS:other.test"; }},
      {CertificateFault::wrong_usage,
       [](auto&, auto& server) { server.extensions[2].second = "clientAuth"; }},
      {CertificateFault::no_signing_usage,
       [](auto& issuer, auto&) { issuer.extensions[1].second = "cRLSign"; }},
      {CertificateFault::not_a_ca,
       [](auto& issuer, auto&) { issuer.extensions[0].second = "CA:FALSE"; }}};
  for (const Bad& each : bad) {
    for (const TlsVersions versions : {TlsVersions::only_1_2, TlsVersions::only_1_3}) {
      SCOPED_TRACE(to_string(each.fault));
      const PeerFiles files;
      make_files(files, "ec256", each.change);
      const Peer peer(GetParam(), files, versions);
      TlsContext context = TlsContext::client(files.roots).value();
      const Visit visit(context, peer, "venue.test");
      EXPECT_EQ(visit.status, TlsStatus::failed);
      EXPECT_EQ(visit.tls.reason(), Reason::certificate_refused) << visit.tls.error_text();
      EXPECT_EQ(visit.tls.certificate_fault(), each.fault) << visit.tls.error_text();
    }
  }
}

// Also where the venue has gone back to 1.2 meanwhile: one handshake, no attempt lost.
TEST_P(TlsPeers, ATicketIsTakenOrCostsNothing) {
  const PeerFiles files;
  make_files(files, "ec256");
  TlsContext context = TlsContext::client(files.roots).value();
  TlsSession session;
  {
    const Peer peer(GetParam(), files, TlsVersions::both);
    for (const bool resumes : {false, true, true}) {
      Visit visit(context, peer, "venue.test", session);
      ASSERT_EQ(visit.status, TlsStatus::done) << visit.tls.error_text();
      EXPECT_EQ(visit.tls.resumed(), resumes);
      EXPECT_NE(visit.ask(peer.answer()).find(peer.answer()), std::string::npos);
      session = visit.tls.take_session();
      ASSERT_FALSE(session.empty());
    }
  }
  const Peer older(GetParam(), files, TlsVersions::only_1_2);
  Visit visit(context, older, "venue.test", session);
  ASSERT_EQ(visit.status, TlsStatus::done) << visit.tls.error_text();
  EXPECT_FALSE(visit.tls.resumed());
  EXPECT_NE(visit.ask(older.answer()).find(older.answer()), std::string::npos);
}

}  // namespace
}  // namespace havklo::io
