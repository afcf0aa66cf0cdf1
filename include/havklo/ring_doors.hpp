// The events door and the commands door as rings between the engine's thread and the user's.
//
// Not owned: the rings.
// Threads:   the engine's; the other end of each ring belongs to one other thread.
// Cost:      one load of what the other side writes for each look; a copy of each event.
#pragma once

#include <cstdint>
#include <havklo/command.hpp>
#include <havklo/event.hpp>
#include <havklo/event_ring.hpp>
#include <havklo/spsc_ring.hpp>
#include <span>
#include <vector>

namespace havklo {

// A turn's events are written in memory of the engine's own, which stays in its nearest cache, and
// copied when they are all there: the ring's lines were last the reader's.
class RingEventDoor final : public EventDoor {
 public:
  explicit RingEventDoor(EventRing& ring) : ring_(ring), turn_(ring.capacity()) {}

  [[nodiscard]] EventWindow window() override {
    const auto room = static_cast<uint32_t>(ring_.free_slots(ring_.capacity()));
    return {.slots = turn_.data(), .size = room, .room = room};
  }
  void publish(uint32_t count) override { ring_.push(std::span(turn_).first(count)); }

 private:
  EventRing& ring_;
  std::vector<Event> turn_;
};

class RingCommandDoor final : public CommandDoor {
 public:
  explicit RingCommandDoor(SpscRing<Command>& ring) : ring_(ring) {}

  [[nodiscard]] const Command* peek() override {
    const auto ready = ring_.peek();
    return ready.empty() ? nullptr : ready.data();
  }
  void pop() override { ring_.release(1); }

 private:
  SpscRing<Command>& ring_;
};

}  // namespace havklo
