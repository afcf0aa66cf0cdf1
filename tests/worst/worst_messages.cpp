// The worst megabyte that a venue can say to each channel, once each, for a count of its
// instructions: tests/worst/count_instructions runs this under callgrind and bounds what each
// costs.
//
// Every message is fed to a live engine that is subscribed to all channels. measured_… is what is
// counted: the turns that take it.
#include <gtest/gtest.h>

#include <cstdio>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "support/engine_world.hpp"

namespace {

using namespace havklo;

constexpr size_t worst_bytes = 1'000'000;
static_assert(worst_bytes < message_bytes_max);

Settings all_channels() {
  Settings settings = book_settings({"BTC/USD"}, 1000);
  for (const Channel channel : {Channel::trade, Channel::ticker, Channel::ohlc}) {
    settings.subscriptions.push_back({.channel = channel, .symbols = {"BTC/USD"}});
  }
  settings.subscriptions.push_back({.channel = Channel::instrument, .symbols = {"BTC/USD"}});
  return settings;
}

// `part` again and again between `begin` and `end`, at most a megabyte; the last without its comma.
std::string filled(const std::string& begin, const std::string& part, const std::string& end) {
  std::string text = begin;
  while (text.size() + part.size() + end.size() <= worst_bytes) text += part;
  if (part.ends_with(',')) text.pop_back();
  return text + end;
}

std::string rows(std::string_view channel, const std::string& row) {
  const bool instrument = channel == "instrument";
  return filled(R"({"channel":")" + std::string(channel) + R"(","type":"update","data":)" +
                    (instrument ? R"({"assets":[],"pairs":[)" : "["),
                row + ",", instrument ? "]}}" : "]}");
}

const std::string trade_row =
    R"({"symbol":"BTC/USD","side":"buy","price":1.0,"qty":2.0,"ord_type":"market","trade_id":7,)"
    R"("timestamp":"2026-07-07T23:00:03.501510Z"})";
const std::string ticker_row =
    R"({"symbol":"BTC/USD","bid":1.0,"bid_qty":1.0,"ask":2.0,"ask_qty":1.0,"last":1.0,)"
    R"("volume":1.0,"vwap":1.0,"low":1.0,"high":1.0,"change":0.0,"change_pct":0.0})";
const std::string candle_row =
    R"({"symbol":"BTC/USD","open":1.0,"high":1.0,"low":1.0,"close":1.0,"vwap":1.0,"trades":1,)"
    R"("volume":1.0,"interval_begin":"2026-07-07T23:00:00.000000000Z","interval":1,)"
    R"("timestamp":"2026-07-07T23:01:00.000000Z"})";
const std::string pair_row =
    R"({"symbol":"BTC/USD","status":"online","qty_precision":8,"qty_increment":0.00000001,)"
    R"("price_precision":1,"price_increment":0.1,"qty_min":0.0001})";

// The number of a field, a megabyte long.
std::string with_number(const std::string& row, const std::string& key, std::string_view channel,
                        const std::string& number) {
  const size_t at = row.find('"' + key + "\":") + key.size() + 3;
  const size_t end = row.find_first_of(",}", at);
  const std::string changed = row.substr(0, at) + number + row.substr(end);
  const bool instrument = channel == "instrument";
  return R"({"channel":")" + std::string(channel) + R"(","type":"update","data":)" +
         (instrument ? R"({"assets":[],"pairs":[)" : "[") + changed + (instrument ? "]}}" : "]}");
}

std::string zeros_then_ones() {
  return "0." + std::string(worst_bytes / 2 - 500, '0') + std::string(worst_bytes / 2 - 500, '1');
}

std::string levels(bool bids, std::string_view type, const std::function<std::string(int)>& price,
                   int count) {
  std::string side = "[";
  for (int i = 0; i < count; ++i) {
    side += R"({"price":)" + price(i) + R"(,"qty":1.0},)";
  }
  side.back() = ']';
  return R"({"channel":"book","type":")" + std::string(type) +
         R"(","data":[{"symbol":"BTC/USD","bids":)" + (bids ? side : "[]") + R"(,"asks":)" +
         (bids ? "[]" : side) + R"(,"checksum":1,"timestamp":"2026-07-07T23:00:04.501510Z"}]})";
}

// As one frame.
std::string framed(const std::string& text) {
  std::string frame = "\x81\x7f";
  for (int shift = 56; shift >= 0; shift -= 8) {
    frame += static_cast<char>(text.size() >> static_cast<unsigned>(shift));
  }
  return frame + text;
}

// Its name, its bytes, and the reads in which they come.
void say(const char* name, size_t bytes, uint32_t reads) {
  std::printf("%s %zu %u\n", name, bytes, reads);
}

volatile int measured_line = 0;

}  // namespace

// Named for callgrind, and each another function: one that is folded into a like one has no count.
// The bytes come in reads of `read_bytes`.
#define WORST_READS(name, stream, read_bytes)                                         \
  extern "C" [[gnu::noinline]] void measured_##name(Engine& engine, uint32_t turns) { \
    measured_line = __LINE__;                                                         \
    while (turns-- > 0) static_cast<void>(engine.turn());                             \
  }                                                                                   \
  static void feed_##name() {                                                         \
    const std::string text = stream;                                                  \
    EngineWorld world(all_channels());                                                \
    world.go_live();                                                                  \
    uint32_t reads = 0;                                                               \
    for (size_t at = 0; at < text.size(); at += read_bytes, ++reads) {                \
      world.net.received(world.id(), std::string_view(text).substr(at, read_bytes));  \
    }                                                                                 \
    measured_##name(world.engine, reads / completions_per_turn_max + 1);              \
    say(#name, text.size(), reads);                                                   \
  }
