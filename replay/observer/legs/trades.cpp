// The ledger, id by id.
#include "replay/observer/legs/trades.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace havklo::replay {

LegTrades::LegTrades(const Settings& settings, uint16_t session, const Names& names,
                     const MarketTruth& truth, const SeenLegs& legs, Verdict& verdict)
    : session_(session),
      gaps_(settings.feed.trade_gaps),
      lag_max_(settings.leg_lag_max),
      names_(names),
      truth_(truth),
      legs_(legs),
      verdict_(verdict) {
  for (const SubscriptionSettings& each : settings.subscriptions) {
    if (each.channel != Channel::trade) continue;
    for (const std::string& symbol : each.symbols) tail_for(symbol).wanted = true;
  }
}

LegTrades::Tail& LegTrades::tail_for(std::string_view symbol) {
  const auto found = std::ranges::find(tails_, symbol, &Tail::symbol);
  if (found != tails_.end()) return *found;
  Tail& tail = tails_.emplace_back();
  tail.symbol = symbol;
  tail.market = truth_.find(symbol);
  return tail;
}

LegTrades::Tail* LegTrades::find(SymbolId symbol) {
  for (Tail& tail : tails_) {
    if (!tail.id && names_.symbol(symbol) == tail.symbol) tail.id = symbol;
    if (tail.id == symbol) return &tail;
  }
  return nullptr;
}

void LegTrades::on_command(const Command& command) {
  if (command.channel != Channel::trade) return;
  if (command.kind == Command::Kind::subscribe) tail_for(command.symbol()).wanted = true;
  if (command.kind == Command::Kind::unsubscribe) tail_for(command.symbol()).wanted = false;
}

bool LegTrades::listens(const Tail& tail, const SeenLeg& leg) const {
  const LegWire::Wish* const heard = leg.told.find(Channel::trade, tail.symbol);
  return leg.reads() && heard != nullptr && heard->acked;
}

void LegTrades::on_read(uint32_t leg, WireView& wire, Instant now) {
  for (SeenTrade& each : wire.trades) {
    for (Tail& tail : tails_) {
      if (tail.symbol != each.symbol) continue;
      tail.passed[leg] = std::max(tail.passed[leg], each.id);
      tail.highest = std::max(tail.highest, each.id);
      if (!each.readable) tail.unreadable.insert(each.id);
      tail.arrived.push_back({each, leg});
    }
  }
  wire.trades.clear();
  for (Tail& tail : tails_) {
    const bool came =
        std::ranges::any_of(tail.arrived, [leg](const Arrived& each) { return each.leg == leg; });
    if (came) see_behind(tail, now);
  }
}

void LegTrades::on_overrun(const Event& event) { lost_ += event.payload.overrun.lost; }

void LegTrades::on_leg_lost(uint32_t leg) {
  for (Tail& tail : tails_) {
    tail.passed[leg] = 0;
    tail.behind[leg].since.reset();
    // What it brought in this turn may not have been read.
    std::erase_if(tail.arrived, [leg](const Arrived& each) { return each.leg == leg; });
  }
}

void LegTrades::on_event(const Event& event) {
  switch (event.kind) {
    case EventKind::trade:
      return on_trade(event);
    case EventKind::trade_gap:
      return on_gap(event);
    case EventKind::subscribed:
    case EventKind::unsubscribed:
      if (event.payload.subscription.channel == Channel::trade) on_answer(event);
      return;
    default:
      return;
  }
}

void LegTrades::on_answer(const Event& event) {
  Tail* const tail = find(event.payload.subscription.symbol);
  if (tail == nullptr) return;
  if (event.kind == EventKind::subscribed) {
    tail->ended = false;
    return;
  }
  if (gaps_ && !tail->untold.empty()) {
    violate(Invariant::trades_once, event.time,
            fmt::format("trade {} of {} is neither told nor named at its end",
                        tail->untold.begin()->first, tail->symbol));
  }
  tail->ended = true;
  tail->begin.reset();
  tail->last = 0;
  tail->told.clear();
  tail->named.clear();
  tail->untold.clear();
  tail->holes.clear();
  tail->arrived.clear();
  tail->behind = {};
  tail->unreadable.clear();
}

