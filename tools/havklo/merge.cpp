// havklo merge: the figures of many shards as one table and one page.
//
// A file holds a document a line: of worlds (havklo sim --json) or of recordings × settings
// (havklo replay --with --json). Both kinds at once do not add up.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <vector>

#include "havklo/commands.hpp"
#include "havklo/complaint.hpp"
#include "havklo/histogram_page.hpp"
#include "havklo/statistics_json.hpp"
#include "havklo/text_file.hpp"
#include "havklo/what_if_json.hpp"
#include "havklo/what_if_page.hpp"

namespace havklo {
namespace {

struct MergeOptions {
  std::vector<std::string> files;
  std::string page;
  bool json = false;
};

constexpr Complaint refuse_merge{"merge"};

// What the shards hold; one kind or the other.
class Shards {
 public:
  // What is wrong with the document, if something is.
  [[nodiscard]] std::optional<std::string> add(const std::string& text) {
    if (text.find("\"havklo_what_if\"") != std::string::npos) return add_case(text);
    if (text.find("\"havklo_sweep\"") != std::string::npos) return add_sweep(text);
    return "no line of havklo sim --json, nor of havklo replay --with --json";
  }
  [[nodiscard]] std::string page() const {
    return grid_ ? what_if_page(*grid_) : histogram_page(*sweep_);
  }
  [[nodiscard]] std::string table() const { return grid_ ? to_table(*grid_) : to_table(*sweep_); }
  // As the shards: havklo merge reads it again.
  [[nodiscard]] std::string json() const {
    if (!grid_) return to_json(*sweep_) + "\n";
    std::string out;
    for (const replay::WhatIfCase& each : grid_->cases()) out += to_json(each) + "\n";
    return out;
  }
  [[nodiscard]] bool good() const {
    return (grid_ ? grid_->failures() == 0 : sweep_->failures.empty()) && missing().empty();
  }
  // What keeps it from being all that was to run; what so large a sweep has to reach, and did not.
  [[nodiscard]] std::string missing() const {
    if (grid_) return not_whole(*grid_);
    std::string out = not_whole(*sweep_);
    if (out.empty() && must_reach_all(*sweep_)) out = never_reached(*sweep_);
    return out;
  }

 private:
  std::optional<std::string> add_case(const std::string& text) {
    if (sweep_) return mixed;
    auto one = what_if_case_from_json(text);
    if (!one) return one.error();
    if (!grid_) grid_.emplace();
    const std::string pair = one->recording + " with " + one->settings;
    if (!grid_->add(std::move(*one))) return pair + " is there twice";
    return std::nullopt;
  }
  std::optional<std::string> add_sweep(const std::string& text) {
    const auto one = statistics_from_json(text);
    if (!one) return one.error();
    if (grid_) return mixed;
    if (!sweep_) sweep_.emplace();
    if (std::string shared = shared_shard(*sweep_, *one); !shared.empty()) return shared;
    sweep_->add(*one);
    return std::nullopt;
  }

  static constexpr const char* mixed =
      "worlds (havklo sim) and recordings (havklo replay --with) do not add up: merge each alone";
  std::optional<replay::SweepStatistics> sweep_;
  std::optional<replay::WhatIfGrid> grid_;
};

int merge(const MergeOptions& options) {
  Shards shards;
  for (const std::string& name : options.files) {
    const auto text = read_text_file(name);
    if (!text) return refuse_merge(text.error());
    bool any = false;
    size_t number = 0;
    for (const auto part : std::views::split(*text, '\n')) {
      const std::string line(part.begin(), part.end());
      ++number;
      if (line.empty()) continue;
      any = true;
      if (const auto wrong = shards.add(line)) {
        return refuse_merge(fmt::format("{}:{}: {}", name, number, *wrong));
      }
    }
    if (!any) return refuse_merge(name + ": holds no figures");
  }
  if (!options.page.empty()) {
    const auto written = write_text_file(options.page, shards.page());
    if (!written) return refuse_merge(written.error());
  }
  fmt::print("{}", options.json ? shards.json() : shards.table());
  const std::string missing = shards.missing();
  if (!missing.empty()) std::fprintf(stderr, "havklo merge: %s\n", missing.c_str());
  return shards.good() ? exit_good : exit_failed;
}

}  // namespace

void add_merge_command(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<MergeOptions>();
  CLI::App* command = program.add_subcommand(
      "merge",
      "Add up what shards of a sweep found; exit 1 if a world failed, or a recording gave no "
      "answer, in any of them, or if some of what was to run is missing.\n"
      "Example: havklo merge shard-*.json -o sweep.html");
  command
      ->add_option("files", options->files,
                   "written by havklo sim --json, or by havklo replay --with --json")
      ->required();
  command->add_option("-o,--output", options->page, "write a page of histograms to this file");
  command->add_flag("--json", options->json, "print JSON instead of a table");
  command->callback([options, &exit_code] { exit_code = merge(*options); });
}

}  // namespace havklo
