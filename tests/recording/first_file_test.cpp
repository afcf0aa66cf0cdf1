// Where a recording may begin: nothing that is there is lost, whoever made it, and two recordings
// do not share a file.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <havklo/recording.hpp>
#include <iterator>
#include <map>

#include "support/stormy_recording.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;
using replay::segment_path;

std::string refusal_of(RecordingSettings recording) {
  SyncBlockWriter writer;
  Settings settings = book_settings({"BTC/USD"});
  settings.recording = std::move(recording);
  const auto recorder = Recorder::create(settings.recording.path, settings, 1, {}, writer);
  return recorder ? "" : recorder.error();
}
std::string refusal(const std::string& path, std::optional<uint64_t> max_size = {}) {
  return refusal_of({.path = path, .max_size = max_size});
}

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// What lies in a folder: names and bytes, links by what they say.
std::map<std::string, std::string> all_in(const std::string& folder) {
  std::map<std::string, std::string> all;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string path = entry.path().string();
    all[path] = entry.is_symlink()     ? "-> " + std::filesystem::read_symlink(path).string()
                : entry.is_directory() ? "a folder"
                                       : content_of(path);
  }
  return all;
}

mode_t mode_of(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
  return status.st_mode & 07777;
}

void write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

void record_night(const std::string& path, Duration time = 25_s) {
  RecordedSession session(path, {.max_age = 10_s});
  session.run(time);
  EXPECT_EQ(session.finish(), RecorderState::finished);
}

TEST(FirstFile, WhatIsThereStaysAndTheWaysOutAreNamed) {
  const TemporaryFolder folder;
  record_night(folder / "night.hvk");
  record_night(folder / "torn.hvk", 5_s);
  std::filesystem::resize_file(
      folder / "torn.hvk",
      std::filesystem::file_size(folder / "torn.hvk") / 2);  // as after a kill
  record_night(folder / "orphan.hvk");
  std::filesystem::remove(folder / "orphan.hvk");  // its later files are there
  write(folder / "notes.txt", "a line of text\n");
  write(folder / "mine.1", "somebody else's\n");
  write(folder / "empty.1", "");
  std::filesystem::create_directory(folder / "box.1");
  std::filesystem::create_symlink("nowhere", folder / "sly.1");
  const auto before = all_in(folder.path());
  const std::string other =
      "record to another name, or to a pattern of the time as "
      "night-%F-%H%M%S.hvk";
  const std::string overwrite = "; --record-overwrite replaces it";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"night.hvk", "it holds a recording already: " + other + overwrite},
      {"torn.hvk", "it holds a recording already: " + other + overwrite},
      {"orphan.hvk", "'" + folder / "orphan.hvk.1" +
                         "' is there already, and is a later file of "
                         "a recording: " +
                         other + overwrite},
      {"notes.txt", "it holds something else: " + other},
      {"mine", "'" + folder / "mine.1" + "' is there already, and is no recording's: " + other},
      {"empty", "'" + folder / "empty.1" + "' is there already, and is no recording's: " + other},
      {"box", "'" + folder / "box.1" + "' is there already, and is no recording's: " + other},
      {"sly", "'" + folder / "sly.1" + "' is there already, and is no recording's: " + other},
  };
  for (const auto& [name, why] : cases) {
    for (const std::optional<uint64_t> max_size : {std::optional<uint64_t>(), {64'000}}) {
      EXPECT_EQ(refusal(folder / name, max_size),
                "cannot record to '" + folder / name + "': " + why);
    }
  }
  EXPECT_EQ(all_in(folder.path()), before);
}

TEST(FirstFile, ALinkIsNotFollowed) {
  const TemporaryFolder folder;
  write(folder / "empty", "");
  for (const char* target : {"empty", "nowhere", "/dev/null", "link"}) {
    std::filesystem::create_symlink(target, folder / "link");
    EXPECT_EQ(refusal(folder / "link"), "cannot record to '" + folder / "link" +
                                            "': it is a symbolic link, which is not followed");
    EXPECT_FALSE(std::filesystem::exists(folder / "nowhere"));
    std::filesystem::remove(folder / "link");
  }
}

TEST(FirstFile, OverwriteReplacesARecordingAndItsLaterFiles) {
  const TemporaryFolder folder;
  const std::string path = folder / "night.hvk";
  record_night(path, 45_s);
  ASSERT_TRUE(std::filesystem::exists(segment_path(path, 4)));
  std::filesystem::create_hard_link(path, folder / "kept.hvk");
  const std::string kept = content_of(folder / "kept.hvk");
  RecordedSession session(path, {.max_age = 10_s, .overwrite = true});
  session.run(15_s);
  EXPECT_EQ(session.finish(), RecorderState::finished);
  EXPECT_TRUE(same_bytes(replayed(path), session.events()));
  EXPECT_FALSE(std::filesystem::exists(segment_path(path, 2)));  // of the old one
  EXPECT_EQ(content_of(folder / "kept.hvk"), kept);
}

TEST(FirstFile, OverwriteReplacesNothingButRecordings) {
  const TemporaryFolder folder;
  write(folder / "notes.txt", "a line of text\n");
  record_night(folder / "night.hvk", 5_s);
  write(segment_path(folder / "night.hvk", 7), "somebody else's\n");
  record_night(folder / "day.hvk", 5_s);
  // Another recording's first file, and one with another number.
  std::filesystem::copy_file(folder / "night.hvk", segment_path(folder / "day.hvk", 1));
  const auto before = all_in(folder.path());
  EXPECT_EQ(refusal_of({.path = folder / "notes.txt", .overwrite = true}),
            "cannot record to '" + folder / "notes.txt" +
                "': it holds something else: record to another name, or to a pattern of the time "
                "as night-%F-%H%M%S.hvk");
  for (const char* name : {"night.hvk", "day.hvk"}) {
    EXPECT_NE(refusal_of({.path = folder / name, .overwrite = true}).find("is no recording's"),
              std::string::npos);
  }
  EXPECT_EQ(all_in(folder.path()), before);
}

TEST(FirstFile, OverwriteDoesNotTakeAFileThatIsBeingRecordedTo) {
  const TemporaryFolder folder;
  RecordedSession session(folder / "night.hvk");
  session.run(5_s);
  EXPECT_NE(refusal_of({.path = session.path(), .overwrite = true})
                .find("another process is recording to it"),
            std::string::npos);
  session.run(5_s);
  ASSERT_EQ(session.finish(), RecorderState::finished);
  EXPECT_TRUE(same_bytes(replayed(session.path()), session.events()));
}

TEST(FirstFile, AllFilesAreForTheirOwnerAlone) {
  const TemporaryFolder folder;
  const mode_t before = ::umask(0);
  record_night(folder / "night.hvk");
  write(folder / "empty.hvk", "");
  ASSERT_EQ(mode_of(folder / "empty.hvk"), 0666u);
  EXPECT_EQ(refusal(folder / "empty.hvk"), "");
  ::umask(before);
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    EXPECT_EQ(mode_of(entry.path().string()), 0600u) << entry.path();
  }
}

