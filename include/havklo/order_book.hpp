// A strategy's order book, fed by events; it answers nothing while what it holds cannot be trusted.
//
//   OrderBook book(client->names(), "BTC/USD", 10);
//   ... book.apply(event);
//   if (const auto bid = book.best_bid()) { /* verified, of the living connection */ }
//
// Owns:       its levels.
// Threads:    one, the consumer's.
// Invariants: while it answers, its levels are those of the venue's book at the last message whose
//             checksum was verified: a message applies whole or not at all (the answer is empty
//             between its records).
// Empty again after: Disconnected, a newer epoch, BookStale, ChecksumMismatch, BookInvalid,
//             Unsubscribed; until the next snapshot is complete.
// Silent after: an Overrun, until the next message of this book. Of a book that lost a message the
//             engine publishes nothing before a fresh snapshot: an update proves that it lost none.
// Cost:       a binary search and a move for each level; nothing is allocated after construction,
//             but for a message that brings more than `depth` new levels before it removes any.
#pragma once

#include <cstdint>
#include <havklo/decimal.hpp>
#include <havklo/event.hpp>
#include <havklo/names.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace havklo {

struct Level {
  Decimal price;
  Decimal qty;
  friend constexpr bool operator==(const Level&, const Level&) = default;
};

class OrderBook {
 public:
  // `depth` is the subscribed one. The symbol need not be known yet.
  OrderBook(const Names& names, std::string_view symbol, uint32_t depth, uint8_t session = 0);

  // Takes any event; those of other symbols and kinds are left alone. True: the book has changed.
  bool apply(const Event& event);

  // The symbol whose book alone an event can change; nothing when it can change none, or every book
  // of a session. For who keeps many (order_books.hpp).
  [[nodiscard]] static std::optional<SymbolId> symbol_of(const Event& event);

  // Nothing while the book is empty of trust; an empty side has no best level either.
  [[nodiscard]] std::optional<Level> best_bid() const;
  [[nodiscard]] std::optional<Level> best_ask() const;
  // All levels of a side, best first; nothing while the book is empty of trust.
  [[nodiscard]] std::optional<std::span<const Level>> bids() const;
  [[nodiscard]] std::optional<std::span<const Level>> asks() const;

  // Holds the venue's book, whole and verified.
  [[nodiscard]] bool is_live() const { return live_ && !inside_message_ && !in_doubt_; }
  [[nodiscard]] std::string_view symbol() const { return symbol_; }
  // Of the last message; nanoseconds since 1970 by the venue's clock.
  [[nodiscard]] int64_t venue_time_ns() const { return venue_time_ns_; }

 private:
  bool apply_level(const Event& event);
  void write(std::vector<Level>& side, const Level& level, bool descending);
  bool forget();
  [[nodiscard]] bool concerns(SymbolId symbol);

  const Names& names_;
  std::string symbol_;
  std::optional<SymbolId> id_;
  uint8_t session_;
  uint32_t epoch_ = 0;
  bool live_ = false;            // a snapshot has begun on this epoch, and nothing spoilt it
  bool inside_message_ = false;  // its last record has not come
  bool in_doubt_ = false;        // an Overrun may have been about this book
  int64_t venue_time_ns_ = 0;
  std::vector<Level> bids_;
  std::vector<Level> asks_;
};

}  // namespace havklo
