// One session with several legs as an observer sees it: its connections, the epochs that they make
// together, and the one feed that comes of them.
//
// Keeps a model that is written from the design alone (§7.3), and reports the first thing that it
// does not allow (INVARIANTS.md). What a leg's own waits and requests are, SessionObserver judges
// where a session has one.
// Owns:    the model.
// Threads: one.
// Cost:    O(legs × wishes) a turn.
#pragma once

#include <cstdint>
#include <havklo/config.hpp>
#include <optional>
#include <string>
#include <vector>

#include "replay/observer/legs/books.hpp"
#include "replay/observer/legs/leg.hpp"
#include "replay/observer/legs/trades.hpp"
#include "replay/observer/observed_session.hpp"
#include "replay/observer/outage_histograms.hpp"
#include "replay/observer/places.hpp"
#include "replay/observer/verdict.hpp"

namespace havklo::replay {

class LegsObserver final : public ObservedSession {
 public:
  // Where a leg's places are, and its number among all who may have one there.
  struct Place {
    PlaceObserver* places = nullptr;
    uint32_t number = 0;
  };

  LegsObserver(const Settings& settings, uint16_t number, const Names& names,
               const MarketTruth& truth, std::vector<Place> places, Verdict& verdict,
               OutageHistograms& figures);

  void begin_turn(bool ring_is_empty) override;
  void on_command(const Command& command, Instant now) override;
  void on_open(ConnectionId id, const OpenRequest& request, Instant now) override;
  void on_send(ConnectionId id, std::span<const std::byte> bytes, Instant now) override;
  void on_close(ConnectionId id, Instant now) override;
  void on_greeting_told(ConnectionId id, Instant now) override;
  void on_delivered(const Completion& completion, Instant now) override;
  void on_event(const Event& event, const VenueHas& venue_has) override;
  void on_overrun(const Event& event) override;
  void end_turn(Instant now, bool has_room, bool has_spare, bool has_budget) override;

  [[nodiscard]] bool recovered() const override;
  [[nodiscard]] bool well() const override;
  [[nodiscard]] bool closed() const override { return closed_; }
  [[nodiscard]] bool begins_about(Instant now, uint32_t leg) const override;
  [[nodiscard]] ConnectionId connection(uint32_t leg) const override {
    return leg < legs_.size() ? legs_[leg].wire.id : ConnectionId{};
  }
  [[nodiscard]] const WireView& wire() const override { return legs_.front().wire; }
  [[nodiscard]] uint32_t epoch() const override { return epoch_; }
  [[nodiscard]] Reached reached() const override {
    return reached_ | books_.reached() | trades_.reached();
  }
  [[nodiscard]] bool any_changing_in_doubt() const override { return true; }  // may allocate
  void check_fresh(int64_t well_us, int64_t utc_us, Instant now) const override {
    books_.check_fresh(well_us, utc_us, now);
  }
  [[nodiscard]] size_t slots_held_most() const override {
    return slots_held_by(legs_.size(), books_.known());
  }
  [[nodiscard]] uint32_t losses() const override { return losses_; }
  [[nodiscard]] Reason last_reason() const override { return last_reason_; }
  [[nodiscard]] Instant lost_attempt_began() const override { return lost_attempt_began_; }
  [[nodiscard]] uint32_t outages() const override { return outages_; }
  [[nodiscard]] uint64_t repairs() const override { return books_.faults(); }
  [[nodiscard]] uint64_t books_verified() const override { return books_.books_verified(); }

 private:
  enum class Breaker : uint8_t { closed, open, half_open };

  void check_order(const Event& event);
  void on_connected(const Event& event);
  void on_leg_connected(const Event& event);
  void on_leg_lost(const Event& event);
  void on_connect_failed(const Event& event);
  void on_disconnected(const Event& event);
  void on_leg_restored(const Event& event);
  void on_restored(const Event& event);
  void on_leg_reconnecting(const Event& event);
  void on_breaker(const Event& event);
  void on_closed(const Event& event);
  void check_reason(const SeenLeg& leg, uint32_t number, Reason reason, bool was_live, Instant at);
  // Who goes by our own will leaves another that is Live.
  void check_not_last(const SeenLeg& leg, uint32_t number, Reason reason, bool was_live,
                      Instant at);
  void check_deadlines(Instant now);
  void check_lag(Instant now);
  void note_loss(SeenLeg& leg, Reason reason, Instant at);
  [[nodiscard]] SeenLeg* leg_of(ConnectionId id);
  [[nodiscard]] uint32_t number_of(const SeenLeg& leg) const;
  [[nodiscard]] std::optional<Instant> behind_since(uint32_t leg) const;
  void expect(EventKind kind) { expected_ = kind; }
  void reach(Sometime state) { reached_.set(static_cast<size_t>(state)); }
  void violate(Invariant invariant, Instant at, std::string what) {
    verdict_.violate(invariant, number_, at, std::move(what));
  }

  Settings settings_;
  uint16_t number_;
  std::vector<Place> places_;
  Verdict& verdict_;
  OutageHistograms& figures_;
  SeenLegs legs_;
  LegBooks books_;
  LegTrades trades_;

  bool open_ = false;  // Connected was told, and no Disconnected
  bool restored_ = false;
  bool owes_all_clear_ = false;  // a leg is restored, and the session's was not told
  bool closed_ = false;
  bool gave_up_ = false;
  uint32_t epoch_ = 0;
  std::optional<EventKind> expected_;  // must be the next lifecycle event
  Instant connected_at_;               // the session
  Instant several_live_at_;            // since then at least two are
  std::optional<Instant> down_since_;
  std::optional<Instant> close_asked_;
  std::optional<Instant> lost_all_at_;  // Disconnected, in this turn
  Breaker breaker_ = Breaker::closed;
  uint32_t trips_ = 0;

  uint32_t losses_ = 0;
  Reason last_reason_ = Reason::none;
  Instant lost_attempt_began_;
  uint32_t outages_ = 0;
  Reached reached_;
};

}  // namespace havklo::replay
