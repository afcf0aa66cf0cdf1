// Messages of the venue, key by key as the captures have them.
#include "replay/venue/messages.hpp"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "kraken/channels.hpp"

namespace havklo::replay {

namespace {

// `value` with at least `digits` digits.
void append_padded(std::string& out, uint64_t value, size_t digits) {
  const std::string text = std::to_string(value);
  if (text.size() < digits) out.append(digits - text.size(), '0');
  out += text;
}

void append_key_time(std::string& out, std::string_view key, int64_t utc_us) {
  out += '"';
  out += key;
  out += "\":\"";
  append_time(out, utc_us);
  out += '"';
}

// The venue takes some 40 microseconds from one to the other (measured).
void append_times(std::string& out, int64_t utc_us) {
  append_key_time(out, "time_in", utc_us - 43);
  out += ',';
  append_key_time(out, "time_out", utc_us);
}

void append_req_id(std::string& out, std::optional<int64_t> req_id) {
  if (!req_id) return;
  out += ",\"req_id\":";
  out += std::to_string(*req_id);
}

void append_field(std::string& out, std::string_view key, int64_t mantissa, uint8_t decimals) {
  out += ",\"";
  out += key;
  out += "\":";
  append_decimal(out, mantissa, decimals);
}

void append_levels(std::string& out, std::span<const MarketLevel> levels, const BookText& book) {
  out += '[';
  for (size_t i = 0; i < levels.size(); ++i) {
    out += i == 0 ? "{\"price\":" : ",{\"price\":";
    append_decimal(out, levels[i].price, book.price_decimals);
    append_field(out, "qty", levels[i].qty, book.qty_decimals);
    out += '}';
  }
  out += ']';
}

void append_head(std::string& out, std::string_view channel, bool snapshot) {
  out += "{\"channel\":\"";
  out += channel;
  out += snapshot ? "\",\"type\":\"snapshot\",\"data\":[" : "\",\"type\":\"update\",\"data\":[";
}

// Nine digits, as this channel has them.
void append_candle_time(std::string& out, int64_t utc_us) {
  append_time(out, utc_us);
  out.insert(out.size() - 1, "000");
}

constexpr std::string_view checksum_key = "\"checksum\":";

// Where the digits of the checksum stand.
std::optional<std::pair<size_t, size_t>> checksum_place(std::string_view text) {
  const size_t key = text.find(checksum_key);
  if (key == std::string_view::npos) return std::nullopt;
  const size_t begin = key + checksum_key.size();
  size_t end = begin;
  while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
  return std::pair{begin, end};
}

}  // namespace

void append_decimal(std::string& out, int64_t mantissa, uint8_t decimals) {
  if (mantissa < 0) out += '-';
  const uint64_t size =
      mantissa < 0 ? 0 - static_cast<uint64_t>(mantissa) : static_cast<uint64_t>(mantissa);
  append_padded(out, size, size_t{decimals} + 1);
  if (decimals != 0) out.insert(out.size() - decimals, 1, '.');
}

void append_time(std::string& out, int64_t utc_us) {
  const std::chrono::sys_time<std::chrono::microseconds> time{std::chrono::microseconds(utc_us)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  append_padded(out, static_cast<uint64_t>(static_cast<int>(date.year())), 4);
  out += '-';
  append_padded(out, static_cast<unsigned>(date.month()), 2);
  out += '-';
  append_padded(out, static_cast<unsigned>(date.day()), 2);
  out += 'T';
  append_padded(out, static_cast<uint64_t>(clock.hours().count()), 2);
  out += ':';
  append_padded(out, static_cast<uint64_t>(clock.minutes().count()), 2);
  out += ':';
  append_padded(out, static_cast<uint64_t>(clock.seconds().count()), 2);
  out += '.';
  append_padded(out, static_cast<uint64_t>(clock.subseconds().count()), 6);
  out += 'Z';
}

void append_json_text(std::string& out, std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<uint8_t>(c) < 0x20) {
      out += "\\u00";
      out += hex[static_cast<uint8_t>(c) >> 4U];
      out += hex[static_cast<uint8_t>(c) & 15U];
    } else {
      out += c;
    }
  }
  out += '"';
}

void append_status(std::string& out, SystemStatus system, std::optional<uint64_t> connection_id) {
  std::string_view name = "online";
  if (system == SystemStatus::maintenance) name = "maintenance";
  if (system == SystemStatus::cancel_only) name = "cancel_only";
  if (system == SystemStatus::post_only) name = "post_only";
  if (!connection_id) {
    // A change of state has had this other order, and no id.
    out += R"({"channel":"status","data":[{"api_version":"v2","system":")";
    out += name;
    out += R"(","version":"2.0.10"}],"type":"update"})";
    return;
  }
  out += R"({"channel":"status","type":"update","data":[{"version":"2.0.10","system":")";
  out += name;
  out += R"(","api_version":"v2","connection_id":)";
  out += std::to_string(*connection_id);
  out += "}]}";
}

