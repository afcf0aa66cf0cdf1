// Events as the program prints them: every kind, word for word (design §1.4, §6).
#include "replay/text/event_json.hpp"

#include <gtest/gtest.h>

#include <havklo/config.hpp>

#include "replay/text/event.hpp"

namespace havklo::replay {
namespace {

class EventJson : public testing::Test {
 protected:
  EventJson() {
    btc_ = *names_.intern_symbol("BTC/USD");
    words_ = names_.intern_text("Currency pair not supported \"XBT/USD\"\n");
  }
  Event make(EventKind kind) {
    Event event = Event::make(kind);
    event.sequence = 7;
    event.time = {1'234'567};
    event.epoch = 2;
    return event;
  }
  std::string json(const Event& event) {
    std::string line;
    append_json(line, event, names_);
    return line;
  }
  std::string payload(const Event& event) {
    constexpr std::string_view head = R"({"seq":7,"time_ns":1234567,"epoch":2,"event":")";
    const std::string line = json(event);
    constexpr std::string_view tail = R"(,"session":0})";
    EXPECT_TRUE(line.starts_with(head) && line.ends_with(tail)) << line;
    return line.substr(head.size(), line.size() - head.size() - tail.size()) + '}';
  }

  Names names_;
  SymbolId btc_{};
  TextId words_{};
};

TEST_F(EventJson, Connected) {
  Event event = make(EventKind::connected);
  event.payload.connected = {.connection_id = 18'266'300'427'528'990'701u,
                             .connect_time_ns = 5,
                             .address = {203, 0, 113, 7},
                             .port = 443,
                             .family = 4,
                             .tls_resumed = 1,
                             .api_version = {'v', '2'}};
  EXPECT_EQ(payload(event),
            R"(Connected","connection_id":"18266300427528990701","api_version":"v2",)"
            R"("address":"203.0.113.7:443","tls_resumed":true,"connect_time_ns":5})");
  event.payload.connected.family = 6;
  EXPECT_NE(json(event).find(R"("address":"[cb00:7107::]:443")"), std::string::npos);
}

TEST_F(EventJson, Losses) {
  Event failed = make(EventKind::connect_failed);
  failed.payload.connect_failed.attempt = 3;
  failed.payload.connect_failed.reason = Reason::upgrade_refused;
  failed.payload.connect_failed.http_status = 503;
  failed.payload.connect_failed.retryable = 1;
  EXPECT_EQ(payload(failed),
            R"(ConnectFailed","attempt":3,"reason":"upgrade_refused","http_status":503,)"
            R"("os_error":0,"retryable":true})");
  failed.payload.connect_failed.reason = Reason::certificate_refused;
  failed.payload.connect_failed.certificate = CertificateFault::weak_key;
  failed.payload.connect_failed.http_status = 0;
  failed.payload.connect_failed.retryable = 0;
  EXPECT_EQ(payload(failed),
            R"(ConnectFailed","attempt":3,"reason":"certificate_refused",)"
            R"("certificate":"weak_key","http_status":0,"os_error":0,"retryable":false})");
  Event lost = make(EventKind::disconnected);
  lost.payload.disconnected.reason = Reason::peer_reset;
  lost.payload.disconnected.os_error = 104;
  lost.payload.disconnected.uptime_ns = 9;
  lost.payload.disconnected.retryable = 1;
  EXPECT_EQ(payload(lost), R"(Disconnected","reason":"peer_reset","close_code":0,"os_error":104,)"
                           R"("uptime_ns":9,"retryable":true})");
  // What the user asked for is nothing to retry, whatever the engine does with such an end.
  lost.payload.disconnected = {.uptime_ns = 9, .reason = Reason::requested, .retryable = 1};
  EXPECT_EQ(payload(lost), R"(Disconnected","reason":"requested","close_code":0,"os_error":0,)"
                           R"("uptime_ns":9,"retryable":false})");
}

