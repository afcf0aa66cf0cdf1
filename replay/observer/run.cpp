// The doors, and the checks that concern all sessions.
#include "replay/observer/run.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/connection_id.hpp"
#include "kraken/channels.hpp"
#include "replay/observer/legs/session.hpp"
#include "replay/observer/session.hpp"

namespace havklo::replay {

// What others use of a budget: every answer is noted.
class RunObserver::BudgetDoor final : public SharedConnectBudget {
 public:
  BudgetDoor(RunObserver& run, SharedConnectBudget& behind, OthersObserver& others)
      : run_(run), behind_(behind), others_(others) {
    others.share();
  }
  [[nodiscard]] Instant free_from(Instant earliest, uint32_t spare, Instant now) override {
    run_.skip_allocations();
    run_.catch_up();
    const Instant free = behind_.free_from(earliest, spare, now);
    if (free > earliest) others_.hold_up(free, now);
    run_.mark_allocations();
    return free;
  }
  [[nodiscard]] Instant begin(uint32_t spare, Instant now) override {
    run_.skip_allocations();
    run_.catch_up();
    others_.set_moving(false);
    const Instant free = behind_.begin(spare, now);
    if (free > now) {
      others_.hold_up(free, now);
    } else {
      others_.grant();
    }
    run_.mark_allocations();
    return free;
  }

