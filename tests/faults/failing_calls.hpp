// Makes one system call of a thread fail, the n-th that it and the threads which it starts make, or
// all of certain numbers: the kernel's own seam (seccomp), so that no code knows of it.
//
// The work runs in a thread of its own, because a filter is for a thread's whole life. Another
// answers for the kernel: go on, or an errno (seccomp_unotify(2)). Not for sanitizers, whose own
// calls would fail too.
#pragma once

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <thread>
#include <utility>
#include <vector>

namespace havklo {

// What cannot fail for want of anything, or whose failure libc takes for a bug of its own.
inline constexpr std::array calls_that_do_not_fail = {__NR_futex,           __NR_exit,
                                                      __NR_exit_group,      __NR_rt_sigreturn,
                                                      __NR_rt_sigprocmask,  __NR_set_robust_list,
                                                      __NR_munmap,          __NR_close,
                                                      __NR_sched_yield,     __NR_restart_syscall,
                                                      __NR_getpid,          __NR_gettid,
                                                      __NR_clock_nanosleep, __NR_rseq};

// Puts a filter on the calling thread: `action` for the numbers, the other one for all else.
inline int filter_this_thread(std::vector<int> numbers, uint32_t action, uint32_t other,
                              unsigned flags = 0) {
  std::vector<sock_filter> program;
  program.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
  for (size_t i = 0; i < numbers.size(); ++i) {
    const auto to_action = static_cast<uint8_t>(numbers.size() - i);
    program.push_back(
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(numbers[i]), to_action, 0));
  }
  program.push_back(BPF_STMT(BPF_RET | BPF_K, other));
  program.push_back(BPF_STMT(BPF_RET | BPF_K, action));
  const sock_fprog filter{.len = static_cast<unsigned short>(program.size()),
                          .filter = program.data()};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
  return static_cast<int>(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter));
}

// Runs `work` in a thread that is refused these calls with `error`. False: no filter is allowed.
inline bool run_refused(std::initializer_list<int> numbers, int error,
                        const std::function<void()>& work) {
  bool filtered = false;
  std::thread thread([&] {
    const uint32_t refuse = SECCOMP_RET_ERRNO | static_cast<uint32_t>(error);
    filtered = filter_this_thread(numbers, refuse, SECCOMP_RET_ALLOW) == 0;
    if (filtered) work();
  });
  thread.join();
  return filtered;
}

class FailingCall {
 public:
  // The `nth` call (from 1) that is made between begin() and end() fails with `error`.
  FailingCall(uint64_t nth, int error) : nth_(nth), error_(error) {}

  // By the work, in its thread.
  void begin() { armed_.store(true); }
  void end() { armed_.store(false); }

  // Runs the work and answers for the kernel until all its threads have ended. False: no filter is
  // allowed, or the work hangs, which fails the test.
  bool run(const std::function<void()>& work) {
    std::thread worker([&] {
      constexpr uint32_t ask = SECCOMP_RET_USER_NOTIF;
      const std::vector<int> free(calls_that_do_not_fail.begin(), calls_that_do_not_fail.end());
      listener_.store(
          filter_this_thread(free, SECCOMP_RET_ALLOW, ask, SECCOMP_FILTER_FLAG_NEW_LISTENER));
      listener_.notify_one();
      if (listener_.load() >= 0) work();
    });
    listener_.wait(not_yet);
    const int listener = listener_.load();
    const bool answered = listener >= 0 && answer_all(listener);
    if (listener >= 0) ::close(listener);  // who still asks is told ENOSYS
    worker.join();
    return answered;
  }

  [[nodiscard]] bool has_failed() const { return failed_call_ >= 0; }
  [[nodiscard]] int failed_call() const { return failed_call_; }  // its number

 private:
  static constexpr int not_yet = -2;
  static constexpr int patience_ms = 10'000;

  bool answer_all(int listener) {
    for (;;) {
      pollfd wait{.fd = listener, .events = POLLIN, .revents = 0};
      if (::poll(&wait, 1, patience_ms) == 0) {
        ADD_FAILURE() << "it hangs; call " << failed_call_ << " had failed";
        return false;
      }
      if ((wait.revents & POLLIN) != 0) {
        answer(listener);
      } else if ((wait.revents & POLLHUP) != 0) {
        return true;
      }
    }
  }

  void answer(int listener) {
    seccomp_notif asked{};
    if (::ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) != 0) return;
    seccomp_notif_resp told{};
    told.id = asked.id;
    if (armed_.load() && ++count_ == nth_) {
      failed_call_ = asked.data.nr;
      told.error = -error_;
    } else {
      told.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    }
    static_cast<void>(::ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &told));
  }

  uint64_t nth_;
  int error_;
  uint64_t count_ = 0;
  int failed_call_ = -1;
  std::atomic<bool> armed_{false};
  std::atomic<int> listener_{not_yet};
};

}  // namespace havklo
