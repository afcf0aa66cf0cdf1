// The events door and the commands door as rings between the engine's thread and the user's.
//
// Not owned: the rings.
// Threads:   the engine's; the other end of each ring belongs to one other thread.
// Cost:      one load of the other side's index for each look.
#pragma once

#include <cstdint>
#include <havklo/command.hpp>
#include <havklo/event.hpp>
#include <havklo/spsc_ring.hpp>

namespace havklo::core {

class RingEventDoor final : public EventDoor {
 public:
  explicit RingEventDoor(SpscRing<Event>& ring) : ring_(ring) {}

  void window(EventWindow& out) override {
    out.slots = ring_.slots();
    out.mask = ring_.capacity() - 1;
    out.first = ring_.first_unpublished();
    out.room = static_cast<uint32_t>(ring_.free_slots(ring_.capacity()));
  }
  void publish(uint32_t count) override { ring_.publish(count); }

 private:
  SpscRing<Event>& ring_;
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

}  // namespace havklo::core
