// The engine against the venue model, in virtual time: every fault that the model knows, and what a
// strategy sees of it. A world takes milliseconds to run.
#include <gtest/gtest.h>

#include "replay/recording/event_digest.hpp"
#include "support/engine_world.hpp"
#include "support/venue_world.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;
using replay::BlackholeStage;
using replay::Fault;
using replay::FaultKind;

VenueWorldSettings two_books() {
  VenueWorldSettings settings;
  settings.engine = book_settings({"BTC/USD", "ETH/USD"});
  return settings;
}

VenueWorldSettings world_with(Fault fault) {
  VenueWorldSettings settings = two_books();
  settings.faults.add(std::move(fault));
  return settings;
}

// The reason that the first connection, or the first attempt, ended by.
Reason first_reason(VenueWorld& world, EventKind kind) {
  EXPECT_TRUE(world.run_until(60_s, kind));
  const Event* event = world.first(kind);
  if (event == nullptr) return Reason::none;
  return kind == EventKind::disconnected ? event->payload.disconnected.reason
                                         : event->payload.connect_failed.reason;
}

TEST(Outage, AQuietDayIsLiveAtOnceAndStaysSo) {
  VenueWorld world(two_books());
  ASSERT_TRUE(world.run_until(2_s, EventKind::subscriptions_restored));
  world.run(120_s);
  EXPECT_EQ(world.take_names(), "Connected Subscribed Subscribed SubscriptionsRestored");
}

