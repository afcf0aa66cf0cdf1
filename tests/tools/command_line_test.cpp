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

TEST(CommandLine, AFileThatCannotBeWrittenIsNamed) {
  const TemporaryFile worlds(havklo_says({"sim", "--seeds", "1", "--json"}).out);
  expect_one_line(havklo_says({"merge", worlds.path(), "-o", "/dev/full"}), exit_usage,
                  "cannot write '/dev/full': No space left on device");
}

}  // namespace
}  // namespace havklo
