// havklo sim: seeded worlds, thousands of bad nights a minute.
#include <fmt/format.h>
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include "havklo/allocation_count.hpp"
#include "havklo/commands.hpp"
#include "havklo/complaint.hpp"
#include "havklo/event_printer.hpp"
#include "havklo/output_format.hpp"
#include "havklo/statistics_json.hpp"
#include "havklo/stop_signal.hpp"
#include "havklo/text_file.hpp"
#include "replay/text/counted.hpp"
#include "replay/world/built_in_scenarios.hpp"
#include "replay/world/minimiser.hpp"
#include "replay/world/scenario_draw.hpp"
#include "replay/world/simulation.hpp"
#include "replay/world/statistics.hpp"

namespace havklo {
namespace {

using replay::Scenario;
using replay::SimulationOptions;
using replay::SimulationResult;

struct SimOptions {
  std::string seeds;
  std::string scenario;
  std::string shard = "0/1";
  std::optional<std::string> record;
  bool record_overwrite = false;
  std::string minimise;
  OutputFormat format = OutputFormat::text;
  bool json = false;
  bool list = false;
  bool twice = false;
  bool keep_going = false;
  bool sometimes = false;
  bool legs = false;
};

struct SeedRange {
  uint64_t first = 1;
  uint64_t last = 1;
};

std::optional<uint64_t> parse_number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), value);
  if (error != std::errc{} || end != text.end()) return std::nullopt;
  return value;
}

// "7", or "1..1000", both ends counted.
std::optional<SeedRange> parse_seeds(std::string_view text) {
  const size_t dots = text.find("..");
  const auto first = parse_number(text.substr(0, dots));
  const auto last = dots == std::string_view::npos ? first : parse_number(text.substr(dots + 2));
  if (!first || !last || *last < *first) return std::nullopt;
  if (*last == std::numeric_limits<uint64_t>::max()) return std::nullopt;  // nothing comes after it
  return SeedRange{*first, *last};
}

// "3/16": of sixteen shards, counted from 0, the fourth.
std::optional<std::pair<uint64_t, uint64_t>> parse_shard(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto shard = parse_number(text.substr(0, slash));
  const auto count = parse_number(text.substr(slash + 1));
  if (!shard || !count || *count == 0 || *shard >= *count) return std::nullopt;
  return std::pair(*shard, *count);
}

constexpr Complaint refuse_sim{"sim"};

std::expected<Scenario, std::string> load_scenario(const std::string& name) {
  for (const replay::BuiltInScenario& each : replay::built_in_scenarios()) {
    if (each.name == name) return replay::parse_scenario(each.text, name + ".toml");
  }
  const auto text = read_text_file(name);
  if (!text) {
    return std::unexpected("no scenario has this name, and " + text.error() +
                           "; havklo sim --list names them");
  }
  return replay::parse_scenario(*text, name);
}

// The scenario's plan in the world of another seed.
Scenario reseeded(Scenario scenario, uint64_t seed) {
  Random random(seed);
  scenario.run.seed = random.next_u64();
  scenario.venue.seed = random.next_u64();
  scenario.network.seed = random.next_u64();
  return scenario;
}

int list_scenarios() {
  for (const replay::BuiltInScenario& each : replay::built_in_scenarios()) {
    fmt::print("{:<20} {}\n", each.name, each.summary());
  }
  return exit_good;
}

SimulationResult run_once(const Scenario& scenario, const SimOptions& options) {
  const SimulationOptions how{.allocations = allocation_count()};
  SimulationResult result = replay::simulate(scenario, how);
  if (options.twice && !result.breach) {
    const SimulationResult again = replay::simulate(scenario, how);
    if (again.digest != result.digest || again.events != result.events) {
      result.breach = {
          replay::Invariant::same_again,
          fmt::format("{}, then {} others", replay::counted(result.events, "event"), again.events),
          {},
          0};
    }
  }
  return result;
}

