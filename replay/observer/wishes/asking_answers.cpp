// What the venue answered and what the events say of it: what is remembered of a wish, and when
// that is forgotten.
#include <fmt/format.h>

#include <algorithm>

#include "kraken/channels.hpp"
#include "replay/observer/wishes/asking.hpp"

namespace havklo::replay {
namespace {

// 0, 1, 2, 4 … 60 s.
Duration wait_after(uint32_t repairs, Duration most) {
  if (repairs == 0) return {};
  return std::min(most, Duration::seconds(int64_t{1} << std::min(repairs - 1, 6U)));
}

}  // namespace

void AskingObserver::on_answer(const SeenAnswer& answer, Instant now) {
  const auto channel = channel_named(answer.channel);
  if (answer.success) {
    if (!answer.subscribe || !channel || !kraken::facts_of(*channel).names_symbols) return;
    Wish& wish = wish_for(*channel, answer.symbol);
    const bool open = wish.asked && !wish.given_back && !wish.told && !wish.broken;
    if (!wish.wanted || !open || wish.disturbed || wish.answered) return;
    if (answer.req_id && *answer.req_id < wish.given_back_id) return;
    if (answer.parameter && *answer.parameter != wish.parameter) {  // of an earlier request
      return disturb(wish);
    }
    wish.owes_subscribed = true;
    return;
  }
  uint32_t concerned = 0;
  const auto concerns = [&answer](const Wish& wish) {
    const bool by_id = !answer.req_id || wish.req_id == *answer.req_id;
    const bool waits = wish.asked && !wish.answered && wish.given_back != answer.subscribe &&
                       (!answer.subscribe || !(wish.told || wish.owes_subscribed));
    return waits && by_id && (answer.symbol.empty() || answer.symbol == wish.symbol);
  };
  for (const Wish& wish : wishes_) concerned += concerns(wish) ? 1 : 0;
  if (concerned == 0) on_late_refusal(answer);
  for (Wish& wish : wishes_) {
    if (!concerns(wish)) continue;
    if (!answer.subscribe || !answer.req_id) {
      disturb(wish);  // whose answer it is, the order decides
      wish.repairs.reset();
    } else {
      on_refused(wish, answer, concerned > 1, now);
    }
  }
}

// It may take one of the tries, without the time that silence takes.
void AskingObserver::disturb(Wish& wish) const {
  wish.disturbed = true;
  wish.tried_since = wish.tried_since - restore_timeout_;
}

void AskingObserver::on_refused(Wish& wish, const SeenAnswer& answer, bool in_company,
                                Instant now) {
  if (wish.doubt_told && is_final_refusal(answer.error)) {  // which was told already
    wish.in_doubt = wish.doubt_told = false;
    wish.doubt_unknown = true;
    wish.due.reset();
    wish.earliest.reset();
  }
  const bool clear = wish.wanted && !wish.given_back && !wish.told && !wish.live && !wish.broken &&
                     !wish.disturbed && !wish.answered && now < wish.asked_at + restore_timeout_;
  disturb(wish);
  if (!clear || answer.error == "Already subscribed") return wish.repairs.reset();
  if (in_company) {
    wish.due = now;  // alone
    return;
  }
  if (is_final_refusal(answer.error)) {
    wish.answered = true;  // Rejected says it
    return;
  }
  const auto delay = next_delay(wish);
  wish.due = now + delay.value_or(wait_max);
  if (delay) wish.earliest = wish.due;
}

// To a request that was repeated since, of a symbol that does not exist: it may end the wish, and
// if the doubt was told, nothing more is said.
void AskingObserver::on_late_refusal(const SeenAnswer& answer) {
  if (!answer.subscribe || answer.symbol.empty() || !is_final_refusal(answer.error)) return;
  for (Wish& wish : wishes_) {
    if (wish.symbol != answer.symbol || !wish.asked || wish.told) continue;
    wish.in_doubt = wish.doubt_told = false;
    wish.doubt_unknown = wish.disturbed = true;
    wish.due.reset();
    wish.earliest.reset();
    wish.repairs.reset();
  }
}

std::optional<Duration> AskingObserver::next_delay(Wish& wish) {
  if (!wish.repairs) return std::nullopt;
  return wait_after((*wish.repairs)++, wait_max);
}

void AskingObserver::on_event(const Event& event) {
  if (!stood_still_.empty()) {
    violate(Invariant::fresh_book, event.time,
            fmt::format("an update of {} was delivered, and not told", stood_still_));
    stood_still_.clear();
  }
  switch (event.kind) {
    case EventKind::subscribed:
    case EventKind::rejected:
    case EventKind::unsubscribed: {
      const Event::Subscription& about = event.payload.subscription;
      if (!kraken::facts_of(about.channel).names_symbols) return;
      Wish* const wish = find(about.channel, about.symbol);
      if (wish == nullptr) return;
      if (event.kind == EventKind::rejected) return on_rejected(*wish, event);
      if (event.kind == EventKind::unsubscribed) return on_unsubscribed(*wish, event.time);
      wish->told = true;
      // The silence before it may have counted as a try in vain.
      if (event.time - wish->asked_at >= restore_timeout_) wish->repairs.reset();
      wish->owes_subscribed = false;
      wish->answered = wish->disturbed = false;
      // A refusal of others had come before: it need not be asked for alone any more.
      wish->due.reset();
      wish->earliest.reset();
      if (wish->channel == Channel::book) {
        if (wish->live) settle(*wish);
        return;
      }
      begin_cycle(*wish, event.time);
      wish->repairs = 0;
      settle(*wish);
      return;
    }
    case EventKind::checksum_mismatch:
    case EventKind::book_invalid:
    case EventKind::book_stale:
      if (Wish* wish = find(Channel::book, event.payload.book_fault.symbol)) on_fault(*wish, event);
      return;
    case EventKind::book_snapshot:
    case EventKind::book_update:
      if (!event.last_in_message()) return;
      if (Wish* wish = find(Channel::book, event.payload.book.symbol)) on_book(*wish, event);
      return;
    default:
      return;
  }
}

void AskingObserver::on_rejected(Wish& wish, const Event& event) {
  const TextId detail = event.payload.subscription.detail;
  if (wish.doubt_told && !wish.disturbed) {
    violate(Invariant::doubt, event.time, fmt::format("{} is rejected twice", wish.symbol));
  }
  wish.owes_subscribed = false;
  wish.live = false;
  wish.updates = 0;
  if (is_final_refusal(names_.text(detail))) {
    wish.refused = true;
    wish.in_doubt = wish.doubt_told = false;
    wish.due.reset();
    wish.earliest.reset();
    return;
  }
  if (wish.in_doubt && detail != wish.doubt_detail) {
    violate(Invariant::doubt, event.time,
            fmt::format("{} is in doubt for another reason than before", wish.symbol));
  }
  if (!wish.in_doubt) check_doubt(wish, names_.text(detail), event.time);
  wish.in_doubt = wish.doubt_told = true;
  wish.doubt_unknown = false;
  wish.doubt_detail = detail;
}

// It has a reason, and that was there long or often enough.
void AskingObserver::check_doubt(Wish& wish, std::string_view why, Instant now) {
  const bool by_rate = rate_spoken_of_ && why.starts_with("Exceeded msg rate");  // it never left
  if (!wish.asked && !wish.doubt_unknown && !by_rate) {
    violate(Invariant::doubt, now,
            fmt::format("{} is rejected, and was not asked for", wish.symbol));
  }
  if (why.starts_with("no snapshot of it verifies")) {
    // Of before the reconnect, and a refusal that came late has not ended it.
    if (wish.bad_snapshots == bad_snapshots_max || wish.doubt_unknown) return;
    return violate(
        Invariant::doubt, now,
        fmt::format("{} is rejected after {} bad snapshots", wish.symbol, wish.bad_snapshots));
  }
  if (by_rate && wish.due) wish.due = now + wait_max;  // it waits on, as after any silence
  if (wish.earliest && !by_rate) return;               // it was refused
  if (why.starts_with("Exceeded msg rate") && !rate_spoken_of_ && !wish.doubt_unknown) {
    violate(Invariant::doubt, now,
            fmt::format("{} is rejected for its rate, which nobody spoke of", wish.symbol));
  }
  // Silence. How often it is tried before its next answer, is not reckoned.
  const bool early = now + timer_slack < wish.tried_since + restore_timeout_ * tries_max;
  if (early && !wish.disturbed && !wish.doubt_unknown) {
    violate(Invariant::doubt, now,
            fmt::format("{} is rejected before it was tried three times", wish.symbol));
  }
  wish.repairs.reset();
  wish.disturbed = true;
}

void AskingObserver::on_unsubscribed(Wish& wish, Instant now) {
  // Where the rate kept it from leaving, its deadline may have run before.
  const Instant tried_at = rate_errors_ == 0 ? wish.given_back_at : wish.cycle_began;
  const bool repaired =
      wish.broken && !wish.disturbed && wish.given_back && now < tried_at + restore_timeout_;
  const bool changes =
      wish.disturbed && wish.told && !wish.broken && (wish.live || wish.channel != Channel::book);
  if (wish.live && now - wish.verified_at >= stable_after_) wish.repairs = 0;
  wish.asked = wish.given_back = wish.told = wish.live = wish.broken = wish.answered = false;
  wish.owes_first = false;
  if (!wish.wanted) {
    wish.lost = false;
    wish.repairs = 0;
    wish.bad_snapshots = 0;
    wish.in_doubt = wish.doubt_told = false;
    wish.due.reset();
    wish.earliest.reset();
    wish.released = true;
    return;
  }
  if (!connected_) return;
  if (repaired) {
    const auto delay = next_delay(wish);
    wish.due = now + delay.value_or(wait_max);
    if (delay) wish.earliest = wish.due;
    return;
  }
  if (!changes) wish.repairs.reset();  // whether it has to wait, and how often it had to
  wish.due = now + (changes ? Duration{} : wait_max);
}

void AskingObserver::on_fault(Wish& wish, const Event& event) {
  if (!wish.asked) {
    violate(Invariant::repair_order, event.time,
            fmt::format("{} is declared bad, and was not asked for", wish.symbol));
  }
  const bool lost = event.kind == EventKind::book_stale;
  const bool was_good = wish.live && wish.told;
  if (wish.live) {
    // It broke between the last message and now.
    const bool certainly = wish.heard_at - wish.verified_at >= stable_after_;
    const bool possibly = event.time - wish.verified_at >= stable_after_;
    if (certainly) {
      wish.repairs = 0;
    } else if (possibly) {
      wish.repairs.reset();
    }
  }
  if (!was_good && !lost) {
    wish.bad_snapshots = std::min(wish.bad_snapshots + 1, bad_snapshots_max);
  }
  wish.live = false;
  wish.broken = true;
  const bool on_its_way_back = wish.given_back || wish.disturbed;
  wish.cycle_began = event.time;
  if (!on_its_way_back) wish.tried_since = event.time;
  wish.owes_subscribed = false;
  wish.updates = 0;
  if (!wish.wanted || on_its_way_back) return;
  if (lost) return wait_for_room(wish, event.time);
  wish.due = event.time;
}

// It is asked for when the ring has room, for its snapshot too. Of several, one after the other.
void AskingObserver::wait_for_room(Wish& wish, Instant now) {
  wish.due = now + Duration::seconds(1);
  wish.lost = true;
  if (std::ranges::count(wishes_, true, &Wish::lost) == 1) return;
  for (Wish& each : wishes_) {
    if (each.lost && each.broken) each.due.reset();
  }
}

void AskingObserver::on_book(Wish& wish, const Event& event) {
  wish.heard_at = event.time;
  if (wish.updates != 0 && event.kind == EventKind::book_update) --wish.updates;
  if (wish.live) return;
  wish.live = true;
  wish.lost = false;
  wish.verified_at = event.time;
  begin_cycle(wish, event.time);
  if (wish.told) settle(wish);  // before its answer, what was said of it stays so
}

void AskingObserver::settle(Wish& wish) {
  wish.bad_snapshots = 0;
  wish.in_doubt = wish.doubt_told = wish.doubt_unknown = false;
}

}  // namespace havklo::replay
