// A recording from a stranger: whatever its bytes, reading, the outline and the report of it agree
// with one another, and about damage with a walk over its blocks that was written apart from the
// reader (block_walk.hpp); what is read twice is the same.
//
// Input: the bytes of the files, one behind the other. The mutator mends checksums, so that
// damage reaches beyond them.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/target.hpp"
#include "havklo/recording_report.hpp"
#include "replay/playback/outline.hpp"
#include "replay/recording/reader.hpp"
#include "support/fuzz/block_walk.hpp"
#include "support/fuzz/one_line.hpp"
#include "support/fuzz/recording_file.hpp"
#ifdef HAVKLO_LIBFUZZER
#include "support/fuzz/recording_mutator.hpp"
#endif

namespace havklo::recording_fuzz {
namespace {

using fuzz::require;
using replay::Reader;
using replay::RecordedTurn;

// What a reader has told, from beginning to end.
struct Told {
  std::string refused;  // by open(), else "":
  Reader::Status status = Reader::Status::end;
  std::string lost;
  uint64_t turns = 0;
  uint64_t events = 0;
  uint64_t inputs = 0;
  uint64_t received_bytes = 0;
  uint64_t digest = 0;  // of everything that stood in the turns
  uint32_t blocks = 0;
  size_t files = 0;
  replay::Progress last_block;
  Instant last;
  friend bool operator==(const Told&, const Told&) = default;
};

class Digest {
 public:
  void add(uint64_t value) { value_ = (value_ ^ value) * 0x100000001B3U; }
  void add(std::span<const std::byte> bytes) {
    add(bytes.size());
    for (const std::byte byte : bytes) add(static_cast<uint64_t>(byte));
  }
  [[nodiscard]] uint64_t value() const { return value_; }

