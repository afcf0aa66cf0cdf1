// A writer for each payload; fields in the order of the design's catalogue.
#include "replay/text/event_json.hpp"

#include <arpa/inet.h>
#include <fmt/compile.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "replay/text/printable.hpp"

namespace havklo::replay {
namespace {

class JsonLine {
 public:
  JsonLine(std::string& out, const Names& names) : out_(out), names_(names) {}

  void number(std::string_view name, uint64_t value) {
    field(name), out_ += fmt::format_int(value).str();
  }
  void number(std::string_view name, int64_t value) {
    field(name), out_ += fmt::format_int(value).str();
  }
  void flag(std::string_view name, bool value) { field(name), out_ += value ? "true" : "false"; }
  void decimal(std::string_view name, int64_t mantissa, int8_t exponent) {
    field(name);
    out_ += '"';
    out_ += to_string(Decimal{mantissa, exponent});
    out_ += '"';
  }
  // Of our own making: nothing to escape.
  void word(std::string_view name, std::string_view value) {
    field(name);
    (out_ += '"') += value;
    out_ += '"';
  }
  void text(std::string_view name, std::string_view value) {
    field(name);
    out_ += '"';
    append_in_quotes(out_, value);
    out_ += '"';
  }
  void symbol(SymbolId id) { text("symbol", names_.symbol(id)); }

 private:
  void field(std::string_view name) { ((out_ += ",\"") += name) += "\":"; }

