// The slots that a session holds: a cycle begins only while the end of the connection, and the
// cycles that run, fit behind it.
#include <gtest/gtest.h>

#include "core/lifecycle_slots.hpp"

namespace havklo::core {
namespace {

TEST(LifecycleSlots, ACycleBeginsWithAllThatItAndTheEndMayPublish) {
  std::array<Event, 256> ring;
  Publisher publisher;
  publisher.begin_turn(Instant{}, {.slots = ring.data(), .size = ring.size(), .room = ring.size()});
  LifecycleSlots slots(publisher);
  slots.set_subscriptions(3);
  ASSERT_TRUE(slots.top_up());
  uint32_t held = attempt_events_max + 3 * cycle_events_max;
  for (; held > after_connected_events_max; --held) {
    for (uint32_t running = 0; running < 3; ++running) {
      const uint32_t needed = after_connected_events_max + (running + 1) * cycle_events_max;
      EXPECT_EQ(slots.enough_for_cycle(running), held >= needed) << held << ", " << running;
    }
    slots.publish(Event::make(EventKind::subscribed), {});
  }
}

}  // namespace
}  // namespace havklo::core
