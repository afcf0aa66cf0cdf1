// How late a session's feed is as an observer sees it: by the times on what it is told, and by what
// arrived beside it.
//
// An update beyond lag_warn means that its wish lags, one within half of it that it does not;
// between them it is as it was. What arrived and was not told (an update that changes nothing, one
// that was lost) was judged by the engine too: after it nobody here knows.
// Owns:    the model, a wish at a time.
// Threads: one.
// Cost:    a wish is looked up by its symbol.
#pragma once

#include <cstdint>
#include <deque>
#include <havklo/config.hpp>
#include <havklo/event.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "replay/observer/sometimes.hpp"
#include "replay/observer/verdict.hpp"
#include "replay/observer/wire_view.hpp"

namespace havklo::replay {

class LagObserver {
 public:
  // `utc_offset`: what makes the engine's time UTC; nobody sets a clock in a world.
  LagObserver(const Settings& settings, uint16_t session, const Names& names, Duration utc_offset,
              Verdict& verdict);

  // Before anybody takes out what has arrived.
  void on_delivered(const WireView& wire);
  void on_event(const Event& event);
  // `has_room`: a FeedLag would have found room.
  void end_turn(Instant now, bool has_room);

  [[nodiscard]] const Reached& reached() const { return reached_; }

 private:
  struct Feed {
    Channel channel = Channel::book;
    std::string symbol;
    std::optional<SymbolId> id;
    std::optional<bool> lags = false;  // none: nobody knows
    bool told = false;
    uint32_t arrived = 0;  // updates of this turn
    uint32_t seen = 0;     // … that were told
  };

  Feed& feed_of(Channel channel, std::string_view symbol);
  Feed* find(Channel channel, SymbolId id);
  void on_update(Feed& feed, int64_t venue_time_ns, Instant now);
  void on_lag(const Event& event);
  void violate(Instant at, std::string what) {
    verdict_.violate(Invariant::feed_lag, session_, at, std::move(what));
  }

  uint16_t session_;
  const Names& names_;
  int64_t utc_offset_ns_;
  std::optional<Duration> warn_;
  Verdict& verdict_;
  std::deque<Feed> feeds_;
  Reached reached_;
};

}  // namespace havklo::replay
