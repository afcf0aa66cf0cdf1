// One session as an observer sees it: from its events, its calls of the transport, what was
// delivered to it, and what the user asked. Never from the engine's own state.
//
// Keeps a model of the lifecycle that is written from the design's tables alone, and reports the
// first thing that the model does not allow (INVARIANTS.md).
// Owns:    the model.
// Threads: one.
// Cost:    O(1) an event, O(wishes) a book message.
#pragma once

#include <cstdint>
#include <deque>
#include <havklo/command.hpp>
#include <havklo/config.hpp>
#include <havklo/event.hpp>
#include <optional>
#include <string>

#include "replay/observer/observed_session.hpp"
#include "replay/observer/outage_histograms.hpp"
#include "replay/observer/places.hpp"
#include "replay/observer/verdict.hpp"
#include "replay/observer/waits.hpp"
#include "replay/observer/wire_view.hpp"
#include "replay/observer/wishes.hpp"
#include "replay/observer/wishes/asking.hpp"
#include "replay/observer/wishes/lag.hpp"
#include "replay/observer/wishes/trades.hpp"

namespace havklo::replay {

class SessionObserver final : public ObservedSession {
 public:
  enum class Seen : uint8_t { idle, attempting, connected, lost, waiting, closed };

  // `place`: its number among all who may have one in `places`.
  SessionObserver(const Settings& settings, uint16_t number, uint32_t place, const Names& names,
                  const MarketTruth& truth, PlaceObserver& places, Duration utc_offset,
                  Verdict& verdict, OutageHistograms& figures);

  void begin_turn(bool ring_is_empty) override { asking_.begin_turn(ring_is_empty); }
  void on_command(const Command& command, Instant now) override;
  void on_open(ConnectionId id, const OpenRequest& request, Instant now) override;
  void on_send(ConnectionId id, std::span<const std::byte> bytes, Instant now) override;
  void on_close(ConnectionId id, Instant now) override;
  void on_greeting_told(ConnectionId id, Instant now) override;
  void on_delivered(const Completion& completion, Instant now) override;
  void on_event(const Event& event, const VenueHas& venue_has) override;
  void end_turn(Instant now, bool has_room, bool has_spare, bool has_budget) override;
  void on_overrun(const Event& event) override {
    wishes_.on_overrun(event);
    asking_.on_overrun();
    trades_.on_overrun(event);
  }

  [[nodiscard]] Seen seen() const { return seen_; }
  [[nodiscard]] bool live() const { return seen_ == Seen::connected && restored_; }
  [[nodiscard]] bool recovered() const override { return live() && wishes_.all_settled(); }
  [[nodiscard]] bool well() const override { return recovered() && !asking_.any_in_doubt(); }
  [[nodiscard]] bool closed() const override { return seen_ == Seen::closed; }
  [[nodiscard]] bool begins_about(Instant now, uint32_t leg) const override;
  [[nodiscard]] ConnectionId connection(uint32_t) const override { return wire_.id; }
  [[nodiscard]] const WireView& wire() const override { return wire_; }
  [[nodiscard]] Reached reached() const override { return trades_.reached() | lag_.reached(); }
  [[nodiscard]] uint32_t epoch() const override { return epoch_; }
  [[nodiscard]] bool any_changing_in_doubt() const override {
    return wishes_.any_changing_in_doubt();
  }
  void check_fresh(int64_t well_us, int64_t utc_us, Instant now) const override {
    wishes_.check_fresh(well_us, utc_us, now);
  }
  [[nodiscard]] size_t slots_held_most() const override {
    return slots_held_by(1, wishes_.known());
  }
  [[nodiscard]] uint32_t losses() const override { return losses_; }
  [[nodiscard]] Reason last_reason() const override { return last_reason_; }
  [[nodiscard]] Instant lost_attempt_began() const override { return lost_attempt_began_; }
  [[nodiscard]] uint32_t outages() const override { return outages_; }
  [[nodiscard]] uint64_t repairs() const override { return wishes_.repairs(); }
  [[nodiscard]] uint64_t books_verified() const override { return wishes_.books_verified(); }

 private:
  enum class Breaker : uint8_t { closed, open, half_open };

  void on_connected(const Event& event);
  void on_connect_failed(const Event& event);
  void on_disconnected(const Event& event);
  void on_loss(Reason reason, bool retryable, uint16_t http_status, Instant at);
  void on_reconnecting(const Event& event);
  void on_reconnect_failed(const Event& event);
  void on_closed(const Event& event);
  void on_restored(const Event& event, const VenueHas& venue_has);
  void on_breaker(const Event& event);
  void read_requests(Instant now);
  void check_deadlines(Instant now);
  void check_wait(Instant now, bool has_room, bool has_budget);
  // `others`: from when on those leave it a place who share the budget and made it wait.
  void check_place(const Event& event, std::optional<Instant> others);
  // A wait that others cause, or make longer.
  void check_held_up(const Event& event, std::optional<Instant> others);
  void check_silence(Instant now);
  void expect(EventKind kind) { expected_ = kind; }
  void violate(Invariant invariant, Instant at, std::string what) {
    verdict_.violate(invariant, number_, at, std::move(what));
  }

  Settings settings_;
  uint16_t number_;
  uint32_t place_;
  PlaceObserver& places_;
  Verdict& verdict_;
  OutageHistograms& figures_;
  WishObserver wishes_;
  AskingObserver asking_;
  TradeObserver trades_;
  LagObserver lag_;
  WaitObserver waits_;
  WireView wire_;

  Seen seen_ = Seen::idle;
  uint32_t epoch_ = 0;
  uint32_t attempt_ = 0;
  bool wire_open_ = false;
  bool restored_ = false;
  bool greeting_told_ = false;  // of this connection, to the network
  bool idle_ = false;           // connected, and at the end of the last turn nothing was wanted
  std::optional<EventKind> expected_;  // must be the next lifecycle event
  std::optional<Instant> asked_by_;    // an idle socket must have been asked for a sign of life
  Instant connected_at_;
  Instant live_at_;
  std::optional<Instant> down_since_;

  bool reconnect_failed_ = false;
  bool waits_for_backoff_ = false;
  bool waits_for_room_ = false;
  std::optional<Instant> cut_short_;
  Instant due_;
  std::optional<Instant> held_up_at_;  // others had its place when the wait was over
  bool held_by_budget_ = false;  // late turns begin attempts late: the booked place may be gone

  Breaker breaker_ = Breaker::closed;
  uint32_t failures_ = 0;
  uint32_t trips_ = 0;
  Instant opened_at_;
  bool probe_used_ = false;
  bool probing_ = false;

  std::optional<Instant> close_asked_;
  bool close_at_once_ = false;  // there was nobody to say goodbye to
  std::optional<Instant> reconnect_asked_;
  size_t requests_seen_ = 0;

  uint32_t losses_ = 0;
  Reason last_reason_ = Reason::none;
  Instant lost_attempt_began_;
  uint32_t outages_ = 0;
  uint32_t outage_attempts_ = 0;
  uint32_t outage_trips_ = 0;
};

}  // namespace havklo::replay