  std::string& out_;
  const Names& names_;
};

void write_book(JsonLine& line, const Event& event) {
  const Event::BookLevel& book = event.payload.book;
  line.symbol(book.symbol);
  if ((event.flags & flag_empty) != 0) {
    line.flag("empty", true);
  } else {
    line.word("side", to_string(book.side));
    line.decimal("price", book.price, book.price_exponent);
    line.decimal("qty", book.qty, book.qty_exponent);
  }
  line.number("venue_time_ns", book.venue_time_ns);
  line.flag("last_in_message", event.last_in_message());
  if ((event.flags & flag_reconciled) != 0) line.flag("reconciled", true);
}

void write_connected(JsonLine& line, const Event::Connected& connected) {
  const auto* const version_end = std::ranges::find(connected.api_version, '\0');
  line.word("connection_id", fmt::format_int(connected.connection_id).str());
  line.text("api_version", {connected.api_version.begin(), version_end});
  line.word("address", address_text(connected));
  line.flag("tls_resumed", connected.tls_resumed != 0);
  line.number("connect_time_ns", connected.connect_time_ns);
}

void write_trade(JsonLine& line, const Event& event) {
  const Event::Trade& trade = event.payload.trade;
  line.symbol(trade.symbol);
  line.word("side", to_string(trade.side));
  line.decimal("price", trade.price, trade.price_exponent);
  line.decimal("qty", trade.qty, trade.qty_exponent);
  line.number("trade_id", trade.trade_id);
  line.number("venue_time_ns", trade.venue_time_ns);
  if ((event.flags & flag_late) != 0) line.flag("late", true);
}

void write_trade_gap(JsonLine& line, const Event::TradeGap& gap) {
  line.symbol(gap.symbol);
  line.number("first", gap.first);
  line.number("last", gap.last);
}

void write_feed_lag(JsonLine& line, const Event::FeedLag& lag) {
  line.word("channel", to_string(lag.channel));
  line.symbol(lag.symbol);
  line.number("lag_ns", lag.lag_ns);
  line.flag("begins", lag.begins != 0);
}

void write_ticker(JsonLine& line, const Event::Ticker& ticker) {
  line.symbol(ticker.symbol);
  line.decimal("bid", ticker.bid, ticker.bid_exponent);
  line.decimal("bid_qty", ticker.bid_qty, ticker.bid_qty_exponent);
  line.decimal("ask", ticker.ask, ticker.ask_exponent);
  line.decimal("ask_qty", ticker.ask_qty, ticker.ask_qty_exponent);
}

void write_ticker_last(JsonLine& line, const Event::TickerLast& ticker) {
  line.symbol(ticker.symbol);
  line.decimal("last", ticker.last, ticker.last_exponent);
  line.decimal("volume", ticker.volume, ticker.volume_exponent);
  line.number("venue_time_ns", ticker.venue_time_ns);
}

void write_candle(JsonLine& line, const Event::Candle& candle) {
  line.symbol(candle.symbol);
  line.decimal("open", candle.open, candle.open_exponent);
  line.decimal("high", candle.high, candle.high_exponent);
  line.decimal("low", candle.low, candle.low_exponent);
  line.decimal("close", candle.close, candle.close_exponent);
}

void write_candle_volume(JsonLine& line, const Event::CandleVolume& candle) {
  line.symbol(candle.symbol);
  line.decimal("volume", candle.volume, candle.volume_exponent);
  line.decimal("vwap", candle.vwap, candle.vwap_exponent);
  line.number("trades", candle.trades);
  line.number("begin_minutes", uint64_t{candle.begin_minutes});
  line.number("interval_minutes", uint64_t{candle.interval_minutes});
}

void write_instrument(JsonLine& line, const Event::Instrument& pair) {
  line.symbol(pair.symbol);
  line.decimal("price_increment", pair.price_increment, pair.price_increment_exponent);
  line.decimal("qty_increment", pair.qty_increment, pair.qty_increment_exponent);
  line.decimal("qty_min", pair.qty_min, pair.qty_min_exponent);
  line.number("price_precision", uint64_t{pair.price_precision});
  line.number("qty_precision", uint64_t{pair.qty_precision});
  line.word("status", to_string(pair.status));
}

void write_connect_failed(JsonLine& line, const Event::ConnectFailed& failed) {
  line.number("attempt", uint64_t{failed.attempt});
  line.word("reason", to_string(failed.reason));
  if (failed.certificate != CertificateFault::none) {
    line.word("certificate", to_string(failed.certificate));
  }
  line.number("http_status", uint64_t{failed.http_status});
  line.number("os_error", int64_t{failed.os_error});
  line.flag("retryable", failed.retryable != 0);
}

void write_disconnected(JsonLine& line, const Event::Disconnected& lost) {
  line.word("reason", to_string(lost.reason));
  line.number("close_code", uint64_t{lost.close_code});
  line.number("os_error", int64_t{lost.os_error});
  line.number("uptime_ns", lost.uptime_ns);
  // What the user asked for is nothing to retry.
  line.flag("retryable", lost.retryable != 0 && lost.reason != Reason::requested);
}

void write_subscription(JsonLine& line, const Event& event, const Names& names) {
  const Event::Subscription& subscription = event.payload.subscription;
  line.word("channel", to_string(subscription.channel));
  line.symbol(subscription.symbol);
  if (event.kind == EventKind::rejected || event.kind == EventKind::unreadable)
    line.text("detail", names.text(subscription.detail));
}

void write_breaker(JsonLine& line, const Event& event) {
  line.number("trips", uint64_t{event.payload.circuit_breaker.trips});
  if (event.kind == EventKind::circuit_breaker_open) {
    line.number("retry_after_ns", event.payload.circuit_breaker.retry_after_ns);
  }
}

void write_book_fault(JsonLine& line, const Event& event) {
  const Event::BookFaulty& fault = event.payload.book_fault;
  line.symbol(fault.symbol);
  if (event.kind == EventKind::checksum_mismatch) {
    line.number("expected", uint64_t{fault.expected});
    line.number("computed", uint64_t{fault.computed});
  }
  const bool of_stale = event.kind == EventKind::book_stale && fault.fault == BookFault::leg_lost;
  if (event.kind == EventKind::book_invalid || event.kind == EventKind::leg_book_lost || of_stale) {
    line.word("reason", to_string(fault.fault));
  }
}

void write_reconnecting(JsonLine& line, const Event::Reconnecting& wait) {
  line.number("attempt", uint64_t{wait.attempt});
  line.number("delay_ns", wait.delay_ns);
  line.word("waits_for", to_string(wait.waits_for));
}

void write_restored(JsonLine& line, const Event::SubscriptionsRestored& restored) {
  line.number("count", uint64_t{restored.count});
  line.number("rejected", uint64_t{restored.rejected});
  line.number("downtime_ns", restored.downtime_ns);
}

// Of a session with several legs: what one of them does, that the session need not.
bool is_of_leg(EventKind kind) {
  return kind >= EventKind::leg_connected && kind <= EventKind::leg_book_restored;
}

void write_payload(JsonLine& line, const Event& event, const Names& names) {
  const Event::Payload& payload = event.payload;
  switch (event.kind) {
    case EventKind::connected:
    case EventKind::leg_connected:
      return write_connected(line, payload.connected);
    case EventKind::connect_failed:
      return write_connect_failed(line, payload.connect_failed);
    case EventKind::disconnected:
    case EventKind::leg_lost:
      return write_disconnected(line, payload.disconnected);
    case EventKind::reconnecting:
    case EventKind::leg_reconnecting:
      return write_reconnecting(line, payload.reconnecting);
    case EventKind::reconnect_failed:
      line.number("attempts", uint64_t{payload.ended.attempts});
      return line.word("reason", to_string(payload.ended.reason));
    case EventKind::closed:
      return line.word("reason", to_string(payload.ended.reason));
    case EventKind::subscriptions_restored:
    case EventKind::leg_restored:
      return write_restored(line, payload.subscriptions_restored);
    case EventKind::circuit_breaker_open:
    case EventKind::circuit_breaker_half_open:
    case EventKind::circuit_breaker_closed:
      return write_breaker(line, event);
    case EventKind::subscribed:
    case EventKind::rejected:
    case EventKind::unsubscribed:
    case EventKind::unreadable:
      return write_subscription(line, event, names);
    case EventKind::book_snapshot:
    case EventKind::book_update:
      return write_book(line, event);
    case EventKind::checksum_mismatch:
    case EventKind::book_invalid:
    case EventKind::book_stale:
    case EventKind::leg_book_lost:
    case EventKind::leg_book_restored:
      return write_book_fault(line, event);
    case EventKind::trade:
      return write_trade(line, event);
    case EventKind::trade_gap:
      return write_trade_gap(line, payload.trade_gap);
    case EventKind::feed_lag:
      return write_feed_lag(line, payload.feed_lag);
    case EventKind::ticker:
      return write_ticker(line, payload.ticker);
    case EventKind::ticker_last:
      return write_ticker_last(line, payload.ticker_last);
    case EventKind::candle:
      return write_candle(line, payload.candle);
    case EventKind::candle_volume:
      return write_candle_volume(line, payload.candle_volume);
    case EventKind::instrument:
      return write_instrument(line, payload.instrument);
    case EventKind::status:
      return line.word("system", to_string(payload.status.system));
    case EventKind::heartbeat:
      return;
    case EventKind::overrun:
      line.number("lost", payload.overrun.lost);
      line.number("first", payload.overrun.first);
      return line.number("last", payload.overrun.last);
    case EventKind::recording_stopped:
      line.word("reason", to_string(payload.recording_stopped.fault));
      return line.number("os_error", int64_t{payload.recording_stopped.os_error});
  }
}

}  // namespace

void append_json(std::string& out, const Event& event, const Names& names) {
  fmt::format_to(std::back_inserter(out), FMT_COMPILE(R"({{"seq":{},"time_ns":{},"epoch":{})"),
                 event.sequence, event.time.ns, event.epoch);
  JsonLine line(out, names);
  line.word("event", to_string(event.kind));
  write_payload(line, event, names);
  line.number("session", uint64_t{event.session});
  if (event.leg != 0 || is_of_leg(event.kind)) line.number("leg", uint64_t{event.leg});
  out += '}';
}

std::string address_text(const Event::Connected& connected) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  switch (connected.family) {
    case 4:
      inet_ntop(AF_INET, connected.address.data(), text.data(), text.size());
      return fmt::format("{}:{}", text.data(), connected.port);
    case 6:
      inet_ntop(AF_INET6, connected.address.data(), text.data(), text.size());
      return fmt::format("[{}]:{}", text.data(), connected.port);
    default:
      return "";
  }
}

}  // namespace havklo::replay
