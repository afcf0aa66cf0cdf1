// From an event to its book.
#include <algorithm>
#include <havklo/order_books.hpp>

namespace havklo {
namespace {

// In by_id; from `first_book` on: a place in by_symbol.
constexpr uint32_t not_seen = 0;
constexpr uint32_t no_book = 1;
constexpr uint32_t first_book = 2;

auto place_of(const std::vector<OrderBook*>& sorted, std::string_view symbol) {
  return std::ranges::lower_bound(sorted, symbol, {}, &OrderBook::symbol);
}

bool stands_at(const std::vector<OrderBook*>& sorted, std::vector<OrderBook*>::const_iterator place,
               std::string_view symbol) {
  return place != sorted.end() && (*place)->symbol() == symbol;
}

}  // namespace

OrderBooks::OrderBooks(const Names& names, const std::vector<std::string>& symbols, uint32_t depth,
                       uint8_t session)
    : names_(names) {
  for (const std::string& symbol : symbols) add(symbol, depth, session);
}

const OrderBook& OrderBooks::add(std::string_view symbol, uint32_t depth, uint8_t session) {
  if (session >= sessions_.size()) sessions_.resize(size_t{session} + 1);
  auto& [by_symbol, by_id] = sessions_[session];
  const auto place = place_of(by_symbol, symbol);
  if (stands_at(by_symbol, place, symbol)) return **place;
  OrderBook& book = books_.emplace_back(names_, symbol, depth, session);
  by_symbol.insert(place, &book);
  by_id.assign(symbols_max, not_seen);  // places have moved, and what had no book may have one
  return book;
}

const OrderBook* OrderBooks::find(std::string_view symbol, uint8_t session) const {
  if (session >= sessions_.size()) return nullptr;
  const std::vector<OrderBook*>& sorted = sessions_[session].by_symbol;
  const auto place = place_of(sorted, symbol);
  return stands_at(sorted, place, symbol) ? *place : nullptr;
}

OrderBook* OrderBooks::find(Session& session, SymbolId symbol) const {
  auto& [by_symbol, by_id] = session;
  const auto at = static_cast<uint32_t>(symbol);
  if (at >= by_id.size()) return nullptr;
  if (by_id[at] == not_seen) {
    const std::string_view name = names_.symbol(symbol);
    const auto place = place_of(by_symbol, name);
    by_id[at] = stands_at(by_symbol, place, name)
                    ? first_book + static_cast<uint32_t>(place - by_symbol.begin())
                    : no_book;
  }
  return by_id[at] == no_book ? nullptr : by_symbol[by_id[at] - first_book];
}

const OrderBook* OrderBooks::apply(const Event& event) {
  if (const auto symbol = OrderBook::symbol_of(event)) {
    if (event.session >= sessions_.size()) return nullptr;
    OrderBook* book = find(sessions_[event.session], *symbol);
    return book != nullptr && book->apply(event) ? book : nullptr;
  }
  if (is_market(event.kind)) return nullptr;
  for (OrderBook& book : books_) book.apply(event);
  return nullptr;
}

}  // namespace havklo
