// What is wrong with a command is one line that says what to change; a result that could not be
// written is no good result.
#include "support/command_line.hpp"

#include <fcntl.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "havklo/exchange_server.hpp"
#include "havklo/text_file.hpp"
#include "support/recorded_session.hpp"
#include "support/temporary_file.hpp"
#include "support/temporary_folder.hpp"

namespace havklo {
namespace {

void expect_one_line(const Said& said, int exit_code, const std::string& with) {
  EXPECT_EQ(said.exit_code, exit_code) << said.err;
  EXPECT_EQ(std::ranges::count(said.err, '\n'), 1) << said.err;
  EXPECT_NE(said.err.find(with), std::string::npos) << said.err;
  EXPECT_EQ(said.out, "");
}

TEST(CommandLine, NamesTheSubcommandThatDoesNotExist) {
  expect_one_line(havklo_says({"report", "x"}), exit_usage, "havklo: 'report' is no subcommand");
  expect_one_line(havklo_says({}), exit_usage, "havklo --help");
  expect_one_line(havklo_says({"sim", "--seed", "1"}), exit_usage, "havklo sim --help");
}

TEST(CommandLine, SaysWhatStandsWhereNothingIsExpected) {
  const auto error = [](std::vector<std::string> arguments) {
    const Said said = havklo_says(std::move(arguments));
    EXPECT_EQ(said.exit_code, exit_usage);
    return said.err;
  };
  EXPECT_EQ(error({"run", "--symbl", "BTC/USD"}),
            "havklo run: --symbl is no option; the nearest is --symbol (see havklo run --help)\n");
  EXPECT_EQ(error({"sim", "--sceario=flapping", "--seeds", "1"}),
            "havklo sim: --sceario is no option; the nearest is --scenario (see havklo sim "
            "--help)\n");
  EXPECT_EQ(error({"run", "--banana"}),
            "havklo run: --banana is no option (see havklo run --help)\n");
  EXPECT_EQ(error({"inspect", "a", "b", "c"}),
            "havklo inspect: unexpected: b c (see havklo inspect --help)\n");
  EXPECT_EQ(error({"rpelay", "a"}),
            "havklo: 'rpelay' is no subcommand; the nearest is replay (see havklo --help)\n");
}

TEST(CommandLine, APairHasTwoSides) {
  for (const char* symbol : {"FOO", "", "/", "BTC/", "/USD", "BTC/USD/EUR", "BTC USD"}) {
    expect_one_line(havklo_says({"exchange", "--symbol", symbol, "--listen", "127.0.0.1:0"}),
                    exit_usage, "--symbol " + std::string(symbol) + ": must be BASE/QUOTE");
  }
}

TEST(CommandLine, ANegativeNumberIsNoGreatOne) {
  const std::vector<std::vector<std::string>> commands = {
      {"run", "--symbol", "BTC/USD", "--seed", "-1"},
      {"run", "--symbol", "BTC/USD", "--depth", "-1"},
      {"run", "--symbol", "BTC/USD", "--cpu", "-1"},
      {"exchange", "--seed", "-1"},
      {"exchange", "--capture-rate", "-1"},
      {"inspect", "night.hvk", "--event", "-1"},
      {"replay", "night.hvk", "--break-at", "-1"}};
  for (const auto& command : commands) {
    const std::string& option = command[command.size() - 2];
    expect_one_line(havklo_says(command), exit_usage,
                    option + ": must be a whole number, 0 or more, not -1");
  }
}

TEST(CommandLine, APairIsServedOnce) {
  expect_one_line(havklo_says({"exchange", "--symbol", "BTC/USD", "--symbol", "BTC/USD"}),
                  exit_usage, "--symbol: the same symbol twice: BTC/USD");
}

TEST(CommandLine, ASettingThatIsWrongIsToldBeforeOneThatIsMissing) {
  const TemporaryFile nan("[reconnect]\nmultiplier = nan\n");
  expect_one_line(havklo_says({"run", "--config", nan.path()}), exit_usage,
                  "2: reconnect.multiplier must be a number");
  const TemporaryFile small("[reconnect]\nmultiplier = 0.5\n");
  expect_one_line(havklo_says({"run", "--config", small.path()}), exit_usage,
                  "reconnect.multiplier = 0.5: must be a number from 1 to 1000");
  const TemporaryFile good("[reconnect]\nmultiplier = 1.5\n");
  expect_one_line(havklo_says({"run", "--config", good.path()}), exit_usage,
                  "nothing to subscribe to");
}

TEST(CommandLine, ARefusedSizeOrDurationNamesTheUnits) {
  for (const char* size : {"64KB", "64K", "100000", "0.5MB"}) {
    expect_one_line(
        havklo_says({"run", "--symbol", "BTC/USD", "--record", "x", "--record-max-size", size}),
        exit_usage, "B, kB, MB, GB, KiB, MiB or GiB");
  }
  expect_one_line(havklo_says({"run", "--symbol", "BTC/USD", "--for", "3"}), exit_usage,
                  "ns, us, ms, s, m or h");
}

TEST(CommandLine, MergeSaysInItsOwnWordsWhatIsNoLineOfFigures) {
  const std::string good = havklo_says({"sim", "--seeds", "1", "--json"}).out;
  const auto error = [](const std::string& text) {
    const TemporaryFile shard(text);
    const Said said = havklo_says({"merge", shard.path()});
    EXPECT_EQ(said.exit_code, exit_usage);
    EXPECT_EQ(std::ranges::count(said.err, '\n'), 1);
    const size_t begin = said.err.find(shard.path()) + shard.path().size();
    return said.err.substr(begin, said.err.size() - begin - 1);
  };
  EXPECT_EQ(error("hello\n"),
            ":1: no line of havklo sim --json, nor of havklo replay --with --json");
  EXPECT_EQ(error(good + good.substr(0, good.size() / 2)),
            ":2: no line of havklo sim --json: no whole JSON; was it cut?");
  EXPECT_EQ(error("{\"havklo_sweep\":1}\n"),
            ":1: no line of havklo sim --json: a figure is missing; was it written by another "
            "version?");
  EXPECT_EQ(error("\n{\"havklo_what_if\":1,\"recording\":7}\n"),
            ":2: no line of havklo replay --with --json: a figure is of another kind; was it "
            "written by another version?");
}

TEST(CommandLine, OneIsNoPlural) {
  EXPECT_TRUE(
      havklo_says({"sim", "--seeds", "1"}).out.starts_with("1 world (seeds 1..1), 0 failing"));
  EXPECT_TRUE(havklo_says({"sim", "--seeds", "1..2"}).out.starts_with("2 worlds (seeds 1..2)"));
  const TemporaryFile quiet("[run]\nfor = \"2s\"\n");
  EXPECT_NE(havklo_says({"sim", "--scenario", quiet.path()}).out.find(" 0 outages, 1 attempt, "),
            std::string::npos);
}

TEST(CommandLine, AFolderIsNoFile) {
  const TemporaryFolder folder;
  const std::string why = "cannot read '" + folder.path() + "': Is a directory";
  const TemporaryFile recording;
  expect_one_line(havklo_says({"replay", recording.path(), "--with", folder.path()}), exit_usage,
                  why);
  expect_one_line(havklo_says({"sim", "--scenario", folder.path()}), exit_usage, why);
  expect_one_line(havklo_says({"exchange", "--scenario", folder.path()}), exit_usage, why);
  expect_one_line(havklo_says({"exchange", "--capture", folder.path()}), exit_usage, why);
  expect_one_line(havklo_says({"run", "--config", folder.path()}), exit_usage, why);
  expect_one_line(havklo_says({"merge", folder.path()}), exit_usage, why);
}

TEST(CommandLine, AFileThatIsNotThereIsNamedWithTheReason) {
  const TemporaryFolder folder;
  const std::string why = "'" + folder / "none" + "': No such file";
  expect_one_line(havklo_says({"sim", "--scenario", folder / "none"}), exit_usage, why);
  expect_one_line(havklo_says({"merge", folder / "none"}), exit_usage, why);
  expect_one_line(havklo_says({"run", "--config", folder / "none"}), exit_usage, why);
}

// A device, a log of another program, a disk's image: read to its end it would take all memory.
TEST(CommandLine, ATextHasALimit) {
  const std::string why = "cannot read '/dev/zero': it is longer than 64 MB";
  expect_one_line(havklo_says({"run", "--config", "/dev/zero"}), exit_usage, why);
  expect_one_line(havklo_says({"sim", "--scenario", "/dev/zero"}), exit_usage, why);
  expect_one_line(havklo_says({"exchange", "--scenario", "/dev/zero"}), exit_usage, why);
  expect_one_line(havklo_says({"merge", "/dev/zero"}), exit_usage, why);
  const TemporaryFile text("a text");
  EXPECT_EQ(read_text_file(text.path(), 6), "a text");
  EXPECT_FALSE(read_text_file(text.path(), 5));
}

TEST(CommandLine, SaysWhereNoTemporaryFolderCanBeMade) {
  ::setenv("TMPDIR", "/nowhere", 1);
  const Said exchange = havklo_says({"exchange"});
  const Said demo = havklo_says({"demo"});
  ::unsetenv("TMPDIR");
  expect_one_line(exchange, exit_usage, "in '/nowhere': No such file");
  expect_one_line(demo, exit_failed, "in '/nowhere': No such file");
}

TEST(CommandLine, WhatOnlySeedsCanDoNeedsSeeds) {
  for (const char* flag : {"--twice", "--keep-going", "--json"}) {
    expect_one_line(havklo_says({"sim", "--scenario", "flapping", flag}), exit_usage, "--seeds");
  }
  expect_one_line(havklo_says({"sim", "--scenario", "flapping", "--shard", "0/2"}), exit_usage,
                  "--seeds");
}

TEST(CommandLine, TheLastSeedHasAnEnd) {
  expect_one_line(havklo_says({"sim", "--seeds", "18446744073709551615"}), exit_usage,
                  "below 2^64 - 1");
  const Said last = havklo_says({"sim", "--seeds", "18446744073709551614"});
  EXPECT_EQ(last.exit_code, exit_good) << last.err;
}

// Standard output is the device that is always full.
Said havklo_says_to_a_full_disk(std::vector<std::string> arguments) {
  std::fflush(stdout);
  const int kept = ::dup(STDOUT_FILENO);
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  testing::internal::CaptureStderr();
  ::dup2(full, STDOUT_FILENO);
  Said said;
  said.exit_code = run_havklo(std::move(arguments));
  ::__fpurge(stdout);
  std::clearerr(stdout);  // a process of its own would begin without
  ::dup2(kept, STDOUT_FILENO);
  said.err = testing::internal::GetCapturedStderr();
  ::close(full);
  ::close(kept);
  return said;
}

TEST(CommandLine, AFullDiskIsNoGoodResult) {
  const TemporaryFile recording;
  VenueWorldSettings settings;
  settings.engine = book_settings({"BTC/USD"});
  static_cast<void>(record_session(recording.path(), settings, Duration::seconds(1)));
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{"--version"},
                                             {"--help"},
                                             {"run", "--help"},
                                             {"sim", "--seeds", "1", "--json"},
                                             {"sim", "--list"},
                                             {"sim", "--scenario", "flapping"},
                                             {"inspect", recording.path()},
                                             {"replay", recording.path()},
                                             {"replay", recording.path(), "--verify"}}) {
    expect_one_line(havklo_says_to_a_full_disk(command), exit_failed, "No space left on device");
  }
}

