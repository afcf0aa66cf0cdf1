// The examples of "Test your strategy" (include/havklo/README.md), compiled and run.

// README strategy_test
#include <gtest/gtest.h>

#include <havklo/simulation.hpp>

using namespace havklo;
using namespace havklo::literals;

struct Quoter {  // a strategy: it quotes while it knows the market
  void on_event(const Event& event) { book.apply(event); }
  bool quotes() const { return book.best_bid() && book.best_ask(); }
  OrderBook book;
};

TEST(Quoter, QuotesNothingWhileTheConnectionIsGone) {
  auto sim = Simulation::from_toml("fault = [{kind = 'reset', at = '5s'}]");
  ASSERT_TRUE(sim) << sim.error();
  Quoter quoter{OrderBook(sim->names(), "BTC/USD", 10)};
  const auto feed = [&](const Event& event) { quoter.on_event(event); };
  sim->run_for(4_s, feed);
  EXPECT_TRUE(quoter.quotes());
  ASSERT_TRUE(sim->run_until(EventKind::disconnected, 2_s, feed));
  EXPECT_FALSE(quoter.quotes());
  ASSERT_TRUE(sim->run_until(EventKind::subscriptions_restored, 10_s, feed));
  EXPECT_TRUE(quoter.quotes());
}
// README end

// README strategy_asks
// It wants the trades, too, once its book stands; who carries that out, it does not know.
struct Reader {
  void on_event(const Event& event) {
    book.apply(event);
    if (event.kind == EventKind::trade) ++trades;
    if (!asked && book.is_live()) asked = session.subscribe(Channel::trade, "BTC/USD").has_value();
  }
  SessionCommands& session;  // of a client, or of a Simulation
  OrderBook book;
  bool asked = false;
  int trades = 0;
};

TEST(Reader, ReadsOnAfterAnOutage) {
  Settings settings;  // or those of its KrakenClientBuilder
  settings.subscriptions.push_back({.channel = Channel::book, .symbols = {"BTC/USD"}, .depth = 10});
  auto sim = Simulation::from_toml("[market]\nrate = 50", {settings});
  ASSERT_TRUE(sim) << sim.error();
  Reader reader{sim->session(), OrderBook(sim->names(), "BTC/USD", 10)};
  const auto feed = [&](const Event& event) { reader.on_event(event); };
  ASSERT_TRUE(sim->run_until([&] { return reader.trades > 0; }, 10_s, feed));
  ASSERT_TRUE(sim->add("fault = [{kind = 'reset'}, {kind = 'refuse', for = '3s'}]"));
  ASSERT_TRUE(sim->run_until(EventKind::circuit_breaker_open, 10_s, feed));
  EXPECT_FALSE(reader.book.is_live());
  const int before = reader.trades;
  ASSERT_TRUE(sim->run_until([&] { return reader.trades > before; }, 60_s, feed));
  EXPECT_TRUE(sim->venue_had(reader.book));
  const auto end = sim->finish(feed);  // closes
  EXPECT_TRUE(end) << end.error();
}
// README end
