// The names in events, as JSON lines print them.
#include <array>
#include <havklo/event.hpp>

namespace havklo {
namespace {

template <class Enum, size_t count>
std::string_view name_of(const std::array<std::string_view, count>& names, Enum value) {
  const auto index = static_cast<size_t>(value);
  return index < count ? names[index] : "unknown";
}

}  // namespace

std::string_view to_string(EventKind kind) {
  static constexpr std::array<std::string_view, event_kind_last + 1> names = {
      "none",
      "Connected",
      "ConnectFailed",
      "Disconnected",
      "Reconnecting",
      "ReconnectFailed",
      "Closed",
      "SubscriptionsRestored",
      "CircuitBreakerOpen",
      "CircuitBreakerHalfOpen",
      "CircuitBreakerClosed",
      "Subscribed",
      "Rejected",
      "Unsubscribed",
      "BookSnapshot",
      "BookUpdate",
      "ChecksumMismatch",
      "BookInvalid",
      "BookStale",
      "Trade",
      "Ticker",
      "TickerLast",
      "Status",
      "Heartbeat",
      "Overrun",
      "RecordingStopped",
      "Unreadable",
      "TradeGap",
      "Candle",
      "CandleVolume",
      "Instrument",
      "LegConnected",
      "LegRestored",
      "LegLost",
      "LegReconnecting",
      "LegBookLost",
      "LegBookRestored",
      "FeedLag"};
  return name_of(names, kind);
}

std::string_view to_string(BookSide side) { return name_of<BookSide, 2>({"bid", "ask"}, side); }

std::string_view to_string(TradeSide side) { return name_of<TradeSide, 2>({"buy", "sell"}, side); }

std::string_view to_string(WaitsFor cause) {
  return name_of<WaitsFor, 7>(
      {"backoff", "breaker", "budget", "maintenance", "rate_limited", "retry_after", "ring"},
      cause);
}

std::string_view to_string(SystemStatus status) {
  return name_of<SystemStatus, 5>({"unknown", "online", "cancel_only", "post_only", "maintenance"},
                                  status);
}

std::string_view to_string(InstrumentStatus status) {
  return name_of<InstrumentStatus, 9>(
      {"unknown", "online", "cancel_only", "post_only", "limit_only", "reduce_only", "maintenance",
       "work_in_progress", "delisted"},
      status);
}

std::string_view to_string(BookFault fault) {
  return name_of<BookFault, 4>({"crossed", "unreadable", "checksum", "leg_lost"}, fault);
}

std::string_view to_string(RecordingFault fault) {
  return name_of<RecordingFault, 2>({"slow_disk", "disk_error"}, fault);
}

}  // namespace havklo
