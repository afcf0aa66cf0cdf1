// The names of the invariants.
#include "replay/observer/verdict.hpp"

#include <fmt/format.h>

#include <array>

namespace havklo::replay {

std::string_view to_string(Invariant invariant) {
  static constexpr std::array<std::string_view, invariant_count> names = {"sequence",
                                                                          "event_time",
                                                                          "epoch",
                                                                          "dead_epoch",
                                                                          "legal_event",
                                                                          "silent_loss",
                                                                          "after_closed",
                                                                          "loss_reason",
                                                                          "uptime",
                                                                          "attempt_count",
                                                                          "max_attempts",
                                                                          "connect_budget",
                                                                          "backoff",
                                                                          "wait_kept",
                                                                          "breaker_transition",
                                                                          "one_probe",
                                                                          "deadline",
                                                                          "watchdog",
                                                                          "false_alarm",
                                                                          "restored_true",
                                                                          "restored_promptly",
                                                                          "subscription_order",
                                                                          "repair_order",
                                                                          "repair_wait",
                                                                          "doubt",
                                                                          "verified_book",
                                                                          "fresh_book",
                                                                          "request_pace",
                                                                          "transport_contract",
                                                                          "command_obeyed",
                                                                          "turn_ends",
                                                                          "ring_intact",
                                                                          "no_allocation",
                                                                          "recovery",
                                                                          "stays_recovered",
                                                                          "no_leak",
                                                                          "recording",
                                                                          "same_again",
                                                                          "trades_once",
                                                                          "feed_lag",
                                                                          "gapless",
                                                                          "one_state",
                                                                          "first_wins",
                                                                          "never_the_last",
                                                                          "leg_budget",
                                                                          "leg_order",
                                                                          "leg_lag"};
  static_assert(static_cast<size_t>(Invariant::leg_lag) + 1 == names.size());
  return names[static_cast<size_t>(invariant)];
}

std::string describe(const Breach& breach) {
  return fmt::format("{} broken by session {} at +{:.6f} s: {}", to_string(breach.invariant),
                     breach.session, static_cast<double>(breach.at.ns) * 1e-9, breach.what);
}

}  // namespace havklo::replay
