// Trades one by one, against what arrived; and at the end of a turn what should have been told.
#include "replay/observer/wishes/trades.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace havklo::replay {

TradeObserver::TradeObserver(const Settings& settings, uint16_t session, const Names& names,
                             const MarketTruth& truth, Verdict& verdict)
    : session_(session),
      on_(settings.feed.trade_gaps),
      names_(names),
      truth_(truth),
      verdict_(verdict) {
  for (const SubscriptionSettings& each : settings.subscriptions) {
    if (each.channel != Channel::trade) continue;
    for (const std::string& symbol : each.symbols) tail_for(symbol).wanted = true;
  }
}

TradeObserver::Tail* TradeObserver::find(std::string_view symbol) {
  const auto found = std::ranges::find(tails_, symbol, &Tail::symbol);
  return found == tails_.end() ? nullptr : &*found;
}

TradeObserver::Tail* TradeObserver::find(SymbolId symbol) {
  for (Tail& tail : tails_) {
    if (!tail.id && names_.symbol(symbol) == tail.symbol) tail.id = symbol;
    if (tail.id == symbol) return &tail;
  }
  return nullptr;
}

TradeObserver::Tail& TradeObserver::tail_for(std::string_view symbol) {
  if (Tail* const known = find(symbol)) return *known;
  Tail& tail = tails_.emplace_back();
  tail.symbol = symbol;
  tail.market = truth_.find(symbol);
  return tail;
}

void TradeObserver::on_command(const Command& command) {
  if (!on_ || command.channel != Channel::trade) return;
  if (command.kind == Command::Kind::subscribe) tail_for(command.symbol()).wanted = true;
  if (command.kind != Command::Kind::unsubscribe) return;
  if (Tail* const tail = find(command.symbol())) tail->wanted = false;
}

void TradeObserver::on_delivered(WireView& wire) {
  for (SeenTrade& each : wire.trades) {
    Tail* const tail = on_ ? find(each.symbol) : nullptr;
    if (tail != nullptr) tail->arrived.push_back({std::move(each), lost_});
  }
  wire.trades.clear();
}

// The first snapshot, and what there was already, are told to nobody. A first trade without a
// snapshot before it says where to begin, too.
bool TradeObserver::pass_over(Tail& tail) {
  const SeenTrade& next = tail.arrived[tail.judged].seen;
  const bool says_where = !tail.told || tail.first_message == next.message;
  if (says_where && next.of_snapshot) {
    tail.first_message = next.message;
    tail.told = std::max(tail.told.value_or(0), next.id);
    if (tail.maybe.empty()) {
      ++tail.judged;
    } else {  // unless an earlier one has said so already
      keep_untold(tail, false);
    }
    return true;
  }
  if (!tail.told) tail.told = next.id - 1;
  if (next.id > *tail.told) return false;
  const bool twice = !next.of_snapshot && tail.first_message == 0;
  if (twice) reach(Sometime::doubled_trade_dropped);
  ++tail.judged;
  return true;
}

// One that a later one has overtaken, which waits in a gap, is as good as named with it.
void TradeObserver::keep_untold(Tail& tail, bool sure) {
  const Arrived& next = tail.arrived[tail.judged++];
  sure = sure && (tail.untold.empty() || tail.untold.rbegin()->first < next.seen.id);
  tail.untold.try_emplace(next.seen.id, Untold{.lost_before = next.lost_before,
                                               .connection = connection_,
                                               .readable = next.seen.readable,
                                               .sure = sure});
}

// It turns out that it was read.
void TradeObserver::take_maybe(Tail& tail, uint64_t first) {
  if (tail.maybe.contains(first - 1)) tail.told = first - 1;
  tail.maybe.clear();
}