bool LegTrades::is_named(const Tail& tail, uint64_t id) {
  return std::ranges::any_of(
      tail.named, [id](const Range& each) { return each.first <= id && id <= each.last; });
}

void LegTrades::on_trade(const Event& event) {
  const uint64_t id = event.payload.trade.trade_id;
  Tail* const tail = find(event.payload.trade.symbol);
  if (tail == nullptr) {
    return violate(Invariant::subscription_order, event.time, "a trade that nobody wants");
  }
  const auto wrong = [&](std::string_view what) {
    violate(Invariant::trades_once, event.time,
            fmt::format("trade {} of {} {}", id, tail->symbol, what));
  };
  if (tail->told.contains(id)) wrong("is told twice");
  if (is_named(*tail, id)) wrong("is told, and was named in a gap");
  const auto came = std::ranges::find_if(tail->arrived, [&](const Arrived& each) {
    return each.seen.id == id && each.leg == event.leg;
  });
  if (came == tail->arrived.end()) {
    wrong("is told, and did not arrive just now on its leg");
  } else {
    // In one turn it may have come in a snapshot and in an update.
    const bool by_update = std::ranges::any_of(tail->arrived, [&](const Arrived& each) {
      return each.seen.id == id && each.leg == event.leg && !each.seen.of_snapshot;
    });
    const bool by_snapshot = std::ranges::any_of(tail->arrived, [&](const Arrived& each) {
      return each.seen.id == id && each.leg == event.leg && each.seen.of_snapshot;
    });
    const bool overtaken = !tail->told.empty() && tail->told.rbegin()->first > id;
    const bool is_late = (event.flags & flag_late) != 0;
    const bool is_past = tail->highest > id || tail->unreadable.contains(id);
    if (gaps_ && is_late && !by_snapshot && !is_past) wrong("is flagged late, and is not");
    if (gaps_ && !is_late && (overtaken || !by_update)) wrong("is late, and not flagged");
    if (is_late && overtaken && !by_snapshot) reach(Sometime::hole_filled_by_another_leg);
    if (is_late && overtaken && by_snapshot) reach(Sometime::hole_filled_by_a_snapshot);
  }
  check_content(*tail, event);
  if (!tail->begin) tail->begin = id - 1;
  if (gaps_ && tail->last != 0 && id > tail->last + 1) {
    for (uint64_t hole = tail->last + 1; hole < id && hole < tail->last + 1000; ++hole) {
      if (!tail->told.contains(hole)) tail->holes.try_emplace(hole, event.time);
    }
  }
  tail->last = std::max(tail->last, id);
  tail->told.emplace(id, (event.flags & flag_late) != 0);
  tail->untold.erase(id);
  tail->holes.erase(id);
}

void LegTrades::check_content(const Tail& tail, const Event& event) {
  const Event::Trade& told = event.payload.trade;
  const TradeText* const had = tail.market ? truth_.trade(*tail.market, told.trade_id) : nullptr;
  const bool same = had != nullptr && told.price == had->price && told.qty == had->qty &&
                    told.side == had->side && told.venue_time_ns == had->utc_us * 1000;
  if (same) return;
  violate(Invariant::trades_once, event.time,
          fmt::format("trade {} of {} is not the venue's", told.trade_id, tail.symbol));
}

void LegTrades::on_gap(const Event& event) {
  const Event::TradeGap& gap = event.payload.trade_gap;
  Tail* const tail = find(gap.symbol);
  const auto wrong = [&](std::string_view what) {
    violate(Invariant::trades_once, event.time,
            fmt::format("a gap of {} from {} to {} {}", names_.symbol(gap.symbol), gap.first,
                        gap.last, what));
  };
  if (tail == nullptr || !gaps_) return wrong("that nobody wants");
  if (gap.first > gap.last) return wrong("is none");
  uint64_t read = 0;
  for (uint64_t id = gap.first; id <= gap.last && id < gap.first + 20'000; ++id) {
    if (tail->told.contains(id)) return wrong("names what was told");
    if (is_named(*tail, id)) return wrong("names what was named");
  }
  for (auto each = tail->untold.lower_bound(gap.first);
       each != tail->untold.end() && each->first <= gap.last; ++each) {
    if (lost_ == each->second) ++read;
  }
  // What is dropped in this turn is in an Overrun that is yet to come.
  if (read != 0) reach(Sometime::legs_gap_by_the_ring);
  check_early(*tail, event);
  reach(live_legs(legs_) > 1 ? Sometime::hole_told_by_two_legs : Sometime::hole_told_by_one_leg);
  tail->named.push_back({gap.first, gap.last});
  tail->untold.erase(tail->untold.lower_bound(gap.first), tail->untold.upper_bound(gap.last));
  tail->holes.erase(tail->holes.lower_bound(gap.first), tail->holes.upper_bound(gap.last));
  tail->last = std::max(tail->last, gap.last);
}

