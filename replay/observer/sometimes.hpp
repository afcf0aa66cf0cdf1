// States that a sweep must reach: what a world of each kind would show if it met them at all. An
// invariant that holds where nothing happens proves nothing.
//
// Seen at the doors: events, commands, attempts and the wire, never the engine's inside.
// Owns:    for each session and each wish the little that the states need, and what was reached.
// Threads: one.
// Cost:    a switch an event; a wish is looked up by its name, but for market events.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <havklo/command.hpp>
#include <havklo/config.hpp>
#include <havklo/event.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "replay/observer/wire_view.hpp"

namespace havklo::replay {

enum class Sometime : uint8_t {
  // A loss by each reason, in their order.
  lost_by_server_closed,
  lost_by_end_of_stream,
  lost_by_peer_reset,
  lost_by_connect_refused,
  lost_by_connect_timeout,
  lost_by_resolve_failed,
  lost_by_tls_failed,
  lost_by_certificate_refused,
  lost_by_upgrade_refused,
  lost_by_greeting_timeout,
  lost_by_restore_timeout,
  lost_by_heartbeat_timeout,
  lost_by_probe_timeout,
  lost_by_protocol_error,
  lost_by_maintenance,
  lost_by_request,
  // A wait for each cause, in their order.
  waits_for_backoff,
  waits_for_breaker,
  waits_for_budget,
  waits_for_maintenance,
  waits_for_rate_limited,
  waits_for_retry_after,
  waits_for_ring,
  // Waits and attempts.
  retry_after_is_a_date,
  budget_in_maintenance,
  breaker_in_maintenance,
  reconnect_cuts_a_wait,
  reconnect_at_an_open_breaker,
  certificate_heals,
  another_address,
  max_attempts_spent,
  max_attempts_spent_by_a_probe,
  life_too_short,
  life_stable,
  no_reconnect,
  // The breaker.
  breaker_closes,
  probe_trips_again,
  probe_lost_after_the_greeting,
  two_breakers_open,
  // close(), in each state of the lifecycle.
  close_while_connecting,
  close_while_greeting,
  close_while_restoring,
  close_while_live,
  close_while_waiting,
  close_while_tripped,
  close_unanswered,
  // Wishes.
  mute_symbol,
  late_ack_after_doubt,
  doubt_ends,
  doubt_behind_a_pace,
  refusal_passes,
  refused_for_good,
  snapshot_never_verifies,
  repair_backs_off,
  crossed_book_comes_back,
  stale_book_comes_back,
  book_kept_up,
  depth_changed_in_doubt,
  unsubscribe_behind_a_subscribe,
  subscribe_behind_an_unsubscribe,
  command_while_waiting,
  hundred_subscriptions,
  many_requests_behind_a_pace,
  // The ring, the recorder, the clock.
  overrun,
  overrun_while_restoring,
  overrun_in_a_repair,
  overrun_amid_a_turn,
  disk_full_while_live,
  disk_full_while_down,
  all_lost_at_once,
  leap_over_deadlines,
  // Trades, each once or named (TradeObserver sees them).
  late_trade,
  doubled_trade_dropped,
  gap_beyond_a_snapshot,
  gap_by_a_lost_message,
  gap_by_an_overrun,
  gap_of_an_unreadable_trade,
  gap_outlives_its_connection,
  gap_before_an_unsubscribed,
  // How late the feed is.
  feed_lags,
  feed_catches_up,
  // Several legs (LegsObserver sees them): from here on only where there are any.
  leg_reconciles,
  follower_extends,
  leader_lost_to_an_equal,
  last_copy_lost_with_its_leg,
  leg_book_lost_alone,
  leg_book_restored,
  hole_filled_by_another_leg,
  hole_filled_by_a_snapshot,
  legs_gap_by_the_ring,
  hole_told_by_two_legs,
  hole_told_by_one_leg,
  leg_lost_and_nobody_noticed,
  leg_lost_by_lagging,
  leg_lost_by_rotation,
  renewed_before_a_maintenance,
  renewal_of_the_only_live_one_waits,
  epoch_handed_over,
  probe_while_another_leg_waits,
  leg_leaves_the_last_tenth,
};
inline constexpr size_t sometime_count =
    static_cast<size_t>(Sometime::leg_leaves_the_last_tenth) + 1;
[[nodiscard]] std::string_view to_string(Sometime state);

// Of one world.
using Reached = std::bitset<sometime_count>;

class Sometimes {
 public:
  Sometimes(const std::vector<Settings>& sessions, const Names& names);

