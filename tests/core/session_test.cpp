// The engine, whole, against a scripted network and a manual clock: what a strategy sees of one
// outage after another. Each test is a rule of design §1.1 to §1.3; lessons are named by number.
#include <gtest/gtest.h>

#include "support/engine_world.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

Settings quick_settings() { return book_settings({"BTC/USD", "ETH/USD"}); }

const Event* last_of(const std::vector<Event>& events, EventKind kind) {
  const Event* last = nullptr;
  for (const Event& event : events) {
    if (event.kind == kind) last = &event;
  }
  return last;
}

TEST(Session, AsksTheNetworkForTheUrlsHostOverTls) {
  EngineWorld world(quick_settings());
  world.turn();
  ASSERT_EQ(world.net.opens.size(), 1u);
  EXPECT_EQ(world.net.opens[0].host, "venue.test");
  EXPECT_EQ(world.net.opens[0].port, 443);
  EXPECT_TRUE(world.net.opens[0].tls);
}

TEST(Session, SubscribesAfterTheGreetingAndNotBefore) {
  EngineWorld world(quick_settings());
  world.turn();
  world.open();
  EXPECT_TRUE(world.take_requests().empty());
  world.greet();
  const auto requests = world.take_requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_NE(requests[0].find(R"("symbol":["BTC/USD","ETH/USD"])"), std::string::npos);
  EXPECT_EQ(world.take_names(), "Connected Status");
}

TEST(Session, SaysAllClearOnlyWhenEveryBookIsVerified) {  // lessons 7, 26
  EngineWorld world(quick_settings());
  world.turn();
  world.open();
  world.greet();
  world.ack("subscribe", "BTC/USD");
  world.ack("subscribe", "ETH/USD");
  world.snapshot("BTC/USD");
  EXPECT_EQ(last_of(world.events, EventKind::subscriptions_restored), nullptr);
  world.snapshot("ETH/USD");
  const auto events = world.take();
  const Event* restored = last_of(events, EventKind::subscriptions_restored);
  ASSERT_NE(restored, nullptr);
  EXPECT_EQ(restored->payload.subscriptions_restored.count, 2u);
  EXPECT_EQ(restored->payload.subscriptions_restored.downtime_ns, 0);
  EXPECT_EQ(restored->sequence, events.back().sequence);
}

TEST(Session, KeepsTheWholeConnectionId) {  // lesson 19
  EngineWorld world(quick_settings());
  world.turn();
  world.open();
  world.greet();
  EXPECT_EQ(world.events[0].payload.connected.connection_id, 18446744073709551615u);
  EXPECT_EQ(world.events[0].epoch, 1u);
}

TEST(Session, ComesBackInTheOrderThatTheDesignShows) {
  EngineWorld world(quick_settings());
  world.go_live();
  static_cast<void>(world.take());
  world.fail(Reason::peer_reset, 104);
  world.pass(100_ms);
  world.fail(Reason::connect_refused, 111);
  world.pass(200_ms);
  EXPECT_EQ(world.take_names(), "Disconnected Reconnecting ConnectFailed Reconnecting");
  const Instant down = world.clock.now() - 300'002_us;
  world.come_back();
  const auto events = world.take();
  EXPECT_EQ(events.front().kind, EventKind::connected);
  EXPECT_EQ(events.front().epoch, 2u);
  const Event* restored = last_of(events, EventKind::subscriptions_restored);
  ASSERT_NE(restored, nullptr);
  EXPECT_EQ(restored->payload.subscriptions_restored.downtime_ns, (world.clock.now() - down).ns);
}

TEST(Session, ARecoveryWaitsForItsBackoffAndNothingElse) {  // lesson 8
  Settings settings = quick_settings();
  settings.reconnect.initial_delay = {};
  EngineWorld world(settings);
  world.go_live();
  static_cast<void>(world.take());
  const Instant lost = world.clock.now();
  world.fail(Reason::peer_reset);
  world.pass({});  // the tick of the timer
  ASSERT_EQ(world.net.opens.size(), 2u);
  world.come_back();
  EXPECT_LE(world.clock.now() - lost, 1_us);
  const Event* restored = last_of(world.events, EventKind::subscriptions_restored);
  ASSERT_NE(restored, nullptr);
  EXPECT_LE(restored->payload.subscriptions_restored.downtime_ns, (1_us).ns);
}

