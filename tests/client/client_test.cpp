// The public face, live: a client against the venue on a real TLS socket. Few tests, because they
// take real time; nothing sleeps: each waits for an event, with a limit.
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <functional>
#include <havklo/havklo.hpp>
#include <havklo/limits.hpp>
#include <limits>
#include <string>
#include <vector>

#include "havklo/counters_text.hpp"
#include "replay/playback/player.hpp"
#include "support/loopback_venue.hpp"
#include "support/temporary_file.hpp"
#include "support/temporary_folder.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

constexpr std::chrono::seconds patience{20};

// The events until `done` says so; fails the test if they do not come.
std::vector<Event> read_until(KrakenClient& client, const std::function<bool(const Event&)>& done) {
  std::vector<Event> events;
  const auto until = std::chrono::steady_clock::now() + patience;
  while (std::chrono::steady_clock::now() < until) {
    Event event;
    if (!client.poll(event)) {
      std::this_thread::yield();
      continue;
    }
    events.push_back(event);
    if (done(event)) return events;
  }
  ADD_FAILURE() << "the event did not come; " << events.size() << " others did";
  return events;
}

std::vector<Event> read_until(KrakenClient& client, EventKind kind) {
  return read_until(client, [kind](const Event& event) { return event.kind == kind; });
}

replay::Scenario with(replay::Fault fault) {
  replay::Scenario scenario;
  scenario.faults.add(std::move(fault));
  return scenario;
}

// Strikes the first connection once it has subscribed: on a slow machine the client may connect
// long after the venue has begun.
replay::Fault while_live(replay::Fault fault) {
  fault.after = 200_ms;
  fault.since = replay::Since::subscribed;
  fault.connection_last = 1;
  return fault;
}

class ClientOf : public testing::TestWithParam<Network> {
 protected:
  static Settings settings_of(const LoopbackVenue& venue,
                              std::vector<std::string> symbols = {"BTC/USD"}) {
    Settings settings = venue.settings(std::move(symbols));
    settings.network = GetParam();
    return settings;
  }
};
INSTANTIATE_TEST_SUITE_P(EveryNetwork, ClientOf,
                         testing::Values(Network::io_uring, Network::sockets),
                         [](const auto& network) {
                           return network.param == Network::io_uring ? "Uring" : "Sockets";
                         });

TEST_P(ClientOf, IsLiveOverTlsAndClosesWhenAsked) {
  const LoopbackVenue venue;
  auto client = KrakenClient::connect(settings_of(venue, {"BTC/USD", "ETH/USD"})).value();
  ASSERT_TRUE(client->wait_live(20_s));
  const auto events = read_until(*client, EventKind::subscriptions_restored);
  EXPECT_EQ(events.back().payload.subscriptions_restored.count, 2u);
  ASSERT_TRUE(client->close());
  EXPECT_EQ(read_until(*client, EventKind::closed).back().payload.ended.reason, Reason::requested);
  while (!client->closed()) std::this_thread::yield();
  EXPECT_EQ(client->reconnect().error(), CommandError::closed);
}

TEST_P(ClientOf, WorksWithoutTlsAndWithASpinningLoop) {
  const LoopbackVenue venue({}, false);
  Settings settings = settings_of(venue);
  settings.idle = Idle::spin;
  auto client = KrakenClient::connect(settings).value();
  EXPECT_TRUE(client->wait_live(20_s));
}

TEST_P(ClientOf, SubscribesWhileRunning) {
  const LoopbackVenue venue;
  auto client = KrakenClient::connect(settings_of(venue)).value();
  ASSERT_TRUE(client->wait_live(20_s));
  ASSERT_TRUE(client->subscribe(Channel::book, "ETH/USD", 25));
  read_until(*client, [&](const Event& event) {
    return event.kind == EventKind::book_snapshot &&
           client->names().symbol(event.payload.book.symbol) == "ETH/USD";
  });
  ASSERT_TRUE(client->unsubscribe(Channel::book, "ETH/USD"));
  read_until(*client, EventKind::unsubscribed);
  EXPECT_EQ(client->subscribe(Channel::book, "ETHUSD").error(), CommandError::symbol_invalid);
  EXPECT_EQ(client->subscribe(Channel::book, "ETH/USD", 11).error(), CommandError::depth_invalid);
}

