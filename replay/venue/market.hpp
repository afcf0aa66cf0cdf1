// A market from a seed: books that move the way the captures do, trades, tickers, candles, pairs.
//
// Owns:       the books at full depth, the last trades, the day's figures of each symbol.
// Not owned:  time; who listens.
// Threads:    one.
// Invariants: the same settings give the same messages at the same instants, however advance() is
//             called; a book is never crossed or locked; timestamps of a symbol strictly rise.
// Cost:       a move is a few binary searches; text is written only for depths that are wanted.
// Source:     the mix of moves is measured on the captures (kraken-v2, 7): 63 % of the updates of
//             depth 10 have one level, 33 % two ("remove, and the level that comes back at the
//             bottom"), some three, now and then the same price several times.
#pragma once

#include <array>
#include <cstdint>
#include <havklo/random.hpp>
#include <string>
#include <vector>

#include "replay/venue/candles.hpp"
#include "replay/venue/market_feed.hpp"
#include "replay/venue/messages.hpp"

namespace havklo::replay {

struct MarketSymbol {
  std::string name = "BTC/USD";
  uint8_t price_decimals = 1;
  uint8_t qty_decimals = 8;
  int64_t mid_price = 635'017;  // with price_decimals decimals
  uint32_t levels = 1100;       // about so many on each side; fewer than 10: a thin book; 0: empty
};

// The symbols that a venue lists when nothing else is said: two busy ones, two with other decimals,
// one thin, one empty.
[[nodiscard]] std::vector<MarketSymbol> default_symbols();
// A symbol of that name: one of the defaults, or one with a price made from the name.
[[nodiscard]] MarketSymbol market_symbol(std::string_view name);

struct MarketSettings {
  std::vector<MarketSymbol> symbols = default_symbols();
  // Moves per second and symbol, in thousandths. A depth sees a share of them (10: about 3 in 5).
  uint64_t moves_per_1000_s = 20'000;
  uint32_t trades_per_1000_moves = 25;
  // Trades per second and symbol, in thousandths, while nobody listens and nothing else moves: they
  // are dealt at once when somebody does.
  uint64_t unheard_trades_per_1000_s = 0;
};

class Market final : public MarketFeed {
 public:
  // `utc_us`: microseconds since 1970 at Instant 0.
  Market(MarketSettings settings, uint64_t seed, int64_t utc_us);

  [[nodiscard]] uint32_t symbol_count() const override {
    return static_cast<uint32_t>(states_.size());
  }
  [[nodiscard]] std::string_view symbol(uint32_t index) const override {
    return settings_.symbols[index].name;
  }
  [[nodiscard]] bool serves(Channel channel, uint32_t symbol, uint32_t parameter) const override;
  [[nodiscard]] const MarketBook& book(uint32_t symbol) const override {
    return states_[symbol].book;
  }
  [[nodiscard]] int64_t changed_us(uint32_t symbol) const override {
    return states_[symbol].changed_us;
  }
  void resume(Instant now) override;
  [[nodiscard]] Instant next_deadline() const override;
  void advance(Instant now, FeedSink& sink) override;
  void append_snapshot(Channel channel, uint32_t symbol, uint32_t parameter,
                       std::string& out) const override;
  [[nodiscard]] std::span<const TradeText> last_trades(uint32_t symbol) const override {
    return states_[symbol].history;
  }

 private:
  struct State {
    MarketBook book;
    Random random;
    Instant next_move = Instant::never();
    int64_t changed_us = 0;
    uint64_t trade_id = 0;
    std::vector<TradeText> history;  // the last 50, oldest first
    std::vector<TradeText> trades;   // of the move being made
    TickerText day;
    int64_t open_price = 0;
    std::array<int64_t, 2> best{};
    Candles candles;
    int64_t unheard_us = 0;  // until then what nobody heard is dealt
  };

  void build(State& state, const MarketSymbol& spec);
  void move(uint32_t index, Instant now, FeedSink& sink);
  void publish(uint32_t index, FeedSink& sink);
  void publish_candles(uint32_t index, FeedSink& sink);
  void trade(State& state, const MarketSymbol& spec, int64_t time_us);
  void record_trade(State& state, TradeText trade);
  void deal_unheard(State& state, int64_t now_us);
  void change_book(State& state, const MarketSymbol& spec);
  void insert(State& state, const MarketSymbol& spec, BookSide side, size_t rank);
  void remove(State& state, BookSide side, size_t rank);
  void eat_and_refill(State& state, BookSide side, size_t rank);
  void update_ticker(State& state);
  void append_pairs(std::string& out) const;
  [[nodiscard]] size_t pick_rank(State& state, size_t count);
  [[nodiscard]] int64_t pick_qty(State& state, const MarketSymbol& spec);
  [[nodiscard]] Duration pick_pause(State& state);

  MarketSettings settings_;
  int64_t utc_us_;
  std::vector<State> states_;
  Random unheard_;
  std::string text_;
};

}  // namespace havklo::replay
