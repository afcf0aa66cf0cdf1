// What the ring must hold: a snapshot and an update of the deepest book, and what the connections
// and the subscriptions of all sessions can bring about (engine/core/lifecycle_slots.hpp).
#include <algorithm>
#include <bit>
#include <havklo/config.hpp>
#include <havklo/limits.hpp>

namespace havklo {
namespace {

// A snapshot and an update of the deepest book, and two slots for each lifecycle event that an
// attempt and the cycles of all subscriptions can publish (engine/core/lifecycle_slots.hpp).
constexpr uint64_t slots_for_level = 8;
constexpr uint64_t slots_for_attempt = 2 * 16 + 2;  // … and RecordingStopped
constexpr uint64_t slots_for_subscription = 2 * 8;
// … and of each leg, where there are several (the same file).
constexpr uint64_t slots_for_leg_subscription = 2 * 14;

}  // namespace

uint64_t ring_slots_of_connections(uint32_t legs) { return slots_for_attempt * legs; }

uint64_t ring_slots_of_subscription(uint32_t legs) {
  return legs == 1 ? slots_for_subscription : slots_for_leg_subscription * legs;
}

uint64_t ring_slots_of_book(uint32_t depth) { return slots_for_level * depth; }

uint32_t ring_slots_min(const Settings& settings) { return ring_slots_min({&settings, 1}); }

uint32_t ring_slots_min(std::span<const Settings> sessions) {
  uint64_t slots = 0;
  uint32_t depth = 0;
  for (const Settings& session : sessions) {
    const auto legs = static_cast<uint32_t>(session.legs.size());
    slots += ring_slots_of_connections(legs);
    for (const SubscriptionSettings& each : session.subscriptions) {
      slots += ring_slots_of_subscription(legs) * each.symbols.size();
      if (each.channel == Channel::book) depth = std::max(depth, each.depth);
    }
  }
  slots += ring_slots_of_book(depth);
  return static_cast<uint32_t>(std::bit_ceil(std::min<uint64_t>(slots, ring_slots_max)));
}

uint32_t subscriptions_max(uint32_t ring_slots, uint32_t depth, uint32_t sessions) {
  const uint64_t fixed = ring_slots_of_book(depth) + ring_slots_of_connections(1) * sessions;
  return ring_slots > fixed ? static_cast<uint32_t>((ring_slots - fixed) / slots_for_subscription)
                            : 0;
}

}  // namespace havklo
