// havklo inspect: what a recording holds, and what of it is lost.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "havklo/commands.hpp"
#include "havklo/complaint.hpp"
#include "havklo/event_printer.hpp"
#include "havklo/recording_report.hpp"

namespace havklo {
namespace {

struct InspectOptions {
  std::string file;
  bool json = false;
  std::optional<uint64_t> event;
};

constexpr Complaint refuse_inspect{"inspect"};

int find_event(const InspectOptions& options) {
  const auto outline = replay::Outline::read(options.file);
  if (!outline) return refuse_inspect(outline.error());
  const auto place = outline->find_event(*options.event);
  if (!place) {
    std::fprintf(stderr, "havklo inspect: the recording ends with event %llu\n",
                 static_cast<unsigned long long>(outline->end().sequence));
    return exit_failed;
  }
  fmt::print("event {} left a turn from {} to {}: {}, from byte {}\n", *options.event,
             place->first_turn, place->last_turn, place->file->path, place->offset);
  return exit_good;
}

int inspect(const InspectOptions& options) {
  if (options.event) return find_event(options);
  const auto report = report_on(options.file);
  if (!report) return refuse_inspect(report.error());
  const std::string text = options.json ? to_json(*report) : to_text(*report, wants_colour());
  std::fwrite(text.data(), 1, text.size(), stdout);
  return report->torn.empty() ? exit_good : exit_failed;
}

}  // namespace

void add_inspect_command(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<InspectOptions>();
  CLI::App* command =
      program.add_subcommand("inspect",
                             "Say what a recording holds; exit 1 if it is torn or damaged.\n"
                             "Example: havklo inspect outage.hvk");
  command->add_option("file", options->file, "the recording; any of its files")->required();
  command->add_flag("--json", options->json, "one JSON object instead of text");
  command->add_option("--event", options->event,
                      "only say where the event with this sequence number is");
  command->callback([options, &exit_code] { exit_code = inspect(*options); });
}

}  // namespace havklo
