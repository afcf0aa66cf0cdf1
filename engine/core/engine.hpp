// The engine: some sessions, one turn at a time, between five doors.
//
// Owns:      the sessions, their timers, the connect budget they share, the table of names.
// Not owned: the doors (clock, transport, commands, events) and the journal; they outlive the
//            engine.
// Threads:   one, the caller's of turn().
// Invariant: everything that differs between two runs entered by a door or by the seed (design:
//            determinism).
// Cost:      a turn without input is one clock read, one look at each door and one comparison of
//            deadlines.
#pragma once

#include <cstdint>
#include <havklo/clock.hpp>
#include <havklo/command.hpp>
#include <havklo/config.hpp>
#include <havklo/event.hpp>
#include <havklo/journal.hpp>
#include <havklo/latency.hpp>
#include <havklo/names.hpp>
#include <havklo/transport.hpp>
#include <memory>
#include <optional>
#include <span>

#include "websocket/chacha20.hpp"

namespace havklo::core {

struct Doors {
  Clock& clock;
  Transport& transport;
  CommandDoor& commands;
  EventDoor& events;
  Journal* journal = nullptr;
  uint64_t seed = 0;
  PhaseObserver* phases = nullptr;  // no door: nothing comes in by it
  // What the masks of frames are made from: 256 bits that no peer can guess. None: made from the
  // seed, for runs that nobody attacks. No door either: nothing depends on a mask.
  std::optional<websocket::ChaCha20Key> mask_secret = std::nullopt;
};

struct TurnResult {
  Instant now;
  uint32_t inputs = 0;    // commands taken, completions taken, timers fired
  uint32_t events = 0;    // published
  bool more_due = false;  // work was left for the next turn: do not park
};

class Engine {
 public:
  // One session for each settings, which must be valid (validate(), of all of them). Allocates
  // everything that it will ever need. The connect budget, shared by all, is that of the first.
  Engine(std::span<const Settings> sessions, const Doors& doors);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // One turn, in the fixed order: clock, commands, completions, timers, requests, events, journal.
  // The first turn begins to connect.
  TurnResult turn();

  // When the next timer is due; Instant::never() when none is armed. For parking: also wake for the
  // doors.
  [[nodiscard]] Instant next_deadline() const;
  // True while a session waits for room in the ring: do not park for longer than it takes a
  // consumer to make some.
  [[nodiscard]] bool waits_for_room() const;
  // Every session has published Closed.
  [[nodiscard]] bool closed() const;
  // Every session is Live, with at least one subscription settled.
  [[nodiscard]] bool is_live() const;
  // Every session is Live, and the venue finally refused all that it wants.
  [[nodiscard]] bool all_refused() const;
  // Why the last connection, or attempt at one, of any session ended.
  [[nodiscard]] Reason last_loss() const;
  [[nodiscard]] const Names& names() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace havklo::core
