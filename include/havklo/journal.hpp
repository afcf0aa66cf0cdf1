// The engine's diary: everything that entered a turn by the doors, and the events that left it.
//
// A Journal is told the inputs of a turn in the order in which they were taken, then the turn's
// end. Turns into which nothing entered, from which nothing left, in which no timer was due and
// nothing was decided, are not told. Given the same seed, settings and journal, the same code
// publishes the same events to the byte (design: determinism).
// Threads: the loop's.
// Faults:  a journal that cannot go on says so once, by begin_turn(); the engine then publishes
//          RecordingStopped. That event is in no recording: the journal ended before it.
// Cost:    whatever the implementation does; it must not block, allocate or throw while running.
#pragma once

#include <cstdint>
#include <havklo/clock.hpp>
#include <havklo/command.hpp>
#include <havklo/event.hpp>
#include <havklo/transport.hpp>
#include <optional>
#include <span>

namespace havklo {

struct TurnEnd {
  Instant now;                         // the turn's one clock reading
  std::optional<Duration> utc_offset;  // where it was read: an attempt began, or it was time
  uint32_t room = 0;                   // free event slots as the turn saw them
  std::span<const Event> events;       // published
};

// Why a journal ended before its engine.
struct JournalFault {
  RecordingFault fault = RecordingFault::slow_disk;
  int32_t os_error = 0;
};

class Journal {
 public:
  virtual ~Journal() = default;
  // At the beginning of every turn, of those that are not told too.
  [[nodiscard]] std::optional<JournalFault> begin_turn(Instant now) {
    if (now < looks_at_) return std::nullopt;
    return look(now);
  }
  virtual void on_command(const Command& command) = 0;
  virtual void on_completion(const Completion& completion) = 0;
  // The `ask`-th question of this turn to a shared connect budget, from 0, had the answer that
  // there is no place for another `wait`. Answers that make nobody wait are not told.
  virtual void on_budget_answer(uint32_t ask, Duration wait) = 0;
  virtual void end_turn(const TurnEnd& turn) = 0;

 protected:
  // From when on a turn begins with look(): before, there is nothing for it to find.
  Instant looks_at_ = Instant::never();

 private:
  [[nodiscard]] virtual std::optional<JournalFault> look(Instant now) {
    static_cast<void>(now);
    return std::nullopt;
  }
};

}  // namespace havklo
