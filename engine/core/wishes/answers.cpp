// What the venue says to the requests, and what happens when it says nothing.
#include <algorithm>
#include <array>

#include "core/wishes/subscriptions.hpp"

namespace havklo::core {
namespace {

constexpr uint8_t tries_max = 3;
constexpr Duration repair_delay_max = Duration::seconds(60);
constexpr std::string_view no_good_snapshot_text =
    "no snapshot of it verifies; it is being repaired";
constexpr std::string_view no_ack_text = "the venue never acknowledged it; it is asked for again";
constexpr std::string_view no_snapshot_text = "its snapshot never came; it is asked for again";
constexpr std::string_view other_parameter_text =
    "the venue took it with another parameter; it is asked for again";
constexpr std::string_view no_reason_text = "refused without a word; it is asked for again";
constexpr std::string_view no_end_text =
    "the venue never acknowledged its end; it is asked for again";

constexpr std::string_view rate_text = "Exceeded msg rate";
constexpr std::string_view already_text = "Already subscribed";
constexpr std::string_view not_found_text = "Subscription Not Found";
constexpr std::string_view depth_text = "Subscription depth not supported";

// The venue's word that the wish itself is wrong. Any other refusal may pass.
bool is_final(std::string_view error) {
  constexpr std::array<std::string_view, 4> beginnings = {"Currency pair not supported",
                                                          "Currency pair not in ISO 4217-A3 format",
                                                          "Pair(s) not found", depth_text};
  return std::ranges::any_of(beginnings,
                             [error](std::string_view words) { return error.starts_with(words); });
}

// Its good book is kept up until the venue has acknowledged its end.
bool is_leaving(const Subscription& record) {
  const bool ends = record.cycle == Cycle::change || record.cycle == Cycle::remove;
  return ends && (record.stage == Stage::parked || record.stage == Stage::to_unsubscribe ||
                  record.stage == Stage::unsubscribing || record.stage == Stage::backing_off);
}

// It was given back, and the venue has not said so. It may say it when the record waits to give it
// back again.
bool awaits_end(const Subscription& record) {
  const bool again = record.stage == Stage::to_unsubscribe ||
                     (record.stage == Stage::backing_off && record.cycle != Cycle::subscribe);
  return record.stage == Stage::unsubscribing || (again && record.given_back_id != 0);
}

// Its book has verified: the venue has taken the request, though it never said so. Unless it may be
// an older one, whose end is still on its way.
bool is_evidently_held(const Subscription& record) {
  return record.verified && record.given_back_id == 0 &&
         (record.stage == Stage::asked || record.stage == Stage::to_subscribe);
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
    if (ack.method == kraken::Method::subscribe) return on_subscribe_ack(record, ack, now);
    if (awaits_end(record)) return on_unsubscribed(record, now);
    if (ack.req_id && *ack.req_id == record.given_back_id) record.given_back_id = 0;
  };
  if (kraken::facts_of(*channel).names_symbols) {
    Subscription* record = lookup(*channel, ack.symbol);
    if (record != nullptr) take(*record);
    return;
  }
  const bool subscribed = ack.method == kraken::Method::subscribe;
  for (const auto& record : records_) {
    if (record->channel != *channel) continue;
    take(*record);
    // One that another wish went along with, or came back with.
    if (record->stage == Stage::settled) set_on_wire(*record, subscribed);
  }
  if (!subscribed) regain_wire(*channel);
}

// One subscription carries all wishes of such a channel. What had come along with one that has
// given it back begins anew, unless another is about to ask for it.
void Subscriptions::regain_wire(Channel channel) {
  const bool asks = std::ranges::any_of(records_, [channel](const auto& record) {
    const bool runs = is_running(record->stage) || record->stage == Stage::parked;
    return record->channel == channel && runs && record->cycle != Cycle::remove;
  });
  if (!asks) begin_anew(channel);
}

// Those that were subscribed and are not any more. They are told as such once more.
void Subscriptions::begin_anew(Channel channel) {
  for (const auto& record : records_) {
    const bool lost = record->stage == Stage::settled && !record->on_wire;
    if (lost && record->channel == channel) start_cycle(*record, Cycle::subscribe);
  }
}

void Subscriptions::on_subscribe_ack(Subscription& record, const kraken::Ack& ack, Instant now) {
  // It may come when the record waits to be asked for again: after a rate error, which names nobody
  // and overtakes the acks of what was taken, or after its deadline. It is good all the same.
  const bool asks_again = record.stage == Stage::to_subscribe ||
                          (record.stage == Stage::backing_off && record.cycle == Cycle::subscribe);
  const bool late = asks_again && record.sent && record.asked_parameter == record.parameter;
  if (record.stage != Stage::asked && !late) return;
  if (ack.req_id && *ack.req_id < record.given_back_id) return;  // what it says has ended since
  // An answer to what was asked before the user changed it: a book's data does not say in which
  // depth it comes, and a checksum covers ten levels of any.
  const bool other = ack.parameter && record.parameter != 0 && *ack.parameter != record.parameter;
  if (other && kraken::serves(facts_of(record).parameter, static_cast<uint32_t>(*ack.parameter))) {
    if (record.stage == Stage::backing_off) disarm(record);
    record.asked_parameter = static_cast<uint16_t>(*ack.parameter);
    if (record.tries < tries_max) {
      ++record.tries;
      return queue_unsubscribe(record);
    }
    doubt_or_go_on(record, other_parameter_text);
    return back_off(record, now);
  }
  acknowledge(record, now);
}

void Subscriptions::acknowledge(Subscription& record, Instant now) {
  if (record.stage == Stage::backing_off) disarm(record);
  if (!record.timer.armed()) wheel_.arm(record.timer, now + restore_timeout_);
  set_on_wire(record, true);
  record.given_back_id = 0;
  record.alone = false;
  record.already_said = false;
  publish(EventKind::subscribed, record);
  if (keeps_book(record) && !record.verified) {
    return set(record, Stage::acknowledged, record.cycle);
  }
  settle(record);
}

// The others need not wait for it any longer. It is tried on.
void Subscriptions::doubt(Subscription& record, std::string_view why) {
  empty_book(record);
  record.in_doubt = true;
  record.doubt_detail = names_.intern_text(why);
  tell_doubt(record);
}

// Once on each connection, and before the all clear.
void Subscriptions::tell_doubt(Subscription& record) {
  if (!record.in_doubt || record.doubt_told) return;
  set_doubt_told(record, true);
  publish(EventKind::rejected, record, record.doubt_detail);
}

void Subscriptions::set_doubt_told(Subscription& record, bool told) {
  count(record, -1);
  record.doubt_told = told;
  count(record, 1);
}

void Subscriptions::set_doubt_carried(Subscription& record, bool carried) {
  count(record, -1);
  record.doubt_carried = carried;
  count(record, 1);
}

// Tried in vain, on this connection too.
void Subscriptions::doubt_or_go_on(Subscription& record, std::string_view why) {
  if (!record.in_doubt) doubt(record, why);
  set_doubt_carried(record, false);
}

void Subscriptions::trust(Subscription& record) {
  record.in_doubt = false;
  record.bad_snapshots = 0;
  set_doubt_told(record, false);
  set_doubt_carried(record, false);
}

void Subscriptions::doubt_bad_book(Subscription& record) {
  if (record.bad_snapshots == bad_snapshots_max) doubt_or_go_on(record, no_good_snapshot_text);
}

// Its next try, after a pause that grows.
void Subscriptions::back_off(Subscription& record, Instant now) {
  const Duration delay = repair_delay(record.repairs);
  record.repairs = static_cast<uint8_t>(std::min(record.repairs + 1, 255));
  record.alone = true;
  set(record, Stage::backing_off, record.cycle);
  if (delay == Duration{}) return try_again(record);
  wheel_.arm(record.timer, now + delay);
}

// What the venue has acknowledged is given back first.
void Subscriptions::try_again(Subscription& record) {
  const bool goes_back = record.cycle == Cycle::remove || record.cycle == Cycle::change ||
                         record.cycle == Cycle::overrun;
  if (record.on_wire) return start_cycle(record, goes_back ? record.cycle : Cycle::repair);
  if (record.cycle == Cycle::remove) return start_cycle(record, Cycle::remove);
  const bool begins = record.cycle == Cycle::subscribe || record.sent;
  if (begins) return start_cycle(record, Cycle::subscribe);
  if (record.renewed) return start_cycle(record, Cycle::subscribe);
  queue_subscribe(record);  // a repair's pause is over
}

// An answer is missing for the third time, or again for a wish in doubt. False: nothing on this
// connection is settled, nor on its way to it.
bool Subscriptions::on_silence(Subscription& record, std::string_view missing, Instant now) {
  if (record.cycle != Cycle::remove) {
    doubt_or_go_on(record, missing);
    if (settled_ == 0 && unsettled_ == 0) return false;
  }
  if (record.stage == Stage::acknowledged) {
    start_cycle(record, Cycle::repair);  // whose pause comes when the venue has ended it
  } else {
    // Whatever it was given back for, it waits for a first answer: a late one is good.
    const bool asks = record.stage == Stage::asked || record.stage == Stage::to_subscribe;
    if (asks) set(record, record.stage, Cycle::subscribe);
    back_off(record, now);
  }
  return true;
}

void Subscriptions::settle(Subscription& record) {
  disarm(record);
  trust(record);
  if (!keeps_book(record)) record.repairs = 0;
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
  if (concerned == 0 && ack.method == kraken::Method::subscribe) return on_late_error(ack, now);
  const bool named_symbols = kraken::facts_of(channel).names_symbols;
  const bool for_all =
      concerned == 1 || !ack.symbol.empty() || ack.error == depth_text || !named_symbols;
  for (const auto& record : records_) {
    if (!concerns(*record) || record->req_id != oldest) continue;
    if (stage == Stage::unsubscribing) {
      if (ack.error == not_found_text) on_unsubscribed(*record, now);
    } else if (for_all) {
      refuse(*record, ack.error, now);
    } else {
      disarm(*record);  // that request was answered: the next has its own time
      record->alone = true;
      queue_subscribe(*record);
    }
  }
  // What had come along with it, and lost the wire to its new beginning, begins anew as well.
  if (!named_symbols) begin_anew(channel);
}

// To a request that was repeated since: what is said of the symbol itself holds for that one too.
void Subscriptions::on_late_error(const kraken::Ack& ack, Instant now) {
  if (!is_final(ack.error) || ack.symbol.empty()) return;
  for (const auto& record : records_) {
    const bool waits = record->stage == Stage::asked || record->stage == Stage::to_subscribe ||
                       (record->stage == Stage::backing_off && record->cycle == Cycle::subscribe);
    if (!waits || !record->sent || names_.symbol(record->symbol) != ack.symbol) continue;
    if (ack.req_id && *ack.req_id < record->given_back_id) continue;
    refuse(*record, ack.error, now);
  }
}

void Subscriptions::refuse(Subscription& record, std::string_view error, Instant now) {
  disarm(record);
  const bool already = error == already_text;
  const bool in_vain = already && record.already_said;  // it was given back, and is there again
  record.already_said = already && !in_vain;
  if (in_vain && record.verified) return acknowledge(record, now);     // its data say so too
  if (in_vain) record.repairs = std::max<uint8_t>(record.repairs, 1);  // not at once
  if ((already || record.verified) && !in_vain && record.tries < tries_max) {
    ++record.tries;
    return queue_unsubscribe(record);  // our picture is wrong: start over
  }
  record.sent = false;
  record.alone = false;
  const bool untold = !record.doubt_told || record.verified;  // the strategy has its book
  empty_book(record);
  if (is_final(error)) {
    if (untold) publish(EventKind::rejected, record, names_.intern_text(error));
    trust(record);
    return set(record, Stage::rejected, Cycle::none);
  }
  const bool was_in_doubt = record.in_doubt;
  doubt_or_go_on(record, error.empty() ? no_reason_text : error);
  if (was_in_doubt && untold) publish(EventKind::rejected, record, record.doubt_detail);
  set(record, record.stage, Cycle::subscribe);
  back_off(record, now);
}

void Subscriptions::on_unsubscribed(Subscription& record, Instant now) {
  disarm(record);
  // Subscribed was never said, and nobody asked for the end of it: it was only the venue that held
  // a subscription of which we did not know.
  const bool unheard_of = !record.on_wire && !record.verified && record.cycle == Cycle::subscribe;
  set_on_wire(record, false);
  record.given_back_id = 0;
  record.sent = false;
  record.alone = false;
  if (!unheard_of) forget_lag(record);
  if (record.cycle == Cycle::remove) {
    publish_end(record);
    return release_record(record);
  }
  if (!unheard_of) publish(EventKind::unsubscribed, record);
  forgive_repairs(record, now);
  empty_book(record);
  if (record.renewed) return start_cycle(record, Cycle::subscribe);
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

// After so long a good life the next repair waits as the first did.
void Subscriptions::forgive_repairs(Subscription& record, Instant now) const {
  if (record.verified && now - record.verified_at >= stable_after_) record.repairs = 0;
}

void Subscriptions::on_rate_exceeded(std::optional<uint64_t> req_id, Instant now) {
  restore_pace(now);
  pace_.slow_down(now);
  // Deadlines stay armed: a venue that refuses for ever must not keep us waiting for ever.
  for (const auto& record : records_) {
    if (req_id && record->req_id != *req_id) continue;
    const bool waits = record->stage == Stage::asked || record->stage == Stage::unsubscribing;
    if (!waits) continue;
    if (record->stage == Stage::asked) {
      queue_subscribe(*record);
    } else {
      queue_unsubscribe(*record);
    }
  }
  // What others wait for may never come to leave.
  const auto next = std::ranges::find_if(records_, [](const auto& record) {
    const bool unsent =
        record->stage == Stage::to_unsubscribe || record->stage == Stage::to_subscribe;
    return unsent && !record->in_doubt;
  });
  if (next == records_.end() || (*next)->timer.armed()) return;
  wheel_.arm((*next)->timer, now + restore_timeout_);
}

bool Subscriptions::on_timer(SubscriptionIndex at, Instant now) {
  Subscription& record = *records_[at];
  if (record.renewed && awaits_end(record)) {
    start_cycle(record, record.cycle == Cycle::remove ? Cycle::remove : Cycle::change);
    return true;
  }
  const bool in_vain = record.tries >= tries_max || (record.in_doubt && settled_ != 0);
  if (in_vain && is_evidently_held(record)) {
    acknowledge(record, now);
    return true;
  }
  switch (record.stage) {
    case Stage::backing_off:
      try_again(record);
      return true;
    case Stage::to_subscribe:
    case Stage::to_unsubscribe:
      // Only on_rate_exceeded leaves a deadline armed here.
      if (in_vain) return on_silence(record, rate_text, now);
      ++record.tries;
      wheel_.arm(record.timer, now + restore_timeout_);
      return true;
    case Stage::asked:
      if (in_vain) return on_silence(record, no_ack_text, now);
      ++record.tries;
      record.alone = true;
      queue_subscribe(record);
      return true;
    case Stage::acknowledged:
    case Stage::unsubscribing:
      if (in_vain) {
        const bool never_came =
            record.stage == Stage::acknowledged || record.cycle == Cycle::subscribe;
        return on_silence(record, never_came ? no_snapshot_text : no_end_text, now);
      }
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
  if (record.stage == Stage::acknowledged) return settle(record);
  // Before its answer it is not settled, and what was told of it stays so.
  if (record.in_doubt && record.stage == Stage::settled) trust(record);
}

void Subscriptions::on_book_fault(Subscription& record, const Event& fault, Instant now) {
  const bool lost = fault.kind == EventKind::book_stale;
  forgive_repairs(record, now);
  // Before its answer a good one settles nothing.
  const bool was_good = record.verified && record.on_wire;
  if (!was_good && !lost && record.bad_snapshots < bad_snapshots_max) ++record.bad_snapshots;
  empty_book(record);
  record.fault = fault;
  if (is_leaving(record)) {  // it ends anyway
    if (record.stage != Stage::parked) publish_fault(record);
    return;
  }
  start_cycle(record, lost ? Cycle::overrun : Cycle::repair);
}

}  // namespace havklo::core
