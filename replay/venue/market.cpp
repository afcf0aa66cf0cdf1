// The seeded market: which moves a book makes, and what of them a subscriber is told.
#include "replay/venue/market.hpp"

#include <algorithm>
#include <utility>

#include "kraken/channels.hpp"

namespace havklo::replay {

namespace {

constexpr BookSide other(BookSide side) {
  return side == BookSide::bid ? BookSide::ask : BookSide::bid;
}

// One tick away from the other side.
constexpr int64_t outward(BookSide side) { return side == BookSide::bid ? -1 : 1; }

constexpr size_t history_max = 50;
// More are not worth their time: a snapshot shows the last of them.
constexpr double unheard_max = 10'000;

// Half as many again as wanted, or as few: the book breathes.
size_t levels_max(const MarketSymbol& spec) { return spec.levels + spec.levels / 8 + 2; }
size_t levels_min(const MarketSymbol& spec) {
  return spec.levels < 10 ? 1 : spec.levels - spec.levels / 16;
}

// A book message of these levels of `book`, with its decimals and its checksum.
void append_levels(std::string& out, std::string_view symbol, bool snapshot,
                   std::span<const MarketLevel> bids, std::span<const MarketLevel> asks,
                   const MarketBook& book, int64_t utc_us) {
  append_book(out, {.symbol = symbol,
                    .snapshot = snapshot,
                    .bids = bids,
                    .asks = asks,
                    .price_decimals = book.price_decimals(),
                    .qty_decimals = book.qty_decimals(),
                    .checksum = book.checksum(),
                    .utc_us = utc_us});
}

}  // namespace

std::vector<MarketSymbol> default_symbols() {
  return {
      {.name = "BTC/USD", .price_decimals = 1, .mid_price = 635'017},
      {.name = "ETH/USD", .price_decimals = 2, .mid_price = 177'413},
      {.name = "SOL/USD", .price_decimals = 2, .mid_price = 15'237},
      {.name = "ADA/USD", .price_decimals = 6, .mid_price = 387'214},
      {.name = "MINA/GBP", .price_decimals = 4, .mid_price = 287, .levels = 6},
      {.name = "EMPTY/USD", .price_decimals = 3, .mid_price = 5'000, .levels = 0},
  };
}

MarketSymbol market_symbol(std::string_view name) {
  for (MarketSymbol& symbol : default_symbols()) {
    if (symbol.name == name) return symbol;
  }
  uint64_t hash = 14695981039346656037U;  // FNV-1a
  for (const char c : name) hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211U;
  MarketSymbol symbol;
  symbol.name = name;
  symbol.price_decimals = static_cast<uint8_t>(1 + hash % 5);
  symbol.mid_price = static_cast<int64_t>(20'000 + hash / 8 % 900'000);
  return symbol;
}

Market::Market(MarketSettings settings, uint64_t seed, int64_t utc_us)
    : settings_(std::move(settings)), utc_us_(utc_us), unheard_(seed ^ 0x07'4ADE'5EE4) {
  Random seeds(seed);
  states_.reserve(settings_.symbols.size());
  for (const MarketSymbol& spec : settings_.symbols) {
    states_.push_back({MarketBook(spec.price_decimals, spec.qty_decimals),
                       Random(seeds.next_u64()),
                       Instant::never(),
                       0,
                       0,
                       {},
                       {},
                       {},
                       0,
                       {},
                       {},
                       utc_us_});
    build(states_.back(), spec);
  }
}

void Market::build(State& state, const MarketSymbol& spec) {
  // The last change, the last trades: somewhat before the world begins.
  state.changed_us = utc_us_ - 1'000'000 - static_cast<int64_t>(state.random.below(20'000'000));
  for (const BookSide side : {BookSide::bid, BookSide::ask}) {
    int64_t price = spec.mid_price;
    for (uint32_t i = 0; i < spec.levels; ++i) {
      price += outward(side) * static_cast<int64_t>(1 + state.random.below(4));
      if (price < 1) break;
      state.book.write(side, price, pick_qty(state, spec));
    }
  }
  state.open_price = spec.mid_price - spec.mid_price / 100;
  state.day.low = state.open_price;
  state.day.high = spec.mid_price;
  state.day.last = spec.mid_price;
  state.day.vwap = (state.open_price + spec.mid_price) / 2;
  state.trade_id = 1'000'000 + state.random.below(100'000'000);
  if (spec.levels != 0) {
    for (size_t i = 0; i < history_max; ++i) {
      const auto age = static_cast<int64_t>(history_max - i) * 700'000;
      record_trade(state,
                   {.side = state.random.below(2) == 0 ? TradeSide::buy : TradeSide::sell,
                    .price = spec.mid_price - 3 + static_cast<int64_t>(state.random.below(7)),
                    .qty = pick_qty(state, spec),
                    .market_order = state.random.below(4) == 0,
                    .trade_id = 0,
                    .utc_us = state.changed_us - age});
    }
  }
  update_ticker(state);
}

bool Market::serves(Channel channel, uint32_t symbol, uint32_t parameter) const {
  const kraken::ChannelFacts& facts = kraken::facts_of(channel);
  if (facts.names_symbols ? symbol >= states_.size() : symbol != every_symbol) return false;
  return kraken::serves(facts.parameter, parameter);
}

Duration Market::pick_pause(State& state) {
  // Uniform about the mean, in whole microseconds: integers are the same on every machine.
  const uint64_t mean_us = std::max<uint64_t>(1, 1'000'000'000 / settings_.moves_per_1000_s);
  return Duration::microseconds(static_cast<int64_t>(1 + state.random.below(2 * mean_us)));
}

void Market::resume(Instant now) {
  for (size_t i = 0; i < states_.size(); ++i) {
    const bool moves = settings_.symbols[i].levels != 0 && settings_.moves_per_1000_s != 0;
    states_[i].next_move = moves ? now + pick_pause(states_[i]) : Instant::never();
    const bool trades = settings_.symbols[i].levels != 0;
    if (trades && settings_.unheard_trades_per_1000_s != 0) {
      deal_unheard(states_[i], utc_us_ + now.ns / 1000);
    }
  }
}

// Others than those of its moves draw them, so that the moves are the same with and without.
void Market::deal_unheard(State& state, int64_t now_us) {
  const int64_t from_us = std::max(state.changed_us, state.unheard_us);
  const int64_t span_us = std::max<int64_t>(now_us - from_us, 0);
  state.unheard_us = std::max(state.unheard_us, now_us);
  const double trades_a_us = static_cast<double>(settings_.unheard_trades_per_1000_s) / 1e9;
  const double due = std::min(static_cast<double>(span_us) * trades_a_us, unheard_max);
  const auto count = static_cast<int64_t>(due);
  for (int64_t i = 1; i <= count; ++i) {
    record_trade(state, {.side = unheard_.below(2) == 0 ? TradeSide::buy : TradeSide::sell,
                         .price = std::max<int64_t>(state.day.last + 1, 3) -
                                  static_cast<int64_t>(unheard_.below(3)),
                         .qty = 1 + static_cast<int64_t>(unheard_.below(1'000'000)),
                         .market_order = unheard_.below(4) == 0,
                         .trade_id = 0,
                         .utc_us = from_us + span_us / count * i});
  }
}

Instant Market::next_deadline() const {
  Instant next = Instant::never();
  for (const State& state : states_) next = std::min(next, state.next_move);
  return next;
}

void Market::advance(Instant now, FeedSink& sink) {
  for (;;) {
    uint32_t first = 0;
    for (uint32_t i = 1; i < symbol_count(); ++i) {
      if (states_[i].next_move < states_[first].next_move) first = i;
    }
    if (states_.empty() || states_[first].next_move > now) return;
    State& state = states_[first];
    const Instant due = state.next_move;
    state.next_move = due + pick_pause(state);
    move(first, due, sink);
  }
}

void Market::move(uint32_t index, Instant now, FeedSink& sink) {
  State& state = states_[index];
  const MarketSymbol& spec = settings_.symbols[index];
  state.book.begin_message();
  state.trades.clear();
  const int64_t time_us = std::max(utc_us_ + now.ns / 1000, state.changed_us + 1);
  if (state.random.below(1000) < settings_.trades_per_1000_moves) {
    trade(state, spec, time_us);
  } else {
    change_book(state, spec);
  }
  state.changed_us = time_us;
  update_ticker(state);
  publish(index, sink);
}

void Market::publish(uint32_t index, FeedSink& sink) {
  State& state = states_[index];
  const std::string_view name = settings_.symbols[index].name;
  const MarketBook& book = state.book;
  if (!state.trades.empty() && sink.wants(Channel::trade, index, 0)) {
    text_.clear();
    append_trades(text_, name, false, state.trades, book);
    sink.on_message(Channel::trade, index, 0, text_, false);
  }
  for (size_t i = 0; i < book_depths.size(); ++i) {
    const auto bids = book.entries(i, BookSide::bid);
    const auto asks = book.entries(i, BookSide::ask);
    if (bids.empty() && asks.empty()) continue;
    if (!sink.wants(Channel::book, index, book_depths[i])) continue;
    text_.clear();
    append_levels(text_, name, false, bids, asks, book, state.changed_us);
    sink.on_message(Channel::book, index, book_depths[i], text_, false);
  }
  const std::array<int64_t, 2> best{state.day.bid.price, state.day.ask.price};
  const bool best_changed = best != std::exchange(state.best, best);
  if ((!state.trades.empty() || best_changed) && sink.wants(Channel::ticker, index, 0)) {
    text_.clear();
    append_ticker(text_, name, false, state.day, book);
    sink.on_message(Channel::ticker, index, 0, text_, state.trades.empty());
  }
  if (!state.trades.empty()) publish_candles(index, sink);
}

void Market::publish_candles(uint32_t index, FeedSink& sink) {
  const State& state = states_[index];
  for (const uint16_t interval : kraken::OhlcChannel::intervals_minutes) {
    if (!sink.wants(Channel::ohlc, index, interval)) continue;
    text_.clear();
    append_candles(text_, {.symbol = settings_.symbols[index].name,
                           .snapshot = false,
                           .candles = state.candles.of(interval).last(1),
                           .interval_minutes = interval,
                           .price_decimals = state.book.price_decimals(),
                           .qty_decimals = state.book.qty_decimals(),
                           .utc_us = state.changed_us});
    sink.on_message(Channel::ohlc, index, interval, text_, false);
  }
}

size_t Market::pick_rank(State& state, size_t count) {
  // Near the top most of the time: a book of depth 10 sees about three moves in five.
  const uint64_t band = state.random.below(100);
  const size_t reach = band < 60 ? 10 : band < 80 ? 25 : band < 92 ? 100 : 1000;
  return static_cast<size_t>(state.random.below(std::max<size_t>(1, std::min(reach, count))));
}

int64_t Market::pick_qty(State& state, const MarketSymbol& spec) {
  int64_t unit = 1;
  for (int i = 0; i < spec.qty_decimals; ++i) unit *= 10;
  const uint64_t shape = state.random.below(8);
  int64_t qty = 0;
  if (shape == 0) {
    qty = unit * static_cast<int64_t>(1 + state.random.below(40));  // 12.00000000
  } else if (shape == 1) {
    qty = unit / 1000 * static_cast<int64_t>(1 + state.random.below(2000));  // 0.35000000
  } else if (shape == 2) {
    qty = static_cast<int64_t>(1 + state.random.below(9999));  // 0.00005100
  } else {
    qty = static_cast<int64_t>(1 + state.random.below(static_cast<uint64_t>(unit) * 3));
  }
  return std::max<int64_t>(qty, 1);
}

void Market::change_book(State& state, const MarketSymbol& spec) {
  const auto side = static_cast<BookSide>(state.random.below(2));
  const size_t count = state.book.size(side);
  const size_t rank = pick_rank(state, count);
  const uint64_t what = state.random.below(100);
  if (count <= levels_min(spec)) {
    insert(state, spec, side, rank);
  } else if (count >= levels_max(spec) || what < 33) {
    remove(state, side, rank);
  } else if (what < 64) {
    insert(state, spec, side, rank);
  } else if (what < 67) {  // one order moves: out here, in there
    remove(state, side, rank);
    insert(state, spec, side, pick_rank(state, count));
  } else if (what < 69) {
    eat_and_refill(state, side, rank);
  } else {
    state.book.write(side, state.book.at(side, rank).price, pick_qty(state, spec));
  }
}

void Market::remove(State& state, BookSide side, size_t rank) {
  if (rank < state.book.size(side)) state.book.write(side, state.book.at(side, rank).price, 0);
}

// A new level, as near as the gaps allow to becoming the one at `rank`.
void Market::insert(State& state, const MarketSymbol& spec, BookSide side, size_t rank) {
  const MarketBook& book = state.book;
  const size_t count = book.size(side);
  const int64_t away = outward(side);
  const bool faces = book.size(other(side)) != 0;
  const int64_t facing = faces ? book.at(other(side), 0).price : spec.mid_price - away * 3;
  for (size_t r = std::min(rank, count); r <= count; ++r) {
    // Strictly between the neighbours, in ticks away from the better one.
    const int64_t better = r == 0 ? facing : book.at(side, r - 1).price;
    const int64_t room = r == count ? 4 : (book.at(side, r).price - better) * away - 1;
    if (room < 1) continue;
    const int64_t reach = std::min<int64_t>(room, 4);
    // Into the spread from the outer side: the best price creeps, it does not leap.
    const int64_t steps =
        r == 0 && r != count
            ? room - static_cast<int64_t>(state.random.below(static_cast<uint64_t>(reach)))
            : 1 + static_cast<int64_t>(state.random.below(static_cast<uint64_t>(reach)));
    const int64_t price = better + away * steps;
    if (price < 1) return;
    state.book.write(side, price, pick_qty(state, spec));
    return;
  }
}

// The same price several times in one message, as a taker's order eats it.
void Market::eat_and_refill(State& state, BookSide side, size_t rank) {
  const MarketLevel level = state.book.at(side, rank);
  int64_t left = level.qty;
  const uint64_t bites = 1 + state.random.below(4);
  for (uint64_t i = 0; i < bites && left > 1; ++i) {
    left -= 1 + static_cast<int64_t>(state.random.below(static_cast<uint64_t>(left) / 2 + 1));
    left = std::max<int64_t>(left, 1);
    state.book.write(side, level.price, left);
  }
  if (state.random.below(3) == 0 && state.book.size(side) > 1) {
    state.book.write(side, level.price, 0);
  }
}

void Market::trade(State& state, const MarketSymbol& spec, int64_t time_us) {
  const TradeSide taker = state.random.below(2) == 0 ? TradeSide::buy : TradeSide::sell;
  const BookSide side = taker == TradeSide::buy ? BookSide::ask : BookSide::bid;
  const bool market_order = state.random.below(4) == 0;
  uint64_t fills = 1 + state.random.below(3);
  while (fills > 0 && state.book.size(side) > levels_min(spec)) {
    --fills;
    const MarketLevel best = state.book.at(side, 0);
    const bool whole = state.random.below(2) == 0;
    const int64_t qty =
        whole ? best.qty
              : 1 + static_cast<int64_t>(state.random.below(static_cast<uint64_t>(best.qty)));
    record_trade(state, {.side = taker,
                         .price = best.price,
                         .qty = qty,
                         .market_order = market_order,
                         .trade_id = 0,
                         .utc_us = time_us});
    state.trades.push_back(state.history.back());
    state.book.write(side, best.price, best.qty - qty);
  }
  if (state.trades.empty()) change_book(state, spec);  // nothing to eat
}

void Market::record_trade(State& state, TradeText trade) {
  trade.trade_id = state.trade_id++;
  if (state.history.size() == history_max) state.history.erase(state.history.begin());
  state.history.push_back(trade);
  state.candles.add(trade.price, trade.qty, trade.utc_us);
  TickerText& day = state.day;
  day.last = trade.price;
  day.low = std::min(day.low, trade.price);
  day.high = std::max(day.high, trade.price);
  day.change = day.last - state.open_price;
  day.change_pct = state.open_price == 0 ? 0 : day.change * 10'000 / state.open_price;
  // A running mean that leans towards the new price by its share of the volume.
  __extension__ using Wide = __int128;
  const Wide value = Wide{day.vwap} * day.volume + Wide{trade.price} * trade.qty;
  day.volume += trade.qty;
  day.vwap = static_cast<int64_t>(value / day.volume);
  ++day.trades;
}

void Market::update_ticker(State& state) {
  const MarketBook& book = state.book;
  state.day.bid = book.size(BookSide::bid) == 0 ? MarketLevel{} : book.at(BookSide::bid, 0);
  state.day.ask = book.size(BookSide::ask) == 0 ? MarketLevel{} : book.at(BookSide::ask, 0);
  state.day.utc_us = state.changed_us;
}

void Market::append_snapshot(Channel channel, uint32_t symbol, uint32_t parameter,
                             std::string& out) const {
  if (channel == Channel::instrument) return append_pairs(out);
  const State& state = states_[symbol];
  const MarketBook& book = state.book;
  const std::string_view name = settings_.symbols[symbol].name;
  switch (channel) {
    case Channel::book:
      return append_levels(out, name, true, book.top(BookSide::bid, parameter),
                           book.top(BookSide::ask, parameter), book, state.changed_us);
    case Channel::trade:
      return append_trades(out, name, true, state.history, book);
    case Channel::ticker:
      return append_ticker(out, name, true, state.day, book);
    case Channel::ohlc:
      return append_candles(out, {.symbol = name,
                                  .snapshot = true,
                                  .candles = state.candles.of(parameter),
                                  .interval_minutes = parameter,
                                  .price_decimals = book.price_decimals(),
                                  .qty_decimals = book.qty_decimals(),
                                  .utc_us = state.changed_us});
    case Channel::instrument:
      return;
  }
}

void Market::append_pairs(std::string& out) const {
  std::vector<PairText> pairs;
  for (const MarketSymbol& symbol : settings_.symbols) {
    pairs.push_back({.symbol = symbol.name,
                     .price_decimals = symbol.price_decimals,
                     .qty_decimals = symbol.qty_decimals});
  }
  append_instruments(out, true, pairs);
}

}  // namespace havklo::replay
