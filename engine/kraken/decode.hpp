// JSON text of the venue to messages: book messages in the venue's own layout by prediction, all
// others with simdjson On-Demand, which also decides whatever was predicted wrongly. Numbers come
// from their digits, never through a double.
//
// Owns:    the parser and the arrays that decoded rows live in, all allocated by the constructor.
// Threads: one.
// Cost:    one pass; nothing is allocated by decode().
// Errors:  what is no JSON text, is neither object nor list, or has more rows than limits.hpp
//          allows is a DecodeError; the message before it is gone either way. What else cannot be
//          read costs the smallest thing that it belongs to: a row or a book is there, marked, and
//          the kind says so (message.hpp). A field of a head, an answer or a status counts as
//          absent, a row without a symbol is left out, an answer without `success` is `other`.
// Source:  kraken-v2.md §3 to §7.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string_view>

#include "kraken/decode_error.hpp"
#include "kraken/message.hpp"
#include "kraken/row_rooms.hpp"

namespace havklo::kraken {

// Told which book a message is for before its levels are read, so that what is kept of that book
// can be on its way to the caches meanwhile. Of a message that is then refused too.
class BookListener {
 public:
  virtual void on_book_named(std::string_view symbol) = 0;

 protected:
  ~BookListener() = default;
};

class Decoder {
 public:
  Decoder();
  ~Decoder();
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  // `json` must be followed by receive_padding readable bytes and be at most message_bytes_max
  // long. The listener hears of the symbol only when the layout is the predicted one.
  [[nodiscard]] std::expected<MessageKind, DecodeError> decode(std::string_view json,
                                                               BookListener* listener = nullptr);

  // The same, without prediction: what decode() must answer. For tests and benchmarks.
  [[nodiscard]] std::expected<MessageKind, DecodeError> decode_unpredicted(std::string_view json);

  // Of the last message, when it was of that kind.
  [[nodiscard]] const Status& status() const;
  [[nodiscard]] const Ack& ack() const;
  [[nodiscard]] std::span<const BookMessage> books() const;
  [[nodiscard]] Channel rows_channel() const;
  [[nodiscard]] bool rows_are_snapshot() const;  // else an update, or of a type that nobody knows
  template <class C>
  [[nodiscard]] std::span<const typename C::Row> rows() const {
    return std::get<RowRoom<C>>(rows_).used();
  }

 private:
  struct State;
  RowRooms rows_;
  std::unique_ptr<State> state_;
};

// RFC 3339 ("2026-07-07T23:00:03.947173Z" or an offset as "+00:00", up to nine fractional digits) to
// nanoseconds since 1970. False: it is none, of a day that no calendar has, or not from 1970 to
// 2261.
[[nodiscard]] bool parse_timestamp(std::string_view text, int64_t& ns);

}  // namespace havklo::kraken
