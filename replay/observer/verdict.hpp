// What an observed run is found guilty of: the names of the invariants (INVARIANTS.md has the
// reason for each) and the first breach.
//
// Owns:    the violation.
// Threads: one.
#pragma once

#include <cstdint>
#include <havklo/clock.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace havklo::replay {

enum class Invariant : uint8_t {
  sequence,
  event_time,
  epoch,
  dead_epoch,
  legal_event,
  silent_loss,
  after_closed,
  loss_reason,
  uptime,
  attempt_count,
  max_attempts,
  connect_budget,
  backoff,
  wait_kept,
  breaker_transition,
  one_probe,
  deadline,
  watchdog,
  false_alarm,
  restored_true,
  restored_promptly,
  subscription_order,
  repair_order,
  repair_wait,
  doubt,
  verified_book,
  fresh_book,
  request_pace,
  transport_contract,
  command_obeyed,
  turn_ends,
  ring_intact,
  no_allocation,
  recovery,
  stays_recovered,
  no_leak,
  recording,
  same_again,
  trades_once,
  feed_lag,
  // Of sessions with several legs.
  gapless,
  one_state,
  first_wins,
  never_the_last,
  leg_budget,
  leg_order,
  leg_lag,
};
inline constexpr uint8_t invariant_count = 47;
[[nodiscard]] std::string_view to_string(Invariant invariant);

struct Breach {
  Invariant invariant = Invariant::sequence;
  std::string what;
  Instant at;
  uint32_t session = 0;
};

// "sequence broken by session 0 at +1.500000 s: what was seen"
[[nodiscard]] std::string describe(const Breach& breach);

class Verdict {
 public:
  // Only the first counts: what follows it is its consequence.
  void violate(Invariant invariant, uint32_t session, Instant at, std::string what) {
    if (!breach_) breach_ = {invariant, std::move(what), at, session};
  }
  [[nodiscard]] const std::optional<Breach>& breach() const { return breach_; }

 private:
  std::optional<Breach> breach_;
};

}  // namespace havklo::replay
