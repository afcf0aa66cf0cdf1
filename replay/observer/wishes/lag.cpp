// From design §7.2 alone.
#include "replay/observer/wishes/lag.hpp"

#include <fmt/format.h>

namespace havklo::replay {

LagObserver::LagObserver(const Settings& settings, uint16_t session, const Names& names,
                         Duration utc_offset, Verdict& verdict)
    : session_(session),
      names_(names),
      utc_offset_ns_(utc_offset.ns),
      warn_(settings.feed.lag_warn),
      verdict_(verdict) {}

LagObserver::Feed& LagObserver::feed_of(Channel channel, std::string_view symbol) {
  for (Feed& feed : feeds_) {
    if (feed.channel == channel && feed.symbol == symbol) return feed;
  }
  return feeds_.emplace_back(Feed{.channel = channel, .symbol = std::string(symbol)});
}

LagObserver::Feed* LagObserver::find(Channel channel, SymbolId id) {
  for (Feed& feed : feeds_) {
    if (feed.channel != channel) continue;
    if (!feed.id && names_.symbol(id) == feed.symbol) feed.id = id;
    if (feed.id == id) return &feed;
  }
  return nullptr;
}

void LagObserver::on_delivered(const WireView& wire) {
  if (!warn_) return;
  for (const std::string& symbol : wire.book_updates) ++feed_of(Channel::book, symbol).arrived;
  for (const SeenTrade& trade : wire.trades) {
    if (!trade.of_snapshot) ++feed_of(Channel::trade, trade.symbol).arrived;
  }
}

void LagObserver::on_event(const Event& event) {
  switch (event.kind) {
    case EventKind::feed_lag:
      return on_lag(event);
    case EventKind::book_update:
      if (!event.last_in_message()) return;
      if (Feed* const feed = find(Channel::book, event.payload.book.symbol)) {
        on_update(*feed, event.payload.book.venue_time_ns, event.time);
      }
      return;
    case EventKind::trade:
      if ((event.flags & flag_late) != 0) return;
      if (Feed* const feed = find(Channel::trade, event.payload.trade.symbol)) {
        on_update(*feed, event.payload.trade.venue_time_ns, event.time);
      }
      return;
    case EventKind::unsubscribed:
      if (Feed* const feed =
              find(event.payload.subscription.channel, event.payload.subscription.symbol)) {
        feed->told = false;
        feed->lags = false;
      }
      return;
    case EventKind::disconnected:
      for (Feed& feed : feeds_) {
        feed.told = false;
        feed.lags = false;
      }
      return;
    default:
      return;
  }
}

void LagObserver::on_update(Feed& feed, int64_t venue_time_ns, Instant now) {
  ++feed.seen;
  if (!warn_) return;
  const int64_t lag_ns = now.ns + utc_offset_ns_ - venue_time_ns;
  if (lag_ns > warn_->ns) feed.lags = true;
  if (lag_ns <= warn_->ns / 2) feed.lags = false;
}

void LagObserver::on_lag(const Event& event) {
  const Event::FeedLag& lag = event.payload.feed_lag;
  if (!warn_) return violate(event.time, "FeedLag, and nobody asked to be warned");
  Feed* const feed = find(lag.channel, lag.symbol);
  if (feed == nullptr) return violate(event.time, "FeedLag of what has sent nothing");
  const bool begins = lag.begins != 0;
  const bool fits = begins ? lag.lag_ns > warn_->ns : lag.lag_ns <= warn_->ns / 2;
  if (feed->told == begins || !fits) {
    violate(event.time, fmt::format("FeedLag of {} {} at {} ns", feed->symbol,
                                    begins ? "begins" : "ends", lag.lag_ns));
  }
  feed->told = begins;
  reached_.set(static_cast<size_t>(begins ? Sometime::feed_lags : Sometime::feed_catches_up));
}

void LagObserver::end_turn(Instant now, bool has_room) {
  if (!warn_) return;
  for (Feed& feed : feeds_) {
    if (feed.arrived != feed.seen) feed.lags.reset();
    feed.arrived = feed.seen = 0;
    if (!has_room || !feed.lags || *feed.lags == feed.told) continue;
    violate(now, fmt::format("{} {} {}, and nobody is told", to_string(feed.channel), feed.symbol,
                             *feed.lags ? "lags" : "has caught up"));
  }
}

}  // namespace havklo::replay
