// A session with two legs, one of them by a relay that the test breaks: the reader is told of that
// leg, and of nothing else. The program itself runs, from a file with [[leg]] tables.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "faults/real_loop.hpp"
#include "support/net/relay.hpp"

namespace havklo {
namespace {

using namespace std::chrono_literals;

class WhenOneLeg : public RealLoop {
 protected:
  // Until both legs have everything.
  void start_two_legs(const Relay& relay) {
    start_engine({}, "[[leg]]\n[[leg]]\nurl = \"wss://127.0.0.1:" + std::to_string(relay.port()) +
                         "/v2\"\n");
    must_say("LegRestored");
    must_say("LegRestored");
    must_say("BookUpdate");
  }
  // Leg 1 is back, books move, and from the first all clear to the end that was asked for nobody
  // was told of an outage, of a book that is void or of a trade that is missing.
  void expect_only_the_leg_was_lost() {
    must_say("LegReconnecting", "leg", {"1"});
    must_say("LegConnected", "leg", {"1"});
    must_say("LegRestored", "leg", {"1"});
    must_say("BookUpdate");
    expect_good_end();
    const std::string said = engine().said();
    EXPECT_EQ(count_of(said, "\"event\":\"Disconnected\""), 1U);  // at the end
    EXPECT_EQ(count_of(said, "\"event\":\"Connected\""), 1U);
    EXPECT_EQ(count_of(said, "\"event\":\"SubscriptionsRestored\""), 1U);
    EXPECT_EQ(count_of(said, "\"event\":\"BookSnapshot\""), levels_of_two_books);
    for (const std::string_view never : {"BookStale", "BookInvalid", "ChecksumMismatch", "TradeGap",
                                         "\"event\":\"Reconnecting\"", "CircuitBreaker"}) {
      EXPECT_EQ(said.find(never), std::string::npos) << never;
    }
  }
  static size_t count_of(std::string_view text, std::string_view what) {
    size_t count = 0;
    for (size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) {
      ++count;
    }
    return count;
  }
  // Depth 10, both sides.
  static constexpr size_t levels_of_two_books = 2 * 2 * 10;
};
INSTANTIATE_TEST_SUITE_P(EveryWay, WhenOneLeg, testing::Values(Carrier::uring, Carrier::sockets),
                         testing::PrintToStringParamName());

TEST_P(WhenOneLeg, IsTornAwayTheOtherGoesOn) {
  start_venue();
  const Relay relay(port_);
  start_two_legs(relay);
  relay.tear_the_next_record();
  const std::string lost = must_say("LegLost", "leg", {"1"});
  EXPECT_EQ(field_of(lost, "reason"), "peer_reset") << lost;
  expect_only_the_leg_was_lost();
}

// Its socket is open, and the relay's kernel acknowledges what is sent: only the other leg's feed
// shows that nothing comes any more.
TEST_P(WhenOneLeg, StallsItIsNoticedByTheOther) {
  start_venue();
  const Relay relay(port_);
  start_two_legs(relay);
  relay.stop();
  const std::string lost = must_say("LegLost", "leg", {"1"});
  EXPECT_EQ(field_of(lost, "reason"), "lagging") << lost;
  relay.go_on();
  expect_only_the_leg_was_lost();
}

// Both hang on the venue itself: that is an outage, as with one leg.
TEST_P(WhenOneLeg, AndTheOtherAreLostItIsAnOutage) {
  start_venue();
  const Relay relay(port_);
  start_two_legs(relay);
  venue().signal(SIGKILL);
  must_say("LegLost");
  must_say("LegLost");
  must_say("Disconnected", "reason", {"end_of_stream", "peer_reset"});
  must_say("ConnectFailed", "reason", {"connect_refused"});
  start_venue();
  expect_restored();
  expect_good_end();
}

}  // namespace
}  // namespace havklo
