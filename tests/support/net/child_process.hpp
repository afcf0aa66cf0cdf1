// Another program beside the test: begun by it, ended by it.
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace havklo {

class ChildProcess {
 public:
  // `inherited`: a descriptor that it keeps, under its number. What it says on both outputs is read
  // by read_until().
  explicit ChildProcess(std::vector<std::string> command, int inherited = -1,
                        const std::vector<std::string>& environment = {}) {
    std::array<int, 2> out{};
    std::array<int, 2> in{};
    EXPECT_EQ(::pipe2(out.data(), O_CLOEXEC), 0);
    EXPECT_EQ(::pipe2(in.data(), O_CLOEXEC), 0);
    std::vector<char*> arguments;
    for (std::string& each : command) arguments.push_back(each.data());
    arguments.push_back(nullptr);
    process_ = ::fork();
    if (process_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // whatever becomes of the test
      ::dup2(in[0], 0);
      ::dup2(out[1], 1);
      ::dup2(out[1], 2);
      if (inherited >= 0) ::fcntl(inherited, F_SETFD, 0);
      for (const std::string& each : environment) ::putenv(const_cast<char*>(each.c_str()));
      ::execvp(arguments[0], arguments.data());
      ::_exit(127);
    }
    ::close(out[1]);
    ::close(in[0]);
    output_ = out[0];
    input_ = in[1];  // open, or some would take it for the user's goodbye
  }
  ~ChildProcess() {
    ::kill(process_, SIGTERM);  // so that it ends its own children
    ::waitpid(process_, nullptr, 0);
    ::close(output_);
    ::close(input_);
  }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // Whether it says this within some seconds.
  [[nodiscard]] bool read_until(const std::string& words) {
    while (said_.find(words) == std::string::npos) {
      pollfd waits{.fd = output_, .events = POLLIN, .revents = 0};
      if (::poll(&waits, 1, 20'000) <= 0) return false;
      std::array<char, 4096> bytes{};
      const ssize_t size = ::read(output_, bytes.data(), bytes.size());
      if (size <= 0) return false;
      said_.append(bytes.data(), static_cast<size_t>(size));
    }
    return true;
  }
  [[nodiscard]] const std::string& said() const { return said_; }

  // The port of 127.0.0.1 or of any address that it listens on, as the kernel tells; 0: none.
  [[nodiscard]] uint16_t listens_on() const {
    std::set<std::string> sockets;
    std::error_code error;
    const std::string files = "/proc/" + std::to_string(process_) + "/fd";
    for (const auto& each : std::filesystem::directory_iterator(files, error)) {
      const std::string target = std::filesystem::read_symlink(each.path(), error).string();
      if (target.starts_with("socket:[")) sockets.insert(target.substr(8, target.size() - 9));
    }
    std::ifstream table("/proc/net/tcp");
    for (std::string line; std::getline(table, line);) {
      std::istringstream fields(line);
      std::vector<std::string> field;
      for (std::string each; fields >> each;) field.push_back(each);
      constexpr const char* listening = "0A";
      if (field.size() > 9 && field[3] == listening && sockets.contains(field[9])) {
        return static_cast<uint16_t>(
            std::stoul(field[1].substr(field[1].find(':') + 1), nullptr, 16));
      }
    }
    return 0;
  }

 private:
  pid_t process_ = -1;
  int output_ = -1;
  int input_ = -1;
  std::string said_;
};

// Whether the shell would find it; /usr/sbin counts.
[[nodiscard]] inline std::string find_program(const std::string& name) {
  std::istringstream folders(std::string(std::getenv("PATH")) + ":/usr/sbin:/usr/local/sbin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string path = folder + "/" + name;
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return "";
}

}  // namespace havklo