#define WORST(name, message) WORST_READS(name, framed(message), 16'384)

WORST(trade_rows, rows("trade", trade_row))
WORST(trade_rows_of_others, rows("trade", R"({"symbol":"A/B"})"))
WORST(trade_price, with_number(trade_row, "price", "trade", zeros_then_ones()))
WORST(trade_timestamp,
      with_number(trade_row, "timestamp", "trade", '"' + std::string(worst_bytes - 500, '1') + '"'))
WORST(ticker_rows, rows("ticker", ticker_row))
WORST(ticker_last, with_number(ticker_row, "last", "ticker", zeros_then_ones()))
WORST(ticker_volume, with_number(ticker_row, "volume", "ticker", zeros_then_ones()))
WORST(ticker_zeros, with_number(ticker_row, "last", "ticker", std::string(worst_bytes - 500, '0')))
WORST(ohlc_rows, rows("ohlc", candle_row))
WORST(ohlc_volume, with_number(candle_row, "volume", "ohlc", zeros_then_ones()))
WORST(instrument_rows, rows("instrument", pair_row))
WORST(instrument_qty, with_number(pair_row, "qty_min", "instrument", zeros_then_ones()))
WORST(instrument_assets, filled(R"({"channel":"instrument","type":"update","data":{"assets":[)",
                                R"({"id":"A"},)", R"(],"pairs":[]}})"))
WORST(book_best_first,
      levels(
          true, "update", [](int i) { return std::to_string(90 - i * 0.01); }, 4000))
WORST(book_worst_first,
      levels(
          true, "update", [](int i) { return std::to_string(10 + i * 0.01); }, 4000))
WORST(book_from_both_ends,
      levels(
          false, "update",
          [](int i) { return std::to_string(1000 + (i % 2 == 0 ? -0.1 : 0.1) * i); }, 4000))
WORST(book_snapshot,
      levels(
          true, "snapshot", [](int i) { return std::to_string(10 + i * 0.01); }, 4000))
WORST(book_too_many_levels,
      filled(R"({"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[)",
             R"({"price":1,"qty":1},)", "]}]}"))
WORST(book_price, with_number(R"({"symbol":"BTC/USD","bids":[{"price":1,"qty":1}],"asks":[],)"
                              R"("checksum":1,"timestamp":"2026-07-07T23:00:04.501510Z"})",
                              "price", "book", zeros_then_ones()))
WORST(books_of_others, rows("book", R"({"symbol":"A/B","bids":[],"asks":[],"checksum":1})"))
WORST(keys_that_nobody_knows, filled("{", R"("k":1,)", R"("channel":"book"})"))
WORST(the_same_key, filled("{", R"("channel":"book",)", R"("type":"update"})"))
WORST(the_last_key_first,
      filled(R"({"type":"update",)", R"("x":"y",)", R"("data":[],"channel":"trade"})"))
WORST(lists_in_lists, std::string(worst_bytes, '['))
WORST(objects_in_objects, filled("", R"({"a":)", ""))
WORST(escapes, filled(R"({"error":")", R"(\u0041)", R"(","method":"subscribe","success":false})"))
WORST(a_long_text, filled(R"({"error":")", "x", R"(","method":"subscribe","success":false})"))
WORST(a_long_symbol,
      filled(R"({"channel":"trade","type":"update","data":[{"symbol":")", "x", R"("}]})"))
WORST(characters_of_four_bytes, filled(R"({"a":")", "\xf0\x9f\x99\x82", R"("})"))
WORST(white_space, std::string(worst_bytes - 2, ' ') + "{}")
WORST_READS(empty_messages, filled("", std::string("\x81\x00", 2), ""), 16'384)
WORST_READS(empty_pings, filled("", std::string("\x89\x00", 2), ""), 16'384)
WORST_READS(frames_of_one_byte,
            std::string("\x01\x01{", 3) + filled("", std::string("\x00\x01 ", 3), ""), 16'384)
WORST_READS(reads_of_one_byte, std::string("\x81\x7e\xff\xff", 4) + std::string(0xFFFF, ' '), 1)

int main() {
  feed_trade_rows();
  feed_trade_rows_of_others();
  feed_trade_price();
  feed_trade_timestamp();
  feed_ticker_rows();
  feed_ticker_last();
  feed_ticker_volume();
  feed_ticker_zeros();
  feed_ohlc_rows();
  feed_ohlc_volume();
  feed_instrument_rows();
  feed_instrument_qty();
  feed_instrument_assets();
  feed_book_best_first();
  feed_book_worst_first();
  feed_book_from_both_ends();
  feed_book_snapshot();
  feed_book_too_many_levels();
  feed_book_price();
  feed_books_of_others();
  feed_keys_that_nobody_knows();
  feed_the_same_key();
  feed_the_last_key_first();
  feed_lists_in_lists();
  feed_objects_in_objects();
  feed_escapes();
  feed_a_long_text();
  feed_a_long_symbol();
  feed_characters_of_four_bytes();
  feed_white_space();
  feed_empty_messages();
  feed_empty_pings();
  feed_frames_of_one_byte();
  feed_reads_of_one_byte();
  return 0;
}