  void begin_turn() { delivered_ = false; }
  void on_delivered() { delivered_ = true; }
  // Each before the observer of the session sees it. `wire`: of the connection it has.
  void on_event(const Event& event, const WireView& wire);
  void on_command(const Command& command, const WireView& wire, Instant now);
  void on_open(uint32_t session, Instant now);
  // Everything due at this instant is done.
  void end_instant();

  [[nodiscard]] const Reached& reached() const { return reached_; }

 private:
  enum class Phase : uint8_t { waiting, opening, restoring, live, closing, closed };
  enum class Breaker : uint8_t { closed, open, half_open };
  enum class Doubt : uint8_t { none, silence, refusal };

  struct Wish {
    Channel channel = Channel::book;
    std::string symbol;
    SymbolId id{};
    bool id_known = false;
    uint32_t depth = 0;
    bool wanted = true;
    bool acked = false;
    bool leaving = false;            // its end or another depth is asked for
    bool broken = false;             // declared wrong or stale
    std::optional<EventKind> fault;  // the last, on this connection, until a snapshot
    uint32_t repairs = 0;            // on this connection
    Doubt doubt = Doubt::none;       // Rejected for now, on this connection
    size_t requests_answered = 0;
  };
  struct Session {
    const Settings* settings = nullptr;
    Phase phase = Phase::waiting;
    Breaker breaker = Breaker::closed;
    bool probing = false;
    bool probed_last = false;
    bool maintenance = false;  // said since the last all clear
    bool certificate = false;  // refused since the last all clear
    std::optional<Instant> due;
    bool asked_in_wait = false;
    bool waits_for_ring = false;
    Instant live_at;
    Instant opened_at;  // the breaker
    std::optional<Instant> close_asked;
    std::optional<Event::Connected> peer;
    std::deque<Wish> wishes;
    uint32_t leaving = 0;
    uint32_t broken = 0;
  };

  void reach(Sometime state) { reached_.set(static_cast<size_t>(state)); }
  void reach(Sometime first, uint8_t number) { reached_.set(static_cast<size_t>(first) + number); }
  void on_loss(Session& session, Reason reason, const WireView& wire, const Event& event);
  void on_reconnecting(Session& session, const Event::Reconnecting& wait);
  void on_connected(Session& session, const Event::Connected& connected);
  void on_restored(Session& session, const Event& event);
  void on_breaker(Session& session, EventKind kind);
  void on_close(Session& session, const WireView& wire, Instant now);
  void on_wish_command(Session& session, const Command& command, const WireView& wire);
  void on_answer(Session& session, const Event& event, const WireView& wire);
  void on_rejected(Session& session, Wish& wish, std::string_view detail, const WireView& wire);
  void on_book_fault(Session& session, const Event& event);
  void on_snapshot(Session& session, SymbolId symbol);
  void on_update(Session& session, SymbolId symbol);
  void on_overrun();
  void on_deadline(Instant due, Instant now);
  void on_timeout(const Session& session, Reason reason, const WireView& wire, Instant now);
  [[nodiscard]] Wish* find(Session& session, Channel channel, std::string_view symbol);
  [[nodiscard]] Wish* find_book(Session& session, SymbolId symbol);
  static void set_leaving(Session& session, Wish& wish, bool leaving);
  static void set_broken(Session& session, Wish& wish, bool broken);
  // The last answer to it is to an earlier request than the last.
  static bool answered_late(const WireView& wire, const Wish& wish);
  static bool asked_since(const WireView& wire, size_t from, const Wish& wish);

  const Names& names_;
  std::vector<Settings> settings_;
  std::vector<Session> sessions_;
  Reached reached_;
  Instant event_time_;
  bool delivered_ = false;     // something, in this turn
  bool overrun_amid_ = false;  // the last event, told behind a delivery of its turn
  uint32_t lost_now_ = 0;
  uint32_t overdue_now_ = 0;
};

}  // namespace havklo::replay
