// Every step knows how far it may read: a message that is at least as long as what must follow.
#include "kraken/book_layout.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <havklo/limits.hpp>

#include "kraken/decode.hpp"
#include "kraken/digits.hpp"

namespace havklo::kraken {
namespace {

template <size_t size>
bool is(const char* at, const char (&text)[size]) {
  return std::memcmp(at, text, size - 1) == 0;
}
template <size_t size>
constexpr size_t length(const char (&)[size]) {
  return size - 1;
}

constexpr char update_head[] = R"({"channel":"book","type":"update","data":[{"symbol":")";
constexpr char snapshot_head[] = R"({"channel":"book","type":"snapshot","data":[{"symbol":")";
constexpr char bids_key[] = R"(","bids":[)";
constexpr char price_key[] = R"({"price":)";
constexpr char qty_key[] = R"(,"qty":)";
constexpr char asks_key[] = R"(,"asks":[)";
constexpr char checksum_key[] = R"(,"checksum":)";
constexpr char timestamp_key[] = R"(,"timestamp":")";
constexpr char tail[] = R"("}]})";
constexpr size_t timestamp_chars = 27;  // six digits of a second

// What follows the last level at least, and so may be read from the beginning of any level.
constexpr size_t after_levels_min =
    length(checksum_key) + 1 + length(timestamp_key) + timestamp_chars + length(tail);
static_assert(after_levels_min + receive_padding >= length(price_key) + length(qty_key) + 3 * 32);
constexpr size_t message_min =
    length(update_head) + 1 + length(bids_key) + 1 + length(asks_key) + 1 + after_levels_min;

// How many characters of a string stand at `at`; only those that JSON spells as they are. 0: more
// than 31, or something else.
size_t plain_string(const char* at) {
  size_t chars = 0;
#if HAVKLO_DIGITS_IN_REGISTERS
  const __m256i text = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
  const __m256i printable = _mm256_cmpgt_epi8(text, _mm256_set1_epi8(0x1F));  // above 0x7F: no
  const __m256i special = _mm256_or_si256(_mm256_cmpeq_epi8(text, _mm256_set1_epi8('"')),
                                          _mm256_cmpeq_epi8(text, _mm256_set1_epi8('\\')));
  const auto plain =
      static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_andnot_si256(special, printable)));
  chars = static_cast<size_t>(std::countr_one(plain));
#else
  while (chars < 32 && at[chars] > 0x1F && at[chars] != '"' && at[chars] != '\\') ++chars;
#endif
  return chars < 32 && at[chars] == '"' ? chars : 0;
}

// Numbers of more than sixteen digits: rare enough for a loop over them.
bool read_long_number(const char* at, Decimal& value, const char*& end) {
  constexpr size_t chars_max = 21;
  size_t chars = 0;
  while (chars < chars_max && ((at[chars] >= '0' && at[chars] <= '9') || at[chars] == '.')) ++chars;
  end = at + chars;
  return parse_decimal({at, chars}, value);
}

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
  Digits digits;
  if (!read_digits(at, digits) || digits.places != 0) return false;
  if (digits.mantissa > UINT32_MAX || (*at == '0' && digits.end - at > 1)) return false;
  checksum = static_cast<uint32_t>(digits.mantissa);
  at = digits.end;
  return true;
}

}  // namespace

bool BookLayout::read_timestamp(const char* at, int64_t& ns) {
  // Seconds and their fraction, "03.977459", stand behind the minute and a colon.
  constexpr size_t second_at = 17;
  uint64_t second_us = 0;
  if (at[second_at - 1] != ':' || at[timestamp_chars - 1] != 'Z') return false;
  if (!read_seconds(at + second_at, second_us) || second_us >= 61'000'000) return false;
  const auto second_ns = static_cast<int64_t>(second_us) * 1000;
  if (std::memcmp(at, minute_text_.data(), minute_text_.size()) != 0) {
    int64_t whole_ns = 0;
    if (!parse_timestamp({at, timestamp_chars}, whole_ns)) return false;
    minute_ns_ = whole_ns - second_ns;
    std::memcpy(minute_text_.data(), at, minute_text_.size());
  }
  ns = minute_ns_ + second_ns;
  return true;
}

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
  if (!read_timestamp(at, out.timestamp_ns)) return false;
  at += timestamp_chars;
  return is(at, tail) && at + length(tail) == end;
}

}  // namespace havklo::kraken
