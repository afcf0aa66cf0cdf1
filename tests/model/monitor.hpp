// What must hold of every run, said once more as predicates on what goes in and comes out: it never
// looks inside the machine, and would judge the engine alike.
//
// Owns:   what it has seen of each session, and the instants at which attempts began.
// Checks: no more attempts in a window than the budget · no attempt while the breaker is open, one
//         while half-open · the breaker opens at the threshold, half-opens at reset_timeout, closes
//         by the probe's all clear, each once, trips counted · no wait shorter than a floor, each
//         wait kept · the attempt counter forgets only after a stable life · ReconnectFailed after
//         max_attempts exactly · everything ends by its deadline · after Closed, nothing.
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/words.hpp"

namespace havklo::model {

class Monitor {
 public:
  explicit Monitor(std::span<const Settings> sessions)
      : settings_(sessions), seen_(sessions.size()) {}

  // One turn: an input, then what was said. The first thing that is wrong, in words.
  [[nodiscard]] std::optional<std::string> turn(Instant now, const Input& input,
                                                std::span<const Said> said) {
    now_ = now;
    input_ = input;
    breach_.reset();
    before(seen_[input.session]);
    for (const Said& each : said) on_said(each, seen_[each.session]);
    for (size_t i = 0; i < seen_.size(); ++i) at_end(seen_[i], settings_[i]);
    return breach_;
  }
  // All that decides what it will say, relative to now.
  void write_key(std::vector<int8_t>& key) const;

 private:
  enum class State : uint8_t { idle, opening, greeting, connected, live, lost, waiting, closed };
  struct Seen {
    State state = State::idle;
    What breaker = What::breaker_closed;
    bool probing = false;
    bool probe_used = false;
    bool maintenance = false;  // by this connection's last status
    bool floor = false;
    bool cut = false;  // the user asked for less of a backoff
    bool only_backoff = false;
    bool retryable = true;     // what was lost
    std::optional<What> next;  // must be the next that is said
    uint32_t attempt = 0;
    uint32_t failures = 0;
    uint32_t trips = 0;
    uint32_t epoch = 0;
    Instant since;  // of the state
    Instant began;
    Instant opened_at;
    Instant connected_at;
    Instant due;         // announced
    Instant not_before;  // by every floor
    Duration backoff;    // of this attempt, and no more than it; 0: there is none
    std::optional<Instant> down_since;
    std::optional<Instant> close_asked;
    bool renew_asked = false;
  };

  void wrong(std::string what) {
    if (!breach_) breach_ = std::move(what);
  }
  void expect(bool holds, const char* what) {
    if (!holds) wrong(what);
  }
  static void go(Seen& seen, State state, Instant now) { seen.state = state, seen.since = now; }

  void before(Seen& seen);
  void on_said(const Said& said, Seen& seen);
  void on_attempt(const Said& said, Seen& seen);
  void on_loss(const Said& said, Seen& seen);
  void on_wait(const Said& said, Seen& seen);
  void on_breaker(const Said& said, Seen& seen);
  void on_restored(const Said& said, Seen& seen);
  void at_end(const Seen& seen, const Settings& by);

