// Numbers the events of an engine and decides which fit.
//
// Writes each event once, into the window that the events door gave for this turn. Lifecycle events
// are never lost: whoever will publish some reserves their slots first, two for each, because an
// Overrun record may have to go before it. Market events take what is left; what does not fit is
// counted, and an Overrun record in-band says which sequence numbers are missing.
// Threads:    loop thread.
// Cost:       O(1) for an event; nothing is allocated.
// Invariants: reserved slots never exceed the free ones; a lost range is reported before the next
//             event.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <havklo/assert.hpp>
#include <havklo/clock.hpp>
#include <havklo/event.hpp>

namespace havklo::core {

// The header fields that an event takes from its session. Without a hole, so that it travels in a
// register: compilers put one with a hole together in memory, and wait for it.
struct Origin {
  uint32_t session_and_leg = 0;  // the session in the low byte, the leg above it
  uint32_t epoch = 0;
};
[[nodiscard]] constexpr Origin origin_of(uint32_t session, uint32_t leg, uint32_t epoch) {
  return {session | leg << 8U, epoch};
}

class Publisher {
 public:
  void begin_turn(Instant now, EventWindow window) {
    now_ = now;
    window_ = window;
    written_ = 0;
    has_news_ = false;
  }
  [[nodiscard]] uint32_t written() const { return written_; }
  [[nodiscard]] const EventWindow& window() const { return window_; }

  // Sets slots aside for `events` lifecycle events; false, and nothing is set aside, when there is
  // no room.
  [[nodiscard]] bool try_reserve(uint32_t events);
  // Gives back what was reserved and not used.
  void release(uint32_t events);

  // Slots set aside.
  [[nodiscard]] uint32_t reserved() const { return reserved_slots_; }

  // Publishes an event for which a slot was reserved, and uses that reservation up.
  void publish_reserved(Event event, Origin origin);

  // Slots that market events may take now.
  [[nodiscard]] uint32_t market_room() const;
  // … for so many, and for the Overrun that has to go before them.
  [[nodiscard]] bool has_room_for_market(uint32_t events) const {
    return market_room() >= events + (lost_count_ != 0 ? 1 : 0);
  }
  // Makes room for a message of `events` market events. False: they are counted as lost and must
  // not be written; the Overrun that reports them carries the origin of the last.
  [[nodiscard]] bool begin_market(uint32_t events, Origin origin);
  // The next of the events that begin_market allowed: header filled in, payload zeroed.
  [[nodiscard]] Event& next_market(EventKind kind, uint8_t flags, Origin origin);

  // All of them, of one kind: fill(event, i) gives each its flags and its payload, whole. What is
  // the same for all is read once.
  template <class Fill>
  void write_market(uint32_t events, EventKind kind, Origin origin, Fill&& fill);

  // Reports a lost range as soon as there is room for the report.
  void report_lost_if_room() {
    if (lost_count_ != 0 && market_room() > 0) write_overrun();
  }
  // In this turn a lifecycle event has left, or something was settled without one.
  [[nodiscard]] bool has_news() const { return has_news_; }
  void note_news() { has_news_ = true; }
  [[nodiscard]] bool has_unreported_loss() const { return lost_count_ != 0; }

 private:
  static constexpr uint32_t slots_per_reserved_event = 2;

  [[nodiscard]] bool report_or_count(uint32_t events, Origin origin);
  Event& next_slot();
  // Session and leg in one store.
  static void name_origin(Event& event, Origin origin) {
    static_assert(offsetof(Event, leg) == offsetof(Event, session) + 1);
    const auto both = static_cast<uint16_t>(origin.session_and_leg);
    std::memcpy(reinterpret_cast<std::byte*>(&event) + offsetof(Event, session), &both,
                sizeof both);
  }
  void write_header(Event& event, Origin origin);
  void write_overrun();

  EventWindow window_;
  Instant now_;
  uint64_t sequence_ = 0;  // of the last event, published or lost
  uint64_t lost_first_ = 0;
  uint64_t lost_count_ = 0;
  Origin lost_origin_;
  uint32_t written_ = 0;
  uint32_t reserved_slots_ = 0;
  bool has_news_ = false;
};

inline Event& Publisher::next_slot() {
  HAVKLO_ASSERT(written_ < window_.size);
  return window_.slots[written_++];
}

inline void Publisher::write_header(Event& event, Origin origin) {
  event.sequence = ++sequence_;
  event.time = now_;
  event.epoch = origin.epoch;
  name_origin(event, origin);
}

inline uint32_t Publisher::market_room() const {
  const uint32_t taken = written_ + reserved_slots_;
  return window_.room > taken ? window_.room - taken : 0;
}

inline bool Publisher::begin_market(uint32_t events, Origin origin) {
  if (lost_count_ == 0 && market_room() >= events) [[likely]]
    return true;
  return report_or_count(events, origin);
}

inline Event& Publisher::next_market(EventKind kind, uint8_t flags, Origin origin) {
  Event& event = next_slot();
  event.payload.words = {};
  event.kind = kind;
  event.flags = flags;
  write_header(event, origin);
  return event;
}

template <class Fill>
void Publisher::write_market(uint32_t events, EventKind kind, Origin origin, Fill&& fill) {
  HAVKLO_ASSERT(written_ + events <= window_.size);
  Event* const slots = window_.slots + written_;
  const Instant now = now_;
  const uint64_t before = sequence_;
  written_ += events;
  sequence_ += events;
  for (uint32_t i = 0; i < events; ++i) {
    Event& event = slots[i];
    event.sequence = before + i + 1;
    event.time = now;
    event.epoch = origin.epoch;
    name_origin(event, origin);
    event.kind = kind;
    fill(event, i);
  }
}

}  // namespace havklo::core
