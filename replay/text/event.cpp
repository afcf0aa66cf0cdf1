// What each event says, in words.
#include "replay/text/event.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <iterator>

#include "replay/text/counted.hpp"
#include "replay/text/event_json.hpp"
#include "replay/text/instant.hpp"
#include "replay/text/printable.hpp"

namespace havklo::replay {
namespace {

enum class Tone : uint8_t { plain, good, bad, waits, dim };

Tone tone_of(EventKind kind) {
  switch (kind) {
    case EventKind::connected:
    case EventKind::subscriptions_restored:
    case EventKind::circuit_breaker_closed:
    case EventKind::leg_connected:
    case EventKind::leg_restored:
    case EventKind::leg_book_restored:
      return Tone::good;
    case EventKind::connect_failed:
    case EventKind::disconnected:
    case EventKind::reconnect_failed:
    case EventKind::circuit_breaker_open:
    case EventKind::rejected:
    case EventKind::checksum_mismatch:
    case EventKind::book_invalid:
    case EventKind::book_stale:
    case EventKind::unreadable:
    case EventKind::trade_gap:
    case EventKind::overrun:
    case EventKind::recording_stopped:
      return Tone::bad;
    case EventKind::reconnecting:
    case EventKind::circuit_breaker_half_open:
    case EventKind::feed_lag:
    case EventKind::leg_lost:  // the feed goes on
    case EventKind::leg_reconnecting:
    case EventKind::leg_book_lost:
      return Tone::waits;
    case EventKind::closed:
    case EventKind::subscribed:
    case EventKind::unsubscribed:
    case EventKind::status:
      return Tone::plain;
    default:
      return Tone::dim;
  }
}

std::string_view escape_of(Tone tone) {
  switch (tone) {
    case Tone::good:
      return "\x1b[1;32m";
    case Tone::bad:
      return "\x1b[1;31m";
    case Tone::waits:
      return "\x1b[1;33m";
    case Tone::dim:
      return "\x1b[2m";
    case Tone::plain:
      break;
  }
  return "";
}

std::string decimal(int64_t mantissa, int8_t exponent) {
  return to_string(Decimal{mantissa, exponent});
}

std::string os_error_text(int32_t os_error) {
  return os_error == 0 ? "" : fmt::format(", errno {}", os_error);
}

std::string attempt_text(uint32_t attempt) {
  return attempt == 0 ? "first connect" : fmt::format("attempt {}", attempt);
}

std::string describe_loss(const Event& event) {
  if (event.kind == EventKind::connect_failed) {
    const auto& failed = event.payload.connect_failed;
    std::string text =
        fmt::format("{}: {}", attempt_text(failed.attempt), to_string(failed.reason));
    if (failed.certificate != CertificateFault::none) {
      text += fmt::format(": {}", to_string(failed.certificate));
    }
    if (failed.http_status != 0) text += fmt::format(", HTTP {}", failed.http_status);
    text += os_error_text(failed.os_error);
    if (failed.retryable == 0) text += ", not retryable";
    return text;
  }
  const auto& lost = event.payload.disconnected;
  std::string text(to_string(lost.reason));
  if (lost.close_code != 0) text += fmt::format(", close code {}", lost.close_code);
  text += os_error_text(lost.os_error);
  return text += fmt::format(", after {}", readable({lost.uptime_ns}));
}

std::string describe_book(const Event& event, std::string_view symbol) {
  const Event::BookLevel& book = event.payload.book;
  if ((event.flags & flag_empty) != 0) return fmt::format("{} is empty", symbol);
  const std::string price = decimal(book.price, book.price_exponent);
  const std::string_view of_other_leg = (event.flags & flag_reconciled) != 0 ? ", reconciled" : "";
  if (book.qty == 0) {
    return fmt::format("{} {} {} removed{}", symbol, to_string(book.side), price, of_other_leg);
  }
  return fmt::format("{} {} {} x {}{}", symbol, to_string(book.side), price,
                     decimal(book.qty, book.qty_exponent), of_other_leg);
}

std::string describe_trade(const Event& event, const Names& names) {
  const Event::Trade& trade = event.payload.trade;
  return fmt::format("{} {} {} at {}{}", names.symbol(trade.symbol), to_string(trade.side),
                     decimal(trade.qty, trade.qty_exponent),
                     decimal(trade.price, trade.price_exponent),
                     (event.flags & flag_late) != 0 ? ", late" : "");
}

std::string describe_trade_gap(const Event::TradeGap& gap, const Names& names) {
  return fmt::format("{}: {} that nobody delivered, {} to {}", names.symbol(gap.symbol),
                     counted(gap.last - gap.first + 1, "trade"), gap.first, gap.last);
}

std::string describe_feed_lag(const Event::FeedLag& lag, const Names& names) {
  return fmt::format("{} {} {}, {} late", to_string(lag.channel), names.symbol(lag.symbol),
                     lag.begins != 0 ? "falls behind" : "has caught up", readable({lag.lag_ns}));
}

// A pair's two names begin with a capital; within, the venue has small letters too (AAPLx/USD).
std::string case_hint(std::string_view symbol) {
  const auto is_small = [](char c) { return c >= 'a' && c <= 'z'; };
  const size_t slash = symbol.find('/');
  if (slash == std::string_view::npos || slash + 1 == symbol.size()) return "";
  if (!is_small(symbol[0]) && !is_small(symbol[slash + 1])) return "";
  std::string capitals(symbol);
  for (char& c : capitals) c = is_small(c) ? static_cast<char>(c - 'a' + 'A') : c;
  return fmt::format(" (capitals matter: {}?)", capitals);
}

std::string describe_subscription(const Event& event, const Names& names) {
  const Event::Subscription& subscription = event.payload.subscription;
  std::string text =
      fmt::format("{} {}", to_string(subscription.channel), names.symbol(subscription.symbol));
  if (event.kind == EventKind::unreadable) {
    text += fmt::format(": {}", names.text(subscription.detail));
  }
  if (event.kind == EventKind::rejected) {
    text += fmt::format(": {}", names.text(subscription.detail));
    text += case_hint(names.symbol(subscription.symbol));
  }
  return text;
}

std::string describe_book_fault(const Event& event, const Names& names) {
  const Event::BookFaulty& fault = event.payload.book_fault;
  const std::string_view symbol = names.symbol(fault.symbol);
  if (event.kind == EventKind::checksum_mismatch) {
    return fmt::format("{}: the venue says {}, the book gives {}", symbol, fault.expected,
                       fault.computed);
  }
  if (event.kind == EventKind::book_invalid || event.kind == EventKind::leg_book_lost) {
    return fmt::format("{}: {}", symbol, to_string(fault.fault));
  }
  if (event.kind == EventKind::leg_book_restored) return fmt::format("{}: verified again", symbol);
  if (fault.fault == BookFault::leg_lost) {
    return fmt::format("{}: no other leg has a verified copy", symbol);
  }
  return fmt::format("{}: records were lost, it is asked for again", symbol);
}

std::string describe_candle(const Event& event, const Names& names) {
  if (event.kind == EventKind::candle) {
    const Event::Candle& candle = event.payload.candle;
    return fmt::format(
        "{} open {} high {} low {} close {}", names.symbol(candle.symbol),
        decimal(candle.open, candle.open_exponent), decimal(candle.high, candle.high_exponent),
        decimal(candle.low, candle.low_exponent), decimal(candle.close, candle.close_exponent));
  }
  const Event::CandleVolume& candle = event.payload.candle_volume;
  return fmt::format("{} volume {} in {} of {} min", names.symbol(candle.symbol),
                     decimal(candle.volume, candle.volume_exponent),
                     counted(candle.trades, "trade"), candle.interval_minutes);
}

std::string describe_instrument(const Event::Instrument& pair, const Names& names) {
  return fmt::format("{} {}, price step {} quantity step {} at least {}", names.symbol(pair.symbol),
                     to_string(pair.status),
                     decimal(pair.price_increment, pair.price_increment_exponent),
                     decimal(pair.qty_increment, pair.qty_increment_exponent),
                     decimal(pair.qty_min, pair.qty_min_exponent));
}

std::string describe_lifecycle(const Event& event) {
  const Event::Payload& payload = event.payload;
  switch (event.kind) {
    case EventKind::connected:
    case EventKind::leg_connected:
      return fmt::format("epoch {} at {} in {}{}", event.epoch, address_text(payload.connected),
                         readable({payload.connected.connect_time_ns}),
                         payload.connected.tls_resumed != 0 ? ", TLS resumed" : "");
    case EventKind::reconnecting:
    case EventKind::leg_reconnecting: {
      const auto& wait = payload.reconnecting;
      return fmt::format("{} in {} ({})", attempt_text(wait.attempt), readable({wait.delay_ns}),
                         to_string(wait.waits_for));
    }
    case EventKind::reconnect_failed:
      return fmt::format("after {}: {}", counted(payload.ended.attempts, "attempt"),
                         to_string(payload.ended.reason));
    case EventKind::closed:
      return std::string(to_string(payload.ended.reason));
    case EventKind::subscriptions_restored:
    case EventKind::leg_restored: {
      const auto& restored = payload.subscriptions_restored;
      std::string text = fmt::format("all clear: {}", counted(restored.count, "subscription"));
      if (restored.rejected != 0) text += fmt::format(", {} rejected", restored.rejected);
      if (restored.downtime_ns != 0)
        text += fmt::format(", down {}", readable({restored.downtime_ns}));
      return text;
    }
    case EventKind::circuit_breaker_open:
      return fmt::format("{}, half-open in {}", counted(payload.circuit_breaker.trips, "trip"),
                         readable({payload.circuit_breaker.retry_after_ns}));
    case EventKind::circuit_breaker_half_open:
      return "one probe";
    case EventKind::circuit_breaker_closed:
      return fmt::format("after {}", counted(payload.circuit_breaker.trips, "trip"));
    default:
      return "";
  }
}

// As the venue may have worded it.
std::string words_of(const Event& event, const Names& names) {
  const Event::Payload& payload = event.payload;
  switch (event.kind) {
    case EventKind::connect_failed:
    case EventKind::disconnected:
    case EventKind::leg_lost:
      return describe_loss(event);
    case EventKind::subscribed:
    case EventKind::rejected:
    case EventKind::unsubscribed:
    case EventKind::unreadable:
      return describe_subscription(event, names);
    case EventKind::book_snapshot:
    case EventKind::book_update:
      return describe_book(event, names.symbol(payload.book.symbol));
    case EventKind::checksum_mismatch:
    case EventKind::book_invalid:
    case EventKind::book_stale:
    case EventKind::leg_book_lost:
    case EventKind::leg_book_restored:
      return describe_book_fault(event, names);
    case EventKind::trade:
      return describe_trade(event, names);
    case EventKind::trade_gap:
      return describe_trade_gap(payload.trade_gap, names);
    case EventKind::feed_lag:
      return describe_feed_lag(payload.feed_lag, names);
    case EventKind::ticker:
      return fmt::format("{} bid {} ask {}", names.symbol(payload.ticker.symbol),
                         decimal(payload.ticker.bid, payload.ticker.bid_exponent),
                         decimal(payload.ticker.ask, payload.ticker.ask_exponent));
    case EventKind::ticker_last:
      return fmt::format("{} last {} volume {}", names.symbol(payload.ticker_last.symbol),
                         decimal(payload.ticker_last.last, payload.ticker_last.last_exponent),
                         decimal(payload.ticker_last.volume, payload.ticker_last.volume_exponent));
    case EventKind::candle:
    case EventKind::candle_volume:
      return describe_candle(event, names);
    case EventKind::instrument:
      return describe_instrument(payload.instrument, names);
    case EventKind::status:
      return std::string(to_string(payload.status.system));
    case EventKind::overrun:
      return fmt::format("{} lost, {} to {}", counted(payload.overrun.lost, "event"),
                         payload.overrun.first, payload.overrun.last);
    case EventKind::recording_stopped:
      return fmt::format("{}{}; the engine goes on", to_string(payload.recording_stopped.fault),
                         os_error_text(payload.recording_stopped.os_error));
    default:
      return describe_lifecycle(event);
  }
}

}  // namespace

std::string describe(const Event& event, const Names& names) {
  return printable(words_of(event, names));
}

void EventText::append(std::string& out, const Event& event, const Names& names) {
  if (!origin_) origin_ = event.time;
  const std::string time =
      utc_offset_ ? utc_text(event.time, *utc_offset_) : offset_text(event.time, *origin_);
  const std::string_view tone = colour_ ? escape_of(tone_of(event.kind)) : "";
  const std::string_view end = tone.empty() ? "" : "\x1b[0m";
  std::string session = sessions_.of(event.session, event.leg);
  if (!session.empty()) session += ' ';
  fmt::format_to(std::back_inserter(out), "{:>13}  {}{}{:<23}{}  {}", time, session, tone,
                 to_string(event.kind), end, describe(event, names));
}

std::string readable(Duration duration) {
  constexpr std::array<std::pair<double, const char*>, 4> units = {
      {{1e9, "s"}, {1e6, "ms"}, {1e3, "µs"}, {1, "ns"}}};
  const auto ns = static_cast<double>(duration.ns);
  for (const auto& [size, unit] : units) {
    if (std::abs(ns) >= size || size == 1) return fmt::format("{:.3g} {}", ns / size, unit);
  }
  return "";
}

}  // namespace havklo::replay
