// Several sessions on one loop, live: each with a venue, commands, counters and an end of its own.
// Nothing sleeps but in wait(): each waits for an event, with a limit.
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <havklo/havklo.hpp>
#include <havklo/order_books.hpp>
#include <limits>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "replay/recording/reader.hpp"
#include "support/loopback_venue.hpp"
#include "support/temporary_folder.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

constexpr Duration longest = 20_s;

// Sleeps from event to event until one is as wanted.
std::optional<Event> next(EngineClient& client, const std::function<bool(const Event&)>& wanted) {
  for (Event event; client.wait(event, longest);) {
    if (wanted(event)) return event;
  }
  ADD_FAILURE() << "the event did not come";
  return std::nullopt;
}

std::optional<Event> next(EngineClient& client, EventKind kind, uint8_t session) {
  return next(client,
              [=](const Event& event) { return event.kind == kind && event.session == session; });
}

KrakenClientBuilder session_at(const LoopbackVenue& venue, std::vector<std::string> symbols) {
  return venue.here(KrakenClientBuilder(std::move(symbols)));
}

class SessionsOf : public testing::TestWithParam<Network> {
 protected:
  [[nodiscard]] EngineBuilder engine() const {
    EngineBuilder builder = Engine::builder();
    builder.with_network(GetParam()).with_idle(Idle::park);
    return builder;
  }
};
INSTANTIATE_TEST_SUITE_P(EveryNetwork, SessionsOf,
                         testing::Values(Network::io_uring, Network::sockets),
                         [](const auto& network) {
                           return network.param == Network::io_uring ? "Uring" : "Sockets";
                         });

// Two venues with certificates of two files, the same symbol at both.
TEST_P(SessionsOf, EachHasAVenueCommandsAndAnEndOfItsOwn) {
  const LoopbackVenue first;
  const LoopbackVenue second;
  auto client = engine()
                    .add(session_at(first, {"BTC/USD"}).with_book(10))
                    .add(session_at(second, {"BTC/USD", "ETH/USD"}).with_book(25))
                    .connect()
                    .value();
  ASSERT_EQ(client->session_count(), 2u);
  ASSERT_TRUE(client->wait_live(longest));
  EXPECT_TRUE(client->wait_live(0, 0_s));
  EXPECT_TRUE(client->wait_live(1, 0_s));
  OrderBooks books(client->names());
  books.add("BTC/USD", 10, 0);
  books.add("BTC/USD", 25, 1);
  bool live[2] = {};
  while (!live[0] || !live[1]) {
    const auto event = next(*client, [&](const Event& each) {
      books.apply(each);
      return each.kind == EventKind::subscriptions_restored;
    });
    ASSERT_TRUE(event);
    EXPECT_EQ(event->payload.subscriptions_restored.count, event->session == 0 ? 1u : 2u);
    EXPECT_EQ(event->leg, 0);
    live[event->session] = true;
  }
  EXPECT_EQ(books.find("BTC/USD", 0)->bids()->size(), 10u);
  EXPECT_EQ(books.find("BTC/USD", 1)->bids()->size(), 25u);

  ASSERT_TRUE(client->session(0).subscribe(Channel::trade, "ETH/USD"));
  const auto subscribed = next(*client, EventKind::subscribed, 0);
  ASSERT_TRUE(subscribed);
  EXPECT_EQ(subscribed->payload.subscription.channel, Channel::trade);
  ASSERT_TRUE(client->session(1).reconnect());
  ASSERT_TRUE(next(*client, EventKind::disconnected, 1));
  const auto again = next(*client, EventKind::connected, 1);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->epoch, 2u);
  EXPECT_EQ(client->counters(0).connections, 1u);
  EXPECT_EQ(client->counters(0).losses, 0u);
  EXPECT_EQ(client->counters(1).attempts, 2u);
  EXPECT_EQ(client->counters(1).connections, 2u);
  EXPECT_EQ(client->counters(1).losses, 1u);
  EXPECT_GT(client->counters(0).messages, 3u);

  ASSERT_TRUE(client->session(0).close());
  ASSERT_TRUE(next(*client, EventKind::closed, 0));
  EXPECT_FALSE(client->closed());
  while (client->session(0).reconnect() != std::unexpected(CommandError::closed)) {
    std::this_thread::yield();  // it is told after its event
  }
  EXPECT_EQ(client->session(0).subscribe(Channel::trade, "A/B").error(), CommandError::closed);
  ASSERT_TRUE(client->session(1).close());
  ASSERT_TRUE(next(*client, EventKind::closed, 1));
  Event event;
  EXPECT_FALSE(client->wait(event, longest));  // at once: nothing will come
  EXPECT_TRUE(client->closed());
}

TEST_P(SessionsOf, WaitLiveNamesTheOneThatIsNot) {
  const LoopbackVenue venue;
  auto client = engine()
                    .add(session_at(venue, {"BTC/USD"}).with_book(10))
                    .add(session_at(venue, {"NONE/USD"}).with_book(10))
                    .connect()
                    .value();
  EXPECT_TRUE(client->wait_live(0, longest));
  const auto live = client->wait_live(longest);
  ASSERT_FALSE(live);
  EXPECT_EQ(live.error().session, 1);
  EXPECT_EQ(live.error().message(),
            "session 1: the venue refuses everything that is wanted: book NONE/USD");
}

