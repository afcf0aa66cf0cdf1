// How late the venue's word comes, and who is told (FeedSettings::lag_warn).
#include "core/session.hpp"

namespace havklo::core {
namespace {

// The wall clock may be set while a connection lasts for weeks.
constexpr Duration utc_read_interval = Duration::seconds(60);

}  // namespace

void Session::judge_lag(Subscription& record, int64_t lag_ns) {
  const bool lags = record.lag.is_lag(lag_ns, lag_warn_ns_);
  if (lags != record.lag.lags) record.lag.lag_ns = lag_ns;
  subscriptions_.set_lags(record, lags);
  lag_judged_ns_ = subscriptions_.any_lags() ? std::numeric_limits<int64_t>::min() : lag_warn_ns_;
  if (!record.lag.has_news()) return;
  has_untold_ = !tell_lags() || has_untold_;
}

// As soon as there is room.
bool Session::tell_lags() {
  Publisher& publisher = shared_.publisher;
  for (Subscription* record = subscriptions_.find_lag_news(); record != nullptr;
       record = subscriptions_.find_lag_news()) {
    if (!publisher.has_room_for_market(1)) return false;
    static_cast<void>(publisher.begin_market(1, origin()));
    Event& event = publisher.next_market(EventKind::feed_lag, 0, origin());
    record->lag.write(event, record->channel, record->symbol);
  }
  return true;
}

// Only who compares with it needs it between attempts.
void Session::watch_utc() {
  if (lag_warn_ns_ != no_lag_warn_ns) arm(utc_timer_, now_ + utc_read_interval);
}

void Session::read_utc() {
  if (shared_.utc_read_at == now_) return;  // once a turn: the journal has room for one
  shared_.utc_offset = shared_.clock.utc_offset();
  shared_.utc_read_at = now_;
  shared_.utc_read = true;
}

}  // namespace havklo::core
