// One session under an observer, however many legs it has: what the run tells it, and what whoever
// runs a world asks of it.
//
// Owns nothing; a door. SessionObserver (session.hpp) judges one connection, LegsObserver
// (legs/session.hpp) several that make one feed.
// Threads: one.
#pragma once

#include <cstdint>
#include <functional>
#include <havklo/command.hpp>
#include <havklo/event.hpp>
#include <havklo/transport.hpp>
#include <span>

#include "replay/observer/sometimes.hpp"
#include "replay/observer/wire_view.hpp"

namespace havklo::replay {

// Whether the venue has a subscription of the connection (channel, symbol, parameter); empty: the
// venue's end is gone.
using VenueHas = std::function<bool(Channel, uint32_t, uint32_t)>;

// Two for each event that may not be lost: of an attempt, of the recorder, of the cycle of a wish.
[[nodiscard]] inline size_t slots_held_by(size_t legs, size_t wishes) {
  constexpr size_t of_attempt = 2 * 16 + 2;
  const size_t of_wish = legs == 1 ? 2 * 8 : 2 * 14;
  return legs * (of_attempt + of_wish * wishes);
}

class ObservedSession {
 public:
  virtual ~ObservedSession() = default;

  virtual void begin_turn(bool ring_is_empty) = 0;
  virtual void on_command(const Command& command, Instant now) = 0;
  virtual void on_open(ConnectionId id, const OpenRequest& request, Instant now) = 0;
  virtual void on_send(ConnectionId id, std::span<const std::byte> bytes, Instant now) = 0;
  virtual void on_close(ConnectionId id, Instant now) = 0;
  // The network is told of a greeting.
  virtual void on_greeting_told(ConnectionId id, Instant now) = 0;
  virtual void on_delivered(const Completion& completion, Instant now) = 0;
  virtual void on_event(const Event& event, const VenueHas& venue_has) = 0;
  virtual void on_overrun(const Event& event) = 0;
  // Everything due at `now` is done. `has_room`: the ring was empty before this turn and the last.
  // `has_spare`: at its end there was room for two more market events. `has_budget`: one more
  // attempt could begin.
  virtual void end_turn(Instant now, bool has_room, bool has_spare, bool has_budget) = 0;

  // Live and settled, all of it.
  [[nodiscard]] virtual bool recovered() const = 0;
  // … and what was in doubt is so no longer.
  [[nodiscard]] virtual bool well() const = 0;
  [[nodiscard]] virtual bool closed() const = 0;
  // The leg's wait is over and its attempt not late; or it was so until others made it wait on.
  [[nodiscard]] virtual bool begins_about(Instant now, uint32_t leg) const = 0;
  [[nodiscard]] virtual ConnectionId connection(uint32_t leg) const = 0;
  // What was seen of its connection, or of the last one.
  [[nodiscard]] virtual const WireView& wire() const = 0;
  [[nodiscard]] virtual uint32_t epoch() const = 0;
  [[nodiscard]] virtual Reached reached() const = 0;
  // A book of another depth is to be made in doubt.
  [[nodiscard]] virtual bool any_changing_in_doubt() const = 0;
  // A check, once the world is well: its books are as new as what was due after `well_us` and by
  // `utc_us`.
  virtual void check_fresh(int64_t well_us, int64_t utc_us, Instant now) const = 0;
  // Slots of the ring that it may hold.
  [[nodiscard]] virtual size_t slots_held_most() const = 0;

  // Figures.
  [[nodiscard]] virtual uint32_t losses() const = 0;
  [[nodiscard]] virtual Reason last_reason() const = 0;
  // When the attempt began that led to the last loss.
  [[nodiscard]] virtual Instant lost_attempt_began() const = 0;
  [[nodiscard]] virtual uint32_t outages() const = 0;
  [[nodiscard]] virtual uint64_t repairs() const = 0;
  [[nodiscard]] virtual uint64_t books_verified() const = 0;
};

}  // namespace havklo::replay
