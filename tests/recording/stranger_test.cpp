// A recording is input from a stranger: what no recorder writes is refused before anything is
// allocated for it, and reading, replaying and reporting take time and memory in proportion to the
// bytes that came, whatever they say. Files are forged, their checksums right.
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <fstream>
#include <functional>
#include <havklo/limits.hpp>

#include "havklo/recording_report.hpp"
#include "replay/playback/difference.hpp"
#include "replay/playback/player.hpp"
#include "replay/recording/reader.hpp"
#include "support/forged_recording.hpp"
#include "support/recorded_session.hpp"
#include "support/temporary_file.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;
using replay::book_bytes_max;
using replay::EntryTag;
using replay::Reader;

// What open() says, or the first thing that is no turn; "" of one that is whole.
std::string fault_of(const std::string& bytes) {
  const TemporaryFile file(bytes);
  auto reader = Reader::open(file.path());
  if (!reader) return reader.error();
  replay::RecordedTurn turn;
  Reader::Status status{};
  while ((status = reader->next(turn)) == Reader::Status::turn) continue;
  return status == Reader::Status::torn ? reader->lost() : "";
}

TEST(StrangersRecording, OneThatIsForgedWellIsGood) {
  ForgedRecording forged;
  forged.opened(64).end_turn().received(64, "HTTP").closed(64).end_turn().end_block();
  EXPECT_EQ(fault_of(forged.subscribe("ETH/USD", 10).end_turn(0, 0, 0).finish()), "");
}

// The blocks behind the first of turns are gone, the closing block is numbered anew.
TEST(StrangersRecording, TheClosingBlockFitsTheTurnsBeforeIt) {
  ForgedRecording forged;
  forged.end_turn().end_block();
  const size_t keep = forged.bytes();
  forged.end_turn().end_block();
  const size_t resume = forged.bytes();
  const std::string whole = forged.finish();
  EXPECT_EQ(fault_of(whole), "");
  replay::BlockHeaderBytes raw{};
  std::memcpy(raw.data(), whole.data() + resume, raw.size());
  replay::BlockHeader closing = replay::decode_block_header(raw).value();
  closing.number = 2;
  raw = replay::encode(closing);
  const std::string cut = whole.substr(0, keep) +
                          std::string(reinterpret_cast<const char*>(raw.data()), raw.size()) +
                          whole.substr(resume + raw.size());
  EXPECT_EQ(fault_of(cut),
            "the closing block does not fit the turns before it; 1 whole turns before it are good");
}

TEST(StrangersRecording, WhatAHeadOrAnEndSaysOfTurnsIsChecked) {
  ForgedRecording forged;
  const std::string whole = forged.end_turn(1000, 7, 2).end_block().end_turn().finish();
  using Field = std::function<void(replay::Progress&)>;
  const std::vector<Field> fields = {
      [](auto& progress) { ++progress.turns; }, [](auto& progress) { ++progress.events; },
      [](auto& progress) { ++progress.sequence; }, [](auto& progress) { ++progress.digest; }};
  for (const replay::BlockKind kind : {replay::BlockKind::header, replay::BlockKind::closing}) {
    for (const Field& change : fields) {
      const std::string changed =
          with_blocks_changed(whole, [&](replay::BlockHeader& header, std::span<char>) {
            if (header.kind == kind) change(header.progress);
          });
      EXPECT_NE(fault_of(changed), "");
    }
  }
}

// A report names sequence and digest of the last good block.
TEST(StrangersRecording, ABlockThatHoldsFewerTurnsThanItSaysIsNotTheLast) {
  ForgedRecording forged;
  const std::string whole = forged.end_turn().end_block().end_turn().end_turn().finish();
  const TemporaryFile file(
      with_blocks_changed(whole, [](replay::BlockHeader& header, std::span<char>) {
        if (header.number != 2) return;
        ++header.progress.turns;
        header.progress.sequence = 99;
      }));
  auto reader = Reader::open(file.path());
  ASSERT_TRUE(reader) << reader.error();
  replay::RecordedTurn turn;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(reader->next(turn), Reader::Status::turn);
  EXPECT_EQ(reader->next(turn), Reader::Status::torn);
  EXPECT_EQ(reader->last_block().turns, 1u);
  EXPECT_EQ(reader->last_block().sequence, 0u);
}

