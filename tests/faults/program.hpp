// The program in a child process, as it runs in a terminal: what it is asked, what it says, how it
// ends.
//
// Owns:    the child, which is killed when the object goes and dies with the test.
// Threads: it is forked while this process has no other, whose locks it would inherit.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "support/command_line.hpp"
#include "support/temporary_file.hpp"

namespace havklo {

inline constexpr int patience_ms = 20'000;

// What the program writes to: a pipe of one page, which is full as soon as there is something in
// it, or a terminal.
inline std::array<int, 2> make_pipe() {
  std::array<int, 2> ends{-1, -1};
  EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  EXPECT_GT(::fcntl(ends[1], F_SETPIPE_SZ, 4096), 0);
  return ends;
}
inline std::array<int, 2> make_terminal() {
  const int master = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (::grantpt(master) != 0 || ::unlockpt(master) != 0) return {master, -1};
  return {master, ::open(::ptsname(master), O_WRONLY | O_NOCTTY | O_CLOEXEC)};
}

// Hears by a pipe what to run.
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
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int errors = ::open(errors_.path().c_str(), O_WRONLY | O_CLOEXEC);
    ::dup2(pipe_[1], STDOUT_FILENO);
    ::dup2(errors, STDERR_FILENO);
    ::close(pipe_[0]);
    ::close(words_[1]);
    try {
      std::vector<std::string> arguments = hear_words();
      before();
      ::_exit(run_havklo(std::move(arguments)));
    } catch (...) {  // the test is its parent's
      ::_exit(exit_thrown);
    }
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
      if (!read_more(patience_ms)) return false;
    }
    return true;
  }
  // False: nothing came in that time, or it is the end.
  bool read_more(int most_ms) {
    pollfd wait{.fd = pipe_[0], .events = POLLIN, .revents = 0};
    if (::poll(&wait, 1, most_ms) != 1) return false;
    std::array<char, 4096> part{};
    const ssize_t bytes = ::read(pipe_[0], part.data(), part.size());
    if (bytes <= 0) return false;
    said_.append(part.data(), static_cast<size_t>(bytes));
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
  [[nodiscard]] pid_t process() const { return child_; }

  // What would end the program, had it a main().
  static constexpr int exit_thrown = 125;
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

}  // namespace havklo
