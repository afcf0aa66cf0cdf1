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

#include "replay/recording/reader.hpp"
#include "support/command_line.hpp"
#include "support/loopback_venue.hpp"
#include "support/recorded_session.hpp"
#include "support/temporary_file.hpp"
#include "support/temporary_folder.hpp"

namespace havklo {
namespace {

constexpr int patience_ms = 20'000;

replay::Scenario busy() {
  replay::Scenario scenario;
  scenario.market.moves_per_1000_s = 500'000;
  return scenario;
}

// What the program writes to: a pipe of one page, which is full as soon as there is something in
// it, or a terminal.
std::array<int, 2> make_pipe() {
  std::array<int, 2> ends{-1, -1};
  EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  EXPECT_GT(::fcntl(ends[1], F_SETPIPE_SZ, 4096), 0);
  return ends;
}
std::array<int, 2> make_terminal() {
  const int master = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (::grantpt(master) != 0 || ::unlockpt(master) != 0) return {master, -1};
  return {master, ::open(::ptsname(master), O_WRONLY | O_NOCTTY | O_CLOEXEC)};
}

// A child process that runs a command. It is forked while this process has no other thread, whose
// locks it would inherit, and hears by a pipe what to run.
class Program {
 public:
  explicit Program(
      const std::function<void()>& before = [] {}, std::array<int, 2> output = make_pipe())
      : pipe_(output) {
    EXPECT_EQ(::pipe2(words_.data(), O_CLOEXEC), 0);
    std::fflush(nullptr);  // else the child says again what waits in our buffers
    child_ = ::fork();
    if (child_ != 0) {
      ::close(pipe_[1]);
      ::close(words_[0]);
      return;
    }
    const int errors = ::open(errors_.path().c_str(), O_WRONLY | O_CLOEXEC);
    ::dup2(pipe_[1], STDOUT_FILENO);
    ::dup2(errors, STDERR_FILENO);
    ::close(pipe_[0]);
    ::close(words_[1]);
    std::vector<std::string> arguments = hear_words();
    before();
    ::_exit(run_havklo(std::move(arguments)));
  }
  ~Program() {
    if (child_ > 0 && !ended_) ::kill(child_, SIGKILL);
    if (!ended_) ::waitpid(child_, nullptr, 0);
    if (pipe_[0] >= 0) ::close(pipe_[0]);
    if (words_[1] >= 0) ::close(words_[1]);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  void run(const std::vector<std::string>& arguments) {
    for (const std::string& each : arguments) {
      const auto bytes = static_cast<ssize_t>(each.size() + 1);
      EXPECT_EQ(::write(words_[1], each.c_str(), each.size() + 1), bytes);
    }
    ::close(std::exchange(words_[1], -1));
  }

  // Reads until `words` have come, or to the end.
  bool read_until(const std::string& words) {
    while (said_.find(words) == std::string::npos) {
      pollfd wait{.fd = pipe_[0], .events = POLLIN, .revents = 0};
      if (::poll(&wait, 1, patience_ms) != 1) return false;
      std::array<char, 4096> part{};
      const ssize_t bytes = ::read(pipe_[0], part.data(), part.size());
      if (bytes <= 0) return false;
      said_.append(part.data(), static_cast<size_t>(bytes));
    }
    return true;
  }
  void read_all() { static_cast<void>(read_until("no line says this")); }
  // Until the pipe is full: from here on the program waits for its reader.
  void wait_until_stalled() const {
    pollfd wait{.fd = pipe_[0], .events = POLLIN, .revents = 0};
    ASSERT_EQ(::poll(&wait, 1, patience_ms), 1);
  }
  void stop_reading() { ::close(std::exchange(pipe_[0], -1)); }
  void signal(int number) const { ::kill(child_, number); }

  // Its exit code; -1: it was killed, or it hangs.
  int end() {
    const int process = static_cast<int>(::syscall(SYS_pidfd_open, child_, 0));
    pollfd wait{.fd = process, .events = POLLIN, .revents = 0};
    const bool over = ::poll(&wait, 1, patience_ms) == 1;
    ::close(process);
    EXPECT_TRUE(over) << "it does not end";
    if (!over) return -1;
    int status = 0;
    ::waitpid(child_, &status, 0);
    ended_ = true;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  [[nodiscard]] const std::string& said() const { return said_; }
  [[nodiscard]] std::string last_line() const {
    const size_t end = said_.find_last_not_of('\n');
    const size_t begin = said_.rfind('\n', end);
    return said_.substr(begin + 1, end - begin);
  }
  [[nodiscard]] std::string errors() const {
    std::string text(std::filesystem::file_size(errors_.path()), '\0');
    std::ifstream(errors_.path()).read(text.data(), static_cast<std::streamsize>(text.size()));
    return text;
  }

 private:
  // In the child: each ends with a zero byte, the last with the pipe.
  [[nodiscard]] std::vector<std::string> hear_words() const {
    std::vector<std::string> words(1);
    for (char c = 0; ::read(words_[0], &c, 1) == 1;) {
      if (c != 0) {
        words.back() += c;
      } else {
        words.emplace_back();
      }
    }
    words.pop_back();
    return words;
  }

  std::array<int, 2> pipe_{-1, -1};
  std::array<int, 2> words_{-1, -1};
  TemporaryFile errors_;
  pid_t child_ = -1;
  bool ended_ = false;
  std::string said_;
};

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
