// The comparison as a table.
#include <fmt/format.h>

#include <iterator>

#include "replay/text/counted.hpp"
#include "replay/text/instant.hpp"
#include "replay/text/printable.hpp"
#include "replay/text/settings_toml.hpp"
#include "replay/what_if/comparison.hpp"

namespace havklo::replay {
namespace {

using Format = std::string (*)(int64_t);

std::string as_count(int64_t value) { return std::to_string(value); }
std::string as_seconds(int64_t ns) {
  return fmt::format("{:.3f} s", static_cast<double>(ns) / 1e9);
}
std::string as_milliseconds(int64_t ns) {
  return fmt::format("{:.1f} ms", static_cast<double>(ns) / 1e6);
}

std::string recorded_cell(const Figure& figure, Format format) {
  return figure.recorded ? format(*figure.recorded) : "-";
}

std::string model_cell(const Figure& figure, Format format) {
  std::string cell = "-";
  if (figure.low) {
    cell = format(*figure.low);
    const std::string high = figure.high ? format(*figure.high) : "not by the end";
    if (high != cell) cell += " to " + high;
  }
  return figure.assumed ? cell + " ~" : cell;
}

void append_row(std::string& out, std::string_view name, const Figure& figure, Format format) {
  fmt::format_to(std::back_inserter(out), "  {:<42} {:>14}   {}\n", name,
                 recorded_cell(figure, format), model_cell(figure, format));
}

void append_outage(std::string& out, const OutageComparison& outage, size_t number,
                   const std::string& at) {
  const std::string reason =
      outage.reason == Reason::none ? "the first connect" : std::string(to_string(outage.reason));
  const std::string title = fmt::format("Outage {} at {}: {}", number, at, reason);
  fmt::format_to(std::back_inserter(out), "\n{:<44} {:>14}   {}\n", title, "recorded", "what if");
  if (!outage.in_model) out += "  would not have happened\n";
  if (!outage.in_recording) out += "  did not happen in the recording\n";
  if (outage.recorded_count > 1 || outage.model_count > 1) {
    fmt::format_to(std::back_inserter(out), "  {:<42} {:>14}   {}\n", "outages that overlap here",
                   outage.recorded_count, outage.model_count);
  }
  append_row(out, "attempts", outage.attempts, as_count);
  append_row(out, "breaker trips", outage.trips, as_count);
  append_row(out, "time to first connect", outage.first_connect_ns, as_seconds);
  append_row(out, "time to all clear", outage.all_clear_ns, as_seconds);
  append_row(out, "attempts per 10 minutes", outage.attempts_in_ten_minutes, as_count);
  for (const auto& [symbol, lost] : outage.books_lost_ns) {
    append_row(out, "book lost, " + symbol, lost, as_milliseconds);
  }
}

void append_legend(std::string& out, const WhatIf& what_if, const ObservedNetwork& network) {
  const auto line = [&out](std::string_view text, size_t count) {
    if (count != 0) fmt::format_to(std::back_inserter(out), "  {:>6}  {}\n", count, text);
  };
  const size_t all =
      what_if.assumed_attempts + what_if.assumed_books + what_if.assumed_answers + what_if.doubted;
  const bool torn = !network.torn.empty();
  out += '\n';
  if (torn) {
    fmt::format_to(std::back_inserter(out), "The recording is torn, and counted up to there: {}\n",
                   printable(network.torn));
  }
  if (all == 0) {
    fmt::format_to(std::back_inserter(out),
                   "{} rests on an assumption: every attempt is one that the recording made.\n",
                   torn ? "Up to there nothing" : "Nothing");
  } else {
    fmt::format_to(std::back_inserter(out), "~ rests on an assumption. Of {}:\n",
                   counted(what_if.attempts, "attempt"));
    line("when the recording made none", what_if.assumed_attempts);
    line("of them between two that it made and that went otherwise: \"A to B\" is the range",
         what_if.disputed_attempts);
    line("books given out while the recording heard none: as they were last",
         what_if.assumed_books);
    line("requests that the recording never made: answered as the venue model does",
         what_if.assumed_answers);
    line("outages or repairs that the model does not give back with the recorded settings either",
         what_if.doubted);
  }
  if (network.rate_errors != 0) {
    fmt::format_to(
        std::back_inserter(out),
        "The venue said \"Exceeded msg rate\" {}; the model says it only to a connection\n"
        "that asks as the recorded one did.\n",
        counted(network.rate_errors, "time"));
  }
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = text.find('\n', begin);
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

}  // namespace

std::vector<std::string> settings_changed(const Settings& from, const Settings& to) {
  // Every setting stands in the text of both; only optional ones may be missing in one.
  std::vector<std::string> changes;
  const auto entries = [](const Settings& settings) {
    std::vector<std::pair<std::string, std::string>> all;
    std::string table;
    size_t lists = 0;  // [[subscription]] is the only one: its tables are told apart by number
    for (const std::string& line : lines_of(settings_to_toml(settings))) {
      if (line.starts_with("[[")) {
        table = fmt::format("{}[{}].", line.substr(2, line.find(']') - 2), ++lists);
      } else if (line.starts_with("[")) {
        table = line.substr(1, line.find(']') - 1) + ".";
      }
      const size_t equals = line.find(" = ");
      if (equals == std::string::npos || line.starts_with("[")) continue;
      all.emplace_back(table + line.substr(0, equals), line.substr(equals + 3));
    }
    return all;
  };
  const auto before = entries(from);
  const auto after = entries(to);
  const auto value_in = [](const auto& all, const std::string& key) {
    for (const auto& [name, value] : all) {
      if (name == key) return value;
    }
    return std::string("none");
  };
  for (const auto& [key, value] : after) {
    const std::string old = value_in(before, key);
    if (old != value) changes.push_back(fmt::format("{}: {} → {}", key, old, value));
  }
  for (const auto& [key, value] : before) {
    if (value_in(after, key) == "none" && value != "none") {
      changes.push_back(fmt::format("{}: {} → none", key, value));
    }
  }
  return changes;
}

std::string to_text(const WhatIf& what_if, const ObservedNetwork& network,
                    const std::vector<std::string>& changes, Times times) {
  std::string out;
  if (changes.empty()) out += "The settings are the recorded ones.\n";
  for (const std::string& change : changes) out += change + "\n";
  for (size_t i = 0; i < what_if.outages.size(); ++i) {
    const Instant begin = what_if.outages[i].begin;
    append_outage(out, what_if.outages[i], i + 1,
                  times == Times::utc ? utc_text(begin, network.utc_offset_at(begin))
                                      : offset_text(begin, network.first_turn));
  }
  if (what_if.outages.empty()) out += "\nNo outage, neither recorded nor with these settings.\n";
  if (!what_if.repairs_ns.empty()) {
    fmt::format_to(std::back_inserter(out), "\n{:<44} {:>14}   {}\n", "Repairs of single books",
                   "recorded", "what if");
    for (const auto& [symbol, lost] : what_if.repairs_ns) {
      append_row(out, "book lost, " + symbol, lost, as_milliseconds);
    }
  }
  append_legend(out, what_if, network);
  return out;
}

}  // namespace havklo::replay