TEST(Session, ResubscribesEverythingOnTheNewConnection) {
  EngineWorld world(quick_settings());
  world.go_live();
  world.fail(Reason::end_of_stream);  // lesson 10
  world.pass(100_ms);
  world.open();
  world.greet();
  const auto requests = world.take_requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_NE(requests[0].find(R"("symbol":["BTC/USD","ETH/USD"])"), std::string::npos);
}

TEST(Session, PublishesNothingOfADeadEpoch) {  // lesson 24
  EngineWorld world(quick_settings());
  world.go_live();
  const ConnectionId old = world.id();
  world.net.closed(old, Reason::peer_reset);
  world.turn();
  static_cast<void>(world.take());
  world.net.text(old, EngineWorld::update_text("BTC/USD"));
  world.turn();
  EXPECT_TRUE(world.take().empty());
}

TEST(Session, EmptiesTheBookBetweenConnections) {  // lessons 9, 24
  EngineWorld world(quick_settings());
  world.go_live();
  world.fail(Reason::peer_reset);
  world.pass(100_ms);
  world.open();
  world.greet();
  world.ack("subscribe", "BTC/USD");
  static_cast<void>(world.take());
  world.update("BTC/USD");  // without a snapshot on this connection
  EXPECT_TRUE(world.take().empty());
}

TEST(Session, GivesUpAVenueThatNeverGreets) {  // lesson 6
  EngineWorld world(quick_settings());
  world.turn();
  world.open();
  world.pass(5_s);
  const auto events = world.take();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].kind, EventKind::connect_failed);
  EXPECT_EQ(events[0].payload.connect_failed.reason, Reason::greeting_timeout);
}

TEST(Session, GivesUpAPeerThatNeverAnswersTheUpgrade) {  // lesson 29
  EngineWorld world(quick_settings());
  world.turn();
  world.net.opened(world.id());
  world.turn();
  world.pass(10_s);
  EXPECT_EQ(world.events.front().payload.connect_failed.reason, Reason::connect_timeout);
  EXPECT_EQ(world.net.closes.size(), 1u);
}

TEST(Session, NoticesASilentFeedEvenIfPongsGoOn) {  // lesson 23
  EngineWorld world(quick_settings());
  world.go_live();
  static_cast<void>(world.take());
  for (int second = 0; second < 4; ++second) {
    world.pass(1_s);
    world.say(R"({"method":"pong","req_id":1})");
    world.net.ping(world.id(), "x");
    world.turn();
  }
  EXPECT_TRUE(world.take().empty());
  world.pass(1_s);
  EXPECT_EQ(world.events.front().payload.disconnected.reason, Reason::heartbeat_timeout);
}

TEST(Session, AHeartbeatKeepsAQuietConnectionAlive) {
  EngineWorld world(quick_settings());
  world.go_live();
  for (int second = 0; second < 120; ++second) {
    world.pass(1_s);
    world.say(R"({"channel":"heartbeat"})");
  }
  EXPECT_EQ(last_of(world.events, EventKind::disconnected), nullptr);
}

TEST(Session, WithNothingSubscribedOnlyTheSocketIsProbed) {  // lesson 23
  EngineWorld world(book_settings({"BTC/USD"}));
  world.go_live();
  world.command(make_command(Command::Kind::unsubscribe, "BTC/USD"));
  world.ack("unsubscribe", "BTC/USD");
  static_cast<void>(world.take_requests());
  static_cast<void>(world.take());
  for (int round = 0; round < 10; ++round) {
    world.pass(15_s);
    const auto requests = world.take_requests();
    ASSERT_EQ(requests.size(), 1u) << "round " << round;
    EXPECT_NE(requests[0].find(R"("method":"ping")"), std::string::npos);
    world.say(R"({"method":"pong","req_id":)" + std::to_string(round + 1) + "}");
  }
  EXPECT_TRUE(world.take().empty());
  world.pass(15_s);
  world.pass(5_s);
  EXPECT_EQ(world.events.front().payload.disconnected.reason, Reason::heartbeat_timeout);
}

