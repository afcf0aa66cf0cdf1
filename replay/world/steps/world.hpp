// One simulated world, an instant at a time: the engine itself against the venue model, in virtual
// time, watched by an observer that knows nothing of the engine's inside.
//
// Owns:       everything in it: clock, venue, network, ring, consumer, observer, engine.
// Not owned:  what becomes of the world: its acts (acts.hpp), or a strategy's test
//             (public_simulation.cpp).
// Threads:    one.
// Invariants: the same scenario and the same calls at the same instants give the same events to the
//             byte. Time never goes back.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <havklo/engine.hpp>
#include <havklo/event_ring.hpp>
#include <havklo/ring_doors.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "replay/observer/run.hpp"
#include "replay/observer/verdict.hpp"
#include "replay/venue/market_truth.hpp"
#include "replay/venue/model.hpp"
#include "replay/venue/transport.hpp"
#include "replay/world/scenario.hpp"
#include "replay/world/simulation.hpp"
#include "replay/world/steps/consumer.hpp"
#include "replay/world/steps/disk.hpp"
#include "replay/world/steps/planned_commands.hpp"

namespace havklo::replay {

class World {
 public:
  // Why go() came back.
  enum class Stop : uint8_t {
    done,    // as was asked
    end,     // of the act
    pause,   // nothing more is due by `until`
    failed,  // an invariant is broken, and nobody wants to go on
  };

  // `scenario`: with_defaults(). Whoever steps it (`stepped`) may add to what is planned, and goes
  // on after a breach.
  World(Scenario scenario, SimulationOptions options, bool stepped = false);

  // An act begins with turns at this instant, whatever the one before has done there.
  void begin_act() {
    turned_ = false;
    next_.reset();
  }
  // Turns at this instant, and at each one that follows, until `done`, asked after each instant, or
  // the end of the act, or until nothing more is due by `until`. After a pause, or `done`, it goes
  // on where it was, with nothing done twice.
  Stop go(Instant end, const std::function<bool()>& done, Instant until = Instant::never());
  // The instant that go() goes on to.
  [[nodiscard]] Instant next(Instant end);
  // Begins an act in which no fault strikes: the plan is empty, and the network well.
  void heal();

  // Whoever steps it, at `now`, which is not before the last instant and not after the next one.
  // A turn follows at `now`.
  void ask(const PlannedCommand& command, Instant now);
  void add(const Scenario& more, Instant now);
  void heal_now(Instant now);  // and the venue says so at once, not with its next message

  [[nodiscard]] Instant now() const { return clock_.now(); }
  [[nodiscard]] Instant healed() const { return healed_; }
  [[nodiscard]] const Scenario& scenario() const { return scenario_; }
  [[nodiscard]] const Names& names() const { return engine_->names(); }
  [[nodiscard]] const Engine& engine() const { return *engine_; }
  [[nodiscard]] const RunObserver& observer() const { return observer_; }
  [[nodiscard]] const MarketTruth& truth() const { return *truth_; }
  [[nodiscard]] const VenueTransport& network() const { return network_; }
  // Nothing waits in the ring.
  [[nodiscard]] bool caught_up() { return consumer_.caught_up(); }
  [[nodiscard]] uint64_t digest() const { return consumer_.digest(); }
  [[nodiscard]] uint64_t turns() const { return turns_; }
  [[nodiscard]] Recorder* recorder() { return recorder_.get(); }
  [[nodiscard]] SimulatedDisk* disk() { return disk_.get(); }
  [[nodiscard]] const std::string& not_recorded() const { return not_recorded_; }

  [[nodiscard]] Verdict& verdict() { return verdict_; }
  [[nodiscard]] const Verdict& verdict() const { return verdict_; }
  [[nodiscard]] bool failed() const { return verdict_.breach().has_value(); }
  template <class Holds>
  [[nodiscard]] bool everybody(Holds&& holds) const {
    return std::ranges::all_of(observer_.sessions(),
                               [&holds](const auto& each) { return holds(*each); });
  }
  [[nodiscard]] bool everybody_closed() const {
    return everybody([](const ObservedSession& each) { return each.closed(); });
  }

 private:
  // The simulated disk under a recorder allocates, and does so inside a turn.
  [[nodiscard]] bool counts_allocations() const {
    return options_.record_path.empty() && !scenario_.run.disk_blocks;
  }
  void start_recorder();
  // Turns until nothing is due at this instant.
  void take_turns();
  // The next instant; that of a late turn is drawn, so it is asked for once.
  [[nodiscard]] Instant next_instant(Instant end);
  void advance(Instant next);
  void turn_at(Instant now);

  Scenario scenario_;
  SimulationOptions options_;
  bool stepped_;
  Verdict verdict_;
  mutable ManualClock clock_;  // a clock is asked, as a rule, not read
  MarketTruth* truth_;         // the venue owns it
  Venue venue_;
  VenueTransport network_;
  PlannedCommands commands_;
  EventRing ring_;
  RingEventDoor ring_door_;
  Consumer consumer_;
  RunObserver observer_;
  Random random_;
  std::unique_ptr<SimulatedDisk> disk_;
  std::unique_ptr<Recorder> recorder_;
  std::unique_ptr<Engine> engine_;
  bool turned_ = false;          // at this instant, and nothing has changed since
  std::optional<Instant> next_;  // once it is drawn
  size_t next_jump_ = 0;
  uint64_t leapt_over_ = 0;
  bool was_empty_ = true;
  uint64_t turns_ = 0;
  Instant healed_;
  std::string not_recorded_;
};

}  // namespace havklo::replay
