// SIGINT, SIGTERM and SIGHUP as a question: has someone asked us to stop?
//
// SIGHUP (the terminal is gone) only if it was not ignored before us, as by nohup.
// SIGPIPE is ignored: a reader that went away shows as an error of write().
#pragma once

#include <atomic>
#include <csignal>

namespace havklo {

class StopSignal {
 public:
  StopSignal() {
    struct sigaction action {};
    action.sa_handler = [](int signal) { caught().store(signal, std::memory_order_relaxed); };
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
    struct sigaction before {};
    sigaction(SIGHUP, nullptr, &before);
    if (before.sa_handler != SIG_IGN) sigaction(SIGHUP, &action, nullptr);
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &ignore, nullptr);
  }
  [[nodiscard]] bool requested() const { return signal() != 0; }
  // The last one; 0: none.
  [[nodiscard]] int signal() const { return caught().load(std::memory_order_relaxed); }

 private:
  static std::atomic<int>& caught() {
    static std::atomic<int> signal{0};
    return signal;
  }
};

}  // namespace havklo
