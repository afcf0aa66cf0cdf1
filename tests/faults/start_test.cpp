// A start that the system refuses is a StartError: every system call and every allocation of it is
// made to fail once, in turn. Never a hang, never a throw, and nothing is left behind. The same of
// a handshake, whose allocations are the TLS library's.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <functional>
#include <havklo/client.hpp>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "faults/failing_allocations.hpp"
#include "faults/failing_calls.hpp"
#include "havklo/command_line.hpp"
#include "havklo/commands.hpp"
#include "io/tls/certificate_authority.hpp"
#include "replay/recording/crc32c.hpp"
#include "replay/recording/format.hpp"
#include "support/live_transport_test.hpp"
#include "support/net/open_files.hpp"
#include "support/net/poll_now.hpp"
#include "support/temporary_file.hpp"
#include "support/temporary_folder.hpp"

namespace havklo {
namespace {

constexpr uint64_t tries_max = 20'000;

// But for the kernel's own, which it ends when it likes: they write for io_uring.
size_t threads_of_process() {
  size_t count = 0;
  for (const auto& each : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name;
    std::ifstream(each.path() / "comm") >> name;
    if (!name.starts_with("iou-")) ++count;
  }
  return count;
}

// A thread that was joined stands in /proc a moment longer.
bool threads_come_to(size_t count) {
  for (int look = 0; look < 100'000; ++look) {
    if (threads_of_process() == count) return true;
    std::this_thread::yield();
  }
  return false;
}

// For some thousand recordings, which a busy disk would take minutes to sync.
std::filesystem::path in_memory() {
  return std::filesystem::is_directory("/dev/shm") ? "/dev/shm"
                                                   : std::filesystem::temp_directory_path();
}

struct Form {
  std::string name;
  bool is_inline = false;
  Network network = Network::automatic;
  bool records = false;
  bool overwrites = false;
};

class StartOf : public testing::TestWithParam<Form> {
 protected:
  void SetUp() override {
    if (!allocations_can_fail) GTEST_SKIP() << "a sanitizer's own calls would fail";
    for (int i = 0; i < 3; ++i) start([] {}, [] {});  // what libraries make once and keep
  }

  [[nodiscard]] Settings settings() {
    Settings settings;
    settings.url = "wss://127.0.0.1:9/v2";  // nobody there
    settings.ca_file = ca_.path();
    settings.idle = Idle::park;
    settings.network = GetParam().network;
    settings.ring_slots = 1024;
    settings.subscriptions.push_back({.channel = Channel::book, .symbols = {"BTC/USD"}});
    if (GetParam().records) {
      settings.recording.path = folder_ / ("night" + std::to_string(++recordings_) + ".hvk");
      settings.recording.overwrite = GetParam().overwrites;
    }
    return settings;
  }

  // Nothing: it started, and was closed. Otherwise what it says.
  std::optional<std::string> start(const std::function<void()>& begin,
                                   const std::function<void()>& end) {
    const Settings with = settings();
    const std::string& path = with.recording.path;
    if (GetParam().overwrites) write_earlier(path);
    const auto outcome = [&](const auto& client) -> std::optional<std::string> {
      return client ? std::nullopt : std::optional(client.error().message());
    };
    std::optional<std::string> said;
    if (GetParam().is_inline) {
      begin();
      auto client = InlineKrakenClient::connect(with);
      end();
      said = outcome(client);
      if (client) (*client)->run_once([](const Event&) {});
    } else {
      begin();
      auto client = KrakenClient::connect(with);
      end();
      said = outcome(client);
    }
    if (said && GetParam().records) expect_untouched(path);
    if (!path.empty()) std::filesystem::remove(path);
    std::filesystem::remove(path + ".1");
    EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
    return said;
  }

