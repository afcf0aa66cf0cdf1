// The channel `trade`: what was dealt. layout/trade.hpp reads the usual messages.
// Source: kraken-v2.md §6. Its snapshot, the last 50, reaches hours into the past: it is asked for
//         where gaps are named, and fills them.
#pragma once

#include <array>
#include <havklo/event.hpp>
#include <havklo/limits.hpp>
#include <tuple>

#include "kraken/channel.hpp"

namespace havklo::kraken {

struct TradeRow {
  std::string_view symbol;
  TradeSide side = TradeSide::buy;
  Decimal price;
  Decimal qty;
  uint64_t trade_id = 0;
  VenueTime time;
  RowFault fault;
};

[[nodiscard]] inline bool parse_word(std::string_view word, TradeSide& side) {
  side = word == "sell" ? TradeSide::sell : TradeSide::buy;
  return word == to_string(side);
}

struct TradeChannel {
  using Row = TradeRow;
  static constexpr ChannelFacts facts = {
      .channel = Channel::trade, .name = "trade", .snapshot = false};
  static constexpr std::tuple fields{
      required("symbol", &Row::symbol),     required("side", &Row::side),
      required("price", &Row::price),       required("qty", &Row::qty),
      required("trade_id", &Row::trade_id), required("timestamp", &Row::time)};
  static constexpr uint32_t rows_max = trade_rows_max;
  static constexpr std::array events = {EventKind::trade};

  static void write(const Row& row, SymbolId symbol, std::array<Event*, 1> out) {
    out[0]->payload.trade = {.price = row.price.mantissa,
                             .qty = row.qty.mantissa,
                             .trade_id = row.trade_id,
                             .venue_time_ns = row.time.ns,
                             .symbol = symbol,
                             .price_exponent = row.price.exponent,
                             .qty_exponent = row.qty.exponent,
                             .side = row.side,
                             .zero = {}};
  }
};

}  // namespace havklo::kraken
