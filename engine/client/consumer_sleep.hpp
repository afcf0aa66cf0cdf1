// How a consumer sleeps until there is an event, and how the loop wakes him.
//
// He says that he is about to sleep (`armed`), looks once more, and sleeps on a descriptor; the
// loop looks at that in every turn, and writes to the descriptor when something is unread. A loop
// that spins may see it a turn late; one that is about to park makes sure.
//
// Who arms again waits until a wake that is on its way has landed: a late one would make the
// descriptor readable without an event.
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
#include <thread>
#include <utility>

#include "io/wake_file.hpp"

namespace havklo::client {

class ConsumerSleep {
 public:
  [[nodiscard]] bool is_armed() const { return state_.load(std::memory_order_acquire) == armed; }
  // This call sees that it is armed, or it comes before that in the order of changes of `state_`:
  // then the consumer's look after arming sees what the loop has published before this call.
  [[nodiscard]] bool is_armed_for_sure() {
    return state_.fetch_or(0, std::memory_order_acq_rel) == armed;
  }
  void wake_if(bool unread) {
    uint32_t was = armed;
    if (!unread || !state_.compare_exchange_strong(was, waking, std::memory_order_acq_rel)) return;
    file_->wake();
    state_.store(off, std::memory_order_release);
  }
  void wake() {
    if (is_armed_for_sure()) wake_if(true);
  }

  // The consumer sleeps by himself, on the descriptor.
  [[nodiscard]] bool is_shown() const { return shown_; }
  [[nodiscard]] std::expected<int, std::string> show() {
    if (auto made = make(); !made) return std::unexpected(std::move(made.error()));
    if (!shown_) file_->wake();  // he has not looked yet
    shown_ = true;
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
    const std::chrono::nanoseconds longest(std::max<int64_t>(timeout.ns, 0));
    const auto began = Clock::now();
    const bool sleeps = make().has_value();
    for (;;) {
      if (sleeps) arm();
      const bool over = is_over();  // before the last look, too
      const bool found = look();
      // Not by its end, which may lie beyond all time.
      const std::chrono::nanoseconds left = longest - (Clock::now() - began);
      if (found || over || left.count() <= 0) {
        if (!shown_) disarm();
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
    for (uint32_t is = state_.load(std::memory_order_acquire); is != off;) {
      if (is == armed) return;
      std::this_thread::yield();  // a wake lands
      is = state_.load(std::memory_order_acquire);
    }
    file_->forget();
    // Pairs with is_armed_for_sure(); a release, too: the loop that sees it finds the descriptor.
    state_.fetch_or(armed, std::memory_order_acq_rel);
  }
  void disarm() {
    uint32_t was = armed;
    state_.compare_exchange_strong(was, off, std::memory_order_acq_rel);
  }
  void sleep(std::chrono::nanoseconds at_most) {
    constexpr int64_t second = 1'000'000'000;
    const timespec limit{.tv_sec = at_most.count() / second, .tv_nsec = at_most.count() % second};
    pollfd readable{.fd = file_ ? file_->descriptor() : -1, .events = POLLIN, .revents = 0};
    static_cast<void>(::ppoll(&readable, 1, &limit, nullptr));
  }

  // Off becomes armed by the consumer, who may take that back; armed becomes waking and then off
  // by the loop.
  static constexpr uint32_t off = 0;
  static constexpr uint32_t armed = 1;
  static constexpr uint32_t waking = 2;
  std::atomic<uint32_t> state_{off};
  std::optional<io::WakeFile> file_;  // made before it is armed the first time
  bool shown_ = false;
};

}  // namespace havklo::client
