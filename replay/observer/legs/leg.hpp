// One leg of a session as an observer sees it: how far its connection is, what its wire says.
//
// Threads: one.
#pragma once

#include <cstdint>
#include <deque>
#include <havklo/clock.hpp>
#include <havklo/event.hpp>
#include <optional>

#include "replay/observer/legs/wire.hpp"
#include "replay/observer/wire_view.hpp"

namespace havklo::replay {

struct SeenLeg {
  enum class Seen : uint8_t { idle, attempting, greeted, lost, waiting };

  explicit SeenLeg(const MarketTruth& truth) : told(truth) { wire.keeps_books = true; }

  // What arrives is read: it is greeted, and neither side has said goodbye.
  [[nodiscard]] bool reads() const {
    return seen == Seen::greeted && wire.goodbye_code == 0 && wire.close_code == 0 &&
           !wire.malformed && wire.ended == Reason::none;
  }
  [[nodiscard]] bool greeted() const { return seen == Seen::greeted; }

  WireView wire;
  LegWire told;
  Seen seen = Seen::idle;
  bool live = false;  // all clear was said of it, and it is not lost
  bool wire_open = false;
  bool greeting_told = false;
  bool renewal_asked = false;  // by reconnect(), while it was Live
  bool cut_short = false;      // … while it waited
  WaitsFor waits_for = WaitsFor::backoff;
  Instant due;
  Instant connected_at;
  Instant live_at;
  Instant lost_at;
  size_t requests_seen = 0;
};

using SeenLegs = std::deque<SeenLeg>;

[[nodiscard]] inline uint32_t live_legs(const SeenLegs& legs) {
  uint32_t count = 0;
  for (const SeenLeg& each : legs) count += each.live ? 1 : 0;
  return count;
}
[[nodiscard]] inline uint32_t greeted_legs(const SeenLegs& legs) {
  uint32_t count = 0;
  for (const SeenLeg& each : legs) count += each.greeted() ? 1 : 0;
  return count;
}

}  // namespace havklo::replay
