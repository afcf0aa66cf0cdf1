// What each kind of event does to a strategy's book.
#include <algorithm>
#include <havklo/order_book.hpp>

namespace havklo {

OrderBook::OrderBook(const Names& names, std::string_view symbol, uint32_t depth, uint8_t session)
    : names_(names), symbol_(symbol), session_(session) {
  bids_.reserve(size_t{2} * depth);
  asks_.reserve(size_t{2} * depth);
}

bool OrderBook::concerns(SymbolId symbol) {
  if (!id_ && names_.symbol(symbol) == symbol_) id_ = symbol;
  return id_ && *id_ == symbol;
}

std::optional<SymbolId> OrderBook::symbol_of(const Event& event) {
  switch (event.kind) {
    case EventKind::book_snapshot:
    case EventKind::book_update:
      return event.payload.book.symbol;
    case EventKind::checksum_mismatch:
    case EventKind::book_invalid:
    case EventKind::book_stale:
      return event.payload.book_fault.symbol;
    case EventKind::rejected:
    case EventKind::unsubscribed:
      if (event.payload.subscription.channel != Channel::book) return std::nullopt;
      return event.payload.subscription.symbol;
    default:
      return std::nullopt;
  }
}

bool OrderBook::apply(const Event& event) {
  if (event.session != session_ && event.kind != EventKind::overrun) return false;
  if (const auto symbol = symbol_of(event)) {
    if (!concerns(*symbol)) return false;
    const bool level =
        event.kind == EventKind::book_snapshot || event.kind == EventKind::book_update;
    return level ? apply_level(event) : forget();
  }
  switch (event.kind) {
    case EventKind::connected:
      epoch_ = event.epoch;
      return forget();
    case EventKind::disconnected:
      return forget();
    case EventKind::overrun:  // its records may be among the lost
      in_doubt_ = live_;
      return live_;
    default:
      return false;
  }
}

bool OrderBook::apply_level(const Event& event) {
  const Event::BookLevel& record = event.payload.book;
  if (event.kind == EventKind::book_snapshot && event.first_in_message()) {
    forget();
    live_ = true;
    epoch_ = event.epoch;
  }
  if (!live_ || event.epoch != epoch_) return false;
  inside_message_ = !event.last_in_message();
  in_doubt_ = false;
  venue_time_ns_ = record.venue_time_ns;
  if ((event.flags & flag_empty) != 0) return true;
  const bool bid = record.side == BookSide::bid;
  write(bid ? bids_ : asks_,
        {{record.price, record.price_exponent}, {record.qty, record.qty_exponent}}, bid);
  return true;
}

void OrderBook::write(std::vector<Level>& side, const Level& level, bool descending) {
  const auto before = [descending](const Level& a, const Level& b) {
    return descending ? a.price > b.price : a.price < b.price;
  };
  const auto at = std::ranges::lower_bound(side, level, before);
  const bool known = at != side.end() && at->price == level.price;
  if (level.qty.is_zero()) {
    if (known) side.erase(at);
  } else if (known) {
    *at = level;
  } else {
    side.insert(at, level);
  }
}

bool OrderBook::forget() {
  const bool had_any = live_;
  live_ = false;
  inside_message_ = false;
  in_doubt_ = false;
  bids_.clear();
  asks_.clear();
  return had_any;
}

std::optional<Level> OrderBook::best_bid() const {
  if (!is_live() || bids_.empty()) return std::nullopt;
  return bids_.front();
}

std::optional<Level> OrderBook::best_ask() const {
  if (!is_live() || asks_.empty()) return std::nullopt;
  return asks_.front();
}

std::optional<std::span<const Level>> OrderBook::bids() const {
  if (!is_live()) return std::nullopt;
  return std::span<const Level>(bids_);
}

std::optional<std::span<const Level>> OrderBook::asks() const {
  if (!is_live()) return std::nullopt;
  return std::span<const Level>(asks_);
}

}  // namespace havklo
