// Stands in the doors of an engine, passes everything on, and checks what passes.
//
// Owns:       an observer for each session, and what concerns all of them: sequence, time, the
//             connect budgets that they share.
// Not owned:  the doors behind it, the clock, the verdict.
// Threads:    one.
// Invariants: changes nothing that passes, so an engine runs the same with and without it.
// Cost:       a look at the events written so far at each call of a door, so that a call and an
//             event are judged in the order in which they happened.
#pragma once

#include <cstdint>
#include <havklo/command.hpp>
#include <havklo/shared_connect_budget.hpp>
#include <havklo/transport.hpp>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "replay/observer/observed_session.hpp"
#include "replay/observer/outage_histograms.hpp"
#include "replay/observer/places.hpp"
#include "replay/observer/sometimes.hpp"
#include "replay/observer/verdict.hpp"
#include "replay/venue/market_truth.hpp"
#include "replay/venue/transport.hpp"

namespace havklo::replay {

// Counts what the thread has allocated, for who can (a program that replaces operator new).
using AllocationCount = uint64_t (*)();

class RunObserver final : public Transport, public EventDoor, public CommandDoor, CompletionSink {
 public:
  RunObserver(const std::vector<Settings>& sessions, ManualClock& clock, VenueNetwork& transport,
              EventDoor& events, CommandDoor& commands, const MarketTruth& truth, Verdict& verdict,
              AllocationCount allocations, std::span<SharedConnectBudget* const> budgets = {});

  // The engine's names, once there is an engine.
  void begin(const Names& names);
  // The engine has returned from a turn.
  void end_engine_turn();
  // Everything due now is done. `has_room`: the ring was empty before this turn and the last.
  void end_turn(bool has_room);

  // In front of those that were given.
  [[nodiscard]] std::span<SharedConnectBudget* const> budgets() const { return budgets_; }

  [[nodiscard]] const std::vector<std::unique_ptr<ObservedSession>>& sessions() const {
    return sessions_;
  }
  [[nodiscard]] const OutageHistograms& figures() const { return figures_; }
  [[nodiscard]] bool recording_stopped() const { return recording_stopped_; }
  [[nodiscard]] Reached reached() const;
  [[nodiscard]] uint64_t attempts() const { return attempts_; }
  [[nodiscard]] uint64_t events() const { return events_seen_; }

  // The doors.
  void open(ConnectionId id, const OpenRequest& request) override;
  void send(ConnectionId id, std::span<const std::byte> bytes) override;
  void close(ConnectionId id) override;
  void greeted(ConnectionId id) override;
  void collect() override { transport_.collect(); }
  uint32_t poll(CompletionSink& sink, uint32_t completions_max) override;
  void flush() override;
  [[nodiscard]] EventWindow window() override;
  void publish(uint32_t count) override;
  [[nodiscard]] const Command* peek() override { return commands_.peek(); }
  void pop() override;

 private:
  class BudgetDoor;

  void on_completion(const Completion& completion) override;
  [[nodiscard]] ObservedSession* session_of(ConnectionId id);
  [[nodiscard]] bool has_legs(uint32_t session) const { return settings_[session].legs.size() > 1; }
  void catch_up();
  void judge(const Event& event);
  void check_sequence(const Event& event);
  void end_moving();
  void mark_allocations();
  void skip_allocations();
  // Slots that market events have in an empty ring, at least.
  [[nodiscard]] uint32_t free_slots_least() const;

  std::vector<Settings> settings_;
  ManualClock& clock_;
  VenueNetwork& transport_;
  EventDoor& behind_;
  CommandDoor& commands_;
  const MarketTruth& truth_;
  Verdict& verdict_;
  OutageHistograms figures_;
  BudgetGroups groups_;
  std::vector<PlaceObserver> places_;  // of each group
  std::vector<std::unique_ptr<SharedConnectBudget>> budget_doors_;
  std::vector<SharedConnectBudget*> budgets_;
  std::vector<size_t> taken_;  // … at the end of an instant; kept for its memory
  std::vector<std::unique_ptr<ObservedSession>> sessions_;
  std::optional<Sometimes> sometimes_;  // since begin()
  CompletionSink* sink_ = nullptr;
  EventWindow window_;
  uint32_t ring_slots_ = 0;
  uint32_t judged_ = 0;     // of the window
  bool has_spare_ = false;  // two more market events would have found room in the last turn
  uint64_t sequence_ = 0;
  Instant event_time_;
  uint64_t events_seen_ = 0;
  bool recording_stopped_ = false;
  uint64_t attempts_ = 0;
  // Allocations: not counted while others than the engine run.
  AllocationCount allocations_;
  uint64_t allocations_mark_ = 0;
  uint64_t allocated_ = 0;
  bool quiet_turn_ = false;  // nothing in it may allocate
};

}  // namespace havklo::replay
