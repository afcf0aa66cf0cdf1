// When a read arrived, by the kernel and by the card, is kept with it (format 5, entry 13).
#include <gtest/gtest.h>

#include <cstring>
#include <havklo/recording.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "replay/recording/reader.hpp"
#include "support/engine_world.hpp"
#include "support/forged_recording.hpp"
#include "support/sync_block_writer.hpp"
#include "support/temporary_file.hpp"

namespace havklo {
namespace {

using replay::EntryTag;
using replay::Reader;

constexpr ConnectionId timed{64};

struct Arrival {
  std::string bytes;
  int64_t kernel_time_ns = 0;
  int64_t hardware_time_ns = 0;
  friend bool operator==(const Arrival&, const Arrival&) = default;
};

std::vector<Arrival> arrivals_of(const std::string& path) {
  auto reader = Reader::open(path).value();
  std::vector<Arrival> all;
  replay::RecordedTurn turn;
  while (reader.next(turn) == Reader::Status::turn) {
    for (const Completion& each : turn.completions) {
      const auto* const text = reinterpret_cast<const char*>(each.bytes.data());
      all.push_back({{text, text + each.bytes.size()}, each.kernel_time_ns, each.hardware_time_ns});
    }
  }
  EXPECT_EQ(reader.lost(), "");
  return all;
}

TEST(Arrival, IsReadAsItWasTold) {
  const std::vector<Arrival> given = {
      {"nobody knows", 0, 0},
      {"the kernel knows", 1'796'000'000'123'456'789, 0},
      {"the card knows", 1'796'000'000'123'456'789, 1'796'000'000'123'455'000},
      {"the card alone, before 1970", 0, -5},
      {std::string(3'000'000, 'x'), 7, 8},  // in parts
  };
  for (const bool in_place : {false, true}) {
    const TemporaryFile file;
    SyncBlockWriter writer;
    auto recorder =
        Recorder::create(file.path(), book_settings({"BTC/USD"}), 1, {}, writer).value();
    Instant now{1};
    for (const Arrival& each : given) {
      std::string padded = each.bytes + std::string(receive_padding, '\0');
      std::span<const std::byte> bytes = std::as_bytes(std::span(padded)).first(each.bytes.size());
      const auto room = recorder->receive_room(timed, each.bytes.size());
      if (in_place && !room.empty()) {
        std::memcpy(room.data(), bytes.data(), bytes.size());
        bytes = room;
      }
      recorder->on_completion({.connection = timed,
                               .kind = Completion::Kind::received,
                               .bytes = bytes,
                               .kernel_time_ns = each.kernel_time_ns,
                               .hardware_time_ns = each.hardware_time_ns});
      now = now + Duration::microseconds(1);
      recorder->end_turn({.now = now, .room = 1'000});
    }
    recorder->finish();
    EXPECT_TRUE(arrivals_of(file.path()) == given) << in_place;
  }
}

// Of something else than a read, of nothing, or at no time that there is.
TEST(Arrival, OfWhatDidNotArriveIsDamage) {
  const auto fault_of = [](ForgedRecording& forged) {
    const TemporaryFile file(forged.end_turn().end_block().finish());
    auto reader = Reader::open(file.path()).value();
    replay::RecordedTurn turn;
    while (reader.next(turn) == Reader::Status::turn) continue;
    return reader.lost();
  };
  const auto arrived = [](ForgedRecording& forged, int64_t kernel, int64_t hardware) {
    forged.tag(EntryTag::arrived).signed_number(kernel).signed_number(hardware);
  };
  ForgedRecording good;
  arrived(good.received(64, "x"), 5, 0);
  EXPECT_EQ(fault_of(good), "");
  ForgedRecording of_nothing;
  arrived(of_nothing, 5, 0);
  EXPECT_NE(fault_of(of_nothing), "");
  ForgedRecording of_an_end;
  arrived(of_an_end.received(64, "x").closed(64), 5, 0);
  EXPECT_NE(fault_of(of_an_end), "");
  for (const int64_t time : {INT64_MAX, INT64_MIN}) {
    ForgedRecording beyond;
    arrived(beyond.received(64, "x"), time, 0);
    EXPECT_NE(fault_of(beyond), "") << time;
  }
}

}  // namespace
}  // namespace havklo