TEST_P(ClientOf, ComesBackWhenTheVenueDies) {
  auto venue =
      std::make_unique<LoopbackVenue>(with(while_live({.kind = replay::FaultKind::reset})));
  auto client = KrakenClient::connect(settings_of(*venue)).value();
  read_until(*client, EventKind::disconnected);
  const auto events = read_until(*client, EventKind::subscriptions_restored);
  EXPECT_EQ(events.back().epoch, 2u);
  venue.reset();
  read_until(*client, [](const Event& event) {
    return event.kind == EventKind::connect_failed &&
           event.payload.connect_failed.reason == Reason::connect_refused;
  });
}

TEST(Client, WaitLiveSaysWhyNot) {
  replay::Scenario scenario = with({.kind = replay::FaultKind::http, .code = 503});
  const LoopbackVenue venue(scenario);
  Settings settings = venue.settings();
  settings.reconnect.enabled = false;
  auto client = KrakenClient::connect(settings).value();
  const auto live = client->wait_live(20_s);
  ASSERT_FALSE(live);
  EXPECT_TRUE(live.error().closed);
  EXPECT_EQ(live.error().reason, Reason::upgrade_refused);
  EXPECT_EQ(live.error().message(),
            "the client has closed; the last connection ended by upgrade_refused");
}

// Nothing is subscribed, and nothing will be: no reason to wait, and none to say "live".
TEST(Client, WaitLiveNamesWhatTheVenueRefuses) {
  const LoopbackVenue venue;
  Settings settings = venue.settings({"BTC/USDD", "XBT/EURR"});
  settings.subscriptions.push_back({.channel = Channel::trade, .symbols = {"BTC/USDD"}});
  auto client = KrakenClient::connect(settings).value();
  const auto live = client->wait_live({std::numeric_limits<int64_t>::max()});
  ASSERT_FALSE(live);
  EXPECT_EQ(live.error().message(),
            "the venue refuses everything that is wanted: book BTC/USDD, book XBT/EURR, trade "
            "BTC/USDD");
}

TEST(Client, WaitLiveSucceedsWithOneOfTwo) {
  const LoopbackVenue venue;
  auto client = KrakenClient::connect(venue.settings({"BTC/USDD", "BTC/USD"})).value();
  EXPECT_TRUE(client->wait_live(20_s));
}

TEST(Client, WaitLiveWaitsForARefusalThatMayPass) {
  const LoopbackVenue venue(
      with({.kind = replay::FaultKind::reject_symbol, .times = 2, .text = "EService:Unavailable"}));
  auto client = KrakenClient::connect(venue.settings()).value();
  EXPECT_TRUE(client->wait_live(20_s));
}

// Who waits does not read: the snapshots of these books do not fit the ring.
TEST(Client, WaitLiveSaysThatTheRingIsFull) {
  replay::Scenario scenario;
  std::vector<std::string> symbols;
  for (const char* base : {"A", "B", "C", "D", "E", "F", "G", "H"}) {
    symbols.push_back(base + std::string("/USD"));
    scenario.market.symbols.push_back(replay::market_symbol(symbols.back()));
  }
  const LoopbackVenue venue(scenario);
  Settings settings = venue.settings(symbols);
  settings.ring_slots = ring_slots_min(settings);
  auto client = KrakenClient::connect(settings).value();
  const auto live = client->wait_live(20_s);
  ASSERT_FALSE(live);
  EXPECT_TRUE(live.error().ring_full);
  EXPECT_FALSE(live.error().closed);
  EXPECT_EQ(live.error().message(),
            "not live yet: the ring is full: read events, or with_ring_slots()");
  EXPECT_EQ(read_until(*client, EventKind::subscriptions_restored)
                .back()
                .payload.subscriptions_restored.count,
            8u);
}

TEST(Client, WaitsForEverWhenAskedTo) {
  const LoopbackVenue venue;
  auto client = KrakenClient::connect(venue.settings()).value();
  EXPECT_TRUE(client->wait_live({std::numeric_limits<int64_t>::max()}));
}

