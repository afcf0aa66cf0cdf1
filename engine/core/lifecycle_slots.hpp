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

// What one connection can bring about.
struct SlotNeeds {
  uint32_t attempt = attempt_events_max;
  uint32_t subscription = 0;  // of each, at any time
  uint32_t cycle = cycle_events_max;
};
// One of several speaks for its session, too. Attempt: LegConnected, LegRestored, LegLost, a second
// Connected and a second LegReconnecting more. A subscription, when the leg ends: BookStale,
// Rejected, and where that begins an epoch, Subscribed; at any time, BookStale of an overrun. A
// cycle: LegBookRestored, and Unsubscribed in front of Subscribed.
inline constexpr SlotNeeds slot_needs_of_leg = {.attempt = 14, .subscription = 4, .cycle = 10};

class LifecycleSlots {
 public:
  explicit LifecycleSlots(Publisher& publisher, const SlotNeeds& needs = {})
      : publisher_(publisher), needs_(needs) {}

  void set_subscriptions(uint32_t count) {
    subscriptions_ = count;
    needed_ = needs_.attempt + count * (needs_.subscription + needs_.cycle);
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
    return held_ >= needs_.attempt - 1 + subscriptions_ * needs_.subscription +
                        (cycles_running + 1) * needs_.cycle;
  }

  // One of those that a subscription may bring about outside of its cycles, and not at its end.
  [[nodiscard]] bool enough_for_one_more(uint32_t cycles_running) const {
    return held_ > needs_.attempt - 1 + subscriptions_ * (needs_.subscription - 1) +
                       cycles_running * needs_.cycle;
  }

  // More than what the connection itself still needs.
  [[nodiscard]] bool has_more_than_attempt() const { return held_ > needs_.attempt; }

  void publish(const Event& event, Origin origin) {
    HAVKLO_ASSERT(held_ > 0);
    --held_;
    publisher_.publish_reserved(event, origin);
  }

 private:
  Publisher& publisher_;
  SlotNeeds needs_;
  uint32_t subscriptions_ = 0;
  uint32_t needed_ = needs_.attempt;
  uint32_t held_ = 0;
};

}  // namespace havklo::core
