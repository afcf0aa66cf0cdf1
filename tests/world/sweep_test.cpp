// Sweeps beyond one machine: recordings × settings as documents that add up, in any order, and the
// script that shares the pairs out. tests/sweep/run_slurm runs the same on a real cluster.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "havklo/statistics_json.hpp"
#include "havklo/what_if_json.hpp"
#include "havklo/what_if_page.hpp"
#include "replay/what_if/grid.hpp"
#include "support/command_line.hpp"
#include "support/temporary_file.hpp"
#include "support/temporary_folder.hpp"

namespace havklo {
namespace {

using replay::Figure;
using replay::OutageComparison;
using replay::WhatIfCase;
using replay::WhatIfGrid;
using replay::WhatIfRow;

constexpr int64_t second = 1'000'000'000;

OutageComparison outage(int64_t recorded_s, std::optional<int64_t> low_s,
                        std::optional<int64_t> high_s) {
  const auto ns = [](std::optional<int64_t> value) {
    return value ? std::optional(*value * second) : std::nullopt;
  };
  OutageComparison out{.begin = Instant{5 * second},
                       .reason = Reason::peer_reset,
                       .in_recording = true,
                       .in_model = true,
                       .recorded_count = 1,
                       .model_count = 1};
  const bool assumed = low_s != high_s;
  out.attempts = {.recorded = 4, .low = 6, .high = 9, .assumed = assumed};
  out.trips = {.recorded = 1, .low = 0, .high = 0, .assumed = assumed};
  out.first_connect_ns = {.recorded = recorded_s * second, .low = ns(low_s), .high = ns(high_s)};
  out.all_clear_ns = {recorded_s * second, ns(low_s), ns(high_s), assumed};
  out.attempts_in_ten_minutes = {.recorded = 5, .low = 7, .high = 10, .assumed = assumed};
  out.books_lost_ns = {{"BTC/USD", out.all_clear_ns}, {"A\"B", out.all_clear_ns}};
  return out;
}

WhatIfCase a_case(std::string recording, std::string settings,
                  std::vector<OutageComparison> outages) {
  WhatIfCase one{.recording = std::move(recording), .settings = std::move(settings)};
  one.what_if.outages = std::move(outages);
  one.what_if.repairs_ns = {{"BTC/USD", {.recorded = second, .low = second, .high = 2 * second}}};
  one.what_if.attempts = 20;
  one.what_if.assumed_attempts = 7;
  one.what_if.disputed_attempts = 3;
  return one;
}

std::vector<WhatIfCase> four_cases() {
  return {a_case("a.hvk", "quick.toml", {outage(10, 4, 8), outage(30, 30, 30)}),
          a_case("b.hvk", "quick.toml", {outage(20, 6, std::nullopt)}),
          a_case("a.hvk", "slow \"2\".toml", {outage(10, 40, 40), outage(30, 50, 50)}),
          a_case("b.hvk", "slow \"2\".toml", {outage(20, 60, 60)})};
}

WhatIfGrid grid_of(const std::vector<WhatIfCase>& cases) {
  WhatIfGrid grid;
  for (const WhatIfCase& each : cases) EXPECT_TRUE(grid.add(each));
  return grid;
}

std::string lines_of(const WhatIfGrid& grid) {
  std::string out;
  for (const WhatIfCase& each : grid.cases()) out += to_json(each) + "\n";
  return out;
}

TEST(WhatIfGrid, ACaseIsTheSameAfterItsJson) {
  std::vector<WhatIfCase> cases = four_cases();
  cases[0].torn = "cut off";
  cases[1].failure = "turn 7 differs";
  // A file's name is any bytes; a line of JSON is UTF-8.
  cases[2].recording = "night-\xff\x1b[2J.hvk";
  EXPECT_NE(to_json(cases[2]).find(R"("night-\\xff\\x1b[2J.hvk")"), std::string::npos);
  for (const WhatIfCase& each : cases) {
    const auto read = what_if_case_from_json(to_json(each));
    ASSERT_TRUE(read) << read.error();
    EXPECT_EQ(to_json(*read), to_json(each));
  }
  EXPECT_FALSE(what_if_case_from_json(R"({"havklo_what_if":2})"));
  EXPECT_FALSE(what_if_case_from_json(R"({"havklo_what_if":1,"recording":"a"})"));
  const std::string whole = to_json(cases[2]);
  EXPECT_FALSE(what_if_case_from_json(whole.substr(0, whole.size() / 2)));
}

TEST(WhatIfGrid, ARowForWhatWasRecordedAndForEachFileOfSettings) {
  const std::vector<WhatIfRow> rows = grid_of(four_cases()).rows();
  ASSERT_EQ(rows.size(), 3u);
  const WhatIfRow& recorded = rows[0];
  EXPECT_EQ(recorded.settings, "");
  EXPECT_EQ(recorded.recordings, 2u);
  EXPECT_EQ(recorded.outages, 3u);
  EXPECT_EQ(recorded.attempts.high, 12);
  EXPECT_EQ(recorded.all_clear_quantile_ns(0.5).low, 20 * second);
  EXPECT_EQ(recorded.all_clear_quantile_ns(1.0).high, 30 * second);
  EXPECT_EQ(recorded.assumed_outages, 0u);
  // Two books in three outages of 60 s together, and a repair of 1 s in each recording.
  EXPECT_EQ(recorded.all_books_lost_ns().low, 122 * second);

  const WhatIfRow& quick = rows[1];
  EXPECT_EQ(quick.settings, "quick.toml");
  EXPECT_EQ(quick.recordings, 2u);
  EXPECT_EQ(quick.attempts.low, 18);
  EXPECT_EQ(quick.attempts.high, 27);
  EXPECT_EQ(quick.most_in_ten_minutes.low, 7);
  EXPECT_EQ(quick.most_in_ten_minutes.high, 10);
  EXPECT_EQ(quick.all_clear_quantile_ns(0.5).low, 6 * second);
  EXPECT_EQ(quick.all_clear_quantile_ns(0.5).high, 30 * second);
  EXPECT_EQ(quick.all_clear_quantile_ns(1.0).high, replay::not_by_the_end);
  EXPECT_EQ(quick.assumed_outages, 2u);
  EXPECT_EQ(quick.assumed_attempts, 14u);

  EXPECT_EQ(rows[2].all_clear_quantile_ns(0.99).high, 60 * second);
  EXPECT_EQ(rows[2].assumed_outages, 0u);
}

TEST(WhatIfGrid, TheOrderOfTheShardsDoesNotMatter) {
  std::vector<WhatIfCase> cases = four_cases();
  const std::string table = to_table(grid_of(cases));
  const std::string lines = lines_of(grid_of(cases));
  std::ranges::reverse(cases);
  EXPECT_EQ(to_table(grid_of(cases)), table);
  EXPECT_EQ(lines_of(grid_of(cases)), lines);
  EXPECT_NE(table.find("30.000 to not by the end"), std::string::npos) << table;
}

TEST(WhatIfGrid, SaysWhatIsMissingAndWhatGivesNoAnswer) {
  std::vector<WhatIfCase> cases = four_cases();
  EXPECT_EQ(to_table(grid_of(cases)).find("not the whole grid"), std::string::npos);
  cases.pop_back();
  EXPECT_NE(to_table(grid_of(cases)).find("not the whole grid: 3 of 4 pairs"), std::string::npos);
  cases[0].failure = "turn 7 <differs>";
  const WhatIfGrid grid = grid_of(cases);
  EXPECT_EQ(grid.failures(), 1u);
  EXPECT_EQ(grid.rows()[1].recordings, 1u);
  EXPECT_NE(to_table(grid).find("a.hvk with quick.toml: turn 7"), std::string::npos);
  EXPECT_NE(what_if_page(grid).find("turn 7 &lt;differs>"), std::string::npos);
  EXPECT_NE(what_if_page(grid).find("<svg"), std::string::npos);
}

Said merge(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "merge");
  return havklo_says(std::move(arguments));
}

TEST(Merge, AddsUpRecordingsAndItsOwnJson) {
  const std::vector<WhatIfCase> cases = four_cases();
  const TemporaryFile one(to_json(cases[3]) + "\n" + to_json(cases[0]) + "\n");
  const TemporaryFile two(to_json(cases[2]) + "\n" + to_json(cases[1]) + "\n");
  const Said table = merge({one.path(), two.path()});
  EXPECT_EQ(table.exit_code, exit_good) << table.err;
  EXPECT_EQ(table.out, to_table(grid_of(cases)));
  const TemporaryFile merged(merge({"--json", two.path(), one.path()}).out);
  EXPECT_EQ(merge({merged.path()}).out, table.out);
}

TEST(Merge, RefusesAMixTwiceTheSameAndNothingInOneLine) {
  const TemporaryFile worlds(to_json(replay::SweepStatistics{}) + "\n");
  const TemporaryFile recordings(to_json(four_cases()[0]) + "\n");
  const TemporaryFile nothing;
  const std::vector<std::pair<std::vector<std::string>, std::string>> refused = {
      {{worlds.path(), recordings.path()}, "do not add up"},
      {{recordings.path(), worlds.path()}, "do not add up"},
      {{recordings.path(), recordings.path()}, "a.hvk with quick.toml is there twice"},
      {{nothing.path()}, "holds no figures"}};
  for (const auto& [files, why] : refused) {
    const Said said = merge(files);
    EXPECT_EQ(said.exit_code, exit_usage);
    EXPECT_NE(said.err.find(why), std::string::npos) << said.err;
    EXPECT_EQ(std::ranges::count(said.err, '\n'), 1);
    EXPECT_EQ(said.out, "");
  }
}

TEST(Merge, ARecordingWithoutAnswerIsAFailure) {
  WhatIfCase one = four_cases()[0];
  one.failure = "no recording";
  const TemporaryFile file(to_json(one) + "\n");
  EXPECT_EQ(merge({file.path()}).exit_code, exit_failed);
}

// What havklo sim --json says of a shard.
std::string shard_of(const std::string& seeds, const std::string& shard) {
  const Said said = havklo_says({"sim", "--seeds", seeds, "--shard", shard, "--json"});
  EXPECT_EQ(said.exit_code, exit_good) << said.err;
  return said.out;
}

std::string with_replaced(std::string text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from << " in " << text;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

// But for the processor's time.
std::string figures_of(const std::string& json) {
  const size_t begin = json.find("\"cpu_ns\":");
  return begin == std::string::npos ? json
                                    : json.substr(0, begin) + json.substr(json.find(',', begin));
}

TEST(Merge, AShardThatIsThereTwiceIsRefused) {
  const TemporaryFile even(shard_of("1..8", "0/2"));
  const TemporaryFile odd(shard_of("1..8", "1/2"));
  const TemporaryFile quarter(shard_of("1..8", "2/4"));
  const TemporaryFile one(shard_of("8", "0/1"));
  const TemporaryFile whole(merge({"--json", even.path(), odd.path()}).out);
  const std::vector<std::pair<std::vector<std::string>, std::string>> refused = {
      {{even.path(), even.path()}, "shard 0/2 of seeds 1..8 is there twice"},
      {{odd.path(), even.path(), odd.path()}, "shard 1/2 of seeds 1..8 is there twice"},
      {{even.path(), quarter.path()},
       "shard 0/2 of seeds 1..8 and shard 2/4 of seeds 1..8 overlap"},
      {{even.path(), one.path()}, "shard 0/2 of seeds 1..8 and shard 0/1 of seeds 8..8 overlap"},
      {{whole.path(), odd.path()}, "shard 0/1 of seeds 1..8 and shard 1/2 of seeds 1..8 overlap"},
      {{whole.path(), whole.path()}, "shard 0/1 of seeds 1..8 is there twice"}};
  for (const auto& [files, why] : refused) {
    const Said said = merge(files);
    EXPECT_EQ(said.exit_code, exit_usage) << why;
    EXPECT_NE(said.err.find(why + "\n"), std::string::npos) << said.err;
    EXPECT_EQ(std::ranges::count(said.err, '\n'), 1);
    EXPECT_EQ(said.out, "");
  }
}

TEST(Merge, WorldsThatNeverRanAreNoAllClear) {
  const TemporaryFile half(shard_of("1..8", "0/2"));
  const Said said = merge({half.path()});
  EXPECT_EQ(said.exit_code, exit_failed);
  EXPECT_EQ(said.err, "havklo merge: 4 of 8 worlds: the sweep is not whole\n");
  EXPECT_TRUE(said.out.starts_with("4 worlds (seeds 1..8), 0 failing")) << said.out;
  // A sweep that was stopped: all its shards, and not all their worlds.
  const TemporaryFile stopped(
      with_replaced(shard_of("1..8", "1/2"), "\"worlds\":4", "\"worlds\":3"));
  EXPECT_EQ(merge({half.path(), stopped.path()}).err,
            "havklo merge: 7 of 8 worlds: the sweep is not whole\n");
  // Two ranges, between which others lie.
  const TemporaryFile first(shard_of("1..2", "0/1"));
  const TemporaryFile last(shard_of("5..6", "0/1"));
  EXPECT_EQ(merge({last.path(), first.path()}).err,
            "havklo merge: 4 of 6 worlds: the sweep is not whole\n");
}

TEST(Merge, WhatWasMergedIsMergedAgain) {
  std::vector<TemporaryFile> quarters(4);
  for (size_t i = 0; i < quarters.size(); ++i) {
    quarters[i].write(shard_of("1..8", std::to_string(i) + "/4"));
  }
  const TemporaryFile some(merge({"--json", quarters[3].path(), quarters[0].path()}).out);
  EXPECT_EQ(merge({some.path()}).exit_code, exit_failed);
  EXPECT_EQ(merge({some.path(), quarters[3].path()}).exit_code, exit_usage);
  const Said all = merge({"--json", quarters[2].path(), some.path(), quarters[1].path()});
  EXPECT_EQ(all.exit_code, exit_good) << all.err;
  EXPECT_EQ(figures_of(all.out), figures_of(shard_of("1..8", "0/1")));
}

TEST(Merge, AShardWithoutASeedAndALineOfBeforeTheShardWasInItAreRead) {
  const TemporaryFile one(shard_of("1..1", "1/3"));
  const TemporaryFile none(shard_of("1..1", "2/3"));
  EXPECT_EQ(merge({none.path(), one.path()}).exit_code, exit_good);
  const std::string whole = shard_of("1..3", "0/1");
  const TemporaryFile old(with_replaced(whole, ",\"shards\":[[1,3,0,1]]", ""));
  EXPECT_EQ(merge({old.path()}).exit_code, exit_good);
  const TemporaryFile twice(old.content() + old.content());
  EXPECT_EQ(merge({twice.path()}).err, "havklo merge: 6 of 3 worlds: a shard is there twice\n");
}

TEST(Merge, AGridThatIsNotWholeIsNoAllClear) {
  std::vector<WhatIfCase> cases = four_cases();
  cases.pop_back();
  const TemporaryFile three(lines_of(grid_of(cases)));
  for (const bool json : {false, true}) {
    std::vector<std::string> arguments = {three.path()};
    if (json) arguments.emplace_back("--json");
    const Said said = merge(arguments);
    EXPECT_EQ(said.exit_code, exit_failed);
    EXPECT_EQ(said.err, "havklo merge: 3 of 4 pairs: the grid is not whole\n");
  }
}

// A shard may come from a stranger, and so may what is in it.
TEST(Merge, AShardsTextActsOnNoTerminal) {
  WhatIfCase one = four_cases()[0];
  one.recording = "a_REC.hvk";
  one.settings = "q_SET.toml";
  one.failure = "torn_WHY";
  std::string pair = with_replaced(to_json(one), "_REC", "\\u001b]0;x\\u0007");
  pair = with_replaced(pair, "_SET", "\\u001b[2J");
  pair = with_replaced(pair, "_WHY", "\\u001b[31m");
  const TemporaryFile failing(pair + "\n");
  const Said grid = merge({failing.path()});
  EXPECT_NE(grid.out.find("a\\x1b]0;x\\x07.hvk with q\\x1b[2J.toml: torn\\x1b[31m\n"),
            std::string::npos)
      << grid.out;
  EXPECT_EQ(grid.out.find_first_of("\x1b\x07"), std::string::npos);

  replay::SweepStatistics statistics;
  statistics.worlds = 1;
  statistics.failures.push_back({0, "books_INVARIANT", "what_WHAT"});
  std::string line = with_replaced(to_json(statistics), "INVARIANT", "\\u001b]0;x\\u0007");
  line = with_replaced(line, "WHAT", "\\u001b[2J");
  const TemporaryFile worlds(line + "\n");
  const Said sweep = merge({worlds.path()});
  EXPECT_NE(sweep.out.find("seed 0: books_\\x1b]0;x\\x07: what_\\x1b[2J\n"), std::string::npos)
      << sweep.out;
  EXPECT_EQ(sweep.out.find_first_of("\x1b\x07"), std::string::npos);
}

// tools/sweep.sbatch with a program that only answers what it was asked for.
class SweepScript : public testing::Test {
 protected:
  SweepScript() {
    std::filesystem::create_directory(folder_ / "recordings");
    std::filesystem::create_directory(folder_ / "settings");
    for (const char* name : {"a.hvk", "b b.hvk", "b b.hvk.1", "c.hvk", "notes.txt"}) {
      std::ofstream(folder_ / "recordings/" + name) << "";
    }
    for (const char* name : {"x.toml", "y.toml"}) {
      std::ofstream(folder_ / "settings/" + name) << "";
    }
    std::ofstream(folder_ / "z.toml") << "";
    write_program(
        R"(printf '{"havklo_what_if":1,"recording":"%s","settings":"%s","failure":"%s"}\n' "$2" "$4" "$1 $3 $5")");
  }
  void write_program(const std::string& body) {
    std::ofstream(folder_ / "program") << "#!/bin/sh\n" << body << "\n";
    std::filesystem::permissions(folder_ / "program", std::filesystem::perms::owner_all);
  }
  int sweep(uint32_t shard, uint32_t shards, const std::string& arguments) {
    const std::string command =
        "cd '" + folder_.path() + "' && HAVKLO=./program SHARD=" + std::to_string(shard) +
        " SHARDS=" + std::to_string(shards) + " bash " HAVKLO_SOURCE_DIR "/tools/sweep.sbatch " +
        arguments + " 2> complaint";
    return WEXITSTATUS(std::system(command.c_str()));
  }
  std::vector<std::string> results() {
    std::vector<std::string> lines;
    if (!std::filesystem::exists(folder_ / "out")) return lines;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / "out")) {
      EXPECT_EQ(entry.path().extension(), ".json") << entry.path();
      std::ifstream file(entry.path());
      for (std::string line; std::getline(file, line);) lines.push_back(line);
    }
    return lines;
  }

