// What goes into the model and what comes out of it, and the ways in which it can be broken.
//
// Nothing here or in machine.hpp is taken from engine/: the words are the public ones of
// include/havklo, the rules those of the design's tables (1.1 and 1.2).
#pragma once

#include <cstdint>
#include <havklo/clock.hpp>
#include <havklo/event.hpp>
#include <havklo/reason.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace havklo::model {

using namespace havklo::literals;

// One mistake at a time, so that each is known to be found (mistakes_test.cpp).
enum class Mistake : uint8_t {
  none,
  threshold_one_late,
  threshold_one_early,
  trips_counted_once,
  stable_life_is_a_failure,
  short_life_forgives_failures,
  probe_that_failed_probes_on,
  probe_forgives_nothing,
  open_is_no_wait,
  breaker_stays_open,
  half_open_early,
  probe_without_deadline,
  counter_reset_by_greeting,
  counter_reset_by_all_clear,
  counter_never_reset,
  one_attempt_too_few,
  one_attempt_too_many,
  budget_ignored,
  budget_window_too_short,
  budget_counts_what_began_only,
  place_kept_by_who_closed,
  maintenance_floor_dropped,
  maintenance_forgotten_by_greeting,
  maintenance_never_forgotten,
  maintenance_of_an_older_connection,
  retry_after_ignored,
  rate_limit_ignored,
  permanent_retried_at_once,
  backoff_one_step_late,
  reconnect_cuts_floors,
  reconnect_cuts_breaker,
  reconnect_is_a_failure,
  greeting_without_deadline,
  closing_without_deadline,
  closed_goes_on,
  reconnecting_said_late,
};
inline constexpr uint8_t mistake_count = static_cast<uint8_t>(Mistake::reconnecting_said_late) + 1;

enum class InputKind : uint8_t {
  nothing,   // time alone
  upgraded,  // TCP, TLS, HTTP 101
  greeted,   // the first `status`
  status,    // a later one
  all_clear,
  lost,  // an attempt or a connection; the rest of Input says how
  reconnect,
  close,
};

struct Input {
  InputKind kind = InputKind::nothing;
  uint8_t session = 0;
  bool maintenance = false;      // greeted, status
  Reason reason = Reason::none;  // lost
  uint16_t close_code = 0;       // … by a close frame of the venue
  uint16_t http_status = 0;      // … upgrade_refused
  std::optional<Duration> retry_after;
};

// What is seen from outside: an attempt at the network's door, all else by an event.
enum class What : uint8_t {
  attempt,
  connected,
  connect_failed,
  disconnected,
  reconnecting,
  reconnect_failed,
  closed,
  restored,
  breaker_open,
  breaker_half_open,
  breaker_closed,
};

struct Said {
  What what = What::attempt;
  uint8_t session = 0;
  uint32_t number = 0;  // attempt, epoch, or trips
  Duration time;        // delay, uptime, downtime or retry_after
  WaitsFor cause = WaitsFor::backoff;
  Reason reason = Reason::none;
  uint16_t code = 0;  // close code, HTTP status
  bool retryable = true;
  friend bool operator==(const Said&, const Said&) = default;
};

[[nodiscard]] inline std::string_view to_string(What what) {
  constexpr std::string_view names[] = {"attempt",
                                        "Connected",
                                        "ConnectFailed",
                                        "Disconnected",
                                        "Reconnecting",
                                        "ReconnectFailed",
                                        "Closed",
                                        "SubscriptionsRestored",
                                        "CircuitBreakerOpen",
                                        "CircuitBreakerHalfOpen",
                                        "CircuitBreakerClosed"};
  return names[static_cast<uint8_t>(what)];
}

[[nodiscard]] inline std::string text_of(const Said& said) {
  std::string text = "session " + std::to_string(said.session) + " ";
  text += to_string(said.what);
  text += " " + std::to_string(said.number) + ", " + std::to_string(said.time.ns) + " ns";
  if (said.what == What::reconnecting) text += " for " + std::string(to_string(said.cause));
  if (said.reason != Reason::none) text += " " + std::string(to_string(said.reason));
  if (said.code != 0) text += " " + std::to_string(said.code);
  if (!said.retryable) text += " not retryable";
  return text;
}

// The same of an event that the engine published; none of those that this model does not know.
[[nodiscard]] inline std::optional<Said> said_by(const Event& event) {
  Said said{.session = static_cast<uint8_t>(event.session)};
  const Event::Payload& payload = event.payload;
  switch (event.kind) {
    case EventKind::connected:
      said.what = What::connected;
      said.number = event.epoch;
      said.time = Duration{payload.connected.connect_time_ns};
      return said;
    case EventKind::connect_failed:
      said.what = What::connect_failed;
      said.number = payload.connect_failed.attempt;
      said.reason = payload.connect_failed.reason;
      said.code = payload.connect_failed.http_status;
      said.retryable = payload.connect_failed.retryable != 0;
      return said;
    case EventKind::disconnected:
      said.what = What::disconnected;
      said.number = event.epoch;
      said.time = Duration{payload.disconnected.uptime_ns};
      said.reason = payload.disconnected.reason;
      said.code = payload.disconnected.close_code;
      said.retryable = payload.disconnected.retryable != 0;
      return said;
    case EventKind::reconnecting:
      said.what = What::reconnecting;
      said.number = payload.reconnecting.attempt;
      said.time = Duration{payload.reconnecting.delay_ns};
      said.cause = payload.reconnecting.waits_for;
      return said;
    case EventKind::reconnect_failed:
    case EventKind::closed:
      said.what = event.kind == EventKind::closed ? What::closed : What::reconnect_failed;
      said.number = payload.ended.attempts;
      said.reason = payload.ended.reason;
      return said;
    case EventKind::subscriptions_restored:
      said.what = What::restored;
      said.number = event.epoch;
      said.time = Duration{payload.subscriptions_restored.downtime_ns};
      return said;
    case EventKind::circuit_breaker_open:
      said.what = What::breaker_open;
      said.number = payload.circuit_breaker.trips;
      said.time = Duration{payload.circuit_breaker.retry_after_ns};
      return said;
    case EventKind::circuit_breaker_half_open:
    case EventKind::circuit_breaker_closed:
      said.what = event.kind == EventKind::circuit_breaker_closed ? What::breaker_closed
                                                                  : What::breaker_half_open;
      said.number = payload.circuit_breaker.trips;
      return said;
    default:
      return std::nullopt;
  }
}

}  // namespace havklo::model
