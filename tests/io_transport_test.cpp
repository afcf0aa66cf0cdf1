// The live transport against real sockets on 127.0.0.1: how streams open, carry and end. The server
// is stepped by the same thread, so nothing waits for a clock; park() is bounded and ends with the
// first completion.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <havklo/limits.hpp>
#include <havklo/random.hpp>
#include <string>
#include <vector>

#include "io/live_transport.hpp"
#include "support/temporary_file.hpp"
#include "support/tls_server.hpp"

namespace havklo::io {
namespace {

using namespace havklo::literals;

constexpr ConnectionId first_id{64};

const CertificateAuthority& authority() {
  static const CertificateAuthority made = CertificateAuthority::make().value();
  return made;
}

class Recorder final : public CompletionSink {
 public:
  struct Seen {
    ConnectionId id{};
    Completion::Kind kind{};
    Reason reason = Reason::none;
    int32_t os_error = 0;
    bool resumed = false;
    Endpoint peer;
  };
  void on_completion(const Completion& completion) override {
    if (completion.kind == Completion::Kind::received) {
      text.append(reinterpret_cast<const char*>(completion.bytes.data()), completion.bytes.size());
      return;
    }
    if (completion.kind == Completion::Kind::sent) {
      sent_bytes += completion.sent_bytes;
      return;
    }
    seen.push_back({completion.connection, completion.kind, completion.reason, completion.os_error,
                    completion.tls_resumed, completion.peer});
  }
  [[nodiscard]] bool opened() const { return has(Completion::Kind::opened); }
  [[nodiscard]] bool closed() const { return has(Completion::Kind::closed); }
  [[nodiscard]] bool has(Completion::Kind kind) const {
    for (const Seen& each : seen) {
      if (each.kind == kind) return true;
    }
    return false;
  }
  std::vector<Seen> seen;
  std::string text;
  size_t sent_bytes = 0;
};

class TransportTest : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    LiveTransportSettings settings;
    settings.tls = GetParam();
    settings.ca_file = ca_.path();
    settings.uring = uring_;
    start(settings);
  }
  void start(const LiveTransportSettings& settings) {
    auto made = LiveTransport::create(settings);
    ASSERT_TRUE(made) << made.error();
    transport_ = std::move(*made);
    transport_->start_on_this_thread();
  }
  void open(ConnectionId id = first_id, Duration timeout = 5_s) {
    transport_->open(
        id, {.host = "127.0.0.1", .port = listener_.port(), .tls = GetParam(), .timeout = timeout});
  }
  // Lets both sides work until `done` or nothing more can be expected.
  template <class Done>
  void run(Done done) {
    for (int round = 0; round < 2000 && !done(); ++round) {
      transport_->flush();
      if (transport_->poll(seen_, 64) == 0 && !done()) transport_->park(5_ms);
      if (peer_ == nullptr) {
        const int file = listener_.accept();
        if (file >= 0) peer_ = std::make_unique<ServerPeer>(file, GetParam() ? &server_ : nullptr);
      }
      if (peer_ != nullptr) peer_->step();
    }
    EXPECT_TRUE(done());
  }
  void open_and_wait() {
    open();
    run([&] { return seen_.opened() && peer_ != nullptr && peer_->established(); });
  }

  TemporaryFile ca_{authority().certificate_pem()};
  TlsContext server_ = TlsContext::server(authority().issue().value()).value();
  Listener listener_;
  UringSettings uring_;
  std::unique_ptr<LiveTransport> transport_;
  std::unique_ptr<ServerPeer> peer_;
  Recorder seen_;
};
INSTANTIATE_TEST_SUITE_P(PlainAndTls, TransportTest, testing::Bool(),
                         [](const auto& with_tls) { return with_tls.param ? "Tls" : "Plain"; });

TEST_P(TransportTest, OpensAndCarriesBothWays) {
  open_and_wait();
  EXPECT_EQ(seen_.seen[0].peer.port, listener_.port());
  EXPECT_EQ(seen_.seen[0].peer.family, 4);
  const std::string hello = "hello venue";
  transport_->send(first_id, std::as_bytes(std::span(hello)));
  run([&] { return peer_->received == hello && seen_.sent_bytes == hello.size(); });
  peer_->say("hello engine");
  run([&] { return seen_.text == "hello engine"; });
}