void write_minimised(const Scenario& scenario, const replay::Breach& breach,
                     const std::string& path) {
  const replay::Minimised smaller = replay::minimise(scenario, breach.invariant);
  const auto written =
      write_text_file(path, "# " + describe(breach) + "\n" + to_toml(smaller.scenario));
  if (!written) return static_cast<void>(refuse_sim("--minimise: " + written.error()));
  std::fprintf(stderr, "  made smaller in %s: havklo sim --scenario %s\n",
               replay::counted(smaller.runs, "run").c_str(), path.c_str());
}

// The worlds of one shard.
int run_seeds(const SimOptions& options, const SeedRange& seeds,
              const std::optional<Scenario>& plan) {
  const auto shard = parse_shard(options.shard);
  if (!shard)
    return refuse_sim("--shard " + options.shard + ": must be I/N with I below N, as 0/4");
  const StopSignal stop;
  replay::SweepStatistics statistics;
  statistics.first_seed = seeds.first;
  statistics.last_seed = seeds.last;
  statistics.shards = {{seeds.first, seeds.last, shard->first, shard->second}};
  statistics.drawn = !plan;
  const std::clock_t began = std::clock();  // of the processor: other programs do not count
  for (uint64_t seed = seeds.first; seed <= seeds.last && !stop.requested(); ++seed) {
    if (seed % shard->second != shard->first) continue;
    const Scenario scenario = plan           ? reseeded(*plan, seed)
                              : options.legs ? replay::draw_scenario_with_legs(seed)
                                             : replay::draw_scenario(seed);
    const SimulationResult result = run_once(scenario, options);
    statistics.add(seed, result);
    if (!result.breach) continue;
    std::fprintf(stderr, "havklo sim: seed %llu: %s\n", static_cast<unsigned long long>(seed),
                 describe(*result.breach).c_str());
    std::fprintf(stderr, "  again: havklo sim --seeds %llu%s%s%s%s\n",
                 static_cast<unsigned long long>(seed), plan ? " --scenario " : "",
                 plan ? options.scenario.c_str() : "", options.legs ? " --legs" : "",
                 options.twice ? " --twice" : "");
    if (options.record) {
      const auto recorded = replay::simulate(
          scenario, {.record_path = *options.record, .record_overwrite = options.record_overwrite});
      if (!recorded.not_recorded.empty()) return refuse_sim("--record: " + recorded.not_recorded);
      std::fprintf(stderr, "  recorded: havklo replay %s\n", options.record->c_str());
    }
    if (!options.minimise.empty()) write_minimised(scenario, *result.breach, options.minimise);
    if (!options.keep_going) break;
  }
  statistics.cpu_ns =
      static_cast<uint64_t>(std::clock() - began) * (1'000'000'000 / CLOCKS_PER_SEC);
  if (options.json) {
    fmt::print("{}\n", to_json(statistics));
  } else {
    fmt::print("{}", to_table(statistics));
  }
  if (stop.requested()) {
    std::fprintf(stderr, "havklo sim: stopped before the last seed\n");
    return exit_by_signal + stop.signal();
  }
  if (!statistics.failures.empty()) return exit_failed;
  if (!options.sometimes && !must_reach_all(statistics)) return exit_good;
  const std::string missing = never_reached(statistics);
  if (missing.empty()) return exit_good;
  std::fprintf(stderr, "havklo sim: %s\n", missing.c_str());
  return exit_failed;
}

// One world, told as it goes.
int show_world(const SimOptions& options, const Scenario& scenario) {
  EventPrinter printer(options.format, wants_colour());
  printer.name_sessions(scenario.sessions);
  printer.count_from(Instant{});  // as `at` of a scenario does: the venue's start, the first turn
  SimulationOptions how{.allocations = allocation_count(),
                        .record_path = options.record.value_or(""),
                        .record_overwrite = options.record_overwrite};
  how.on_event = [&printer](const Event& event, const Names& names) {
    const bool is_told = !is_market(event.kind) || event.kind == EventKind::trade_gap;
    if (is_told) printer.print(event, names);
  };
  const SimulationResult result = replay::simulate(scenario, how);
  printer.flush();
  if (!result.not_recorded.empty()) return refuse_sim("--record: " + result.not_recorded);
  if (printer.lost()) return exit_failed;
  if (result.breach) {
    std::fprintf(stderr, "havklo sim: %s\n", describe(*result.breach).c_str());
    if (!options.minimise.empty()) write_minimised(scenario, *result.breach, options.minimise);
    return exit_failed;
  }
  if (options.format == OutputFormat::text) {
    fmt::print("{} of virtual time, {}, {}, {} verified: all invariants hold\n",
               replay::readable(result.virtual_time), replay::counted(result.outages, "outage"),
               replay::counted(result.attempts, "attempt"),
               replay::counted(result.books_verified, "book message"));
  }
  return exit_good;
}

int run_sim(const SimOptions& options) {
  // Worlds come and go: keep their memory instead of giving it back to the kernel each time.
  ::mallopt(M_MMAP_THRESHOLD, 64 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 512 << 20);
  if (options.list) return list_scenarios();
  if (options.record && options.record->empty()) {
    return refuse_sim("--record '': must be a file's name, as night.hvk");
  }
  std::optional<Scenario> plan;
  if (!options.scenario.empty()) {
    auto loaded = load_scenario(options.scenario);
    if (!loaded) return refuse_sim(loaded.error());
    plan = std::move(*loaded);
  }
  if (options.seeds.empty()) {
    if (!plan) return refuse_sim("nothing to do: give --seeds 1..1000, --scenario NAME, or --list");
    return show_world(options, *plan);
  }
  const auto seeds = parse_seeds(options.seeds);
  if (!seeds)
    return refuse_sim("--seeds " + options.seeds +
                      ": must be A..B, as 1..1000, or one seed, below 2^64 - 1");
  return run_seeds(options, *seeds, plan);
}

}  // namespace

