// The loop of a world, and its acts.
#include "replay/world/simulation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <havklo/engine.hpp>
#include <havklo/event_ring.hpp>
#include <havklo/ring_doors.hpp>
#include <memory>
#include <set>

#include "replay/recording/shared_ring.hpp"
#include "replay/world/consumer.hpp"
#include "replay/world/disk.hpp"
#include "replay/world/planned_commands.hpp"
#include "replay/world/recovery_bound.hpp"
#include "replay/world/scenario_load.hpp"

namespace havklo::replay {
namespace {

// A consumer that has made room is noticed so much later at the latest.
constexpr Duration room_poll = Duration::microseconds(100);
// Everybody well: so long, and stable_after, nothing may happen any more.
constexpr Duration calm = Duration::seconds(3);
// Turns at one instant: more is an engine that spins. Beside them, one for each message that was
// due while the clock leapt.
constexpr uint32_t turns_per_instant_max = 10'000;

std::vector<uint32_t> depths_of(const Scenario& scenario) {
  std::set<uint32_t> depths;
  for (const Settings& session : scenario.sessions) {
    for (const SubscriptionSettings& each : session.subscriptions) {
      if (each.channel == Channel::book) depths.insert(each.depth);
    }
  }
  for (const PlannedCommand& command : scenario.commands) depths.insert(command.depth);
  return {depths.begin(), depths.end()};
}

// Whether some message of the venue may never come, on a connection that lives on.
bool swallows(const FaultPlan& plan) {
  return std::ranges::any_of(plan.faults, [](const Fault& fault) {
    return fault.kind == FaultKind::silent_data || fault.kind == FaultKind::blackhole;
  });
}

// Settings may have no patience for even a well venue: then this names what to change.
std::string loss_in_words(const SessionObserver& session) {
  if (session.losses() == 0) return "";
  return fmt::format("; {} {}, the last by {}", session.losses(),
                     session.losses() == 1 ? "loss" : "losses", to_string(session.last_reason()));
}

class World {
 public:
  World(const Scenario& scenario, const SimulationOptions& options)
      : scenario_(scenario),
        options_(options),
        truth_(new MarketTruth(
            std::make_unique<Market>(scenario.market, scenario.venue.seed, scenario.venue.utc_us),
            depths_of(scenario), swallows(scenario.faults))),
        venue_(scenario.venue, std::unique_ptr<MarketFeed>(truth_), scenario.faults),
        network_(venue_, scenario.network),
        commands_(scenario.commands),
        ring_(shared_ring_slots(scenario.sessions)),
        ring_door_(ring_),
        consumer_(ring_, scenario.pauses, verdict_),
        observer_(scenario.sessions, clock_, network_, ring_door_, commands_, *truth_, verdict_,
                  counts_allocations() ? options.allocations : nullptr),
        random_(scenario.run.seed ^ 0x51'4D'0B5E'27E5ULL) {
    clock_.set_utc_offset(Duration::microseconds(scenario.venue.utc_us));
    start_recorder();
    engine_ = std::make_unique<Engine>(
        scenario.sessions,
        Doors{clock_, observer_, observer_, observer_, recorder_.get(), scenario.run.seed});
    observer_.begin(engine_->names());
  }

  SimulationResult run();

 private:
  // The simulated disk under a recorder allocates, and does so inside a turn.
  [[nodiscard]] bool counts_allocations() const {
    return options_.record_path.empty() && !scenario_.run.disk_blocks;
  }
  void start_recorder();
  // Goes on until `done` or `end`; true: the former.
  bool go(Instant end, const std::function<bool()>& done);
  void turns();
  [[nodiscard]] Instant next_instant(Instant end);
  void suffer();
  void recover();
  // False: a connection of the sick world was lost after all, by what was still on the way.
  [[nodiscard]] bool stay_calm();
  void say_goodbye();
  [[nodiscard]] bool everybody(bool (*holds)(const SessionObserver&)) const {
    return std::ranges::all_of(observer_.sessions(), holds);
  }
  [[nodiscard]] bool failed() const { return verdict_.breach().has_value(); }
  [[nodiscard]] SimulationResult sum_up();

