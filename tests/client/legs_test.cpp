// Legs on real sockets: what one of them loses is told of that leg alone, the book answers after
// every event, no trade is missing, and the recording gives the same events.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <havklo/havklo.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "replay/recording/reader.hpp"
#include "support/loopback_venue.hpp"
#include "support/temporary_folder.hpp"

namespace havklo::live_legs {
namespace {

using namespace havklo::literals;
using replay::FaultKind;

constexpr Duration longest = 20_s;

class LegsOf : public testing::TestWithParam<Network> {
 protected:
  LegsOf() { path_ = folder_ / "night.hvk"; }
  void start(const LoopbackVenue& venue, KrakenClientBuilder builder) {
    builder.with_network(GetParam()).with_idle(Idle::park).with_recording(path_).with_seed(7);
    client_ = venue.here(std::move(builder)).connect().value();
    book_ = std::make_unique<OrderBook>(client_->names(), "BTC/USD", 10);
  }
  // Every event is looked at. False: the event did not come in time.
  bool run_until(const std::function<bool(const Event&)>& wanted) {
    for (Event event; client_->wait(event, longest);) {
      look_at(event);
      if (wanted(event)) return true;
    }
    return false;
  }
  bool run_until(EventKind kind, int leg = -1) {
    return run_until(
        [=](const Event& event) { return event.kind == kind && (leg < 0 || event.leg == leg); });
  }
  // Both have everything.
  void run_until_both_are_live() {
    ASSERT_TRUE(run_until(EventKind::leg_restored));
    ASSERT_TRUE(run_until(EventKind::leg_restored));
    begun_ = true;
  }
  void look_at(const Event& event) {
    events_.push_back(event);
    ++counts_[event.kind];
    book_->apply(event);
    if (event.kind == EventKind::trade) {
      const uint64_t id = event.payload.trade.trade_id;
      EXPECT_TRUE(last_trade_ == 0 || id == last_trade_ + 1) << id << " after " << last_trade_;
      last_trade_ = id;
    }
    const bool in_message = event.kind == EventKind::book_update && !event.last_in_message();
    if (!begun_ || in_message) return;
    EXPECT_TRUE(book_->best_bid()) << to_string(event.kind) << " " << event.sequence;
  }
  // Closed by its user, and replayed.
  void end() {
    begun_ = false;
    for (const EventKind never :
         {EventKind::disconnected, EventKind::reconnecting, EventKind::book_stale,
          EventKind::book_invalid, EventKind::checksum_mismatch, EventKind::trade_gap,
          EventKind::overrun}) {
      EXPECT_EQ(counts_[never], 0u) << to_string(never);
    }
    EXPECT_EQ(counts_[EventKind::connected], 1u);
    EXPECT_EQ(counts_[EventKind::subscriptions_restored], 1u);
    ASSERT_TRUE(client_->close());
    ASSERT_TRUE(run_until(EventKind::closed));
    EXPECT_FALSE(run_until(EventKind::heartbeat));  // waits for the end
    ASSERT_TRUE(client_->closed());
    EXPECT_TRUE(client_->recording()) << client_->recording().error();
    auto replay = Replay::open(path_).value();
    EXPECT_EQ(replay.settings().legs, legs_);
    size_t at = 0;
    for (Event event; replay.poll(event); ++at) {
      ASSERT_LT(at, events_.size());
      ASSERT_EQ(std::memcmp(&event, &events_[at], sizeof event), 0) << event.sequence;
    }
    EXPECT_EQ(replay.end(), ReplayEnd::whole) << replay.message();
    EXPECT_EQ(at, events_.size());
  }