void add_sim_command(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<SimOptions>();
  CLI::App* command = program.add_subcommand("sim",
                                             "Run seeded worlds in virtual time and check every "
                                             "invariant; exit 1 at the first that breaks.\n"
                                             "Example: havklo sim --seeds 1..20000");
  CLI::Option* seeds =
      command->add_option("--seeds", options->seeds, "A..B, both counted, or one seed");
  command->add_option("--scenario", options->scenario,
                      "a named outage or a file instead of drawn worlds; alone: tell its story");
  command->add_option("--shard", options->shard, "I/N: only the seeds whose remainder by N is I")
      ->needs(seeds);
  command->add_flag("--twice", options->twice, "run each world twice and compare every event")
      ->needs(seeds);
  command->add_flag("--keep-going", options->keep_going, "do not stop at the first failing seed")
      ->needs(seeds);
  command
      ->add_flag("--sometimes", options->sometimes,
                 "fail when a state was never reached, however few or planned the worlds; drawn "
                 "ones must reach all from 20,000 on")
      ->needs(seeds);
  command
      ->add_flag("--legs", options->legs,
                 "draw a fifth of the worlds with sessions of several legs")
      ->needs(seeds);
  command->add_flag("--json", options->json, "statistics as JSON, for havklo merge")->needs(seeds);
  command->add_flag("--list", options->list, "name the scenarios");
  CLI::Option* record =
      command->add_option("--record", options->record, "record the failing world, or the one told");
  command
      ->add_flag("--record-overwrite", options->record_overwrite,
                 "replace the recording that the file holds")
      ->needs(record);
  command->add_option("--minimise", options->minimise,
                      "write the failing world, made as small as it fails, as a scenario file");
  add_format_option(*command, options->format, "of a story: ");
  command->callback([options, &exit_code] { exit_code = run_sim(*options); });
}

}  // namespace havklo
