// While Live the engine allocates nothing and makes no system call but io_uring_enter, or recv and
// send where these are its network: counted, over TLS on a real socket, with books moving.
//
// Allocations: malloc is replaced and counts for the engine's thread. System calls: a child process
// puts a seccomp filter on the engine's thread that traps every other call; the trap counts them.
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <havklo/client.hpp>
#include <memory>

#include "support/allocation_counter.hpp"
#include "support/loopback_venue.hpp"
#include "support/temporary_folder.hpp"

namespace havklo {
namespace {

using namespace std::chrono_literals;

constexpr auto live_within = 20s;
constexpr uint64_t messages_wanted = 300;
constexpr uint64_t recorded_wanted = 600;

replay::Scenario busy() {
  replay::Scenario scenario;
  scenario.market.moves_per_1000_s = 500'000;
  return scenario;
}

struct Seen {
  bool live = false;
  uint64_t messages = 0;
};

// Turns until `enough(seen)`; false if it takes too long.
template <class Enough>
bool spin(InlineKrakenClient& client, Seen& seen, Enough enough) {
  const auto until = std::chrono::steady_clock::now() + live_within;
  while (!enough(seen)) {
    client.run_once([&seen](const Event& event) {
      if (event.kind == EventKind::subscriptions_restored) seen.live = true;
      if (event.kind == EventKind::book_update && event.last_in_message()) ++seen.messages;
    });
    if (std::chrono::steady_clock::now() > until) return false;
  }
  return true;
}

Settings quiet(const LoopbackVenue& venue, Network network) {
  Settings settings = venue.settings({"BTC/USD", "ETH/USD"});
  settings.network = network;
  return settings;
}

// So small that it goes over to its next file within the test.
Settings recording(const LoopbackVenue& venue, Network network, const TemporaryFolder& folder) {
  Settings settings = quiet(venue, network);
  settings.recording = {.path = folder / "night.hvk", .max_size = recording_size_min};
  return settings;
}

class HotPathOf : public testing::TestWithParam<Network> {};
INSTANTIATE_TEST_SUITE_P(EveryNetwork, HotPathOf,
                         testing::Values(Network::io_uring, Network::sockets),
                         [](const auto& network) {
                           return network.param == Network::io_uring ? "Uring" : "Sockets";
                         });

TEST_P(HotPathOf, AllocatesNothingWhileLive) {
  if (!counts_allocations) GTEST_SKIP() << "a sanitizer owns malloc: run the release tests";
  const LoopbackVenue venue(busy());
  auto client = InlineKrakenClient::connect(quiet(venue, GetParam())).value();
  Seen seen;
  ASSERT_TRUE(spin(*client, seen, [](const Seen& so_far) { return so_far.messages > 20; }));
  ASSERT_TRUE(seen.live);
  const AllocationCounter counter;
  ASSERT_TRUE(spin(*client, seen, [](const Seen& s) { return s.messages > messages_wanted; }));
  EXPECT_EQ(counter.count(), 0u);
}

TEST_P(HotPathOf, AllocatesNothingWhileRecording) {
  if (!counts_allocations) GTEST_SKIP() << "a sanitizer owns malloc: run the release tests";
  const LoopbackVenue venue(busy());
  const TemporaryFolder folder;
  auto client = InlineKrakenClient::connect(recording(venue, GetParam(), folder)).value();
  Seen seen;
  ASSERT_TRUE(spin(*client, seen, [](const Seen& so_far) { return so_far.messages > 20; }));
  const AllocationCounter counter;
  ASSERT_TRUE(spin(*client, seen, [](const Seen& s) { return s.messages > recorded_wanted; }));
  EXPECT_EQ(counter.count(), 0u);
  EXPECT_TRUE(std::filesystem::exists(folder / "night.hvk.1"));
}

TEST(HotPath, TheCounterCounts) {
  if (!counts_allocations) GTEST_SKIP() << "a sanitizer owns malloc: run the release tests";
  const AllocationCounter counter;
  const auto something = std::make_unique<std::array<char, 100>>();
  EXPECT_NE(something, nullptr);
  EXPECT_GE(counter.count(), 1u);
}

// Shared with the child.
struct Report {
  std::atomic<uint32_t> stray{0};
  std::atomic<int> last_stray{0};
  std::atomic<uint64_t> messages{0};
  std::atomic<bool> filtered{false};
};
Report* report = nullptr;

void on_trap(int, siginfo_t* info, void*) {
  report->stray.fetch_add(1);
  report->last_stray.store(info->si_syscall);
}

bool trap_all_but(Network network) {
  struct sigaction action {};
  action.sa_sigaction = on_trap;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSYS, &action, nullptr);
  const bool sockets = network == Network::sockets;
  const uint32_t receive = sockets ? __NR_recvfrom : __NR_io_uring_enter;
  const uint32_t send = sockets ? __NR_sendto : __NR_io_uring_enter;
  std::array<sock_filter, 8> program = {{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, receive, 5, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, send, 4, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_enter, 3, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_exit_group, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_rt_sigreturn, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog filter{.len = program.size(), .filter = program.data()};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

// In the child: Live first, then the filter, then some hundred messages; `stray_on_purpose` is the
// proof that the trap counts.
[[noreturn]] void child(Network network, bool stray_on_purpose, const TemporaryFolder* folder) {
  const LoopbackVenue venue(busy());
  const uint64_t wanted = folder != nullptr ? recorded_wanted : messages_wanted;
  auto client = InlineKrakenClient::connect(folder != nullptr ? recording(venue, network, *folder)
                                                              : quiet(venue, network));
  Seen seen;
  if (!client || !spin(**client, seen, [](const Seen& s) { return s.messages > 20; })) _exit(3);
  if (!trap_all_but(network)) _exit(4);
  report->filtered.store(true);
  if (stray_on_purpose) static_cast<void>(syscall(__NR_getppid));
  const bool enough = spin(**client, seen, [wanted](const Seen& s) { return s.messages > wanted; });
  report->messages.store(seen.messages);
  _exit(enough ? 0 : 5);
}

int run_child(Network network, bool stray_on_purpose, const TemporaryFolder* folder = nullptr) {
  report =
      new (mmap(nullptr, sizeof(Report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))
          Report();
  const pid_t pid = fork();
  if (pid == 0) child(network, stray_on_purpose, folder);
  int status = 0;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_P(HotPathOf, MakesNoSystemCallButItsNetworks) {
  if (!counts_allocations) GTEST_SKIP() << "a sanitizer makes calls of its own";
  const int exit_code = run_child(GetParam(), false);
  if (exit_code == 4) GTEST_SKIP() << "this machine allows no seccomp filter";
  EXPECT_EQ(exit_code, 0);
  EXPECT_TRUE(report->filtered.load());
  EXPECT_GT(report->messages.load(), messages_wanted);
  EXPECT_EQ(report->stray.load(), 0u) << "the last was number " << report->last_stray.load();
}

TEST_P(HotPathOf, MakesNoSystemCallButItsNetworksWhileRecording) {
  if (!counts_allocations) GTEST_SKIP() << "a sanitizer makes calls of its own";
  const TemporaryFolder folder;
  const int exit_code = run_child(GetParam(), false, &folder);
  if (exit_code == 4) GTEST_SKIP() << "this machine allows no seccomp filter";
  EXPECT_EQ(exit_code, 0);
  EXPECT_GT(report->messages.load(), recorded_wanted);
  EXPECT_EQ(report->stray.load(), 0u) << "the last was number " << report->last_stray.load();
  EXPECT_TRUE(std::filesystem::exists(folder / "night.hvk.1"));
}

TEST(HotPath, TheTrapSeesAStrayCall) {
  if (!counts_allocations) GTEST_SKIP() << "a sanitizer makes calls of its own";
  if (run_child(Network::io_uring, true) == 4)
    GTEST_SKIP() << "this machine allows no seccomp filter";
  EXPECT_EQ(report->stray.load(), 1u);
  EXPECT_EQ(report->last_stray.load(), __NR_getppid);
}

}  // namespace
}  // namespace havklo
