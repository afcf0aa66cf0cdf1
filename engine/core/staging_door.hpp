// The events door of inline mode: a turn's events lie here until the caller has seen them.
//
// Owns:    the slots.
// Threads: one.
// Cost:    as the ring's, without the other side.
#pragma once

#include <bit>
#include <cstdint>
#include <havklo/assert.hpp>
#include <havklo/event.hpp>
#include <memory>

namespace havklo::core {

class StagingDoor final : public EventDoor {
 public:
  // A power of two.
  explicit StagingDoor(uint32_t slots) : slots_(std::make_unique<Event[]>(slots)), count_(slots) {
    HAVKLO_ASSERT(std::has_single_bit(slots));
  }

  void window(EventWindow& out) override {
    published_ = 0;
    out.slots = slots_.get();
    out.mask = count_ - 1;
    out.first = 0;
    out.room = count_;
  }
  void publish(uint32_t count) override { published_ = count; }

  // Of the last turn; `room` is their number.
  [[nodiscard]] EventWindow published() const {
    return {.slots = slots_.get(), .mask = count_ - 1, .first = 0, .room = published_};
  }

 private:
  std::unique_ptr<Event[]> slots_;
  uint32_t count_;
  uint32_t published_ = 0;
};

}  // namespace havklo::core
