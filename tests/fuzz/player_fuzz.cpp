// A stranger's recording through the engine: whatever its turns say, the engine takes them, and the
// player reports the first turn that goes otherwise than recorded, and none before it. What went
// otherwise is found a second time here, by a reader and a digest of its own.
//
// Input: the bytes of the files. The mutator changes entries of turns and mends the checksums.
#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "fuzz/target.hpp"
#include "replay/playback/difference.hpp"
#include "replay/playback/player.hpp"
#include "replay/recording/event_digest.hpp"
#include "replay/recording/old_event_digest.hpp"
#include "replay/recording/shared_ring.hpp"
#include "support/fuzz/one_line.hpp"
#include "support/fuzz/recording_file.hpp"
#ifdef HAVKLO_LIBFUZZER
#include "support/fuzz/recording_mutator.hpp"
#endif

namespace havklo::player_fuzz {
namespace {

using fuzz::require;
using replay::Player;
using replay::Reader;

// A ring as large as a recording may ask for would be all that the fuzzer does.
constexpr uint64_t ring_slots_max = 1U << 17U;

// Of all events, as the format has it.
class Digest {
 public:
  explicit Digest(uint32_t format) : is_old_(format < replay::format_with_short_entries) {}
  void add(const Event& event) { is_old_ ? old_.add(event) : now_.add(event); }
  [[nodiscard]] uint64_t value() const { return is_old_ ? old_.value() : now_.value(); }

 private:
  bool is_old_;
  replay::OldEventDigest old_;
  replay::EventDigest now_;
};

// Events are in order, each of its turn.
class EventOrder {
 public:
  void check(const Event& event, Instant now) {
    const uint64_t expected = event.kind == EventKind::overrun && event.payload.overrun.lost != 0
                                  ? event.payload.overrun.last + 1
                                  : sequence_ + 1;
    require(event.sequence == expected, "an event's number is not the next");
    require(event.time == now, "an event of another time than its turn's");
    sequence_ = event.sequence;
  }

 private:
  uint64_t sequence_ = 0;
};

struct Played {
  uint64_t turns = 0;
  uint64_t events = 0;
  uint64_t digest = 0;
  std::string torn;
  std::string difference;
  friend bool operator==(const Played&, const Played&) = default;
};

Played play(const std::string& path) {
  auto reader = Reader::open(path);
  auto twin = Reader::open(path);
  require(reader.has_value() == twin.has_value(), "what is opened twice is not the same");
  if (!reader) return {};
  if (replay::sum_of_ring_slots(reader->header().sessions()) > ring_slots_max) return {};
  Digest digest(reader->header().format);
  Player player(std::move(*reader));
  EventOrder order;
  Played played;
  replay::RecordedTurn turn;
  for (;;) {
    const Player::Status status = player.read();
    const Reader::Status of_twin = twin->next(turn);
    const replay::BlockEnd& block = twin->last_block();
    const bool block_agrees = block.turns != played.turns ||
                              (block.events == played.events && block.digest == digest.value());
    require((status == Player::Status::differs) != block_agrees,
            "the end of a block agrees, and a difference is said, or the reverse");
    if (status == Player::Status::differs) {
      require(player.result().difference->at_block_end, "a difference before any turn");
      break;
    }
    if (status == Player::Status::torn) {
      require(of_twin == Reader::Status::torn && player.result().torn == twin->lost(),
              "the player is torn elsewhere");
      break;
    }
    require((status == Player::Status::turn) == (of_twin == Reader::Status::turn),
            "the player reads otherwise than the reader");
    if (status != Player::Status::turn) break;

    const Player::Status after = player.run_turn();
    ++played.turns;
    for (const Event& event : player.events()) {
      order.check(event, turn.now);
      digest.add(event);
    }
    const size_t count = player.events().size();
    played.events += count;
    const bool agrees = count == turn.event_count &&
                        (count == 0 || static_cast<uint32_t>(digest.value()) == turn.digest_low);
    require((after == Player::Status::turn) == agrees,
            "a turn agrees, and a difference is said, or the reverse");
    if (agrees) continue;
    const auto& difference = player.result().difference;
    require(difference && difference->turn == turn.number && !difference->at_block_end,
            "the difference is said of another turn");
    require(difference->replayed.size() == count && difference->recorded_count == turn.event_count,
            "the difference has other events");
    break;
  }
  if (const auto& difference = player.result().difference) {
    played.difference = replay::difference_text(*difference, player.names(), {});
    require(!played.difference.empty(), "a difference without a word");
    const bool acts = std::ranges::any_of(
        played.difference, [](char c) { return static_cast<unsigned char>(c) < ' ' && c != '\n'; });
    require(!acts, "what is said of a difference acts on a terminal");
  }
  require(player.result().turns == played.turns && player.result().events == played.events,
          "the player counts otherwise");
  played.torn = player.result().torn;
  played.digest = digest.value();
  return played;
}

}  // namespace

HAVKLO_FUZZ_TARGET(player) {
  const fuzz::RecordingFiles files(bytes);
  const Played once = play(files.path());
  // Of some, since most of the time goes into making an engine.
  if (bytes.size() % 4 != 0) return;
  require(play(files.path()) == once, "what is replayed twice is not the same");
}

}  // namespace havklo::player_fuzz

#ifdef HAVKLO_LIBFUZZER
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t size_max,
                                          unsigned seed) {
  using namespace havklo::fuzz;
  return RecordingMutator(seed, MutationRange::turns).mutate(data, size, size_max);
}
#endif
