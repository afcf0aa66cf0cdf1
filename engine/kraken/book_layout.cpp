// Every step knows how far it may read: a message that is at least as long as what must follow.
#include "kraken/book_layout.hpp"

#include <havklo/limits.hpp>

namespace havklo::kraken {
namespace {

using namespace layout;

constexpr char update_head[] = R"({"channel":"book","type":"update","data":[{"symbol":")";
constexpr char snapshot_head[] = R"({"channel":"book","type":"snapshot","data":[{"symbol":")";
constexpr char bids_key[] = R"(","bids":[)";
constexpr char price_key[] = R"({"price":)";
constexpr char qty_key[] = R"(,"qty":)";
constexpr char asks_key[] = R"(,"asks":[)";
constexpr char checksum_key[] = R"(,"checksum":)";
constexpr char timestamp_key[] = R"(,"timestamp":")";
constexpr char tail[] = R"("}]})";

// What follows the last level at least, and so may be read from the beginning of any level.
constexpr size_t after_levels_min =
    length(checksum_key) + 1 + length(timestamp_key) + timestamp_chars + length(tail);
static_assert(after_levels_min + receive_padding >= length(price_key) + length(qty_key) + 3 * 32);
constexpr size_t message_min =
    length(update_head) + 1 + length(bids_key) + 1 + length(asks_key) + 1 + after_levels_min;

const char* read_level(const char* at, WireLevel& level) {
  if (!is(at, price_key)) return nullptr;
  at += length(price_key);
  Digits price;
  Digits qty;
  if (read_digits(at, price) && is(price.end, qty_key) &&
      read_digits(price.end + length(qty_key), qty)) {
    make_level(price, qty, level);
    return qty.end;
  }
  Decimal long_price;
  Decimal long_qty;
  const char* end = nullptr;
  if (!read_long_number(at, long_price, end) || !is(end, qty_key)) return nullptr;
  if (!read_long_number(end + length(qty_key), long_qty, end)) return nullptr;
  level = WireLevel(long_price, long_qty);
  return end;
}

// From behind the bracket that opens the list to behind the one that closes it.
const char* read_levels(const char* at, const char* end, std::span<WireLevel> room, size_t& count) {
  count = 0;
  if (*at == ']') return at + 1;
  for (;; ++count) {
    if (end - at < static_cast<ptrdiff_t>(after_levels_min) || count == room.size()) return nullptr;
    at = read_level(at, room[count]);
    if (at == nullptr || at[0] != '}') return nullptr;
    if (at[1] == ']') break;
    if (at[1] != ',') return nullptr;
    at += 2;
  }
  ++count;
  return at + 2;
}

bool read_checksum(const char*& at, uint32_t& checksum) {
  uint64_t value = 0;
  if (!read_whole_number(at, value) || value > UINT32_MAX) return false;
  checksum = static_cast<uint32_t>(value);
  return true;
}

}  // namespace

bool BookLayout::read(std::string_view json, std::span<WireLevel> room, BookMessage& out) {
  if (json.size() < message_min) return false;
  const char* at = json.data();
  const char* const end = at + json.size();
  if (is(at, update_head)) {
    out.is_snapshot = false;
    at += length(update_head);
  } else if (is(at, snapshot_head)) {
    out.is_snapshot = true;
    at += length(snapshot_head);
  } else {
    return false;
  }
  const size_t symbol_chars = plain_string(at);
  if (symbol_chars == 0) return false;
  out.symbol = {at, symbol_chars};
  at += symbol_chars;
  if (!is(at, bids_key)) return false;
  size_t count = 0;
  at = read_levels(at + length(bids_key), end, room, count);
  if (at == nullptr || !is(at, asks_key)) return false;
  out.bids = room.first(count);
  room = room.subspan(count);
  at = read_levels(at + length(asks_key), end, room, count);
  if (at == nullptr || end - at < static_cast<ptrdiff_t>(after_levels_min)) return false;
  if (!is(at, checksum_key)) return false;
  out.asks = room.first(count);
  at += length(checksum_key);
  if (!read_checksum(at, out.checksum) || !is(at, timestamp_key)) return false;
  at += length(timestamp_key);
  if (!timestamp_.read(at, out.timestamp_ns)) return false;
  at += timestamp_chars;
  return is(at, tail) && at + length(tail) == end;
}

}  // namespace havklo::kraken