TEST(Client, InlineIsDestroyedThoughItsQueueIsFull) {
  const LoopbackVenue venue({}, false);
  auto client = InlineKrakenClient::connect(venue.settings()).value();
  client->run_once([](const Event&) {});
  while (client->reconnect()) continue;
  EXPECT_EQ(client->reconnect().error(), CommandError::queue_full);
  client.reset();
}

TEST(Client, RefusesMoreSymbolsThanThereCanBe) {
  auto client = KrakenClient::builder({"S0/USD"})
                    .with_book(10)
                    .with_url("ws://127.0.0.1:1/")
                    .connect_inline()
                    .value();
  const auto take = [&](const std::function<std::expected<void, CommandError>()>& command) {
    auto taken = command();
    while (!taken && taken.error() == CommandError::queue_full) {
      client->run_once([](const Event&) {});
      taken = command();
    }
    return taken;
  };
  const auto symbol = [](uint32_t i) { return "S" + std::to_string(i) + "/USD"; };
  for (uint32_t i = 1; i < symbols_max; ++i) {
    ASSERT_TRUE(take([&] { return client->subscribe(Channel::book, symbol(i)); })) << i;
    ASSERT_TRUE(take([&] { return client->unsubscribe(Channel::book, symbol(i)); })) << i;
  }
  EXPECT_EQ(take([&] { return client->subscribe(Channel::book, symbol(symbols_max)); }).error(),
            CommandError::too_many_symbols);
  EXPECT_TRUE(take([&] { return client->subscribe(Channel::trade, symbol(7)); }));
}

TEST(Client, RefusesACertificateThatItCannotTrust) {
  for (const replay::TlsFault fault : {replay::TlsFault::expired, replay::TlsFault::wrong_name}) {
    const LoopbackVenue venue(with({.kind = replay::FaultKind::tls, .tls = fault}));
    auto client = KrakenClient::connect(venue.settings()).value();
    const auto events = read_until(*client, EventKind::connect_failed);
    EXPECT_EQ(events.back().payload.connect_failed.reason, Reason::certificate_refused);
    EXPECT_EQ(events.back().payload.connect_failed.certificate, fault == replay::TlsFault::expired
                                                                    ? CertificateFault::expired
                                                                    : CertificateFault::wrong_name);
    EXPECT_FALSE(events.back().payload.connect_failed.retryable);
  }
}

TEST_P(ClientOf, EveryFaultOfARealSocketHasItsReason) {
  struct Case {
    replay::Fault fault;
    EventKind kind;
    Reason reason;
  };
  const std::vector<Case> cases = {
      {while_live({.kind = replay::FaultKind::end_of_stream}), EventKind::disconnected,
       Reason::end_of_stream},
      {while_live({.kind = replay::FaultKind::close, .code = 1012}), EventKind::disconnected,
       Reason::maintenance},
      {while_live({.kind = replay::FaultKind::violation}), EventKind::disconnected,
       Reason::protocol_error},
      {{.kind = replay::FaultKind::tls}, EventKind::connect_failed, Reason::tls_failed},
      {{.kind = replay::FaultKind::tls, .tls = replay::TlsFault::abort},
       EventKind::connect_failed,
       Reason::peer_reset},
      {{.kind = replay::FaultKind::http, .code = 429},
       EventKind::connect_failed,
       Reason::upgrade_refused},
      {{.kind = replay::FaultKind::bad_accept}, EventKind::connect_failed, Reason::upgrade_refused},
  };
  for (const Case& each : cases) {
    const LoopbackVenue venue(with(each.fault));
    auto client = KrakenClient::connect(settings_of(venue)).value();
    const Event event = read_until(*client, each.kind).back();
    const Reason reason = each.kind == EventKind::disconnected
                              ? event.payload.disconnected.reason
                              : event.payload.connect_failed.reason;
    EXPECT_EQ(reason, each.reason) << to_string(each.fault.kind) << ": " << to_string(reason);
  }
}

