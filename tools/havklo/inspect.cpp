// havklo inspect: what a recording holds.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <memory>
#include <string>

#include "havklo/commands.hpp"
#include "replay/event_text.hpp"
#include "replay/reader.hpp"

namespace havklo {
namespace {

struct Counts {
  uint64_t turns = 0;
  uint64_t events = 0;
  uint64_t commands = 0;
  std::array<uint64_t, 4> completions{};  // by Completion::Kind
  uint64_t received_bytes = 0;
  Instant first;
  Instant last;
};

void count(Counts& counts, const replay::RecordedTurn& turn) {
  if (counts.turns == 0) counts.first = turn.now;
  counts.last = turn.now;
  ++counts.turns;
  counts.events += turn.event_count;
  counts.commands += turn.commands.size();
  for (const Completion& completion : turn.completions) {
    ++counts.completions[static_cast<size_t>(completion.kind)];
    counts.received_bytes += completion.bytes.size();
  }
}

std::string utc_text(const replay::RecordingHeader& header, Instant instant) {
  const std::time_t seconds = (instant.ns + header.utc_offset.ns) / 1'000'000'000;
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(seconds));
}

int inspect(const std::string& path) {
  auto reader = replay::Reader::open(path);
  if (!reader) {
    std::fprintf(stderr, "havklo inspect: %s\n", reader.error().c_str());
    return exit_usage;
  }
  Counts counts;
  replay::RecordedTurn turn;
  replay::Reader::Status status{};
  while ((status = reader->next(turn)) == replay::Reader::Status::turn) count(counts, turn);

  const replay::RecordingHeader& header = reader->header();
  const auto of = [&counts](Completion::Kind kind) {
    return counts.completions[static_cast<size_t>(kind)];
  };
  fmt::print("recording    {}\n", path);
  fmt::print("written by   havklo {}, seed {:#x}\n", header.build, header.seed);
  fmt::print("venue        {}\n", header.settings.url);
  fmt::print("began        {}\n", utc_text(header, counts.first));
  fmt::print("lasted       {}\n", replay::readable(counts.last - counts.first));
  fmt::print("turns        {} in {} blocks\n", counts.turns, reader->blocks());
  fmt::print("events       {}\n", counts.events);
  fmt::print("inputs       {} commands, {} opened, {} reads ({} bytes), {} sends, {} closed\n",
             counts.commands, of(Completion::Kind::opened), of(Completion::Kind::received),
             counts.received_bytes, of(Completion::Kind::sent), of(Completion::Kind::closed));
  if (status == replay::Reader::Status::torn) {
    fmt::print("torn         {}\n", reader->lost());
    return exit_failed;
  }
  fmt::print("complete     closed in order, every checksum good\n");
  return exit_good;
}

}  // namespace

void add_inspect_command(CLI::App& program, int& exit_code) {
  auto path = std::make_shared<std::string>();
  CLI::App* command =
      program.add_subcommand("inspect",
                             "Say what a recording holds; exit 1 if it is torn or damaged.\n"
                             "Example: havklo inspect outage.hvk");
  command->add_option("file", *path, "the recording")->required();
  command->callback([path, &exit_code] { exit_code = inspect(*path); });
}

}  // namespace havklo
