// A world behind the public door, as far as its caller lets it go.
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <havklo/assert.hpp>
#include <havklo/simulation.hpp>
#include <utility>

#include "replay/recording/shared_ring.hpp"
#include "replay/text/duration.hpp"
#include "replay/text/file_text.hpp"
#include "replay/text/nearest_name.hpp"
#include "replay/world/built_in_scenarios.hpp"
#include "replay/world/scenario_load.hpp"
#include "replay/world/steps/acts.hpp"
#include "replay/world/steps/world.hpp"

namespace havklo {
namespace {

using replay::Scenario;
using replay::World;

Duration since_start(Instant at) { return at - Instant{}; }

// The instants that a scenario names, and of what.
template <class Tell>
void tell_instants(const Scenario& scenario, const Tell& tell) {
  for (const replay::Fault& each : scenario.faults.faults) {
    const bool is_cure =
        each.kind == replay::FaultKind::status && each.system == SystemStatus::online;
    if (each.at && !is_cure) tell(to_string(each.kind), *each.at);
  }
  for (const replay::PlannedCommand& each : scenario.commands) tell("command", each.at);
  for (const replay::ConsumerPause& each : scenario.pauses) tell("pause", each.at);
  for (const replay::ClockJump& each : scenario.jumps) tell("jump", each.at);
}

// `run.for` is the end of all trouble where the scenario says it: what is planned later would never
// happen, which its author cannot have meant. Where it does not, all that is planned happens.
std::expected<void, std::string> settle_time(Scenario& scenario) {
  std::string late;
  Duration& lasting = scenario.run.lasting;
  const bool fixed = scenario.run.says_for;
  tell_instants(scenario, [&](std::string_view what, Duration at) {
    if (!fixed) {
      lasting = std::max(lasting, at);
    } else if (at > lasting && late.empty()) {
      late = fmt::format("the {} at {} would never happen: from run.for = {} on the world is well",
                         what, replay::to_text(at), replay::to_text(lasting));
    }
  });
  if (!late.empty()) return std::unexpected(late);
  return {};
}

std::expected<void, std::string> seat(Scenario& scenario, Simulation::Sessions sessions) {
  if (sessions.empty()) return {};
  if (!scenario.sessions.empty()) {
    return std::unexpected(
        "the scenario has [[session]], and settings are given, too: one of them");
  }
  if (sessions.size() > sessions_max) {
    return std::unexpected(fmt::format("{} sessions, at most {}", sessions.size(), sessions_max));
  }
  for (const Settings& each : sessions) {
    if (const auto valid = validate(each); !valid) return std::unexpected(valid.error().message());
  }
  if (const auto valid = validate(sessions); !valid) {
    return std::unexpected(valid.error().message());
  }
  if (replay::sum_of_ring_slots(sessions) > replay::shared_ring_slots_max) {
    return std::unexpected(fmt::format("ring_slots: at most {} of all sessions together",
                                       replay::shared_ring_slots_max));
  }
  scenario.sessions = std::move(sessions);
  return {};
}

std::expected<Scenario, std::string> prepare(std::string_view toml, std::string_view name,
                                             Simulation::Sessions sessions) {
  auto scenario = replay::parse_scenario(toml, name);
  if (!scenario) return scenario;
  const auto in_file = [name](const std::string& what) {
    return std::unexpected(fmt::format("{}: {}", name, what));
  };
  if (const auto seated = seat(*scenario, std::move(sessions)); !seated) {
    return in_file(seated.error());
  }
  if (const auto settled = settle_time(*scenario); !settled) return in_file(settled.error());
  if (const auto too_much = check_load(*scenario)) return in_file(too_much->why);
  return with_defaults(std::move(*scenario));
}

// What its sessions may ask for together: the ring is one.
EngineSettings engine_settings(const Scenario& scenario) {
  EngineSettings settings;
  settings.ring_slots = replay::shared_ring_slots(scenario.sessions);
  settings.sessions = scenario.sessions;
  return settings;
}

// To the venue's decimals; false: it has no such number.
bool rescale(Decimal& number, int8_t exponent) {
  if (number.exponent == exponent) return true;
  const Decimal as_given = number;
  while (number.exponent > exponent &&
         !__builtin_mul_overflow(number.mantissa, 10, &number.mantissa)) {
    --number.exponent;
  }
  while (number.exponent < exponent) {
    number.mantissa /= 10;
    ++number.exponent;
  }
  return number.exponent == exponent && number == as_given;
}

std::optional<std::vector<Level>> rescaled(std::span<const Level> levels,
                                           const replay::MarketBook& book) {
  std::vector<Level> all(levels.begin(), levels.end());
  for (Level& each : all) {
    if (!rescale(each.price, static_cast<int8_t>(-book.price_decimals())) ||
        !rescale(each.qty, static_cast<int8_t>(-book.qty_decimals()))) {
      return std::nullopt;
    }
  }
  return all;
}

std::vector<Level> side_of(const replay::MarketBook& book, BookSide side, uint32_t depth) {
  std::vector<Level> levels;
  for (const replay::MarketLevel& each : book.top(side, depth)) {
    levels.push_back({{each.price, static_cast<int8_t>(-book.price_decimals())},
                      {each.qty, static_cast<int8_t>(-book.qty_decimals())}});
  }
  return levels;
}

}  // namespace

struct Simulation::State {
  class Sessions final : public EngineSessions {
   public:
    Sessions(State& state, const EngineSettings& settings)
        : EngineSessions(settings), state_(state) {}

