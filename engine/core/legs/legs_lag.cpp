// Who is late: a leg behind the others, and all of them behind the venue.
#include <algorithm>
#include <bit>
#include <limits>

#include "core/legs/legs.hpp"

namespace havklo::core {

// Something was published that some copies do not have yet.
void Legs::watch_behind(LegWish& wish) {
  for (uint32_t late = wish.book->see_behind(now_); late != 0; late &= late - 1) {
    const auto leg = static_cast<uint32_t>(std::countr_zero(late));
    if (!lag_timers_[leg].armed()) arm(lag_timers_[leg], now_ + lag_max_);
  }
}

// Since when it has been behind its mark in the wish in which it is so for longest.
Instant Legs::behind_since(uint32_t leg) {
  Instant since = Instant::never();
  for (LegWish* wish : wishes_) {
    if (wish->ending || wish->ended) continue;
    if (wish->book) since = std::min(since, wish->book->behind(leg).since());
    if (wish->trades) since = std::min(since, wish->trades->behind(leg).since());
  }
  return since;
}

// Never the only Live one, and never one that is not Live yet: it has deadlines of its own. Who has
// just become so, or is no longer alone, has the whole time to catch up.
void Legs::on_lag_timer(uint32_t leg) {
  const Instant behind = behind_since(leg);
  if (behind == Instant::never() || closing_) return;
  if (!has(company_.live, leg) || !company_.others_live(leg))
    return;  // looked at when that changes
  const Instant since = std::max({behind, live_since_[leg], several_live_since_});
  if (since + lag_max_ > now_) return arm(lag_timers_[leg], since + lag_max_);
  touch(leg).tell(InputKind::lost, {.reason = Reason::lagging}, now_);
}

// A leg has become Live.
void Legs::watch_lags(uint32_t live) {
  live_since_[live] = now_;
  if (std::popcount(company_.live) == 2) several_live_since_ = now_;
  for (uint32_t leg = 0; leg < legs_.size(); ++leg) {
    const bool watched = lag_timers_[leg].armed() || behind_since(leg) == Instant::never();
    if (!watched) arm(lag_timers_[leg], now_ + lag_max_);
  }
}

// What it had said and brought counts no longer.
void Legs::forget_leg(uint32_t leg, LegWish& wish) {
  wish.answers[leg] = LegWish::Answer::none;
  wish.copies_lost_told &= static_cast<uint8_t>(~(1U << leg));
  if (wish.trades) wish.trades->forget(leg);
  if (wish.row) wish.row->forget(leg);
}

// Of what is published: the first copy of everything.
void Legs::note_lag(LegWish& wish, int64_t venue_time_ns) {
  if (venue_time_ns == 0) return;
  const auto lag_ns = static_cast<int64_t>(static_cast<uint64_t>(now_.ns) +
                                           static_cast<uint64_t>(shared_.utc_offset.ns) -
                                           static_cast<uint64_t>(venue_time_ns));
  counts_.lag_ns.set(lag_ns);
  if (lag_warn_ns_ == std::numeric_limits<int64_t>::max()) return;
  const bool lags = wish.lag.is_lag(lag_ns, lag_warn_ns_);
  if (lags != wish.lag.lags) wish.lag.lag_ns = lag_ns;
  wish.lag.lags = lags;
  if (wish.lag.has_news() && !tell_lag(wish)) lags_wait_ = true;
}

bool Legs::tell_lag(LegWish& wish) {
  if (!shared_.publisher.has_room_for_market(1)) return false;
  const auto leg = static_cast<uint32_t>(std::countr_zero(greeted_));
  static_cast<void>(shared_.publisher.begin_market(1, origin(leg)));
  wish.lag.write(shared_.publisher.next_market(EventKind::feed_lag, 0, origin(leg)), wish.channel,
                 wish.symbol);
  return true;
}

bool Legs::tell_lags() {
  for (LegWish* wish : wishes_) {
    if (wish->lag.has_news() && !tell_lag(*wish)) return false;
  }
  return true;
}

}  // namespace havklo::core
