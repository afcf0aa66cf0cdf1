// The channel `instrument`: what a pair's prices and quantities look like, and whether it trades.
// One subscription brings every pair of the venue; a strategy hears of those that it named.
// Source: kraken-v2.md §6. Its snapshot is by far the largest message there is.
#pragma once

#include <array>
#include <havklo/event.hpp>
#include <havklo/limits.hpp>
#include <tuple>

#include "kraken/channel.hpp"

namespace havklo::kraken {

struct InstrumentRow {
  std::string_view symbol;
  InstrumentStatus status = InstrumentStatus::unknown;
  Decimal price_increment;
  Decimal qty_increment;
  Decimal qty_min;
  uint8_t price_precision = 0;
  uint8_t qty_precision = 0;
  RowFault fault;
};

// A word that is not known yet is told as unknown: new ones appear.
[[nodiscard]] inline bool parse_word(std::string_view word, InstrumentStatus& status) {
  for (auto each = static_cast<uint8_t>(InstrumentStatus::online);
       each <= static_cast<uint8_t>(InstrumentStatus::delisted); ++each) {
    if (word == to_string(InstrumentStatus{each})) status = InstrumentStatus{each};
  }
  return true;
}

struct InstrumentChannel {
  using Row = InstrumentRow;
  static constexpr ChannelFacts facts = {.channel = Channel::instrument,
                                         .name = "instrument",
                                         .names_symbols = false,
                                         .rows_key = "pairs"};
  static constexpr std::tuple fields{required("symbol", &Row::symbol),
                                     required("status", &Row::status),
                                     required("price_increment", &Row::price_increment),
                                     required("qty_increment", &Row::qty_increment),
                                     required("qty_min", &Row::qty_min),
                                     required("price_precision", &Row::price_precision),
                                     required("qty_precision", &Row::qty_precision)};
  static constexpr uint32_t rows_max = instrument_rows_max;
  static constexpr std::array events = {EventKind::instrument};

  static void write(const Row& row, SymbolId symbol, std::array<Event*, 1> out) {
    out[0]->payload.instrument = {.price_increment = row.price_increment.mantissa,
                                  .qty_increment = row.qty_increment.mantissa,
                                  .qty_min = row.qty_min.mantissa,
                                  .symbol = symbol,
                                  .price_increment_exponent = row.price_increment.exponent,
                                  .qty_increment_exponent = row.qty_increment.exponent,
                                  .qty_min_exponent = row.qty_min.exponent,
                                  .price_precision = row.price_precision,
                                  .qty_precision = row.qty_precision,
                                  .status = row.status,
                                  .zero = {}};
  }
};

}  // namespace havklo::kraken
