// The waits' table, written a second time: it judges engine/core.
#include "replay/observer/waits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

namespace havklo::replay {
namespace {

constexpr Duration retry_after_max = Duration::seconds(600);

}  // namespace

WaitObserver::WaitObserver(const Settings& settings, uint16_t session, Verdict& verdict)
    : settings_(settings),
      session_(session),
      verdict_(verdict),
      previous_delay_(settings.reconnect.initial_delay) {}

void WaitObserver::on_loss(Reason reason, bool retryable, uint16_t http_status,
                           const WireView& wire, bool was_live, Instant at) {
  retryable_ = retryable;
  was_live_ = was_live;
  http_status_ = http_status;
  // Behind a refused upgrade there is no WebSocket, whatever the bytes look like.
  const bool upgraded = http_status == 0;
  const bool closed = upgraded && (wire.close_code == 1012 || wire.close_code == 1013);
  // A close frame is the last that is read; where something else ended the connection, it lay
  // behind that.
  const bool by_close = reason == Reason::server_closed || reason == Reason::maintenance;
  if (http_status == 503 || (closed && by_close) ||
      (upgraded && wire.surely_says_maintenance(at))) {
    maintenance_floor_ = floor_is_certain_ = true;
  } else if (closed || (upgraded && wire.may_say_maintenance(at))) {
    maintenance_floor_ = true;
  }
}

WaitObserver::Range WaitObserver::backoff_range(uint32_t attempt) const {
  const ReconnectSettings& reconnect = settings_.reconnect;
  if (is_first_delay(attempt)) return {*reconnect.first_delay, *reconnect.first_delay};
  const auto cap = static_cast<double>(reconnect.max_delay.ns);
  auto exact = static_cast<double>(reconnect.initial_delay.ns);
  for (uint32_t n = 1; n < attempt && exact < cap; ++n) exact *= reconnect.multiplier;
  const Duration delay{std::llround(std::min(exact, cap))};
  switch (reconnect.jitter) {
    case Jitter::none:
      break;
    case Jitter::full:
      return {.lowest = {}, .highest = delay};
    case Jitter::decorrelated: {
      const Duration lowest = std::min(reconnect.initial_delay, reconnect.max_delay);
      return {.lowest = lowest,
              .highest = std::min(reconnect.max_delay, std::max(lowest, previous_delay_ * 3))};
    }
  }
  return {.lowest = delay, .highest = delay};
}

void WaitObserver::check(const Event::Reconnecting& wait, uint32_t attempt, bool breaker_open,
                         const WireView& wire, Instant at) {
  const ReconnectSettings& reconnect = settings_.reconnect;
  const Duration reset_timeout = settings_.circuit_breaker.reset_timeout;
  Range range;
  if (breaker_open) {
    range = {.lowest = reset_timeout, .highest = reset_timeout};
  } else if (!retryable_) {
    range = {.lowest = reconnect.max_delay, .highest = reconnect.max_delay};
  } else {
    range = backoff_range(attempt);
  }
  const Duration delay{wait.delay_ns};
  const bool drawn = !breaker_open && retryable_ && wait.waits_for == WaitsFor::backoff;
  const auto wrong = [&](std::string_view what) {
    verdict_.violate(
        Invariant::backoff, session_, at,
        fmt::format("a wait of {} ns for {}: {}", delay.ns, to_string(wait.waits_for), what));
  };
  if (delay < range.lowest) wrong("shorter than the backoff");
  if (drawn && delay > range.highest) wrong("longer than the backoff");
  if (drawn && delay > reconnect.max_delay) wrong("longer than max_delay");
  Duration asked = floor_is_certain_ ? reconnect.maintenance_delay : Duration{};
  if (delay < asked) wrong("shorter than maintenance_delay");
  const Duration limited =
      http_status_ == 429 && !wire.retry_after ? reconnect.rate_limited_delay : Duration{};
  if (delay < limited) wrong("shorter than rate_limited_delay");
  const bool refused = http_status_ != 0 && http_status_ == wire.http_status;
  const Duration retry_after =
      refused && wire.retry_after ? std::min(*wire.retry_after, retry_after_max) : Duration{};
  if (delay < retry_after) wrong("shorter than Retry-After");
  asked = std::max({asked, limited, retry_after});
  asked_until_ = at + asked;
  const Duration floor = maintenance_floor_ ? reconnect.maintenance_delay : Duration{};
  asked_until_at_most_ = at + std::max(asked, floor);
  const auto is = [&](WaitsFor cause, Duration exact, std::string_view what) {
    if (wait.waits_for == cause && delay != exact) wrong(what);
  };
  is(WaitsFor::breaker, reset_timeout, "not reset_timeout");
  is(WaitsFor::maintenance, reconnect.maintenance_delay, "not maintenance_delay");
  is(WaitsFor::rate_limited, limited, "not rate_limited_delay");
  is(WaitsFor::retry_after, retry_after, "not Retry-After");
  if (wait.waits_for == WaitsFor::breaker && !breaker_open) wrong("the breaker is not open");
  if (wait.waits_for == WaitsFor::maintenance && !maintenance_floor_) wrong("nobody said so");
  // What was drawn is hidden behind a longer wait; the next range reckons with the worst.
  if (!breaker_open && retryable_ && !is_first_delay(attempt)) {
    previous_delay_ = wait.waits_for == WaitsFor::backoff ? delay : range.highest;
  }
}

}  // namespace havklo::replay
