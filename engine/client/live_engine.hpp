// An engine behind its live doors: clock, network, recorder, commands, seed. Only the door for its
// events is the caller's; it is where the two forms of client differ.
//
// Owns:       the engine, the network, the recorder, the queue of commands.
// Not owned:  the events door, which outlives it.
// Threads:    the loop's; push() and counters() may be called by one other, recording() by it once
//             the loop has ended.
// Invariants: the recorder outlives the engine that writes to it, and the network's hold on its
//             blocks.
// Errors:     what the system refuses at the start is a StartError; std::bad_alloc passes through
//             start() to or_out_of_memory().
// Cost:       a turn is the engine's, and a subtraction to time it by the clock read that it made.
#pragma once

#include <expected>
#include <havklo/command.hpp>
#include <havklo/engine.hpp>
#include <havklo/engine_client.hpp>
#include <havklo/recording.hpp>
#include <havklo/ring_doors.hpp>
#include <havklo/spsc_ring.hpp>
#include <memory>
#include <new>
#include <optional>
#include <string>

#include "client/engine_budgets.hpp"
#include "io/live_transport.hpp"
#include "io/system_clock.hpp"
#include "io/turn_times.hpp"

namespace havklo::client {

// At least one for each session: closing them all fits an empty queue.
inline constexpr size_t command_slots = 256;
static_assert(command_slots >= sessions_max);

struct LiveEngine {
  LiveEngine() = default;
  ~LiveEngine();
  LiveEngine(const LiveEngine&) = delete;
  LiveEngine& operator=(const LiveEngine&) = delete;

  // Makes the doors and the engine, once; nothing is connected before the first turn. `given` must
  // be valid (validate()), which the caller sees to before it makes a ring by them.
  std::expected<void, StartError> start(const EngineSettings& given, EventDoor& events);
  // By the loop's thread, before its first turn; again after a failure.
  [[nodiscard]] std::expected<void, StartError> begin();
  // When nothing can refuse the start any more: until then it leaves no file, and replaces none.
  [[nodiscard]] std::expected<void, StartError> keep_recording();

  TurnResult turn() {
    const TurnResult result = engine->turn();
    turn_times.turn_began(result.now);
    return result;
  }
  void park(Duration at_most) {
    transport->park(at_most);
    turn_times.slept();
  }

  // After Closed, by the loop's thread: lets the network and the disk have what is theirs.
  void finish();

  std::expected<void, CommandError> push(const Command& command) {
    if (!commands.try_push(command)) return std::unexpected(CommandError::queue_full);
    return {};
  }
  [[nodiscard]] ClientCounters counters() const;
  [[nodiscard]] std::expected<void, std::string> recording() const;

  EngineSettings settings;
  io::SystemClock clock;
  std::unique_ptr<io::LiveTransport> transport;
  std::unique_ptr<Recorder> recorder;
  EngineBudgets budgets;
  SpscRing<Command> commands{command_slots};
  RingCommandDoor command_door{commands};
  std::unique_ptr<Engine> engine;
  io::TurnTimes turn_times;
  bool begun = false;
  bool kept = false;
};

// What `start` returns; where it runs out of memory, that as a StartError.
template <class Start>
[[nodiscard]] auto or_out_of_memory(Start start) -> decltype(start()) {
  try {
    return start();
  } catch (const std::bad_alloc&) {
    return std::unexpected(StartError{std::nullopt, "out of memory"});  // short: allocates nothing
  }
}

}  // namespace havklo::client
