// Every C++ example of the pages, compiled and run against the venue on a loopback socket.
// tests/docs/check_pages.py compares the marked regions with the pages to the letter.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <havklo/havklo.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "support/loopback_venue.hpp"
#include "support/temporary_file.hpp"

namespace havklo {
namespace {

// What the strategy of an example does with a price.
uint64_t decided = 0;
void decide(std::string_view, const Level&) { ++decided; }

// README watch
using namespace havklo;
using namespace havklo::literals;

// watch(KrakenClient::builder({"BTC/USD"}).with_book(10));
void watch(KrakenClientBuilder builder) {
  auto client = builder.connect();
  if (!client) return void(std::puts(client.error().message().c_str()));
  if (auto live = (*client)->wait_live(10_s); !live) {
    return void(std::puts(live.error().message().c_str()));
  }
  OrderBook book((*client)->names(), "BTC/USD", 10);
  for (Event event; (*client)->poll(event);) book.apply(event);  // all until the all clear
  const auto best = book.best_bid();
  std::printf("best bid %s\n", best ? to_string(best->price).c_str() : "none");
}
// README end

// README settings
KrakenClientBuilder patient() {
  return KrakenClient::builder({"BTC/USD", "ETH/USD"})
      .with_book(100)
      .with_trades()
      .with_reconnect({.initial_delay = 50_ms,
                       .multiplier = 1.5,
                       .max_delay = 10_s,
                       .max_attempts = 20,
                       .jitter = Jitter::decorrelated})
      .with_circuit_breaker({.failure_threshold = 3, .reset_timeout = 15_s})
      .with_timeouts({.connect_timeout = 3_s, .heartbeat_timeout = 2500_ms})
      .with_idle(Idle::park);
}
// README end

// README books
void follow(KrakenClientBuilder builder) {
  auto client = builder.connect();
  if (!client) return void(std::puts(client.error().message().c_str()));
  OrderBooks books((*client)->names(), {"BTC/USD", "ETH/USD"}, 10);
  for (Event event{}; event.kind != EventKind::closed;) {  // the last one
    if (!(*client)->poll(event)) continue;
    if (const OrderBook* changed = books.apply(event)) {
      if (const auto bid = changed->best_bid()) decide(changed->symbol(), *bid);
    } else if (event.kind == EventKind::subscriptions_restored ||
               event.kind == EventKind::disconnected) {
      for (const OrderBook& book : books) {
        std::printf("%s: %s\n", std::string(book.symbol()).c_str(),
                    book.is_live() ? "live" : "not to be used");
      }
    }
  }
}
// README end

// README price
void tell_trade(const Event& event, const Names& names) {
  const Event::Trade& trade = event.payload.trade;
  const Decimal price{trade.price, trade.price_exponent};
  std::array<char, decimal_chars_max + 1> text{};  // on the stack, and a zero byte for printf
  to_chars(text.data(), text.data() + text.size(), price);
  std::printf("%s %s at %s, in dollars and cents %.2f\n",
              std::string(names.symbol(trade.symbol)).c_str(), to_string(trade.side).data(),
              text.data(), to_double(price));
}
// README end

// README story
void tell(const Event& event) {
  switch (event.kind) {
    case EventKind::disconnected:
      return void(std::printf("lost: %s\n", to_string(event.payload.disconnected.reason).data()));
    case EventKind::reconnecting: {
      const auto& wait = event.payload.reconnecting;
      return void(std::printf("attempt %u, waiting %lld ms for %s\n", wait.attempt,
                              static_cast<long long>(wait.delay_ns / 1'000'000),
                              to_string(wait.waits_for).data()));
    }
    case EventKind::circuit_breaker_open:
      return void(std::printf("the venue is down: trip %u\n", event.payload.circuit_breaker.trips));
    case EventKind::subscriptions_restored:
      return void(
          std::printf("all clear, books: %u\n", event.payload.subscriptions_restored.count));
    default:
      return;
  }
}
// README end

// README sessions
void two_sessions(const KrakenClientBuilder& books, const KrakenClientBuilder& trades) {
  auto engine = Engine::builder().add(books).add(trades).with_idle(Idle::park).connect();
  if (!engine) return void(std::puts(engine.error().message().c_str()));
  if (auto live = (*engine)->wait_live(10_s); !live) {
    return void(std::puts(live.error().message().c_str()));  // says which session is not
  }
  auto renewed = (*engine)->session(1).reconnect();              // the other goes on
  for (Event event; renewed && (*engine)->wait(event, 10_s);) {  // sleeps until there is one
    if (event.session == 0 || is_market(event.kind)) continue;
    std::printf("session %u: %s\n", event.session, to_string(event.kind).data());
    if (event.kind == EventKind::subscriptions_restored && event.epoch == 2) break;
  }
}
// README end

// README once
void listen_once(KrakenClientBuilder builder) {
  auto client = builder.without_reconnect().connect();
  for (Event event{}; client && event.kind != EventKind::closed;) {  // the last one
    if ((*client)->poll(event)) tell(event);
  }
}
// README end

// README inline
void run_on_this_thread(KrakenClientBuilder builder) {
  auto client = builder.connect_inline();
  bool restored = false;
  while (client && !restored && !(*client)->closed()) {
    (*client)->run_once([&restored](const Event& event) {
      restored = restored || event.kind == EventKind::subscriptions_restored;
      tell(event);
    });
  }
}
// README end

// README replay
void replay_night(const std::string& path) {
  auto replay = Replay::open(path);
  if (!replay) return void(std::puts(replay.error().c_str()));
  OrderBook book(replay->names(), "BTC/USD", 10);
  for (Event event; replay->poll(event);) {
    book.apply(event);
    if (event.kind != EventKind::disconnected && event.kind != EventKind::subscriptions_restored) {
      continue;
    }
    std::printf("%s: the book answers %s\n", to_string(event.kind).data(),
                book.best_bid() ? "a price" : "nothing");
  }
  if (replay->end() != ReplayEnd::whole) std::puts(replay->message().c_str());
}
// README end

// README legs
// The venue resets one of two connections, and the book answers all the while.
void trade_on(KrakenClientBuilder builder) {
  auto client = builder.with_legs(2).connect();
  if (!client) return void(std::puts(client.error().message().c_str()));
  OrderBook book((*client)->names(), "BTC/USD", 10);
  bool lost = false;
  for (Event event{}; event.kind != EventKind::leg_restored || !lost;) {
    if (!(*client)->poll(event)) continue;
    book.apply(event);
    lost = lost || event.kind == EventKind::leg_lost;
    if (event.kind == EventKind::subscriptions_restored || event.kind == EventKind::disconnected ||
        event.kind == EventKind::leg_lost || (event.kind == EventKind::leg_restored && lost)) {
      std::printf("%s: the book answers %s\n", to_string(event.kind).data(),
                  book.best_bid() ? "a price" : "nothing");
    }
  }
}
// README end

// README toml
void connect_as_written(std::string_view text) {
  auto settings = settings_from_toml(text, "engine.toml");
  if (!settings) return void(std::puts(settings.error().c_str()));
  settings->idle = Idle::park;  // what the program knows better
  auto client = KrakenClient::connect(*settings);
  if (!client) std::puts(client.error().message().c_str());
}
// README end

// README refused
void show_refusal() {
  auto client = KrakenClient::builder({"BTC/USD"})
                    .with_book(10)
                    .with_reconnect({.multiplier = 0.5})
                    .connect();
  if (!client) std::puts(client.error().message().c_str());
}
// README end

class Readme : public testing::Test {
 protected:
  static replay::Scenario scenario() {
    replay::Scenario scenario;
    scenario.faults.add({.kind = replay::FaultKind::reset,
                         .after = 500_ms,
                         .since = replay::Since::subscribed,
                         .connection_last = 1});
    return scenario;
  }
  // The same builder, at our venue instead of Kraken's.
  KrakenClientBuilder here(KrakenClientBuilder builder) { return venue_.here(std::move(builder)); }
  KrakenClientBuilder btc() { return here(KrakenClient::builder({"BTC/USD"}).with_book(10)); }
  template <class Example>
  std::string output_of(Example&& example) {
    testing::internal::CaptureStdout();
    example();
    return testing::internal::GetCapturedStdout();
  }

