// Recordings on disk: several files, a disk that fails, and what a reader says about it.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <havklo/recording.hpp>
#include <memory>
#include <set>

#include "replay/playback/outline.hpp"
#include "replay/recording/block_index.hpp"
#include "replay/recording/block_search.hpp"
#include "replay/recording/reader.hpp"
#include "support/stormy_recording.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;
using replay::PlayResult;
using replay::Reader;
using replay::segment_path;

uint32_t count_files(const std::string& path) {
  uint32_t count = 0;
  while (std::filesystem::exists(segment_path(path, count))) ++count;
  return count;
}

TEST(RecordingFiles, GoOverToTheNextBySizeAndReplayAsOne) {
  FinishedSession session({.max_size = 100'000}, 60_s);
  ASSERT_EQ(session.state(), RecorderState::finished);
  const uint32_t files = count_files(session.path());
  EXPECT_GE(files, 4u);
  for (uint32_t i = 0; i < files; ++i) {
    EXPECT_LE(std::filesystem::file_size(session.file(i)), 100'000u) << i;
  }
  std::vector<Event> events;
  const PlayResult result = play(session.path(), &events);
  EXPECT_TRUE(result.identical());
  EXPECT_EQ(result.torn, "");
  EXPECT_TRUE(same_bytes(events, session->events()));
}

TEST(RecordingFiles, GoOverToTheNextByAge) {
  FinishedSession session({.max_age = 10_s}, 35_s);
  ASSERT_EQ(session.state(), RecorderState::finished);
  EXPECT_EQ(count_files(session.path()), 4u);
  EXPECT_TRUE(same_bytes(replayed(session.path()), session->events()));
}

TEST(RecordingFiles, EachHasTheIndexOfItsOwnBlocks) {
  FinishedSession session({.max_age = 10_s}, 35_s);
  const auto outline = replay::Outline::read(session.path());
  ASSERT_TRUE(outline);
  ASSERT_EQ(outline->files().size(), 4u);
  for (const replay::FileOutline& file : outline->files()) {
    ASSERT_TRUE(file.has_index) << file.path;
    std::vector<uint64_t> noted;
    for (const replay::IndexEntry& entry : file.blocks) noted.push_back(entry.offset);
    std::ifstream bytes(file.path, std::ios::binary);
    replay::BlockSearch search(bytes, 0);
    std::vector<uint64_t> found;
    while (const auto header = search.next()) {
      if (header->kind == replay::BlockKind::turns) found.push_back(search.at());
    }
    EXPECT_EQ(noted, found) << file.path;
  }
}

TEST(RecordingFiles, AnyOfThemNamesTheRecording) {
  FinishedSession session({.max_age = 10_s}, 35_s);
  EXPECT_TRUE(same_bytes(replayed(session.file(2)), session->events()));
  std::filesystem::remove(session.path());
  const auto orphan = Reader::open(session.file(2));
  ASSERT_FALSE(orphan);
  EXPECT_NE(orphan.error().find("its first file, '" + session.path() + "', is missing"),
            std::string::npos)
      << orphan.error();
}

TEST(RecordingFiles, AMissingOneInTheMiddleIsNamed) {
  FinishedSession session({.max_age = 10_s}, 35_s);
  std::filesystem::remove(session.file(1));
  const PlayResult result = play(session.path());
  EXPECT_TRUE(result.identical());
  EXPECT_GT(result.turns, 0u);
  EXPECT_NE(result.torn.find("'" + session.file(1) + "' is missing"), std::string::npos);
  EXPECT_NE(result.torn.find(session.file(2)), std::string::npos) << result.torn;
}

// As in a folder that one may not look into.
TEST(RecordingFiles, OneThatCannotBeLookedAtIsTorn) {
  FinishedSession session({.max_age = 10_s}, 35_s);
  const std::string second = session.file(1);
  std::filesystem::remove(second);
  std::filesystem::create_symlink("night.hvk.1", second);  // a link to itself
  const PlayResult result = play(session.path());
  EXPECT_TRUE(result.identical());
  EXPECT_GT(result.turns, 0u);
  EXPECT_NE(result.torn.find("cannot read '" + second + "': Too many levels of symbolic links"),
            std::string::npos)
      << result.torn;
}

TEST(RecordingFiles, OneOfAnotherSessionDoesNotGoOn) {
  FinishedSession session({.max_age = 10_s}, 35_s);
  session.swap_file(1);
  EXPECT_NE(play(session.path()).torn.find("does not go on where the file before it ends"),
            std::string::npos);
}

TEST(RecordingFiles, OneThatCannotBeOpenedStopsTheRecordingInOrder) {
  const TemporaryFolder folder;
  RecordedSession session(folder / "night.hvk", {.max_age = 5_s});
  session.writer().opens_fail = true;
  session.run(20_s);
  EXPECT_EQ(session.finish(), RecorderState::stopped_disk_error);
  EXPECT_EQ(session.count(EventKind::recording_stopped), 1u);
  const PlayResult result = play(session.path());
  EXPECT_TRUE(result.identical());
  EXPECT_NE(result.torn.find("recording stopped early: Permission denied"), std::string::npos)
      << result.torn;
}

TEST(RecordingFiles, NoneIsOpenedAheadAndLeftBehind) {
  const TemporaryFolder folder;
  RecordedSession session(folder / "night.hvk", {.max_size = 64'000});
  // Past the half of the file the next one is opened.
  while (!std::filesystem::exists(segment_path(session.path(), 1))) session.run(1_s);
  session.finish();
  if (play(session.path()).torn.empty()) SUCCEED();
  const auto reader = Reader::open(session.path());
  ASSERT_TRUE(reader);
  EXPECT_TRUE(!std::filesystem::exists(segment_path(session.path(), 1)) ||
              std::filesystem::file_size(segment_path(session.path(), 1)) > 0);
}

// The event.

TEST(RecordingStopped, IsPublishedOnceWithTheReason) {
  const TemporaryFile file;
  RecordedSession session(file.path());
  session.writer().fails_from = 5;
  session.run(20_s);
  EXPECT_EQ(session.finish(), RecorderState::stopped_disk_error);
  ASSERT_EQ(session.count(EventKind::recording_stopped), 1u);
  const Event* event = session.first(EventKind::recording_stopped);
  EXPECT_EQ(event->payload.recording_stopped.fault, RecordingFault::disk_error);
  EXPECT_EQ(event->payload.recording_stopped.os_error, ENOSPC);
  EXPECT_EQ(session.events().back().kind, EventKind::closed);
}

TEST(RecordingStopped, IsTheFirstThatTheRecordingDoesNotHold) {
  const TemporaryFile file;
  RecordedSession session(file.path());
  session.writer().fails_from = 8;
  session.run(20_s);
  session.finish();
  const std::vector<Event> again = replayed(file.path());
  ASSERT_GT(again.size(), 0u);
  ASSERT_LT(again.size(), session.events().size());
  const std::vector<Event> begin(session.events().begin(),
                                 session.events().begin() + static_cast<ptrdiff_t>(again.size()));
  EXPECT_TRUE(same_bytes(again, begin));
  EXPECT_LT(again.back().sequence, session.first(EventKind::recording_stopped)->sequence);
}

TEST(RecordingStopped, ADiskThatHangsIsSlow) {
  const TemporaryFile file;
  RecordedSession session(file.path());
  session.writer().stuck = true;
  session.run(60_s);
  EXPECT_EQ(session.finish(), RecorderState::stopped_slow_disk);
  ASSERT_EQ(session.count(EventKind::recording_stopped), 1u);
  const Event* event = session.first(EventKind::recording_stopped);
  EXPECT_EQ(event->payload.recording_stopped.fault, RecordingFault::slow_disk);
  EXPECT_EQ(event->payload.recording_stopped.os_error, 0);
}

TEST(RecordingStopped, AQuietMinuteBeforeAWriteDoesNotMakeItSlow) {
  const TemporaryFile file;
  RecordedSession session(file.path());
  session.run(2_s);
  session.pass_quietly(60_s);
  session.run(600_ms);  // a block is handed on …
  session.writer().holds = true;
  session.run(20_s);  // … and this one is under way for less than 30 s
  session.writer().holds = false;
  EXPECT_EQ(session.finish(), RecorderState::finished);
  EXPECT_EQ(session.count(EventKind::recording_stopped), 0u);
}

TEST(RecordingStopped, AFullDiskLeavesAFileThatSaysWhy) {
  const TemporaryFile file;
  RecordedSession session(file.path());
  session.writer().fails_from = 8;
  session.run(20_s);
  session.finish();
  const PlayResult result = play(file.path());
  EXPECT_TRUE(result.identical());
  EXPECT_NE(result.torn.find("recording stopped early: No space left on device"), std::string::npos)
      << result.torn;
}

// The limit on the size of a file stands for a disk that is full to the last byte: not even a
// closing block goes behind what is there. It takes the place of the last blocks.
TEST(RecordingStopped, ADiskWithoutRoomForTheReasonGivesThatOfTheLastBlocks) {
  const TemporaryFile file;
  RecordedSession session(file.path());
  session.run(10_s);
  const auto bytes = std::filesystem::file_size(file.path());
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit full{.rlim_cur = bytes, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
  session.run(10_s);
  const RecorderState state = session.finish();
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(state, RecorderState::stopped_disk_error);
  EXPECT_LE(std::filesystem::file_size(file.path()), bytes);
  const PlayResult result = play(file.path());
  EXPECT_TRUE(result.identical());
  EXPECT_GT(result.turns, 0u);
  EXPECT_NE(result.torn.find("recording stopped early: File too large"), std::string::npos)
      << result.torn;
  const auto outline = replay::Outline::read(file.path());
  ASSERT_TRUE(outline);
  EXPECT_TRUE(outline->files().front().has_index);
}

// The kernel cuts a direct write at that limit, and calls what is left of it invalid.
TEST(RecordingStopped, TheLimitOnTheSizeOfFilesIsCalledSo) {
  for (const int32_t says : {EINVAL, ENOSPC}) {
    const TemporaryFile file;
    RecordedSession session(file.path());
    session.run(10_s);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const rlimit full{.rlim_cur = std::filesystem::file_size(file.path()),
                      .rlim_max = before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);  // SIGXFSZ would end us
    session.writer().fails_from = 1;
    session.writer().fails_with = says;
    session.run(10_s);
    const RecorderState state = session.finish();
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    EXPECT_EQ(state, RecorderState::stopped_disk_error);
    const bool cut = says == EINVAL;
    EXPECT_EQ(session.recorder().disk_error(), cut ? EFBIG : ENOSPC);
    EXPECT_EQ(play(file.path()).torn.contains("recording stopped early: File too large"), cut);
  }
}

// At the limit of processes the kernel has no worker for what io_uring is asked.
TEST(RecordingStopped, AKernelWithoutAThreadThatWritesIsNamed) {
  const TemporaryFile file;
  RecordedSession session(file.path());
  session.writer().fails_from = 4;
  session.writer().fails_with = ECANCELED;
  session.run(10_s);
  EXPECT_EQ(session.finish(), RecorderState::stopped_disk_error);
  EXPECT_EQ(session.recorder().disk_error(), EAGAIN);
  EXPECT_TRUE(session.recorder().outcome().error().contains("ulimit -u"));
  EXPECT_TRUE(play(file.path()).identical());
}

// Nothing else would say so: writing to it goes on well.
TEST(RecordingStopped, AFileThatWasRemovedIsNoticedWithinSeconds) {
  for (const bool whole_folder : {false, true}) {
    const TemporaryFolder folder;
    const std::string own = folder / "tonight";
    std::filesystem::create_directory(own);
    RecordedSession session(own + "/night.hvk");
    session.run(10_s);
    EXPECT_EQ(session.count(EventKind::recording_stopped), 0u);
    std::filesystem::remove_all(whole_folder ? own : session.path());
    session.run(3_s);
    ASSERT_EQ(session.count(EventKind::recording_stopped), 1u);
    const Event* event = session.first(EventKind::recording_stopped);
    EXPECT_EQ(event->payload.recording_stopped.fault, RecordingFault::disk_error);
    EXPECT_EQ(event->payload.recording_stopped.os_error, ENOENT);
    EXPECT_EQ(session.finish(), RecorderState::stopped_disk_error);
    EXPECT_EQ(session.recorder().outcome().error(),
              "the recording is lost: its file was removed or cut short meanwhile, or its folder "
              "was removed");
  }
}

TEST(RecordingStopped, AFileThatWasRemovedJustBeforeTheEndIsNoticedThen) {
  const TemporaryFolder folder;
  RecordedSession session(folder / "night.hvk");
  session.run(10_s);
  std::filesystem::remove(session.path());
  EXPECT_EQ(session.finish(), RecorderState::stopped_disk_error);
}

// As logrotate's copytruncate does it. The next write would make a hole of what was there, and the
// file as long as before.
TEST(RecordingStopped, AFileThatWasCutShortIsNoticedWithinSeconds) {
  for (const bool begins_again : {false, true}) {
    const TemporaryFolder folder;
    RecordedSession session(folder / "night.hvk");
    session.run(10_s);
    EXPECT_EQ(session.count(EventKind::recording_stopped), 0u);
    const auto bytes = std::filesystem::file_size(session.path());
    std::filesystem::resize_file(session.path(), begins_again ? 0 : bytes / 2);
    session.run(3_s);
    ASSERT_EQ(session.count(EventKind::recording_stopped), 1u);
    const Event* event = session.first(EventKind::recording_stopped);
    EXPECT_EQ(event->payload.recording_stopped.fault, RecordingFault::disk_error);
    EXPECT_EQ(event->payload.recording_stopped.os_error, ENOENT);
    EXPECT_EQ(session.finish(), RecorderState::stopped_disk_error);
    EXPECT_EQ(session.recorder().outcome().error(),
              "the recording is lost: its file was removed or cut short meanwhile, or its folder "
              "was removed");
    if (begins_again) continue;
    const PlayResult rest = play(session.path());
    EXPECT_TRUE(rest.identical());
    EXPECT_GT(rest.turns, 0u);
    EXPECT_FALSE(rest.torn.empty());
  }
}

TEST(RecordingStopped, AFileThatWasCutShortJustBeforeTheEndIsNoticedThen) {
  const TemporaryFolder folder;
  RecordedSession session(folder / "night.hvk");
  session.run(10_s);
  std::filesystem::resize_file(session.path(), 0);
  EXPECT_EQ(session.finish(), RecorderState::stopped_disk_error);
}

// It was cut while a write was under way, which made it as long as it should be.
TEST(RecordingStopped, AFileWithAHoleForItsBeginningIsNoticedAtTheEnd) {
  const TemporaryFolder folder;
  RecordedSession session(folder / "night.hvk");
  session.run(10_s);
  const auto bytes = std::filesystem::file_size(session.path());
  std::filesystem::resize_file(session.path(), 0);
  std::filesystem::resize_file(session.path(), bytes);
  EXPECT_EQ(session.finish(), RecorderState::stopped_disk_error);
  EXPECT_EQ(session.recorder().disk_error(), ENOENT);
}

TEST(RecordingStopped, AFileThatWasMovedIsStillThere) {
  const TemporaryFolder folder;
  RecordedSession session(folder / "night.hvk");
  session.run(10_s);
  std::filesystem::rename(session.path(), folder / "kept.hvk");
  session.run(10_s);
  EXPECT_EQ(session.finish(), RecorderState::finished);
  EXPECT_TRUE(same_bytes(replayed(folder / "kept.hvk"), session.events()));
}

TEST(RecordingStopped, CarriesTheEpochOfItsConnection) {
  const TemporaryFile file;
  RecordedSession session(file.path());
  session.run(20_s);  // losses at 5, 12 and 19 s
  session.writer().fails_from = 1;
  session.run(3_s);
  ASSERT_EQ(session.count(EventKind::recording_stopped), 1u);
  EXPECT_EQ(session.first(EventKind::recording_stopped)->epoch, 4u);
  EXPECT_EQ(session.count(EventKind::connected), 4u);
}

// What a kill costs.

TEST(Recording, AQuietSessionIsOnTheDiskWithinASecond) {
  const TemporaryFile file;
  RecordedSession session(file.path());
  session.run(5_s);
  const uint64_t recorded = session.recorder().turns();
  ASSERT_GT(recorded, 10u);
  session.pass_quietly(1_s);  // nothing enters the engine
  const PlayResult result = play(file.path());
  EXPECT_EQ(result.turns, recorded);
}

// The index.

TEST(BlockIndex, IsThinnedOutWhenFull) {
  replay::BlockIndex index;
  constexpr uint32_t blocks = 3 * replay::BlockIndex::capacity + 7;
  for (uint32_t i = 0; i < blocks; ++i) index.add({.offset = i});
  EXPECT_EQ(index.stride(), 4u);
  EXPECT_GT(index.entries().size(), replay::BlockIndex::capacity / 2);
  for (uint32_t i = 0; i < index.entries().size(); ++i) {
    EXPECT_EQ(index.entries()[i].offset, i * index.stride());
  }
  EXPECT_LT(blocks - index.entries().back().offset, 2 * index.stride());
}

TEST(BlockIndex, OfTheNextFileBeginsAnew) {
  replay::BlockIndex index;
  for (uint32_t i = 0; i <= replay::BlockIndex::capacity; ++i) index.add({.offset = i});
  ASSERT_EQ(index.stride(), 2u);
  index.clear();
  for (const uint64_t offset : {7, 8}) index.add({.offset = offset});
  EXPECT_EQ(index.entries().size(), 2u);
}

TEST(BlockIndex, IsReadAsWritten) {
  replay::BlockIndex index;
  index.add({.offset = 100, .time = Instant{7}, .turns = 8, .sequence = 9});
  std::vector<std::byte> bytes(index.closing_bytes());
  ASSERT_EQ(index.write_closing(bytes.data(), replay::ClosingReason::disk_error, 28, 4711, 0),
            bytes.size());
  const auto closing = replay::read_closing(bytes);
  ASSERT_TRUE(closing);
  EXPECT_EQ(closing->reason, replay::ClosingReason::disk_error);
  EXPECT_EQ(closing->os_error, 28);
  ASSERT_EQ(closing->entries.size(), 1u);
  EXPECT_EQ(closing->entries[0].sequence, 9u);
  bytes.pop_back();
  EXPECT_FALSE(replay::read_closing(bytes));
}

}  // namespace
}  // namespace havklo
