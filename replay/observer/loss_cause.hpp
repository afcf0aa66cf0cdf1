// Whether the reason that a loss is given has its cause, on the wire or on the clock.
//
// A function of what was seen; owns nothing.
#pragma once

#include <havklo/config.hpp>
#include <havklo/event.hpp>
#include <optional>

#include "replay/observer/verdict.hpp"
#include "replay/observer/wire_view.hpp"

namespace havklo::replay {

// What the wire does not show of a connection that was lost, or of an attempt that failed.
struct LossCircumstances {
  Instant connected_at;
  bool probing = false;    // of a half-open breaker
  bool asked_for = false;  // the user closes, or has just asked for another connection
  bool idle = false;       // nothing was wanted, and nothing subscribed
};

// The invariant that a loss of this reason at `at` breaks; nothing where it has its cause.
[[nodiscard]] std::optional<Invariant> unfounded(Reason reason, const Settings& settings,
                                                 const WireView& wire,
                                                 const LossCircumstances& seen, Instant at);

// The venue was not told that we go: 1001 for its silence, a code of its own for what it may not
// send.
[[nodiscard]] bool is_untold(Reason reason, const WireView& wire);

}  // namespace havklo::replay