// By whatever means the network writes files.
TEST_P(ClientOf, ARecordingIsPrivateReplacesNothingAndIsMissedWhenItIsGone) {
  for (const bool is_removed : {true, false}) {  // or cut short
    const TemporaryFolder folder;
    const LoopbackVenue venue;
    Settings settings = settings_of(venue);
    settings.recording.path = folder / "night-%Y.hvk";
    auto client = KrakenClient::connect(settings).value();
    read_until(*client, EventKind::subscriptions_restored);
    const std::string name =
        std::filesystem::directory_iterator(folder.path())->path().filename().string();
    EXPECT_TRUE(name.starts_with("night-2") && name.size() == std::string("night-2026.hvk").size());
    const std::string path = folder / name;
    EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms(0600));
    EXPECT_NE(
        KrakenClient::connect(settings).error().message().find("another process is recording"),
        std::string::npos);
    if (is_removed) {
      std::filesystem::remove(path);
    } else {
      std::filesystem::resize_file(path, 0);
    }
    const Event stopped = read_until(*client, EventKind::recording_stopped).back();
    EXPECT_EQ(stopped.payload.recording_stopped.os_error, ENOENT);
    EXPECT_EQ(stopped.epoch, 1u);
    ASSERT_TRUE(client->close());
    read_until(*client, EventKind::closed);
  }
}

TEST_P(ClientOf, ARecordedSessionReplaysToTheSameEvents) {
  const TemporaryFile file;
  const LoopbackVenue venue(with(while_live({.kind = replay::FaultKind::reset})));
  std::vector<Event> recorded;
  Instant first_turn;
  {
    Settings settings = settings_of(venue);
    settings.recording.path = file.path();
    auto client = KrakenClient::connect(settings).value();
    for (const EventKind kind : {EventKind::disconnected, EventKind::subscriptions_restored}) {
      const auto more = read_until(*client, kind);
      recorded.insert(recorded.end(), more.begin(), more.end());
    }
    first_turn = client->counters().first_turn;
    ASSERT_TRUE(client->close());
    const auto more = read_until(*client, EventKind::closed);
    recorded.insert(recorded.end(), more.begin(), more.end());
  }
  replay::RecordedTurn first;
  auto reader = replay::Reader::open(file.path()).value();
  ASSERT_EQ(reader.next(first), replay::Reader::Status::turn);
  EXPECT_EQ(first.now, first_turn);  // live and replayed, an instant has one name
  replay::Player player(replay::Reader::open(file.path()).value());
  size_t at = 0;
  const auto result = player.run([&](const Event& event, const Names&) {
    ASSERT_LT(at, recorded.size());
    EXPECT_EQ(std::memcmp(static_cast<const void*>(&event),
                          static_cast<const void*>(&recorded[at++]), sizeof event),
              0);
  });
  EXPECT_TRUE(result.identical());
  EXPECT_EQ(result.torn, "");
  EXPECT_EQ(at, recorded.size());
}

TEST_P(ClientOf, CountsWhereTheTimeOfItsMessagesGoes) {
  const LoopbackVenue venue;
  auto client = KrakenClient::connect(settings_of(venue)).value();
  const auto timed_all = [&](const ClientCounters& counters) {
    return counters.read.samples != 0 &&
           std::ranges::all_of(counters.phases, [](const auto& each) { return each.samples != 0; });
  };
  read_until(*client, [&](const Event&) { return timed_all(client->counters()); });
  const ClientCounters counters = client->counters();
  ASSERT_TRUE(timed_all(counters));
  EXPECT_GT(counters.turns, counters.read.samples);
  EXPECT_GT(counters.longest_turn_ns, 0);
  EXPECT_EQ(counters.kernel_entries != 0, GetParam() == Network::io_uring);
  EXPECT_EQ(counters.socket_calls != 0, GetParam() == Network::sockets);
  EXPECT_LE(counters.socket_calls_empty, counters.socket_calls);
  const std::string text = counters_text(counters);
  for (const char* row : {"decrypt ", "frame ", "decode ", "publish ", "read ", "the longest"}) {
    EXPECT_NE(text.find(row), std::string::npos) << text;
  }
}