   private:
    std::expected<void, CommandError> send(const Command& command) override {
      if (state_.closed(command.session)) return std::unexpected(CommandError::closed);
      const Instant now = state_.now();
      state_.world.ask({.at = since_start(now),
                        .kind = command.kind,
                        .session = command.session,
                        .channel = command.channel,
                        .symbol = std::string(command.symbol()),
                        .depth = command.depth},
                       now);
      return {};
    }

    State& state_;
  };

  explicit State(Scenario scenario)
      : world(std::move(scenario),
              {.on_event = [this](const Event& event, const Names&) { hand_over(event); }}, true),
        act_end(Instant{} + world.scenario().run.lasting),
        sessions(*this, engine_settings(world.scenario())) {}

  [[nodiscard]] bool closed(uint32_t session) const {
    return world.observer().sessions()[session]->closed();
  }

  // The world is at its last instant, or in the middle of it; its caller may be further.
  [[nodiscard]] Instant now() const { return std::max(reached, world.now()); }

  void hand_over(const Event& event) {
    ++events;
    if (awaited && !found && event.kind == *awaited) found = event;
    if (sink != nullptr && *sink) (*sink)(event);
  }

  // While somebody is handed events, nobody else moves time.
  class Run {
   public:
    Run(State& state, const Sink& sink) : state_(state) {
      HAVKLO_ASSERT(state.sink == nullptr);
      state.sink = &sink;
    }
    ~Run() {
      state_.sink = nullptr;
      state_.awaited.reset();
    }
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

   private:
    State& state_;
  };

  // True: `done`.
  bool go(Instant until, const std::function<bool()>& done) {
    for (;;) {
      const World::Stop stop = world.go(act_end, done, until);
      if (stop != World::Stop::end) {
        reached = stop == World::Stop::pause ? std::max(now(), until) : now();
        return stop == World::Stop::done;
      }
      act_end = Instant::never();
      if (world.scenario().run.says_for) heal_here();
      if (now() >= until) return false;
    }
  }

  void heal() {
    world.heal_now(now());
    well = true;
  }
  // At the end of an act, as `havklo sim` does it.
  void heal_here() {
    world.heal();
    well = true;
  }