  // An earlier recording of two files.
  void write_earlier(const std::string& path) {
    if (earlier_.empty()) {
      for (const uint32_t segment : {0u, 1u}) earlier_.push_back(first_block(segment));
    }
    std::ofstream(path, std::ios::binary) << earlier_[0];
    std::ofstream(path + ".1", std::ios::binary) << earlier_[1];
  }
  static std::string first_block(uint32_t segment) {
    std::string text = "format 5\nsegment " + std::to_string(segment) + "\n";
    const replay::BlockHeaderBytes head =
        replay::encode({.kind = replay::BlockKind::header,
                        .payload_bytes = static_cast<uint32_t>(text.size()),
                        .number = 0,
                        .progress = {},
                        .payload_crc = replay::crc32c(0, std::as_bytes(std::span(text)))});
    return std::string(reinterpret_cast<const char*>(head.data()), head.size()) + text;
  }
  // No file of ours, and every file of somebody's.
  void expect_untouched(const std::string& path) {
    const auto content = [](const std::string& of) {
      std::stringstream text;
      text << std::ifstream(of, std::ios::binary).rdbuf();
      return text.str();
    };
    EXPECT_EQ(std::filesystem::exists(path), GetParam().overwrites);
    if (!GetParam().overwrites) return;
    EXPECT_TRUE(content(path) == earlier_[0] && content(path + ".1") == earlier_[1]);
  }

  // Every call that the start makes fails once, with `error`.
  void fail_each_call(int error) {
    uint64_t refused = 0;
    for (uint64_t nth = 1; nth < tries_max; ++nth) {
      const size_t files = open_files();
      const size_t threads = threads_of_process();
      FailingCall call(nth, error);
      std::optional<std::string> said;
      const bool ran = call.run([&] { said = start([&] { call.begin(); }, [&] { call.end(); }); });
      if (!ran && !HasFailure()) GTEST_SKIP() << "this machine allows no such filter";
      if (!ran) return;
      SCOPED_TRACE("the " + std::to_string(nth) + ". call, number " +
                   std::to_string(call.failed_call()));
      if (said) {
        ++refused;
        EXPECT_FALSE(said->empty());
        EXPECT_EQ(said->find('\n'), std::string::npos) << *said;
      }
      EXPECT_EQ(open_files(), files);
      EXPECT_TRUE(threads_come_to(threads));
      if (HasFailure()) return;
      if (!call.has_failed()) {
        EXPECT_GT(refused, 3u);
        RecordProperty("calls", static_cast<int>(nth - 1));
        RecordProperty("refused", static_cast<int>(refused));
        return;
      }
    }
    FAIL() << "it does not end";
  }

  TemporaryFile ca_{io::CertificateAuthority::make().value().certificate_pem()};
  TemporaryFolder folder_{in_memory()};
  int recordings_ = 0;
  std::vector<std::string> earlier_;
};

INSTANTIATE_TEST_SUITE_P(
    EveryForm, StartOf,
    testing::Values(Form{"Threaded"}, Form{"ThreadedSockets", false, Network::sockets},
                    Form{"ThreadedUringRecording", false, Network::io_uring, true},
                    Form{"ThreadedSocketsRecording", false, Network::sockets, true},
                    Form{"ThreadedOverwriting", false, Network::automatic, true, true},
                    Form{"Inline", true}, Form{"InlineRecording", true, Network::automatic, true},
                    Form{"InlineOverwriting", true, Network::automatic, true, true}),
    [](const auto& form) { return form.param.name; });

TEST_P(StartOf, WhenACallIsForbidden) { fail_each_call(EPERM); }
TEST_P(StartOf, WhenACallLacksMemory) { fail_each_call(ENOMEM); }
TEST_P(StartOf, WhenACallLacksADescriptor) { fail_each_call(EMFILE); }

TEST_P(StartOf, WhenAnAllocationFails) {
  uint64_t refused = 0;
  for (uint64_t nth = 1; nth < tries_max; ++nth) {
    const size_t files = open_files();
    const size_t threads = threads_of_process();
    const int64_t blocks = FailingAllocation::blocks();
    bool failed = false;
    int64_t left = 0;
    {
      std::optional<FailingAllocation> failing;
      const std::optional<std::string> said =
          start([&] { failing.emplace(nth); }, [&] { failing.reset(); });
      failed = FailingAllocation::has_failed();
      if (said) {
        ++refused;
        EXPECT_FALSE(said->empty());
      }
    }
    left = FailingAllocation::blocks() - blocks;
    SCOPED_TRACE("the " + std::to_string(nth) + ". allocation");
    EXPECT_LE(left, 0);
    EXPECT_EQ(open_files(), files);
    EXPECT_TRUE(threads_come_to(threads));
    if (HasFailure()) return;
    if (!failed) {
      EXPECT_GT(refused, 20u);
      RecordProperty("allocations", static_cast<int>(nth - 1));
      RecordProperty("refused", static_cast<int>(refused));
      return;
    }
  }
  FAIL() << "it does not end";
}

// Nothing that is thrown leaves the program, whichever allocation of a command line fails.
TEST(CommandLineWithoutMemory, SaysSo) {
  if (!allocations_can_fail) GTEST_SKIP() << "a sanitizer owns malloc";
  std::array<std::string, 2> words{"havklo", "sim"};
  std::array<char*, 3> arguments{words[0].data(), words[1].data(), nullptr};
  constexpr uint64_t step = 61;  // of some thousands that make the options
  int told = 0;
  for (uint64_t nth = 1; nth < tries_max; nth += step) {
    testing::internal::CaptureStderr();
    bool failed = false;
    int code = exit_good;
    {
      const FailingAllocation failing(nth);
      code = run_command_line(std::span(arguments).first(words.size()));
      failed = FailingAllocation::has_failed();
    }
    const std::string said = testing::internal::GetCapturedStderr();
    if (!failed) break;
    if (code == exit_failed && said == "havklo: out of memory\n") ++told;
  }
  EXPECT_GT(told, 10);
}

// It is the answer to a limit of processes and to one of memory.
TEST(StartWithoutAThread, NamesBothLimits) {
  Settings settings;
  settings.url = "ws://127.0.0.1:9/v2";
  settings.subscriptions.push_back({.channel = Channel::book, .symbols = {"BTC/USD"}});
  std::string said;
  const bool refused = run_refused({__NR_clone, __NR_clone3}, EAGAIN, [&] {
    const auto client = KrakenClient::connect(settings);
    if (!client) said = client.error().message();
  });
  if (!refused) GTEST_SKIP() << "this machine allows no seccomp filter";
  EXPECT_NE(said.find("ulimit -u"), std::string::npos) << said;
  EXPECT_NE(said.find("ulimit -v"), std::string::npos) << said;
}

}  // namespace
}  // namespace havklo