// This process's end of the one connection to `port`; -1: there is none.
int client_end_of(uint16_t port) {
  for (int file = 0; file < 1024; ++file) {
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    if (getpeername(file, reinterpret_cast<sockaddr*>(&peer), &size) == 0 &&
        peer.sin_family == AF_INET && ntohs(peer.sin_port) == port) {
      return file;
    }
  }
  return -1;
}

TEST_P(TransportTest, SendsAtOnceWithoutNagle) {  // lesson 8
  open_and_wait();
  int on = 0;
  socklen_t size = sizeof on;
  ASSERT_EQ(getsockopt(client_end_of(listener_.port()), IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
  EXPECT_NE(on, 0);
}

TEST_P(TransportTest, CarriesMegabytesInOrder) {
  open_and_wait();
  Random random(7);
  std::string all;
  for (int i = 0; i < 200; ++i) {
    std::string part(1 + random.below(20'000), '\0');
    for (char& c : part) c = static_cast<char>('a' + random.below(26));
    peer_->say(part);
    all += part;
    run([&] { return seen_.text.size() == all.size(); });
  }
  EXPECT_TRUE(seen_.text == all);
}

TEST_P(TransportTest, SendsMoreThanASocketBufferHolds) {
  open_and_wait();
  std::string all;
  for (int i = 0; i < 40; ++i) {
    const std::string part(50'000, static_cast<char>('a' + i % 26));
    transport_->send(first_id, std::as_bytes(std::span(part)));
    all += part;
    run([&] { return peer_->received.size() == all.size(); });
  }
  EXPECT_TRUE(peer_->received == all);
}

TEST_P(TransportTest, SaysHowTheStreamEnded) {
  open_and_wait();
  peer_->say("last words");
  peer_->finish();
  run([&] { return seen_.closed(); });
  EXPECT_EQ(seen_.text, "last words");
  EXPECT_EQ(seen_.seen.back().reason, Reason::end_of_stream);
}

TEST_P(TransportTest, TellsAResetFromAnEnd) {
  open_and_wait();
  peer_->reset();
  run([&] { return seen_.closed(); });
  EXPECT_EQ(seen_.seen.back().reason, Reason::peer_reset);
  EXPECT_EQ(seen_.seen.back().os_error, ECONNRESET);
}

TEST_P(TransportTest, ARefusedConnectIsReportedWithItsError) {
  listener_.stop();
  open();
  run([&] { return seen_.closed(); });
  EXPECT_EQ(seen_.seen.back().reason, Reason::connect_refused);
  EXPECT_EQ(seen_.seen.back().os_error, ECONNREFUSED);
}

TEST_P(TransportTest, TriesTheNextAddressOnlyWhileTcpDoesNotOpen) {
  Listener closed_port;
  const uint16_t refused = closed_port.port();
  closed_port.stop();
  transport_->override_addresses({parse_address("127.0.0.1", refused),
                                  parse_address("127.0.0.1", refused),
                                  parse_address("127.0.0.1", listener_.port())});
  open_and_wait();
  EXPECT_EQ(seen_.seen.size(), 1u);
  EXPECT_EQ(seen_.seen[0].peer.port, listener_.port());
}

TEST_P(TransportTest, ANameThatDoesNotResolveIsSaidSo) {
  transport_->open(
      first_id,
      {.host = "no-such-host.invalid", .port = 443, .tls = GetParam(), .timeout = 200_ms});
  run([&] { return seen_.closed(); });
  EXPECT_EQ(seen_.seen.back().reason, Reason::resolve_failed);
}

TEST_P(TransportTest, NothingIsDeliveredAfterClose) {
  open_and_wait();
  peer_->say("too late");
  transport_->close(first_id);
  const size_t before = seen_.seen.size();
  run([&] { return peer_->saw_end; });
  transport_->drain(100_ms);
  EXPECT_EQ(seen_.text, "");
  EXPECT_EQ(seen_.seen.size(), before);
}

TEST_P(TransportTest, WhatWasQueuedIsStillOfferedAtClose) {
  open_and_wait();
  const std::string goodbye = "close 1000";
  transport_->send(first_id, std::as_bytes(std::span(goodbye)));
  transport_->close(first_id);
  run([&] { return peer_->saw_end; });
  EXPECT_EQ(peer_->received, goodbye);
}

TEST_P(TransportTest, APeerThatDoesNotReadEndsTheStreamAndHoldsNobodyUp) {
  open_and_wait();
  peer_->reads = false;
  const std::string part(64 * 1024, 'x');
  for (int i = 0; i < 1000 && !seen_.closed(); ++i) {
    transport_->send(first_id, std::as_bytes(std::span(part)));
    transport_->flush();
    transport_->poll(seen_, 64);
  }
  EXPECT_TRUE(seen_.closed());
  EXPECT_EQ(seen_.seen.back().reason, Reason::peer_reset);
}

TEST_P(TransportTest, ConnectionsComeAndGoWithoutEnd) {
  for (uint32_t round = 1; round <= 50; ++round) {
    SCOPED_TRACE(round);
    const ConnectionId id{round * sessions_max};
    seen_ = {};
    peer_.reset();
    open(id);
    run([&] { return seen_.opened() && peer_ != nullptr && peer_->established(); });
    if (round % 2 == 0) {
      transport_->close(id);
    } else {
      peer_->reset();
      run([&] { return seen_.closed(); });
      transport_->close(id);  // harmless after `closed`
    }
  }
}

TEST_P(TransportTest, WakeEndsAPark) {
  transport_->flush();
  transport_->wake();
  const auto before = std::chrono::steady_clock::now();
  transport_->park(20_s);
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(10));
}

// A command that is pushed after a turn has looked for commands, and before it takes completions.
TEST_P(TransportTest, AWakeThatATurnHasSeenStillEndsTheNextPark) {
  transport_->flush();
  transport_->wake();
  while (transport_->poll(seen_, 64) != 0) {
  }
  const auto before = std::chrono::steady_clock::now();
  transport_->park(20_s);
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(10));
}

class SmallBuffersTest : public TransportTest {
 protected:
  SmallBuffersTest() { uring_ = {.receive_buffers = 2, .receive_buffer_bytes = 512}; }
};
INSTANTIATE_TEST_SUITE_P(PlainAndTls, SmallBuffersTest, testing::Bool());

TEST_P(SmallBuffersTest, GoesOnWhenTheBuffersRunOut) {  // lesson 35
  open_and_wait();
  const std::string text(100'000, 'z');
  peer_->say(text);
  run([&] { return seen_.text.size() == text.size(); });
  EXPECT_TRUE(seen_.text == text);
  EXPECT_GT(transport_->counters().buffers_exhausted, 0u);
}

class TlsTransportTest : public TransportTest {};
INSTANTIATE_TEST_SUITE_P(Tls, TlsTransportTest, testing::Values(true));

TEST_P(TlsTransportTest, TheSecondConnectionResumes) {
  open_and_wait();
  peer_->say("x");
  run([&] { return seen_.text == "x"; });
  EXPECT_FALSE(seen_.seen[0].resumed);
  transport_->close(first_id);
  run([&] { return peer_->saw_end; });
  peer_.reset();
  seen_ = {};
  open(ConnectionId{128});
  run([&] { return seen_.opened() && peer_ != nullptr; });
  EXPECT_TRUE(seen_.seen[0].resumed);
}

TEST_P(TlsTransportTest, RefusesACertificateOfAnotherName) {
  server_ = TlsContext::server(authority().issue({{"elsewhere.test"}, {}}).value()).value();
  open();
  run([&] { return seen_.closed(); });
  EXPECT_EQ(seen_.seen.back().reason, Reason::certificate_refused);
}

TEST_P(TlsTransportTest, GarbageInsteadOfTlsIsTlsFailed) {
  open();
  run([&] { return peer_ != nullptr; });
  peer_->raw("220 smtp.test ESMTP\r\n");
  run([&] { return seen_.closed(); });
  EXPECT_EQ(seen_.seen.back().reason, Reason::tls_failed);
}

}  // namespace
}  // namespace havklo::io
