// The live transport against real sockets on 127.0.0.1: how streams open and carry, and how a loop
// sleeps.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <havklo/limits.hpp>
#include <havklo/random.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/live_transport_test.hpp"
#include "support/net/poll_now.hpp"

namespace havklo::io {
namespace {

using namespace havklo::literals;

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

TEST_P(TransportTest, ARefusedConnectIsReportedWithItsError) {
  listener_.stop();
  open();
  run([&] { return seen_.closed(); });
  EXPECT_EQ(seen_.seen.back().reason, Reason::connect_refused);
  EXPECT_EQ(seen_.seen.back().os_error, ECONNREFUSED);
}

TEST_P(TransportTest, ANameThatDoesNotResolveIsSaidSo) {
  transport_->open(first_id,
                   {.host = "no-such-host.invalid", .port = 443, .tls = tls(), .timeout = 200_ms});
  run([&] { return seen_.closed(); });
  EXPECT_EQ(seen_.seen.back().reason, Reason::resolve_failed);
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
    poll_now(*transport_, seen_);
  }
  const Sleep sleep;
  std::thread other([&] { peer_->say("x"); });
  while (seen_.text.empty() && sleep.was_short()) {
    transport_->park(Sleep::at_most);
    poll_now(*transport_, seen_);
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
    if (poll_now(*transport_, seen_) == 0) transport_->park(20_ms);
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
    if (poll_now(*transport_, seen_) == 0) transport_->park(Sleep::at_most);
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
    stalled += poll_now(*transport_, seen_) == 0 ? 1 : 0;
  }
  EXPECT_LT(seen_.sent_bytes, all.size());
  peer_->reads = true;
  const Sleep sleep;
  while (seen_.sent_bytes < all.size() && sleep.was_short()) {
    peer_->step();
    transport_->park(Sleep::at_most);
    poll_now(*transport_, seen_);
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
  while (poll_now(*transport_, seen_) != 0) {
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
  poll_now(*transport_, seen_);
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
    transport_->collect();
    EXPECT_EQ(transport_->poll(seen_, 1), 1u);
    transport_->collect();
    EXPECT_EQ(transport_->poll(seen_, 1), 1u);
    EXPECT_NE(seen_.text.find('y'), std::string::npos);
    run([&] { return seen_.text.size() == 200'001; });
  }
  // With room for all, a turn takes all: no timer fires before what it waits for was read.
  first->say(std::string(400'000, 'x'));
  int waiting = 0;
  ASSERT_EQ(::ioctl(client_end_of(listener_.port()), FIONREAD, &waiting), 0);
  ASSERT_GT(waiting, static_cast<int>(4 * uring_.receive_buffer_bytes));
  seen_.text.clear();
  poll_now(*transport_, seen_);
  EXPECT_GE(seen_.text.size(), static_cast<size_t>(waiting));
  run([&] { return seen_.text.size() == 400'000; });
}

// What comes after the look waits for the next one: the engine has read its clock in between.
TEST_P(TransportTest, WhatComesAfterCollectWaits) {
  open_and_wait();
  peer_->say("first,");
  run([&] { return seen_.text == "first,"; });
  transport_->flush();  // it listens on
  peer_->say("early,");
  peer_->step();
  transport_->collect();
  peer_->say("late");
  peer_->step();
  while (transport_->poll(seen_, 64) != 0) continue;
  EXPECT_EQ(seen_.text, "first,early,");
  run([&] { return seen_.text == "first,early,late"; });
}

TEST_P(TransportTest, WhatCollectFoundWaitsForWhoTakesLittle) {
  open_and_wait();
  peer_->say(std::string(100'000, 'x'));
  seen_.text.clear();
  for (int turn = 0; turn < 1000 && seen_.text.size() != 100'000; ++turn) {
    transport_->collect();
    transport_->flush();
    EXPECT_LE(transport_->poll(seen_, 1), 16u);  // a read can hold some TLS records
    peer_->step();
  }
  EXPECT_EQ(seen_.text, std::string(100'000, 'x'));
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

// The ticket may be what the server disliked: it is not offered again.
TEST_P(TlsTransportTest, AFailedHandshakeForgetsTheTicket) {
  open_and_wait();
  peer_->say("x");
  run([&] { return seen_.text == "x"; });
  transport_->close(first_id);
  run([&] { return peer_->saw_end; });
  peer_.reset();
  seen_ = {};
  open(ConnectionId{128});
  run([&] { return peer_ != nullptr; });
  peer_->raw("220 smtp.test ESMTP\r\n");
  run([&] { return seen_.closed(); });
  transport_->close(ConnectionId{128});
  peer_.reset();
  seen_ = {};
  open(ConnectionId{192});
  run([&] { return seen_.opened() && peer_ != nullptr; });
  EXPECT_FALSE(seen_.seen[0].resumed);
}

// It asks for its group in the first handshake, and need not in the second.
TEST_P(TlsTransportTest, AServerOfOneGroupIsReachedAndResumed) {
  server_.allow_only(TlsGroup::secp384r1);
  for (const bool resumes : {false, true, true}) {
    peer_.reset();
    seen_ = {};
    open();
    run([&] { return seen_.closed() || (seen_.opened() && peer_->established()); });
    ASSERT_TRUE(seen_.opened());
    EXPECT_EQ(seen_.seen[0].resumed, resumes);
    peer_->say("x");
    run([&] { return seen_.text == "x"; });
    transport_->close(first_id);
    run([&] { return peer_->saw_end; });
  }
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
  EXPECT_EQ(seen_.seen.back().certificate, CertificateFault::wrong_name);
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