  LoopbackVenue venue_{scenario()};
};

TEST_F(Readme, Watch) {
  EXPECT_TRUE(output_of([&] { watch(btc()); }).starts_with("best bid 63"));
}

TEST_F(Readme, ASetOfBooks) {
  decided = 0;
  const std::string said = output_of([&] {
    follow(here(KrakenClient::builder({"BTC/USD", "ETH/USD"}).with_book(10).without_reconnect()));
  });
  EXPECT_EQ(said,
            "BTC/USD: live\n"
            "ETH/USD: live\n"
            "BTC/USD: not to be used\n"
            "ETH/USD: not to be used\n");
  EXPECT_GT(decided, 0u);
}

TEST(ReadmePrice, AsTextAndAsADouble) {
  Names names;
  Event event = Event::make(EventKind::trade);
  event.payload.trade.symbol = names.intern_symbol("BTC/USD").value();
  event.payload.trade.price = 635019;
  event.payload.trade.price_exponent = -1;
  testing::internal::CaptureStdout();
  tell_trade(event, names);
  EXPECT_EQ(testing::internal::GetCapturedStdout(),
            "BTC/USD buy at 63501.9, in dollars and cents 63501.90\n");
}

TEST_F(Readme, AConfigurationFile) {
  EXPECT_EQ(output_of([] { connect_as_written("[engine]\nnetwrk = \"auto\"\n"); }),
            "engine.toml:2: unknown key engine.netwrk; the nearest known one is engine.network\n");
  EXPECT_EQ(output_of([] { connect_as_written("[reconnect]\nmax_delay = \"10s\"\n"); }),
            "subscription = none: must be at least one\n");
  const std::string whole = "url = \"" + venue_.settings().url + "\"\n[engine]\nca_file = \"" +
                            venue_.ca_file() +
                            "\"\n[[subscription]]\nchannel = \"book\"\nsymbol = \"BTC/USD\"\n";
  EXPECT_EQ(output_of([&] { connect_as_written(whole); }), "");
}

TEST_F(Readme, SettingsAreAccepted) {
  auto client = here(patient()).connect();
  ASSERT_TRUE(client) << client.error().message();
  EXPECT_TRUE((*client)->wait_live(10_s));
}

TEST_F(Readme, OnceEndsWithItsConnection) {
  EXPECT_EQ(output_of([&] { listen_once(btc()); }), "all clear, books: 1\nlost: peer_reset\n");
}

TEST_F(Readme, SessionsAreOneEngine) {
  EXPECT_EQ(output_of([&] {
              two_sessions(here(KrakenClient::builder({"BTC/USD"}).with_book(10)),
                           here(KrakenClient::builder({"ETH/USD"}).with_trades()));
            }),
            "session 1: Connected\nsession 1: Subscribed\nsession 1: SubscriptionsRestored\n"
            "session 1: Disconnected\nsession 1: Reconnecting\nsession 1: Connected\n"
            "session 1: Subscribed\nsession 1: SubscriptionsRestored\n");
}

TEST_F(Readme, TheBookAnswersWhileOneOfTwoLegsIsLost) {
  EXPECT_EQ(output_of([&] { trade_on(btc()); }),
            "SubscriptionsRestored: the book answers a price\n"
            "LegLost: the book answers a price\n"
            "LegRestored: the book answers a price\n");
}

TEST_F(Readme, Inline) {
  EXPECT_EQ(output_of([&] { run_on_this_thread(btc()); }), "all clear, books: 1\n");
}

TEST_F(Readme, TheStoryOfAnOutage) {
  const std::string story = output_of([&] {
    auto client = btc().connect();
    uint32_t restored = 0;
    for (Event event; restored < 2;) {
      if (!(*client)->poll(event)) continue;
      tell(event);
      restored += event.kind == EventKind::subscriptions_restored ? 1 : 0;
    }
  });
  EXPECT_EQ(story,
            "all clear, books: 1\n"
            "lost: peer_reset\n"
            "attempt 1, waiting 100 ms for backoff\n"
            "all clear, books: 1\n");
}

TEST_F(Readme, ARecordedNightRunsThroughAStrategy) {
  const TemporaryFile recording;
  {
    auto client = btc().with_recording(recording.path()).connect();
    uint32_t restored = 0;
    for (Event event; restored < 2;) {
      if (!(*client)->poll(event)) continue;
      restored += event.kind == EventKind::subscriptions_restored ? 1 : 0;
    }
  }
  EXPECT_EQ(output_of([&] { replay_night(recording.path()); }),
            "SubscriptionsRestored: the book answers a price\n"
            "Disconnected: the book answers nothing\n"
            "SubscriptionsRestored: the book answers a price\n"
            "Disconnected: the book answers nothing\n");
}

TEST_F(Readme, ARefusalNamesFieldValueAndRange) {
  EXPECT_EQ(output_of(show_refusal),
            "reconnect.multiplier = 0.5: must be a number from 1 to 1000\n");
}

}  // namespace
}  // namespace havklo
