// `havklo run` ends in time, with everything said or one line that says what was lost: whatever the
// reader of its output does, and by whatever it is asked. The program runs in a child process.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "faults/program.hpp"
#include "replay/recording/reader.hpp"
#include "support/command_line.hpp"
#include "support/loopback_venue.hpp"
#include "support/recorded_session.hpp"
#include "support/temporary_file.hpp"
#include "support/temporary_folder.hpp"

namespace havklo {
namespace {

replay::Scenario busy() {
  replay::Scenario scenario;
  scenario.market.moves_per_1000_s = 500'000;
  return scenario;
}

class Run : public testing::Test {
 protected:
  // After the program was forked.
  std::vector<std::string> command(std::vector<std::string> more = {}) {
    venue_ = std::make_unique<LoopbackVenue>(busy());
    std::vector<std::string> words = {"run",
                                      "--url",
                                      venue_->settings().url,
                                      "--ca-file",
                                      venue_->ca_file(),
                                      "--symbol",
                                      "BTC/USD",
                                      "--symbol",
                                      "ETH/USD",
                                      "--idle",
                                      "park",
                                      "--record",
                                      folder_ / "night.hvk"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  void expect_whole_recording() {
    auto reader = replay::Reader::open(folder_ / "night.hvk");
    ASSERT_TRUE(reader) << reader.error();
    replay::RecordedTurn turn;
    auto status = replay::Reader::Status::turn;
    while (status == replay::Reader::Status::turn) status = reader->next(turn);
    EXPECT_EQ(status, replay::Reader::Status::end) << reader->lost();
  }

  std::unique_ptr<LoopbackVenue> venue_;
  TemporaryFolder folder_;
};

TEST_F(Run, EndsInTimeThoughNobodyReads) {
  Program program;
  program.run(command({"--for", "1s"}));
  EXPECT_EQ(program.end(), exit_failed);
  EXPECT_EQ(program.errors(), "havklo: cannot write events: nobody reads standard output\n");
  expect_whole_recording();
}

// poll() calls a terminal writable that then waits, as one that was stopped with Ctrl-S.
TEST_F(Run, EndsInTimeInATerminalThatNobodyReads) {
  const auto terminal = make_terminal();
  if (terminal[1] < 0) GTEST_SKIP() << "there is no /dev/pts here";
  Program program([] {}, terminal);
  program.run(command({"--for", "1s", "--format", "jsonl"}));
  EXPECT_EQ(program.end(), exit_failed);
  expect_whole_recording();
}

TEST_F(Run, EndsBySignalThoughNobodyReads) {
  Program program;
  program.run(command());
  ASSERT_TRUE(program.read_until("SubscriptionsRestored"));
  program.wait_until_stalled();
  program.signal(SIGTERM);
  EXPECT_EQ(program.end(), exit_failed);
  EXPECT_EQ(program.errors(), "havklo: cannot write events: nobody reads standard output\n");
  expect_whole_recording();
}

TEST_F(Run, AReaderThatComesBackHearsOfTheEnd) {
  Program program;
  program.run(command());
  ASSERT_TRUE(program.read_until("SubscriptionsRestored"));
  program.wait_until_stalled();
  program.signal(SIGTERM);
  program.read_all();
  EXPECT_EQ(program.end(), exit_good) << program.errors();
  EXPECT_NE(program.last_line().find("Closed"), std::string::npos) << program.last_line();
  EXPECT_EQ(program.errors(), "");
  expect_whole_recording();
}

// The terminal is gone.
TEST_F(Run, AHangUpEndsItAsATermination) {
  Program program;
  program.run(command());
  ASSERT_TRUE(program.read_until("SubscriptionsRestored"));
  program.signal(SIGHUP);
  program.read_all();
  EXPECT_EQ(program.end(), exit_good) << program.errors();
  EXPECT_NE(program.last_line().find("Closed"), std::string::npos) << program.last_line();
  expect_whole_recording();
}

TEST_F(Run, UnderNohupAHangUpIsIgnored) {
  Program program([] { std::signal(SIGHUP, SIG_IGN); });
  program.run(command());
  ASSERT_TRUE(program.read_until("SubscriptionsRestored"));
  program.signal(SIGHUP);
  ASSERT_TRUE(program.read_until("BookUpdate"));
  program.signal(SIGINT);
  program.read_all();
  EXPECT_EQ(program.end(), exit_good) << program.errors();
}

TEST_F(Run, AReaderThatHasSeenEnoughLostNothing) {
  Program program;
  program.run(command());
  ASSERT_TRUE(program.read_until("SubscriptionsRestored"));
  program.stop_reading();
  EXPECT_EQ(program.end(), exit_good) << program.errors();
  expect_whole_recording();
}

// Nobody listens there.
class RunInVain : public testing::Test {
 protected:
  std::vector<std::string> command(std::vector<std::string> more) {
    std::vector<std::string> words = {
        "run", "--url", "ws://127.0.0.1:1/v2", "--symbol", "BTC/USD", "--idle", "park"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
};

TEST_F(RunInVain, IsAFailureWhenTheTimeIsOver) {
  Program program;
  program.run(command({"--for", "300ms"}));
  program.read_all();
  EXPECT_EQ(program.end(), exit_failed);
  EXPECT_EQ(program.errors(),
            "havklo run: it was never live: the last attempt ended by connect_refused\n");
}

TEST_F(RunInVain, IsNoneForWhoStopsIt) {
  Program program;
  program.run(command({}));
  ASSERT_TRUE(program.read_until("ConnectFailed"));
  program.signal(SIGTERM);
  program.read_all();
  EXPECT_EQ(program.end(), exit_good) << program.errors();
}

TEST_F(RunInVain, SaysThatItClosedByItself) {
  Program program;
  program.run(command({"--no-reconnect"}));
  program.read_all();
  EXPECT_EQ(program.end(), exit_failed);
  EXPECT_EQ(program.errors(), "havklo run: the engine closed by itself: connect_refused\n");
}

// The next file that is opened would be standard output: a recording, with text in it.
TEST_F(RunInVain, AClosedOutputIsNobodysFile) {
  const TemporaryFolder folder;
  Program program([] { ::close(STDOUT_FILENO); });
  program.run(command({"--for", "300ms", "--record", folder / "night.hvk"}));
  EXPECT_EQ(program.end(), exit_failed);
  EXPECT_EQ(program.errors(), "havklo: cannot write events: standard output is closed\n");
  auto reader = replay::Reader::open(folder / "night.hvk");
  ASSERT_TRUE(reader) << reader.error();
}

// Standard output is a file that may grow by so many bytes, and any other by far more: a signal
// would end the program, and tear its recording.
constexpr off_t file_size_max = 1'000'000;
void allow_small_files() {
  const rlimit limit{.rlim_cur = file_size_max, .rlim_max = file_size_max};
  ::setrlimit(RLIMIT_FSIZE, &limit);
}
std::array<int, 2> make_file(const std::string& path, off_t room) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  EXPECT_EQ(::lseek(file, file_size_max - room, SEEK_SET), file_size_max - room);
  return {-1, file};
}

TEST_F(Run, AFullOutputFileEndsItWithAWholeRecording) {
  Program program(allow_small_files, make_file(folder_ / "said.txt", 20'000));
  program.run(command({"--format", "jsonl"}));
  EXPECT_EQ(program.end(), exit_failed);
  EXPECT_EQ(program.errors(), "havklo: cannot write events: File too large\n");
  expect_whole_recording();
}

TEST(FullOutputFile, IsToldByWhateverPrints) {
  const TemporaryFolder folder;
  const std::vector<std::vector<std::string>> commands = {
      {"sim", "--seeds", "1..2"}, {"sim", "--seeds", "1..2", "--json"}, {"replay", "--help"}};
  for (const auto& command : commands) {
    Program program(allow_small_files, make_file(folder / "said.txt", 8));
    program.run(command);
    EXPECT_EQ(program.end(), exit_failed) << command[0];
    EXPECT_EQ(program.errors(), "havklo: cannot write the output: File too large\n");
  }
}

TEST(ClosedOutput, IsToldByWhateverPrints) {
  const TemporaryFolder folder;
  const std::string recording = folder / "night.hvk";
  VenueWorldSettings session;
  session.engine = book_settings({"BTC/USD"});
  record_session(recording, std::move(session), Duration::seconds(5));
  const TemporaryFile settings("[reconnect]\ninitial_delay = \"1ms\"\n");
  const std::vector<std::vector<std::string>> commands = {
      {"exchange", "--no-tls"},
      {"exchange", "--no-tls", "--format", "jsonl", "--quiet"},
      {"replay", recording, "--with", settings.path()},
      {"replay", recording, "--with", settings.path(), "--json"}};
  for (const auto& command : commands) {
    Program closed([] { ::close(STDOUT_FILENO); });
    closed.run(command);
    EXPECT_EQ(closed.end(), exit_failed) << command.back();
    EXPECT_EQ(closed.errors(), "havklo: cannot write the output: standard output is closed\n");
    Program full([] {}, {-1, ::open("/dev/full", O_WRONLY | O_CLOEXEC)});
    full.run(command);
    EXPECT_EQ(full.end(), exit_failed) << command.back();
    EXPECT_EQ(full.errors(), "havklo: cannot write the output: No space left on device\n");
  }
}

TEST(Exchange, SaysWhereItListensInTheFormatOfItsLog) {
  Program program;
  program.run({"exchange", "--format", "jsonl", "--quiet"});
  ASSERT_TRUE(program.read_until("ca_file"));
  program.signal(SIGTERM);
  program.read_all();
  EXPECT_EQ(program.end(), exit_good) << program.errors();
  EXPECT_TRUE(program.said().starts_with(
      R"({"time_ns":0,"connection":0,"what":"listening","detail":"wss://127.0.0.1:)"))
      << program.said();
}

TEST(RunOutOf, DescriptorsSaysSo) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "UBSan, beside it, opens a pipe to look at an object";
#endif
  Program program([] {
    const rlimit few{.rlim_cur = 5, .rlim_max = 5};
    ::setrlimit(RLIMIT_NOFILE, &few);
  });
  program.run({"run", "--symbol", "BTC/USD", "--for", "1s"});
  EXPECT_EQ(program.end(), exit_usage);
  const std::string errors = program.errors();
  EXPECT_EQ(std::ranges::count(errors, '\n'), 1) << errors;
}

TEST(Demo, SaysThatItWasStopped) {
  Program program;
  program.run({"demo"});
  ASSERT_TRUE(program.read_until("SubscriptionsRestored"));
  program.signal(SIGINT);
  program.read_all();
  EXPECT_EQ(program.end(), exit_failed);
  EXPECT_EQ(program.errors(), "havklo demo: stopped by SIGINT before its end\n");
}

}  // namespace
}  // namespace havklo
