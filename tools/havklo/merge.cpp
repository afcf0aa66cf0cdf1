// havklo merge: the figures of many shards as one table and one page.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "havklo/commands.hpp"
#include "havklo/histogram_page.hpp"
#include "havklo/statistics_json.hpp"

namespace havklo {
namespace {

struct MergeOptions {
  std::vector<std::string> files;
  std::string page;
  bool json = false;
};

int complain(const std::string& what) {
  std::fprintf(stderr, "havklo merge: %s\n", what.c_str());
  return exit_usage;
}

int merge(const MergeOptions& options) {
  replay::SweepStatistics all;
  for (const std::string& name : options.files) {
    std::ifstream file(name);
    if (!file) return complain("cannot read '" + name + "'");
    std::ostringstream text;
    text << file.rdbuf();
    const auto one = statistics_from_json(text.str());
    if (!one) return complain(name + ": " + one.error());
    all.add(*one);
  }
  if (!options.page.empty()) {
    std::ofstream page(options.page);
    page << histogram_page(all);
    if (!page.flush()) return complain("cannot write '" + options.page + "'");
  }
  if (options.json) {
    fmt::print("{}\n", to_json(all));
  } else {
    fmt::print("{}", to_table(all));
  }
  return all.failures.empty() ? exit_good : exit_failed;
}

}  // namespace

void add_merge_command(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<MergeOptions>();
  CLI::App* command = program.add_subcommand(
      "merge",
      "Add up what shards of a sweep found; exit 1 if a world failed in any of them.\n"
      "Example: havklo merge shard-*.json -o sweep.html");
  command->add_option("files", options->files, "written by havklo sim --json")->required();
  command->add_option("-o,--output", options->page, "write a page of histograms to this file");
  command->add_flag("--json", options->json, "print JSON instead of a table");
  command->callback([options, &exit_code] { exit_code = merge(*options); });
}

}  // namespace havklo
