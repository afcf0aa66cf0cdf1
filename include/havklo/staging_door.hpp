// The events door of inline mode: a turn's events lie here until the caller has seen them.
//
// Owns:    the slots.
// Threads: one.
// Cost:    as the ring's, without the other side.
#pragma once

#include <cstdint>
#include <havklo/event.hpp>
#include <span>
#include <vector>

namespace havklo {

class StagingDoor final : public EventDoor {
 public:
  explicit StagingDoor(uint32_t slots) : slots_(slots) {}

  [[nodiscard]] EventWindow window() override {
    published_ = 0;
    const auto room = static_cast<uint32_t>(slots_.size());
    return {.slots = slots_.data(), .size = room, .room = room};
  }
  void publish(uint32_t count) override { published_ = count; }

  // Of the last turn.
  [[nodiscard]] std::span<const Event> published() const {
    return std::span(slots_).first(published_);
  }

 private:
  std::vector<Event> slots_;
  uint32_t published_ = 0;
};

}  // namespace havklo
