// A recorded night in which somebody changed bytes and put the checksums right again: whatever it
// says then is read, replayed, reported on and asked about to an end, and trips nothing.
#include <gtest/gtest.h>

#include <havklo/random.hpp>
#include <string>

#include "havklo/recording_report.hpp"
#include "replay/playback/difference.hpp"
#include "replay/what_if/comparison.hpp"
#include "replay/what_if/network_reader.hpp"
#include "support/recorded_session.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

// A short night with an outage, a bad checksum and a command.
std::string a_night() {
  VenueWorldSettings settings;
  settings.engine = book_settings({"BTC/USD"});
  settings.engine.ring_slots = ring_slots_min(settings.engine);
  settings.network.read_bytes_max = 900;
  settings.market.moves_per_1000_s = 3'000;
  settings.faults.add({.kind = replay::FaultKind::reset, .at = 2_s})
      .add({.kind = replay::FaultKind::bad_checksum, .at = 1_s, .times = 1});
  const TemporaryFile file;
  static_cast<void>(record_session(file.path(), settings, 4_s));
  return file.content();
}

void use_in_every_way(const std::string& bytes) {
  const TemporaryFile file(bytes);
  if (const auto report = report_on(file.path())) {
    static_cast<void>(to_text(*report, true).size() + to_json(*report).size());
  }
  auto reader = replay::Reader::open(file.path());
  if (!reader) return;
  Settings other = reader->header().settings;
  other.reconnect.initial_delay = 50_ms;
  replay::Player player(std::move(*reader));
  const replay::PlayResult result = player.run();
  if (result.difference) {
    static_cast<void>(replay::difference_text(*result.difference, player.names(), {}).size());
  }
  const auto network = replay::observe_network(replay::Reader::open(file.path()).value());
  if (!network || !validate(other)) return;
  static_cast<void>(
      replay::to_text(replay::compare(*network, other), *network, {}, replay::Times::utc).size());
}

TEST(ForgedNight, BytesThatWereChangedTripNothing) {
  const std::string night = a_night();
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    use_in_every_way(
        with_blocks_changed(night, [&random](replay::BlockHeader& header, std::span<char> payload) {
          if (header.kind == replay::BlockKind::header || payload.empty()) return;
          for (uint64_t changes = random.below(3); changes != 0; --changes) {
            char& byte = payload[random.below(payload.size())];
            const uint64_t how = random.below(3);
            byte = static_cast<char>(how == 0 ? 0 : how == 1 ? 0xFF : random.next_u64());
          }
        }));
  }
}

// What the ring had free decides; here it has what nobody measured.
TEST(ForgedNight, RoomThatWasChangedTripsNothing) {
  const std::string night = a_night();
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    use_in_every_way(with_blocks_changed(night, [&](replay::BlockHeader& header,
                                                    std::span<char> payload) {
      if (header.kind != replay::BlockKind::turns) return;
      replay::TurnDecoder decoder;
      replay::RecordedTurn turn;
      decoder.begin(turn);
      replay::ByteReader bytes(std::as_bytes(payload));
      while (bytes.left() != 0) {
        const size_t at = payload.size() - bytes.left();
        const auto taken = decoder.take(bytes, replay::format_version, turn);
        if (taken == replay::TurnDecoder::Taken::nothing) return;
        if (taken != replay::TurnDecoder::Taken::turn_end) continue;
        const bool is_short = payload[at] == static_cast<char>(replay::EntryTag::short_turn_end);
        // Three bytes, and at least what was published.
        if (is_short && random.below(20) == 0) {
          const uint64_t room = turn.event_count + random.below(random.below(2) * 300 + 1);
          for (size_t i = 0; i < 3; ++i) payload[at + 1 + i] = static_cast<char>(room >> 8 * i);
        }
        decoder.begin(turn);
      }
    }));
  }
}

}  // namespace
}  // namespace havklo
