// One row a phase, one line of the turns.
#include "havklo/counters_text.hpp"

#include <fmt/format.h>

#include <havklo/limits.hpp>
#include <iterator>
#include <string_view>

#include "replay/text/counted.hpp"
#include "replay/text/duration.hpp"
#include "replay/text/event.hpp"

namespace havklo {
namespace {

void add_row(std::string& text, std::string_view name, const LatencySummary& row) {
  fmt::format_to(std::back_inserter(text), "{:<10}{:>10}{:>10}{:>10}{:>10}{:>12}\n", name,
                 row.samples, row.p50_ns, row.p99_ns, row.p999_ns, row.max_ns);
}

}  // namespace

std::string counters_text(const ClientCounters& counters) {
  std::string text = fmt::format("{:<10}{:>10}{:>10}{:>10}{:>10}{:>12}\n", "phase, ns", "samples",
                                 "p50", "p99", "p99.9", "max");
  for (size_t i = 0; i < phase_count; ++i) {
    add_row(text, to_string(static_cast<MessagePhase>(i)), counters.phases[i]);
  }
  add_row(text, "read", counters.read);
  fmt::format_to(std::back_inserter(text), "{}, the longest {} ns, {} over {}; {}\n",
                 replay::counted(counters.turns, "turn"), counters.longest_turn_ns,
                 counters.turns_over_budget, replay::to_text(Duration::nanoseconds(turn_budget_ns)),
                 replay::counted(counters.kernel_entries + counters.socket_calls, "system call"));
  if (counters.socket_calls != 0) {
    fmt::format_to(std::back_inserter(text), "{} of them to sockets, {} in vain\n",
                   counters.socket_calls, counters.socket_calls_empty);
  }
  return text;
}

std::string counters_text(uint8_t session, const SessionCounters& counters) {
  std::string late;
  if (counters.lag_ns != 0) {
    late = fmt::format(", the last {} late", replay::readable(Duration{counters.lag_ns}));
  }
  return fmt::format("session {}: {}, {}, {} lost; {}{}\n", session,
                     replay::counted(counters.attempts, "attempt"),
                     replay::counted(counters.connections, "connection"), counters.losses,
                     replay::counted(counters.messages, "message"), late);
}

}  // namespace havklo
