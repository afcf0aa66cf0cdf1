// What the venue says, decoded: views into the message and into the decoder's arrays, valid until
// the next decode().
//
// Source: kraken-v2.md §3 to §7. Keys come in any order and new ones appear; what is not known is
//         skipped.
#pragma once

#include <cstdint>
#include <havklo/decimal.hpp>
#include <havklo/event.hpp>
#include <optional>
#include <span>
#include <string_view>

#include "kraken/channel.hpp"

namespace havklo::kraken {

enum class MessageKind : uint8_t {
  status,
  heartbeat,
  pong,
  ack,         // of subscribe or unsubscribe, good or bad
  bare_error,  // {"Error":"Exceeded msg rate"}
  book,
  rows,          // of one of the other channels: Decoder::rows_channel()
  book_in_part,  // … and some of the books, of the rows, could not be read: `fault` says which
  rows_in_part,
  other,  // JSON text that says nothing of use: of a channel or method that we do not use, without
          // data, an answer that does not say whether it is good
};

struct Status {
  SystemStatus system = SystemStatus::unknown;
  std::string_view api_version;
  std::optional<uint64_t> connection_id;  // may be absent, and exceed 2^63
};

enum class Method : uint8_t { subscribe, unsubscribe };

struct Ack {
  Method method = Method::subscribe;
  bool success = false;
  std::string_view channel;  // "" in most refusals
  std::string_view symbol;   // "" in most refusals
  std::string_view error;    // "" on success
  std::optional<uint64_t> req_id;
  std::optional<uint64_t> parameter;  // depth or interval, of a success
};

// A level as printed. The integer printed in decimal is the text without point and leading zeros,
// which is what the checksum covers (kraken-v2.md §8.4); what those digits add to it is kept here.
struct WireLevel {
  WireLevel() = default;
  // The slow way to the checksum's part: through the digits.
  WireLevel(Decimal price, Decimal qty);

  [[nodiscard]] Decimal price() const { return {price_mantissa, price_exponent}; }
  [[nodiscard]] Decimal qty() const { return {qty_mantissa, qty_exponent}; }

  int64_t price_mantissa = 0;
  int64_t qty_mantissa = 0;
  uint32_t remainder = 0;  // of the digits of price and qty: checksum.hpp
  uint8_t chars = 0;       // … and how many they are
  int8_t price_exponent = 0;
  int8_t qty_exponent = 0;
  uint8_t zero = 0;
};
static_assert(sizeof(WireLevel) == 24);

struct BookMessage {
  bool is_snapshot = false;
  std::string_view symbol;
  std::span<const WireLevel> bids;
  std::span<const WireLevel> asks;
  uint32_t checksum = 0;
  RowFault fault;  // of a book_in_part: its levels mean nothing then
  VenueTime time;
};

}  // namespace havklo::kraken