  std::vector<LegSettings> legs_ = std::vector<LegSettings>(2);
  TemporaryFolder folder_;
  std::string path_;
  std::unique_ptr<KrakenClient> client_;
  std::unique_ptr<OrderBook> book_;
  std::vector<Event> events_;
  std::map<EventKind, uint64_t> counts_;
  uint64_t last_trade_ = 0;
  bool begun_ = false;
};
INSTANTIATE_TEST_SUITE_P(EveryNetwork, LegsOf, testing::Values(Network::io_uring, Network::sockets),
                         [](const auto& network) {
                           return network.param == Network::io_uring ? "Uring" : "Sockets";
                         });

KrakenClientBuilder wishes() {
  return KrakenClient::builder({"BTC/USD"}).with_book(10).with_trades().with_legs(2);
}

replay::Scenario with_fault(replay::Fault fault) {
  replay::Scenario scenario;
  scenario.faults.add(std::move(fault));
  return scenario;
}

TEST_P(LegsOf, OneThatIsKilledCostsNothing) {
  const LoopbackVenue venue(with_fault({.kind = FaultKind::reset,
                                        .after = 1_s,
                                        .since = replay::Since::subscribed,
                                        .connection_last = 1}));
  start(venue, wishes());
  run_until_both_are_live();
  ASSERT_TRUE(run_until(EventKind::leg_lost));
  EXPECT_EQ(events_.back().payload.disconnected.reason, Reason::peer_reset);
  ASSERT_TRUE(run_until(EventKind::leg_restored, events_.back().leg));
  ASSERT_TRUE(run_until(EventKind::book_update));
  end();
}

// It answers pings, and sends nothing else any more: the other leg's feed shows it.
TEST_P(LegsOf, OneThatStallsIsNoticedByTheOther) {
  const LoopbackVenue venue(with_fault({.kind = FaultKind::stall,
                                        .after = 1_s,
                                        .since = replay::Since::subscribed,
                                        .connection_first = 2,
                                        .connection_last = 2}));
  start(venue, wishes());
  run_until_both_are_live();
  ASSERT_TRUE(run_until(EventKind::leg_lost));
  EXPECT_EQ(events_.back().payload.disconnected.reason, Reason::lagging);
  ASSERT_TRUE(run_until(EventKind::leg_restored, events_.back().leg));
  end();
}

TEST_P(LegsOf, BothAreRenewedOneAfterTheOther) {
  const LoopbackVenue venue;
  start(venue, wishes());
  run_until_both_are_live();
  ASSERT_TRUE(client_->reconnect());
  uint32_t live = 2;
  uint32_t renewed = 0;
  ASSERT_TRUE(run_until([&](const Event& event) {
    live -= event.kind == EventKind::leg_lost ? 1 : 0;
    live += event.kind == EventKind::leg_restored ? 1 : 0;
    renewed += event.kind == EventKind::leg_restored ? 1 : 0;
    EXPECT_GE(live, 1u);
    return renewed == 2;
  }));
  end();
}

// Two paths to the venue, by two addresses of this machine.
TEST_P(LegsOf, EachComesFromAnAddressOfItsOwn) {
  const LoopbackVenue venue;
  legs_ = {{{}, "127.0.0.2"}, {{}, "127.0.0.3"}};
  start(venue, wishes().with_legs(legs_));
  run_until_both_are_live();
  end();
}

// The second is at no venue: the first serves, and what the other meets is told of it alone.
TEST_P(LegsOf, OneThatNeverConnectsHoldsUpNothing) {
  const LoopbackVenue venue;
  legs_[1].url = "ws://127.0.0.1:1/v2";
  start(venue, wishes().with_legs(legs_));
  ASSERT_TRUE(run_until(EventKind::subscriptions_restored));
  begun_ = true;
  for (int failed = 0; failed < 3; ++failed) {
    ASSERT_TRUE(run_until(EventKind::connect_failed));
    EXPECT_EQ(events_.back().leg, 1u);
  }
  end();
  EXPECT_EQ(counts_[EventKind::circuit_breaker_open], 0u);
}

// What one leg could still ask for, two cannot: each may bring as much about.
TEST_P(LegsOf, ShareTheRoomInTheRing) {
  const LoopbackVenue venue;
  Settings settings = venue.settings();
  const uint32_t slots = ring_slots_min(settings);
  const auto subscriptions_taken = [&](uint32_t legs) {
    auto client = venue
                      .here(KrakenClient::builder({"BTC/USD"})
                                .with_book(10)
                                .with_legs(legs)
                                .with_network(GetParam())
                                .with_idle(Idle::park)
                                .with_ring_slots(slots))
                      .connect()
                      .value();
    uint32_t taken = 1;
    for (const char* symbol : {"A/B", "B/C", "C/D", "D/E", "E/F", "F/G", "G/H", "H/I", "I/J"}) {
      const auto told = client->subscribe(Channel::trade, symbol);
      if (!told) {
        EXPECT_EQ(told.error(), CommandError::too_many_subscriptions);
        break;
      }
      ++taken;
    }
    settings.legs.resize(legs);
    settings.subscriptions[0].symbols.resize(taken);
    EXPECT_EQ(ring_slots_min(settings), slots) << legs;
    settings.subscriptions[0].symbols.resize(taken + 1);
    EXPECT_GT(ring_slots_min(settings), slots) << legs;
    return taken;
  };
  EXPECT_GT(subscriptions_taken(1), subscriptions_taken(2));
}

}  // namespace
}  // namespace havklo::live_legs
