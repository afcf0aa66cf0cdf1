// The loop of a world.
#include "replay/world/steps/world.hpp"

#include <utility>
#include <vector>

#include "replay/recording/shared_ring.hpp"
#include "replay/world/scenario_load.hpp"

namespace havklo::replay {
namespace {

// A consumer that has made room is noticed so much later at the latest.
constexpr Duration room_poll = Duration::microseconds(100);
// Turns at one instant: more is an engine that spins. Beside them, one for each message that was
// due while the clock leapt.
constexpr uint32_t turns_per_instant_max = 10'000;

// Whether some message of the venue may never come, on a connection that lives on.
bool swallows(const FaultPlan& plan) {
  return std::ranges::any_of(plan.faults, [](const Fault& fault) {
    return fault.kind == FaultKind::silent_data || fault.kind == FaultKind::blackhole;
  });
}

std::vector<uint32_t> legs_of(const std::vector<Settings>& sessions) {
  std::vector<uint32_t> legs;
  for (const Settings& each : sessions) legs.push_back(static_cast<uint32_t>(each.legs.size()));
  return legs;
}

std::unique_ptr<MarketTruth> truth_of(const Scenario& scenario, bool lossy) {
  return std::make_unique<MarketTruth>(
      std::make_unique<Market>(scenario.market, scenario.venue.seed, scenario.venue.utc_us),
      std::vector<uint32_t>(book_depths.begin(), book_depths.end()), lossy);
}

}  // namespace

World::World(Scenario scenario, SimulationOptions options, bool stepped)
    : scenario_(std::move(scenario)),
      options_(std::move(options)),
      stepped_(stepped),
      truth_(truth_of(scenario_, stepped || swallows(scenario_.faults)).release()),
      venue_(scenario_.venue, std::unique_ptr<MarketFeed>(truth_), scenario_.faults),
      network_(venue_, scenario_.network, {}, legs_of(scenario_.sessions)),
      commands_(scenario_.commands),
      ring_(shared_ring_slots(scenario_.sessions)),
      ring_door_(ring_),
      consumer_(ring_, scenario_.pauses, verdict_),
      observer_(scenario_.sessions, clock_, network_, ring_door_, commands_, *truth_, verdict_,
                counts_allocations() ? options_.allocations : nullptr, options_.budgets),
      random_(scenario_.run.seed ^ 0x51'4D'0B5E'27E5ULL) {
  clock_.set_utc_offset(Duration::microseconds(scenario_.venue.utc_us));
  start_recorder();
  engine_ = std::make_unique<Engine>(
      scenario_.sessions, Doors{clock_, observer_, observer_, observer_, recorder_.get(),
                                scenario_.run.seed, nullptr, std::nullopt, observer_.budgets()});
  observer_.begin(engine_->names());
}

void World::start_recorder() {
  const bool asked = !options_.record_path.empty();
  if (!asked && (!options_.records || !scenario_.run.disk_blocks)) return;
  disk_ = asked ? std::make_unique<SimulatedDisk>(options_.record_path)
                : std::make_unique<SimulatedDisk>("", *scenario_.run.disk_blocks);
  auto made =
      disk_->make_recorder(scenario_.sessions, scenario_.run.seed, options_.record_overwrite);
  if (made) {
    recorder_ = std::move(*made);
  } else {
    not_recorded_ = made.error();
  }
}

void World::take_turns() {
  const Instant now = clock_.now();
  commands_.set_now(now);
  bool had_room = was_empty_;
  for (uint64_t count = 0;; ++count) {
    const bool empty = consumer_.caught_up();
    had_room = had_room && empty;
    const TurnResult result = engine_->turn();
    observer_.end_engine_turn();
    ++turns_;
    consumer_.take(now, engine_->names(), options_.on_event);
    if (!result.more_due && network_.next_deadline() > now) break;
    if (network_.next_deadline() <= now) network_.advance_to(now);
    if (count == turns_per_instant_max + leapt_over_) {
      verdict_.violate(Invariant::turn_ends, 0, now, "the engine has something to do for ever");
      break;
    }
  }
  leapt_over_ = 0;
  observer_.end_turn(had_room);
  was_empty_ = consumer_.caught_up();
}

Instant World::next_instant(Instant end) {
  const Instant now = clock_.now();
  const Instant deadline = engine_->next_deadline();
  const bool waits = engine_->waits_for_room();
  if (deadline == Instant::never() && !waits && !everybody_closed()) {
    verdict_.violate(Invariant::deadline, 0, now, "nothing is armed, and not everybody is closed");
  }
  Instant next = std::min({deadline, network_.next_deadline(), commands_.next(), end});
  const Instant awake = consumer_.asleep_until(now);
  if (awake > now) {
    next = std::min(next, awake);
  } else if (waits) {
    next = std::min(next, now + room_poll);
  }
  next = std::max(next, now);
  if (scenario_.run.lateness > Duration{} && next < end && random_.below(4) == 0) {
    const auto most = static_cast<uint64_t>(scenario_.run.lateness.ns);
    next = std::min(next + Duration{static_cast<int64_t>(random_.below(most))}, end);
  }
  return next;
}

void World::advance(Instant next) {
  const std::vector<ClockJump>& jumps = scenario_.jumps;
  while (next_jump_ < jumps.size() && Instant{} + jumps[next_jump_].at <= next) {
    const Duration by = jumps[next_jump_++].by;
    leapt_over_ += happenings_within(scenario_, by);
    next = next + by;
  }
  clock_.set(next);
  network_.advance_to(next);
}

World::Stop World::go(Instant end, const std::function<bool()>& done, Instant until) {
  for (;;) {
    if (!turned_) {
      take_turns();
      turned_ = true;
      if (failed() && !stepped_) return Stop::failed;
      if (done()) return Stop::done;
    }
    if (!next_ && clock_.now() >= end) return Stop::end;
    if (next(end) > until) return Stop::pause;
    advance(*std::exchange(next_, std::nullopt));
    turned_ = false;
  }
}

Instant World::next(Instant end) {
  if (!turned_ || (!next_ && clock_.now() >= end)) return clock_.now();
  if (!next_) next_ = next_instant(end);
  return *next_;
}

void World::heal() {
  venue_.heal(network_.now());
  network_.heal();
  healed_ = clock_.now();
  begin_act();
}

void World::turn_at(Instant now) {
  if (next_) {
    next_ = now;
  } else {
    turned_ = false;
  }
}

void World::ask(const PlannedCommand& command, Instant now) {
  commands_.add(command);
  turn_at(now);
}

void World::add(const Scenario& more, Instant now) {
  for (const Fault& fault : more.faults.faults) {
    scenario_.faults.add(fault);
    venue_.add_fault(fault);
  }
  for (const ConsumerPause& pause : more.pauses) consumer_.add(pause);
  for (const ClockJump& jump : more.jumps) {
    const auto waiting = scenario_.jumps.begin() + static_cast<std::ptrdiff_t>(next_jump_);
    scenario_.jumps.insert(
        std::ranges::upper_bound(waiting, scenario_.jumps.end(), jump.at, {}, &ClockJump::at),
        jump);
  }
  turn_at(now);
}

void World::heal_now(Instant now) {
  clock_.set(now);
  network_.advance_to(now);
  heal();
  network_.advance_to(now);  // what the venue says of it leaves at once
}

}  // namespace havklo::replay