TEST(FirstFile, OneThatCouldNotBeBegunLeavesNothing) {
  const TemporaryFolder folder;
  const std::string path = folder / "night.hvk";
  write(segment_path(path, 1), "somebody else's\n");
  EXPECT_NE(refusal(path), "");
  EXPECT_FALSE(std::filesystem::exists(path));
}

// Somebody else's file in the way of a later one: it stays, and so does the recording where it is.
TEST(LaterFile, ThatIsTakenIsNotTouchedAndTheCurrentOneGoesOn) {
  const TemporaryFolder folder;
  write(folder / "target", "");
  for (const bool link : {false, true}) {
    const std::string path = folder / (link ? "a.hvk" : "b.hvk");
    RecordedSession session(path, {.max_age = 10_s});
    session.run(5_s);
    const std::string taken = segment_path(path, 1);
    if (link) {
      std::filesystem::create_symlink("target", taken);
    } else {
      write(taken, "somebody else's\n");
    }
    session.run(30_s);
    EXPECT_EQ(session.finish(), RecorderState::finished);
    EXPECT_EQ(session.count(EventKind::recording_stopped), 0u);
    EXPECT_TRUE(same_bytes(replayed(path), session.events()));
    EXPECT_EQ(content_of(taken), link ? "" : "somebody else's\n");
    EXPECT_FALSE(std::filesystem::exists(segment_path(path, 2)));
  }
}

TEST(LaterFile, IsMadeOnceItsNameIsFree) {
  const TemporaryFolder folder;
  const std::string path = folder / "night.hvk";
  RecordedSession session(path, {.max_age = 10_s});
  session.run(5_s);
  write(segment_path(path, 1), "somebody else's\n");
  session.run(20_s);
  std::filesystem::remove(segment_path(path, 1));
  session.run(80_s);
  EXPECT_EQ(session.finish(), RecorderState::finished);
  EXPECT_TRUE(std::filesystem::exists(segment_path(path, 1)));
  EXPECT_TRUE(same_bytes(replayed(path), session.events()));
}

