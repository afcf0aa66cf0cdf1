// Every step knows how far it may read: a row that is at least as long as what must follow.
#include "kraken/layout/trade.hpp"

#include <havklo/limits.hpp>

namespace havklo::kraken {
namespace {

using namespace layout;

constexpr char update_head[] = R"({"channel":"trade","type":"update","data":[)";
constexpr char snapshot_head[] = R"({"channel":"trade","type":"snapshot","data":[)";
constexpr char symbol_key[] = R"({"symbol":")";
constexpr char buy[] = R"(","side":"buy","price":)";
constexpr char sell[] = R"(","side":"sell","price":)";
constexpr char qty_key[] = R"(,"qty":)";
constexpr char limit_order[] = R"(,"ord_type":"limit","trade_id":)";
constexpr char market_order[] = R"(,"ord_type":"market","trade_id":)";
constexpr char timestamp_key[] = R"(,"timestamp":")";
constexpr char tail[] = R"("}]})";

// What follows the trade's id at least, its first digit included, and may be read from anywhere in
// the number before it.
constexpr size_t after_ids_min = length(timestamp_key) + timestamp_chars + length(tail);
constexpr size_t after_qty_min = length(limit_order) + 1 + after_ids_min;
constexpr size_t row_min =
    length(symbol_key) + 1 + length(buy) + 1 + length(qty_key) + 1 + after_qty_min;
// The longest reach of a step: a number of 21 characters and the longest text behind it.
static_assert(after_ids_min + receive_padding >= 32 + length(sell));

bool read_number(const char*& at, Decimal& value) {
  Digits digits;
  if (read_digits(at, digits)) {
    value = digits.decimal();
    at = digits.end;
    return true;
  }
  const char* end = nullptr;
  if (!read_long_number(at, value, end)) return false;
  at = end;
  return true;
}

}  // namespace

const char* TradeLayout::read_row(const char* at, const char* end, TradeRow& out) {
  const auto has = [&at, end](size_t bytes) { return end - at >= static_cast<ptrdiff_t>(bytes); };
  if (!has(row_min) || !is(at, symbol_key)) return nullptr;
  at += length(symbol_key);
  const size_t symbol_chars = plain_string(at);
  if (symbol_chars == 0) return nullptr;
  out.symbol = {at, symbol_chars};
  at += symbol_chars;
  if (!has(length(sell) + after_qty_min)) return nullptr;
  if (is(at, buy)) {
    out.side = TradeSide::buy;
    at += length(buy);
  } else if (is(at, sell)) {
    out.side = TradeSide::sell;
    at += length(sell);
  } else {
    return nullptr;
  }
  if (!read_number(at, out.price) || !has(length(qty_key) + after_qty_min)) return nullptr;
  if (!is(at, qty_key)) return nullptr;
  at += length(qty_key);
  if (!read_number(at, out.qty) || !has(length(market_order) + after_ids_min)) return nullptr;
  if (is(at, limit_order)) {
    at += length(limit_order);
  } else if (is(at, market_order)) {
    at += length(market_order);
  } else {
    return nullptr;
  }
  if (!read_whole_number(at, out.trade_id) || !has(after_ids_min)) return nullptr;
  if (!is(at, timestamp_key)) return nullptr;
  at += length(timestamp_key);
  if (!timestamp_.read(at, out.time.ns)) return nullptr;
  at += timestamp_chars;
  return at[0] == '"' && at[1] == '}' ? at + 2 : nullptr;
}

bool TradeLayout::read(std::string_view json, std::span<TradeRow> room, size_t& count,
                       bool& is_snapshot) {
  if (json.size() < length(snapshot_head) + row_min) return false;
  const char* at = json.data();
  const char* const end = at + json.size();
  if (is(at, update_head)) {
    at += length(update_head);
    is_snapshot = false;
  } else if (is(at, snapshot_head)) {
    at += length(snapshot_head);
    is_snapshot = true;
  } else {
    return false;
  }
  for (count = 0; count < room.size();) {
    at = read_row(at, end, room[count++]);
    if (at == nullptr || end - at < 2) return false;
    if (at[0] == ']') return at[1] == '}' && at + 2 == end;
    if (at[0] != ',') return false;
    ++at;
  }
  return false;
}

}  // namespace havklo::kraken
