// Trades into candles.
#include "replay/venue/candles.hpp"

#include <algorithm>

namespace havklo::replay {

void Candles::add(int64_t price, int64_t qty, int64_t utc_us) {
  constexpr int64_t minute_us = 60'000'000;
  __extension__ using Wide = __int128;
  for (size_t i = 0; i < intervals.size(); ++i) {
    std::vector<Candle>& candles = by_interval_[i];
    const int64_t begin_us = utc_us - utc_us % (intervals[i] * minute_us);
    if (candles.empty() || candles.back().begin_us != begin_us) {
      if (candles.size() == kept) candles.erase(candles.begin());
      candles.push_back(
          {.begin_us = begin_us, .open = price, .high = price, .low = price, .close = price});
    }
    Candle& candle = candles.back();
    candle.high = std::max(candle.high, price);
    candle.low = std::min(candle.low, price);
    candle.close = price;
    const Wide value = Wide{candle.vwap} * candle.volume + Wide{price} * qty;
    candle.volume += qty;
    candle.vwap = candle.volume == 0 ? price : static_cast<int64_t>(value / candle.volume);
    ++candle.trades;
  }
}

std::span<const Candle> Candles::of(uint32_t interval_minutes) const {
  const auto found = std::ranges::find(intervals, interval_minutes);
  if (found == intervals.end()) return {};
  return by_interval_[static_cast<size_t>(found - intervals.begin())];
}

}  // namespace havklo::replay