 private:
  uint64_t value_ = 0xCBF29CE484222325U;
};

// A turn is one that a recorder can have written.
void check_turn(const RecordedTurn& turn, const Told& before) {
  require(turn.number == before.turns + 1, "turns are not numbered one by one");
  require(turn.now >= before.last, "time goes back");
  require(turn.now.ns <= replay::time_ns_max, "a time that no recorder writes");
  require(turn.event_count <= turn.room, "more events than there was room for");
  require(turn.commands.size() <= commands_per_turn_max, "too many commands in a turn");
  require(turn.completions.size() <= replay::turn_completions_max, "too many completions");
  for (size_t i = 0; i < turn.kept_events.size(); ++i) {
    const uint32_t index = turn.kept_events[i].index;
    require(index < turn.event_count, "an event beyond those of its turn");
    require(i == 0 || index > turn.kept_events[i - 1].index, "kept events out of order");
  }
  for (size_t i = 0; i < turn.budget_answers.size(); ++i) {
    const auto& [ask, wait] = turn.budget_answers[i];
    require(wait.ns >= 0 && wait.ns <= replay::budget_wait_ns_max, "a wait that is too long");
    require(i == 0 || ask > turn.budget_answers[i - 1].ask, "budget answers out of order");
  }
  for (const Command& command : turn.commands) {
    require(command.symbol_bytes <= command.symbol_text.size(), "a symbol that is too long");
  }
}

void add(const RecordedTurn& turn, Digest& digest) {
  digest.add(static_cast<uint64_t>(turn.now.ns));
  digest.add(turn.room);
  digest.add(turn.event_count);
  digest.add(turn.digest_low);
  digest.add(turn.utc_offset ? static_cast<uint64_t>(turn.utc_offset->ns) : 1);
  for (const Command& command : turn.commands) {
    digest.add(static_cast<uint64_t>(command.kind));
    digest.add(std::as_bytes(std::span(command.symbol())));
  }
  for (const Completion& each : turn.completions) {
    digest.add(static_cast<uint64_t>(each.kind));
    digest.add(static_cast<uint64_t>(each.connection));
    digest.add(static_cast<uint64_t>(each.reason));
    digest.add(each.sent_bytes);
    digest.add(each.bytes);
    // That much may be read behind what was received.
    if (each.kind == Completion::Kind::received) {
      const volatile std::byte last = each.bytes.data()[each.bytes.size() + receive_padding - 1];
      static_cast<void>(last);
    }
  }
  for (const auto& [ask, wait] : turn.budget_answers) {
    digest.add(ask);
    digest.add(static_cast<uint64_t>(wait.ns));
  }
  for (const replay::RecordedEvent& each : turn.kept_events) {
    digest.add(each.index);
    digest.add(std::as_bytes(std::span(&each.event, 1)));
  }
}

Told read(const std::string& path) {
  auto reader = Reader::open(path);
  if (!reader) return {.refused = reader.error(), .lost = {}, .last_block = {}, .last = {}};
  Told told{.refused = {}, .lost = {}, .last_block = {}, .last = {}};
  Digest digest;
  RecordedTurn turn;
  while ((told.status = reader->next(turn)) == Reader::Status::turn) {
    check_turn(turn, told);
    ++told.turns;
    told.events += turn.event_count;
    told.last = turn.now;
    told.inputs += turn.commands.size() + turn.completions.size();
    for (const Completion& each : turn.completions) told.received_bytes += each.bytes.size();
    add(turn, digest);
  }
  told.digest = digest.value();
  told.blocks = reader->blocks();
  told.files = reader->files().size();
  told.last_block = reader->last_block();
  if (told.status == Reader::Status::torn) {
    told.lost = reader->lost();
    fuzz::check_one_line(told.lost, "");
  }
  return told;
}

// What a walk over the blocks knows of good and bad.
void check_damage(const fuzz::RecordingFiles& files, const Told& told) {
  const auto& parts = files.parts();
  const fuzz::Walk first = fuzz::walk_file(parts.front());
  const bool has_header = !first.blocks.empty() && first.blocks.front().kind == 0;
  if (!told.refused.empty()) return;
  require(has_header, "what has no header is read as a recording");
  require(told.turns >= told.last_block.turns, "a block is read that holds fewer turns");

  uint32_t good_blocks = 0;
  fuzz::WalkedBlock last_block;
  for (size_t i = 0; i < told.files; ++i) {
    require(i < parts.size(), "a file is read that is none");
    const fuzz::Walk walk = fuzz::walk_file(parts[i]);
    good_blocks += static_cast<uint32_t>(walk.blocks.size());
    if (!walk.blocks.empty()) last_block = walk.blocks.back();
    const bool is_last = i + 1 == told.files;
    if (!is_last || told.status == Reader::Status::end) {
      require(walk.whole, "what is damaged is read as whole");
      require(walk.blocks.back().kind == 2, "a file without an end is read as whole");
      for (size_t k = 1; k + 1 < walk.blocks.size(); ++k) {
        require(walk.blocks[k].kind == 1, "between header and end is no block of turns");
      }
      continue;
    }
    const size_t place = told.lost.find("(at byte ");
    if (place == std::string::npos) continue;
    require(!walk.whole, "what is whole is read as damaged");
    require(std::stoull(told.lost.substr(place + 9)) == walk.damage,
            "the damage is at byte " + std::to_string(walk.damage) + ": " + told.lost);
  }
  require(told.blocks <= good_blocks, "a block is read that is not good");
  if (told.status != Reader::Status::end) return;
  require(told.turns == last_block.turns && told.events == last_block.events,
          "the end says other turns than were read");
  require(told.last_block.sequence == last_block.sequence &&
              told.last_block.digest == last_block.digest,
          "the end says another place than was read");
}

void check_outline(const std::string& path, const Told& told) {
  const auto outline = replay::Outline::read(path);
  require(outline.has_value() == told.refused.empty(),
          "the outline takes what the reader does not");
  if (!outline) return fuzz::check_one_line(outline.error(), "");
  const bool whole = told.status == Reader::Status::end;
  if (whole) {
    require(outline->files().size() == told.files, "the outline has other files");
    require(outline->end().turns == told.turns && outline->end().events == told.events &&
                outline->end().digest == told.last_block.digest,
            "the outline ends elsewhere");
  }
  for (const int64_t time : {int64_t{0}, told.last.ns, told.last.ns + 1}) {
    const auto place = outline->find_time(Instant{time});
    require(!place || place->file != nullptr, "a place in no file");
  }
  static_cast<void>(outline->find_event(told.last_block.sequence));
}

void check_report(const std::string& path, const Told& told) {
  const auto report = report_on(path);
  require(report.has_value() == told.refused.empty(), "the report takes what the reader does not");
  if (!report) return fuzz::check_one_line(report.error(), "");
  require(report->turns == told.turns && report->events == told.events &&
              report->blocks == told.blocks && report->received_bytes == told.received_bytes,
          "the report counts otherwise than the reader");
  require(report->torn == told.lost, "the report is torn elsewhere");
  const std::string text = to_text(*report, false);
  const bool acts = std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) < ' ' && c != '\n'; });
  require(!acts, "what the report prints acts on a terminal");
  const std::string json = to_json(*report);
  require(json.ends_with("}\n"), "JSON without its end");
  fuzz::check_one_line(std::string_view(json).substr(0, json.size() - 1), "{");
}

}  // namespace

HAVKLO_FUZZ_TARGET(recording) {
  const fuzz::RecordingFiles files(bytes);
  const Told told = read(files.path());
  require(read(files.path()) == told, "what is read twice is not the same");
  if (!told.refused.empty()) fuzz::check_one_line(told.refused, "");
  check_damage(files, told);
  check_outline(files.path(), told);
  check_report(files.path(), told);
}

}  // namespace havklo::recording_fuzz

#ifdef HAVKLO_LIBFUZZER
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t size_max,
                                          unsigned seed) {
  using namespace havklo::fuzz;
  return RecordingMutator(seed, MutationRange::everything).mutate(data, size, size_max);
}
#endif
