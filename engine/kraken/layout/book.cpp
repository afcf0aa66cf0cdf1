// From both ends to the middle: the end is as long as its one number, the levels are what is left.
#include "kraken/layout/book.hpp"

#include <havklo/limits.hpp>

#include "kraken/layout/level_text.hpp"

namespace havklo::kraken {
namespace {

using namespace layout;

constexpr char update_head[] = R"({"channel":"book","type":"update","data":[{"symbol":")";
constexpr char snapshot_head[] = R"({"channel":"book","type":"snapshot","data":[{"symbol":")";
constexpr char bids_key[] = R"(","bids":[)";
constexpr char asks_key[] = R"(,"asks":[)";
constexpr char checksum_key[] = R"(,"checksum":)";
constexpr char timestamp_key[] = R"(,"timestamp":")";
constexpr char tail[] = R"("}]})";

// What follows the levels, but for the digits of the checksum; it is read from its end, so the
// levels' end is known before they are read, and 64 bytes may be read from any level's beginning.
constexpr size_t after_checksum = length(timestamp_key) + timestamp_chars + length(tail);
constexpr size_t checksum_chars_max = 10;
static_assert(length(checksum_key) + 1 + after_checksum + receive_padding >=
              64 + length(asks_key) + 2);
constexpr size_t message_min = length(update_head) + 1 + length(bids_key) + 1 + length(asks_key) +
                               1 + length(checksum_key) + 1 + after_checksum;

const char* read_unusual_level(const char* at, WireLevel& level) {
  if (!is(at, level_price_key)) return nullptr;
  Decimal price;
  Decimal qty;
  const char* end = nullptr;
  if (!read_long_number(at + length(level_price_key), price, end)) return nullptr;
  if (!is(end, level_qty_key)) return nullptr;
  if (!read_long_number(end + length(level_qty_key), qty, end)) return nullptr;
  level = WireLevel(price, qty);
  return end;
}

// From behind the bracket that opens a list with something in it to behind the one that closes it.
[[gnu::hot]] const char* read_some_levels(const char* at, const char* end,
                                          std::span<WireLevel> room, size_t& count) {
  for (count = 0;; ++count) {
    if (at >= end || count == room.size()) return nullptr;
    const char* behind = read_level(at, room[count]);
    if (behind == nullptr) [[unlikely]]
      behind = read_unusual_level(at, room[count]);
    if (behind == nullptr || behind[0] != '}') return nullptr;
    at = behind + 2;
    if (behind[1] == ']') break;
    if (behind[1] != ',') return nullptr;
  }
  ++count;
  return at;
}

inline const char* read_levels(const char* at, const char* end, std::span<WireLevel> room,
                               size_t& count) {
  if (*at != ']') return read_some_levels(at, end, room, count);
  count = 0;
  return at + 1;
}

// The checksum whose last digit stands before `end`; gives the beginning of its key, or null.
const char* read_checksum(const char* end, uint32_t& checksum) {
  uint64_t value = 0;
  const uint32_t digits = read_digits_before(end, value);
  if (digits == 0 || digits > checksum_chars_max || value > UINT32_MAX) return nullptr;
  const char* const at = end - digits;
  if (*at == '0' && digits > 1) return nullptr;  // no number of JSON's
  checksum = static_cast<uint32_t>(value);
  const char* const key = at - length(checksum_key);
  return is(key, checksum_key) ? key : nullptr;
}

}  // namespace

[[gnu::hot]] bool BookLayout::read(std::string_view json, BookMessage& out,
                                   BookListener* listener) {
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
  if (listener != nullptr) listener->on_book_named(out.symbol);

  const char* const time = end - length(tail) - timestamp_chars;
  const char* const time_key = time - length(timestamp_key);
  if (!is(time + timestamp_chars, tail) || !is(time_key, timestamp_key)) return false;
  if (!timestamp_.read(time, out.time.ns)) return false;
  const char* const levels_end = read_checksum(time_key, out.checksum);
  if (levels_end == nullptr) return false;

  size_t count = 0;
  at = read_levels(at + length(bids_key), levels_end, room_, count);
  if (at == nullptr || !is(at, asks_key)) return false;
  out.bids = room_.first(count);
  const std::span<WireLevel> room = room_.subspan(count);
  at = read_levels(at + length(asks_key), levels_end, room, count);
  out.asks = room.first(count);
  return at == levels_end;
}

}  // namespace havklo::kraken