// While another Live leg may still bring them, they are not missing.
void LegTrades::check_early(const Tail& tail, const Event& event) {
  const Event::TradeGap& gap = event.payload.trade_gap;
  if (live_legs(legs_) < 2 || !tail.wanted) return;
  const auto hole = tail.holes.lower_bound(gap.first);
  const bool waited =
      hole == tail.holes.end() || hole->first > gap.last || event.time - hole->second >= lag_max_;
  if (waited) return;
  for (size_t i = 0; i < legs_.size(); ++i) {
    if (!legs_[i].live || !listens(tail, legs_[i]) || tail.passed[i] >= gap.last) continue;
    if (tail.untold.contains(gap.first)) continue;  // it was read, and found no room
    violate(Invariant::gapless, event.time,
            fmt::format("a gap of {} from {} to {}, which leg {} may still bring", tail.symbol,
                        gap.first, gap.last, i));
  }
}

// What was read in this turn, and where to begin.
void LegTrades::settle(Tail& tail) {
  const bool may_begin = !tail.begin && !tail.ended;
  for (const Arrived& each : tail.arrived) {
    if (!listens(tail, legs_[each.leg])) continue;
    if (may_begin && each.seen.of_snapshot) {
      tail.begin = std::max(tail.begin.value_or(0), each.seen.id);
    }
  }
  for (const Arrived& each : tail.arrived) {
    const uint64_t id = each.seen.id;
    if (!each.seen.readable || !listens(tail, legs_[each.leg]) || !tail.begin || tail.ended) {
      continue;
    }
    if (id <= *tail.begin || tail.told.contains(id) || is_named(tail, id)) continue;
    // A first snapshot tells nothing; what came in the same turn behind it may be told or not.
    if (may_begin) continue;
    tail.untold.try_emplace(id, lost_);
  }
  tail.last = std::max(tail.last, tail.begin.value_or(0));
  tail.arrived.clear();
}

void LegTrades::see_behind(Tail& tail, Instant now) {
  uint64_t last = 0;
  for (const uint64_t each : tail.passed) last = std::max(last, each);
  const bool any_live = std::ranges::any_of(
      legs_, [&](const SeenLeg& leg) { return leg.live && listens(tail, leg); });
  for (size_t i = 0; i < legs_.size(); ++i) {
    const bool heard = tail.passed[i] != 0;
    if (!heard || !listens(tail, legs_[i]) || (any_live && !legs_[i].live) || tail.ended ||
        !tail.wanted) {
      tail.behind[i].since.reset();
      continue;
    }
    tail.behind[i].see(static_cast<int64_t>(tail.passed[i]), static_cast<int64_t>(last),
                       tail.passed[i] == last, now);
  }
}

void LegTrades::end_turn(Instant now, bool tells) {
  for (Tail& tail : tails_) {
    settle(tail);
    if (!tells || !gaps_ || tail.ended || !tail.wanted || tail.untold.empty()) continue;
    violate(Invariant::trades_once, now,
            fmt::format("trade {} of {} is neither told nor named, though there is room",
                        tail.untold.begin()->first, tail.symbol));
  }
}

std::optional<Instant> LegTrades::behind_since(uint32_t leg) const {
  std::optional<Instant> first;
  for (const Tail& tail : tails_) {
    const auto since = tail.behind[leg].since;
    if (since && (!first || *since < *first)) first = since;
  }
  return first;
}

}  // namespace havklo::replay