void TradeObserver::on_event(const Event& event) {
  if (!on_) return;
  const bool after_gap = std::exchange(just_a_gap_, event.kind == EventKind::trade_gap);
  if (after_gap && event.kind == EventKind::unsubscribed) {
    reach(Sometime::gap_before_an_unsubscribed);
  } else if (gap_of_end_) {
    violate(event.time, "a gap without a connection, and its wish does not end");
  }
  gap_of_end_ = just_a_gap_ && !connected_;
  switch (event.kind) {
    case EventKind::trade:
      return on_trade(event);
    case EventKind::trade_gap:
      return on_gap(event);
    case EventKind::subscribed:
    case EventKind::rejected:
    case EventKind::unsubscribed:
      if (event.payload.subscription.channel == Channel::trade) on_answer(event);
      return;
    case EventKind::connected:
      connected_ = true;
      return;
    case EventKind::disconnected:
      connected_ = false;
      ++connection_;
      for (Tail& tail : tails_) tail.acked = false;
      return;
    default:
      return;
  }
}

void TradeObserver::on_trade(const Event& event) {
  const uint64_t id = event.payload.trade.trade_id;
  Tail* const tail = find(event.payload.trade.symbol);
  if (tail == nullptr) return;  // subscription_order says so
  take_maybe(*tail, id);
  const SeenTrade* seen = nullptr;
  while (tail->judged < tail->arrived.size() && seen == nullptr) {
    if (pass_over(*tail)) continue;
    const SeenTrade& next = tail->arrived[tail->judged].seen;
    if (next.id == id && next.readable) {
      seen = &next;
      ++tail->judged;
    } else {
      keep_untold(*tail, true);
    }
  }
  if (seen == nullptr) {
    return violate(event.time, fmt::format("trade {} of {} is told, and did not arrive just now",
                                           id, tail->symbol));
  }
  if (id != *tail->told + 1) {
    return violate(event.time,
                   fmt::format("trade {} of {} is told after {}", id, tail->symbol, *tail->told));
  }
  check_content(*tail, *seen, event);
  tail->told = id;
  tail->untold.erase(id);
  note_told(*tail, event);
}

void TradeObserver::check_content(const Tail& tail, const SeenTrade& seen, const Event& event) {
  const Event::Trade& told = event.payload.trade;
  if (((event.flags & flag_late) != 0) != seen.of_snapshot) {
    violate(event.time,
            fmt::format("trade {} of {} came in {}, and its flag says another thing", told.trade_id,
                        tail.symbol, seen.of_snapshot ? "a snapshot" : "an update"));
  }
  const TradeText* const had = tail.market ? truth_.trade(*tail.market, told.trade_id) : nullptr;
  if (had == nullptr) {
    return violate(event.time,
                   fmt::format("the venue has no trade {} of {}", told.trade_id, tail.symbol));
  }
  const MarketBook& book = truth_.book(*tail.market);
  const bool same = told.price == had->price && told.qty == had->qty && told.side == had->side &&
                    told.price_exponent == -book.price_decimals() &&
                    told.qty_exponent == -book.qty_decimals() &&
                    told.venue_time_ns == had->utc_us * 1000;
  if (same) return;
  violate(event.time, fmt::format("trade {} of {} is told with another price, quantity, side or "
                                  "time than the venue's",
                                  told.trade_id, tail.symbol));
}

// What arrived may be named only if it could not be read, or if so many events were lost since.
void TradeObserver::on_gap(const Event& event) {
  const Event::TradeGap& gap = event.payload.trade_gap;
  Tail* const tail = find(gap.symbol);
  if (tail == nullptr) return violate(event.time, "a gap in what nobody wants");
  take_maybe(*tail, gap.first);
  while (tail->judged < tail->arrived.size()) {
    if (pass_over(*tail)) continue;
    if (tail->arrived[tail->judged].seen.id > gap.last) break;
    keep_untold(*tail, true);
  }
  const bool shown =
      tail->untold.contains(gap.last) || tail->untold.contains(gap.last + 1) ||
      (tail->judged < tail->arrived.size() && tail->arrived[tail->judged].seen.id == gap.last + 1);
  if (!tail->told || gap.first != *tail->told + 1 || gap.last < gap.first || !shown) {
    return violate(event.time,
                   fmt::format("a gap of {} from {} to {}, told is all up to {}", tail->symbol,
                               gap.first, gap.last, tail->told.value_or(0)));
  }
  const auto end = tail->untold.upper_bound(gap.last);
  uint64_t read = 0;
  uint64_t lost_since = 0;  // … the first of them came
  bool waited = false;
  for (auto each = tail->untold.begin(); each != end; ++each) {
    const Untold& untold = each->second;
    waited = waited || (untold.sure && untold.connection != connection_);
    if (!untold.readable) reach(Sometime::gap_of_an_unreadable_trade);
    if (!untold.readable || !untold.sure) continue;
    ++read;
    lost_since = std::max(lost_since, lost_ - untold.lost_before);
  }
  if (read > lost_since) {
    return violate(event.time,
                   fmt::format("a gap of {} from {} to {} names {} trades that arrived, and {} "
                               "events were lost",
                               tail->symbol, gap.first, gap.last, read, lost_since));
  }
  if (read != 0) reach(Sometime::gap_by_an_overrun);
  if (waited) reach(Sometime::gap_outlives_its_connection);
  tail->after_gap = read == 0;
  tail->untold.erase(tail->untold.begin(), end);
  tail->told = gap.last;
}

