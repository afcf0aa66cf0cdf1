// Trades, each id once, and by name those that nobody delivered (wishes/trade_tail.hpp).
#include <span>

#include "core/market_events.hpp"
#include "core/session.hpp"

namespace havklo::core {
namespace {

// A snapshot may come newest first: by its numbers and by its times, for a venue may have begun to
// number anew within it. Rows of several symbols, or without a number, say nothing of their order.
bool is_newest_first(std::span<const kraken::TradeRow> rows) {
  if (rows.empty() || rows.back().trade_id == 0 || rows.front().symbol != rows.back().symbol) {
    return false;
  }
  return rows.front().trade_id > rows.back().trade_id &&
         rows.front().time.ns >= rows.back().time.ns;
}

}  // namespace

// Oldest first.
void Session::take_trades(bool in_part) {
  const auto rows = shared_.decoder.rows<kraken::TradeChannel>();
  const bool is_snapshot = shared_.decoder.rows_are_snapshot();
  const bool newest_first = is_snapshot && is_newest_first(rows);
  for (size_t i = 0; i < rows.size(); ++i) {
    const kraken::TradeRow& row = rows[newest_first ? rows.size() - 1 - i : i];
    Subscription* const record = subscriptions_.find_row(Channel::trade, row.symbol);
    if (record == nullptr) continue;
    if (leg_.sink != nullptr) {
      leg_.sink->on_trade(leg_.number, *record, row,
                          {.of_snapshot = is_snapshot,
                           .readable = !in_part || row.fault.key.empty(),
                           .message = counts_.messages.read()});
    } else if (in_part && !row.fault.key.empty()) {
      take_unreadable_trade(*record, row, is_snapshot);
    } else {
      take_trade(*record, row, is_snapshot);
    }
  }
}

bool Session::is_new_trade(Subscription& record, const kraken::TradeRow& row,
                           bool is_snapshot) const {
  return !trade_gaps_ || record.trades.take(row.trade_id, row.time.ns, is_snapshot,
                                            counts_.messages.read()) == TradeTail::Fate::deliver;
}

void Session::take_trade(Subscription& record, const kraken::TradeRow& row, bool is_snapshot) {
  if (!is_new_trade(record, row, is_snapshot)) return;
  if (record.trades.has_gap()) [[unlikely]]
    tell_gap(record);
  note_lag(record, row.time.ns, is_snapshot);
  const uint8_t flags = is_snapshot && trade_gaps_ ? flag_late : uint8_t{0};
  const bool told =
      publish_row<kraken::TradeChannel>(shared_.publisher, origin(), record.symbol, row, flags);
  if (told || !trade_gaps_) return;
  record.trades.lose(row.trade_id);
  has_untold_ = true;
}

// Which one it was, is named where its id is known; else the next one shows it.
void Session::take_unreadable_trade(Subscription& record, const kraken::TradeRow& row,
                                    bool is_snapshot) {
  const uint64_t id = row.trade_id;
  if (id != 0 && !is_new_trade(record, row, is_snapshot)) return;
  publish_unreadable(shared_.publisher, origin(), Channel::trade, record.symbol,
                     detail_of(row.fault, shared_.names));
  if (id == 0 || !trade_gaps_) return;
  record.trades.lose(id);
  tell_gap(record);
}

// As soon as there is room, and before any later trade of the symbol: where the gap has none, the
// trade has none either.
void Session::tell_gap(Subscription& record) {
  if (!shared_.publisher.has_room_for_market(1)) {
    has_untold_ = true;
    return;
  }
  static_cast<void>(shared_.publisher.begin_market(1, origin()));
  Event& event = shared_.publisher.next_market(EventKind::trade_gap, 0, origin());
  event.payload = trade_gap_of(record).payload;
  record.trades.told();
}

bool Session::tell_gaps() {
  for (Subscription* record = subscriptions_.find_gap(); record != nullptr;
       record = subscriptions_.find_gap()) {
    tell_gap(*record);
    if (record->trades.has_gap()) return false;
  }
  return true;
}

}  // namespace havklo::core
