// What a capable user writes for a trade: simdjson On-Demand, field by field, into the same 64-byte
// record that the engine gives.
//
// Owns:    simdjson's parser.
// Errors:  read() is false for what is not a trade message.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <havklo/event.hpp>
#include <string_view>
#include <vector>

#include "kraken/decode.hpp"

namespace havklo::bench {

class StraightforwardTrades {
 public:
  // Appends the message's events; `json` has simdjson's padding behind it. One symbol is known.
  bool read(simdjson::padded_string_view json, std::vector<Event>& events) {
    namespace od = simdjson::ondemand;
    od::document document;
    if (parser_.iterate(json).get(document)) return false;
    std::string_view channel;
    if (document["channel"].get(channel) || channel != "trade") return false;
    od::array data;
    if (document["data"].get(data)) return false;
    for (auto row : data) {
      od::object object;
      if (row.get(object) || !read_row(object, events)) return false;
    }
    return true;
  }

 private:
  static bool read_row(simdjson::ondemand::object row, std::vector<Event>& events) {
    std::string_view symbol;
    std::string_view side;
    std::string_view timestamp;
    Decimal price;
    Decimal qty;
    Event& event = events.emplace_back(Event::make(EventKind::trade));
    Event::Trade& trade = event.payload.trade;
    if (row["symbol"].get(symbol) || symbol != "BTC/USD" || row["side"].get(side) ||
        !decimal(row["price"], price) || !decimal(row["qty"], qty) ||
        row["trade_id"].get(trade.trade_id) || row["timestamp"].get(timestamp) ||
        !kraken::parse_timestamp(timestamp, trade.venue_time_ns)) {
      return false;
    }
    trade.side = side == "buy" ? TradeSide::buy : TradeSide::sell;
    trade.price = price.mantissa;
    trade.price_exponent = price.exponent;
    trade.qty = qty.mantissa;
    trade.qty_exponent = qty.exponent;
    return true;
  }
  static bool decimal(simdjson::simdjson_result<simdjson::ondemand::value> value, Decimal& out) {
    simdjson::ondemand::value number;
    if (value.get(number)) return false;
    std::string_view token = number.raw_json_token();
    while (!token.empty() && token.back() <= ' ') token.remove_suffix(1);
    return parse_decimal(token, out);
  }

  simdjson::ondemand::parser parser_;
};

}  // namespace havklo::bench
