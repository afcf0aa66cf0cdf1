// What becomes of the disk under the recording: full, frozen, torn out. File systems of the test's
// own, in a mount namespace of its own; skipped, and told so, where the kernel gives none.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <memory>
#include <string>

#include "faults/real_loop.hpp"

namespace havklo {
namespace {

using namespace std::chrono_literals;

class WhenTheDisk : public RealLoop {
 protected:
  void SetUp() override {
    sandbox_ = std::make_unique<Sandbox>();
    if (!sandbox_->why().empty()) GTEST_SKIP() << sandbox_->why();
  }
  void TearDown() override { thaw(); }
  [[nodiscard]] int mount_memory(const std::string& size) const {
    return sandbox_->within([&] {
      return ::mount("none", folder_.path().c_str(), "tmpfs", 0, ("size=" + size).c_str());
    });
  }
  // A file system in a file, on a loop device that goes with its mount.
  [[nodiscard]] bool mount_image() const {
    return sandbox_->run({"mkfs.ext4", "-q", "-F", image_.path(), "64M"}) == 0 &&
           sandbox_->run({"mount", "-o", "loop", image_.path(), folder_.path()}) == 0;
  }
  bool freeze() { return frozen_ = ask(FIFREEZE); }
  void thaw() {
    if (frozen_) frozen_ = !ask(FITHAW);
  }
  // Ten megabytes a second that say nothing, until every block of the recorder waits: sixteen.
  static std::string long_answers() {
    return R"([[fault]]
kind = "message"
every = "5ms"
after = "1s"
text = '{"method":"pong","req_id":1,"time_in":"2026-01-01T00:00:00Z","pad":")" +
           std::string(50'000, 'x') + "\"}'\n";
  }
  // What a disk that does not follow costs: the recording, and nothing else.
  void expect_told_once_and_live(const std::vector<std::string>& reasons) {
    must_say("RecordingStopped", "reason", reasons);
    must_say("BookUpdate");
    must_say("Heartbeat");
    must_say("BookUpdate");
  }
  [[nodiscard]] bool told() {
    const std::string errors = engine().errors();
    return errors.find("the disk is too slow") != std::string::npos ||
           errors.find("the engine did not close in time") != std::string::npos;
  }
  void expect_end_without_recording(const std::string& words) {
    engine().signal(SIGTERM);
    engine().read_all();
    EXPECT_EQ(engine().end(), exit_failed);
    EXPECT_NE(engine().errors().find(words), std::string::npos) << engine().errors();
    EXPECT_EQ(field_of(engine().last_line(), "event"), "Closed");
    expect_no_hole();
  }

 private:
  [[nodiscard]] bool ask(unsigned long what) const {
    return sandbox_->within([&] {
      const int folder = ::open(folder_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      return ::ioctl(folder, what, 0) == 0 ? 0 : 1;
    }) == 0;
  }
  TemporaryFile image_;
  bool frozen_ = false;
};
INSTANTIATE_TEST_SUITE_P(EveryWay, WhenTheDisk,
                         testing::Values(Carrier::uring, Carrier::forbidden_uring),
                         testing::PrintToStringParamName());

TEST_P(WhenTheDisk, IsFullTheRecordingEndsInOrder) {
  ASSERT_EQ(mount_memory("1m"), 0);
  venue_scenario_ = long_answers();
  start();
  venue_scenario_.clear();
  expect_told_once_and_live({"disk_error"});
  expect_end_without_recording("No space left on device");
  expect_torn_recording("recording stopped early: No space left on device");
}

TEST_P(WhenTheDisk, IsFrozenNothingWaitsForIt) {
  if (!mount_image()) GTEST_SKIP() << "this machine mounts no image: not root, or no loop device";
  venue_scenario_ = long_answers();
  start();
  if (!freeze()) GTEST_SKIP() << "this kernel freezes no file system";
  venue_scenario_.clear();
  expect_told_once_and_live({"slow_disk"});
  venue().signal(SIGKILL);  // an outage meanwhile is told and mended as ever
  must_say("Disconnected");
  start_venue();
  expect_restored();
  thaw();
  expect_end_without_recording("the recording stopped early: the disk is too slow");
  expect_torn_recording("recording stopped early: the disk was too slow");
}

// The kernel keeps a process whose write is under way, even one that was killed: all that we can do
// in time is say what there is to say.
TEST_P(WhenTheDisk, IsFrozenAtTheEndTheLossIsToldInTime) {
  if (!mount_image()) GTEST_SKIP() << "this machine mounts no image: not root, or no loop device";
  start();
  if (!freeze()) GTEST_SKIP() << "this kernel freezes no file system";
  engine().signal(SIGTERM);
  must_say("Closed");
  const auto until = std::chrono::steady_clock::now() + 8s;
  while (std::chrono::steady_clock::now() < until && !told()) let_pass(50ms);
  EXPECT_TRUE(told()) << engine().errors();
  thaw();
  engine().read_all();
  EXPECT_EQ(engine().end(), exit_failed);
}

TEST_P(WhenTheDisk, IsFrozenForAMomentNothingIsLost) {
  if (!mount_image()) GTEST_SKIP() << "this machine mounts no image: not root, or no loop device";
  start();
  if (!freeze()) GTEST_SKIP() << "this kernel freezes no file system";
  let_pass(100ms);
  thaw();
  must_say("Heartbeat");
  expect_good_end();
}

}  // namespace
}  // namespace havklo
