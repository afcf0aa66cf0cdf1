// The channel `ohlc`: the candle that is forming, again with every trade in it. Nothing says that a
// candle is closed: the next one begins. The snapshot brings the last ones, oldest first.
// Source: kraken-v2.md §6. A subscription is of one interval; ours has one for each symbol.
#pragma once

#include <array>
#include <havklo/event.hpp>
#include <havklo/limits.hpp>
#include <tuple>

#include "kraken/channel.hpp"

namespace havklo::kraken {

struct OhlcRow {
  std::string_view symbol;
  Decimal open;
  Decimal high;
  Decimal low;
  Decimal close;
  uint64_t trades = 0;
  Statistic volume;
  Statistic vwap;
  VenueTime begin;
  uint16_t interval_minutes = 0;
  RowFault fault;
};

struct OhlcChannel {
  using Row = OhlcRow;
  static constexpr std::array<uint16_t, 9> intervals_minutes = {1,   5,    15,    30,   60,
                                                                240, 1440, 10080, 21600};
  static constexpr ChannelFacts facts = {
      .channel = Channel::ohlc,
      .name = "ohlc",
      .parameter = {.name = "interval",
                    .values = intervals_minutes,
                    .setting = &SubscriptionSettings::interval_minutes}};
  static constexpr std::tuple fields{required("symbol", &Row::symbol),
                                     required("open", &Row::open),
                                     required("high", &Row::high),
                                     required("low", &Row::low),
                                     required("close", &Row::close),
                                     required("trades", &Row::trades),
                                     required("volume", &Row::volume),
                                     required("vwap", &Row::vwap),
                                     required("interval_begin", &Row::begin),
                                     required("interval", &Row::interval_minutes)};
  static constexpr uint32_t rows_max = message_rows_max;
  static constexpr std::array events = {EventKind::candle, EventKind::candle_volume};

  static void write(const Row& row, SymbolId symbol, std::array<Event*, 2> out) {
    constexpr int64_t minute_ns = 60'000'000'000;
    out[0]->payload.candle = {.open = row.open.mantissa,
                              .high = row.high.mantissa,
                              .low = row.low.mantissa,
                              .close = row.close.mantissa,
                              .symbol = symbol,
                              .open_exponent = row.open.exponent,
                              .high_exponent = row.high.exponent,
                              .low_exponent = row.low.exponent,
                              .close_exponent = row.close.exponent};
    out[1]->payload.candle_volume = {
        .volume = row.volume.value.mantissa,
        .vwap = row.vwap.value.mantissa,
        .trades = row.trades,
        .symbol = symbol,
        .begin_minutes = static_cast<uint32_t>(row.begin.ns / minute_ns),
        .interval_minutes = row.interval_minutes,
        .volume_exponent = row.volume.value.exponent,
        .vwap_exponent = row.vwap.value.exponent,
        .zero = {}};
  }
};

}  // namespace havklo::kraken
