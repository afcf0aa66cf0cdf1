// What becomes of the process' own limits, and of its reader, while it runs: no descriptor, no
// memory, nobody who takes the events.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include "faults/real_loop.hpp"

namespace havklo {
namespace {

using namespace std::chrono_literals;

class WhenItMay : public RealLoop {
 protected:
  void SetUp() override {
#ifdef __SANITIZE_ADDRESS__
    GTEST_SKIP() << "a sanitizer's own calls would fail";
#endif
  }
  // So many bytes more for this process, and no hole of its heap, which earlier tests have left.
  static void leave_memory(rlim_t bytes) {
    std::ifstream status("/proc/self/statm");
    rlim_t pages = 0;
    status >> pages;
    rlimit limit{.rlim_cur = pages * 4096, .rlim_max = RLIM_INFINITY};
    ::setrlimit(RLIMIT_AS, &limit);
    for (const size_t hole : {1'000'000u, 60'000u, 4'000u, 200u, 24u}) {
      void* volatile taken = nullptr;
      do taken = std::malloc(hole);
      while (taken != nullptr);
    }
    limit.rlim_cur += bytes;
    ::setrlimit(RLIMIT_AS, &limit);
  }
};
INSTANTIATE_TEST_SUITE_P(EveryWay, WhenItMay, testing::Values(Carrier::uring, Carrier::sockets),
                         testing::PrintToStringParamName());

TEST_P(WhenItMay, OpenNoMoreFilesAttemptsFailAndOneSucceedsLater) {
  start();
  limit(RLIMIT_NOFILE, 3);
  venue().signal(SIGKILL);
  must_say("Disconnected");
  start_venue();
  const std::string emfile = std::to_string(EMFILE);
  EXPECT_EQ(field_of(must_say("ConnectFailed", "os_error", {emfile}), "retryable"), "true");
  lift_limit(RLIMIT_NOFILE);
  expect_restored();
  expect_good_end();
}

// Either an attempt fails and a later one succeeds, or the loop ends and says why: never a hang.
TEST_P(WhenItMay, TakeNoMoreMemoryItGoesOnOrSaysWhy) {
  start();
  limit(RLIMIT_AS, 1);
  venue().signal(SIGKILL);
  must_say("Disconnected");
  start_venue();
  let_pass(500ms);
  lift_limit(RLIMIT_AS);
  if (next("SubscriptionsRestored")) return expect_good_end();
  EXPECT_EQ(engine().end(), exit_failed);
  EXPECT_EQ(engine().errors(), "havklo run: the engine has closed: out of memory\n");
}

// From far too little to enough, all in one line.
TEST_P(WhenItMay, TakeLittleMemoryAtAllItStartsOrSaysWhy) {
  start_venue();
  int started = 0;
  int refused = 0;
  for (const rlim_t more : {1u, 2u, 6u, 12u, 24u, 32u, 1024u}) {
    before_engine_ = [more] { leave_memory(more << 20); };
    std::error_code error;
    std::filesystem::remove(recording_, error);
    start_engine({"--for", "100ms"});
    engine().read_all();
    const int code = engine().end();
    SCOPED_TRACE(std::to_string(more) + " MiB more: " + std::to_string(code) + " " +
                 engine().errors());
    EXPECT_TRUE(code == exit_good || code == exit_failed || code == exit_usage);
    EXPECT_LE(std::ranges::count(engine().errors(), '\n'), 1);
    EXPECT_EQ(engine().errors().empty(), code == exit_good);
    if (code == exit_good) ++started;
    if (code != exit_good) ++refused;
  }
  EXPECT_GE(started, 1);
  EXPECT_GE(refused, 1);
}

class WhenTheReader : public RealLoop {};
INSTANTIATE_TEST_SUITE_P(EveryWay, WhenTheReader, testing::Values(Carrier::uring, Carrier::sockets),
                         testing::PrintToStringParamName());

// The ring is full, market events are lost and told; then every book has a snapshot again.
TEST_P(WhenTheReader, StallsForAWhileTheBooksRecover) {
  venue_rate_ = "2000";
  start({}, "ring_slots = 1024\n");
  const auto recorded = [this] { return std::filesystem::file_size(recording_); };
  const auto enough = recorded() + 1'500'000;  // far more messages than the ring and the pipe hold
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(patience_ms);
  while (recorded() < enough && std::chrono::steady_clock::now() < until) {
    static_cast<void>(::poll(nullptr, 0, nap_ms));
  }
  ASSERT_GE(recorded(), enough);
  must_say("Overrun");
  for (const char* symbol : {"BTC/USD", "ETH/USD"}) {
    SCOPED_TRACE(symbol);
    const size_t here = read_so_far();
    must_say("BookStale", "symbol", {symbol});
    must_say("BookSnapshot", "symbol", {symbol});
    must_say("BookUpdate", "symbol", {symbol});
    read_again_from(here);
  }
  expect_good_end();
}

}  // namespace
}  // namespace havklo