void append_ack(std::string& out, const AckText& ack) {
  out += "{\"method\":\"";
  out += ack.method;
  out += '"';
  append_req_id(out, ack.req_id);
  out += ",\"result\":{\"channel\":\"";
  out += to_string(ack.channel);
  out += '"';
  if (ack.parameter != 0) {
    out += ",\"";
    out += kraken::facts_of(ack.channel).parameter.name;
    out += "\":";
    out += std::to_string(ack.parameter);
  }
  if (!ack.event_trigger.empty()) {
    out += ",\"event_trigger\":\"";
    out += ack.event_trigger;
    out += '"';
  }
  if (ack.snapshot) out += *ack.snapshot ? ",\"snapshot\":true" : ",\"snapshot\":false";
  if (!ack.symbol.empty()) {
    out += ",\"symbol\":";
    append_json_text(out, ack.symbol);
  }
  out += "},\"success\":true,";
  append_times(out, ack.utc_us);
  out += '}';
}

void append_error(std::string& out, const ErrorText& error) {
  out += "{\"error\":";
  append_json_text(out, error.error);
  out += ",\"method\":";
  append_json_text(out, error.method);
  append_req_id(out, error.req_id);
  out += ",\"success\":false,";
  if (!error.symbol.empty()) {
    out += "\"symbol\":";
    append_json_text(out, error.symbol);
    out += ',';
  }
  append_times(out, error.utc_us);
  out += '}';
}

void append_pong(std::string& out, std::optional<int64_t> req_id, int64_t utc_us) {
  out += "{\"method\":\"pong\"";
  append_req_id(out, req_id);
  out += ',';
  append_times(out, utc_us);
  out += '}';
}

void append_book(std::string& out, const BookText& book) {
  append_head(out, "book", book.snapshot);
  out += "{\"symbol\":";
  append_json_text(out, book.symbol);
  out += ",\"bids\":";
  append_levels(out, book.bids, book);
  out += ",\"asks\":";
  append_levels(out, book.asks, book);
  out += ',';
  out += checksum_key;
  out += std::to_string(book.checksum);
  out += ',';
  append_key_time(out, "timestamp", book.utc_us);
  out += "}]}";
}

void append_trades(std::string& out, std::string_view symbol, bool snapshot,
                   std::span<const TradeText> trades, const MarketBook& book) {
  append_head(out, "trade", snapshot);
  for (size_t i = 0; i < trades.size(); ++i) {
    const TradeText& trade = trades[i];
    if (i != 0) out += ',';
    out += "{\"symbol\":";
    append_json_text(out, symbol);
    out += trade.side == TradeSide::buy ? ",\"side\":\"buy\"" : ",\"side\":\"sell\"";
    append_field(out, "price", trade.price, book.price_decimals());
    append_field(out, "qty", trade.qty, book.qty_decimals());
    out += trade.market_order ? ",\"ord_type\":\"market\"" : ",\"ord_type\":\"limit\"";
    out += ",\"trade_id\":";
    out += std::to_string(trade.trade_id);
    out += ',';
    append_key_time(out, "timestamp", trade.utc_us);
    out += '}';
  }
  out += "]}";
}

std::string with_unreadable_prices(std::string_view trade_message) {
  constexpr std::string_view behind = ",\"qty\":";
  std::string out(trade_message);
  for (size_t at = out.find(behind); at != std::string::npos; at = out.find(behind, at)) {
    constexpr std::string_view more = "1234567890123456789";
    out.insert(at, more);
    at += more.size() + behind.size();
  }
  return out;
}

void append_ticker(std::string& out, std::string_view symbol, bool snapshot,
                   const TickerText& ticker, const MarketBook& book) {
  const uint8_t price = book.price_decimals();
  const uint8_t qty = book.qty_decimals();
  append_head(out, "ticker", snapshot);
  out += "{\"symbol\":";
  append_json_text(out, symbol);
  append_field(out, "bid", ticker.bid.price, price);
  append_field(out, "bid_qty", ticker.bid.qty, qty);
  append_field(out, "ask", ticker.ask.price, price);
  append_field(out, "ask_qty", ticker.ask.qty, qty);
  append_field(out, "last", ticker.last, price);
  append_field(out, "volume", ticker.volume, qty);
  append_field(out, "vwap", ticker.vwap, price);
  append_field(out, "low", ticker.low, price);
  append_field(out, "high", ticker.high, price);
  append_field(out, "change", ticker.change, price);
  append_field(out, "change_pct", ticker.change_pct, 2);
  out += ",\"trades\":";
  out += std::to_string(ticker.trades);
  out += ',';
  append_key_time(out, "timestamp", ticker.utc_us);
  out += "}]}";
}

