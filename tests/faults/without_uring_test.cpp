// A system that refuses io_uring, as the default profile of a container does: `auto` takes plain
// sockets, and nothing needs io_uring then. The work runs in a thread, or a child process, that is
// refused it by the kernel.
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <havklo/client.hpp>
#include <havklo/limits.hpp>
#include <string>

#include "faults/failing_calls.hpp"
#include "replay/playback/player.hpp"
#include "support/loopback_venue.hpp"
#include "support/temporary_folder.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

// What a client that had no io_uring had to say.
struct Session {
  bool live = false;
  NetworkChoice network;
  std::expected<void, std::string> recording;
  std::string start_error;
};

Session run_session(const Settings& settings) {
  Session session;
  auto client = KrakenClient::connect(settings);
  if (!client) {
    session.start_error = client.error().message();
    return session;
  }
  session.network = (*client)->network();
  session.live = (*client)->wait_live(20_s).has_value();
  static_cast<void>((*client)->close());
  for (Event event; !(*client)->closed() || (*client)->poll(event);) std::this_thread::yield();
  session.recording = (*client)->recording();
  return session;
}

void expect_replays(const std::string& path) {
  auto reader = replay::Reader::open(path);
  ASSERT_TRUE(reader) << reader.error();
  EXPECT_EQ(reader->header().settings.network, Network::sockets);
  replay::Player player(std::move(*reader));
  const replay::PlayResult result = player.run();
  EXPECT_TRUE(result.identical());
  EXPECT_EQ(result.torn, "");
  EXPECT_GT(result.events, 20u);
}

constexpr std::initializer_list<int> uring_calls = {__NR_io_uring_setup, __NR_io_uring_enter,
                                                    __NR_io_uring_register};

TEST(WithoutUring, PlainSocketsServeAndRecord) {
  const LoopbackVenue venue;
  for (const int error : {EPERM, ENOSYS}) {
    const TemporaryFolder folder;
    Settings settings = venue.settings();
    settings.recording.path = folder / "night.hvk";
    Session session;
    if (!run_refused(uring_calls, error, [&] { session = run_session(settings); })) {
      GTEST_SKIP() << "this machine allows no seccomp filter";
    }
    EXPECT_EQ(session.start_error, "");
    EXPECT_TRUE(session.live);
    EXPECT_EQ(session.network.taken, Network::sockets);
    EXPECT_NE(session.network.refused.find("io_uring is not available"), std::string::npos);
    EXPECT_TRUE(session.recording) << session.recording.error();
    expect_replays(settings.recording.path);
  }
}

// A recording that goes over to a next file, whose writes, syncs and closes are a thread's too.
TEST(WithoutUring, ARecordingGoesOverToItsNextFile) {
  replay::Scenario scenario;
  scenario.market.moves_per_1000_s = 500'000;
  const LoopbackVenue venue(scenario);
  const TemporaryFolder folder;
  Settings settings = venue.settings({"BTC/USD", "ETH/USD"});
  settings.recording = {.path = folder / "night.hvk", .max_size = recording_size_min};
  std::expected<void, std::string> recording;
  const bool filtered = run_refused(uring_calls, EPERM, [&] {
    auto client = KrakenClient::connect(settings).value();
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    // The next is opened ahead: when it is there, the one before it is written to.
    for (Event event; std::chrono::steady_clock::now() < until;) {
      if (client->poll(event)) continue;
      if (std::filesystem::exists(folder / "night.hvk.2")) break;
    }
    static_cast<void>(client->close());
    for (Event event; !client->closed() || client->poll(event);) std::this_thread::yield();
    recording = client->recording();
  });
  if (!filtered) GTEST_SKIP() << "this machine allows no seccomp filter";
  EXPECT_TRUE(recording) << recording.error();
  EXPECT_TRUE(std::filesystem::exists(folder / "night.hvk.1"));
  expect_replays(settings.recording.path);
}

TEST(WithoutUring, OneCallOfThreeIsEnough) {
  const LoopbackVenue venue;
  for (const int call : uring_calls) {
    Session session;
    if (!run_refused({call}, EPERM, [&] { session = run_session(venue.settings()); })) {
      GTEST_SKIP() << "this machine allows no seccomp filter";
    }
    SCOPED_TRACE(call);
    EXPECT_EQ(session.start_error, "");
    EXPECT_TRUE(session.live);
    EXPECT_EQ(session.network.taken, Network::sockets);
  }
}

TEST(WithoutUring, WhoAskedForItIsTold) {
  const LoopbackVenue venue;
  Settings settings = venue.settings();
  settings.network = Network::io_uring;
  Session session;
  if (!run_refused(uring_calls, EPERM, [&] { session = run_session(settings); })) {
    GTEST_SKIP() << "this machine allows no seccomp filter";
  }
  EXPECT_FALSE(session.live);
  EXPECT_NE(session.start_error.find("a seccomp filter"), std::string::npos);
  EXPECT_NE(session.start_error.find("\"auto\""), std::string::npos);
}

TEST(WithoutUring, WithItNothingIsRefused) {
  const LoopbackVenue venue;
  const Session session = run_session(venue.settings());
  EXPECT_TRUE(session.live);
  if (session.network.taken == Network::sockets) GTEST_SKIP() << session.network.refused;
  EXPECT_EQ(session.network.refused, "");
}

// An ordinary user without locked memory, in a process of its own. Which of its rings the kernel
// still gives differs by its version; the client must be Live either way.
TEST(WithoutUring, NoLockedMemory) {
  const TemporaryFolder folder;
  constexpr uid_t nobody = 65'534;
  ASSERT_EQ(::chmod(folder.path().c_str(), 0777), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit none{.rlim_cur = 0, .rlim_max = 0};
    if (::setrlimit(RLIMIT_MEMLOCK, &none) != 0) ::_exit(2);
    if (::geteuid() == 0 &&
        (::setgroups(0, nullptr) != 0 || ::setgid(nobody) != 0 || ::setuid(nobody) != 0)) {
      ::_exit(2);
    }
    const LoopbackVenue venue;
    Settings settings = venue.settings();
    settings.recording.path = folder / "night.hvk";
    const Session session = run_session(settings);
    ::_exit(session.live && session.recording ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 2) GTEST_SKIP() << "this machine lets us be nobody else";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace havklo
