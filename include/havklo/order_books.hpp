// The books of many symbols, and of several sessions: each event goes to the book that it is about.
//
//   OrderBooks books(client->names(), {"BTC/USD", "ETH/USD"}, 10);
//   ... if (const OrderBook* book = books.apply(event)) quote(book->symbol(), book->best_bid());
//   if (const OrderBook* book = books.find("ETH/USD")) ...
//
// Owns:    its books. When one answers, and what silences it, is OrderBook's alone to know.
// Threads: one, the consumer's.
// Errors:  none: an event of a symbol that nobody added changes nothing.
// Cost:    apply() of an event about a symbol finds its book by two indices, the first time by a
//          binary search; other market events return at once. The rest (Connected, Disconnected,
//          Overrun …) is shown to every book. It allocates nothing but what OrderBook says.
//          A session costs 16 KiB beside its books.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <havklo/event.hpp>
#include <havklo/names.hpp>
#include <havklo/order_book.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace havklo {

class OrderBooks {
 public:
  explicit OrderBooks(const Names& names) : names_(names) {}
  // A book of `depth` for each symbol of one session.
  OrderBooks(const Names& names, const std::vector<std::string>& symbols, uint32_t depth,
             uint8_t session = 0);
  // You may keep references to its books.
  OrderBooks(const OrderBooks&) = delete;
  OrderBooks& operator=(const OrderBooks&) = delete;

  // One more; it answers once its next snapshot is complete. Which symbol has a book in this
  // session keeps that one, and `depth` means nothing. A book stays where it is while the set
  // lives: unsubscribed it is silent, subscribed again it answers again.
  const OrderBook& add(std::string_view symbol, uint32_t depth, uint8_t session = 0);

  // Takes any event. The one book that has changed; null when none has, and when the event was not
  // about one symbol: then ask the books (after Disconnected none of its session answers).
  const OrderBook* apply(const Event& event);

  // Null: nobody added it. A binary search.
  [[nodiscard]] const OrderBook* find(std::string_view symbol, uint8_t session = 0) const;

  // In the order in which they were added: for (const OrderBook& book : books) …
  [[nodiscard]] auto begin() const { return books_.begin(); }
  [[nodiscard]] auto end() const { return books_.end(); }
  [[nodiscard]] size_t size() const { return books_.size(); }

 private:
  struct Session {
    std::vector<OrderBook*> by_symbol;  // sorted
    std::vector<uint32_t> by_id;        // of each SymbolId: not seen yet, no book, or which one
  };
  OrderBook* find(Session& session, SymbolId symbol) const;

  const Names& names_;
  std::deque<OrderBook> books_;
  std::vector<Session> sessions_;  // by number; without a book they are empty
};

}  // namespace havklo
