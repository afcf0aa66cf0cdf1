// Two columns of events; a `*` where they certainly differ.
#include "replay/playback/difference.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <vector>

#include "replay/text/event.hpp"
#include "replay/text/event_json.hpp"
#include "replay/text/instant.hpp"

namespace havklo::replay {
namespace {

// Beyond it the second column would be lost on most terminals.
constexpr size_t column_max = 60;
// Events of a turn shown before the first that differs, and after it.
constexpr size_t context_before = 3;
constexpr size_t context_after = 8;

std::string words(const Event& event, const Names& names) {
  return fmt::format("{} {}", to_string(event.kind), describe(event, names));
}

struct Row {
  std::string recorded;
  std::string replayed;
  bool differs = false;
  bool looks_the_same = false;  // and yet differs
};

Row row_of(const Difference& difference, size_t at, const Names& names) {
  Row row{.recorded = "-", .replayed = "-"};
  const bool has_recorded = at < difference.recorded_count;
  const bool has_replayed = at < difference.replayed.size();
  if (has_replayed) row.replayed = words(difference.replayed[at], names);
  if (has_recorded) {
    const Event* const kept = difference.recorded(at);
    row.recorded = kept != nullptr ? words(*kept, names) : "(a market event)";
    if (kept != nullptr && has_replayed) {
      row.differs =
          std::memcmp(static_cast<const void*>(kept),
                      static_cast<const void*>(&difference.replayed[at]), sizeof(Event)) != 0;
    } else if (kept == nullptr && has_replayed) {
      row.differs = !is_market(difference.replayed[at].kind);
    }
  }
  row.differs = row.differs || has_recorded != has_replayed;
  row.looks_the_same = row.differs && row.recorded == row.replayed;
  return row;
}

void append_json_line(std::string& out, std::string_view whose, const Event& event,
                      const Names& names) {
  fmt::format_to(std::back_inserter(out), "      {}  ", whose);
  append_json(out, event, names);
  out += '\n';
}

void append_rows(std::string& out, const Difference& difference, const Names& names) {
  const size_t count = std::max<size_t>(difference.recorded_count, difference.replayed.size());
  const size_t first = difference.first().value_or(0);
  const size_t begin = first > context_before ? first - context_before : 0;
  const size_t end = std::min(count, first + context_after);
  std::vector<Row> rows;
  size_t width = 8;
  for (size_t i = begin; i < end; ++i) {
    rows.push_back(row_of(difference, i, names));
    width = std::max(width, std::min(column_max, rows.back().recorded.size()));
  }
  if (rows.empty()) return;
  fmt::format_to(std::back_inserter(out), "  event  {:<{}}  {}\n", "recorded", width, "replayed");
  for (size_t i = 0; i < rows.size(); ++i) {
    fmt::format_to(std::back_inserter(out), "  {:>4} {} {:<{}}  {}\n", begin + i,
                   rows[i].differs ? '*' : ' ', rows[i].recorded, width, rows[i].replayed);
    if (!rows[i].looks_the_same) continue;
    append_json_line(out, "recorded", *difference.recorded(begin + i), names);
    append_json_line(out, "replayed", difference.replayed[begin + i], names);
  }
  if (end < count) fmt::format_to(std::back_inserter(out), "  … and {} more\n", count - end);
}

}  // namespace

std::string difference_text(const Difference& difference, const Names& names, Instant start) {
  std::string out;
  if (difference.at_block_end) {
    return fmt::format(
        "the events up to turn {} differ: the block's digest is {:016x}, replayed {:016x}\n",
        difference.turn, difference.recorded_digest, difference.replayed_digest);
  }
  fmt::format_to(std::back_inserter(out), "turn {} at {} differs from the recording\n",
                 difference.turn, offset_text(difference.now, start));
  for (const std::string& input : difference.inputs) {
    fmt::format_to(std::back_inserter(out), "  input  {}\n", input);
  }
  append_rows(out, difference, names);
  if (!difference.first()) {
    fmt::format_to(std::back_inserter(out),
                   "  A market event differs (digest {:08x}, replayed {:08x}): a recording keeps "
                   "what they were made of, not\n  them. The input above is what the venue said.\n",
                   difference.recorded_digest, difference.replayed_digest);
  }
  return out;
}

}  // namespace havklo::replay
