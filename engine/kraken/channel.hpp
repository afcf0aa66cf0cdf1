// How one channel is told: what a file of kraken/channels says, and in which words.
//
// A channel is a struct with
//   facts     what the venue calls it, what a request asks for, what must hold before it is settled
//   Row       one row of its messages, decoded: views into the message, valid until the next one;
//             with a symbol, and a `fault`
//   fields    which key of a row fills which member, and whether a row can do without it
//   rows_max  rows that one message may bring; beyond it the message is malformed
//   events    the kinds that a row becomes, in their order
//   write     fills in those events
// Decoder, encoder, session, subscriptions and settings read it from there (kraken/channels.hpp).
// The book has facts alone: its rows hold lists of levels and go a way of their own, for speed.
#pragma once

#include <cstdint>
#include <havklo/channel.hpp>
#include <havklo/config.hpp>
#include <havklo/decimal.hpp>
#include <span>
#include <string_view>

#include "kraken/decode_error.hpp"

namespace havklo::kraken {

// What a request asks for beside its symbols; it belongs to the identity of a subscription.
struct Parameter {
  std::string_view name = {};             // on the wire; "": there is none
  std::span<const uint16_t> values = {};  // that the venue serves
  uint32_t SubscriptionSettings::*setting = nullptr;
};

// What must hold before a subscription counts as restored, beside its acknowledgement.
enum class Integrity : uint8_t {
  none,
  checksum,  // a snapshot that verifies, and every message after it
};

struct ChannelFacts {
  Channel channel;
  std::string_view name;
  Parameter parameter = {};
  bool snapshot = true;       // always asked for: what there is to know comes first
  bool names_symbols = true;  // false: one subscription brings every pair the venue has
  std::string_view rows_key =
      {};  // "": `data` is the list of rows; else the list is this key of it
  Integrity integrity = Integrity::none;
};

// A figure that nothing is checked against: what does not fit loses its last places. A day's volume
// of a pair that costs next to nothing has more digits than 64 bits.
struct Statistic {
  Decimal value;
};

// RFC 3339 text, as nanoseconds since 1970 UTC; 0: the message had none.
struct VenueTime {
  int64_t ns = 0;
};

// What of a row could not be read. Means something in a message that was read in part alone.
struct RowFault {
  std::string_view key;  // "": the row is whole
  DecodeError error{};
};

// A key of a row. What a key's value must be follows from the member's type: std::string_view is
// text, uint64_t a whole number, a shorter one a whole number that must fit it, Decimal a number of
// at least 0 that must fit, an enum a word that parse_word() knows.
template <class Row, class Value>
struct RowField {
  std::string_view key;
  Value Row::*member;
  bool required;
};
template <class Row, class Value>
constexpr RowField<Row, Value> required(std::string_view key, Value Row::*member) {
  return {key, member, true};
}
template <class Row, class Value>
constexpr RowField<Row, Value> optional(std::string_view key, Value Row::*member) {
  return {key, member, false};
}

}  // namespace havklo::kraken
