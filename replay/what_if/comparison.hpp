// A recorded outage with other settings: the same engine, in a network that behaves as the recorded
// one did, as far as the recording knows (replay/what_if/WHAT_IF.md).
//
// Cost: a run of the recording and four of the model, each some times slower: two of them with the
//       recorded settings, which show where it does not give the recording back. The recorded feed
//       is held in memory.
#pragma once

#include <array>
#include <expected>
#include <havklo/config.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "replay/what_if/observed_network.hpp"
#include "replay/what_if/observed_transport.hpp"

namespace havklo::replay {

// The recorded settings with what the TOML text says over them. Refused: another url or other
// subscriptions, of which the recording knows nothing.
[[nodiscard]] std::expected<Settings, std::string> other_settings(const Settings& recorded,
                                                                  std::string_view toml,
                                                                  std::string_view source);

struct ModelRun {
  OutageFigures figures;
  Assumptions assumptions;
  std::optional<Instant> given_up;  // where it had made all the turns that it may
};

// Turns that the model may make: a recording of some turns can last for a century, and settings ask
// for an attempt each millisecond.
[[nodiscard]] constexpr uint64_t model_turns_max(uint64_t recorded_turns) {
  return 1'000'000 + 16 * recorded_turns;
}

// The engine with these settings in the observed network, from its first instant to its last.
[[nodiscard]] ModelRun run_model(const ObservedNetwork& network, const Settings& settings,
                                 Assume assume);

// What may have been, when nobody looked: between `low` and `high`. Nothing: it did not come to it.
struct Figure {
  std::optional<int64_t> recorded;
  std::optional<int64_t> low;
  std::optional<int64_t> high;
  bool assumed = false;
};

struct OutageComparison {
  Instant begin;
  Instant end;
  Reason reason = Reason::none;
  bool in_recording = false;
  bool in_model = false;
  // The model does not give it back with the recorded settings: every figure is `assumed`.
  bool doubted = false;
  uint32_t recorded_count = 0;  // of outages that fall together here
  uint32_t model_count = 0;
  Figure attempts;
  Figure trips;
  Figure first_connect_ns;
  Figure all_clear_ns;
  Figure attempts_in_ten_minutes;
  std::vector<std::pair<std::string, Figure>> books_lost_ns;
};

struct WhatIf {
  std::vector<OutageComparison> outages;
  std::vector<std::pair<std::string, Figure>> repairs_ns;
  // Of both runs, the larger.
  size_t attempts = 0;
  size_t assumed_attempts = 0;
  size_t disputed_attempts = 0;
  size_t assumed_books = 0;
  size_t assumed_answers = 0;
  size_t doubted = 0;  // outages, and repairs of a book, that the model does not give back
  Instant first_turn;  // of the recording
  // Not "": the model was given up before it came to the recording's end, and nothing else is said.
  std::string unfinished;
};

[[nodiscard]] WhatIf compare(const ObservedNetwork& network, const Settings& settings);

// How instants are told: from the recording's first turn, or by the wall clock.
enum class Times : uint8_t { since_first_turn, utc };

// `what_if` for people. `changes`: the settings that differ, "reconnect.initial_delay: 100ms → 1s".
[[nodiscard]] std::string to_text(const WhatIf& what_if, const ObservedNetwork& network,
                                  const std::vector<std::string>& changes,
                                  Times times = Times::since_first_turn);

[[nodiscard]] std::vector<std::string> settings_changed(const Settings& from, const Settings& to);

}  // namespace havklo::replay