TEST_P(ClientOf, RunsInlineOnTheCallersThread) {
  const LoopbackVenue venue;
  auto client = InlineKrakenClient::connect(settings_of(venue)).value();
  OrderBook book(client->names(), "BTC/USD", 10);
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!book.best_bid() && std::chrono::steady_clock::now() < until) {
    client->run_once([&book](const Event& event) { book.apply(event); });
  }
  ASSERT_TRUE(book.best_bid());
  EXPECT_LT(book.best_bid()->price, book.best_ask()->price);
}

// The kernel numbers a thread's rings: what one client registered on its loop's thread must not be
// undone on the thread that destroys it, where the number is another's.
TEST_P(ClientOf, AnotherIsDestroyedBesideAnInlineOne) {
  const LoopbackVenue venue;
  auto client = InlineKrakenClient::connect(settings_of(venue)).value();
  const auto next_update = [&] {
    uint32_t updates = 0;
    const auto until = std::chrono::steady_clock::now() + patience;
    while (updates == 0 && std::chrono::steady_clock::now() < until) {
      client->run_once([&updates](const Event& event) {
        EXPECT_NE(event.kind, EventKind::disconnected);
        updates += event.kind == EventKind::book_update ? 1 : 0;
      });
    }
    return updates != 0;
  };
  ASSERT_TRUE(next_update());
  {
    auto other = KrakenClient::connect(settings_of(venue)).value();
    EXPECT_TRUE(other->wait_live(20_s));
  }
  EXPECT_TRUE(next_update());
  EXPECT_TRUE(next_update());
}

TEST_P(ClientOf, ADestroyedClientSaysGoodbye) {
  const LoopbackVenue venue;
  for (int round = 0; round < 5; ++round) {
    auto client = KrakenClient::connect(settings_of(venue)).value();
    EXPECT_TRUE(round % 2 != 0 || client->wait_live(20_s));
  }
}

TEST(Client, RefusesBadSettingsBeforeAnythingStarts) {
  const auto error = [](KrakenClientBuilder builder) {
    auto client = builder.connect();
    return client ? std::string("accepted") : client.error().message();
  };
  const auto btc = [] { return KrakenClient::builder({"BTC/USD"}).with_book(10); };
  EXPECT_EQ(error(btc().with_reconnect({.initial_delay = Duration::seconds(-1)})),
            "reconnect.initial_delay = -1s: must be from 0s to 7 days");
  EXPECT_EQ(error(btc().with_reconnect({.multiplier = 0.5})),
            "reconnect.multiplier = 0.5: must be a number from 1 to 1000");
  EXPECT_EQ(error(btc().with_reconnect({.initial_delay = 2_s, .max_delay = 1_s})),
            "reconnect.max_delay = 1s: must be at least initial_delay, 2s");
  EXPECT_EQ(error(KrakenClient::builder({}).with_book(10)),
            "subscription.symbol = []: must be at least one pair, as \"BTC/USD\"");
  EXPECT_EQ(error(KrakenClient::builder({"BTC/USD"}).with_book(27)),
            "subscription.depth = 27: must be 10, 25, 100, 500 or 1000");
  EXPECT_EQ(error(KrakenClient::builder({"BTC/USD"})), "subscription = none: must be at least one");
  EXPECT_EQ(error(btc().with_circuit_breaker({.failure_threshold = 0})),
            "circuit_breaker.failure_threshold = 0: must be from 1 to 1000000");
  EXPECT_EQ(error(btc().with_url("http://x")),
            "url = \"http://x\": must be wss://host[:port][/path], or ws:// without TLS");
  EXPECT_EQ(error(btc().with_ca_file("/no/such/file")),
            "cannot read the CA file '/no/such/file': No such file or directory");
  EXPECT_TRUE(error(btc().with_url("ws://127.0.0.1:1/").pinned_to(100'000))
                  .starts_with("cannot pin to cpu 100000: this process may use "));
  EXPECT_EQ(error(btc().with_url("ws://127.0.0.1:1/").with_recording("/no/such/x.hvk")),
            "cannot record to '/no/such/x.hvk': No such file or directory");
}

}  // namespace
}  // namespace havklo
