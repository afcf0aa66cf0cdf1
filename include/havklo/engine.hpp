// The engine itself: some sessions, one turn at a time, between its doors.
//
//   Engine engine(sessions, {clock, transport, commands, events});
//   while (!engine.closed()) engine.turn();
//
// KrakenClient (client.hpp) is this engine behind the doors of a real machine, Simulation behind
// those of a simulated venue. With doors of your own it runs wherever you want it to: in another
// loop, on another network, in a test that holds the clock.
// Owns:      the sessions, their timers, the connect budgets they share, the table of names.
// Not owned: the doors (clock, transport, commands, events) and the journal; they outlive the
//            engine.
// Threads:   one, the caller's of turn().
// Errors:    settings are the caller's to check (validate()); what the network meets is an event.
// Invariant: everything that differs between two runs entered by a door or by the seed: the same
//            seed, settings and inputs give the same events to the byte.
// Cost:      a turn without input is one clock read, one look at each door and one comparison of
//            deadlines. Nothing is allocated after the constructor.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <havklo/clock.hpp>
#include <havklo/command.hpp>
#include <havklo/config.hpp>
#include <havklo/event.hpp>
#include <havklo/journal.hpp>
#include <havklo/latency.hpp>
#include <havklo/names.hpp>
#include <havklo/session_counters.hpp>
#include <havklo/shared_connect_budget.hpp>
#include <havklo/transport.hpp>
#include <memory>
#include <optional>
#include <span>

namespace havklo {

// What the masks of frames are made from (RFC 6455, 10.3): bytes that no peer can guess.
using MaskSecret = std::array<std::byte, 32>;

struct Doors {
  Clock& clock;
  Transport& transport;
  CommandDoor& commands;
  EventDoor& events;
  Journal* journal = nullptr;  // for example a Recorder
  uint64_t seed = 0;
  PhaseObserver* phases = nullptr;  // no door: nothing comes in by it
  // None: made from the seed, for runs that nobody attacks. No door: nothing depends on a mask.
  std::optional<MaskSecret> mask_secret = std::nullopt;
  // What others use of the connect budgets, in the order of group_by_budget(); null, or none at
  // all: nobody else does.
  std::span<SharedConnectBudget* const> budgets = {};
};

struct TurnResult {
  Instant now;
  uint32_t inputs = 0;    // commands taken, completions taken, timers fired
  uint32_t events = 0;    // published
  bool news = false;      // what is known of a session has changed: the questions below
  bool more_due = false;  // work was left for the next turn: do not park
};

class EngineBuilder;

class Engine {
 public:
  // An engine on a real machine's doors, of several sessions: EngineBuilder is in client.hpp.
  [[nodiscard]] static EngineBuilder builder();

  // One session for each settings, which must be valid (validate(), of all of them). Allocates
  // everything that it will ever need.
  Engine(std::span<const Settings> sessions, const Doors& doors);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // One turn, in the fixed order: what has arrived is collected, then the clock is read; commands,
  // completions, timers, requests, events, journal. The first turn begins to connect.
  TurnResult turn();

  // When the next timer is due; Instant::never() when none is armed. For parking: also wake for the
  // doors.
  [[nodiscard]] Instant next_deadline() const;
  // True while a session waits for room in the ring: do not park for longer than it takes a
  // consumer to make some.
  [[nodiscard]] bool waits_for_room() const;
  // Every session has published Closed.
  [[nodiscard]] bool closed() const;
  [[nodiscard]] const Names& names() const;

  // Of one session, by its number (Event::session).
  [[nodiscard]] uint32_t session_count() const;
  // Live, with at least one subscription settled.
  [[nodiscard]] bool is_live(uint32_t session) const;
  // Live, and the venue finally refused all that it wants.
  [[nodiscard]] bool all_refused(uint32_t session) const;
  // Why its last connection, or attempt at one, ended.
  [[nodiscard]] Reason last_loss(uint32_t session) const;
  // When the place in the connect budget comes free that it waits for, and for nothing else.
  [[nodiscard]] std::optional<Instant> place_waited_for(uint32_t session) const;
  [[nodiscard]] bool closed(uint32_t session) const;
  [[nodiscard]] SessionCounters counters(uint32_t session) const;  // any thread may ask

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace havklo