constexpr uint64_t large = uint64_t{1} << 32U;
constexpr int64_t time_max = replay::time_ns_max;
using Change = std::function<void(ForgedRecording&)>;
// Each beside the largest that is good.
const std::vector<std::tuple<const char*, bool, Change>> counts = {
    {"events within the room", true, [](auto& f) { f.end_turn(0, 7, 7); }},
    {"more events than room", false, [](auto& f) { f.end_turn(0, 7, 8); }},
    {"the largest room", true, [](auto& f) { f.end_turn(0, 1U << 26U); }},
    {"too large a room", false, [](auto& f) { f.end_turn(0, (1U << 26U) + 1); }},
    {"a room of 33 bits", false, [](auto& f) { f.end_turn(0, large); }},
    {"events of 33 bits", false, [](auto& f) { f.end_turn(0, 7, large); }},
    {"a long time", true, [](auto& f) { f.end_turn(time_max); }},
    {"too long a time", false, [](auto& f) { f.end_turn(time_max + 1); }},
    {"too long together", false, [](auto& f) { f.end_turn(time_max).end_turn(1); }},
    {"back in time", false, [](auto& f) { f.end_turn(5).end_turn(-1); }},
    {"an offset to UTC", true,
     [](auto& f) { f.tag(EntryTag::utc_offset).signed_number(-time_max).end_turn(); }},
    {"no offset to UTC", false,
     [](auto& f) { f.tag(EntryTag::utc_offset).signed_number(time_max + 1).end_turn(); }},
    {"64 commands", true,
     [](auto& f) {
       for (int i = 0; i < 64; ++i) f.subscribe("A/B", 10);
       f.end_turn();
     }},
    {"65 commands", false,
     [](auto& f) {
       for (int i = 0; i < 65; ++i) f.subscribe("A/B", 10);
       f.end_turn();
     }},
    {"4096 completions", true,
     [](auto& f) {
       for (int i = 0; i < 4096; ++i) f.received(64, "");
       f.end_turn();
     }},
    {"4097 completions", false,
     [](auto& f) {
       for (int i = 0; i < 4097; ++i) f.received(64, "");
       f.end_turn();
     }},
    {"a connection of 33 bits", false,
     [](auto& f) { f.tag(EntryTag::sent).number(large).number(1).end_turn(); }},
    {"33 bits sent", false,
     [](auto& f) { f.tag(EntryTag::sent).number(64).number(large).end_turn(); }},
    {"an errno of 33 bits", false,
     [](auto& f) {
       f.tag(EntryTag::closed).number(64).byte(1).signed_number(int64_t{1} << 31U).end_turn();
     }},
    {"more received than there is", false,
     [](auto& f) { f.tag(EntryTag::received).number(64).number(~uint64_t{0}).end_turn(); }},
    {"a kept event", true,
     [](auto& f) {
       f.tag(EntryTag::event).number(0);
       const Event event = Event::make(EventKind::heartbeat);
       f.raw({reinterpret_cast<const char*>(&event), sizeof event}).end_turn(0, 7, 1);
     }},
    {"a kept event beyond those of its turn", false,
     [](auto& f) {
       f.tag(EntryTag::event).number(1);
       const Event event = Event::make(EventKind::heartbeat);
       f.raw({reinterpret_cast<const char*>(&event), sizeof event}).end_turn(0, 7, 1);
     }},
    {"two kept events at one place", false,
     [](auto& f) {
       const Event event = Event::make(EventKind::heartbeat);
       for (int i = 0; i < 2; ++i) {
         f.tag(EntryTag::event).number(0);
         f.raw({reinterpret_cast<const char*>(&event), sizeof event});
       }
       f.end_turn(0, 7, 2);
     }},
};

