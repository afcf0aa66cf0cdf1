// How each wish travels from wanted to settled, and back.
#include "core/wishes/subscriptions.hpp"

#include <algorithm>
#include <utility>

namespace havklo::core {
Subscriptions::Subscriptions(const Settings& settings, uint8_t session, Leg leg, Names& names,
                             SymbolIndex& index, LifecycleSlots& slots, TimerWheel& wheel,
                             kraken::BookScratch& scratch)
    : restore_timeout_(settings.timeouts.restore_timeout),
      stable_after_(settings.reconnect.stable_after),
      session_(session),
      leg_(leg),
      names_(names),
      index_(index),
      slots_(slots),
      wheel_(wheel),
      scratch_(scratch),
      pace_(settings.requests.per_second, settings.requests.burst),
      by_symbol_(names) {
  records_.reserve(size_t{channel_count} * symbols_max);
  request_symbols_.reserve(symbols_per_request_max);
  for (const SubscriptionSettings& wish : settings.subscriptions) {
    for (const std::string& symbol : wish.symbols) {
      const bool fits = subscribe(wish.channel, symbol, static_cast<uint16_t>(parameter_of(wish)));
      HAVKLO_ASSERT(fits);  // validate() counted those of all sessions
    }
  }
}

Subscriptions::~Subscriptions() {
  for (const auto& record : records_) disarm(*record);
}

bool Subscriptions::subscribe(Channel channel, std::string_view symbol, uint16_t parameter) {
  Subscription* record = lookup(channel, symbol);
  const bool is_new = record == nullptr;
  if (is_new) {
    const auto id = index_.intern(symbol);
    if (!id) return false;
    record = &new_record(channel, *id);
  }
  if (facts_of(*record).parameter.name.empty()) parameter = 0;
  const bool changes = record->parameter != parameter;
  if (changes) {
    record->parameter = parameter;
    // A verified book goes on as it is until the venue has acknowledged its end.
    if (keeps_book(*record) && !record->verified) record->book.emplace(parameter, scratch_);
  }
  if (is_new || record->stage == Stage::rejected) {
    trust(*record);
    if (connected_) start_cycle(*record, Cycle::subscribe);
    return true;
  }
  const bool being_removed = record->cycle == Cycle::remove;
  if (being_removed) {  // a wish of its own: what the last one met is not held against it
    trust(*record);
    record->repairs = 0;
  }
  const bool asked = record->stage == Stage::asked || record->stage == Stage::acknowledged ||
                     record->stage == Stage::settled ||
                     (record->stage == Stage::to_subscribe && record->sent);
  if (record->stage == Stage::parked) {
    if (!connected_) {
      set(*record, Stage::idle, Cycle::none);
    } else if (being_removed) {
      set(*record, Stage::parked, record->sent ? Cycle::change : Cycle::subscribe);
    }
  } else if (being_removed) {
    set(*record, record->stage, Cycle::change);  // it goes on with subscribe after the ack
    record->renewed = true;                      // its tries were of the end, or of another wish
  } else if (asked && changes) {
    start_cycle(*record, Cycle::change);
  } else if (changes && record->stage == Stage::to_subscribe) {
    start_cycle(*record, Cycle::subscribe);
  } else if (changes) {
    record->renewed = true;
  }
  return true;
}

void Subscriptions::unsubscribe(Channel channel, std::string_view symbol) {
  Subscription* record = lookup(channel, symbol);
  if (record == nullptr || record->cycle == Cycle::remove) return;
  if (record->stage == Stage::to_unsubscribe || record->stage == Stage::unsubscribing) {
    return set(*record, record->stage, Cycle::remove);
  }
  start_cycle(*record, Cycle::remove);
}

void Subscriptions::begin_connection(uint32_t epoch) {
  connected_ = true;
  epoch_ = epoch;
  pace_.refill();
  for (const auto& record : records_) {
    if (record->stage == Stage::idle) start_cycle(*record, Cycle::subscribe);
  }
}

void Subscriptions::end_connection(Instant now) {
  restore_pace(now);
  stable_at_.reset();
  connected_ = false;
  for (const auto& record : records_) {
    if (record->stage == Stage::absent) continue;
    disarm(*record);
    empty_book(*record);
    if (record->stage == Stage::rejected) trust(*record);  // asked again as any other
    set_doubt_told(*record, false);  // a wish in doubt is so from the next greeting on
    set_doubt_carried(*record, record->in_doubt);
    record->bad_snapshots = 0;
    record->sent = false;
    record->alone = false;
    record->repairs = 0;
    record->already_said = false;
    record->given_back_id = 0;
    record->renewed = false;
    record->fault.kind = EventKind{};
    forget_lag(*record);
    set_on_wire(*record, false);
    if (record->cycle == Cycle::remove) {
      start_cycle(*record, Cycle::remove);
    } else {
      set(*record, Stage::idle, Cycle::none);
    }
  }
}

// A cycle begins only when the slots for all that it can publish are held; until then it is parked.
void Subscriptions::start_cycle(Subscription& record, Cycle cycle) {
  disarm(record);
  set(record, Stage::parked, cycle);
  if (slots_.enough_for_cycle(cycles_)) run_cycle(record);
}

void Subscriptions::run_cycle(Subscription& record) {
  record.tries = 1;
  record.renewed = false;
  if (connected_ && record.cycle != Cycle::remove) tell_doubt(record);
  switch (record.cycle) {
    case Cycle::repair:
      publish_fault(record);
      doubt_bad_book(record);
      return queue_unsubscribe(record);
    case Cycle::overrun:
      publish_fault(record);
      return;  // stays parked until its snapshot would fit: resume_parked
    case Cycle::change:
      publish_fault(record);
      return queue_unsubscribe(record);
    case Cycle::remove:
      publish_fault(record);
      if (connected_ && record.sent && !shares_wire(record)) return queue_unsubscribe(record);
      set_on_wire(record, false);
      publish_end(record);
      release_record(record);
      if (connected_ && !facts_of(record).names_symbols) regain_wire(record.channel);
      return;
    case Cycle::subscribe:
    case Cycle::none:
      return queue_subscribe(record);
  }
}

void Subscriptions::resume_parked(uint32_t market_room) {
  if (parked_ == 0 || !slots_.enough_for_cycle(cycles_)) return;
  uint32_t snapshots_room = room_for_snapshots();
  for (const auto& record : records_) {
    if (record->stage != Stage::parked) continue;
    if (!slots_.enough_for_cycle(cycles_)) return;
    if (record->cycle != Cycle::overrun) {
      run_cycle(*record);
      continue;
    }
    publish_fault(*record);
    const uint32_t needed = snapshots_room + 2U * record->parameter;
    if (market_room >= needed) {
      snapshots_room = needed;
      record->tries = 1;
      queue_unsubscribe(*record);
    }
  }
}

// What those will fill that are asked for again because the ring was full: all at once would only
// fill it again.
uint32_t Subscriptions::room_for_snapshots() const {
  uint32_t room = 0;
  for (const auto& record : records_) {
    const bool comes = record->cycle == Cycle::overrun && is_running(record->stage) &&
                       record->stage != Stage::backing_off;
    if (comes) room += 2U * record->parameter;
  }
  return room;
}

// A book that verifies while its answer is missing is kept up: the strategy has it, and the venue
// goes on with it.
void Subscriptions::queue_subscribe(Subscription& record) {
  const bool other_depth = record.book && record.book->depth() != record.parameter;
  if (!record.verified || other_depth) empty_book(record);
  if (other_depth) record.book.emplace(record.parameter, scratch_);
  set(record, Stage::to_subscribe, record.cycle);
}

void Subscriptions::queue_unsubscribe(Subscription& record) {
  set(record, Stage::to_unsubscribe, record.cycle);
}

[[gnu::hot]] Subscription* Subscriptions::find_book(std::string_view symbol) const {
  Subscription* record = lookup(Channel::book, symbol);
  if (record == nullptr) return nullptr;
  // Before its answer, unless they may be those of an older subscription, in another depth.
  const bool early = record->stage == Stage::asked && record->given_back_id == 0;
  const bool takes = record->verified || record->stage == Stage::acknowledged || early;
  return takes ? record : nullptr;
}

Subscription* Subscriptions::find_row(Channel channel, std::string_view symbol) const {
  Subscription* const record = lookup(channel, symbol);
  return record != nullptr && record->sent ? record : nullptr;
}

Subscription* Subscriptions::find_gap() const {
  const auto found =
      std::ranges::find_if(records_, [](const auto& record) { return record->trades.has_gap(); });
  return found == records_.end() ? nullptr : found->get();
}

Subscription* Subscriptions::find_lag_news() const {
  const auto found =
      std::ranges::find_if(records_, [](const auto& record) { return record->lag.has_news(); });
  return found == records_.end() ? nullptr : found->get();
}

void Subscriptions::publish_fault(Subscription& record) {
  if (record.fault.kind == EventKind{}) return;
  tell(record, record.fault);
  record.fault.kind = EventKind{};
}

// A gap of its trades goes before it, in the slot that a book has for its fault.
void Subscriptions::publish_end(Subscription& record) {
  if (record.trades.has_gap()) {
    tell(record, trade_gap_of(record));
    record.trades.told();
  }
  publish(EventKind::unsubscribed, record);
}

bool Subscriptions::next_request(Instant now, Request& request) {
  if (unsent_ == 0) return false;
  restore_pace(now);
  if (!pace_.allows(now)) return false;
  for (const Stage stage : {Stage::to_unsubscribe, Stage::to_subscribe}) {
    for (const auto& record : records_) {
      if (record->stage != stage) continue;
      pace_.take(now);
      collect(*record, request, now);
      return true;
    }
  }
  return false;
}

// Gathers what can share a frame with the first record, and marks all of it as sent.
void Subscriptions::collect(const Subscription& first, Request& request, Instant now) {
  const bool subscribe = first.stage == Stage::to_subscribe;
  const Stage stage = first.stage;
  const bool alone = first.alone;
  const bool names_symbols = facts_of(first).names_symbols;
  const auto wire_parameter = [subscribe](const Subscription& record) {
    return subscribe ? record.parameter : record.asked_parameter;
  };
  request = {.subscribe = subscribe,
             .channel = first.channel,
             .parameter = wire_parameter(first),
             .req_id = ++last_req_id_,
             .symbols = {}};
  request_symbols_.clear();
  for (uint32_t at = first.timer.index; at < records_.size(); ++at) {
    Subscription& record = *records_[at];
    if (record.stage != stage || record.channel != request.channel ||
        wire_parameter(record) != request.parameter || (names_symbols && record.alone != alone)) {
      continue;
    }
    if (names_symbols) request_symbols_.push_back(names_.symbol(record.symbol));
    record.req_id = request.req_id;
    record.sent = true;
    if (subscribe) {
      record.asked_parameter = record.parameter;
    } else {
      record.given_back_id = request.req_id;
    }
    set(record, subscribe ? Stage::asked : Stage::unsubscribing, record.cycle);
    if (!record.timer.armed()) wheel_.arm(record.timer, now + restore_timeout_);
    if (names_symbols && (alone || request_symbols_.size() == symbols_per_request_max)) break;
  }
  request.symbols = request_symbols_;
}

Subscription& Subscriptions::new_record(Channel channel, SymbolId symbol) {
  const auto free = std::ranges::find_if(
      records_, [](const auto& record) { return record->stage == Stage::absent; });
  const auto at = static_cast<uint32_t>(free - records_.begin());
  if (at == records_.size()) {
    records_.push_back(std::make_unique<Subscription>());
    records_[at]->timer.is_for(TimerOwner::subscription, session_, leg_.number);
    records_[at]->timer.index = at;
  }
  Subscription& record = *records_[at];
  record.channel = channel;
  record.symbol = symbol;
  record.parameter = 0;
  record.verified = false;
  record.in_doubt = false;
  record.doubt_told = false;
  record.doubt_carried = false;
  record.bad_snapshots = 0;
  record.repairs = 0;
  record.already_said = false;
  record.alone = false;
  record.sent = false;
  record.given_back_id = 0;
  record.renewed = false;
  record.fault.kind = EventKind{};
  record.trades = {};
  record.leg_wish = nullptr;
  index(channel, symbol, &record);
  slots_.set_subscriptions(++wanted_);
  set(record, Stage::idle, Cycle::none);
  return record;
}

void Subscriptions::index(Channel channel, SymbolId symbol, Subscription* record) {
  RecordsOfSymbol& of = by_symbol_[symbol];
  if (channel == Channel::book) {
    of.book = record;
  } else {
    of.others[static_cast<uint8_t>(channel) - 1] =
        record == nullptr ? RecordsOfSymbol::none : record->timer.index;
  }
}

// One subscription brings the rows of all wishes of such a channel: it ends with the last of them.
bool Subscriptions::shares_wire(const Subscription& record) const {
  if (facts_of(record).names_symbols) return false;
  return std::ranges::any_of(records_, [&record](const auto& other) {
    const bool other_wish = other.get() != &record && other->stage != Stage::absent;
    return other_wish && other->channel == record.channel && other->sent &&
           other->cycle != Cycle::remove;
  });
}

void Subscriptions::release_record(Subscription& record) {
  disarm(record);
  index(record.channel, record.symbol, nullptr);
  empty_book(record);
  record.book.reset();
  forget_lag(record);
  set(record, Stage::absent, Cycle::none);
  slots_.set_subscriptions(--wanted_);
}

void Subscriptions::set_on_wire(Subscription& record, bool on_wire) {
  if (on_wire && !record.on_wire) ++on_wire_;
  if (!on_wire && record.on_wire) --on_wire_;
  record.on_wire = on_wire;
}

void Subscriptions::set(Subscription& record, Stage stage, Cycle cycle) {
  count(record, -1);
  record.stage = stage;
  record.cycle = cycle;
  count(record, 1);
}

// Each counter is the number of records for which its condition holds.
void Subscriptions::count(const Subscription& record, int32_t by) {
  const auto add = [by](uint32_t& counter, bool holds) {
    if (holds) counter = static_cast<uint32_t>(static_cast<int32_t>(counter) + by);
  };
  const Stage stage = record.stage;
  const bool running = is_running(stage);
  const bool wanted = (running || stage == Stage::parked) && record.cycle != Cycle::remove;
  add(cycles_, running);
  add(parked_, stage == Stage::parked);
  add(unsent_, stage == Stage::to_subscribe || stage == Stage::to_unsubscribe);
  add(unsettled_, wanted && !record.doubt_told);
  add(settled_, stage == Stage::settled);
  add(rejected_, stage == Stage::rejected || (wanted && record.doubt_told));
  add(carried_, wanted && record.doubt_told && record.doubt_carried);
  add(refused_, stage == Stage::rejected);
}

void Subscriptions::disarm(Subscription& record) {
  if (record.timer.armed()) wheel_.cancel(record.timer);
}

void Subscriptions::empty_book(Subscription& record) {
  const bool was_verified = std::exchange(record.verified, false);
  if (was_verified && leg_.sink != nullptr) leg_.sink->on_copy_lost(leg_.number, record);
  if (record.book) record.book->clear();
}

// One of several legs tells its session, which tells the strategy what it should know of it.
void Subscriptions::tell(const Subscription& record, const Event& event) {
  if (leg_.sink != nullptr) return leg_.sink->on_wish(leg_.number, record, event);
  slots_.publish(event, origin_of(session_, 0, epoch_));
}

void Subscriptions::publish(EventKind kind, const Subscription& record, TextId detail) {
  Event event = Event::make(kind);
  event.payload.subscription.channel = record.channel;
  event.payload.subscription.symbol = record.symbol;
  event.payload.subscription.detail = detail;
  tell(record, event);
}

void Subscriptions::check_invariants() const {
  uint32_t cycles = 0;
  uint32_t parked = 0;
  uint32_t wanted = 0;
  uint32_t on_wire = 0;
  for (const auto& record : records_) {
    if (record->stage == Stage::absent) continue;
    ++wanted;
    cycles += is_running(record->stage) ? 1 : 0;
    parked += record->stage == Stage::parked ? 1 : 0;
    on_wire += record->on_wire ? 1 : 0;
    const bool waits_for_venue =
        record->stage == Stage::asked || record->stage == Stage::acknowledged ||
        record->stage == Stage::unsubscribing || record->stage == Stage::backing_off;
    HAVKLO_ASSERT(!waits_for_venue || record->timer.armed());
    HAVKLO_ASSERT(!record->on_wire || record->sent);
    HAVKLO_ASSERT(connected_ || record->stage == Stage::idle || record->stage == Stage::parked);
    HAVKLO_ASSERT(record->stage != Stage::settled || !keeps_book(*record) || record->verified);
  }
  HAVKLO_ASSERT(cycles == cycles_ && parked == parked_ && wanted == wanted_ && on_wire == on_wire_);
}

}  // namespace havklo::core