  const Scenario& scenario_;
  const SimulationOptions& options_;
  Verdict verdict_;
  ManualClock clock_;
  MarketTruth* truth_;  // the venue owns it
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
  size_t next_jump_ = 0;
  uint64_t leapt_over_ = 0;
  bool was_empty_ = true;
  uint64_t turns_ = 0;
  Instant healed_;
  Duration recovery_;
  std::string not_recorded_;
  uint32_t closed_ = 0;
};

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

// Turns until nothing is due at this instant.
void World::turns() {
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
  const bool open = std::ranges::any_of(observer_.sessions(),
                                        [](const SessionObserver& each) { return !each.closed(); });
  if (open && deadline == Instant::never() && !waits) {
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
  while (next_jump_ < scenario_.jumps.size() &&
         Instant{} + scenario_.jumps[next_jump_].at <= next) {
    const Duration by = scenario_.jumps[next_jump_++].by;
    leapt_over_ += happenings_within(scenario_, by);
    next = next + by;
  }
  return next;
}

bool World::go(Instant end, const std::function<bool()>& done) {
  for (;;) {
    turns();
    if (failed()) return false;
    if (done()) return true;
    if (clock_.now() >= end) return false;
    const Instant next = next_instant(end);
    clock_.set(next);
    network_.advance_to(next);
  }
}

void World::suffer() {
  go(Instant{} + scenario_.run.lasting,
     [this] { return everybody([](const SessionObserver& each) { return each.closed(); }); });
}

void World::recover() {
  const auto well = [](const SessionObserver& each) { return each.well() || each.closed(); };
  const Instant began = clock_.now();
  const Duration bound = recovery_bound(scenario_);
  if (go(began + bound, [&] { return everybody(well); })) {
    recovery_ = clock_.now() - healed_;
    return;
  }
  for (uint32_t number = 0; const SessionObserver& each : observer_.sessions()) {
    if (!well(each)) {
      verdict_.violate(Invariant::recovery, number, clock_.now(),
                       fmt::format("not Live {} s after the world was well{}",
                                   bound.ns / 1'000'000'000, loss_in_words(each)));
    }
    ++number;
  }
}

bool World::stay_calm() {
  Duration longest;
  for (const Settings& each : scenario_.sessions) {
    longest = std::max(longest, each.reconnect.stable_after);
  }
  std::vector<uint32_t> losses;
  for (const SessionObserver& each : observer_.sessions()) losses.push_back(each.losses());
  go(clock_.now() + calm + longest, [] { return false; });
  const Instant now = clock_.now();
  const Duration way = scenario_.network.latency + scenario_.network.jitter +
                       scenario_.run.lateness + Duration::milliseconds(1);
  bool calm_now = true;
  closed_ = 0;
  for (uint32_t number = 0; const SessionObserver& each : observer_.sessions()) {
    closed_ += each.closed() ? 1 : 0;
    if (each.losses() != losses[number] && each.lost_attempt_began() <= healed_) {
      calm_now = false;
    } else if (each.losses() != losses[number]) {
      verdict_.violate(Invariant::stays_recovered, number, now,
                       "lost again in a world that is well" + loss_in_words(each));
    }
    if (each.recovered()) {
      const int64_t utc_us = scenario_.venue.utc_us;
      each.wishes().check_fresh(utc_us + healed_.ns / 1000, utc_us + (now - way).ns / 1000, now);
    }
    ++number;
  }
  return calm_now;
}

void World::say_goodbye() {
  const auto closed = [](const SessionObserver& each) { return each.closed(); };
  const bool stopped = recorder_ && recorder_->state() == RecorderState::stopped_disk_error;
  if (stopped && !observer_.recording_stopped() && !everybody(closed)) {
    verdict_.violate(Invariant::recording, 0, clock_.now(), "RecordingStopped was not said");
  }
  const Duration at = clock_.now() - Instant{};
  Duration longest;
  for (uint32_t i = 0; i < scenario_.sessions.size(); ++i) {
    commands_.add({.at = at, .kind = Command::Kind::close, .session = i});
    longest = std::max(longest, scenario_.sessions[i].timeouts.close_timeout);
  }
  const Instant end = clock_.now() + longest + Duration::milliseconds(1);
  if (!go(end, [&] { return everybody(closed); })) {
    verdict_.violate(Invariant::command_obeyed, 0, clock_.now(), "close() does not end");
  }
  if (engine_->next_deadline() != Instant::never()) {
    verdict_.violate(Invariant::no_leak, 0, clock_.now(), "a timer is armed after the last Closed");
  }
  if (network_.open_count() != 0) {
    verdict_.violate(Invariant::no_leak, 0, clock_.now(), "a stream is open after the last Closed");
  }
  if (!engine_->closed()) {
    verdict_.violate(Invariant::no_leak, 0, clock_.now(), "Closed was said, and it is not");
  }
}

SimulationResult World::run() {
  suffer();
  venue_.heal(network_.now());
  network_.heal();
  healed_ = clock_.now();
  // Each session can lose its connection of the sick world once.
  for (size_t round = 0; !failed() && round <= scenario_.sessions.size(); ++round) {
    recover();
    if (!failed() && stay_calm()) break;
  }
  if (!failed()) say_goodbye();
  if (recorder_ && !failed()) disk_->check(*recorder_, turns_, verdict_, clock_.now());
  return sum_up();
}

SimulationResult World::sum_up() {
  SimulationResult result;
  result.breach = verdict_.breach();
  result.digest = consumer_.digest();
  result.virtual_time = clock_.now() - Instant{};
  result.recovery = recovery_;
  result.turns = turns_;
  result.events = observer_.events();
  result.attempts = observer_.attempts();
  result.closed = closed_;
  for (const SessionObserver& each : observer_.sessions()) {
    result.outages += each.outages();
    result.losses += each.losses();
    result.repairs += each.wishes().repairs();
    result.books_verified += each.wishes().books_verified();
  }
  result.figures = observer_.figures();
  result.reached = observer_.reached();
  if (recorder_ && !options_.record_path.empty()) {
    recorder_->finish();
    const auto outcome = recorder_->outcome();
    if (!outcome) not_recorded_ = outcome.error();
  }
  result.not_recorded = not_recorded_;
  return result;
}

// What a session asks for that does not say it: three whole books; of thin ones if there are none.
std::vector<std::string> usual_symbols(const MarketSettings& market) {
  const bool thin = std::ranges::none_of(
      market.symbols, [](const MarketSymbol& symbol) { return symbol.levels >= 10; });
  std::vector<std::string> symbols;
  for (const MarketSymbol& symbol : market.symbols) {
    if ((thin || symbol.levels >= 10) && symbols.size() < 3) symbols.push_back(symbol.name);
  }
  return symbols;
}

}  // namespace

Scenario with_defaults(Scenario scenario) {
  if (scenario.sessions.empty()) {
    Settings settings;
    settings.subscriptions.push_back(
        {.channel = Channel::book, .symbols = usual_symbols(scenario.market), .depth = 10});
    scenario.sessions.push_back(std::move(settings));
  }
  std::ranges::stable_sort(scenario.jumps, {}, &ClockJump::at);
  std::erase_if(scenario.commands, [&](const PlannedCommand& command) {
    return command.session >= scenario.sessions.size();
  });
  // When the trouble is over, everybody lets the world recover.
  const auto too_late = [&](const auto& each) { return each.at > scenario.run.lasting; };
  std::erase_if(scenario.commands, too_late);
  std::erase_if(scenario.pauses, too_late);
  std::erase_if(scenario.jumps, too_late);
  return scenario;
}

SimulationResult simulate(const Scenario& scenario, const SimulationOptions& options) {
  const Scenario whole = with_defaults(scenario);
  return World(whole, options).run();
}

}  // namespace havklo::replay