  TemporaryFolder folder_;
};

TEST_F(SweepScript, EachPairGoesToOneShard) {
  for (const uint32_t shards : {1U, 2U, 3U, 4U, 9U, 11U}) {
    for (uint32_t shard = 0; shard < shards; ++shard) {
      ASSERT_EQ(sweep(shard, shards, "recordings settings z.toml out"), 0);
    }
    WhatIfGrid grid;
    std::map<std::string, std::set<std::string>> by_recording;
    for (const std::string& line : results()) {
      const auto one = what_if_case_from_json(line);
      ASSERT_TRUE(one) << line;
      EXPECT_EQ(one->failure, "replay --with --json");
      by_recording[one->recording].insert(one->settings);
      EXPECT_TRUE(grid.add(*one)) << line << " twice, of " << shards;
    }
    EXPECT_EQ(grid.cases().size(), 9u) << shards;
    const std::set<std::string> settings = {"settings/x.toml", "settings/y.toml", "z.toml"};
    EXPECT_EQ(by_recording,
              (std::map<std::string, std::set<std::string>>{{"recordings/a.hvk", settings},
                                                            {"recordings/b b.hvk", settings},
                                                            {"recordings/c.hvk", settings}}));
    std::filesystem::remove_all(folder_ / "out");
  }
}

TEST_F(SweepScript, SeedsGoToTheSimulator) {
  write_program("echo \"$*\"");
  ASSERT_EQ(sweep(2, 5, "1..100 out"), 0);
  EXPECT_EQ(results(),
            std::vector<std::string>{"sim --seeds 1..100 --shard 2/5 --keep-going --json"});
}

TEST_F(SweepScript, AKilledProgramLeavesNothingAndEndsTheTaskWithItsStatus) {
  // The second of the shard's pairs.
  write_program("echo half; case \"$2\" in *b*) kill -9 $$;; esac");
  EXPECT_EQ(sweep(0, 1, "recordings settings out"), 137);
  EXPECT_TRUE(results().empty());
  write_program("echo stopped early; exit 143");
  EXPECT_EQ(sweep(0, 1, "1..100 out"), 143);
  EXPECT_TRUE(results().empty());
  // What fails, or answers nothing, is a result.
  write_program("echo found; exit 1");
  EXPECT_EQ(sweep(0, 1, "1..100 out"), 0);
  EXPECT_EQ(results().size(), 1u);
}

TEST_F(SweepScript, SaysWhatIsMissing) {
  EXPECT_EQ(sweep(0, 1, "recordings z.toml nowhere.toml out"), 2);
  EXPECT_EQ(sweep(0, 1, "settings z.toml out"), 2);
  EXPECT_EQ(sweep(0, 1, "out"), 2);
  EXPECT_TRUE(results().empty());
}

}  // namespace
}  // namespace havklo