void append_candles(std::string& out, const CandlesText& text) {
  append_head(out, "ohlc", text.snapshot);
  const size_t data = out.rfind("\"data\"");
  std::string time = "\"timestamp\":\"";
  append_candle_time(time, text.utc_us);
  out.insert(data, time + "\",");
  for (size_t i = 0; i < text.candles.size(); ++i) {
    const Candle& candle = text.candles[i];
    out += i == 0 ? "{\"symbol\":" : ",{\"symbol\":";
    append_json_text(out, text.symbol);
    append_field(out, "open", candle.open, text.price_decimals);
    append_field(out, "high", candle.high, text.price_decimals);
    append_field(out, "low", candle.low, text.price_decimals);
    append_field(out, "close", candle.close, text.price_decimals);
    out += ",\"trades\":";
    out += std::to_string(candle.trades);
    append_field(out, "volume", candle.volume, text.qty_decimals);
    append_field(out, "vwap", candle.vwap, text.price_decimals);
    out += ",\"interval_begin\":\"";
    append_candle_time(out, candle.begin_us);
    out += "\",\"interval\":";
    out += std::to_string(text.interval_minutes);
    out += ',';
    append_key_time(out, "timestamp",
                    candle.begin_us + int64_t{text.interval_minutes} * 60'000'000);
    out += '}';
  }
  out += "]}";
}

void append_instruments(std::string& out, bool snapshot, std::span<const PairText> pairs) {
  std::set<std::string_view> assets;
  for (const PairText& pair : pairs) {
    const size_t slash = pair.symbol.find('/');
    assets.insert(pair.symbol.substr(0, slash));
    if (slash != std::string_view::npos) assets.insert(pair.symbol.substr(slash + 1));
  }
  out += "{\"channel\":\"instrument\",\"type\":";
  out += snapshot ? "\"snapshot\"" : "\"update\"";
  out += ",\"data\":{\"assets\":[";
  for (const char* comma = ""; const std::string_view asset : assets) {
    out += std::exchange(comma, ",");
    out += "{\"id\":";
    append_json_text(out, asset);
    out += R"(,"status":"enabled","precision":10,"precision_display":5,"borrowable":false})";
  }
  out += "],\"pairs\":[";
  for (const char* comma = ""; const PairText& pair : pairs) {
    const size_t slash = std::min(pair.symbol.find('/'), pair.symbol.size());
    out += std::exchange(comma, ",");
    out += "{\"symbol\":";
    append_json_text(out, pair.symbol);
    out += ",\"base\":";
    append_json_text(out, pair.symbol.substr(0, slash));
    out += ",\"quote\":";
    append_json_text(out, pair.symbol.substr(std::min(slash + 1, pair.symbol.size())));
    out += ",\"status\":\"";
    out += pair.status;
    out += "\",\"qty_precision\":";
    out += std::to_string(pair.qty_decimals);
    append_field(out, "qty_increment", 1, pair.qty_decimals);
    out += ",\"price_precision\":";
    out += std::to_string(pair.price_decimals);
    out += R"(,"cost_precision":5,"marginable":false,"has_index":true,"cost_min":0.50)";
    append_field(out, "tick_size", 1, pair.price_decimals);
    append_field(out, "price_increment", 1, pair.price_decimals);
    append_field(out, "qty_min", 5, pair.qty_decimals);
    out += '}';
  }
  out += "]}}";
}

std::string with_checksum(std::string_view book_message, uint32_t checksum) {
  std::string out(book_message);
  if (const auto place = checksum_place(book_message)) {
    out.replace(place->first, place->second - place->first, std::to_string(checksum));
  }
  return out;
}

std::optional<uint32_t> checksum_in(std::string_view book_message) {
  const auto place = checksum_place(book_message);
  if (!place || place->first == place->second || place->second - place->first > 10) {
    return std::nullopt;
  }
  uint64_t value = 0;
  for (size_t i = place->first; i < place->second; ++i) {
    value = value * 10 + static_cast<uint64_t>(book_message[i] - '0');
  }
  if (value > UINT32_MAX) return std::nullopt;
  return static_cast<uint32_t>(value);
}

}  // namespace havklo::replay
