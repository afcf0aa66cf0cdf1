// The event slots that one session holds so that none of its lifecycle events is ever lost.
//
// Needed are `attempt_events_max` for the connection itself and `cycle_events_max` for each
// subscription. An attempt begins only with all of them; a cycle (subscribe, repair, unsubscribe)
// only while enough for it, for the cycles that are running and for the end of the connection are
// held. What was used is taken back when the ring has room again.
// Threads:   loop thread.
// Cost:      O(1) but for top_up after use.
// Invariant: held <= needed; a publication always finds a held slot.
#pragma once

#include <algorithm>
#include <cstdint>
#include <havklo/assert.hpp>

#include "core/lifecycle.hpp"
#include "core/publisher.hpp"

namespace havklo::core {

// Events of one cycle of one subscription: the fault, three tries of Subscribed and Unsubscribed,
// Rejected.
inline constexpr uint32_t cycle_events_max = 1 + 3 * 2 + 1;

class LifecycleSlots {
 public:
  explicit LifecycleSlots(Publisher& publisher) : publisher_(publisher) {}

  void set_subscriptions(uint32_t count) {
    needed_ = attempt_events_max + count * cycle_events_max;
    if (held_ > needed_) {
      publisher_.release(held_ - needed_);
      held_ = needed_;
    }
  }

  // Takes back what is missing, as far as there is room. True: everything needed is held.
  bool top_up() {
    while (held_ < needed_) {
      const uint32_t step = std::min(needed_ - held_, cycle_events_max);
      if (!publisher_.try_reserve(step)) return false;
      held_ += step;
    }
    return true;
  }
  [[nodiscard]] bool complete() const { return held_ == needed_; }

  [[nodiscard]] bool enough_for_cycle(uint32_t cycles_running) const {
    return held_ >= after_connected_events_max + (cycles_running + 1) * cycle_events_max;
  }

  void publish(const Event& event, Origin origin) {
    HAVKLO_ASSERT(held_ > 0);
    --held_;
    publisher_.publish_reserved(event, origin);
  }

 private:
  Publisher& publisher_;
  uint32_t needed_ = attempt_events_max;
  uint32_t held_ = 0;
};

}  // namespace havklo::core