TEST(StrangersRecording, CountsThatNoRecorderWritesAreNoEntry) {
  for (const auto& [name, good, change] : counts) {
    ForgedRecording forged;
    change(forged);
    const std::string fault = fault_of(forged.finish());
    EXPECT_EQ(fault.find("block 1 ") != std::string::npos, !good) << name << ": " << fault;
    EXPECT_EQ(fault.empty(), good) << name << ": " << fault;
  }
}

TEST(StrangersRecording, AnOffsetToUtcThatCannotBeIsRefused) {
  const std::string header = ForgedRecording::header_of({book_settings({"BTC/USD"})});
  const auto with_offset = [&header](const std::string& offset) {
    std::string changed = header;
    const std::string line = "utc_offset_ns 0\n";
    changed.replace(changed.find(line), line.size(), "utc_offset_ns " + offset + "\n");
    return fault_of(ForgedRecording(changed).end_turn().finish());
  };
  EXPECT_EQ(with_offset("4611686018427387903"), "");
  EXPECT_EQ(with_offset("-4611686018427387903"), "");
  for (const char* offset :
       {"4611686018427387904", "9223372036854775807", "-9223372036854775808"}) {
    EXPECT_NE(with_offset(offset).find("no possible utc_offset_ns"), std::string::npos) << offset;
  }
}

TEST(StrangersRecording, BooksThatTheFileIsTooSmallForAreRefused) {
  std::vector<std::string> symbols;
  for (uint32_t i = 0; i < 2000; ++i) symbols.push_back("S" + std::to_string(i) + "/USD");
  Settings settings = book_settings(symbols, 1000);
  settings.ring_slots = ring_slots_min(settings);
  const std::string one = ForgedRecording(settings).finish();
  EXPECT_EQ(fault_of(one), "");  // all pairs of the venue, at full depth
  const std::string all =
      ForgedRecording(ForgedRecording::header_of(std::vector<Settings>(16, settings))).finish();
  EXPECT_NE(fault_of(all).find("its books would take "), std::string::npos) << fault_of(all);
  // By commands, each in a few bytes.
  ForgedRecording by_command(settings);
  for (uint32_t i = 0; i < 6000; ++i) {
    by_command.subscribe("C" + std::to_string(i) + "/USD", 1000);
    if (i % 64 == 63) by_command.end_turn();
  }
  EXPECT_NE(fault_of(by_command.end_turn().finish()).find("its books would take "),
            std::string::npos);
  // The same again and again is one book.
  ForgedRecording again(settings);
  for (uint32_t i = 0; i < 20'000; ++i) again.subscribe("C/USD", 1000).end_turn();
  EXPECT_EQ(fault_of(again.finish()), "");
}

// How much more memory than before the work needed at most, and its time of the processor.
struct Cost {
  uint64_t bytes = 0;
  double seconds = 0;
};

uint64_t memory_now(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(key)) return 1024 * std::stoull(line.substr(key.size()));
  }
  return 0;
}

Cost cost_of(const std::function<void()>& work) {
  std::ofstream("/proc/self/clear_refs") << "5";  // the peak begins here
  const uint64_t before = memory_now("VmRSS:");
  const std::clock_t began = std::clock();
  work();
  const double seconds = static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC;
  const uint64_t peak = memory_now("VmHWM:");
  return {.bytes = peak > before ? peak - before : 0, .seconds = seconds};
}

void read_all_ways(const std::string& path) {
  if (const auto report = report_on(path)) {
    EXPECT_FALSE(to_text(*report, false).empty());
    EXPECT_FALSE(to_json(*report).empty());
  }
  auto reader = Reader::open(path);
  if (!reader) return;
  replay::Player player(std::move(*reader));
  const replay::PlayResult result = player.run();
  if (result.difference) {
    EXPECT_FALSE(replay::difference_text(*result.difference, player.names(), {}).empty());
  }
}

