// The consumer's sleep by its contract: no wake is lost, and none comes without an event.
#include "client/consumer_sleep.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <chrono>
#include <limits>
#include <thread>

namespace havklo {
namespace {

using namespace havklo::literals;

// A loop that spins, and events that are one each.
class SpinningLoop {
 public:
  SpinningLoop()
      : thread_([this] {
          while (!over_.load(std::memory_order_acquire)) {
            if (sleep.is_armed()) sleep.wake_if(unread_.load(std::memory_order_acquire) != 0);
          }
        }) {}
  ~SpinningLoop() {
    over_.store(true, std::memory_order_release);
    thread_.join();
  }
  void publish() { unread_.fetch_add(1, std::memory_order_release); }
  bool take() {
    if (unread_.load(std::memory_order_acquire) == 0) return false;
    unread_.fetch_sub(1, std::memory_order_acq_rel);
    return true;
  }

  client::ConsumerSleep sleep;

 private:
  std::atomic<int> unread_{0};
  std::atomic<bool> over_{false};
  std::thread thread_;
};

bool is_readable(int file) {
  pollfd readable{.fd = file, .events = POLLIN, .revents = 0};
  return ::poll(&readable, 1, 0) == 1;
}

bool never() { return false; }

// A wake that was on its way when its event was taken is forgotten at the next look, and no other
// comes.
TEST(ConsumerSleep, IsUnreadableOnceAllIsRead) {
  SpinningLoop loop;
  const int file = loop.sleep.show().value();
  const auto take = [&] { return loop.take(); };
  uint32_t late = 0;
  for (int round = 0; round < 20'000; ++round) {
    while (loop.sleep.arm_and_look(take, never)) continue;
    loop.publish();
    while (!loop.take()) continue;
    const bool empty = !loop.sleep.arm_and_look(take, never);
    ASSERT_TRUE(empty);
    if (!is_readable(file)) continue;
    static_cast<void>(loop.sleep.arm_and_look(take, never));
    late += is_readable(file) ? 1 : 0;
  }
  EXPECT_EQ(late, 0u);
}

TEST(ConsumerSleep, LosesNoWake) {
  SpinningLoop loop;
  std::thread producer([&] {
    for (int i = 0; i < 20'000; ++i) loop.publish();
  });
  uint32_t taken = 0;
  while (taken < 20'000 && loop.sleep.wait(
                               20_s, [&] { return loop.take(); }, never))
    ++taken;
  producer.join();
  EXPECT_EQ(taken, 20'000u);
}

TEST(ConsumerSleep, SleepsNotAtAllForATimeThatIsOver) {
  client::ConsumerSleep sleep;
  for (const int64_t ns : {int64_t{0}, int64_t{-1}, std::numeric_limits<int64_t>::min()}) {
    EXPECT_FALSE(sleep.wait(Duration{ns}, never, never)) << ns;
    EXPECT_TRUE(sleep.wait(
        Duration{ns}, [] { return true; }, never))
        << ns;
  }
  EXPECT_FALSE(
      sleep.wait(Duration{std::numeric_limits<int64_t>::max()}, never, [] { return true; }));
}

}  // namespace
}  // namespace havklo
