// The candles of one symbol, made of its trades: for each interval the one that forms, and some
// that are over.
//
// Owns:       the candles.   Threads: one.
// Cost:       a few comparisons a trade and interval; memory for `kept` candles of each.
// Invariants: times only rise; an interval without a trade has no candle (kraken-v2, 6).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kraken/channels/ohlc.hpp"

namespace havklo::replay {

// Prices and quantities as integers with the decimals of the symbol's book.
struct Candle {
  int64_t begin_us = 0;
  int64_t open = 0;
  int64_t high = 0;
  int64_t low = 0;
  int64_t close = 0;
  int64_t volume = 0;
  int64_t vwap = 0;
  uint64_t trades = 0;
};

class Candles {
 public:
  static constexpr size_t kept = 16;

  void add(int64_t price, int64_t qty, int64_t utc_us);
  // Oldest first; the last one forms. Empty: no trade yet, or no such interval.
  [[nodiscard]] std::span<const Candle> of(uint32_t interval_minutes) const;

 private:
  static constexpr const auto& intervals = kraken::OhlcChannel::intervals_minutes;
  std::array<std::vector<Candle>, intervals.size()> by_interval_;
};

}  // namespace havklo::replay
