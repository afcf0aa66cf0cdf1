// The entries of a recording's blocks, put together to turns.
//
// Owns:       the reads that were cut at a block's end and are joined again, blocks that a turn
//             goes over, and the count of turns, of events and of time so far.
// Not owned:  the block that is being read; whose bytes a turn's completions point into.
// Threads:    one.
// Invariants: every length and every count is checked against what a recorder can write before it
//             is believed, and every kind before it is used.
// Cost:       nothing is copied but what was cut.
#pragma once

#include <cstddef>
#include <cstdint>
#include <havklo/clock.hpp>
#include <havklo/command.hpp>
#include <havklo/event.hpp>
#include <havklo/transport.hpp>
#include <optional>
#include <vector>

#include "replay/recording/format.hpp"

namespace havklo::replay {

// A lifecycle event as it was published; market events are not kept.
struct RecordedEvent {
  uint32_t index = 0;  // among the events of its turn
  Event event;
};

// What made an engine wait that asked for a place in a shared connect budget.
struct RecordedBudgetAnswer {
  uint32_t ask = 0;  // which of the turn's questions
  Duration wait;     // from the turn's time until there is a place
};

struct RecordedTurn {
  uint64_t number = 0;  // from 1
  Instant now;
  std::optional<Duration> utc_offset;  // in a turn that read it
  uint32_t room = 0;
  uint32_t event_count = 0;
  uint32_t digest_low = 0;  // of all events up to this turn's last; if event_count is not 0
  std::vector<Command> commands;
  std::vector<Completion> completions;  // `bytes` are valid until the next turn is begun
  std::vector<RecordedEvent> kept_events;
  std::vector<RecordedBudgetAnswer> budget_answers;
};

class TurnDecoder {
 public:
  // `turn` is emptied; what the completions of the last one pointed into is freed.
  void begin(RecordedTurn& turn);
  enum class Taken : uint8_t { nothing, entry, turn_end };  // nothing: there is no entry
  // Takes one entry from the front of `bytes`, as `format` has it. At the turn's end `turn` is
  // whole.
  [[nodiscard]] Taken take(ByteReader& bytes, uint32_t format, RecordedTurn& turn);
  // The turn goes on in another block: what was read of this one is kept until the next begin().
  void keep(std::vector<std::byte> block) { kept_.push_back(std::move(block)); }

  // That have ended, and what they published.
  [[nodiscard]] uint64_t turns() const { return turns_; }
  [[nodiscard]] uint64_t events() const { return events_; }

 private:
  [[nodiscard]] bool read_entry(EntryTag tag, ByteReader& bytes, RecordedTurn& turn);
  [[nodiscard]] bool read_command(ByteReader& bytes, RecordedTurn& turn);
  [[nodiscard]] bool read_completion(EntryTag tag, ByteReader& bytes, RecordedTurn& turn);
  [[nodiscard]] bool read_received(ByteReader& bytes, RecordedTurn& turn, ConnectionId connection,
                                   uint64_t length, bool is_last);
  [[nodiscard]] bool read_arrival(ByteReader& bytes, RecordedTurn& turn);
  [[nodiscard]] static bool read_budget_answer(ByteReader& bytes, RecordedTurn& turn);
  [[nodiscard]] bool read_event(ByteReader& bytes, RecordedTurn& turn);
  [[nodiscard]] static bool has_room_for_another(const RecordedTurn& turn) {
    return turn.completions.size() < turn_completions_max;
  }
  [[nodiscard]] bool end_turn(const ByteReader& bytes, RecordedTurn& turn, Duration since_last);

  // What the turn's completions point into, beside the reader's block: earlier blocks of a turn
  // that goes over a block's end, and reads joined from parts.
  std::vector<std::vector<std::byte>> kept_;
  std::vector<std::byte> joined_;
  bool joins_ = false;  // the next `received` goes on with the last
  uint64_t turns_ = 0;
  uint64_t events_ = 0;
  Instant last_now_;
};

}  // namespace havklo::replay