// One that gave up is not waited for, though another goes on.
TEST_P(SessionsOf, WaitLiveKnowsThatASessionHasClosed) {
  const LoopbackVenue venue;
  LoopbackVenue gone;
  const auto lost = session_at(gone, {"BTC/USD"}).with_book(10).without_reconnect();
  gone.stop();
  auto client =
      engine().add(session_at(venue, {"BTC/USD"}).with_book(10)).add(lost).connect().value();
  const auto live = client->wait_live(1, Duration{std::numeric_limits<int64_t>::max()});
  ASSERT_FALSE(live);
  EXPECT_TRUE(live.error().closed);
  EXPECT_EQ(live.error().reason, Reason::connect_refused);
  EXPECT_TRUE(client->wait_live(0, longest));
}

TEST_P(SessionsOf, AllAreInOneRecordingThatReplays) {
  const LoopbackVenue venue;
  const TemporaryFolder folder;
  const std::string path = folder / "both.hvk";
  auto client = engine()
                    .add(session_at(venue, {"BTC/USD"}).with_book(10))
                    .add(session_at(venue, {"ETH/USD"}).with_trades())
                    .with_recording(path)
                    .with_seed(7)
                    .connect()
                    .value();
  ASSERT_TRUE(client->wait_live(longest));
  while (!client->close_all()) std::this_thread::yield();
  uint64_t last = 0;
  for (Event event; client->wait(event, longest);) last = event.sequence;
  ASSERT_TRUE(client->closed());
  EXPECT_TRUE(client->recording()) << client->recording().error();
  auto reader = replay::Reader::open(path).value();
  ASSERT_EQ(reader.header().sessions().size(), 2u);
  EXPECT_EQ(reader.header().sessions()[1].subscriptions[0].channel, Channel::trade);
  auto replay = Replay::open(path).value();
  uint64_t replayed = 0;
  for (Event event; replay.poll(event);) replayed = event.sequence;
  EXPECT_EQ(replay.end(), ReplayEnd::whole) << replay.message();
  EXPECT_EQ(replayed, last);
}

TEST_P(SessionsOf, RunInlineToo) {
  const LoopbackVenue venue;
  auto client = engine()
                    .add(session_at(venue, {"BTC/USD"}).with_book(10))
                    .add(session_at(venue, {"ETH/USD"}).with_book(10))
                    .connect_inline()
                    .value();
  bool live[2] = {};
  bool asked = false;
  uint32_t ends = 0;
  const auto until = std::chrono::steady_clock::now() + std::chrono::nanoseconds(longest.ns);
  while (!client->closed() && std::chrono::steady_clock::now() < until) {
    client->run_once([&](const Event& event) {
      if (event.kind == EventKind::subscriptions_restored) live[event.session] = true;
      ends += event.kind == EventKind::closed ? 1 : 0;
    });
    if (live[0] && live[1] && !asked) asked = client->close_all();
  }
  EXPECT_EQ(ends, 2u);
  EXPECT_EQ(client->counters(1).connections, 1u);
}

// A ring for one session's lifecycle is none for two; what one wants is not there for the other.
TEST_P(SessionsOf, ShareTheRoomInTheRing) {
  const LoopbackVenue venue;
  const Settings settings = venue.settings();
  const uint32_t slots = ring_slots_min(std::vector{settings, settings});
  auto client = engine()
                    .add(session_at(venue, {"BTC/USD"}).with_book(10))
                    .add(session_at(venue, {"BTC/USD"}).with_book(10))
                    .with_ring_slots(slots)
                    .connect()
                    .value();
  size_t more = 0;
  std::expected<void, CommandError> taken;
  for (const char* symbol : {"ETH/USD", "SOL/USD", "ADA/USD", "A/B", "B/C", "C/D", "D/E", "E/F"}) {
    taken = client->session(more % 2 == 0 ? 0 : 1).subscribe(Channel::trade, symbol);
    if (!taken) break;
    ++more;
  }
  EXPECT_EQ(more + 2, subscriptions_max(slots, 10, 2));
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error(), CommandError::too_many_subscriptions);
  ASSERT_TRUE(client->session(0).unsubscribe(Channel::trade, "ETH/USD"));
  EXPECT_TRUE(client->session(1).subscribe(Channel::trade, "ETH/USD"));
}

std::string refusal_of(const EngineBuilder& builder) {
  const auto client = builder.connect();
  return client ? "" : client.error().message();
}

