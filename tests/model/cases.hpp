// The small worlds that are enumerated: settings of some seconds, and what may happen in each
// phase.
//
// No two waits are of one length, so that each is told from the others by its name and its time:
// backoff 1, 2, 4, 4 ...; maintenance 3; open breaker 5; HTTP 429 6; Retry-After 7 s.
#pragma once

#include <havklo/config.hpp>
#include <string_view>
#include <vector>

#include "model/machine.hpp"

namespace havklo::model {

inline constexpr Instant first_turn{1'000'000'000'000};
inline constexpr Duration unit = 1_s;

// A step of an enumeration: so much time passes, then this arrives, then timers are due.
struct Move {
  Duration passes;
  Input input;
};
using Path = std::vector<Move>;

struct Case {
  std::string_view name;
  std::vector<Settings> sessions;
  bool all_inputs = true;   // else: one of each kind
  uint32_t depth = 0;       // of the enumeration
  uint32_t sequences = 0;   // length of those that all run through the engine
  uint32_t walk_depth = 0;  // of the exploration whose moves all run through it
};

[[nodiscard]] inline Settings small_settings() {
  Settings settings;
  settings.url = "wss://venue.test/v2";
  settings.subscriptions.push_back({.channel = Channel::ticker, .symbols = {"BTC/USD"}});
  settings.ring_slots = 256;
  settings.seed = 1;
  settings.reconnect.initial_delay = 1_s;
  settings.reconnect.max_delay = 4_s;
  settings.reconnect.stable_after = 2_s;
  settings.reconnect.connect_budget = 3;
  settings.reconnect.connect_budget_window = 8_s;
  settings.reconnect.maintenance_delay = 3_s;
  settings.reconnect.rate_limited_delay = 6_s;
  settings.circuit_breaker.failure_threshold = 2;
  settings.circuit_breaker.reset_timeout = 5_s;
  settings.circuit_breaker.half_open_timeout = 4_s;
  settings.timeouts.connect_timeout = 3_s;
  settings.timeouts.greeting_timeout = 2_s;
  // Subscriptions and their watchdogs are outside of the model.
  settings.timeouts.restore_timeout = 600_s;
  settings.timeouts.heartbeat_timeout = 600_s;
  settings.timeouts.close_timeout = 1_s;
  return settings;
}

[[nodiscard]] inline std::vector<Case> all_cases() {
  const auto with = [](auto change) {
    Settings settings = small_settings();
    change(settings.reconnect, settings.circuit_breaker);
    return settings;
  };
  const Settings two = with([](ReconnectSettings& reconnect, CircuitBreakerSettings&) {
    reconnect.connect_budget = 1;
    reconnect.connect_budget_window = 3_s;
  });
  const Settings at_once = with([](ReconnectSettings& reconnect, CircuitBreakerSettings& breaker) {
    reconnect.first_delay = Duration{};
    breaker.failure_threshold = 3;
  });
  return {
      {"threshold 2, budget 3 in 8 s", {small_settings()}, true, 64, 3, 7},
      {"threshold 1, two attempts",
       {with([](ReconnectSettings& reconnect, CircuitBreakerSettings& breaker) {
         reconnect.max_attempts = 2;
         breaker.failure_threshold = 1;
       })},
       true,
       64,
       3,
       6},
      {"threshold 3, budget 2 in 6 s",
       {with([](ReconnectSettings& reconnect, CircuitBreakerSettings& breaker) {
         reconnect.connect_budget = 2;
         reconnect.connect_budget_window = 6_s;
         breaker.failure_threshold = 3;
       })},
       true,
       64,
       3,
       6},
      {"no breaker, budget 1 in 4 s, three attempts",
       {with([](ReconnectSettings& reconnect, CircuitBreakerSettings& breaker) {
         reconnect.connect_budget = 1;
         reconnect.connect_budget_window = 4_s;
         reconnect.max_attempts = 3;
         breaker.enabled = false;
       })},
       true,
       64,
       3,
       6},
      {"backoff 4 and 8 s, over the floors",
       {with([](ReconnectSettings& reconnect, CircuitBreakerSettings& breaker) {
         reconnect.initial_delay = 4_s;
         reconnect.max_delay = 8_s;
         breaker.failure_threshold = 3;
       })},
       true,
       64,
       3,
       6},
      {"at once after a life, then backoff", {at_once}, true, 64, 3, 6},
      {"without reconnect",
       {with([](ReconnectSettings& reconnect, CircuitBreakerSettings&) {
         reconnect.enabled = false;
       })},
       true,
       64,
       3,
       6},
      {"two sessions, budget 1 in 3 s", {two, two}, false, 8, 2, 5},
  };
}

// What can arrive for a session in this phase.
[[nodiscard]] inline std::vector<Input> inputs_in(const Life& life, uint8_t session, bool all) {
  std::vector<Input> inputs;
  const auto add = [&](Input input) {
    input.session = session;
    inputs.push_back(input);
  };
  const auto add_closes = [&] {
    add({.kind = InputKind::lost, .reason = Reason::peer_reset});
    add({.kind = InputKind::lost, .reason = Reason::server_closed, .close_code = 1012});
    if (!all) return;
    add({.kind = InputKind::lost, .reason = Reason::server_closed, .close_code = 1013});
    add({.kind = InputKind::lost, .reason = Reason::server_closed, .close_code = 1000});
  };
  const auto refused = [&](uint16_t status, std::optional<Duration> after) {
    add({.kind = InputKind::lost,
         .reason = Reason::upgrade_refused,
         .http_status = status,
         .retry_after = after});
  };
  switch (life.phase) {
    case Phase::connecting:
      add({.kind = InputKind::upgraded});
      add({.kind = InputKind::lost, .reason = Reason::connect_refused});
      refused(503, std::nullopt);
      if (!all) break;
      add({.kind = InputKind::lost, .reason = Reason::certificate_refused});
      refused(404, std::nullopt);
      refused(408, std::nullopt);
      refused(429, std::nullopt);
      refused(429, 7_s);
      refused(503, 7_s);
      break;
    case Phase::greeting:
      add({.kind = InputKind::greeted});
      if (!all) break;
      add({.kind = InputKind::greeted, .maintenance = true});
      add_closes();
      break;
    case Phase::restoring:
    case Phase::live:
      if (life.phase == Phase::restoring) add({.kind = InputKind::all_clear});
      if (all) add({.kind = InputKind::status, .maintenance = !life.said});
      add_closes();
      break;
    case Phase::closing:
      add({.kind = InputKind::lost, .reason = Reason::server_closed, .close_code = 1000});
      break;
    default:
      break;
  }
  if (life.phase != Phase::closed && life.phase != Phase::closing) {
    add({.kind = InputKind::close});
    add({.kind = InputKind::reconnect});
  }
  return inputs;
}

[[nodiscard]] inline std::vector<Move> moves_of(const Machine& machine, const Case& of) {
  std::vector<Move> moves;
  moves.push_back({unit, {}});
  for (uint8_t session = 0; session < machine.lives().size(); ++session) {
    for (const Input& input : inputs_in(machine.lives()[session], session, of.all_inputs)) {
      moves.push_back({{}, input});
      moves.push_back({unit, input});
    }
  }
  return moves;
}

[[nodiscard]] inline std::string text_of(const Move& move) {
  constexpr std::string_view names[] = {"nothing",   "upgraded", "greeted",     "status",
                                        "all clear", "lost",     "reconnect()", "close()"};
  std::string text = move.passes == Duration{} ? "" : "a second, ";
  text += names[static_cast<uint8_t>(move.input.kind)];
  if (move.input.maintenance) text += " maintenance";
  if (move.input.reason != Reason::none) text += " " + std::string(to_string(move.input.reason));
  const int code = move.input.close_code + move.input.http_status;
  if (code != 0) text += " " + std::to_string(code);
  if (move.input.retry_after) text += " Retry-After";
  if (move.input.session != 0) text += " (session 1)";
  return text;
}

// The last of its moves: how a long walk came there matters less.
[[nodiscard]] inline std::string text_of(const Path& path) {
  constexpr size_t shown = 40;
  const size_t left_out = path.size() > shown ? path.size() - shown : 0;
  std::string text;
  if (left_out != 0) text = "  (" + std::to_string(left_out) + " moves)\n";
  for (size_t at = left_out; at < path.size(); ++at) text += "  " + text_of(path[at]) + "\n";
  return text;
}

}  // namespace havklo::model
