// A stormy session against the venue model, recorded in virtual time, and its replay.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <havklo/recording.hpp>
#include <memory>
#include <string>
#include <vector>

#include "replay/playback/player.hpp"
#include "replay/recording/format.hpp"
#include "replay/recording/reader.hpp"
#include "support/engine_world.hpp"
#include "support/sync_block_writer.hpp"
#include "support/temporary_file.hpp"
#include "support/temporary_folder.hpp"
#include "support/venue_world.hpp"

namespace havklo {

struct RecordedSessionSettings {
  std::optional<uint64_t> max_size;
  std::optional<Duration> max_age;
  uint64_t seed = 7;
  std::string url = "wss://venue.test/v2";
  bool overwrite = false;
};

class RecordedSession {
 public:
  explicit RecordedSession(const std::string& path, const RecordedSessionSettings& given = {})
      : path_(path) {
    VenueWorldSettings settings;
    settings.engine = book_settings({"BTC/USD", "ETH/USD"});
    settings.engine.url = given.url;
    settings.engine.reconnect.jitter = Jitter::full;
    settings.engine.recording = {.path = path,
                                 .max_size = given.max_size,
                                 .max_age = given.max_age,
                                 .overwrite = given.overwrite};
    settings.network.read_bytes_max = 3000;
    settings.faults
        .add({.kind = replay::FaultKind::reset,
              .at = Duration::seconds(5),
              .every = Duration::seconds(7)})
        .add({.kind = replay::FaultKind::bad_checksum, .at = Duration::seconds(3), .times = 1});
    settings.seed = given.seed;
    recorder_ =
        Recorder::create(path, settings.engine, settings.seed, Duration::seconds(1), writer_)
            .value();
    settings.journal = recorder_.get();
    world_ = std::make_unique<VenueWorld>(settings);
  }

  void run(Duration time) { world_->run(time); }
  // A turn into which nothing enters, later.
  void pass_quietly(Duration time) {
    world_->clock.advance(time);
    static_cast<void>(recorder_->begin_turn(world_->clock.now()));
  }
  // Closes the client and then the recording.
  RecorderState finish() {
    EXPECT_TRUE(world_->commands.try_push(make_command(Command::Kind::close)));
    world_->run(Duration::seconds(2));
    recorder_->finish();
    return recorder_->state();
  }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] SyncBlockWriter& writer() { return writer_; }
  [[nodiscard]] Recorder& recorder() { return *recorder_; }
  [[nodiscard]] const std::vector<Event>& events() const { return world_->events; }
  [[nodiscard]] size_t count(EventKind kind) const { return world_->count(kind); }
  [[nodiscard]] const Event* first(EventKind kind) const { return world_->first(kind); }

 private:
  std::string path_;
  SyncBlockWriter writer_;
  std::unique_ptr<Recorder> recorder_;
  std::unique_ptr<VenueWorld> world_;
};

// One that has run for `time` and was finished, in a folder of its own.
class FinishedSession {
 public:
  FinishedSession(const RecordedSessionSettings& given, Duration time)
      : given_(given), time_(time), session_(folder_ / "night.hvk", given) {
    session_.run(time);
    state_ = session_.finish();
  }
  RecordedSession* operator->() { return &session_; }
  [[nodiscard]] RecorderState state() const { return state_; }
  // The path of file `segment`.
  [[nodiscard]] std::string file(uint32_t segment) const {
    return replay::segment_path(session_.path(), segment);
  }
  [[nodiscard]] const std::string& path() const { return session_.path(); }
  // Puts in place of file `segment` that of another session, which went by another seed.
  void swap_file(uint32_t segment) {
    RecordedSessionSettings given = given_;
    ++given.seed;
    const FinishedSession other(given, time_);
    std::filesystem::copy_file(other.file(segment), file(segment),
                               std::filesystem::copy_options::overwrite_existing);
  }

 private:
  RecordedSessionSettings given_;
  Duration time_;
  TemporaryFolder folder_;
  RecordedSession session_;
  RecorderState state_ = RecorderState::recording;
};

[[nodiscard]] inline replay::PlayResult play(const std::string& path,
                                             std::vector<Event>* events = nullptr) {
  auto reader = replay::Reader::open(path);
  EXPECT_TRUE(reader) << reader.error();
  if (!reader) return {};
  replay::Player player(std::move(*reader));
  return player.run([events](const Event& event, const Names&) {
    if (events != nullptr) events->push_back(event);
  });
}

// The events of a recording that replays whole.
[[nodiscard]] inline std::vector<Event> replayed(const std::string& path) {
  std::vector<Event> events;
  EXPECT_TRUE(play(path, &events).identical());
  return events;
}

[[nodiscard]] inline bool same_bytes(const std::vector<Event>& one,
                                     const std::vector<Event>& other) {
  return one.size() == other.size() &&
         (one.empty() ||
          std::memcmp(static_cast<const void*>(one.data()), static_cast<const void*>(other.data()),
                      one.size() * sizeof(Event)) == 0);
}

}  // namespace havklo
