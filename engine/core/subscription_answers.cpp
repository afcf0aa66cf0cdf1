// What the venue says to the requests, and what happens when it says nothing.
#include <algorithm>

#include "core/subscriptions.hpp"

namespace havklo::core {
namespace {

constexpr uint8_t tries_max = 3;
constexpr Duration repair_delay_max = Duration::seconds(60);
constexpr std::string_view doubt_text = "no snapshot of it verifies; it is being repaired";

constexpr std::string_view rate_text = "Exceeded msg rate";
constexpr std::string_view already_text = "Already subscribed";
constexpr std::string_view not_found_text = "Subscription Not Found";
constexpr std::string_view depth_text = "Subscription depth not supported";

// Its good book is kept up until the venue has acknowledged its end.
bool is_leaving(const Subscription& record) {
  const bool ends = record.cycle == Cycle::change || record.cycle == Cycle::remove;
  return ends && (record.stage == Stage::parked || record.stage == Stage::to_unsubscribe ||
                  record.stage == Stage::unsubscribing);
}

// 0, 1, 2, 4 … 60 s.
Duration repair_delay(uint8_t repairs) {
  if (repairs == 0) return {};
  if (repairs > 6) return repair_delay_max;
  return std::min(Duration::seconds(int64_t{1} << (repairs - 1)), repair_delay_max);
}

}  // namespace

void Subscriptions::on_ack(const kraken::Ack& ack, Instant now) {
  if (!ack.success) return on_error(ack, now);
  const auto channel = channel_named(ack.channel);
  if (!channel) return;
  const auto take = [&](Subscription& record) {
    if (ack.method == kraken::Method::subscribe) return on_subscribe_ack(record, now);
    if (record.stage == Stage::unsubscribing) on_unsubscribed(record, now);
  };
  if (kraken::facts_of(*channel).names_symbols) {
    Subscription* record = lookup(*channel, ack.symbol);
    if (record != nullptr) take(*record);
    return;
  }
  for (const auto& record : records_) {
    if (record->channel != *channel) continue;
    take(*record);
    // One that another wish went along with, or came back with.
    if (record->stage == Stage::settled) {
      set_on_wire(*record, ack.method == kraken::Method::subscribe);
    }
  }
}

void Subscriptions::on_subscribe_ack(Subscription& record, Instant now) {
  // It may come when the record waits to be asked for again: after a rate error, which names nobody
  // and overtakes the acks of what was taken, or after its deadline. It is good all the same.
  const bool late = record.stage == Stage::to_subscribe && record.sent &&
                    record.asked_parameter == record.parameter;
  if (record.stage != Stage::asked && !late) return;
  if (!record.timer.armed()) wheel_.arm(record.timer, now + restore_timeout_);
  set_on_wire(record, true);
  record.alone = false;
  publish(EventKind::subscribed, record);
  if (keeps_book(record) && !record.verified) {
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
  Channel channel = Channel::book;
  for (const auto& record : records_) {
    if (!concerns(*record)) continue;
    if (oldest == 0 || record->req_id < oldest) {
      oldest = record->req_id;
      concerned = 0;
      channel = record->channel;
    }
    concerned += record->req_id == oldest ? 1 : 0;
  }
  const bool named_symbols = kraken::facts_of(channel).names_symbols;
  const bool for_all =
      concerned == 1 || !ack.symbol.empty() || ack.error == depth_text || !named_symbols;
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
  if (named_symbols || concerned == 0) return;
  // What had come along with it, and lost the wire to its new beginning, begins anew as well.
  for (const auto& record : records_) {
    const bool lost = record->stage == Stage::settled && !record->on_wire;
    if (lost && record->channel == channel) start_cycle(*record, Cycle::subscribe);
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
  set_on_wire(record, false);
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

}  // namespace havklo::core
