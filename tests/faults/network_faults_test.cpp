// What becomes of packets and of names: a network of the test's own, in which nftables drops or
// refuses what it is told, the loopback device goes down, and the name server is ours. Skipped, and
// told so, where the kernel gives no namespaces or there is no nft.
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <chrono>
#include <csignal>
#include <memory>
#include <string>

#include "faults/real_loop.hpp"
#include "support/net/name_service.hpp"

namespace havklo {
namespace {

using namespace std::chrono_literals;

class WhenTheNetwork : public RealLoop {
 protected:
  void SetUp() override {
    sandbox_ = std::make_unique<Sandbox>();
    if (!sandbox_->why().empty()) GTEST_SKIP() << sandbox_->why();
    if (find_program("nft").empty()) GTEST_SKIP() << "there is no nft (tools/setup --tests)";
    if (!sandbox_->filter("accept")) GTEST_SKIP() << "this kernel has no nftables";
    start();
  }
  void filter(const std::string& rules) { ASSERT_TRUE(sandbox_->filter(rules)); }
  [[nodiscard]] std::string from_venue() const { return "tcp sport " + std::to_string(port_); }
  [[nodiscard]] std::string to_venue() const { return "tcp dport " + std::to_string(port_); }
  // Both ways of a connection that was open, and of the next ones.
  void expect_silence_noticed() {
    must_say("Disconnected", "reason", {"heartbeat_timeout"});
    must_say("ConnectFailed", "reason", {"connect_timeout"});
  }
};
INSTANTIATE_TEST_SUITE_P(EveryWay, WhenTheNetwork,
                         testing::Values(Carrier::uring, Carrier::sockets),
                         testing::PrintToStringParamName());

TEST_P(WhenTheNetwork, LosesWhatTheVenueSays) {
  filter(from_venue() + " drop");
  expect_silence_noticed();
  sandbox_->unfilter();
  expect_restored();
  expect_good_end();
}

TEST_P(WhenTheNetwork, LosesWhatWeSay) {
  filter(to_venue() + " drop");
  expect_silence_noticed();
  sandbox_->unfilter();
  expect_restored();
  expect_good_end();
}

TEST_P(WhenTheNetwork, LosesAFifthOfAllPackets) {
  filter(from_venue() + " numgen random mod 5 0 drop; " + to_venue() +
         " numgen random mod 5 0 drop");
  let_pass(1500ms);
  sandbox_->unfilter();
  must_say("Heartbeat");
  must_say("BookUpdate");
  expect_good_end();
}

// The venue's host died and came up again, and no packet told of it.
TEST_P(WhenTheNetwork, HidesThatTheVenueHasForgottenUs) {
  filter(from_venue() + " drop; " + to_venue() + " drop");
  venue().signal(SIGKILL);
  EXPECT_EQ(venue().end(), -1);
  sandbox_->run({"nft", "flush ruleset"});
  must_say("Disconnected", "reason", {"heartbeat_timeout", "peer_reset", "end_of_stream"});
  start_venue();
  expect_restored();
  expect_good_end();
}

TEST_P(WhenTheNetwork, RefusesByReset) {
  filter(to_venue() + " reject with tcp reset");
  must_say("Disconnected", "reason", {"peer_reset"});
  must_say("ConnectFailed", "reason", {"connect_refused"});
  sandbox_->unfilter();
  expect_restored();
  expect_good_end();
}

TEST_P(WhenTheNetwork, CallsTheVenueUnreachable) {
  filter(to_venue() + " reject with icmp type host-unreachable");
  must_say("Disconnected", "reason", {"heartbeat_timeout", "peer_reset"});
  // On loopback the answer comes while connect() still holds the socket: Linux then notes it, and
  // sends its SYN again a second later. Who asks for SO_ERROR sees it at once, io_uring then.
  must_say("ConnectFailed", "reason", {"connect_refused", "connect_timeout"});
  sandbox_->unfilter();
  expect_restored();
  expect_good_end();
}

TEST_P(WhenTheNetwork, LosesItsDevice) {
  sandbox_->set_loopback(false);
  must_say("Disconnected", "reason", {"heartbeat_timeout", "peer_reset"});
  must_say("ConnectFailed", "reason", {"connect_refused", "connect_timeout"});
  sandbox_->set_loopback(true);
  expect_restored();
  expect_good_end();
}

class WhenTheNameServer : public RealLoop {
 protected:
  void SetUp() override {
    sandbox_ = std::make_unique<Sandbox>();
    if (!sandbox_->why().empty()) GTEST_SKIP() << sandbox_->why();
    ASSERT_EQ(sandbox_->within([this] {
      return ::mount(resolv_.path().c_str(), "/etc/resolv.conf", nullptr, MS_BIND, nullptr);
    }),
              0);
    service_ = std::make_unique<NameService>(*sandbox_, "venue.test");
    host_ = "venue.test";
    start_venue();
  }
  TemporaryFile resolv_{"nameserver 127.0.0.1\n"};
  std::unique_ptr<NameService> service_;
};
INSTANTIATE_TEST_SUITE_P(EveryWay, WhenTheNameServer,
                         testing::Values(Carrier::uring, Carrier::sockets),
                         testing::PrintToStringParamName());

TEST_P(WhenTheNameServer, IsSilentTheAttemptEndsInTime) {
  service_->be(NameService::silent);
  start_engine();
  must_say("ConnectFailed", "reason", {"connect_timeout", "resolve_failed"});
  must_say("ConnectFailed", "reason", {"connect_timeout", "resolve_failed"});
  service_->be(NameService::prompt);
  expect_restored();
  expect_good_end();
}

TEST_P(WhenTheNameServer, IsLateItIsWaitedFor) {
  service_->be(NameService::late);
  start_engine();
  expect_restored();
  expect_good_end();
  EXPECT_EQ(engine().said().find("\"ConnectFailed\""), std::string::npos);
}

TEST_P(WhenTheNameServer, FallsSilentTheLastAddressesServe) {
  start_engine();
  expect_restored();
  service_->be(NameService::silent);
  venue().signal(SIGKILL);
  must_say("ConnectFailed", "reason", {"connect_refused"});
  start_venue();
  // At once, not when the question has been given up, which takes some half second.
  const std::string connected = must_say("Connected");
  EXPECT_LT(std::stoll("0" + field_of(connected, "connect_time_ns")), 300'000'000);
  expect_restored();
  expect_good_end();
  EXPECT_EQ(engine().said().find("resolve_failed"), std::string::npos);
}

}  // namespace
}  // namespace havklo
