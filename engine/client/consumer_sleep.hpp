// How a consumer sleeps until there is an event, and how the loop wakes him.
//
// He says that he is about to sleep (`armed`), looks once more, and sleeps on a descriptor; the
// loop looks at `armed` in every turn, and writes to the descriptor when it is set and something is
// unread. A loop that spins may see it a turn late; one that is about to park makes sure.
// Owns:    an eventfd, once somebody has asked for it.
// Threads: is_armed(), is_armed_for_sure(), wake_if() and wake() are the loop's; all else is the
//          consumer's.
// Cost:    for the loop a load and a branch a turn; a system call when it wakes.
#pragma once

#include <poll.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <expected>
#include <havklo/clock.hpp>
#include <optional>
#include <string>
#include <utility>

#include "io/wake_file.hpp"

namespace havklo::client {

class ConsumerSleep {
 public:
  [[nodiscard]] bool is_armed() const { return armed_.load(std::memory_order_acquire) != 0; }
  // This call sees that it is armed, or it comes before that in the order of changes of `armed_`:
  // then the consumer's look after arming sees what the loop has published before this call.
  [[nodiscard]] bool is_armed_for_sure() {
    return armed_.fetch_or(0, std::memory_order_acq_rel) != 0;
  }
  void wake_if(bool unread) {
    if (!unread) return;
    armed_.store(0, std::memory_order_relaxed);
    file_->wake();
  }
  void wake() {
    if (is_armed_for_sure()) wake_if(true);
  }

  // The consumer sleeps by himself, on the descriptor.
  [[nodiscard]] bool is_shown() const { return shown_; }
  [[nodiscard]] std::expected<int, std::string> show() {
    if (auto made = make(); !made) return std::unexpected(std::move(made.error()));
    shown_ = true;
    file_->wake();  // he has not looked yet
    return file_->descriptor();
  }
  // He has found nothing: it is unreadable until there is something, unless nothing will come.
  template <class Look, class IsOver>
  [[nodiscard]] bool arm_and_look(Look look, IsOver is_over) {
    arm();
    const bool over = is_over();  // before the last look: nothing comes after it
    if (look()) return true;
    if (over) file_->wake();
    return false;
  }

  // Sleeps until look() is true, or is_over() and then look() no more, or `timeout` has passed.
  template <class Look, class IsOver>
  [[nodiscard]] bool wait(Duration timeout, Look look, IsOver is_over) {
    using Clock = std::chrono::steady_clock;
    const auto until = Clock::now() + std::chrono::nanoseconds(timeout.ns);
    const bool sleeps = make().has_value();
    for (;;) {
      if (sleeps) arm();
      const bool over = is_over();  // before the last look, too
      const bool found = look();
      const std::chrono::nanoseconds left = until - Clock::now();
      if (found || over || left.count() <= 0) {
        if (!shown_) armed_.store(0, std::memory_order_relaxed);
        return found;
      }
      constexpr std::chrono::nanoseconds nobody_wakes = std::chrono::microseconds(200);
      sleep(sleeps ? left : std::min(left, nobody_wakes));
    }
  }

 private:
  [[nodiscard]] std::expected<void, std::string> make() {
    if (file_) return {};
    auto file = io::WakeFile::create();
    if (!file) return std::unexpected(std::move(file.error()));
    file_.emplace(std::move(*file));
    return {};
  }
  void arm() {
    if (armed_.load(std::memory_order_relaxed) != 0) return;
    file_->forget();
    // Pairs with is_armed_for_sure(); a release, too: the loop that sees it finds the descriptor.
    armed_.fetch_or(1, std::memory_order_acq_rel);
  }
  void sleep(std::chrono::nanoseconds at_most) {
    constexpr int64_t second = 1'000'000'000;
    const timespec limit{.tv_sec = at_most.count() / second, .tv_nsec = at_most.count() % second};
    pollfd readable{.fd = file_ ? file_->descriptor() : -1, .events = POLLIN, .revents = 0};
    static_cast<void>(::ppoll(&readable, 1, &limit, nullptr));
  }

  std::atomic<uint32_t> armed_{0};
  std::optional<io::WakeFile> file_;  // made before it is armed the first time
  bool shown_ = false;
};

}  // namespace havklo::client
