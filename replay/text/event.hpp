// An event as a line for people: the program's text format.
//
// Lifecycle events stand out, market events are dim; times count from the run's first turn, or,
// where nobody said when that was, from the first event printed.
#pragma once

#include <havklo/config.hpp>
#include <havklo/event.hpp>
#include <havklo/names.hpp>
#include <optional>
#include <span>
#include <string>

#include "replay/text/session_names.hpp"

namespace havklo::replay {

class EventText {
 public:
  explicit EventText(bool colour) : colour_(colour) {}

  void count_from(Instant origin) { origin_ = origin; }
  // The wall clock instead; `utc_offset`: what makes engine time UTC, from now on.
  void show_utc(Duration utc_offset) { utc_offset_ = utc_offset; }
  // Each line says which session it is of, and which leg, where there are several.
  void name_sessions(std::span<const Settings> sessions) { sessions_ = SessionNames(sessions); }
  // Without a line end.
  void append(std::string& out, const Event& event, const Names& names);

 private:
  bool colour_;
  SessionNames sessions_;
  std::optional<Instant> origin_;
  std::optional<Duration> utc_offset_;
};

// What it says, without its time and name: "attempt 1 in 100 ms (backoff)". Nothing of a venue's
// words acts on a terminal (printable.hpp).
[[nodiscard]] std::string describe(const Event& event, const Names& names);

// "100 ms", "1.53 s", "12 µs": three digits, as people read them.
[[nodiscard]] std::string readable(Duration duration);

}  // namespace havklo::replay
