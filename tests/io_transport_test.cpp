// The live transport against real sockets on 127.0.0.1: how streams open, carry and end. The server
// is stepped by the same thread, so nothing waits for a clock; park() is bounded and ends with the
// first completion.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <havklo/limits.hpp>
#include <havklo/random.hpp>
#include <ostream>
#include <string>
#include <thread>
#include <utility>
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

struct Way {
  Network network = Network::io_uring;
  bool tls = false;
  friend std::ostream& operator<<(std::ostream& out, const Way& way) {
    return out << (way.network == Network::io_uring ? "Uring" : "Sockets")
               << (way.tls ? "Tls" : "Plain");
  }
};

std::string name_of(const testing::TestParamInfo<Way>& way) {
  return testing::PrintToString(way.param);
}

const auto every_way = testing::Values(Way{Network::io_uring, false}, Way{Network::io_uring, true},
                                       Way{Network::sockets, false}, Way{Network::sockets, true});

class TransportTest : public testing::TestWithParam<Way> {
 protected:
  static bool tls() { return GetParam().tls; }
  void SetUp() override {
    LiveTransportSettings settings;
    settings.network = GetParam().network;
    settings.tls = tls();
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
        id, {.host = "127.0.0.1", .port = listener_.port(), .tls = tls(), .timeout = timeout});
  }
  // Lets both sides work until `done` or nothing more can be expected.
  template <class Done>
  void run(Done done) {
    for (int round = 0; round < 2000 && !done(); ++round) {
      transport_->flush();
      if (transport_->poll(seen_, 64) == 0 && !done()) transport_->park(5_ms);
      if (peer_ == nullptr) {
        const int file = listener_.accept();
        if (file >= 0) peer_ = std::make_unique<ServerPeer>(file, tls() ? &server_ : nullptr);
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
INSTANTIATE_TEST_SUITE_P(EveryWay, TransportTest, every_way, name_of);

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

// Memory for `rooms_left` reads.
class Rooms final : public ReceiveRoom {
 public:
  [[nodiscard]] std::span<std::byte> receive_room(ConnectionId, size_t bytes) override {
    if (rooms_left == 0) return {};
    --rooms_left;
    memory.resize(bytes + receive_padding);
    return std::span(memory).first(bytes);
  }
  size_t rooms_left = 0;
  std::vector<std::byte> memory;
};

// What TLS opens lies where the keeper wants it, as long as that has room.
TEST_P(TransportTest, DecryptsIntoTheRoomOfWhoKeepsIt) {
  Rooms rooms;
  transport_->receive_into(rooms);
  open_and_wait();
  rooms.rooms_left = 1'000;
  peer_->say("kept in place");
  run([&] { return seen_.text == "kept in place"; });
  const std::string begin(reinterpret_cast<const char*>(rooms.memory.data()),
                          std::min<size_t>(rooms.memory.size(), 13));
  EXPECT_EQ(begin, tls() ? "kept in place" : "");
  rooms.rooms_left = 0;
  peer_->say(", and elsewhere");
  run([&] { return seen_.text == "kept in place, and elsewhere"; });
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

// The kernel tells each reset once, and here it tells the sending side.
TEST_P(TransportTest, AResetThatASendMeetsFirstIsStillAReset) {
  open_and_wait();
  peer_->reset();
  transport_->send(first_id, std::as_bytes(std::span("anyone there?", 13)));
  transport_->flush();
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

// What ends a sleep ends it at once; only a broken one takes this long.
class Sleep {
 public:
  static constexpr Duration at_most = 20_s;
  [[nodiscard]] bool was_short() const {
    return std::chrono::steady_clock::now() - began_ < std::chrono::seconds(10);
  }

 private:
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

// A port whose queue of connections is full: the kernel drops what knocks.
class SilentPort {
 public:
  SilentPort() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int& guest : guests_) {
      guest = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      static_cast<void>(::connect(guest, reinterpret_cast<sockaddr*>(&address), sizeof address));
    }
  }
  ~SilentPort() {
    for (const int guest : guests_) ::close(guest);
  }
  SilentPort(const SilentPort&) = delete;
  SilentPort& operator=(const SilentPort&) = delete;
  [[nodiscard]] uint16_t port() const { return listener_.port(); }

 private:
  Listener listener_{0};
  std::array<int, 4> guests_{};
};

TEST_P(TransportTest, AnAddressThatIsSilentHasItsShareOfTheTime) {
  const SilentPort silent;
  std::vector<Endpoint> addresses(400, parse_address("127.0.0.1", listener_.port()));
  addresses[0] = parse_address("127.0.0.1", silent.port());
  transport_->override_addresses(addresses);
  const Sleep sleep;
  open(first_id, Duration{400 * (50_ms).ns});
  run([&] { return seen_.opened(); });
  ASSERT_TRUE(seen_.opened());
  EXPECT_TRUE(sleep.was_short());
  EXPECT_EQ(seen_.seen[0].peer.port, listener_.port());
}

TEST_P(TransportTest, WhenAllAreSilentTheConnectTimesOut) {
  const SilentPort silent;
  transport_->override_addresses(
      {parse_address("127.0.0.1", silent.port()), parse_address("127.0.0.1", silent.port())});
  open(first_id, 60_ms);
  run([&] { return seen_.closed(); });
  ASSERT_TRUE(seen_.closed());
  EXPECT_EQ(seen_.seen.back().reason, Reason::connect_timeout);
  EXPECT_EQ(seen_.seen.back().os_error, ETIMEDOUT);
}

TEST_P(TransportTest, ANameThatDoesNotResolveIsSaidSo) {
  transport_->open(first_id,
                   {.host = "no-such-host.invalid", .port = 443, .tls = tls(), .timeout = 200_ms});
  run([&] { return seen_.closed(); });
  EXPECT_EQ(seen_.seen.back().reason, Reason::resolve_failed);
}

TEST_P(TransportTest, NothingIsDeliveredAfterClose) {
  open_and_wait();
  peer_->say("too late");
  transport_->close(first_id);
  const size_t before = seen_.seen.size();
  run([&] { return peer_->saw_end; });
  EXPECT_FALSE(peer_->saw_reset);  // though it had not been listened to
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
  EXPECT_EQ(seen_.seen.back().os_error, ENOBUFS);
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
  const Sleep sleep;
  transport_->park(Sleep::at_most);
  EXPECT_TRUE(sleep.was_short());
}

TEST_P(TransportTest, AWakeOfAnotherThreadEndsAPark) {
  open_and_wait();
  const Sleep sleep;
  std::thread other([&] { transport_->wake(); });
  transport_->park(Sleep::at_most);
  other.join();
  EXPECT_TRUE(sleep.was_short());
}

TEST_P(TransportTest, WhatArrivesEndsAPark) {
  open_and_wait();
  for (int i = 0; i < 3; ++i) {  // nothing is left to be told
    transport_->flush();
    transport_->poll(seen_, 64);
  }
  const Sleep sleep;
  std::thread other([&] { peer_->say("x"); });
  while (seen_.text.empty() && sleep.was_short()) {
    transport_->park(Sleep::at_most);
    transport_->poll(seen_, 64);
    transport_->flush();
  }
  other.join();
  EXPECT_EQ(seen_.text, "x");
  EXPECT_TRUE(sleep.was_short());
}

TEST_P(TransportTest, AParkLastsUntilItsDeadlineAndNoLonger) {
  open_and_wait();
  const Sleep sleep;
  constexpr auto deadline = std::chrono::milliseconds(20);
  const auto until = std::chrono::steady_clock::now() + deadline;
  int parks = 0;
  for (; std::chrono::steady_clock::now() < until; ++parks) {
    transport_->flush();
    if (transport_->poll(seen_, 64) == 0) transport_->park(20_ms);
  }
  EXPECT_LT(parks, 100);  // a loop that does not sleep goes round ten thousand times
  EXPECT_TRUE(sleep.was_short());
}

TEST_P(TransportTest, WhatWasSentIsReportedWithoutANewCause) {
  open_and_wait();
  transport_->send(first_id, std::as_bytes(std::span("hello", 5)));
  const Sleep sleep;
  while (seen_.sent_bytes == 0 && sleep.was_short()) {
    transport_->flush();
    if (transport_->poll(seen_, 64) == 0) transport_->park(Sleep::at_most);
  }
  EXPECT_EQ(seen_.sent_bytes, 5u);
  EXPECT_TRUE(sleep.was_short());
}

TEST_P(TransportTest, AParkEndsWhenAFullSocketTakesMore) {
  open_and_wait();
  peer_->reads = false;
  std::string all;
  const std::string part(60'000, 'x');
  for (int stalled = 0; stalled < 50;) {
    if (seen_.sent_bytes == all.size()) {
      transport_->send(first_id, std::as_bytes(std::span(part)));
      all += part;
      stalled = 0;
    }
    transport_->flush();
    stalled += transport_->poll(seen_, 64) == 0 ? 1 : 0;
  }
  EXPECT_LT(seen_.sent_bytes, all.size());
  peer_->reads = true;
  const Sleep sleep;
  while (seen_.sent_bytes < all.size() && sleep.was_short()) {
    peer_->step();
    transport_->park(Sleep::at_most);
    transport_->poll(seen_, 64);
    transport_->flush();
  }
  EXPECT_TRUE(sleep.was_short());
  run([&] { return peer_->received.size() == all.size(); });
  EXPECT_TRUE(peer_->received == all);
}

// A command that is pushed after a turn has looked for commands, and before it takes completions.
TEST_P(TransportTest, AWakeThatATurnHasSeenStillEndsTheNextPark) {
  transport_->flush();
  transport_->wake();
  while (transport_->poll(seen_, 64) != 0) {
  }
  const Sleep sleep;
  transport_->park(Sleep::at_most);
  EXPECT_TRUE(sleep.was_short());
}

class SmallBuffersTest : public TransportTest {
 protected:
  SmallBuffersTest() { uring_ = {.receive_buffers = 2, .receive_buffer_bytes = 512}; }
};
INSTANTIATE_TEST_SUITE_P(EveryWay, SmallBuffersTest, every_way, name_of);

TEST_P(SmallBuffersTest, GoesOnWhenTheBuffersRunOut) {  // lesson 35
  open_and_wait();
  const std::string text(100'000, 'z');
  peer_->say(text);
  run([&] { return seen_.text.size() == text.size(); });
  EXPECT_TRUE(seen_.text == text);
  if (GetParam().network == Network::io_uring) {
    EXPECT_GT(transport_->counters().buffers_exhausted, 0u);
  }
}

class SocketTransportTest : public TransportTest {};
INSTANTIATE_TEST_SUITE_P(EveryWay, SocketTransportTest,
                         testing::Values(Way{Network::sockets, false}), name_of);

TEST_P(SocketTransportTest, AsksOnceForWhatOneCallCanTake) {
  open_and_wait();
  peer_->say("not a whole buffer");
  const uint64_t before = transport_->socket_counters().calls;
  transport_->poll(seen_, 64);
  EXPECT_EQ(seen_.text, "not a whole buffer");
  EXPECT_EQ(transport_->socket_counters().calls, before + 1);
  EXPECT_LT(transport_->socket_counters().empty_calls, before);
}

TEST_P(SocketTransportTest, AFloodOnOneSocketLeavesTheOtherItsTurn) {
  open_and_wait();
  const auto first = std::move(peer_);
  open(ConnectionId{128});
  run([&] { return seen_.seen.size() == 2 && peer_ != nullptr; });
  for (const bool first_floods : {true, false}) {
    ServerPeer& flooding = first_floods ? *first : *peer_;
    ServerPeer& other = first_floods ? *peer_ : *first;
    flooding.say(std::string(200'000, 'x'));
    other.say("y");
    seen_.text.clear();
    // One completion a turn: the other's comes second at the latest.
    EXPECT_EQ(transport_->poll(seen_, 1), 1u);
    EXPECT_EQ(transport_->poll(seen_, 1), 1u);
    EXPECT_NE(seen_.text.find('y'), std::string::npos);
    run([&] { return seen_.text.size() == 200'001; });
  }
  // With room for all, a turn still takes only four buffers of one.
  const uint32_t four_buffers = 4 * uring_.receive_buffer_bytes;
  first->say(std::string(400'000, 'x'));
  int waiting = 0;
  ASSERT_EQ(::ioctl(client_end_of(listener_.port()), FIONREAD, &waiting), 0);
  ASSERT_GT(waiting, static_cast<int>(four_buffers));
  seen_.text.clear();
  transport_->poll(seen_, 64);
  EXPECT_EQ(seen_.text.size(), four_buffers);
  run([&] { return seen_.text.size() == 400'000; });
}

class TlsTransportTest : public TransportTest {};
INSTANTIATE_TEST_SUITE_P(EveryWay, TlsTransportTest,
                         testing::Values(Way{Network::io_uring, true}, Way{Network::sockets, true}),
                         name_of);

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

// A stream is prepared for the host of the last connection, and checks that name.
TEST_P(TlsTransportTest, WhatWasPreparedForOneHostIsNotUsedForAnother) {
  open_and_wait();
  transport_->close(first_id);
  run([&] { return peer_->saw_end; });
  peer_.reset();
  seen_ = {};
  server_ = TlsContext::server(authority().issue({{"elsewhere.test"}, {}}).value()).value();
  transport_->override_addresses({parse_address("127.0.0.1", listener_.port())});
  transport_->open(
      ConnectionId{128},
      {.host = "elsewhere.test", .port = listener_.port(), .tls = true, .timeout = 5_s});
  run([&] { return seen_.opened() || seen_.closed(); });
  EXPECT_TRUE(seen_.opened());
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