 private:
  RunObserver& run_;
  SharedConnectBudget& behind_;
  OthersObserver& others_;
};

RunObserver::RunObserver(const std::vector<Settings>& sessions, ManualClock& clock,
                         VenueNetwork& transport, EventDoor& events, CommandDoor& commands,
                         const MarketTruth& truth, Verdict& verdict, AllocationCount allocations,
                         std::span<SharedConnectBudget* const> budgets)
    : settings_(sessions),
      clock_(clock),
      transport_(transport),
      behind_(events),
      commands_(commands),
      truth_(truth),
      verdict_(verdict),
      groups_(group_by_budget(sessions)),
      allocations_(allocations) {
  for (const uint32_t first : groups_.first_of) {
    places_.emplace_back(sessions[first].reconnect, groups_.group_of.size());
  }
  for (uint32_t leg = 0; leg < groups_.group_of.size(); ++leg) {
    places_[groups_.group_of[leg]].admit(leg);
  }
  for (uint32_t group = 0; group < std::min(budgets.size(), places_.size()); ++group) {
    budget_doors_.push_back(
        std::make_unique<BudgetDoor>(*this, *budgets[group], places_[group].others()));
    budgets_.push_back(budget_doors_.back().get());
  }
}

void RunObserver::begin(const Names& names) {
  sometimes_.emplace(settings_, names);
  for (const Settings& each : settings_) {
    const auto number = static_cast<uint16_t>(sessions_.size());
    const uint32_t first = groups_.legs_before[number];
    if (has_legs(number)) {
      std::vector<LegsObserver::Place> places;
      for (uint32_t leg = 0; leg < each.legs.size(); ++leg) {
        places.push_back({&places_[groups_.group(number, leg)], first + leg});
      }
      sessions_.push_back(std::make_unique<LegsObserver>(each, number, names, truth_,
                                                         std::move(places), verdict_, figures_));
      continue;
    }
    sessions_.push_back(std::make_unique<SessionObserver>(each, number, first, names, truth_,
                                                          places_[groups_.group(number, 0)],
                                                          clock_.utc_offset(), verdict_, figures_));
  }
}

ObservedSession* RunObserver::session_of(ConnectionId id) {
  const uint32_t number = core::session_of(id);
  return number < sessions_.size() ? sessions_[number].get() : nullptr;
}

// What a reconnect() asked for is done with when the engine takes what comes after it.
void RunObserver::end_moving() {
  catch_up();
  for (PlaceObserver& places : places_) places.others().set_moving(false);
}

// Allocations of the engine alone: the model and the observer allocate freely.

void RunObserver::mark_allocations() {
  if (allocations_ != nullptr) allocations_mark_ = allocations_();
}

void RunObserver::skip_allocations() {
  if (allocations_ != nullptr) allocated_ += allocations_() - allocations_mark_;
}

// Calls of the engine.

void RunObserver::open(ConnectionId id, const OpenRequest& request) {
  skip_allocations();
  quiet_turn_ = false;
  catch_up();
  const Instant now = clock_.now();
  ++attempts_;
  if (ObservedSession* session = session_of(id)) {
    const uint32_t number = core::session_of(id);
    if (!has_legs(number)) sometimes_->on_open(number, now);
    session->on_open(id, request, now);
  }
  for (const PlaceObserver& places : places_) {
    if (!places.is_overdrawn()) continue;
    verdict_.violate(Invariant::connect_budget, 0, now,
                     fmt::format("{} attempts within the window, {} are allowed",
                                 places.begun_within(now), places.most()));
  }
  transport_.open(id, request);
  mark_allocations();
}

void RunObserver::greeted(ConnectionId id) {
  skip_allocations();
  catch_up();
  if (ObservedSession* session = session_of(id)) session->on_greeting_told(id, clock_.now());
  transport_.greeted(id);
  mark_allocations();
}

void RunObserver::send(ConnectionId id, std::span<const std::byte> bytes) {
  skip_allocations();
  catch_up();
  if (ObservedSession* session = session_of(id)) session->on_send(id, bytes, clock_.now());
  transport_.send(id, bytes);
  mark_allocations();
}

void RunObserver::close(ConnectionId id) {
  skip_allocations();
  quiet_turn_ = false;
  catch_up();
  if (ObservedSession* session = session_of(id)) session->on_close(id, clock_.now());
  transport_.close(id);
  mark_allocations();
}

uint32_t RunObserver::poll(CompletionSink& sink, uint32_t completions_max) {
  skip_allocations();
  end_moving();
  sink_ = &sink;
  const uint32_t count = transport_.poll(*this, completions_max);
  mark_allocations();
  return count;
}

void RunObserver::on_completion(const Completion& completion) {
  catch_up();
  sometimes_->on_delivered();
  ObservedSession* session = session_of(completion.connection);
  if (session != nullptr) session->on_delivered(completion, clock_.now());
  mark_allocations();
  sink_->on_completion(completion);
  skip_allocations();
}

void RunObserver::flush() {
  skip_allocations();
  transport_.flush();
  mark_allocations();
}

EventWindow RunObserver::window() {
  window_ = behind_.window();
  sometimes_->begin_turn();
  ring_slots_ = std::max(ring_slots_, window_.room);  // at first it is empty
  for (const auto& each : sessions_) each->begin_turn(window_.room == ring_slots_);
  judged_ = 0;
  allocated_ = 0;
  // A book of another depth is made when the old one has ended: in doubt or not.
  quiet_turn_ = std::ranges::all_of(sessions_, [](const auto& each) {
    return each->recovered() && !each->any_changing_in_doubt();
  });
  mark_allocations();
  return window_;
}

void RunObserver::publish(uint32_t count) {
  skip_allocations();
  catch_up();
  if (judged_ != count) {
    verdict_.violate(Invariant::sequence, 0, clock_.now(),
                     fmt::format("{} events are written, {} published", judged_, count));
  }
  behind_.publish(count);
  mark_allocations();
}

void RunObserver::pop() {
  skip_allocations();
  quiet_turn_ = false;
  end_moving();
  const Command* const command = commands_.peek();
  if (command != nullptr && command->session < sessions_.size()) {
    ObservedSession& session = *sessions_[command->session];
    if (!has_legs(command->session)) {
      sometimes_->on_command(*command, session.wire(), clock_.now());
    }
    session.on_command(*command, clock_.now());
  }
  commands_.pop();
  mark_allocations();
}

// Events.

// A slot that was written in this turn carries a number above the last one judged; what lies in it
// from an earlier lap carries a lower one.
void RunObserver::catch_up() {
  while (judged_ < window_.room && window_.slots[judged_].sequence > sequence_) {
    judge(window_.slots[judged_++]);
  }
}

void RunObserver::judge(const Event& event) {
  ++events_seen_;
  check_sequence(event);
  if (event.time != clock_.now() || event.time < event_time_) {
    verdict_.violate(Invariant::event_time, event.session, event.time,
                     "an event of another time than its turn's");
  }
  event_time_ = event.time;
  const bool of_all =
      event.kind == EventKind::overrun || event.kind == EventKind::recording_stopped;
  if (event.session < sessions_.size() && (of_all || !has_legs(event.session))) {
    sometimes_->on_event(event, sessions_[event.session]->wire());
  }
  if (event.kind == EventKind::overrun) {
    for (const auto& session : sessions_) session->on_overrun(event);
    return;
  }
  if (event.kind == EventKind::recording_stopped) {
    if (recording_stopped_) {
      verdict_.violate(Invariant::recording, 0, event.time, "RecordingStopped is said twice");
    }
    recording_stopped_ = true;
    if (event.session != 0 || event.epoch != sessions_[0]->epoch()) {
      verdict_.violate(Invariant::epoch, 0, event.time, "RecordingStopped of another epoch");
    }
    return;
  }
  if (event.session >= sessions_.size()) {
    verdict_.violate(Invariant::legal_event, event.session, event.time, "no such session");
    return;
  }
  ObservedSession& session = *sessions_[event.session];
  const VenueConnection* end = event.kind == EventKind::subscriptions_restored
                                   ? transport_.venue_end(session.connection(event.leg))
                                   : nullptr;
  VenueHas venue_has;
  if (end != nullptr && !end->ended()) {
    venue_has = [end](Channel channel, uint32_t symbol, uint32_t depth) {
      const bool has_parameter = !kraken::facts_of(channel).parameter.name.empty();
      return end->has(channel, symbol, has_parameter ? depth : 0);
    };
  }
  session.on_event(event, venue_has);
}

void RunObserver::check_sequence(const Event& event) {
  uint64_t expected = sequence_ + 1;
  if (event.kind == EventKind::overrun) {
    const Event::Overrun& lost = event.payload.overrun;
    const bool good =
        lost.first == expected && lost.lost != 0 && lost.last - lost.first + 1 == lost.lost;
    if (!good) {
      verdict_.violate(Invariant::sequence, 0, event.time, "an Overrun of another range");
    }
    expected = lost.last + 1;
  }
  if (event.sequence != expected) {
    verdict_.violate(Invariant::sequence, event.session, event.time,
                     fmt::format("event {} where {} is due", event.sequence, expected));
  }
  sequence_ = event.sequence;
}

Reached RunObserver::reached() const {
  Reached all = sometimes_->reached();
  for (const auto& each : sessions_) all |= each->reached();
  return all;
}

uint32_t RunObserver::free_slots_least() const {
  size_t held = 0;
  for (const auto& each : sessions_) held += each->slots_held_most();
  return ring_slots_ - static_cast<uint32_t>(std::min<size_t>(held, ring_slots_));
}

void RunObserver::end_engine_turn() {
  skip_allocations();
  catch_up();
  for (PlaceObserver& places : places_) {
    if (!places.others().take_untold()) continue;
    verdict_.violate(Invariant::wait_kept, 0, clock_.now(),
                     "others make a session wait, and it is not told");
  }
  has_spare_ = window_.room == ring_slots_ && free_slots_least() >= judged_ + 2;
  const bool still_quiet = quiet_turn_ && std::ranges::all_of(sessions_, [](const auto& each) {
                             return each->recovered();
                           });
  if (still_quiet && allocated_ != 0) {
    verdict_.violate(Invariant::no_allocation, 0, clock_.now(),
                     fmt::format("{} allocations in a turn while Live", allocated_));
  }
}

void RunObserver::end_turn(bool has_room) {
  const Instant now = clock_.now();
  // A place is booked when the wait is announced: who begins about now has one, though its timer
  // fires in the next turn.
  taken_.clear();
  for (const PlaceObserver& places : places_) taken_.push_back(places.begun_within(now));
  for (uint32_t i = 0; i < sessions_.size(); ++i) {
    for (uint32_t leg = 0; leg < settings_[i].legs.size(); ++leg) {
      if (sessions_[i]->begins_about(now, leg)) ++taken_[groups_.group(i, leg)];
    }
  }
  for (uint32_t i = 0; i < sessions_.size(); ++i) {
    const uint32_t group = groups_.group(i, 0);
    const size_t others = taken_[group] - (sessions_[i]->begins_about(now, 0) ? 1 : 0);
    sessions_[i]->end_turn(now, has_room, has_spare_, others < places_[group].most());
  }
  sometimes_->end_instant();
}

}  // namespace havklo::replay
