// Reservation, loss and the Overrun record.
#include "core/publisher.hpp"

namespace havklo::core {

bool Publisher::try_reserve(uint32_t events) {
  const uint32_t slots = events * slots_per_reserved_event;
  if (market_room() < slots) return false;
  reserved_slots_ += slots;
  return true;
}

void Publisher::release(uint32_t events) {
  const uint32_t slots = events * slots_per_reserved_event;
  HAVKLO_ASSERT(slots <= reserved_slots_);
  reserved_slots_ -= slots;
}

void Publisher::publish_reserved(Event event, Origin origin) {
  release(1);
  note_news();
  if (lost_count_ != 0) write_overrun();
  write_header(event, origin);
  next_slot() = event;
}

// Something was lost, or will be.
bool Publisher::report_or_count(uint32_t events, Origin origin) {
  if (!has_room_for_market(events)) {
    if (lost_count_ == 0) lost_first_ = sequence_ + 1;
    lost_count_ += events;
    lost_origin_ = origin;
    sequence_ += events;
    return false;
  }
  if (lost_count_ != 0) write_overrun();
  return true;
}

// The lost numbers are the ones just before the next event, so the report takes the number after
// them.
void Publisher::write_overrun() {
  Event event = Event::make(EventKind::overrun);
  event.payload.overrun.lost = lost_count_;
  event.payload.overrun.first = lost_first_;
  event.payload.overrun.last = lost_first_ + lost_count_ - 1;
  lost_count_ = 0;
  write_header(event, lost_origin_);
  next_slot() = event;
}

}  // namespace havklo::core