TEST_F(EventJson, WaitsAndEnds) {
  Event waits = make(EventKind::reconnecting);
  waits.payload.reconnecting.attempt = 1;
  waits.payload.reconnecting.delay_ns = 100'000'000;
  EXPECT_EQ(payload(waits),
            R"(Reconnecting","attempt":1,"delay_ns":100000000,"waits_for":"backoff"})");
  waits.payload.reconnecting = {
      .delay_ns = 12'300'000'000, .attempt = 0, .waits_for = WaitsFor::budget, .zero = {}};
  EXPECT_EQ(payload(waits),
            R"(Reconnecting","attempt":0,"delay_ns":12300000000,"waits_for":"budget"})");
  EXPECT_EQ(replay::describe(waits, names_), "first connect in 12.3 s (budget)");
  Event failed = make(EventKind::reconnect_failed);
  failed.payload.ended.attempts = 4;
  failed.payload.ended.reason = Reason::connect_refused;
  EXPECT_EQ(payload(failed), R"(ReconnectFailed","attempts":4,"reason":"connect_refused"})");
  Event closed = make(EventKind::closed);
  closed.payload.ended.reason = Reason::requested;
  EXPECT_EQ(payload(closed), R"(Closed","reason":"requested"})");
  Event restored = make(EventKind::subscriptions_restored);
  restored.payload.subscriptions_restored = {
      .downtime_ns = 8, .count = 2, .rejected = 1, .zero = {}};
  EXPECT_EQ(payload(restored), R"(SubscriptionsRestored","count":2,"rejected":1,"downtime_ns":8})");
}

TEST_F(EventJson, Breaker) {
  Event open = make(EventKind::circuit_breaker_open);
  open.payload.circuit_breaker.trips = 2;
  open.payload.circuit_breaker.retry_after_ns = 30;
  EXPECT_EQ(payload(open), R"(CircuitBreakerOpen","trips":2,"retry_after_ns":30})");
  open.kind = EventKind::circuit_breaker_half_open;
  EXPECT_EQ(payload(open), R"(CircuitBreakerHalfOpen","trips":2})");
  open.kind = EventKind::circuit_breaker_closed;
  EXPECT_EQ(payload(open), R"(CircuitBreakerClosed","trips":2})");
}

TEST_F(EventJson, SubscriptionsAndTheVenuesOwnWords) {
  Event event = make(EventKind::subscribed);
  event.payload.subscription.symbol = btc_;
  EXPECT_EQ(payload(event), R"(Subscribed","channel":"book","symbol":"BTC/USD"})");
  event.kind = EventKind::unsubscribed;
  event.payload.subscription.channel = Channel::trade;
  EXPECT_EQ(payload(event), R"(Unsubscribed","channel":"trade","symbol":"BTC/USD"})");
  event.kind = EventKind::rejected;
  event.payload.subscription.detail = words_;
  EXPECT_EQ(payload(event), R"(Rejected","channel":"trade","symbol":"BTC/USD",)"
                            R"("detail":"Currency pair not supported \"XBT/USD\"\u000a"})");
}

TEST_F(EventJson, Books) {
  Event event = make(EventKind::book_update);
  event.flags = flag_last_in_message;
  event.payload.book.symbol = btc_;
  event.payload.book.side = BookSide::ask;
  event.payload.book.price = 635'017;
  event.payload.book.price_exponent = -1;
  event.payload.book.qty = 100'000;
  event.payload.book.qty_exponent = -8;
  event.payload.book.venue_time_ns = 6;
  EXPECT_EQ(payload(event),
            R"(BookUpdate","symbol":"BTC/USD","side":"ask","price":"63501.7","qty":"0.00100000",)"
            R"("venue_time_ns":6,"last_in_message":true})");
  Event empty = make(EventKind::book_snapshot);
  empty.flags = flag_first_in_message | flag_last_in_message | flag_empty;
  empty.payload.book.symbol = btc_;
  EXPECT_EQ(payload(empty), R"(BookSnapshot","symbol":"BTC/USD","empty":true,"venue_time_ns":0,)"
                            R"("last_in_message":true})");
  Event wrong = make(EventKind::checksum_mismatch);
  wrong.payload.book_fault.symbol = btc_;
  wrong.payload.book_fault.expected = 4'000'000'000u;
  wrong.payload.book_fault.computed = 1;
  EXPECT_EQ(payload(wrong),
            R"(ChecksumMismatch","symbol":"BTC/USD","expected":4000000000,"computed":1})");
  wrong.kind = EventKind::book_invalid;
  EXPECT_EQ(payload(wrong), R"(BookInvalid","symbol":"BTC/USD","reason":"crossed"})");
  wrong.kind = EventKind::book_stale;
  EXPECT_EQ(payload(wrong), R"(BookStale","symbol":"BTC/USD"})");
}

