// A network and a file system of one's own: namespaces in which a test may break what it likes.
//
// Owns:    the namespaces, by a child that waits in them; they go with it, and every mount.
// Errors:  where the kernel gives none, why() says so, and the test is skipped with these words.
// Threads: it is made, and entered, by processes that have one.
#pragma once

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "support/net/child_process.hpp"

namespace havklo {

class Sandbox {
 public:
  Sandbox() {
    std::array<int, 2> told{-1, -1};
    std::array<int, 2> stays{-1, -1};
    if (::pipe2(told.data(), O_CLOEXEC) != 0 || ::pipe2(stays.data(), O_CLOEXEC) != 0) return;
    holder_ = ::fork();
    if (holder_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::close(stays[1]);
      const std::string refused = leave_the_world();
      static_cast<void>(!::write(told[1], refused.data(), refused.size()));
      ::close(told[1]);
      for (char c = 0; ::read(stays[0], &c, 1) > 0;) {
      }
      ::_exit(0);
    }
    ::close(told[1]);
    ::close(stays[0]);
    std::array<char, 256> words{};
    const ssize_t bytes = ::read(told[0], words.data(), words.size());
    ::close(told[0]);
    why_ = bytes < 0 ? "no pipe" : std::string(words.data(), static_cast<size_t>(bytes));
    stays_ = stays[1];
  }
  ~Sandbox() {
    ::close(stays_);
    ::waitpid(holder_, nullptr, 0);
  }
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  // Why there is none; empty: there is.
  [[nodiscard]] const std::string& why() const { return why_; }

  // By a child of the test, which is inside from here on.
  void enter() const {
    if (::geteuid() != 0) join("user");
    join("net");
    join("mnt");
  }
  // What a child does inside; its exit code.
  int within(const std::function<int()>& work) const {
    const pid_t child = ::fork();
    if (child == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      enter();
      ::_exit(work());
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  // The same of a program of the system; 127: it is not installed.
  int run(std::vector<std::string> command) const {
    return within([&] {
      const std::string path = find_program(command[0]);
      std::vector<char*> arguments;
      for (std::string& each : command) arguments.push_back(each.data());
      arguments.push_back(nullptr);
      ::execv(path.c_str(), arguments.data());
      return 127;
    });
  }

  // What is lost on its way, as rules of nft(8) for what arrives: `tcp dport 443 drop`. False: it
  // cannot be had.
  [[nodiscard]] bool filter(const std::string& rules) const {
    return run({"nft",
                "table inet faults; delete table inet faults; table inet faults { chain arriving { "
                "type filter hook input priority 0; " +
                    rules + "; }; }"}) == 0;
  }
  void unfilter() const { run({"nft", "delete table inet faults"}); }
  void set_loopback(bool up) const {
    within([&] { return switch_loopback(up) ? 0 : 1; });
  }

 private:
  // What refused; empty: nothing.
  static std::string leave_the_world() {
    const uid_t user = ::geteuid();
    const gid_t group = ::getegid();
    if (user != 0) {
      if (::unshare(CLONE_NEWUSER) != 0) return words_of("a user namespace");
      std::ofstream("/proc/self/setgroups") << "deny";
      std::ofstream("/proc/self/uid_map") << "0 " << user << " 1";
      std::ofstream("/proc/self/gid_map") << "0 " << group << " 1";
    }
    if (::unshare(CLONE_NEWNET | CLONE_NEWNS) != 0) return words_of("namespaces");
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return words_of("mount");
    if (!switch_loopback(true)) return words_of("a loopback device");
    return "";
  }
  static std::string words_of(const char* what) {
    return "this machine gives no " + std::string(what) + ": " + std::strerror(errno);
  }
  static bool switch_loopback(bool up) {
    const int any = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq device{};
    std::strncpy(device.ifr_name, "lo", sizeof device.ifr_name - 1);
    device.ifr_flags = static_cast<short>(up ? IFF_UP | IFF_LOOPBACK | IFF_RUNNING : IFF_LOOPBACK);
    const bool done = ::ioctl(any, SIOCSIFFLAGS, &device) == 0;
    ::close(any);
    return done;
  }
  void join(const std::string& kind) const {
    const std::string path = "/proc/" + std::to_string(holder_) + "/ns/" + kind;
    const int space = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (space < 0 || ::setns(space, 0) != 0) ::_exit(126);
    ::close(space);
  }

  pid_t holder_ = -1;
  int stays_ = -1;  // the holder waits as long as this is open
  std::string why_;
};

}  // namespace havklo
