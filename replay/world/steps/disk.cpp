// A memory file, and the replay that proves it whole.
#include "replay/world/steps/disk.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "replay/playback/player.hpp"

namespace havklo::replay {

SimulatedDisk::SimulatedDisk(std::string path, uint32_t blocks)
    : path_(std::move(path)), blocks_left_(blocks) {
  if (!path_.empty()) return;
  memory_ = ::memfd_create("recording", MFD_CLOEXEC);
  path_ = fmt::format("/proc/self/fd/{}", memory_);
}

SimulatedDisk::~SimulatedDisk() {
  if (memory_ >= 0) ::close(memory_);
}

std::expected<std::unique_ptr<Recorder>, std::string> SimulatedDisk::make_recorder(
    std::span<const Settings> sessions, uint64_t seed, bool overwrite) {
  std::vector<Settings> recorded(sessions.begin(), sessions.end());
  recorded.front().recording.overwrite = overwrite;
  return Recorder::create(path_, recorded, seed, Duration{}, *this);
}

void SimulatedDisk::write_file(int file, uint64_t offset, std::span<const std::byte> block,
                               uint32_t token, bool) {
  if (blocks_left_ == 0) {
    full_ = true;
    return done_.push_back({token, -ENOSPC});
  }
  --blocks_left_;
  const ssize_t written = ::pwrite(file, block.data(), block.size(), static_cast<off_t>(offset));
  done_.push_back({token, written < 0 ? -errno : static_cast<int32_t>(written)});
}

void SimulatedDisk::open_file(const char* path, uint32_t token, bool direct) {
  const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | (direct ? O_DIRECT : 0);
  const int file = ::open(path, flags, 0600);
  done_.push_back({token, file < 0 ? -errno : file});
}

// Nobody takes a file away in a simulated world.
void SimulatedDisk::look_for(int, uint64_t, uint32_t token) { done_.push_back({token, 1}); }

void SimulatedDisk::close_file(int file) { ::close(file); }

std::optional<BlockWriter::Done> SimulatedDisk::take_done() {
  if (done_.empty()) return std::nullopt;
  const Done first = done_.front();
  done_.pop_front();
  return first;
}

void SimulatedDisk::check(Recorder& recorder, uint64_t turns_at_most, Verdict& verdict,
                          Instant now) {
  recorder.finish();
  const auto wrong = [&](std::string what) {
    verdict.violate(Invariant::recording, 0, now, std::move(what));
  };
  const RecorderState expected =
      full_ ? RecorderState::stopped_disk_error : RecorderState::finished;
  if (recorder.state() != expected) return wrong("the recorder is in another state than its disk");
  auto reader = Reader::open(path_);
  if (!reader) return wrong(reader.error());
  Player player(std::move(*reader));
  const PlayResult result = player.run();
  if (result.difference) {
    return wrong(fmt::format("turn {} replays to other events", result.difference->turn));
  }
  if (!full_ && !result.torn.empty()) return wrong("torn: " + result.torn);
  if (!full_ && result.turns != recorder.turns()) wrong("turns are missing");
  if (result.turns > turns_at_most) wrong("more turns than there were");
}

}  // namespace havklo::replay
