// The turn: collect, clock, commands, completions, timers, requests, events, journal. Always in
// this order.
//
// What every message runs through is marked gnu::hot, here and in the files that it goes on to:
// such functions lie side by side in the program (bench/NOTES.md says what that gave).
#include <algorithm>
#include <bit>
#include <havklo/assert.hpp>
#include <havklo/engine.hpp>
#include <havklo/limits.hpp>
#include <havklo/random.hpp>
#include <havklo/shared_connect_budget.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "core/attempt_places.hpp"
#include "core/connection_id.hpp"
#include "core/legs/legs.hpp"
#include "core/publisher.hpp"
#include "core/session.hpp"
#include "core/timers.hpp"
#include "core/wishes/symbol_index.hpp"
#include "kraken/decode.hpp"

namespace havklo {

using core::AttemptPlaces;
using core::BudgetAsks;
using core::Legs;
using core::origin_of;
using core::Publisher;
using core::Session;
using core::Shared;
using core::SymbolIndex;
using core::Timer;

namespace {

// A session: one connection, or several legs.
struct Connections {
  std::unique_ptr<Session> alone;
  std::unique_ptr<Legs> legs;

  template <class Ask>
  decltype(auto) ask(Ask&& ask) {
    return alone != nullptr ? ask(*alone) : ask(*legs);
  }
  template <class Ask>
  decltype(auto) ask(Ask&& ask) const {
    return alone != nullptr ? ask(std::as_const(*alone)) : ask(std::as_const(*legs));
  }
};

}  // namespace

struct Engine::State final : CompletionSink {
  State(std::span<const Settings> settings, const Doors& given)
      : doors(given), symbols(names), shared{given.transport, wheel,      names,       symbols,
                                             publisher,       decoder,    scratch,     given.phases,
                                             given.clock,     utc_offset, utc_read_at, utc_read,
                                             decided} {
    HAVKLO_ASSERT(settings.size() <= sessions_max);
    Random seeds(given.seed);
    const MaskSecret mask_secret =
        given.mask_secret.value_or(websocket::mask_secret_from(given.seed));
    budget_asks.journal = given.journal;
    const BudgetGroups groups = group_by_budget(settings);
    make_budgets(settings, groups);
    sessions.reserve(settings.size());
    for (const Settings& each : settings) {
      const auto number = static_cast<uint8_t>(sessions.size());
      std::array<AttemptPlaces*, legs_max> places{};
      for (uint32_t leg = 0; leg < each.legs.size(); ++leg) {
        places[leg] = &budgets[groups.group(number, leg)];
      }
      Connections& made = sessions.emplace_back();
      if (each.legs.size() == 1) {
        made.alone = std::make_unique<Session>(each, number, shared, *places[0], seeds.next_u64(),
                                               mask_secret);
      } else {
        made.legs =
            std::make_unique<Legs>(each, number, shared, places, seeds.next_u64(), mask_secret);
      }
    }
    to_end = needs_room = ~uint64_t{0} >> (64 - sessions.size());
  }

  // The numbers of a budget are those of its first session.
  void make_budgets(std::span<const Settings> settings, const BudgetGroups& groups) {
    budgets.reserve(groups.first_of.size());
    for (uint32_t group = 0; group < groups.first_of.size(); ++group) {
      budgets.emplace_back(
          settings[groups.first_of[group]].reconnect.budget(), groups.legs_in(group),
          group < doors.budgets.size() ? doors.budgets[group] : nullptr, budget_asks);
    }
  }

  [[gnu::hot]] void on_completion(const Completion& completion) override {
    if (doors.journal != nullptr) doors.journal->on_completion(completion);
    const uint32_t number = core::session_of(completion.connection);
    if (number >= sessions.size()) return;
    touch(number).ask([&](auto& session) { session.on_completion(completion, now); });
  }

  // For what enters this turn.
  Connections& touch(uint32_t number) {
    to_end |= uint64_t{1} << number;
    return sessions[number];
  }

