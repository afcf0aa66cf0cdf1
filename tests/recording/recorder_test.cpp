// Recordings: what is written is read again, damage is found, a broken disk stops nothing, and a
// recorded session replays to the same events.
#include <gtest/gtest.h>

#include <fstream>
#include <havklo/random.hpp>
#include <havklo/recording.hpp>

#include "replay/playback/player.hpp"
#include "replay/recording/reader.hpp"
#include "replay/recording/shared_ring.hpp"
#include "support//engine_world.hpp"
#include "support/stormy_recording.hpp"
#include "support/sync_block_writer.hpp"
#include "support/temporary_file.hpp"
#include "support/venue_world.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;
using replay::FaultKind;
using replay::PlayResult;
using replay::Reader;

VenueWorldSettings stormy(Journal* journal) {
  VenueWorldSettings settings;
  settings.engine = book_settings({"BTC/USD", "ETH/USD"});
  settings.engine.reconnect.jitter = Jitter::full;
  settings.network.read_bytes_max = 3000;
  settings.faults.add({.kind = FaultKind::reset, .at = 5_s, .every = 7_s})
      .add({.kind = FaultKind::refuse, .at = 12_s, .lasting = 2_s})
      .add({.kind = FaultKind::bad_checksum, .at = 3_s, .times = 1});
  settings.journal = journal;
  return settings;
}

// A stormy session of some seconds, recorded to `path`.
std::vector<Event> record(const std::string& path, SyncBlockWriter& writer, Duration time,
                          RecorderState expected = RecorderState::finished) {
  const VenueWorldSettings settings = stormy(nullptr);
  auto recorder = Recorder::create(path, settings.engine, settings.seed, 1_s, writer).value();
  VenueWorld world(stormy(recorder.get()));
  world.run({time.ns / 2});
  EXPECT_TRUE(world.commands.try_push(
      make_command(Command::Kind::subscribe, "SOL/USD", Channel::book, 25)));
  world.run({time.ns / 2});
  EXPECT_TRUE(world.commands.try_push(make_command(Command::Kind::close)));
  world.run(2_s);
  recorder->finish();
  EXPECT_EQ(recorder->state(), expected);
  return world.events;
}

TEST(Recording, ReplaysToTheSameEventsToTheByte) {
  const TemporaryFile file;
  SyncBlockWriter writer;
  const std::vector<Event> recorded = record(file.path(), writer, 30_s);
  ASSERT_GT(recorded.size(), 500u);
  std::vector<Event> replayed;
  const PlayResult result = play(file.path(), &replayed);
  EXPECT_TRUE(result.identical());
  EXPECT_EQ(result.torn, "");
  ASSERT_EQ(replayed.size(), recorded.size());
  EXPECT_EQ(std::memcmp(static_cast<const void*>(replayed.data()),
                        static_cast<const void*>(recorded.data()), recorded.size() * sizeof(Event)),
            0);
}

TEST(Recording, KeepsTheSettingsAndTheSeed) {
  const TemporaryFile file;
  SyncBlockWriter writer;
  record(file.path(), writer, 1_s);
  const auto reader = Reader::open(file.path());
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->header().seed, stormy(nullptr).seed);
  EXPECT_EQ(reader->header().utc_offset, 1_s);
  EXPECT_EQ(reader->header().settings.reconnect.jitter, Jitter::full);
  EXPECT_EQ(reader->header().settings.subscriptions[0].symbols[1], "ETH/USD");
}

TEST(Recording, EveryAttemptHasItsWallClockTime) {
  const TemporaryFile file;
  SyncBlockWriter writer;
  record(file.path(), writer, 10_s);
  auto reader = Reader::open(file.path()).value();
  uint32_t attempts = 0;
  replay::RecordedTurn turn;
  while (reader.next(turn) == Reader::Status::turn) attempts += turn.utc_offset ? 1 : 0;
  EXPECT_EQ(attempts, 2u);  // the first, and after the reset at 5 s
}

TEST(Recording, OtherSettingsGiveOtherEventsAndTheTurnIsNamed) {
  const TemporaryFile file;
  SyncBlockWriter writer;
  record(file.path(), writer, 10_s);
  std::string bytes = file.content();
  // The header says another seed: jitter differs, so the first backoff does.
  auto reader = Reader::open(file.path());
  ASSERT_TRUE(reader);
  replay::RecordingHeader header = reader->header();
  const TemporaryFile other;
  {
    auto recorder =
        Recorder::create(other.path(), header.settings, header.seed + 1, {}, writer).value();
  }
  const std::string other_bytes = other.content();
  const auto header_size = [](const std::string& all) {
    uint32_t payload = 0;
    std::memcpy(&payload, all.data() + 8, sizeof payload);
    return replay::BlockHeader::bytes + payload;
  };
  std::ofstream(other.path(), std::ios::binary)
      << other_bytes.substr(0, header_size(other_bytes)) << bytes.substr(header_size(bytes));
  const PlayResult result = play(other.path());
  ASSERT_FALSE(result.identical());
  EXPECT_EQ(result.difference->turn, result.turns);
  EXPECT_FALSE(result.difference->replayed.empty());
}