using Forge = std::function<std::string(size_t bytes)>;

// Fills turns of one entry each, a hundred kilobytes a block.
std::string filled(size_t bytes, const std::function<void(ForgedRecording&, uint32_t)>& turn,
                   const Settings& settings = book_settings({"BTC/USD"})) {
  ForgedRecording forged(settings);
  for (uint32_t i = 0; forged.bytes() < bytes; ++i) {
    turn(forged, i);
    if (forged.payload_bytes() > 100'000) forged.end_block();
  }
  return forged.finish();
}

std::string upgraded_then(size_t bytes, const std::string& stream, size_t read_bytes) {
  size_t at = 0;
  bool begun = false;
  return filled(bytes, [&](ForgedRecording& forged, uint32_t) {
    if (!begun) {
      begun = true;
      forged.opened(64).received(64, "HTTP/1.1 101 Switching Protocols\r\n\r\n").end_turn();
    }
    std::string read;
    while (read.size() < read_bytes) read += stream[at++ % stream.size()];
    forged.received(64, read).end_turn();
  });
}

const std::vector<std::pair<const char*, Forge>> forges = {
    {"one byte a read, in one long message",
     [](size_t bytes) {
       const std::string head("\x81\x7f\0\0\0\0\0\x0f\xff\xff", 10);
       return upgraded_then(bytes, head + std::string(0xFFFFF, '.'), 1);
     }},
    {"one byte a read, in a head that does not end",
     [](size_t bytes) {
       return filled(bytes, [](ForgedRecording& forged, uint32_t i) {
         if (i == 0) forged.opened(64).end_turn();
         forged.received(64, "H").end_turn();
       });
     }},
    {"empty reads",
     [](size_t bytes) {
       return filled(bytes,
                     [](ForgedRecording& forged, uint32_t) { forged.received(64, "").end_turn(); });
     }},
    {"the smallest messages, many in a read",
     [](size_t bytes) { return upgraded_then(bytes, std::string("\x81\x00\x89\x00", 4), 4000); }},
    {"a connection a turn",
     [](size_t bytes) {
       return filled(bytes, [](ForgedRecording& forged, uint32_t i) {
         forged.closed(64 * (i + 1)).end_turn();
       });
     }},
    {"connections, as many as fit in a turn",
     [](size_t bytes) {
       return filled(bytes, [](ForgedRecording& forged, uint32_t i) {
         for (uint32_t k = 0; k < 4000; ++k) forged.closed(64 * (4000 * i + k + 1));
         forged.end_turn();
       });
     }},
    {"turns of nothing",
     [](size_t bytes) {
       return filled(bytes, [](ForgedRecording& forged, uint32_t) { forged.end_turn(); });
     }},
    {"a turn in every block",
     [](size_t bytes) {
       ForgedRecording forged;
       while (forged.bytes() < bytes) forged.end_turn().end_block();
       return forged.finish();
     }},
    {"blocks of nothing",
     [](size_t bytes) {
       ForgedRecording forged;
       while (forged.bytes() < bytes) forged.end_block();
       return forged.finish();
     }},
    {"one turn over all blocks",
     [](size_t bytes) {
       ForgedRecording forged;
       while (forged.bytes() < bytes) {
         forged.tag(EntryTag::received_part).number(64).number(1).raw("x").end_block();
       }
       return forged.received(64, "").end_turn().finish();
     }},
    {"one read of all bytes",
     [](size_t bytes) {
       ForgedRecording forged;
       while (forged.bytes() < bytes) {
         forged.tag(EntryTag::received_part).number(64).number(90'000);
         forged.raw(std::string(90'000, 'x')).end_block();
       }
       return forged.received(64, "").end_turn().finish();
     }},
    {"events that nobody published",
     [](size_t) { return ForgedRecording().end_turn(0, 1U << 26U, 1U << 26U).finish(); }},
    {"symbols, one a command",
     [](size_t bytes) {
       return filled(bytes, [](ForgedRecording& forged, uint32_t i) {
         forged.subscribe("S" + std::to_string(i) + "/U", 1000).end_turn();
       });
     }},
    {"damage, and then headers at every place",
     [](size_t bytes) {
       ForgedRecording forged;
       std::string all = forged.torn() + "x";
       const ForgedRecording other;
       ForgedRecording blocks;
       const size_t before = blocks.torn().size();
       const std::string head = blocks.end_block().torn().substr(before);
       while (all.size() < bytes) all += head + "x";
       return all;
     }},
    {"damage, and then nearly headers",
     [](size_t bytes) {
       std::string all = ForgedRecording().torn();
       while (all.size() < bytes) all += "HVK1";
       return all;
     }},
    {"damage, and then one letter",
     [](size_t bytes) { return ForgedRecording().torn() + std::string(bytes, 'H'); }},
    {"symbols, one a command, each for four legs",
     [](size_t bytes) {
       Settings settings = book_settings({"BTC/USD"});
       settings.legs.resize(legs_max);
       return filled(
           bytes,
           [](ForgedRecording& forged, uint32_t i) {
             forged.subscribe("S" + std::to_string(i) + "/U", 1000).end_turn();
           },
           settings);
     }},
    {"settings of many legs",
     [](size_t bytes) {
       Settings settings = book_settings({"BTC/USD"});
       settings.subscriptions[0].symbols.resize(std::min<size_t>(bytes / 4096, 400));
       uint32_t i = 0;
       for (std::string& each : settings.subscriptions[0].symbols)
         each = std::to_string(i++) + "/U";
       settings.legs.resize(legs_max);
       settings.ring_slots = ring_slots_min(settings);
       return ForgedRecording(ForgedRecording::header_of(std::vector<Settings>(32, settings)))
           .finish();
     }},
    {"settings of many sessions",
     [](size_t bytes) {
       std::vector<std::string> symbols;
       for (uint32_t i = 0; i < bytes / 512; ++i) symbols.push_back(std::to_string(i) + "/U");
       symbols.resize(std::min<size_t>(symbols.size(), symbols_max));
       Settings settings = book_settings(symbols);
       settings.ring_slots = ring_slots_min(settings);
       return ForgedRecording(ForgedRecording::header_of(std::vector<Settings>(32, settings)))
           .finish();
     }},
};

TEST(StrangersRecording, MemoryIsLinearInItsBytes) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "a sanitizer's own memory would be measured";
#endif
  for (const auto& [name, forge] : forges) {
    const TemporaryFile file(forge(1'000'000));
    const Cost cost = cost_of([&] { read_all_ways(file.path()); });
    // What all but one ask of an engine are a few books.
    const bool has_books = std::string_view(name).starts_with("symbols");
    const uint64_t floor = uint64_t{256} * 1024 * 1024;
    EXPECT_LT(cost.bytes, has_books ? book_bytes_max(0) : floor + 128 * 1'000'000) << name;
    EXPECT_LT(cost.bytes, replay::memory_bytes_max(file.content().size())) << name;
  }
}

// Eight times the bytes take about eight times as long; quadratic would be sixty-four times.
TEST(StrangersRecording, TimeIsLinearInItsBytes) {
  for (const auto& [name, forge] : forges) {
    const TemporaryFile short_file(forge(250'000));
    const TemporaryFile long_file(forge(2'000'000));
    double of_small = 1e9;
    for (int i = 0; i < 3; ++i) {
      of_small = std::min(of_small, cost_of([&] { read_all_ways(short_file.path()); }).seconds);
    }
    const double of_large = cost_of([&] { read_all_ways(long_file.path()); }).seconds;
    EXPECT_LT(of_large, 20 * of_small + 0.1) << name;
  }
}

}  // namespace
}  // namespace havklo