TEST(CommandLine, NoOtherOutputReplacesARecording) {
  const TemporaryFile worlds(havklo_says({"sim", "--seeds", "1", "--json"}).out);
  const TemporaryFile recording;
  VenueWorldSettings settings;
  settings.engine = book_settings({"BTC/USD"});
  static_cast<void>(record_session(recording.path(), settings, Duration::seconds(1)));
  const std::string before = recording.content();
  expect_one_line(havklo_says({"merge", worlds.path(), "-o", recording.path()}), exit_usage,
                  "'" + recording.path() + "': it holds a recording: write to another name");
  EXPECT_EQ(recording.content(), before);
  const TemporaryFile report("an earlier report");
  EXPECT_EQ(havklo_says({"merge", worlds.path(), "-o", report.path()}).exit_code, exit_good);
}

// What a client sends is no part of the terminal's language, nor of JSON's.
TEST(ExchangeLog, ClientTextDoesNothing) {
  const std::string hostile = "\x1b[2J\xff\r\u202e\"\\";
  EXPECT_EQ(note_line(OutputFormat::text, Instant{1'500'000'000}, 2, "request", hostile),
            "  +1.500000 s     2  request    \\x1b[2J\\xff\\r\\u202e\"\\\n");
  EXPECT_EQ(note_line(OutputFormat::jsonl, Instant{1'500'000'000}, 2, "request", hostile),
            "{\"time_ns\":1500000000,\"connection\":2,\"what\":\"request\",\"detail\":"
            "\"\\u001b[2J\\ufffd\\u000d\\u202e\\\"\\\\\"}\n");
  EXPECT_EQ(note_line(OutputFormat::text, Instant{}, 0, "listens", "a\u00e9"),
            "  +0.000000 s     -  listens    a\u00e9\n");
}

TEST(CommandLine, AFileThatCannotBeWrittenIsNamed) {
  const TemporaryFile worlds(havklo_says({"sim", "--seeds", "1", "--json"}).out);
  expect_one_line(havklo_says({"merge", worlds.path(), "-o", "/dev/full"}), exit_usage,
                  "cannot write '/dev/full': No space left on device");
}

}  // namespace
}  // namespace havklo
