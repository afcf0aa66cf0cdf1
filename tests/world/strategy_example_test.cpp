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

// README missed
// What it has seen of the trades, and how many it knows that it has not.
struct Tape {
  void on_event(const Event& event) {
    const Event::TradeGap& gap = event.payload.trade_gap;
    const uint64_t id = event.payload.trade.trade_id;
    if (event.kind == EventKind::trade) note(id, id, seen);  // late ones, too
    if (event.kind == EventKind::trade_gap) note(gap.first, gap.last, missing);
  }
  void note(uint64_t from, uint64_t to, uint64_t& trades) {
    if (first == 0) first = from;
    EXPECT_TRUE(last == 0 || from == last + 1);  // each once, or named
    last = to;
    trades += to - from + 1;
  }
  uint64_t first = 0;
  uint64_t last = 0;
  uint64_t seen = 0;
  uint64_t missing = 0;
};

TEST(Tape, KnowsWhatItDoesNotKnow) {
  auto sim = Simulation::built_in("missed_trades");  // a short outage, and one of a minute
  ASSERT_TRUE(sim) << sim.error();
  Tape tape;
  const auto end = sim->finish([&](const Event& event) { tape.on_event(event); });
  EXPECT_TRUE(end) << end.error();
  EXPECT_GT(tape.missing, 0u);
  EXPECT_EQ(tape.seen + tape.missing, tape.last - tape.first + 1);
}
// README end
