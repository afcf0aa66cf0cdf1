// Connections come and go: what of that is the session's.
#include <algorithm>
#include <bit>
#include <utility>

#include "core/legs/legs.hpp"

namespace havklo::core {

void Legs::on_lifecycle(uint32_t leg, const Event& event) {
  unsettled_ = true;
  switch (event.kind) {
    case EventKind::connected:
      return on_leg_connected(leg, event);
    case EventKind::subscriptions_restored:
      return on_leg_restored(leg, event);
    case EventKind::disconnected:
      return on_leg_lost(leg, event);
    case EventKind::connect_failed:
      last_loss_ = event.payload.connect_failed.reason;
      return publish(leg, event);
    case EventKind::reconnecting:
      return publish_as(leg, EventKind::leg_reconnecting, event);
    case EventKind::reconnect_failed:
      if (!std::exchange(gave_up_, true)) publish(leg, event);
      return;
    case EventKind::closed:
      return on_leg_closed(leg, event);
    default:  // the breaker's
      changed_ = true;
      return publish(leg, event);
  }
}

void Legs::on_leg_connected(uint32_t leg, const Event& event) {
  greeted_ |= 1U << leg;
  greetings_[leg] = event.payload.connected;
  if (!open_) begin_epoch(leg);
  publish_as(leg, EventKind::leg_connected, event);
}

void Legs::begin_epoch(uint32_t leg) {
  ++epoch_;
  open_ = true;
  connected_at_ = now_;
  counts_.connections.add_one();
  told_system_.reset();
  for (LegWish* wish : wishes_) {
    begin_wish(*wish);
    wish->ended = !wish->wanted && !wish->ending;  // some leg may still have to hear of it
    if (wish->wanted) wish->ending = false;        // nothing was told of it that could end
  }
  Event event = Event::make(EventKind::connected);
  event.payload.connected = greetings_[leg];
  publish(leg, event);
}

void Legs::on_leg_restored(uint32_t leg, const Event& event) {
  const bool first = !restored_;
  company_.live |= 1U << leg;
  watch_lags(leg);
  changed_ = true;
  publish_as(leg, EventKind::leg_restored, event);
  if (rotate_after_) arm(rotation_timers_[leg], rotation_of(leg));
  if (!first) return;
  restored_ = true;
  owes_all_clear_ = true;
  if (!waits_with_all_clear()) tell_all_clear(leg);
}

// What it counts has not been told: another leg has still to answer, or there was no room.
bool Legs::waits_with_all_clear() const {
  return books_wait_ || answers_wait_ || std::ranges::any_of(wishes_, [](const LegWish* wish) {
           const bool lacks_book =
               wish->told == LegWish::Told::subscribed && wish->book && !wish->book->is_whole();
           return wish->wanted && (wish->told == LegWish::Told::nothing || lacks_book);
         });
}

void Legs::tell_all_clear(uint32_t leg) {
  owes_all_clear_ = false;
  Event event = Event::make(EventKind::subscriptions_restored);
  auto& restored = event.payload.subscriptions_restored;
  restored.downtime_ns = down_since_ ? (now_ - *down_since_).ns : 0;
  down_since_.reset();
  for (LegWish* wish : wishes_) {
    // What is missing may still come with the snapshots.
    if (wish->trades) {
      for (TradeHoles::Hole& hole : wish->trades->holes().all()) hole.since = now_;
    }
    if (!wish->wanted) continue;
    if (wish->told == LegWish::Told::rejected) {
      ++restored.rejected;
    } else if (wish->told == LegWish::Told::subscribed && (!wish->book || wish->book->is_whole())) {
      ++restored.count;
    }
  }
  publish(leg, event);
}

// Each leg has places of its own in time, rotate_after apart, and as far from those of the others
// as can be; the first that lets it live for most of that.
Instant Legs::rotation_of(uint32_t leg) {
  if (!rotations_since_) rotations_since_ = now_;
  const int64_t every = rotate_after_->ns;
  const Instant first{rotations_since_->ns + every / static_cast<int64_t>(legs_.size()) * leg};
  const int64_t least = (now_ - first).ns + every / 4 * 3;
  return first + Duration{(least + every - 1) / every * every};
}

void Legs::on_leg_lost(uint32_t leg, const Event& event) {
  const uint32_t bit = 1U << leg;
  const bool was_live = has(company_.live, leg);
  greeted_ &= ~bit;
  company_.live &= ~bit;
  changed_ = true;
  to_renew_ &= ~bit;
  to_rotate_ &= ~bit;
  disarm(lag_timers_[leg]);
  disarm(rotation_timers_[leg]);
  last_loss_ = event.payload.disconnected.reason;
  for (LegWish* wish : wishes_) forget_leg(leg, *wish);
  publish_as(leg, EventKind::leg_lost, event);
  const bool last = greeted_ == 0 || (was_live && company_.live == 0 && !closing_);
  if (!last) return lose_what_it_alone_had(leg);
  end_epoch(leg, event);
  if (greeted_ != 0) hand_over(leg);
}

void Legs::end_epoch(uint32_t leg, const Event& lost) {
  // Of an all clear that nobody has heard the outage goes on.
  if (std::exchange(restored_, false) && !owes_all_clear_) down_since_ = now_;
  owes_all_clear_ = false;
  open_ = false;
  books_wait_ = answers_wait_ = holes_wait_ = lags_wait_ = false;
  counts_.losses.add_one();
  Event event = lost;
  event.payload.disconnected.uptime_ns = (now_ - connected_at_).ns;
  publish(leg, event);
}

// None was Live but the one that is lost, and another is greeted: the next epoch begins with what
// that one has. The slots are those of the lost one, which has all that it needs.
void Legs::hand_over(uint32_t lost) {
  const auto leg = static_cast<uint32_t>(std::countr_zero(greeted_));
  payer_ = lost;
  begin_epoch(leg);
  publish_status(leg);
  for (LegWish* wish : wishes_) {
    if (!wish->wanted) continue;
    owe_answer(*wish);
    pay_answer(lost, *wish);
    begin_book_again(*wish);
  }
  payer_ = nobody;
}

// Others are Live, or greeted: what they have not, the strategy has no longer.
void Legs::lose_what_it_alone_had(uint32_t leg) {
  if (closing_) return;
  for (LegWish* wish : wishes_) {
    if (wish->owes_fault && legs_[leg]->has_slot_beyond_attempt()) {
      tell_stale(leg, *wish, BookFault::leg_lost);
    }
    if (wish->told == LegWish::Told::rejected || wish->ending || !wish->wanted) continue;
    if (!all_refuse(*wish)) continue;
    owe_answer(*wish);
    pay_answer(leg, *wish);
  }
}

void Legs::on_leg_closed(uint32_t leg, const Event& event) {
  ended_ |= 1U << leg;
  if (static_cast<size_t>(std::popcount(ended_)) != legs_.size()) return;
  closed_ = true;
  publish(leg, event);
}

}  // namespace havklo::core
