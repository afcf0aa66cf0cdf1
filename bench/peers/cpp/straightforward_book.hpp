// What a capable user writes in an afternoon: simdjson On-Demand, a sorted vector a side, the
// checksum's text printed anew for every message and given to a CRC library.
//
// Gives the same events as the engine, in the same 64-byte records, and verifies the same
// checksums; it has no WebSocket frame to read, no session, no subscription to look after, so a
// comparison with it flatters it.
// Owns:    the books, by symbol.
// Errors:  apply() is false for what is not a book message or does not verify.
#pragma once

#include <libdeflate.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <havklo/event.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "kraken/decode.hpp"

namespace havklo::bench {

class StraightforwardBooks {
 public:
  explicit StraightforwardBooks(size_t depth) : depth_(depth) {}

  // Appends the message's events; `json` has simdjson's padding behind it.
  bool apply(simdjson::padded_string_view json, std::vector<Event>& events) {
    namespace od = simdjson::ondemand;
    od::document document;
    if (parser_.iterate(json).get(document)) return false;
    std::string_view channel;
    std::string_view type;
    if (document["channel"].get(channel) || channel != "book") return false;
    if (document["type"].get(type)) return false;
    od::array data;
    if (document["data"].get(data)) return false;
    for (auto row : data) {
      od::object object;
      if (row.get(object) || !apply_row(object, type == "snapshot", events)) return false;
    }
    return true;
  }

 private:
  struct Level {
    Decimal price;
    Decimal qty;
  };
  struct Book {
    std::array<std::vector<Level>, 2> sides;
    SymbolId symbol{};
  };

  bool apply_row(simdjson::ondemand::object row, bool snapshot, std::vector<Event>& events) {
    std::string_view symbol;
    if (row["symbol"].get(symbol)) return false;
    Book& book = find(symbol);
    if (snapshot) book.sides = {};
    const size_t first = events.size();
    const EventKind kind = snapshot ? EventKind::book_snapshot : EventKind::book_update;
    for (const BookSide side : {BookSide::bid, BookSide::ask}) {
      simdjson::ondemand::array levels;
      if (row[side == BookSide::bid ? "bids" : "asks"].get(levels)) return false;
      for (auto level : levels) {
        Level parsed;
        if (!read(level["price"], parsed.price) || !read(level["qty"], parsed.qty)) return false;
        write(book, side, parsed);
        push(events, kind, book.symbol, side, parsed, 0);
      }
    }
    for (const BookSide side : {BookSide::bid, BookSide::ask}) {
      auto& levels = book.sides[static_cast<size_t>(side)];
      for (; levels.size() > depth_; levels.pop_back()) {
        Level gone = levels.back();
        gone.qty.mantissa = 0;
        push(events, kind, book.symbol, side, gone, flag_truncated);
      }
    }
    uint64_t checksum = 0;
    std::string_view timestamp;
    int64_t time_ns = 0;
    if (row["checksum"].get(checksum) || checksum != checksum_of(book)) return false;
    if (row["timestamp"].get(timestamp) || !kraken::parse_timestamp(timestamp, time_ns)) {
      return false;
    }
    for (size_t i = first; i < events.size(); ++i) events[i].payload.book.venue_time_ns = time_ns;
    if (first == events.size()) return true;
    events[first].flags |= flag_first_in_message;
    events.back().flags |= flag_last_in_message;
    return true;
  }

  static bool read(simdjson::simdjson_result<simdjson::ondemand::value> value, Decimal& out) {
    simdjson::ondemand::value number;
    if (value.get(number)) return false;
    std::string_view token = number.raw_json_token();
    while (!token.empty() && token.back() <= ' ') token.remove_suffix(1);
    return parse_decimal(token, out);
  }

  Book& find(std::string_view symbol) {
    const auto known = books_.find(std::string(symbol));
    if (known != books_.end()) return known->second;
    Book& book = books_[std::string(symbol)];
    book.symbol = SymbolId{static_cast<uint32_t>(books_.size() - 1)};
    return book;
  }

  static void write(Book& book, BookSide side, const Level& level) {
    auto& levels = book.sides[static_cast<size_t>(side)];
    const auto at = std::ranges::lower_bound(levels, level, [side](const Level& a, const Level& b) {
      return side == BookSide::bid ? a.price > b.price : a.price < b.price;
    });
    const bool known = at != levels.end() && at->price == level.price;
    if (level.qty.is_zero()) {
      if (known) levels.erase(at);
    } else if (known) {
      *at = level;
    } else {
      levels.insert(at, level);
    }
  }

  static void push(std::vector<Event>& events, EventKind kind, SymbolId symbol, BookSide side,
                   const Level& level, uint8_t flags) {
    Event& event = events.emplace_back(Event::make(kind));
    event.flags = flags;
    Event::BookLevel& out = event.payload.book;
    out.price = level.price.mantissa;
    out.qty = level.qty.mantissa;
    out.symbol = symbol;
    out.price_exponent = level.price.exponent;
    out.qty_exponent = level.qty.exponent;
    out.side = side;
  }

  static uint32_t checksum_of(const Book& book) {
    std::array<char, 1024> text;
    char* out = text.data();
    for (const BookSide side : {BookSide::ask, BookSide::bid}) {
      const auto& levels = book.sides[static_cast<size_t>(side)];
      for (size_t i = 0; i < std::min<size_t>(levels.size(), 10); ++i) {
        out = std::to_chars(out, text.data() + text.size(), levels[i].price.mantissa).ptr;
        out = std::to_chars(out, text.data() + text.size(), levels[i].qty.mantissa).ptr;
      }
    }
    return libdeflate_crc32(0, text.data(), static_cast<size_t>(out - text.data()));
  }

  size_t depth_;
  simdjson::ondemand::parser parser_;
  std::unordered_map<std::string, Book> books_;
};

}  // namespace havklo::bench