// It is opened ahead of time, and removed when it was not needed: but only if it is ours.
TEST(LaterFile, OfSomebodyElseIsNotRemovedAtTheEnd) {
  const TemporaryFolder folder;
  const std::string path = folder / "night.hvk";
  const std::string next = segment_path(path, 1);
  RecordedSession session(path, {.max_size = 2'000'000});
  while (!std::filesystem::exists(next)) session.run(1_s);
  write(folder / "other", "somebody else's\n");
  std::filesystem::rename(folder / "other", next);
  EXPECT_EQ(session.finish(), RecorderState::finished);
  EXPECT_EQ(content_of(next), "somebody else's\n");
}

TEST(RecordingPath, MayHaveTheTimeInIt) {
  constexpr int64_t time = 1'783'465'203'999'999'999;  // 2026-07-07T23:00:03Z
  EXPECT_EQ(recording_path("night.hvk", time), "night.hvk");
  EXPECT_EQ(recording_path("night-%F-%H%M%S.hvk", time), "night-2026-07-07-230003.hvk");
  EXPECT_EQ(recording_path("%Y/%m/%d/%j-%T-%s", time), "2026/07/07/188-23:00:03-1783465203");
  EXPECT_EQ(recording_path("100%%", time), "100%");
  for (const char* wrong : {"%", "night-%D.hvk", "night-%q", "%%%"}) {
    const auto path = recording_path(wrong, time);
    ASSERT_FALSE(path) << wrong;
    EXPECT_NE(path.error().find("is no part of a time"), std::string::npos) << path.error();
  }
}

TEST(Recording, IsNotWrittenToWhatIsNoFile) {
  const TemporaryFolder folder;
  EXPECT_NE(refusal(folder.path()).find("Is a directory"), std::string::npos);
  EXPECT_NE(refusal("/dev/full").find("not a regular file"), std::string::npos);
  const std::string fifo = folder / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_NE(refusal(fifo), "");  // and at once
}

TEST(Recording, TwoDoNotShareAFile) {
  const TemporaryFile file;
  SyncBlockWriter writer;
  const auto first = Recorder::create(file.path(), book_settings({"BTC/USD"}), 1, {}, writer);
  ASSERT_TRUE(first);
  EXPECT_NE(refusal(file.path()).find("another process is recording to it"), std::string::npos);
}

// Only the first file of a recording is locked, and that lock is for all.
TEST(Recording, NoneBeginsInALaterFileOfAnother) {
  const TemporaryFolder folder;
  RecordedSession session(folder / "night.hvk", {.max_age = 10_s});
  session.run(25_s);
  ASSERT_TRUE(std::filesystem::exists(segment_path(session.path(), 2)));
  for (const uint32_t segment : {1u, 2u, 3u, 7u}) {
    const std::string later = segment_path(session.path(), segment);
    const bool was_there = std::filesystem::exists(later);
    EXPECT_EQ(refusal(later), "cannot record to '" + later +
                                  "': another process is recording to '" + session.path() +
                                  "', whose later file it would be");
    EXPECT_EQ(std::filesystem::exists(later), was_there);
  }
  std::filesystem::create_symlink("night.hvk.2", folder / "link");
  EXPECT_NE(refusal(folder / "link").find("whose later file it would be"), std::string::npos);
  EXPECT_EQ(refusal(session.path() + ".old"), "");
  EXPECT_EQ(refusal(session.path() + ".01"), "");
  session.run(10_s);
  ASSERT_EQ(session.finish(), RecorderState::finished);
  EXPECT_TRUE(same_bytes(replayed(session.path()), session.events()));
}

TEST(Recording, NoneGoesOverToAFileOfAnother) {
  const TemporaryFolder folder;
  const std::string path = folder / "night.hvk";
  RecordedSession session(segment_path(path, 2));
  session.run(5_s);
  EXPECT_EQ(refusal(path, 64'000),
            "cannot record to '" + path + "': another process is recording to '" +
                segment_path(path, 2) + "', which would be a later file of this recording");
  EXPECT_NE(refusal(path), "");
  session.run(5_s);
  ASSERT_EQ(session.finish(), RecorderState::finished);
  EXPECT_TRUE(same_bytes(replayed(session.path()), session.events()));
}

}  // namespace
}  // namespace havklo