TEST(Outage, DepthsSymbolsAndThinBooksVerifyForAnHour) {
  VenueWorldSettings settings;
  settings.engine = book_settings({"BTC/USD", "MINA/GBP", "EMPTY/USD"});
  settings.engine.subscriptions.push_back(
      {.channel = Channel::book, .symbols = {"ETH/USD"}, .depth = 25});
  settings.engine.subscriptions.push_back(
      {.channel = Channel::book, .symbols = {"SOL/USD"}, .depth = 1000});
  settings.engine.subscriptions.push_back(
      {.channel = Channel::trade, .symbols = {"BTC/USD", "ETH/USD"}});
  settings.engine.subscriptions.push_back({.channel = Channel::ticker, .symbols = {"BTC/USD"}});
  VenueWorld world(settings);
  ASSERT_TRUE(world.run_until(5_s, EventKind::subscriptions_restored));
  world.run(600_s);
  EXPECT_EQ(world.count(EventKind::checksum_mismatch), 0u);
  EXPECT_EQ(world.count(EventKind::book_invalid), 0u);
  EXPECT_EQ(world.count(EventKind::disconnected), 0u);
  EXPECT_GT(world.count(EventKind::book_update), 10'000u);
  EXPECT_GT(world.count(EventKind::trade), 100u);
  EXPECT_GT(world.count(EventKind::ticker), 100u);
}

TEST(Outage, AResetIsAnOutageOfSomeHundredMilliseconds) {
  VenueWorld world(world_with({.kind = FaultKind::reset, .at = 10_s}));
  ASSERT_TRUE(world.run_until(2_s, EventKind::subscriptions_restored));
  ASSERT_TRUE(world.run_until(20_s, EventKind::disconnected));
  EXPECT_EQ(world.first(EventKind::disconnected)->payload.disconnected.reason, Reason::peer_reset);
  ASSERT_TRUE(world.run_until(2_s, EventKind::subscriptions_restored));
  EXPECT_LT(world.events.back().payload.subscriptions_restored.downtime_ns, (500_ms).ns);
}

TEST(Outage, ReasonsOfADisconnect) {
  const auto reason = [](Fault fault) {
    VenueWorld world(world_with(std::move(fault)));
    return first_reason(world, EventKind::disconnected);
  };
  EXPECT_EQ(reason({.kind = FaultKind::end_of_stream, .at = 5_s}), Reason::end_of_stream);
  EXPECT_EQ(reason({.kind = FaultKind::close, .at = 5_s, .code = 1001}), Reason::server_closed);
  EXPECT_EQ(reason({.kind = FaultKind::close, .at = 5_s, .code = 1012}), Reason::maintenance);
  // What must not be on the wire (RFC 6455, 7.4 and 8.1) comes from a scenario all the same.
  EXPECT_EQ(reason({.kind = FaultKind::close, .at = 5_s, .code = 1006}), Reason::protocol_error);
  EXPECT_EQ(reason({.kind = FaultKind::close, .at = 5_s, .code = 1000, .text = "\xFF"}),
            Reason::protocol_error);
  EXPECT_EQ(reason({.kind = FaultKind::stall, .at = 5_s}), Reason::heartbeat_timeout);
  EXPECT_EQ(reason({.kind = FaultKind::blackhole, .at = 5_s, .stage = BlackholeStage::open}),
            Reason::heartbeat_timeout);
  EXPECT_EQ(reason({.kind = FaultKind::message, .at = 5_s}), Reason::protocol_error);
  EXPECT_EQ(reason({.kind = FaultKind::silent_acks}), Reason::restore_timeout);
  EXPECT_EQ(reason({.kind = FaultKind::dead_subscription}), Reason::restore_timeout);
}

TEST(Outage, EveryViolationOfTheProtocolEndsTheConnection) {
  for (uint8_t each = 0; each <= static_cast<uint8_t>(replay::Violation::long_length); ++each) {
    Fault fault{.kind = FaultKind::violation, .at = 5_s, .times = 1};
    fault.violation = static_cast<replay::Violation>(each);
    VenueWorld world(world_with(fault));
    EXPECT_EQ(first_reason(world, EventKind::disconnected), Reason::protocol_error)
        << to_string(fault.violation);
    EXPECT_TRUE(world.run_until(5_s, EventKind::subscriptions_restored));
  }
}

TEST(Outage, ReasonsOfAFailedAttempt) {
  const auto reason = [](Fault fault) {
    VenueWorld world(world_with(std::move(fault)));
    return first_reason(world, EventKind::connect_failed);
  };
  EXPECT_EQ(reason({.kind = FaultKind::refuse}), Reason::connect_refused);
  EXPECT_EQ(reason({.kind = FaultKind::resolve}), Reason::resolve_failed);
  EXPECT_EQ(reason({.kind = FaultKind::blackhole, .stage = BlackholeStage::tcp}),
            Reason::connect_timeout);
  EXPECT_EQ(reason({.kind = FaultKind::blackhole, .stage = BlackholeStage::upgrade}),
            Reason::connect_timeout);
  EXPECT_EQ(reason({.kind = FaultKind::tls}), Reason::tls_failed);
  EXPECT_EQ(reason({.kind = FaultKind::tls, .tls = replay::TlsFault::expired}),
            Reason::certificate_refused);
  EXPECT_EQ(reason({.kind = FaultKind::http, .code = 503}), Reason::upgrade_refused);
  EXPECT_EQ(reason({.kind = FaultKind::bad_accept}), Reason::upgrade_refused);
  EXPECT_EQ(reason({.kind = FaultKind::silent_greeting}), Reason::greeting_timeout);
}

TEST(Outage, RetryAfterIsObeyedInSecondsAndAsADate) {
  for (const bool as_date : {false, true}) {
    VenueWorld world(world_with({.kind = FaultKind::http,
                                 .times = 1,
                                 .code = 503,
                                 .retry_after = 9_s,
                                 .retry_after_date = as_date}));
    ASSERT_TRUE(world.run_until(2_s, EventKind::reconnecting));
    EXPECT_EQ(world.events.back().payload.reconnecting.delay_ns, (9_s).ns);
    EXPECT_EQ(world.events.back().payload.reconnecting.waits_for, WaitsFor::retry_after);
    EXPECT_TRUE(world.run_until(12_s, EventKind::subscriptions_restored));
  }
}

TEST(Outage, ALongOutageTripsTheBreakerAndHeals) {
  VenueWorld world(world_with({.kind = FaultKind::refuse, .at = 10_s, .lasting = 90_s}));
  world.venue.add_fault({.kind = FaultKind::reset, .at = 10_s});
  ASSERT_TRUE(world.run_until(2_s, EventKind::subscriptions_restored));
  ASSERT_TRUE(world.run_until(150_s, EventKind::subscriptions_restored));
  EXPECT_EQ(world.count(EventKind::circuit_breaker_open), 3u);
  EXPECT_EQ(world.count(EventKind::circuit_breaker_half_open), 3u);
  world.run(1_s);
  EXPECT_EQ(world.count(EventKind::circuit_breaker_closed), 1u);
}

TEST(Outage, MaintenanceIsWaitedOutWithoutHammering) {  // lesson 14
  VenueWorldSettings settings = two_books();
  settings.engine.circuit_breaker.enabled = false;
  settings.faults.add_maintenance(10_s, 1_s, 60_s, 0_s);
  VenueWorld world(settings);
  ASSERT_TRUE(world.run_until(2_s, EventKind::subscriptions_restored));
  ASSERT_TRUE(world.run_until(120_s, EventKind::subscriptions_restored));
  EXPECT_LE(world.venue.attempts(), 14u);
  EXPECT_EQ(world.first(EventKind::disconnected)->payload.disconnected.reason, Reason::maintenance);
}

TEST(Outage, ABadChecksumRepairsOneBookAndLeavesTheConnection) {
  VenueWorld world(
      world_with({.kind = FaultKind::bad_checksum, .at = 10_s, .times = 1, .symbol = "BTC/USD"}));
  ASSERT_TRUE(world.run_until(2_s, EventKind::subscriptions_restored));
  static_cast<void>(world.take_names());
  world.run(30_s);
  EXPECT_EQ(world.take_names(), "ChecksumMismatch Unsubscribed Subscribed");
  EXPECT_EQ(world.venue.attempts(), 1u);
}

TEST(Outage, ACrossedBookIsRepairedToo) {
  VenueWorld world(
      world_with({.kind = FaultKind::crossed_book, .at = 10_s, .times = 1, .symbol = "BTC/USD"}));
  ASSERT_TRUE(world.run_until(2_s, EventKind::subscriptions_restored));
  static_cast<void>(world.take_names());
  world.run(30_s);
  EXPECT_EQ(world.take_names(), "BookInvalid Unsubscribed Subscribed");
}

TEST(Outage, ARejectedSymbolDoesNotHoldUpTheOthers) {
  VenueWorld world(world_with({.kind = FaultKind::reject_symbol, .symbol = "ETH/USD"}));
  ASSERT_TRUE(world.run_until(5_s, EventKind::subscriptions_restored));
  EXPECT_EQ(world.events.back().payload.subscriptions_restored.count, 1u);
  EXPECT_EQ(world.events.back().payload.subscriptions_restored.rejected, 1u);
}

TEST(Outage, RateExceededIsSurvived) {
  VenueWorld world(world_with({.kind = FaultKind::rate_exceeded, .times = 2}));
  ASSERT_TRUE(world.run_until(30_s, EventKind::subscriptions_restored));
  EXPECT_EQ(world.count(EventKind::disconnected), 0u);
}

TEST(Outage, BytesInPiecesOfAnySizeMakeNoDifference) {
  std::vector<std::string> names;
  for (const uint32_t piece : {0u, 1u, 7u, 1000u}) {
    VenueWorldSettings settings = two_books();
    settings.network.read_bytes_max = piece;
    settings.faults.add({.kind = FaultKind::reset, .at = 5_s});
    VenueWorld world(settings);
    world.run(20_s);
    names.push_back(world.take_names());
  }
  for (const std::string& each : names) EXPECT_EQ(each, names[0]);
}

TEST(Outage, ADeadVenueIsNeverAskedMoreThanTheBudgetAllows) {  // lesson 13
  VenueWorldSettings settings = world_with({.kind = FaultKind::refuse});
  settings.engine.circuit_breaker.enabled = false;
  settings.engine.reconnect.max_delay = 1_s;
  VenueWorld world(settings);
  world.run(3600_s);
  EXPECT_LE(world.venue.attempts(), 6u * 120 + 120);
  EXPECT_GT(world.venue.attempts(), 600u);
}

TEST(Outage, TheSameSeedGivesTheSameEventsToTheByte) {  // lesson 33
  const auto digest = [](uint64_t seed) {
    VenueWorldSettings settings = two_books();
    settings.engine.reconnect.jitter = Jitter::full;
    settings.seed = seed;
    settings.faults.add({.kind = FaultKind::reset, .at = 5_s, .every = 7_s})
        .add({.kind = FaultKind::refuse, .at = 30_s, .lasting = 40_s})
        .add({.kind = FaultKind::bad_checksum, .at = 20_s, .times = 3});
    settings.network.jitter = 3_ms;
    settings.network.read_bytes_max = 200;
    VenueWorld world(settings);
    world.run(120_s);
    replay::EventDigest result;
    for (const Event& event : world.events) result.add(event);
    return result.value();
  };
  EXPECT_EQ(digest(1), digest(1));
  EXPECT_NE(digest(1), digest(2));
}

}  // namespace
}  // namespace havklo
