// Answers by their request, books by their levels.
#include "replay/observer/legs/wire.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "kraken/channels.hpp"
#include "replay/venue/request.hpp"

namespace havklo::replay {
namespace {

// A number of as many decimals as all of its kind.
int64_t digits_at(std::string_view text) {
  int64_t number = 0;
  for (const char c : text) {
    if (c == '.') continue;
    if (c < '0' || c > '9') break;
    number = number * 10 + (c - '0');
  }
  return number;
}

std::string_view behind(std::string_view key, std::string_view text) {
  const size_t at = text.find(key);
  return at == std::string_view::npos ? std::string_view{} : text.substr(at + key.size());
}

// "2026-07-07T23:00:03.123456Z"
int64_t ns_of_time(std::string_view text) {
  if (text.size() < 27) return 0;
  const auto number = [text](size_t at, size_t digits) {
    int64_t value = 0;
    std::from_chars(text.data() + at, text.data() + at + digits, value);
    return value;
  };
  const std::chrono::year_month_day day(std::chrono::year(static_cast<int>(number(0, 4))),
                                        std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                        std::chrono::day(static_cast<unsigned>(number(8, 2))));
  const int64_t days = std::chrono::sys_days(day).time_since_epoch().count();
  const int64_t seconds = ((days * 24 + number(11, 2)) * 60 + number(14, 2)) * 60 + number(17, 2);
  return (seconds * 1'000'000 + number(20, 6)) * 1000;
}

void write_levels(MarketBook& book, BookSide side, std::string_view list) {
  constexpr std::string_view price_key = R"("price":)";
  for (std::string_view rest = behind(price_key, list); !rest.empty();
       rest = behind(price_key, rest)) {
    book.write(side, digits_at(rest), digits_at(behind(R"("qty":)", rest)));
  }
}

bool is_crossed(const MarketBook& book) {
  return book.size(BookSide::bid) != 0 && book.size(BookSide::ask) != 0 &&
         book.at(BookSide::bid, 0).price >= book.at(BookSide::ask, 0).price;
}

bool is_same_side(const MarketBook& copy, BookSide side, size_t depth,
                  std::span<const Level> levels) {
  const size_t count = std::min(depth, copy.size(side));
  if (count != levels.size()) return false;
  for (size_t rank = 0; rank < count; ++rank) {
    const MarketLevel level = copy.at(side, rank);
    if (level.price != levels[rank].price.mantissa || level.qty != levels[rank].qty.mantissa) {
      return false;
    }
  }
  return true;
}

}  // namespace

bool is_same(const LegWire::Wish& copy, const OrderBook& book) {
  return copy.book && book.is_live() &&
         is_same_side(*copy.book, BookSide::bid, copy.depth, *book.bids()) &&
         is_same_side(*copy.book, BookSide::ask, copy.depth, *book.asks());
}

LegWire::Wish& LegWire::wish_for(Channel channel, std::string_view symbol) {
  for (Wish& wish : wishes_) {
    if (wish.channel == channel && wish.symbol == symbol) return wish;
  }
  Wish& wish = wishes_.emplace_back();
  wish.channel = channel;
  wish.symbol = symbol;
  return wish;
}

const LegWire::Wish* LegWire::find(Channel channel, std::string_view symbol) const {
  for (const Wish& wish : wishes_) {
    if (wish.channel == channel && wish.symbol == symbol) return &wish;
  }
  return nullptr;
}

bool LegWire::any_acked() const { return std::ranges::any_of(wishes_, &Wish::acked); }

void LegWire::read(WireView& wire) {
  for (const SeenAnswer& each : wire.answers) read_answer(each, wire);
  wire.answers.clear();
  for (const std::string& each : wire.books) read_book(each, wire);
  wire.books.clear();
}

// An error names its symbol, or only the request, which may have named several.
void LegWire::read_answer(const SeenAnswer& answer, const WireView& wire) {
  const auto request = std::ranges::find_if(
      wire.requests, [&](const SeenRequest& each) { return answer.req_id == each.req_id; });
  const auto named = channel_named(answer.channel);
  if (named && !answer.symbol.empty()) return note(answer, *named, answer.symbol);
  if (request == wire.requests.end()) return;
  if (!answer.symbol.empty()) return note(answer, request->channel, answer.symbol);
  if (!kraken::facts_of(request->channel).names_symbols) {
    for (Wish& wish : wishes_) {
      if (wish.channel == request->channel) note(answer, wish.channel, wish.symbol);
    }
    return;
  }
  if (request->symbols.size() == 1) note(answer, request->channel, request->symbols.front());
}

void LegWire::note(const SeenAnswer& answer, Channel channel, std::string_view symbol) {
  Wish& wish = wish_for(channel, symbol);
  const bool not_found = answer.error == "Subscription Not Found";
  if (!answer.subscribe && !answer.success && !not_found) return;
  if (answer.subscribe && !answer.success && answer.error == "Already subscribed") return;
  wish.acked = answer.subscribe && answer.success;
  wish.refused = answer.subscribe && !answer.success;
  wish.refused_for_good = wish.refused && is_final_refusal(answer.error);
  if (answer.success && answer.subscribe) {
    wish.depth = static_cast<uint32_t>(answer.parameter.value_or(0));
  }
  if (channel != Channel::book) return;
  wish.book.reset();
  wish.verified = false;
}

void LegWire::read_book(std::string_view text, const WireView& wire) {
  const bool is_snapshot = text.find(R"("type":"snapshot")") != std::string_view::npos;
  const std::string_view name = behind(R"("symbol":")", text);
  const std::string_view symbol = name.substr(0, name.find('"'));
  const auto market = truth_.find(symbol);
  if (!market) return;
  Wish& wish = wish_for(Channel::book, symbol);
  const int64_t time_ns = ns_of_time(behind(R"("timestamp":")", text));
  if (is_snapshot) {
    const MarketBook& venues = truth_.book(*market);
    wish.book.emplace(venues.price_decimals(), venues.qty_decimals());
    wish.snapshot_ns = time_ns;
    if (!wish.acked) {  // it overtakes its ack: the request says how deep
      for (const SeenRequest& each : wire.requests) {
        const bool asks = each.subscribe && each.channel == Channel::book &&
                          std::ranges::find(each.symbols, symbol) != each.symbols.end();
        if (asks) wish.depth = each.parameter;
      }
    }
  }
  wish.verified = false;
  if (!wish.book) return;
  const std::string_view bids = behind(R"("bids":[)", text);
  const std::string_view asks = behind(R"("asks":[)", text);
  wish.book->begin_message();
  write_levels(*wish.book, BookSide::bid, bids.substr(0, bids.find(']')));
  write_levels(*wish.book, BookSide::ask, asks.substr(0, asks.find(']')));
  if (wish.depth != 0) wish.book->truncate(wish.depth);
  wish.time_ns = time_ns;
  const auto checksum = static_cast<uint32_t>(digits_at(behind(R"("checksum":)", text)));
  wish.verified = wish.book->checksum() == checksum && !is_crossed(*wish.book);
  if (!wish.verified) wish.book.reset();
}

}  // namespace havklo::replay