  World world;
  Instant act_end;  // never: the scenario's time is over
  bool well = false;
  Instant reached;
  Sessions sessions;
  const Sink* sink = nullptr;  // of the run under way
  uint64_t events = 0;
  std::optional<EventKind> awaited;
  std::optional<Event> found;
};

Simulation::Simulation(std::unique_ptr<State> state) : state_(std::move(state)) {}
Simulation::~Simulation() = default;
Simulation::Simulation(Simulation&&) noexcept = default;
Simulation& Simulation::operator=(Simulation&&) noexcept = default;

std::expected<Simulation, std::string> Simulation::from_toml(std::string_view scenario,
                                                             Sessions sessions) {
  auto prepared = prepare(scenario, "scenario", std::move(sessions));
  if (!prepared) return std::unexpected(prepared.error());
  return Simulation(std::make_unique<State>(std::move(*prepared)));
}

std::expected<Simulation, std::string> Simulation::open(const std::string& path,
                                                        Sessions sessions) {
  const auto text = replay::read_text_file(path);
  if (!text) return std::unexpected(text.error());
  auto prepared = prepare(*text, path, std::move(sessions));
  if (!prepared) return std::unexpected(prepared.error());
  return Simulation(std::make_unique<State>(std::move(*prepared)));
}

std::expected<Simulation, std::string> Simulation::built_in(std::string_view name,
                                                            Sessions sessions) {
  for (const replay::BuiltInScenario& each : replay::built_in_scenarios()) {
    if (each.name != name) continue;
    auto prepared = prepare(each.text, name, std::move(sessions));
    if (!prepared) return std::unexpected(prepared.error());
    return Simulation(std::make_unique<State>(std::move(*prepared)));
  }
  const std::vector<std::string_view> names = built_in_names();
  const std::string_view near = replay::similar_name(name, names);
  return std::unexpected(fmt::format("no scenario is called '{}'; {}", name,
                                     near.empty()
                                         ? fmt::format("there are {}", fmt::join(names, ", "))
                                         : fmt::format("the nearest one is '{}'", near)));
}

std::vector<std::string_view> Simulation::built_in_names() {
  std::vector<std::string_view> names;
  for (const replay::BuiltInScenario& each : replay::built_in_scenarios()) {
    names.push_back(each.name);
  }
  return names;
}

uint64_t Simulation::run_for(Duration time, const Sink& sink) {
  const State::Run run(*state_, sink);
  const uint64_t before = state_->events;
  state_->go(state_->now() + std::max(time, Duration{}), [] { return false; });
  return state_->events - before;
}

uint64_t Simulation::run_once(const Sink& sink) {
  const State::Run run(*state_, sink);
  const uint64_t before = state_->events;
  const Instant next = state_->world.next(state_->act_end);
  if (next != Instant::never()) state_->go(next, [] { return true; });
  return state_->events - before;
}

bool Simulation::run_until(const std::function<bool()>& done, Duration at_most, const Sink& sink) {
  const State::Run run(*state_, sink);
  if (done()) return true;
  return state_->go(state_->now() + std::max(at_most, Duration{}), done);
}

std::optional<Event> Simulation::run_until(EventKind kind, Duration at_most, const Sink& sink) {
  const State::Run run(*state_, sink);
  state_->awaited = kind;
  state_->found.reset();
  state_->go(state_->now() + std::max(at_most, Duration{}),
             [this] { return state_->found.has_value(); });
  return state_->found;
}

std::expected<void, std::string> Simulation::finish(const Sink& sink) {
  State& state = *state_;
  const State::Run run(state, sink);
  if (state.act_end != Instant::never()) {
    replay::suffer(state.world);
    state.act_end = Instant::never();
    if (!state.well) state.heal_here();
  } else if (!state.well || state.world.now() < state.reached) {
    state.heal();
  }
  replay::end_well(state.world);
  const auto all_taken = [&state] { return state.world.caught_up(); };
  if (!all_taken()) state.world.go(Instant::never(), all_taken);  // it is asleep: until it wakes
  state.reached = state.now();
  if (state.world.failed()) return std::unexpected(broken_promise());
  return {};
}

SessionCommands& Simulation::session(uint8_t number) {
  HAVKLO_ASSERT(number < session_count());
  return state_->sessions.session(number);
}

std::expected<void, std::string> Simulation::add(std::string_view toml) {
  State& state = *state_;
  auto more = replay::parse_scenario(toml, "added", replay::ScenarioUse::addition);
  if (!more) return std::unexpected(more.error());
  const Duration now = since_start(state.now());
  for (replay::Fault& each : more->faults.faults) {
    if (each.at) each.at = *each.at + now;
  }
  for (replay::ConsumerPause& each : more->pauses) each.at = each.at + now;
  for (replay::ClockJump& each : more->jumps) each.at = each.at + now;
  Scenario both = state.world.scenario();
  both.faults = more->faults;
  both.jumps = more->jumps;
  if (const auto too_much = check_load(both)) return std::unexpected("added: " + too_much->why);
  state.world.add(*more, state.now());
  if (!more->faults.faults.empty()) state.well = false;
  return {};
}

void Simulation::heal() { state_->heal(); }

Instant Simulation::now() const { return state_->now(); }
Duration Simulation::utc_offset() const {
  return Duration::microseconds(state_->world.scenario().venue.utc_us);
}
const Names& Simulation::names() const { return state_->world.names(); }
uint32_t Simulation::session_count() const {
  return static_cast<uint32_t>(state_->sessions.session_count());
}

const Settings& Simulation::settings(uint32_t session) const {
  HAVKLO_ASSERT(session < session_count());
  return state_->world.scenario().sessions[session];
}

bool Simulation::closed() const { return state_->world.everybody_closed(); }

bool Simulation::closed(uint32_t session) const {
  HAVKLO_ASSERT(session < session_count());
  return state_->closed(session);
}

std::optional<VenueBook> Simulation::venue_book(std::string_view symbol, uint32_t depth) const {
  const replay::MarketTruth& truth = state_->world.truth();
  const auto index = truth.find(symbol);
  if (!index) return std::nullopt;
  const replay::MarketBook& book = truth.book(*index);
  return VenueBook{.bids = side_of(book, BookSide::bid, depth),
                   .asks = side_of(book, BookSide::ask, depth),
                   .venue_time_ns = truth.changed_us(*index) * 1000};
}

bool Simulation::venue_had(std::string_view symbol, uint32_t depth, std::span<const Level> bids,
                           std::span<const Level> asks, int64_t venue_time_ns) const {
  const replay::MarketTruth& truth = state_->world.truth();
  const auto index = truth.find(symbol);
  if (!index) return false;
  const auto right_bids = rescaled(bids, truth.book(*index));
  const auto right_asks = rescaled(asks, truth.book(*index));
  // Which snapshot the levels began with is not known: all that was ever left out counts.
  return right_bids && right_asks &&
         truth.matches(*index, depth, *right_bids, *right_asks, venue_time_ns, 0);
}

bool Simulation::venue_had(const OrderBook& book, uint32_t depth) const {
  return book.is_live() &&
         venue_had(book.symbol(), depth, *book.bids(), *book.asks(), book.venue_time_ns());
}

std::string Simulation::broken_promise() const {
  const auto& breach = state_->world.verdict().breach();
  return breach ? describe(*breach) : "";
}

}  // namespace havklo