// Which kind of gap the last one was, shows the trade behind it.
void TradeObserver::note_told(Tail& tail, const Event& event) {
  const bool is_late = (event.flags & flag_late) != 0;
  if (is_late) reach(Sometime::late_trade);
  if (!std::exchange(tail.after_gap, false)) return;
  reach(is_late ? Sometime::gap_beyond_a_snapshot : Sometime::gap_by_a_lost_message);
}

void TradeObserver::on_answer(const Event& event) {
  const Event::Subscription& about = event.payload.subscription;
  Tail* const tail = find(about.symbol);
  if (tail == nullptr) return;
  const bool was_acked = std::exchange(tail->acked, event.kind == EventKind::subscribed);
  if (tail->acked) return;
  tail->ended_now = true;
  if (event.kind != EventKind::unsubscribed || tail->wanted) return;
  // The end of the wish.
  if (was_acked) read_all(*tail);
  check_untold(*tail, event.time, "at its end");
  tail->told.reset();
  tail->maybe.clear();
  tail->untold.clear();
  tail->after_gap = false;
  tail->judged = tail->arrived.size();
}

void TradeObserver::read_all(Tail& tail) {
  while (tail.judged < tail.arrived.size()) {
    if (!pass_over(tail)) keep_untold(tail, true);
  }
}

// Nothing that was read is still to be told.
void TradeObserver::check_untold(const Tail& tail, Instant now, std::string_view when) {
  const auto kept =
      std::ranges::find_if(tail.untold, [](const auto& each) { return each.second.sure; });
  if (kept == tail.untold.end()) return;
  violate(now, fmt::format("trade {} of {} is neither told nor named {}", kept->first, tail.symbol,
                           when));
}

void TradeObserver::on_overrun(const Event& event) { lost_ += event.payload.overrun.lost; }

// What may have been read may have said where to begin.
void TradeObserver::note_maybe(Tail& tail) {
  if (tail.told || tail.judged == tail.arrived.size()) return;
  const SeenTrade& first = tail.arrived[tail.judged].seen;
  uint64_t begin = first.of_snapshot ? first.id : first.id - 1;
  for (const Arrived& each : tail.arrived) {
    if (first.of_snapshot && each.seen.message == first.message) {
      begin = std::max(begin, each.seen.id);
    }
  }
  tail.maybe.insert(begin);
}

void TradeObserver::end_turn(Instant now, bool reads, bool has_room) {
  if (!on_) return;
  if (gap_of_end_) violate(now, "a gap without a connection, and its wish does not end");
  just_a_gap_ = gap_of_end_ = false;
  for (Tail& tail : tails_) {
    if (reads && tail.acked && !tail.ended_now) read_all(tail);
    note_maybe(tail);
    while (tail.judged < tail.arrived.size()) keep_untold(tail, false);
    if (has_room && reads) check_untold(tail, now, "though there is room");
    tail.arrived.clear();
    tail.judged = 0;
    tail.first_message = 0;
    tail.ended_now = false;
  }
}

}  // namespace havklo::replay
