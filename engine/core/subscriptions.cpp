// How each wish travels from wanted to settled, and back.
#include "core/subscriptions.hpp"

#include <algorithm>

namespace havklo::core {
namespace {

constexpr uint8_t tries_max = 3;
constexpr Duration repair_delay_max = Duration::seconds(60);
// So many that do not verify, one after the other: the all clear of the other books does not wait
// any longer.
constexpr uint8_t bad_snapshots_max = 3;
constexpr std::string_view doubt_text = "no snapshot of it verifies; it is being repaired";

constexpr std::string_view rate_text = "Exceeded msg rate";
constexpr std::string_view already_text = "Already subscribed";
constexpr std::string_view not_found_text = "Subscription Not Found";
constexpr std::string_view depth_text = "Subscription depth not supported";

bool is_running(Stage stage) {
  switch (stage) {
    case Stage::to_subscribe:
    case Stage::asked:
    case Stage::acknowledged:
    case Stage::to_unsubscribe:
    case Stage::unsubscribing:
    case Stage::backing_off:
      return true;
    default:
      return false;
  }
}

// Its good book is kept up until the venue has acknowledged its end.
bool is_leaving(const Subscription& record) {
  const bool ends = record.cycle == Cycle::change_depth || record.cycle == Cycle::remove;
  return ends && (record.stage == Stage::parked || record.stage == Stage::to_unsubscribe ||
                  record.stage == Stage::unsubscribing);
}

// 0, 1, 2, 4 … 60 s.
Duration repair_delay(uint8_t repairs) {
  if (repairs == 0) return {};
  if (repairs > 6) return repair_delay_max;
  return std::min(Duration::seconds(int64_t{1} << (repairs - 1)), repair_delay_max);
}

std::optional<Channel> channel_named(std::string_view name) {
  for (const Channel channel : {Channel::book, Channel::trade, Channel::ticker}) {
    if (name == to_string(channel)) return channel;
  }
  return std::nullopt;
}

}  // namespace

Subscriptions::Subscriptions(const Settings& settings, uint16_t session, Names& names,
                             SymbolIndex& index, LifecycleSlots& slots, TimerWheel& wheel,
                             kraken::BookScratch& scratch)
    : restore_timeout_(settings.timeouts.restore_timeout),
      stable_after_(settings.reconnect.stable_after),
      session_(session),
      names_(names),
      index_(index),
      slots_(slots),
      wheel_(wheel),
      scratch_(scratch),
      pace_(settings.requests.per_second, settings.requests.burst),
      by_symbol_(names) {
  records_.reserve(std::tuple_size_v<RecordsOfSymbol> * symbols_max);
  request_symbols_.reserve(symbols_per_request_max);
  for (const SubscriptionSettings& wish : settings.subscriptions) {
    for (const std::string& symbol : wish.symbols) {
      const bool fits = subscribe(wish.channel, symbol, static_cast<uint16_t>(wish.depth));
      HAVKLO_ASSERT(fits);  // validate() counted them
    }
  }
}

Subscriptions::~Subscriptions() {
  for (const auto& record : records_) disarm(*record);
}

bool Subscriptions::subscribe(Channel channel, std::string_view symbol, uint16_t depth) {
  Subscription* record = lookup(channel, symbol);
  const bool is_new = record == nullptr;
  if (is_new) {
    const auto id = index_.intern(symbol);
    if (!id) return false;
    record = &new_record(channel, *id);
  }
  const bool other_depth = channel == Channel::book && record->depth != depth;
  if (other_depth) {
    record->depth = depth;
    // A verified book goes on as it is until the venue has acknowledged its end.
    if (!record->verified) record->book.emplace(depth, scratch_);
  }
  if (is_new || record->stage == Stage::rejected) {
    trust(*record);
    if (connected_) start_cycle(*record, Cycle::subscribe);
    return true;
  }
  const bool being_removed = record->cycle == Cycle::remove;
  const bool asked = record->stage == Stage::asked || record->stage == Stage::acknowledged ||
                     record->stage == Stage::settled ||
                     (record->stage == Stage::to_subscribe && record->sent);
  if (record->stage == Stage::parked) {
    if (!connected_) {
      set(*record, Stage::idle, Cycle::none);
    } else if (being_removed) {
      set(*record, Stage::parked, record->sent ? Cycle::change_depth : Cycle::subscribe);
    }
  } else if (being_removed) {
    set(*record, record->stage, Cycle::change_depth);  // it goes on with subscribe after the ack
  } else if (asked && other_depth) {
    start_cycle(*record, Cycle::change_depth);
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

void Subscriptions::end_connection() {
  connected_ = false;
  for (const auto& record : records_) {
    if (record->stage == Stage::absent) continue;
    disarm(*record);
    empty_book(*record);
    trust(*record);
    record->sent = false;
    record->alone = false;
    record->repairs = 0;
    record->fault.kind = EventKind{};
    if (record->on_wire) --on_wire_;
    record->on_wire = false;
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
  switch (record.cycle) {
    case Cycle::repair:
      publish_fault(record);
      if (record.bad_snapshots == bad_snapshots_max && !record.in_doubt) doubt(record);
      return queue_unsubscribe(record);
    case Cycle::overrun:
      publish_fault(record);
      return;  // stays parked until its snapshot would fit: resume_parked
    case Cycle::change_depth:
      publish_fault(record);
      return queue_unsubscribe(record);
    case Cycle::remove:
      publish_fault(record);
      if (connected_ && record.sent) return queue_unsubscribe(record);
      publish(EventKind::unsubscribed, record);
      return release_record(record);
    case Cycle::subscribe:
    case Cycle::none:
      return queue_subscribe(record);
  }
}

void Subscriptions::resume_parked(uint32_t market_room) {
  if (parked_ == 0 || !slots_.enough_for_cycle(cycles_)) return;
  for (const auto& record : records_) {
    if (record->stage != Stage::parked) continue;
    if (!slots_.enough_for_cycle(cycles_)) return;
    if (record->cycle != Cycle::overrun) {
      run_cycle(*record);
      continue;
    }
    publish_fault(*record);
    if (market_room >= 2U * record->depth) {
      record->tries = 1;
      queue_unsubscribe(*record);
    }
  }
}

void Subscriptions::queue_subscribe(Subscription& record) {
  empty_book(record);
  if (record.book && record.book->depth() != record.depth) {
    record.book.emplace(record.depth, scratch_);
  }
  set(record, Stage::to_subscribe, record.cycle);
}

void Subscriptions::queue_unsubscribe(Subscription& record) {
  set(record, Stage::to_unsubscribe, record.cycle);
}

void Subscriptions::on_ack(const kraken::Ack& ack, Instant now) {
  if (!ack.success) return on_error(ack, now);
  const auto channel = channel_named(ack.channel);
  if (!channel) return;
  Subscription* record = lookup(*channel, ack.symbol);
  if (record == nullptr) return;
  if (ack.method == kraken::Method::subscribe) return on_subscribe_ack(*record, now);
  if (record->stage == Stage::unsubscribing) on_unsubscribed(*record, now);
}

void Subscriptions::on_subscribe_ack(Subscription& record, Instant now) {
  // It may come when the record waits to be asked for again: after a rate error, which names nobody
  // and overtakes the acks of what was taken, or after its deadline. It is good all the same.
  const bool late =
      record.stage == Stage::to_subscribe && record.sent && record.asked_depth == record.depth;
  if (record.stage != Stage::asked && !late) return;
  if (!record.timer.armed()) wheel_.arm(record.timer, now + restore_timeout_);
  if (!record.on_wire) ++on_wire_;
  record.on_wire = true;
  record.alone = false;
  publish(EventKind::subscribed, record);
  if (record.channel == Channel::book && !record.verified) {
    return set(record, Stage::acknowledged, record.cycle);
  }
  settle(record);
}

// The others need not wait for it any longer. Its repairs go on.
void Subscriptions::doubt(Subscription& record) {
  publish(EventKind::rejected, record, names_.intern_text(doubt_text));
  count(record, -1);
  record.in_doubt = true;
  count(record, 1);
}

void Subscriptions::trust(Subscription& record) {
  count(record, -1);
  record.in_doubt = false;
  record.bad_snapshots = 0;
  count(record, 1);
}

void Subscriptions::settle(Subscription& record) {
  disarm(record);
  set(record, Stage::settled, Cycle::none);
}

// A refusal names its symbol only when the pair is unknown; else it is found by the request's id,
// and a request that named several is asked again symbol by symbol, so that one bad wish cannot
// hide the others.
void Subscriptions::on_error(const kraken::Ack& ack, Instant now) {
  if (ack.error == rate_text) return on_rate_exceeded(ack.req_id, now);
  const Stage stage = ack.method == kraken::Method::subscribe ? Stage::asked : Stage::unsubscribing;
  const auto concerns = [&](const Subscription& record) {
    if (record.stage != stage) return false;
    if (ack.req_id && record.req_id != *ack.req_id) return false;
    return ack.symbol.empty() || names_.symbol(record.symbol) == ack.symbol;
  };
  // An answer without any id is to the oldest request that still waits: the venue answers in order.
  uint64_t oldest = 0;
  uint32_t concerned = 0;
  for (const auto& record : records_) {
    if (!concerns(*record)) continue;
    if (oldest == 0 || record->req_id < oldest) {
      oldest = record->req_id;
      concerned = 0;
    }
    concerned += record->req_id == oldest ? 1 : 0;
  }
  const bool for_all = concerned == 1 || !ack.symbol.empty() || ack.error == depth_text;
  for (const auto& record : records_) {
    if (!concerns(*record) || record->req_id != oldest) continue;
    if (stage == Stage::unsubscribing) {
      if (ack.error == not_found_text) on_unsubscribed(*record, now);
    } else if (for_all) {
      refuse(*record, ack.error);
    } else {
      record->alone = true;
      queue_subscribe(*record);
    }
  }
}

void Subscriptions::refuse(Subscription& record, std::string_view error) {
  disarm(record);
  if (error == already_text && record.tries < tries_max) {
    ++record.tries;
    return queue_unsubscribe(record);  // our picture is wrong: start over
  }
  record.sent = false;
  record.alone = false;
  if (!record.in_doubt) publish(EventKind::rejected, record, names_.intern_text(error));
  empty_book(record);
  set(record, Stage::rejected, Cycle::none);
}

void Subscriptions::on_unsubscribed(Subscription& record, Instant now) {
  disarm(record);
  // Subscribed was never said, and nobody asked for the end of it: it was only the venue that held
  // a subscription of which we did not know.
  const bool unheard_of = !record.on_wire && !record.verified && record.cycle == Cycle::subscribe;
  if (record.on_wire) --on_wire_;
  record.on_wire = false;
  record.sent = false;
  record.alone = false;
  if (!unheard_of) publish(EventKind::unsubscribed, record);
  if (record.cycle == Cycle::remove) return release_record(record);
  const bool repairs = record.cycle == Cycle::repair || record.cycle == Cycle::overrun;
  if (repairs && record.tries == 1) {
    const Duration delay = repair_delay(record.repairs);
    record.repairs = static_cast<uint8_t>(std::min(record.repairs + 1, 255));
    if (delay > Duration{}) {
      set(record, Stage::backing_off, record.cycle);
      return wheel_.arm(record.timer, now + delay);
    }
  }
  queue_subscribe(record);
}

void Subscriptions::on_rate_exceeded(std::optional<uint64_t> req_id, Instant now) {
  pace_.slow_down(now);
  // Deadlines stay armed: a venue that refuses for ever must not keep us waiting for ever.
  for (const auto& record : records_) {
    if (req_id && record->req_id != *req_id) continue;
    if (record->stage == Stage::asked) queue_subscribe(*record);
    if (record->stage == Stage::unsubscribing) queue_unsubscribe(*record);
  }
}

bool Subscriptions::on_timer(SubscriptionIndex at, Instant now) {
  Subscription& record = *records_[at];
  switch (record.stage) {
    case Stage::backing_off:
      queue_subscribe(record);
      return true;
    case Stage::to_subscribe:
    case Stage::to_unsubscribe:
      if (record.tries >= tries_max) return false;
      ++record.tries;
      wheel_.arm(record.timer, now + restore_timeout_);
      return true;
    case Stage::asked:
      if (record.tries >= tries_max) return false;
      ++record.tries;
      record.alone = true;
      queue_subscribe(record);
      return true;
    case Stage::acknowledged:
    case Stage::unsubscribing:
      if (record.tries >= tries_max) return false;
      ++record.tries;
      record.alone = true;
      queue_unsubscribe(record);
      return true;
    default:
      return true;
  }
}

[[gnu::hot]] Subscription* Subscriptions::find_book(std::string_view symbol) const {
  Subscription* record = lookup(Channel::book, symbol);
  if (record == nullptr) return nullptr;
  const bool takes =
      record->verified || record->stage == Stage::acknowledged || record->stage == Stage::asked;
  return takes ? record : nullptr;
}

std::optional<SymbolId> Subscriptions::find(Channel channel, std::string_view symbol) const {
  const Subscription* record = lookup(channel, symbol);
  if (record == nullptr || !record->sent) return std::nullopt;
  return record->symbol;
}

void Subscriptions::on_book_verified(Subscription& record, Instant now) {
  record.verified = true;
  record.verified_at = now;
  if (record.bad_snapshots != 0) trust(record);
  if (record.stage == Stage::acknowledged) settle(record);
}

void Subscriptions::on_book_fault(Subscription& record, const Event& fault, Instant now) {
  const bool lost = fault.kind == EventKind::book_stale;
  if (record.verified && now - record.verified_at >= stable_after_) record.repairs = 0;
  if (!record.verified && !lost && record.bad_snapshots < bad_snapshots_max) {
    ++record.bad_snapshots;
  }
  empty_book(record);
  record.fault = fault;
  if (is_leaving(record)) {  // it ends anyway
    if (record.stage != Stage::parked) publish_fault(record);
    return;
  }
  start_cycle(record, lost ? Cycle::overrun : Cycle::repair);
}

void Subscriptions::publish_fault(Subscription& record) {
  if (record.fault.kind == EventKind{}) return;
  slots_.publish(record.fault, {session_, epoch_});
  record.fault.kind = EventKind{};
}

bool Subscriptions::next_request(Instant now, Request& request) {
  if (unsent_ == 0 || !pace_.allows(now)) return false;
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
  const auto wire_depth = [subscribe](const Subscription& record) {
    return subscribe ? record.depth : record.asked_depth;
  };
  request = {.subscribe = subscribe,
             .channel = first.channel,
             .depth = wire_depth(first),
             .req_id = ++last_req_id_,
             .symbols = {}};
  request_symbols_.clear();
  for (uint32_t at = first.timer.index; at < records_.size(); ++at) {
    Subscription& record = *records_[at];
    if (record.stage != stage || record.channel != request.channel ||
        wire_depth(record) != request.depth || record.alone != alone) {
      continue;
    }
    request_symbols_.push_back(names_.symbol(record.symbol));
    record.req_id = request.req_id;
    record.sent = true;
    if (subscribe) record.asked_depth = record.depth;
    set(record, subscribe ? Stage::asked : Stage::unsubscribing, record.cycle);
    if (!record.timer.armed()) wheel_.arm(record.timer, now + restore_timeout_);
    if (alone || request_symbols_.size() == symbols_per_request_max) break;
  }
  request.symbols = request_symbols_;
}

Subscription& Subscriptions::new_record(Channel channel, SymbolId symbol) {
  const auto free = std::ranges::find_if(
      records_, [](const auto& record) { return record->stage == Stage::absent; });
  const auto at = static_cast<uint32_t>(free - records_.begin());
  if (at == records_.size()) {
    records_.push_back(std::make_unique<Subscription>());
    records_[at]->timer.owner = TimerOwner::subscription;
    records_[at]->timer.session = session_;
    records_[at]->timer.index = at;
  }
  Subscription& record = *records_[at];
  record.channel = channel;
  record.symbol = symbol;
  record.depth = 0;
  record.verified = false;
  record.in_doubt = false;
  record.bad_snapshots = 0;
  record.repairs = 0;
  record.alone = false;
  record.sent = false;
  record.fault.kind = EventKind{};
  record_of(channel, symbol) = &record;
  slots_.set_subscriptions(++wanted_);
  set(record, Stage::idle, Cycle::none);
  return record;
}

void Subscriptions::release_record(Subscription& record) {
  disarm(record);
  record_of(record.channel, record.symbol) = nullptr;
  record.book.reset();
  set(record, Stage::absent, Cycle::none);
  slots_.set_subscriptions(--wanted_);
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
  add(unsettled_, wanted && !record.in_doubt);
  add(settled_, stage == Stage::settled);
  add(rejected_, stage == Stage::rejected || (wanted && record.in_doubt));
}

void Subscriptions::disarm(Subscription& record) {
  if (record.timer.armed()) wheel_.cancel(record.timer);
}

void Subscriptions::empty_book(Subscription& record) {
  record.verified = false;
  if (record.book) record.book->clear();
}

void Subscriptions::publish(EventKind kind, const Subscription& record, TextId detail) {
  Event event = Event::make(kind);
  event.payload.subscription.channel = record.channel;
  event.payload.subscription.symbol = record.symbol;
  event.payload.subscription.detail = detail;
  slots_.publish(event, {session_, epoch_});
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
    HAVKLO_ASSERT(record->stage != Stage::settled || record->channel != Channel::book ||
                  record->verified);
  }
  HAVKLO_ASSERT(cycles == cycles_ && parked == parked_ && wanted == wanted_ && on_wire == on_wire_);
}

}  // namespace havklo::core
