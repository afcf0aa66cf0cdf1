// The channel `ticker`: the best of both sides and the day's figures.
// Source: kraken-v2.md §6.
#pragma once

#include <array>
#include <havklo/event.hpp>
#include <havklo/limits.hpp>
#include <tuple>

#include "kraken/channel.hpp"

namespace havklo::kraken {

struct TickerRow {
  std::string_view symbol;
  Statistic bid;
  Statistic bid_qty;
  Statistic ask;
  Statistic ask_qty;
  Statistic last;
  Statistic volume;
  VenueTime time;
  RowFault fault;
};

struct TickerChannel {
  using Row = TickerRow;
  static constexpr ChannelFacts facts = {.channel = Channel::ticker, .name = "ticker"};
  static constexpr std::tuple fields{
      required("symbol", &Row::symbol),   required("bid", &Row::bid),
      required("bid_qty", &Row::bid_qty), required("ask", &Row::ask),
      required("ask_qty", &Row::ask_qty), required("last", &Row::last),
      required("volume", &Row::volume),   optional("timestamp", &Row::time)};
  static constexpr uint32_t rows_max = message_rows_max;
  static constexpr std::array events = {EventKind::ticker, EventKind::ticker_last};

  static void write(const Row& row, SymbolId symbol, std::array<Event*, 2> out) {
    out[0]->payload.ticker = {.bid = row.bid.value.mantissa,
                              .bid_qty = row.bid_qty.value.mantissa,
                              .ask = row.ask.value.mantissa,
                              .ask_qty = row.ask_qty.value.mantissa,
                              .symbol = symbol,
                              .bid_exponent = row.bid.value.exponent,
                              .bid_qty_exponent = row.bid_qty.value.exponent,
                              .ask_exponent = row.ask.value.exponent,
                              .ask_qty_exponent = row.ask_qty.value.exponent};
    out[1]->payload.ticker_last = {.last = row.last.value.mantissa,
                                   .volume = row.volume.value.mantissa,
                                   .venue_time_ns = row.time.ns,
                                   .symbol = symbol,
                                   .last_exponent = row.last.value.exponent,
                                   .volume_exponent = row.volume.value.exponent,
                                   .zero = {}};
  }
};

}  // namespace havklo::kraken
