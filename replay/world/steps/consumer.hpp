// The strategy's side of a simulated world's ring: takes events, and sleeps when the scenario says.
//
// Owns:       the digest of all that it took.
// Not owned:  the ring, the verdict: a hole that no Overrun reports is a breach.
// Threads:    one.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <havklo/event.hpp>
#include <havklo/event_ring.hpp>
#include <havklo/names.hpp>
#include <vector>

#include "replay/observer/verdict.hpp"
#include "replay/recording/event_digest.hpp"
#include "replay/world/scenario.hpp"

namespace havklo::replay {

class Consumer {
 public:
  Consumer(EventRing& ring, const std::vector<ConsumerPause>& pauses, Verdict& verdict)
      : ring_(ring), pauses_(pauses), verdict_(verdict) {}

  // False: it does not look, or there was nothing.
  bool take(Instant now, const Names& names,
            const std::function<void(const Event&, const Names&)>& on_event) {
    if (asleep_until(now) > now) return false;
    Event event;
    bool any = false;
    while (ring_.try_pop(event)) {
      any = true;
      const bool follows =
          event.sequence == sequence_ + 1 ||
          (event.kind == EventKind::overrun && event.payload.overrun.first == sequence_ + 1);
      if (!follows) {
        verdict_.violate(Invariant::ring_intact, event.session, now,
                         "the consumer finds a hole that no Overrun reports");
      }
      sequence_ = event.sequence;
      digest_.add(event);
      if (on_event) on_event(event, names);
    }
    return any;
  }
  void add(const ConsumerPause& pause) { pauses_.push_back(pause); }
  // When it looks again; `now` itself when it is awake.
  [[nodiscard]] Instant asleep_until(Instant now) const {
    Instant until = now;
    for (const ConsumerPause& pause : pauses_) {
      const Instant begin = Instant{} + pause.at;
      if (begin <= now && now < begin + pause.lasting)
        until = std::max(until, begin + pause.lasting);
    }
    return until;
  }
  [[nodiscard]] bool caught_up() { return ring_.peek().empty(); }
  [[nodiscard]] uint64_t digest() const { return digest_.value(); }

 private:
  EventRing& ring_;
  std::vector<ConsumerPause> pauses_;
  Verdict& verdict_;
  uint64_t sequence_ = 0;
  EventDigest digest_;
};

}  // namespace havklo::replay