TEST(Sessions, WhatBelongsToTheLoopIsSaidOnce) {
  const auto plain = [] { return std::move(KrakenClient::builder({"BTC/USD"}).with_book(10)); };
  EXPECT_EQ(refusal_of(Engine::builder()), "session = 0 of them: must be 1 to 64");
  EXPECT_EQ(refusal_of(Engine::builder().add(plain()).add(plain().pinned_to(1))),
            "session[1].engine.cpu = (set): must be set for the engine, whose loop all sessions "
            "share");
  EXPECT_EQ(refusal_of(Engine::builder().add(plain().with_recording("x.hvk")).add(plain())),
            "session[0].recording = (set): must be set for the engine, whose loop all sessions "
            "share");
  EXPECT_EQ(
      refusal_of(Engine::builder().add(plain()).add(plain().with_url("http://x"))),
      "session[1].url = \"http://x\": must be wss://host[:port][/path], or ws:// without TLS");
  EngineBuilder four = Engine::builder();
  for (int i = 0; i < 4; ++i) four.add(plain());
  EXPECT_EQ(refusal_of(four.with_ring_slots(256)),
            "engine.ring_slots = 256: must be at least 512 for these sessions together");
  EXPECT_EQ(refusal_of(Engine::builder().add(plain()).add(plain()).with_ring_slots(1000)),
            "engine.ring_slots = 1000: must be a power of two from 256 to 67108864");
  EngineBuilder crowd = Engine::builder();
  for (int i = 0; i < 65; ++i) crowd.add(plain());
  EXPECT_EQ(refusal_of(crowd), "session = 65 of them: must be 1 to 64");
}

TEST(Sessions, TakeTheEnginesSourceAddressWhereTheyNameNone) {
  const auto plain = [] { return std::move(KrakenClient::builder({"BTC/USD"}).with_book(10)); };
  const EngineSettings settings = Engine::builder()
                                      .add(plain())
                                      .add(plain().with_source_address("127.0.0.3"))
                                      .with_source_address("127.0.0.2")
                                      .settings();
  EXPECT_EQ(settings.sessions[0].source_address, "127.0.0.2");
  EXPECT_EQ(settings.sessions[1].source_address, "127.0.0.3");
}

// Readable while there is something to read, unreadable once it was read to the end.
TEST(EventDescriptor, TellsWhoSleepsOnSeveralThings) {
  const LoopbackVenue venue({}, false);
  for (const Idle idle : {Idle::park, Idle::spin}) {
    Settings settings = venue.settings();
    settings.idle = idle;
    auto client = KrakenClient::connect(settings).value();
    const int descriptor = client->event_descriptor().value();
    EXPECT_EQ(client->event_descriptor().value(), descriptor);
    const int poller = ::epoll_create1(EPOLL_CLOEXEC);
    epoll_event watched{.events = EPOLLIN, .data = {}};
    ASSERT_EQ(::epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &watched), 0);
    constexpr int longest_ms = 20'000;
    epoll_event ready{};
    bool live = false;
    uint32_t heartbeats = 0;
    while (heartbeats < 2) {
      ASSERT_EQ(::epoll_wait(poller, &ready, 1, longest_ms), 1) << heartbeats;
      for (Event event; client->poll(event);) {
        live = live || event.kind == EventKind::subscriptions_restored;
        heartbeats += live && event.kind == EventKind::heartbeat ? 1 : 0;
      }
    }
    ASSERT_TRUE(client->close());
    bool closed = false;
    while (!closed) {
      ASSERT_EQ(::epoll_wait(poller, &ready, 1, longest_ms), 1);
      for (auto events = client->peek(); !events.empty(); events = client->peek()) {
        for (const Event& event : events) closed = closed || event.kind == EventKind::closed;
        client->release(events.size());
      }
    }
    while (!client->closed()) std::this_thread::yield();
    Event event;
    EXPECT_FALSE(client->poll(event));
    EXPECT_EQ(::epoll_wait(poller, &ready, 1, longest_ms), 1);  // nothing will come, and it says so
    ::close(poller);
  }
}

TEST(Wait, IsOverWhenItsTimeIs) {
  const LoopbackVenue venue;
  auto client = KrakenClient::connect(venue.settings()).value();
  ASSERT_TRUE(client->wait_live(longest));
  Event event;
  while (client->poll(event)) continue;
  const auto began = std::chrono::steady_clock::now();
  uint32_t taken = 0;
  while (client->wait(event, 5_ms)) ++taken;  // until five milliseconds pass in silence
  EXPECT_TRUE(client->wait(event, Duration{std::numeric_limits<int64_t>::max()}));
  EXPECT_TRUE(client->wait_live(Duration{std::numeric_limits<int64_t>::max()}));
  EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(5)) << taken;
}

TEST(UtcOffset, MakesWallClockOfEventTime) {
  const LoopbackVenue venue({}, false);
  auto client = KrakenClient::connect(venue.settings()).value();
  const auto event = next(*client, EventKind::connected, 0);
  ASSERT_TRUE(event);
  const auto now = std::chrono::duration_cast<std::chrono::nanoseconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  const int64_t then = (event->time + client->utc_offset()).ns;
  EXPECT_LE(then, now + 1'000'000'000);
  EXPECT_GE(then, now - longest.ns);
}

}  // namespace
}  // namespace havklo
