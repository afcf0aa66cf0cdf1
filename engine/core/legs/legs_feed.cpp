// Every channel but the book: trades each once, of all others what is news.
#include <algorithm>
#include <bit>

#include "core/legs/legs.hpp"
#include "core/market_events.hpp"

namespace havklo::core {

// The legs from which trades are to be expected: the Live ones, or, none being Live, the greeted.
uint32_t Legs::listeners(const LegWish& wish) const {
  uint32_t acknowledged = 0;
  for (uint32_t leg = 0; leg < legs_.size(); ++leg) {
    if (wish.answers[leg] == LegWish::Answer::acknowledged) acknowledged |= 1U << leg;
  }
  const uint32_t live = acknowledged & company_.live;
  return live != 0 ? live : acknowledged & greeted_;
}

// Nobody will bring them: every leg is past them, or had time enough.
bool Legs::is_due(const LegWish& wish, const TradeHoles::Hole& hole) const {
  if (hole.due) return true;
  const uint32_t legs = listeners(wish);
  if (legs == 0) return false;
  if (restored_ && now_ - hole.since >= lag_max_) return true;
  for (uint32_t left = legs; left != 0; left &= left - 1) {
    if (wish.trades->passed(static_cast<uint32_t>(std::countr_zero(left))) < hole.last)
      return false;
  }
  return true;
}

// As soon as there is room, and before any later trade of the symbol.
bool Legs::tell_holes(uint32_t leg, LegWish& wish) {
  TradeHoles& holes = wish.trades->holes();
  for (uint32_t at = 0; at < holes.all().size();) {
    TradeHoles::Hole& hole = holes.all()[at];
    if (!is_due(wish, hole)) {
      ++at;
      continue;
    }
    hole.due = true;
    if (trade_gaps_) {
      if (!shared_.publisher.has_room_for_market(1)) return false;
      static_cast<void>(shared_.publisher.begin_market(1, origin(leg)));
      Event& event = shared_.publisher.next_market(EventKind::trade_gap, 0, origin(leg));
      event.payload.trade_gap.first = hole.first;
      event.payload.trade_gap.last = hole.last;
      event.payload.trade_gap.symbol = wish.symbol;
    }
    holes.erase(at);
  }
  return true;
}

// The wish ends, and nobody will bring them. What finds no room shares one slot.
void Legs::tell_holes_in_slots(uint32_t leg, LegWish& wish) {
  TradeHoles& holes = wish.trades->holes();
  for (TradeHoles::Hole& hole : holes.all()) hole.due = true;
  if (!tell_holes(leg, wish) && trade_gaps_) {
    Event event = Event::make(EventKind::trade_gap);
    event.payload.trade_gap.first = holes.all().front().first;
    event.payload.trade_gap.last = holes.all().back().last;
    event.payload.trade_gap.symbol = wish.symbol;
    publish(leg, event);
  }
  while (!holes.empty()) holes.erase(0);
}

void Legs::resume_holes() {
  holes_ = holes_wait_ = false;
  Instant first = Instant::never();
  for (LegWish* wish : wishes_) {
    if (!wish->trades || wish->trades->holes().empty()) continue;
    const auto leg = static_cast<uint32_t>(std::countr_zero(greeted_));
    if (!tell_holes(leg, *wish)) holes_wait_ = true;
    for (const TradeHoles::Hole& hole : wish->trades->holes().all()) {
      holes_ = true;
      first = std::min(first, hole.since + lag_max_);
    }
  }
  if (first != Instant::never() && first > now_) arm(holes_timer_, first);
}

void Legs::on_trade(uint32_t leg, const Subscription& record, const kraken::TradeRow& row,
                    const TradeArrival& arrival) {
  LegWish& wish = wish_of(record);
  if (closing_ || wish.ended) return;
  MergedTrades& trades = *wish.trades;
  const TextId detail = arrival.readable ? TextId{} : detail_of(row.fault, shared_.names);
  if (row.trade_id == 0) return on_unreadable(leg, record, detail);
  const auto fate = trades.take(leg, row.trade_id, row.time.ns, arrival, now_);
  const bool all_told = trades.holes().empty() || tell_holes(leg, wish);
  if (fate != MergedTrades::Fate::drop) {
    if (!arrival.readable) {  // of two legs both say so
      if (fate == MergedTrades::Fate::deliver) {
        publish_unreadable(shared_.publisher, origin(leg), Channel::trade, wish.symbol, detail);
      }
      trades.lose(row.trade_id, false, now_);
    } else if (!all_told) {
      trades.lose(row.trade_id, true, now_);
    } else {
      publish_trade(leg, wish, row, fate == MergedTrades::Fate::late);
      if (!arrival.of_snapshot) note_lag(wish, row.time.ns);
    }
  }
  holes_ = holes_ || !trades.holes().empty();
  const auto last = static_cast<int64_t>(trades.last());
  for (uint32_t left = listeners(wish); left != 0; left &= left - 1) {
    const auto other = static_cast<uint32_t>(std::countr_zero(left));
    // One that has brought none yet may still wait for its snapshot.
    if (trades.passed(other) == 0 || trades.passed(other) >= trades.last()) {
      trades.behind(other).forget();
      continue;
    }
    trades.behind(other).advance(static_cast<int64_t>(trades.passed(other)), last, now_);
    trades.behind(other).see(last, now_);
    if (!lag_timers_[other].armed()) arm(lag_timers_[other], now_ + lag_max_);
  }
}

void Legs::publish_trade(uint32_t leg, LegWish& wish, const kraken::TradeRow& row, bool late) {
  const uint8_t flags = late && trade_gaps_ ? flag_late : uint8_t{0};
  const bool told =
      publish_row<kraken::TradeChannel>(shared_.publisher, origin(leg), wish.symbol, row, flags);
  if (!told) wish.trades->lose(row.trade_id, true, now_);
}

void Legs::on_row(uint32_t leg, const Subscription& record, std::span<const Event> events) {
  LegWish& wish = wish_of(record);
  if (closing_ || wish.ended || !wish.row->is_news(leg, events)) return;
  const auto count = static_cast<uint32_t>(events.size());
  if (!shared_.publisher.begin_market(count, origin(leg))) return;  // the next copy may find room
  for (const Event& event : events) {
    shared_.publisher.next_market(event.kind, 0, origin(leg)).payload = event.payload;
  }
  wish.row->published(leg, events);
}

// All legs meet the same.
void Legs::on_unreadable(uint32_t leg, const Subscription& record, TextId detail) {
  const LegWish& wish = wish_of(record);
  const bool another_tells = (listeners(wish) & ((1U << leg) - 1)) != 0;
  if (closing_ || wish.ended || another_tells) return;
  publish_unreadable(shared_.publisher, origin(leg), wish.channel, wish.symbol, detail);
}

void Legs::on_status(uint32_t leg, SystemStatus system) {
  systems_[leg] = system;
  unsettled_ = true;  // one that announces maintenance may be renewed
  if (!closing_) publish_status(leg);
}

void Legs::publish_status(uint32_t leg) {
  if (told_system_ == systems_[leg]) return;
  if (!shared_.publisher.begin_market(1, origin(leg))) return;
  shared_.publisher.next_market(EventKind::status, 0, origin(leg)).payload.status.system =
      systems_[leg];
  told_system_ = systems_[leg];
}

void Legs::on_heartbeat(uint32_t leg) {
  const uint32_t legs = company_.live != 0 ? company_.live : greeted_;
  if (closing_ || leg != static_cast<uint32_t>(std::countr_zero(legs))) return;
  if (!shared_.publisher.begin_market(1, origin(leg))) return;
  static_cast<void>(shared_.publisher.next_market(EventKind::heartbeat, 0, origin(leg)));
}

}  // namespace havklo::core
