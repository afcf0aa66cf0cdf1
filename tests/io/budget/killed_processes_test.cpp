// Processes that share a budget file, killed at any moment and started again: together they never
// begin more attempts in a window than the budget has. Their time is a counter that they share, so
// nobody sleeps, and how fast the machine is decides nothing.
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <havklo/random.hpp>
#include <new>
#include <string>
#include <vector>

#include "io/budget/budget_memory.hpp"
#include "io/budget/process_budgets.hpp"
#include "support/temporary_folder.hpp"

namespace havklo::io {
namespace {

constexpr uint32_t attempts = 5;
constexpr Duration window{1000};
constexpr size_t processes = 3;
constexpr int kills = 120;
constexpr int64_t begin_ns = 1'000'000'000;

// What all processes see.
struct Stage {
  std::atomic<int64_t> clock{begin_ns};
  std::atomic<uint32_t> written{0};
  std::array<std::atomic<int64_t>, 1U << 20U> begun{};  // each attempt, noted once it has its place
  std::atomic<bool> refused{false};
};

Boot boot_at(int64_t now_ns) {
  Boot boot{.utc_offset = Duration::seconds(1'750'000'000), .now = {now_ns}};
  boot.id.fill('k');
  return boot;
}

// An engine that cannot connect: it tries again as soon as it may.
[[noreturn]] void live_until_killed(Stage& stage, const std::string& path) {
  for (;;) {
    auto memory = BudgetMemory::of_file(path, {attempts, window}, "kraken.com",
                                        boot_at(stage.clock.load(std::memory_order_relaxed)));
    if (!memory) {
      stage.refused = true;
      ::_exit(1);
    }
    SharedBudget budget(std::move(*memory), window);
    for (int round = 0; round < 500; ++round) {
      const Instant now{stage.clock.fetch_add(7, std::memory_order_relaxed)};
      if (budget.begin(0, now) != now) continue;
      const uint32_t at = stage.written.fetch_add(1, std::memory_order_relaxed);
      if (at >= stage.begun.size()) ::_exit(0);
      stage.begun[at].store(now.ns, std::memory_order_relaxed);
    }
  }
}

pid_t start(Stage& stage, const std::string& path) {
  const pid_t process = ::fork();
  if (process == 0) live_until_killed(stage, path);
  return process;
}

TEST(KilledProcesses, NeverExceedTheBudgetTogether) {
  const TemporaryFolder folder;
  const std::string path = folder / "budget";
  void* const memory =
      ::mmap(nullptr, sizeof(Stage), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  Stage& stage = *new (memory) Stage;
  Random random(41);
  std::array<pid_t, processes> running{};
  for (pid_t& each : running) each = start(stage, path);
  for (int kill = 0; kill < kills; ++kill) {
    // Somewhere within their next thousand looks at the clock; if one cannot go on, none does.
    const int64_t until = stage.clock.load() + static_cast<int64_t>(random.below(7'000));
    while (stage.clock.load() < until && !stage.refused) ::sched_yield();
    pid_t& one = running[random.below(processes)];
    ::kill(one, SIGKILL);
    ::waitpid(one, nullptr, 0);
    one = start(stage, path);
  }
  for (const pid_t each : running) {
    ::kill(each, SIGKILL);
    ::waitpid(each, nullptr, 0);
  }
  EXPECT_FALSE(stage.refused) << "a kill left a file that was refused";

  std::vector<int64_t> begun;
  for (const auto& each : stage.begun) {
    if (each != 0) begun.push_back(each);
  }
  std::ranges::sort(begun);
  for (size_t i = attempts; i < begun.size(); ++i) {
    ASSERT_GE(begun[i] - begun[i - attempts], window.ns)
        << "attempts " << i << " of " << begun.size();
  }
  // They went on all the while: two thirds of what the time had room for, at least.
  const int64_t windows = (stage.clock.load() - begin_ns) / window.ns;
  EXPECT_GT(static_cast<int64_t>(begun.size()), windows * attempts * 2 / 3);
  EXPECT_GT(windows, 100);
  ::munmap(memory, sizeof(Stage));
}

}  // namespace
}  // namespace havklo::io