TEST(Recording, ATornTailLosesNoWholeBlock) {
  const TemporaryFile file;
  SyncBlockWriter writer;
  record(file.path(), writer, 6_s);
  const std::string bytes = file.content();
  const PlayResult whole = play(file.path());
  const TemporaryFile torn;
  uint64_t last = whole.turns;
  for (size_t size = bytes.size() - 1; size > bytes.size() / 2; size -= bytes.size() / 97) {
    std::ofstream(torn.path(), std::ios::binary) << bytes.substr(0, size);
    const PlayResult result = play(torn.path());
    EXPECT_TRUE(result.identical()) << size;
    EXPECT_NE(result.torn, "") << size;
    EXPECT_LE(result.turns, last);
    last = result.turns;
  }
  EXPECT_GT(last, 0u);
}

// Each byte of a small recording, one at a time: header, turns and closing block.
TEST(Recording, EveryFlippedByteIsFound) {
  const TemporaryFile file;
  SyncBlockWriter writer;
  const Settings settings = book_settings({"BTC/USD"});
  auto recorder = Recorder::create(file.path(), settings, 0x5eed, {}, writer).value();
  EngineWorld world(settings, recorder.get());
  world.go_live();
  world.update("BTC/USD");
  world.command(make_command(Command::Kind::close));
  world.pass(2_s);
  recorder->finish();
  const std::string bytes = file.content();
  ASSERT_GT(bytes.size(), 2'000u);
  const uint64_t turns = play(file.path()).turns;
  const TemporaryFile flipped;
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ (1U << at % 8));
    std::ofstream(flipped.path(), std::ios::binary) << damaged;
    auto reader = Reader::open(flipped.path());
    if (!reader) continue;  // the header: refused
    replay::RecordedTurn turn;
    Reader::Status status{};
    uint64_t read = 0;
    while ((status = reader->next(turn)) == Reader::Status::turn) ++read;
    ASSERT_EQ(status, Reader::Status::torn) << "byte " << at;
    ASSERT_LE(read, turns);
    ASSERT_NE(reader->lost(), "");
  }
}

TEST(Recording, WhatStandsBehindItsEndIsNoPartOfIt) {
  const TemporaryFile file;
  SyncBlockWriter writer;
  record(file.path(), writer, 1_s);
  std::ofstream(file.path(), std::ios::binary | std::ios::app) << 'x';
  EXPECT_NE(play(file.path()).torn.find("behind the closing block"), std::string::npos);
}

TEST(Recording, AFullDiskStopsTheRecordingAndNothingElse) {
  const TemporaryFile file;
  SyncBlockWriter writer;
  writer.fails_from = 5;
  const auto events = record(file.path(), writer, 10_s, RecorderState::stopped_disk_error);
  EXPECT_EQ(events.back().kind, EventKind::closed);
  const PlayResult result = play(file.path());
  EXPECT_TRUE(result.identical());
  EXPECT_GT(result.turns, 0u);
  EXPECT_NE(result.torn, "");
}

TEST(Recording, ADiskThatHangsStopsTheRecordingAndNothingElse) {
  const TemporaryFile file;
  SyncBlockWriter writer;
  writer.stuck = true;
  const auto events = record(file.path(), writer, 60_s, RecorderState::stopped_slow_disk);
  EXPECT_EQ(events.back().kind, EventKind::closed);
  auto reader = Reader::open(file.path());
  EXPECT_TRUE(reader);
}

TEST(Recording, SaysWhatIsWrongWithAPathOrAFile) {
  SyncBlockWriter writer;
  const auto nowhere =
      Recorder::create("/no/such/folder/x.hvk", book_settings({"BTC/USD"}), 1, {}, writer);
  ASSERT_FALSE(nowhere);
  EXPECT_NE(nowhere.error().find("/no/such/folder/x.hvk"), std::string::npos);
  const TemporaryFile nonsense("this is no recording, it is a line of text and a little more");
  EXPECT_NE(Reader::open(nonsense.path()).error().find("is not a recording"), std::string::npos);
  EXPECT_NE(Reader::open("/no/such/file").error().find("cannot read"), std::string::npos);
}