  std::span<const Settings> settings_;
  std::vector<Seen> seen_;
  std::vector<Instant> attempts_;  // begun within a window
  Instant now_;
  Input input_;
  std::optional<std::string> breach_;
};

inline void Monitor::before(Seen& seen) {
  const bool has_connection = seen.state == State::opening || seen.state == State::greeting ||
                              seen.state == State::connected || seen.state == State::live;
  switch (input_.kind) {
    case InputKind::upgraded:
      if (seen.state == State::opening) go(seen, State::greeting, now_);
      return;
    case InputKind::greeted:
    case InputKind::status:
      if (has_connection) seen.maintenance = input_.maintenance;
      return;
    case InputKind::reconnect:
      seen.cut = seen.cut || (seen.state == State::waiting && seen.only_backoff);
      seen.renew_asked = seen.state == State::live && !seen.close_asked;
      return;
    case InputKind::close:
      if (!seen.close_asked) seen.close_asked = now_;
      return;
    default:
      return;
  }
}

inline void Monitor::on_said(const Said& said, Seen& seen) {
  if (seen.state == State::closed) return wrong("something after Closed");
  if (seen.next && *seen.next != said.what) wrong("what has to follow does not");
  const bool expected = seen.next.has_value();
  seen.next.reset();
  switch (said.what) {
    case What::attempt:
      return on_attempt(said, seen);
    case What::connected:
      expect(seen.state == State::greeting, "Connected without an upgraded connection");
      expect(said.number == ++seen.epoch, "not the next epoch");
      expect(said.time == now_ - seen.began, "connect_time is not the attempt's");
      seen.connected_at = now_;
      return go(seen, State::connected, now_);
    case What::connect_failed:
    case What::disconnected:
      return on_loss(said, seen);
    case What::reconnecting:
      return on_wait(said, seen);
    case What::reconnect_failed: {
      const auto& most = settings_[said.session].reconnect.max_attempts;
      expect(seen.state == State::lost && most && seen.attempt == *most + 1,
             "ReconnectFailed before the attempts were spent");
      expect(most && said.number == *most, "ReconnectFailed with another number");
      seen.next = What::closed;
      return;
    }
    case What::closed: {
      const bool off = !settings_[said.session].reconnect.enabled && seen.state == State::lost;
      expect(expected || off || seen.close_asked.has_value(), "Closed, and nobody asked for it");
      return go(seen, State::closed, now_);
    }
    case What::restored:
      return on_restored(said, seen);
    default:
      if (said.what != What::breaker_half_open) expect(expected, "a breaker event uncalled for");
      return on_breaker(said, seen);
  }
}

inline void Monitor::on_attempt(const Said& said, Seen& seen) {
  expect(seen.state == State::waiting || (seen.state == State::idle && seen.attempt == 0),
         "an attempt without a wait");
  expect(said.number == seen.attempt, "an attempt of another number");
  expect(seen.breaker != What::breaker_open, "an attempt while the breaker is open");
  const bool probes = seen.breaker == What::breaker_half_open;
  expect(!probes || !seen.probe_used, "a second probe");
  expect(now_ >= seen.not_before, "an attempt before a floor was over");
  if (seen.state == State::waiting) expect(seen.cut || now_ == seen.due, "not when announced");
  const ReconnectSettings& by = settings_[0].reconnect;
  std::erase_if(attempts_, [&](Instant at) { return at <= now_ - by.connect_budget_window; });
  attempts_.push_back(now_);
  expect(attempts_.size() <= by.connect_budget, "more attempts in a window than the budget");
  seen.probing = seen.probe_used = probes;
  seen.cut = seen.only_backoff = seen.maintenance = false;
  seen.began = now_;
  go(seen, State::opening, now_);
}

inline void Monitor::on_loss(const Said& said, Seen& seen) {
  const Settings& by = settings_[said.session];
  const bool had_connected = seen.state == State::connected || seen.state == State::live;
  const bool opening = seen.state == State::opening || seen.state == State::greeting;
  if (said.what == What::disconnected) {
    expect(had_connected, "Disconnected without Connected");
    expect(said.time == now_ - seen.connected_at, "uptime is not the connection's");
  } else {
    expect(opening && said.number == seen.attempt, "ConnectFailed of no attempt");
  }
  // By the venue's words if it was they that ended it, else by a deadline or the user.
  const bool by_venue = input_.kind == InputKind::lost && input_.session == said.session;
  const Input loss = by_venue ? input_ : Input{};
  const bool was_live = seen.state == State::live;
  const bool stable = was_live && now_ - seen.since >= by.reconnect.stable_after;
  if (was_live) seen.down_since = now_;
  seen.floor = seen.floor || seen.maintenance || loss.close_code == 1012 ||
               loss.close_code == 1013 || loss.http_status == 503;
  Duration floor;
  if (seen.floor) floor = std::max(floor, by.reconnect.maintenance_delay);
  if (loss.http_status == 429 && !loss.retry_after) {
    floor = std::max(floor, by.reconnect.rate_limited_delay);
  }
  if (loss.retry_after) floor = std::max(floor, *loss.retry_after);
  seen.not_before = now_ + floor;
  const bool permanent = loss.reason == Reason::certificate_refused || loss.http_status == 404;
  expect(said.retryable == !permanent, "retryable is wrong");
  seen.attempt = stable ? 1 : seen.attempt + 1;
  if (stable) seen.failures = 0;
  seen.backoff = by.reconnect.initial_delay;
  for (uint32_t n = 1; n < seen.attempt && seen.backoff < by.reconnect.max_delay; ++n) {
    seen.backoff = std::min(seen.backoff * 2, by.reconnect.max_delay);
  }
  if (by.reconnect.first_delay && was_live && seen.attempt == 1) {
    seen.backoff = *by.reconnect.first_delay;
  }
  seen.retryable = said.retryable;
  if (!said.retryable) seen.backoff = by.reconnect.max_delay;
  seen.renew_asked = false;
  go(seen, State::lost, now_);
  if (seen.close_asked || !by.reconnect.enabled) {
    seen.next = What::closed;
    return;
  }
  if (stable || said.reason == Reason::requested || !by.circuit_breaker.enabled) return;
  ++seen.failures;
  if (seen.probing || seen.failures >= by.circuit_breaker.failure_threshold) {
    seen.next = What::breaker_open;
  }
}

inline void Monitor::on_wait(const Said& said, Seen& seen) {
  const ReconnectSettings& by = settings_[said.session].reconnect;
  expect(seen.state == State::lost, "Reconnecting without a loss");
  expect(said.number == seen.attempt, "Reconnecting with another number");
  expect(!by.max_attempts || seen.attempt <= *by.max_attempts, "an attempt beyond max_attempts");
  const bool open = seen.breaker == What::breaker_open;
  const Duration floor = seen.not_before - now_;
  const Duration least = open ? floor : std::max(floor, seen.backoff);
  expect(said.time >= least, "a wait shorter than what applies");
  if (said.cause != WaitsFor::budget) expect(said.time == least, "a wait longer than applies");
  if (said.cause == WaitsFor::backoff) expect(!open, "a backoff while the breaker is open");
  seen.due = now_ + said.time;
  seen.only_backoff = said.cause == WaitsFor::backoff && seen.retryable;
  seen.probing = false;
  go(seen, State::waiting, now_);
}

inline void Monitor::on_breaker(const Said& said, Seen& seen) {
  const CircuitBreakerSettings& by = settings_[said.session].circuit_breaker;
  if (said.what == What::breaker_open) {
    ++seen.trips;
    expect(said.time == by.reset_timeout, "retry_after is not reset_timeout");
    seen.opened_at = now_;
    seen.not_before = std::max(seen.not_before, now_ + by.reset_timeout);
  } else if (said.what == What::breaker_half_open) {
    expect(seen.breaker == What::breaker_open && now_ == seen.opened_at + by.reset_timeout,
           "half-open at another time than reset_timeout");
    seen.probe_used = false;
  } else {
    expect(seen.probing, "closed without a probe");
    seen.probing = false;
    seen.failures = 0;
  }
  seen.breaker = said.what;
  expect(said.number == seen.trips, "trips are not counted");
}

inline void Monitor::on_restored(const Said& said, Seen& seen) {
  expect(seen.state == State::connected && said.number == seen.epoch, "an all clear of nothing");
  const Duration down = seen.down_since ? now_ - *seen.down_since : Duration{};
  expect(said.time == down, "downtime is not the outage's");
  seen.down_since.reset();
  seen.floor = false;
  go(seen, State::live, now_);
  if (seen.probing) seen.next = What::breaker_closed;
}

// No state outlives its deadline, no announcement is left out.
inline void Monitor::at_end(const Seen& seen, const Settings& by) {
  if (seen.state == State::closed) return;
  expect(!seen.next, "what has to follow does not come");
  expect(seen.state != State::lost, "a loss after which nothing is announced");
  const auto ends = [&](Instant since, Duration limit, const char* what) {
    expect(now_ - since < limit, what);
  };
  const TimeoutSettings& timeouts = by.timeouts;
  if (seen.state == State::opening) {
    ends(seen.since, timeouts.connect_timeout, "connect_timeout is over");
  }
  if (seen.state == State::greeting) {
    ends(seen.since, timeouts.greeting_timeout, "greeting_timeout is over");
  }
  if (seen.state == State::waiting) expect(now_ < seen.due, "the wait is over, and no attempt");
  if (seen.probing && !seen.close_asked) {
    ends(seen.began, by.circuit_breaker.half_open_timeout, "the probe has no end");
  }
  if (seen.breaker == What::breaker_open) {
    ends(seen.opened_at, by.circuit_breaker.reset_timeout, "the breaker stays open");
  }
  if (seen.close_asked) ends(*seen.close_asked, timeouts.close_timeout, "close() has no end");
  expect(!seen.renew_asked, "Live, and reconnect() did nothing");
  const bool ended_at_once =
      !seen.close_asked || seen.state == State::connected || seen.state == State::live;
  expect(ended_at_once, "close() of no connection does not close at once");
}

inline int8_t seconds_from(Instant now, Instant then) {
  constexpr int64_t limit = 100;
  const int64_t seconds = (then.ns - now.ns) / 1'000'000'000;
  return static_cast<int8_t>(std::clamp(seconds, -limit, limit));
}

inline void Monitor::write_key(std::vector<int8_t>& key) const {
  for (const Seen& seen : seen_) {
    const auto flag = [&key](bool is) { key.push_back(is ? 1 : 0); };
    key.push_back(static_cast<int8_t>(seen.state));
    if (seen.state == State::closed) continue;
    key.push_back(static_cast<int8_t>(seen.breaker));
    for (const bool is : {seen.probing, seen.probe_used, seen.maintenance, seen.floor, seen.cut,
                          seen.only_backoff, seen.close_asked.has_value()}) {
      flag(is);
    }
    key.push_back(static_cast<int8_t>(std::min(seen.attempt, 4U)));
    key.push_back(static_cast<int8_t>(std::min(seen.failures, 5U)));
    const auto past = [&](Instant then) {  // beyond every deadline the difference is none
      key.push_back(std::max(seconds_from(now_, then), int8_t{-6}));
    };
    past(seen.state == State::waiting || seen.state == State::idle ? Instant{} : seen.since);
    past(seen.probing ? seen.began : Instant{});
    past(seen.breaker == What::breaker_open ? seen.opened_at : Instant{});
    past(seen.close_asked.value_or(Instant{}));
    key.push_back(seen.state == State::waiting ? seconds_from(now_, seen.due) : int8_t{0});
    key.push_back(std::max(seconds_from(now_, seen.not_before), int8_t{0}));
  }
  for (const Instant at : attempts_) {
    if (at > now_ - settings_[0].reconnect.connect_budget_window) {
      key.push_back(seconds_from(now_, at));
    }
  }
  key.push_back(int8_t{127});
}

}  // namespace havklo::model
