// What becomes of the venue's process, and of ours beside it: killed, stopped, torn away. Real
// programs, real signals, both networks; README.md is the table of all of it.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <string>
#include <vector>

#include "faults/real_loop.hpp"
#include "support/net/relay.hpp"

namespace havklo {
namespace {

using namespace std::chrono_literals;

class WhenTheVenue : public RealLoop {};
INSTANTIATE_TEST_SUITE_P(EveryWay, WhenTheVenue, testing::Values(Carrier::uring, Carrier::sockets),
                         testing::PrintToStringParamName());

TEST_P(WhenTheVenue, IsKilledItIsComeBackTo) {
  start();
  venue().signal(SIGKILL);
  must_say("Disconnected", "reason", {"end_of_stream", "peer_reset"});
  must_say("ConnectFailed", "reason", {"connect_refused"});
  must_say("CircuitBreakerOpen");
  start_venue();
  expect_restored();
  expect_good_end();
}

TEST_P(WhenTheVenue, IsStoppedItsSilenceIsNoticed) {
  start();
  venue().signal(SIGSTOP);
  must_say("Disconnected", "reason", {"heartbeat_timeout"});
  // The kernel takes the connection, and nobody behind it.
  must_say("ConnectFailed", "reason", {"connect_timeout"});
  venue().signal(SIGCONT);
  expect_restored();
  expect_good_end();
}

TEST_P(WhenTheVenue, StopsForAMomentNothingIsLost) {
  start();
  venue().signal(SIGSTOP);
  let_pass(200ms);
  venue().signal(SIGCONT);
  must_say("BookUpdate");
  expect_good_end();
  EXPECT_EQ(engine().said().find("\"ConnectFailed\""), std::string::npos);
}

TEST_P(WhenTheVenue, IsTornAwayInTheMiddleOfARecord) {
  start_venue();
  const Relay relay(port_);
  relayed_port_ = relay.port();
  start_engine();
  expect_restored();
  relay.tear_the_next_record();
  must_say("Disconnected", "reason", {"peer_reset"});
  expect_restored();
  expect_good_end();
}

class WhenWe : public RealLoop {};
INSTANTIATE_TEST_SUITE_P(EveryWay, WhenWe, testing::Values(Carrier::uring, Carrier::sockets),
                         testing::PrintToStringParamName());

// As a laptop that slept: what has arrived meanwhile is a sign of life.
TEST_P(WhenWe, AreStoppedLongerThanAHeartbeatWeGoOn) {
  start();
  engine().signal(SIGSTOP);
  let_pass(1500ms);
  engine().signal(SIGCONT);
  let_pass(100ms);
  must_say("BookUpdate");
  must_say("Heartbeat");
  expect_good_end();
}

TEST_P(WhenWe, AreKilledTheRecordingIsGoodUntilThen) {
  start();
  must_say("Heartbeat");
  let_pass(1s);  // a block is written at least each half second
  engine().signal(SIGKILL);
  EXPECT_EQ(engine().end(), -1);
  Program inspect;
  inspect.run({"inspect", recording_});
  inspect.read_all();
  EXPECT_EQ(inspect.end(), exit_failed);
  EXPECT_NE(inspect.said().find("whole turns before it are good"), std::string::npos)
      << inspect.said();
  Program replay;
  replay.run({"replay", recording_});
  replay.read_all();
  EXPECT_NE(replay.said().find("SubscriptionsRestored"), std::string::npos) << replay.said();
}

}  // namespace
}  // namespace havklo
