// The live transport and a name with several addresses, on real sockets of the loopback address:
// which one an attempt reaches, after how long, and what the next one does.
#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <havklo/limits.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "support/live_transport_test.hpp"
#include "support/net/name_server.hpp"
#include "support/net/open_files.hpp"
#include "support/net/poll_now.hpp"
#include "support/net/silent_port.hpp"

namespace havklo::io {
namespace {

using namespace havklo::literals;

constexpr ConnectionId second_id{128};
constexpr ConnectionId third_id{192};

Endpoint at(const Listener& listener) { return parse_address("127.0.0.1", listener.port()); }
Endpoint at(const SilentPort& port) { return parse_address("127.0.0.1", port.port()); }

class VenueAddresses : public TransportTest {
 protected:
  // An attempt that reaches the venue, which greets.
  void reach(ConnectionId id, Duration timeout = 60_s) {
    seen_ = {};
    peer_.reset();
    open(id, timeout);
    run([&] { return seen_.opened() && peer_ != nullptr && peer_->established(); });
    ASSERT_TRUE(seen_.opened());
    EXPECT_EQ(seen_.seen[0].peer.port, listener_.port());
    transport_->greeted(id);
  }
  // An attempt that ends as the engine ends one whose time is over.
  void hang(ConnectionId id, const Listener& where) {
    open(id, 60_s);
    int file = -1;
    run([&] {
      if (file < 0) file = where.accept();
      return file >= 0;
    });
    guests_.push_back(std::make_unique<ServerPeer>(file, nullptr));
    some_turns();
    transport_->close(id);
  }
  void some_turns() {
    for (int turn = 0; turn < 20; ++turn) {
      transport_->flush();
      if (poll_now(*transport_, seen_) == 0) transport_->park(1_ms);
    }
  }
  std::vector<std::unique_ptr<ServerPeer>> guests_;
};
INSTANTIATE_TEST_SUITE_P(EveryWay, VenueAddresses, every_way, name_of);

TEST_P(VenueAddresses, OneThatHangsAfterTcpIsPutBehindTheOther) {  // lesson 39
  const Listener hanging;
  transport_->override_addresses({at(hanging), at(listener_)});
  hang(first_id, hanging);
  reach(second_id);
  transport_->close(second_id);
  reach(third_id);  // what greeted last is first from then on
  EXPECT_LT(hanging.accept(), 0);
}

// Not by its order in the answer, and not for ever.
TEST_P(VenueAddresses, WhatGreetedLastIsTriedFirstUntilItFails) {
  Listener other;
  transport_->override_addresses({at(other), at(listener_)});
  hang(first_id, other);
  reach(second_id);
  transport_->close(second_id);
  listener_.stop();
  hang(third_id, other);
}

// The second connection is made in the place of the first, which was greeted.
TEST_P(VenueAddresses, WhatTheLastConnectionWasToldIsNotTheNextOnes) {
  const Listener other;
  transport_->override_addresses({at(listener_), at(other)});
  reach(first_id);
  transport_->close(first_id);
  run([&] { return peer_->saw_end; });
  peer_.reset();
  some_turns();
  open(second_id, 60_s);
  run([&] { return peer_ != nullptr; });
  some_turns();
  transport_->close(second_id);  // it hung
  hang(third_id, other);
}

TEST_P(VenueAddresses, IPv6ThatDropsEverySynCostsAStagger) {  // libdatachannel#1556
  const SilentPort silent(AF_INET6);
  if (silent.port() == 0) GTEST_SKIP() << "no IPv6 on this machine's loopback";
  transport_->override_addresses({parse_address("::1", silent.port()), at(listener_)});
  const Sleep sleep;
  ASSERT_NO_FATAL_FAILURE(reach(first_id, 120_s));  // half of which would be its share
  EXPECT_TRUE(sleep.was_short());
  EXPECT_EQ(seen_.seen[0].peer.family, 4);
}

TEST_P(VenueAddresses, EverySilentOneCostsAStagger) {
  const SilentPort one;
  const SilentPort two;
  transport_->override_addresses({at(one), at(two), at(listener_)});
  const Sleep sleep;
  reach(first_id, 120_s);
  EXPECT_TRUE(sleep.was_short());
}

TEST_P(VenueAddresses, OneThatRefusesCostsNothing) {
  Listener closed_port;
  const Endpoint refused = at(closed_port);
  closed_port.stop();
  transport_->override_addresses({refused, refused, at(listener_)});
  reach(first_id);
  EXPECT_EQ(seen_.seen.size(), 1u);
}

TEST_P(VenueAddresses, MoreThanRunAtOnceHaveTheirTurnsWithinTheAttempt) {
  const std::array<SilentPort, 5> silent;
  std::vector<Endpoint> addresses;
  for (const SilentPort& each : silent) addresses.push_back(at(each));
  addresses.push_back(at(listener_));
  transport_->override_addresses(addresses);
  const auto began = std::chrono::steady_clock::now();
  reach(first_id, 4_s);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(4));
}

TEST_P(VenueAddresses, WhenAllAreSilentTheConnectTimesOut) {
  const SilentPort one;
  const SilentPort two;
  transport_->override_addresses({at(one), at(two)});
  open(first_id, 60_ms);
  run([&] { return seen_.closed(); });
  ASSERT_TRUE(seen_.closed());
  EXPECT_EQ(seen_.seen.back().reason, Reason::connect_timeout);
  EXPECT_EQ(seen_.seen.back().os_error, ETIMEDOUT);
}

// Those that were overtaken, given up, or under way when the engine lost patience.
TEST_P(VenueAddresses, NoSocketIsLeftOfARace) {
  const SilentPort one;
  const SilentPort two;
  transport_->override_addresses({at(one), at(two), at(listener_)});
  const size_t before = open_files();
  for (uint32_t round = 0; round < 4; ++round) {
    const ConnectionId id{(round + 1) * sessions_max};
    seen_ = {};
    peer_.reset();
    open(id, 1_s);
    if (round % 2 == 0) {
      run([&] { return seen_.opened(); });
    } else {
      for (int turn = 0; turn < 3; ++turn) {
        transport_->flush();
        poll_now(*transport_, seen_);
      }
    }
    transport_->close(id);
  }
  peer_.reset();
  run([&] { return open_files() == before; });
}

// With a name of the test, asked of a server of the test.
class VenueName : public VenueAddresses {
 protected:
  void SetUp() override {
    server_ = TlsContext::server(authority().issue({{"venue.test"}, {}}).value()).value();
    LiveTransportSettings settings;
    settings.network = GetParam().network;
    settings.tls = tls();
    settings.ca_files = {ca_.path()};
    settings.resolver = {
        .servers = names_.address(), .hosts_file = nothing_.path(), .resolv_conf = nothing_.path()};
    start(settings);
    names_.answers("venue.test", {"127.0.0.1"}, {});
  }
  void open_name(ConnectionId id, Duration timeout = 60_s) {
    seen_ = {};
    peer_.reset();
    transport_->open(
        id, {.host = "venue.test", .port = listener_.port(), .tls = tls(), .timeout = timeout});
  }
  void reach_name(ConnectionId id) {
    open_name(id);
    run([&] {
      names_.step(0);
      return seen_.closed() || (seen_.opened() && peer_ != nullptr && peer_->established());
    });
    EXPECT_TRUE(seen_.opened());
  }
  NameServer names_;
  TemporaryFile nothing_;
};
INSTANTIATE_TEST_SUITE_P(EveryWay, VenueName, every_way, name_of);

// Half of the attempt, of each attempt, would go before the last good addresses are taken.
TEST_P(VenueName, WithASilentNameServerTheLastGoodAddressesServeAtOnce) {
  reach_name(first_id);
  transport_->close(first_id);
  names_.silent = NameServer::Silent::always;
  const Sleep sleep;
  reach_name(second_id);
  EXPECT_TRUE(sleep.was_short());
}

TEST_P(VenueName, ANameThatIsGoneForAMomentLeavesTheLastGoodAddresses) {
  reach_name(first_id);
  transport_->close(first_id);
  names_.forgets("venue.test");
  for (const ConnectionId id : {second_id, third_id}) {
    reach_name(id);
    transport_->close(id);
  }
}

// The old address refuses: the name, which is asked meanwhile, leads to the new one in the same
// attempt.
TEST_P(VenueName, AVenueThatMovedIsFoundInTheSameAttempt) {
  names_.answers("venue.test", {"127.0.0.3"}, {});
  open_name(first_id);
  run([&] {
    names_.step(0);
    return seen_.closed();
  });
  ASSERT_TRUE(seen_.closed());
  EXPECT_EQ(seen_.seen.back().reason, Reason::connect_refused);
  names_.answers("venue.test", {"127.0.0.1"}, {});
  reach_name(second_id);
}

TEST_P(VenueName, WithoutAnyAddressTheNameDoesNotResolve) {
  names_.forgets("venue.test");
  open_name(first_id);
  run([&] {
    names_.step(0);
    return seen_.closed();
  });
  ASSERT_TRUE(seen_.closed());
  EXPECT_EQ(seen_.seen.back().reason, Reason::resolve_failed);
}

}  // namespace
}  // namespace havklo::io
