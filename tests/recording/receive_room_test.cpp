// What a transport puts into the recorder's own memory is recorded there, without a copy.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <havklo/random.hpp>
#include <havklo/recording.hpp>
#include <memory>
#include <string>
#include <vector>

#include "replay/recording/files.hpp"
#include "replay/recording/reader.hpp"
#include "support/engine_world.hpp"
#include "support/sync_block_writer.hpp"
#include "support/temporary_file.hpp"

namespace havklo {
namespace {

constexpr ConnectionId connection{64};
constexpr size_t room_bytes = 48 * 1024;

using Bytes = std::vector<std::byte>;

Bytes random_bytes(Random& random, size_t size) {
  Bytes bytes(size + receive_padding);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.next_u64());
  bytes.resize(size);
  return bytes;
}

// A recorder and turns that hold one read each.
class Recording {
 public:
  explicit Recording(const std::string& url = "wss://venue.test/") {
    Settings settings = book_settings({"BTC/USD"});
    settings.url = url;
    recorder = Recorder::create(file.path(), settings, 1, {}, writer).value();
  }
  void received(std::span<const std::byte> bytes) {
    recorder->on_completion(
        {.connection = connection, .kind = Completion::Kind::received, .bytes = bytes});
    now = now + Duration::microseconds(1);
    recorder->end_turn({.now = now, .room = 1'000});
  }
  // False: there was no room.
  [[nodiscard]] bool received_in_place(std::span<const std::byte> bytes) {
    const auto room = recorder->receive_room(connection, room_bytes);
    if (room.empty()) return false;
    EXPECT_EQ(room.size(), room_bytes);
    std::memset(room.data(), 0x5A, room.size() + receive_padding);
    std::memcpy(room.data(), bytes.data(), bytes.size());
    received(room.first(bytes.size()));
    return true;
  }
  [[nodiscard]] std::vector<Bytes> reads() {
    recorder->finish();
    EXPECT_EQ(recorder->state(), RecorderState::finished);
    auto reader = replay::Reader::open(file.path()).value();
    std::vector<Bytes> all;
    replay::RecordedTurn turn;
    while (reader.next(turn) == replay::Reader::Status::turn) {
      for (const Completion& each : turn.completions) {
        EXPECT_EQ(each.connection, connection);
        all.emplace_back(each.bytes.begin(), each.bytes.end());
      }
    }
    EXPECT_EQ(reader.lost(), "");
    return all;
  }

  TemporaryFile file;
  SyncBlockWriter writer;
  std::unique_ptr<Recorder> recorder;
  Instant now{1};
};

// Over several blocks, with sizes that end anywhere in them.
TEST(ReceiveRoom, IsRecordedAsACopyWouldBe) {
  Random random(3);
  Recording in_place;
  Recording copied;
  std::vector<Bytes> given;
  for (int i = 0; i < 400; ++i) {
    const size_t most = i % 2 == 0 ? 300 : room_bytes;
    given.push_back(random_bytes(random, 1 + random.next_u64() % most));
    ASSERT_TRUE(in_place.received_in_place(given.back()));
    copied.received(given.back());
  }
  EXPECT_EQ(in_place.reads(), given);
  EXPECT_EQ(copied.reads(), given);
  EXPECT_EQ(in_place.file.content().size() / replay::RecordingFiles::block_bytes,
            copied.file.content().size() / replay::RecordingFiles::block_bytes);
}

// A read that came by another way while room was given, and room that is not used.
TEST(ReceiveRoom, MayBeLeftUnused) {
  Random random(4);
  Recording recording;
  const Bytes first = random_bytes(random, 100);
  const Bytes second = random_bytes(random, 200);
  EXPECT_FALSE(recording.recorder->receive_room(connection, room_bytes).empty());
  recording.received(first);
  EXPECT_FALSE(recording.recorder->receive_room(connection, room_bytes).empty());
  ASSERT_TRUE(recording.received_in_place(second));
  EXPECT_EQ(recording.reads(), (std::vector{first, second}));
}

TEST(ReceiveRoom, ThereIsNoneForMoreThanABlockHolds) {
  Recording recording;
  EXPECT_TRUE(
      recording.recorder->receive_room(connection, replay::RecordingFiles::block_bytes).empty());
}

// A mask would change what the session is about to read.
TEST(ReceiveRoom, ThereIsNoneForWhatMayHaveToBeMasked) {
  Recording with_secret("wss://venue.test/?token=s3cr3t-t0k3n");
  EXPECT_TRUE(with_secret.recorder->receive_room(connection, room_bytes).empty());

  Recording recording;
  recording.recorder->on_completion({.connection = connection, .kind = Completion::Kind::opened});
  EXPECT_TRUE(recording.recorder->receive_room(connection, room_bytes).empty());
  std::string head = "HTTP/1.1 101 Switching Protocols\r\nSet-Cookie: a\r\n\r\n";
  const size_t size = head.size();
  head.append(receive_padding, '\0');
  recording.received(std::as_bytes(std::span(head)).first(size));
  EXPECT_FALSE(recording.recorder->receive_room(connection, room_bytes).empty());
}

TEST(ReceiveRoom, ThereIsNoneOnceTheDiskHasFailed) {
  Recording recording;
  recording.writer.fails_from = 1;
  Random random(5);
  bool any = true;
  for (int i = 0; i < 1'000 && any; ++i) {
    any = recording.received_in_place(random_bytes(random, 40'000));
    static_cast<void>(recording.recorder->begin_turn(recording.now));
  }
  EXPECT_FALSE(any);
  EXPECT_EQ(recording.recorder->state(), RecorderState::stopped_disk_error);
}

}  // namespace
}  // namespace havklo