TEST_F(EventJson, TradesTickersAndTheRest) {
  Event trade = make(EventKind::trade);
  trade.payload.trade.symbol = btc_;
  trade.payload.trade.side = TradeSide::sell;
  trade.payload.trade.price = 5;
  trade.payload.trade.price_exponent = -2;
  trade.payload.trade.qty = 7;
  trade.payload.trade.trade_id = 42;
  EXPECT_EQ(payload(trade),
            R"(Trade","symbol":"BTC/USD","side":"sell","price":"0.05","qty":"7","trade_id":42,)"
            R"("venue_time_ns":0})");
  Event ticker = make(EventKind::ticker);
  ticker.payload.ticker.symbol = btc_;
  ticker.payload.ticker.bid = 1;
  EXPECT_EQ(payload(ticker),
            R"(Ticker","symbol":"BTC/USD","bid":"1","bid_qty":"0","ask":"0","ask_qty":"0"})");
  Event last = make(EventKind::ticker_last);
  last.payload.ticker_last.symbol = btc_;
  EXPECT_EQ(payload(last),
            R"(TickerLast","symbol":"BTC/USD","last":"0","volume":"0","venue_time_ns":0})");
  Event status = make(EventKind::status);
  status.payload.status.system = SystemStatus::post_only;
  EXPECT_EQ(payload(status), R"(Status","system":"post_only"})");
  EXPECT_EQ(payload(make(EventKind::heartbeat)), R"(Heartbeat"})");
  Event overrun = make(EventKind::overrun);
  overrun.payload.overrun = {.lost = 3, .first = 4, .last = 6, .zero = {}};
  EXPECT_EQ(payload(overrun), R"(Overrun","lost":3,"first":4,"last":6})");
  Event stopped = make(EventKind::recording_stopped);
  stopped.payload.recording_stopped = {
      .os_error = 28, .fault = RecordingFault::disk_error, .zero = {}};
  EXPECT_EQ(payload(stopped), R"(RecordingStopped","reason":"disk_error","os_error":28})");
}

TEST_F(EventJson, EveryLineNamesItsSession) {
  Event event = make(EventKind::heartbeat);
  event.session = 3;
  EXPECT_EQ(json(event),
            R"({"seq":7,"time_ns":1234567,"epoch":2,"event":"Heartbeat","session":3})");
}

TEST_F(EventJson, TextHasALineForEveryKindAndColourOnlyWhenAsked) {
  for (uint8_t kind = 1; kind <= event_kind_last; ++kind) {
    const Event event = make(static_cast<EventKind>(kind));
    std::string plain;
    EventText(false).append(plain, event, names_);
    EXPECT_NE(plain.find(to_string(event.kind)), std::string::npos);
    EXPECT_EQ(plain.find('\x1b'), std::string::npos);
    EXPECT_EQ(plain.find('\n'), std::string::npos);
  }
  std::string coloured;
  EventText(true).append(coloured, make(EventKind::disconnected), names_);
  EXPECT_NE(coloured.find("\x1b[1;31m"), std::string::npos);
}

TEST(Describe, ARefusedPairInSmallLettersIsToldOfCapitals) {
  Names names;
  Event event = Event::make(EventKind::rejected);
  const auto told = [&](std::string_view symbol) {
    event.payload.subscription.symbol = names.intern_symbol(symbol).value();
    event.payload.subscription.detail = names.intern_text("Currency pair not supported");
    return describe(event, names);
  };
  EXPECT_EQ(told("btc/usd"),
            "book btc/usd: Currency pair not supported (capitals matter: BTC/USD?)");
  EXPECT_EQ(told("BTC/usd"),
            "book BTC/usd: Currency pair not supported (capitals matter: BTC/USD?)");
  // The venue has such names.
  EXPECT_EQ(told("AAPLx/USD"), "book AAPLx/USD: Currency pair not supported");
  EXPECT_EQ(told("XBT/USD"), "book XBT/USD: Currency pair not supported");
  for (const char* symbol : {"AAPLx/USD", "btc/usd", "1INCH/USD"}) {
    EXPECT_TRUE(is_valid_symbol(symbol)) << symbol;
  }
}

TEST(Readable, ShowsThreeDigits) {
  EXPECT_EQ(readable(Duration::milliseconds(100)), "100 ms");
  EXPECT_EQ(readable(Duration::milliseconds(1530)), "1.53 s");
  EXPECT_EQ(readable(Duration::microseconds(12)), "12 µs");
  EXPECT_EQ(readable(Duration{}), "0 ns");
}

}  // namespace
}  // namespace havklo::replay
