// The events door of a replay: as much room as it is told, and the last turn's events.
//
// Owns:    the slots. A recording of a few bytes may say that there were 4 GiB of them, so pages
//          that no turn writes to are never there.
// Threads: one.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <havklo/event.hpp>
#include <memory>
#include <new>
#include <span>
#include <type_traits>

namespace havklo::replay {

class RecordedRoom final : public EventDoor {
 public:
  explicit RecordedRoom(uint32_t slots) : slots_(make(slots)), size_(slots) {}
  uint32_t room = 0;
  uint32_t published = 0;

  [[nodiscard]] EventWindow window() override {
    published = 0;
    return {.slots = slots_.get(), .size = size_, .room = room};
  }
  void publish(uint32_t count) override { published = count; }
  [[nodiscard]] std::span<const Event> events() const { return {slots_.get(), published}; }
  [[nodiscard]] uint32_t size() const { return size_; }

 private:
  struct Free {
    void operator()(Event* slots) const { std::free(slots); }
  };
  // Untouched pages of the kernel are zeros already; a constructor would write to each.
  static Event* make(uint32_t slots) {
    static_assert(std::is_trivially_copyable_v<Event> && std::is_aggregate_v<Event>);
    void* const memory = std::calloc(slots, sizeof(Event));
    if (memory == nullptr) throw std::bad_alloc();
    return static_cast<Event*>(memory);
  }

  std::unique_ptr<Event[], Free> slots_;
  uint32_t size_;
};

}  // namespace havklo::replay
