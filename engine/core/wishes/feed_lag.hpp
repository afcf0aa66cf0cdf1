// Whether the updates of one wish come late, and whether the strategy has heard so.
#pragma once

#include <cstdint>
#include <havklo/event.hpp>

namespace havklo::core {

struct FeedLagState {
  bool lags = false;
  bool told = false;
  int64_t lag_ns = 0;

  // At half of what began it, it ends: an update more or less does not flap. What waits for room
  // is told as it began.
  [[nodiscard]] bool is_lag(int64_t lag, int64_t warn_ns) const {
    return lag > (lags ? warn_ns / 2 : warn_ns);
  }
  [[nodiscard]] bool has_news() const { return lags != told; }
  void write(Event& event, Channel channel, SymbolId symbol) {
    event.payload.feed_lag.lag_ns = lag_ns;
    event.payload.feed_lag.symbol = symbol;
    event.payload.feed_lag.channel = channel;
    event.payload.feed_lag.begins = lags ? 1 : 0;
    told = lags;
  }
};

}  // namespace havklo::core