  [[nodiscard]] inline AdvanceResult fire_timers(uint32_t completions);
  inline void end_sessions();
  inline void begin_journal();
  inline uint32_t take_commands();
  [[nodiscard]] inline bool depends_on_room() const;
  [[nodiscard]] bool all_closed() const {
    return std::ranges::all_of(sessions, [](const Connections& each) {
      return each.ask([](const auto& session) { return session.is_closed(); });
    });
  }
  inline void write_journal(const TurnResult& result);

  Doors doors;
  Instant now;
  Names names;
  SymbolIndex symbols;
  TimerWheel wheel;
  Publisher publisher;
  BudgetAsks budget_asks;
  std::vector<AttemptPlaces> budgets;
  kraken::Decoder decoder;
  kraken::BookScratch scratch;
  bool utc_read = false;
  Duration utc_offset;
  Instant utc_read_at = Instant::never();
  bool decided = false;
  Shared shared;
  std::vector<Connections> sessions;
  // By number, so that a turn costs what entered it and not what sessions there are.
  static_assert(sessions_max <= 64);
  uint64_t to_end;          // something entered it in this turn, or it goes on by itself
  uint64_t needs_room;      // the room in the ring decides what it does next
  uint32_t full_turns = 0;  // in a row
  bool started = false;
  bool holds_fault_slot = false;  // for RecordingStopped; held by every engine, so that one with a
                                  // journal and its replay have the same room
  bool journal_failed = false;
  bool room_mattered = false;  // at the end of the last turn
  uint32_t room_left = 0;      // … and what the ring had left then
  uint32_t reserved = 0;       // … and the slots that were held
};

Engine::Engine(std::span<const Settings> sessions, const Doors& doors)
    : state_(std::make_unique<State>(sessions, doors)) {}

Engine::~Engine() = default;

[[gnu::hot]] TurnResult Engine::turn() {
  State& state = *state_;
  TurnResult result;
  // No event may be stamped earlier than what caused it: what arrives from here on is the next
  // turn's.
  state.doors.transport.collect();
  result.now = state.now = state.doors.clock.now();
  state.publisher.begin_turn(state.now, state.doors.events.window());
  state.publisher.report_lost_if_room();
  state.budget_asks.in_this_turn = 0;
  state.begin_journal();

  if (!state.started) {
    state.started = true;
    ++result.inputs;
    for (Connections& each : state.sessions) {  // to_end names them all
      each.ask([&](auto& session) { session.start(state.now); });
    }
  }
  const uint32_t commands = state.take_commands();
  const uint32_t completions = state.doors.transport.poll(state, completions_per_turn_max);
  const AdvanceResult timers = state.fire_timers(completions);
  if (state.to_end != 0) state.end_sessions();

  state.doors.transport.flush();
  result.inputs += commands + completions + static_cast<uint32_t>(timers.fired);
  result.events = state.publisher.written();
  result.news = state.publisher.has_news();
  result.more_due = timers.more_due || completions >= completions_per_turn_max ||
                    commands == commands_per_turn_max;
  if (result.events != 0) state.doors.events.publish(result.events);
  state.write_journal(result);
  return result;
}

// Whether the venue is silent is known once all that had arrived is read: a turn that read as much
// as it may fires none. A turn that read nothing leaves the count as it is, for it may be in no
// recording.
AdvanceResult Engine::State::fire_timers(uint32_t completions) {
  if (completions >= completions_per_turn_max) {
    if (++full_turns <= full_turns_max) return {};
  } else if (completions != 0) {
    full_turns = 0;
  }
  return wheel.advance(now, timers_per_turn_max, [this](TimerNode& node) {
    const Timer& timer = static_cast<Timer&>(node);
    touch(timer.session).ask([&](auto& session) { session.on_timer(timer, now); });
  });
}

// In the order of their numbers.
void Engine::State::end_sessions() {
  needs_room &= ~to_end;
  uint64_t goes_on = 0;
  for (uint64_t left = to_end; left != 0; left &= left - 1) {
    Connections& each = sessions[static_cast<size_t>(std::countr_zero(left))];
    if (!each.ask([&](auto& session) { return session.end_turn(now); })) continue;
    const uint64_t bit = left & (~left + 1);
    goes_on |= bit;
    if (each.ask([](auto& session) { return session.depends_on_room(); })) needs_room |= bit;
  }
  to_end = goes_on;
}

void Engine::State::begin_journal() {
  if (!holds_fault_slot && !journal_failed) holds_fault_slot = publisher.try_reserve(1);
  if (doors.journal == nullptr || journal_failed || !holds_fault_slot) return;
  const auto fault = doors.journal->begin_turn(now);
  if (!fault) return;
  journal_failed = true;
  const bool over = all_closed();
  if (over) return;  // nothing comes after Closed; the recorder's state says it
  holds_fault_slot = false;
  Event event = Event::make(EventKind::recording_stopped);
  event.payload.recording_stopped.os_error = fault->os_error;
  event.payload.recording_stopped.fault = fault->fault;
  publisher.publish_reserved(
      event, origin_of(0, 0, sessions[0].ask([](const auto& first) { return first.epoch(); })));
}

uint32_t Engine::State::take_commands() {
  uint32_t taken = 0;
  for (; taken < commands_per_turn_max; ++taken) {
    const Command* const oldest = doors.commands.peek();
    if (oldest == nullptr) break;
    const Command command = *oldest;
    doors.commands.pop();
    if (doors.journal != nullptr) doors.journal->on_command(command);
    if (command.session >= sessions.size()) continue;
    touch(command.session).ask([&](auto& session) { session.on_command(command, now); });
  }
  return taken;
}

bool Engine::State::depends_on_room() const {
  return publisher.has_unreported_loss() || (!holds_fault_slot && !journal_failed) ||
         needs_room != 0;
}

// A turn is worth an entry when something entered it, something left it, something was decided or
// reserved in it, or the ring's room could have changed what the sessions decided.
void Engine::State::write_journal(const TurnResult& result) {
  if (doors.journal == nullptr) return;
  const EventWindow window = publisher.window();
  const bool room_news = room_mattered && window.room != room_left;
  const bool acted = decided || budget_asks.held_up || publisher.reserved() != reserved;
  if (result.inputs == 0 && result.events == 0 && !room_news && !acted) return;
  const bool utc_was_read = std::exchange(utc_read, false);
  decided = false;
  budget_asks.held_up = false;
  reserved = publisher.reserved();
  room_mattered = depends_on_room();
  room_left = window.room > result.events ? window.room - result.events : 0;
  doors.journal->end_turn({.now = now,
                           .utc_offset = utc_was_read ? std::optional(utc_offset) : std::nullopt,
                           .room = window.room,
                           .events = {window.slots, result.events}});
}

Instant Engine::next_deadline() const { return state_->wheel.next_deadline(); }

bool Engine::waits_for_room() const { return state_->depends_on_room(); }

bool Engine::closed() const { return state_->all_closed(); }

uint32_t Engine::session_count() const { return static_cast<uint32_t>(state_->sessions.size()); }

bool Engine::is_live(uint32_t session) const {
  return state_->sessions[session].ask([](const auto& each) { return each.has_settled(); });
}

bool Engine::all_refused(uint32_t session) const {
  return state_->sessions[session].ask([](const auto& each) { return each.all_refused(); });
}

bool Engine::closed(uint32_t session) const {
  return state_->sessions[session].ask([](const auto& each) { return each.is_closed(); });
}

Reason Engine::last_loss(uint32_t session) const {
  return state_->sessions[session].ask([](const auto& each) { return each.last_loss(); });
}

std::optional<Instant> Engine::place_waited_for(uint32_t session) const {
  return state_->sessions[session].ask([](const auto& each) { return each.place_waited_for(); });
}

SessionCounters Engine::counters(uint32_t session) const {
  return state_->sessions[session].ask([](const auto& each) { return each.counters(); });
}

const Names& Engine::names() const { return state_->names; }

}  // namespace havklo