TEST(Recording, AnotherFormatIsRefusedNamingBoth) {
  const std::string text = "format 6\nbuild 9.9\nwhatever comes then\n\n";
  const auto header =
      replay::encode({.kind = replay::BlockKind::header,
                      .payload_bytes = static_cast<uint32_t>(text.size()),
                      .payload_crc = replay::crc32c(0, std::as_bytes(std::span(text)))});
  const TemporaryFile file(
      std::string(reinterpret_cast<const char*>(header.data()), header.size()) + text);
  const auto reader = Reader::open(file.path());
  ASSERT_FALSE(reader);
  EXPECT_NE(reader.error().find("format 6, written by havklo 9.9"), std::string::npos);
  EXPECT_NE(reader.error().find("reads formats 1 to 5"), std::string::npos);
}

// The bytes of a recording of so many sessions, each of which has the largest ring.
std::string recording_of_large_rings(size_t sessions) {
  const TemporaryFile file;
  SyncBlockWriter writer;
  std::vector<Settings> settings(sessions, book_settings({"BTC/USD"}));
  for (Settings& each : settings) each.ring_slots = 1U << 26U;
  auto recorder = Recorder::create(file.path(), settings, 0x5eed, {}, writer).value();
  recorder->finish();
  return file.content();
}

// 64 of them are 2^32 slots, which once became none.
TEST(Recording, AskingForMoreThanTheLargestRingIsRefused) {
  for (const size_t sessions : {size_t{2}, size_t{32}, size_t{64}}) {
    const TemporaryFile file(recording_of_large_rings(sessions));
    const auto reader = Reader::open(file.path());
    ASSERT_FALSE(reader) << sessions;
    EXPECT_NE(reader.error().find("'" + file.path() + "': its sessions have " +
                                  std::to_string(sessions * replay::shared_ring_slots_max) +
                                  " ring slots; at most 67108864 can be replayed"),
              std::string::npos)
        << reader.error();
  }
}

// Each session's names are as many as an engine can have, and no two the same.
TEST(Recording, OfSessionsThatNameMoreThanOneEngineCanIsRefused) {
  std::vector<Settings> sessions;
  for (const char letter : {'A', 'B'}) {
    std::vector<std::string> symbols;
    for (uint32_t i = 0; i < symbols_max; ++i) symbols.push_back(letter + std::to_string(i) + "/U");
    sessions.push_back(book_settings(symbols));
    sessions.back().ring_slots = ring_slots_min(sessions.back());
  }
  const TemporaryFile file;
  SyncBlockWriter writer;
  Recorder::create(file.path(), sessions, 0x5eed, {}, writer).value()->finish();
  const auto reader = Reader::open(file.path());
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error(), "'" + file.path() +
                                "': subscription.symbol = 8192 pairs in 2 sessions: must be at "
                                "most 4096 in all sessions together");
}

// Some hundred bytes that say so must not take the 4 GiB of such a ring.
TEST(Recording, TheLargestRingTakesNoMemoryBeforeItIsUsed) {
  const auto resident_pages = [] {
    size_t all = 0;
    size_t resident = 0;
    std::ifstream("/proc/self/statm") >> all >> resident;
    return resident;
  };
  constexpr size_t pages_max = 1024 * 1024 * 1024 / 4096;
  const TemporaryFile file(recording_of_large_rings(1));
  const size_t before = resident_pages();
  replay::Player player(Reader::open(file.path()).value());
  EXPECT_TRUE(player.run().identical());
  EXPECT_LT(resident_pages() - before, pages_max);
}

TEST(Crc32c, HasTheCheckValueOfItsStandard) {
  constexpr std::string_view text = "123456789";
  EXPECT_EQ(replay::crc32c(0, std::as_bytes(std::span(text))), 0xE3069283u);
  const uint32_t first = replay::crc32c(0, std::as_bytes(std::span(text.substr(0, 4))));
  EXPECT_EQ(replay::crc32c(first, std::as_bytes(std::span(text.substr(4)))), 0xE3069283u);
}

TEST(Crc32c, IsTheSameHoweverTheBytesAreCut) {
  std::vector<std::byte> bytes(5000);
  Random random(11);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.next_u64());
  uint32_t one_by_one = 0;
  for (size_t size = 0; size < bytes.size(); ++size) {
    ASSERT_EQ(replay::crc32c(0, std::span(bytes).first(size)), one_by_one) << size;
    one_by_one = replay::crc32c(one_by_one, std::span(bytes).subspan(size, 1));
  }
}

}  // namespace
}  // namespace havklo