namespace havklo::io {
namespace {

// Every allocation of the client between its first packet and its open stream fails once: the
// attempt ends at once, by an event.
class WithoutMemory : public TransportTest {
 protected:
  static constexpr int rounds_max = 2000;

  // False: memory ran out in our own code, which ends a loop.
  bool attempt(ConnectionId id) {
    try {
      open(id);
      for (int round = 0; round < rounds_max; ++round) {
        transport_->flush();
        if (poll_now(*transport_, seen_) == 0) transport_->park(Duration::milliseconds(1));
        if (seen_.opened() || seen_.closed()) return true;
        const FailingAllocation::Pause the_server;
        if (const int file = listener_.accept(); file >= 0) {
          peer_ = std::make_unique<ServerPeer>(file, &server_);
        }
        if (peer_ != nullptr) peer_->step();
      }
    } catch (const std::bad_alloc&) {
      return false;
    }
    ADD_FAILURE() << "it hangs";
    return true;
  }
};
INSTANTIATE_TEST_SUITE_P(EveryWay, WithoutMemory,
                         testing::Values(Way{Network::io_uring, true}, Way{Network::sockets, true}),
                         name_of);

TEST_P(WithoutMemory, AHandshakeIsAFailedAttempt) {
  if (!allocations_can_fail) GTEST_SKIP() << "a sanitizer owns malloc";
  uint32_t id = 64;
  uint64_t refused = 0;
  for (uint64_t nth = 1; nth < 20'000; ++nth) {
    SCOPED_TRACE("the " + std::to_string(nth) + ". allocation");
    seen_ = {};
    peer_.reset();
    seen_.seen.reserve(16);
    bool whole = false;
    bool failed = false;
    {
      const FailingAllocation failing(nth);
      whole = attempt(ConnectionId{id});
      failed = FailingAllocation::has_failed();
    }
    if (seen_.closed()) {
      ++refused;
      EXPECT_NE(seen_.seen.back().reason, Reason::connect_timeout);
    }
    transport_->close(ConnectionId{id});
    id += 64;
    if (!whole) start(settings());
    if (HasFailure()) return;
    if (failed) continue;
    EXPECT_GT(refused, 20u);
    EXPECT_TRUE(seen_.opened());
    return;
  }
  FAIL() << "it does not end";
}

}  // namespace
}  // namespace havklo::io