TEST(Session, AVenueThatGreetsAndDropsIsNotHitForEver) {  // lessons 5, 21
  Settings settings = quick_settings();
  settings.circuit_breaker.failure_threshold = 1000;
  EngineWorld world(settings);
  world.turn();
  for (uint32_t round = 0; round < 10; ++round) {
    world.come_back();
    world.fail(Reason::peer_reset);
    const Event* waits = last_of(world.events, EventKind::reconnecting);
    ASSERT_NE(waits, nullptr);
    EXPECT_EQ(waits->payload.reconnecting.attempt, round + 1);
    world.pass({waits->payload.reconnecting.delay_ns});
  }
  EXPECT_EQ(last_of(world.events, EventKind::reconnecting)->payload.reconnecting.delay_ns,
            Duration::milliseconds(30'000).ns);
}

TEST(Session, OpensTheBreakerOnceAndLetsOneProbeThrough) {  // lessons 1-3
  Settings settings = quick_settings();
  settings.circuit_breaker.failure_threshold = 3;
  EngineWorld world(settings);
  world.turn();
  for (int failure = 0; failure < 3; ++failure) {
    world.fail(Reason::connect_refused);
    if (failure < 2) world.pass(1_s);
  }
  EXPECT_EQ(world.take_names(),
            "ConnectFailed Reconnecting ConnectFailed Reconnecting ConnectFailed "
            "CircuitBreakerOpen Reconnecting");
  const size_t opened = world.net.opens.size();
  world.pass(29_s);
  EXPECT_EQ(world.net.opens.size(), opened);
  world.pass(1_s);
  EXPECT_EQ(world.net.opens.size(), opened + 1);
  EXPECT_EQ(world.take_names(), "CircuitBreakerHalfOpen");
  world.fail(Reason::connect_refused);
  const auto events = world.take();
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[1].kind, EventKind::circuit_breaker_open);
  EXPECT_EQ(events[1].payload.circuit_breaker.trips, 2u);
  EXPECT_EQ(events[2].payload.reconnecting.waits_for, WaitsFor::breaker);
  world.pass(30_s);
  world.come_back();
  const std::string names = world.take_names();
  EXPECT_TRUE(names.ends_with("SubscriptionsRestored CircuitBreakerClosed")) << names;
}

TEST(Session, AProbeThatIsNotLiveInTimeIsAFailure) {
  Settings settings = quick_settings();
  settings.circuit_breaker = {.failure_threshold = 1, .half_open_timeout = 2_s};
  EngineWorld world(settings);
  world.turn();
  world.fail(Reason::connect_refused);
  world.pass(30_s);
  world.open();
  world.greet();
  static_cast<void>(world.take());
  world.pass(2_s);
  EXPECT_EQ(world.events.front().kind, EventKind::disconnected);
  EXPECT_EQ(world.events.front().payload.disconnected.reason, Reason::probe_timeout);
}

TEST(Session, ObeysRetryAfterOf429And503) {  // lessons 13, 14
  EngineWorld world(quick_settings());
  world.turn();
  world.net.opened(world.id());
  world.turn();
  world.net.received(world.id(), "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\n\r\n");
  world.turn();
  const Event& failed = world.events[0];
  EXPECT_EQ(failed.payload.connect_failed.http_status, 429);
  EXPECT_EQ(failed.payload.connect_failed.reason, Reason::upgrade_refused);
  EXPECT_TRUE(failed.payload.connect_failed.retryable);
  EXPECT_EQ(world.events[1].payload.reconnecting.delay_ns, Duration::seconds(7).ns);
  EXPECT_EQ(world.events[1].payload.reconnecting.waits_for, WaitsFor::retry_after);
}

TEST(Session, A403IsRetriedAtMaxDelayAndSaysThatItWillNotMend) {
  EngineWorld world(quick_settings());
  world.turn();
  world.net.opened(world.id());
  world.turn();
  world.net.received(world.id(), "HTTP/1.1 403 Forbidden\r\n\r\n");
  world.turn();
  EXPECT_FALSE(world.events[0].payload.connect_failed.retryable);
  EXPECT_EQ(world.events[1].payload.reconnecting.delay_ns, Duration::seconds(30).ns);
}

TEST(Session, AMaintenanceCloseSlowsTheAttemptsDown) {  // lesson 14
  EngineWorld world(quick_settings());
  world.go_live();
  static_cast<void>(world.take());
  world.net.close_frame(world.id(), 1012, "restart");
  world.turn();
  ASSERT_GE(world.events.size(), 2u);
  EXPECT_EQ(world.events[0].payload.disconnected.reason, Reason::maintenance);
  EXPECT_EQ(world.events[0].payload.disconnected.close_code, 1012);
  EXPECT_EQ(world.events[1].payload.reconnecting.delay_ns, Duration::seconds(5).ns);
  EXPECT_EQ(world.events[1].payload.reconnecting.waits_for, WaitsFor::maintenance);
}

TEST(Session, ACloseOfTheVenueGivesItsCode) {
  EngineWorld world(quick_settings());
  world.go_live();
  static_cast<void>(world.take());
  world.net.close_frame(world.id(), 1001, "going away");
  world.turn();
  EXPECT_EQ(world.events[0].payload.disconnected.reason, Reason::server_closed);
  EXPECT_EQ(world.events[0].payload.disconnected.close_code, 1001);
  EXPECT_EQ(world.net.close_code(world.id()), 1001);  // echoed
}

TEST(Session, MalformedJsonEndsTheConnectionWithItsCloseCode) {
  EngineWorld world(quick_settings());
  world.go_live();
  static_cast<void>(world.take());
  world.say(R"({"channel":"book","data":[)");
  EXPECT_EQ(world.events[0].payload.disconnected.reason, Reason::protocol_error);
  EXPECT_EQ(world.events[0].payload.disconnected.close_code, 1007);
  EXPECT_EQ(world.net.close_code(world.id()), 1007);
}

TEST(Session, AMaskedFrameOfTheVenueIsAProtocolError) {
  EngineWorld world(quick_settings());
  world.go_live();
  static_cast<void>(world.take());
  world.net.received(world.id(), std::string("\x81\x81\x00\x00\x00\x00x", 7));
  world.turn();
  EXPECT_EQ(world.events[0].payload.disconnected.reason, Reason::protocol_error);
  EXPECT_EQ(world.events[0].payload.disconnected.close_code, 1002);
}

TEST(Session, ClosesPolitelyAndIsThenSilent) {  // lesson 29
  EngineWorld world(quick_settings());
  world.go_live();
  static_cast<void>(world.take());
  world.command(make_command(Command::Kind::close));
  EXPECT_EQ(world.net.close_code(world.id()), 1000);
  EXPECT_TRUE(world.take().empty());
  world.net.answer(world.id());
  world.turn();
  EXPECT_EQ(world.take_names(), "Disconnected Closed");
  EXPECT_TRUE(world.engine.closed());
  world.pass(1000_s);
  EXPECT_TRUE(world.take().empty());
  EXPECT_EQ(world.engine.next_deadline(), Instant::never());
}

TEST(Session, ADeadPeerDoesNotHoldUpTheClose) {  // lesson 29
  EngineWorld world(quick_settings());
  world.go_live();
  static_cast<void>(world.take());
  world.command(make_command(Command::Kind::close));
  world.pass(1_s);
  EXPECT_EQ(world.take_names(), "Disconnected Closed");
}

TEST(Session, WithoutReconnectOneConnectionIsAll) {
  Settings settings = quick_settings();
  settings.reconnect.enabled = false;
  EngineWorld world(settings);
  world.go_live();
  static_cast<void>(world.take());
  world.fail(Reason::end_of_stream);
  EXPECT_EQ(world.take_names(), "Disconnected Closed");
  EXPECT_TRUE(world.engine.closed());
}

TEST(Session, MaxAttemptsIsThatManyAttempts) {  // lessons 4, 28
  Settings settings = quick_settings();
  settings.reconnect.max_attempts = 3;
  EngineWorld world(settings);
  world.go_live();
  world.fail(Reason::peer_reset);
  for (int attempt = 0; attempt < 3; ++attempt) {
    world.pass(10_s);
    world.fail(Reason::connect_refused);
  }
  EXPECT_EQ(world.net.opens.size(), 4u);
  const auto events = world.take();
  EXPECT_EQ(events.back().kind, EventKind::closed);
  EXPECT_EQ(events[events.size() - 2].kind, EventKind::reconnect_failed);
  EXPECT_EQ(events[events.size() - 2].payload.ended.attempts, 3u);
}

TEST(Session, TheUserMaySkipABackoffButNotTheBreaker) {
  Settings settings = quick_settings();
  settings.circuit_breaker.failure_threshold = 2;
  EngineWorld world(settings);
  world.go_live();
  world.fail(Reason::peer_reset);
  EXPECT_EQ(world.net.opens.size(), 1u);
  world.command(make_command(Command::Kind::reconnect));
  EXPECT_EQ(world.net.opens.size(), 2u);
  world.fail(Reason::connect_refused);
  world.command(make_command(Command::Kind::reconnect));
  EXPECT_EQ(world.net.opens.size(), 2u);
}

TEST(Session, ManySymbolsShareRequestsAndThePaceHolds) {
  std::vector<std::string> symbols;
  for (int i = 0; i < 1000; ++i) symbols.push_back("S" + std::to_string(i) + "/USD");
  Settings settings = book_settings(symbols);
  settings.requests = {.per_second = 10, .burst = 5};
  EngineWorld world(settings);
  world.turn();
  world.open();
  world.greet();
  EXPECT_EQ(world.take_requests().size(), 5u);
  world.pass(100_ms);
  EXPECT_EQ(world.take_requests().size(), 1u);
  world.pass(400_ms);
  EXPECT_EQ(world.take_requests().size(), 4u);
  world.pass(1_s);
  EXPECT_TRUE(world.take_requests().empty());
}

TEST(Session, SequenceNumbersHaveNoHoles) {
  EngineWorld world(quick_settings());
  world.go_live();
  for (int round = 0; round < 5; ++round) {
    world.update("BTC/USD");
    world.fail(Reason::peer_reset);
    world.pass({last_of(world.events, EventKind::reconnecting)->payload.reconnecting.delay_ns});
    world.come_back();
  }
  uint64_t expected = 1;
  for (const Event& event : world.events) EXPECT_EQ(event.sequence, expected++);
}

// What waited for slots when the client closed is not said afterwards.
TEST(Session, AfterClosedNothing) {
  Settings settings = book_settings({"BTC/USD"});
  settings.ring_slots = ring_slots_min(settings);
  EngineWorld world(settings);
  world.go_live();
  world.consumer_sleeps = true;
  for (uint32_t i = 0; i < settings.ring_slots; ++i) world.say(R"({"channel":"heartbeat"})");
  world.fail(Reason::peer_reset);
  world.command(make_command(Command::Kind::unsubscribe, "BTC/USD"));
  world.command(make_command(Command::Kind::close));
  world.consumer_sleeps = false;
  for (int i = 0; i < 3; ++i) world.turn();
  EXPECT_TRUE(world.engine.closed());
  EXPECT_EQ(world.events.back().kind, EventKind::closed);
}

}  // namespace
}  // namespace havklo
