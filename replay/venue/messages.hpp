// Kraken v2 from the venue's side: messages as the real one prints them.
//
// Owns nothing; functions that append to a string.
// Invariants: the bytes have the layout of the captures: their key order, no white space, prices
//             and quantities with all their decimals, timestamps with six digits.
// Source:     kraken-v2, 3 to 7, and the captures; what is only known from users is marked.
#pragma once

#include <cstdint>
#include <havklo/event.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "replay/venue/candles.hpp"
#include "replay/venue/market_book.hpp"

namespace havklo::replay {

inline constexpr std::string_view heartbeat_text = R"({"channel":"heartbeat"})";
inline constexpr std::string_view rate_exceeded_text = R"({"Error":"Exceeded msg rate"})";

// 635017 with one decimal is 63501.7.
void append_decimal(std::string& out, int64_t mantissa, uint8_t decimals);
// 2026-07-07T23:00:03.501510Z
void append_time(std::string& out, int64_t utc_us);
// With quotes, escaped.
void append_json_text(std::string& out, std::string_view text);

// Without a connection id: a change of state; with one: the greeting.
void append_status(std::string& out, SystemStatus system, std::optional<uint64_t> connection_id);

struct AckText {
  std::string_view method;  // subscribe, unsubscribe
  Channel channel = Channel::book;
  std::string_view symbol;         // "": the channel names none
  uint32_t parameter = 0;          // 0: the channel has none
  std::optional<bool> snapshot;    // absent when unsubscribing
  std::string_view event_trigger;  // ticker
  std::optional<int64_t> req_id;
  int64_t utc_us = 0;
};
void append_ack(std::string& out, const AckText& ack);

struct ErrorText {
  std::string_view error;
  std::string_view method;
  std::string_view symbol;  // "": no such key
  std::optional<int64_t> req_id;
  int64_t utc_us = 0;
};
void append_error(std::string& out, const ErrorText& error);
void append_pong(std::string& out, std::optional<int64_t> req_id, int64_t utc_us);

struct BookText {
  std::string_view symbol;
  bool snapshot = false;
  std::span<const MarketLevel> bids;
  std::span<const MarketLevel> asks;
  uint8_t price_decimals = 0;
  uint8_t qty_decimals = 0;
  uint32_t checksum = 0;
  int64_t utc_us = 0;
};
void append_book(std::string& out, const BookText& book);

struct TradeText {
  TradeSide side = TradeSide::buy;
  int64_t price = 0;
  int64_t qty = 0;
  bool market_order = false;
  uint64_t trade_id = 0;
  int64_t utc_us = 0;
};
void append_trades(std::string& out, std::string_view symbol, bool snapshot,
                   std::span<const TradeText> trades, const MarketBook& book);

// The same message, with more digits to each price than a client can hold.
[[nodiscard]] std::string with_unreadable_prices(std::string_view trade_message);

struct TickerText {
  MarketLevel bid;
  MarketLevel ask;
  int64_t last = 0;
  int64_t volume = 0;
  int64_t vwap = 0;
  int64_t low = 0;
  int64_t high = 0;
  int64_t change = 0;
  int64_t change_pct = 0;  // two decimals
  uint64_t trades = 0;
  int64_t utc_us = 0;
};
void append_ticker(std::string& out, std::string_view symbol, bool snapshot,
                   const TickerText& ticker, const MarketBook& book);

struct CandlesText {
  std::string_view symbol;
  bool snapshot = false;
  std::span<const Candle> candles;
  uint32_t interval_minutes = 1;
  uint8_t price_decimals = 0;
  uint8_t qty_decimals = 0;
  int64_t utc_us = 0;
};
void append_candles(std::string& out, const CandlesText& text);

struct PairText {
  std::string_view symbol;  // BASE/QUOTE
  std::string_view status = "online";
  uint8_t price_decimals = 0;
  uint8_t qty_decimals = 0;
};
// With an asset for each name that the pairs are made of.
void append_instruments(std::string& out, bool snapshot, std::span<const PairText> pairs);

// The same message with this in the place of its checksum; unchanged when it has none.
[[nodiscard]] std::string with_checksum(std::string_view book_message, uint32_t checksum);
// The checksum that a book message carries.
[[nodiscard]] std::optional<uint32_t> checksum_in(std::string_view book_message);

}  // namespace havklo::replay
