// A session with several legs: connections that bring the same at the same time, made one feed.
//
// Each leg is a Session of its own, with lifecycle, WebSocket, subscriptions and books; what it
// would put into the ring it tells here. The first copy of everything leaves, and what one leg
// loses costs nothing while another has it.
// Owns:       the legs; the session's epoch; of each wish what its strategy was told and has.
// Not owned:  what sessions share (Shared).
// Threads:    loop thread; `now` is the turn's.
// Invariants: while a Live leg has a verified copy, its book is neither lost nor emptied; each
//             trade leaves once or is named; no leg is dropped by us while it is the only Live one.
// Cost:       a book message costs what it costs a session of one leg, a sum over its levels, and
//             the copy of what was published; nothing is allocated while connected, but for a
//             subscription added at run time.
// Rules:      design §7.3. legs.cpp has the turn and what the legs decide together,
//             legs_life.cpp their connections and the epochs, legs_wishes.cpp the answers,
//             legs_books.cpp the books, legs_feed.cpp all other channels, legs_lag.cpp who is late.
#pragma once

#include <array>
#include <cstdint>
#include <havklo/command.hpp>
#include <havklo/config.hpp>
#include <havklo/event.hpp>
#include <havklo/limits.hpp>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/connection_id.hpp"
#include "core/legs/company.hpp"
#include "core/legs/leg_sink.hpp"
#include "core/legs/leg_wish.hpp"
#include "core/session.hpp"
#include "core/session_counts.hpp"
#include "core/timers.hpp"

namespace havklo::core {

class Legs final : private LegSink {
 public:
  // `places`: of each leg. The seed is leg 0's.
  Legs(const Settings& settings, uint8_t number, const Shared& shared,
       std::span<AttemptPlaces* const> places, uint64_t seed,
       const websocket::ChaCha20Key& mask_secret);
  ~Legs();  // takes its timers off the wheel
  Legs(const Legs&) = delete;
  Legs& operator=(const Legs&) = delete;

  void start(Instant now);
  void on_command(const Command& command, Instant now);
  void on_completion(const Completion& completion, Instant now);
  void on_timer(const Timer& timer, Instant now);
  // As Session::end_turn(), of all legs, and of what they decide together.
  [[nodiscard]] bool end_turn(Instant now);

  [[nodiscard]] bool is_closed() const { return closed_; }
  [[nodiscard]] uint32_t epoch() const { return epoch_; }
  [[nodiscard]] bool has_settled() const;
  [[nodiscard]] bool all_refused() const;
  [[nodiscard]] Reason last_loss() const { return last_loss_; }
  [[nodiscard]] std::optional<Instant> place_waited_for() const;
  [[nodiscard]] SessionCounters counters() const;
  [[nodiscard]] bool depends_on_room() const;
  void check_invariants() const;

 private:
  static constexpr uint32_t nobody = legs_max;

  void on_lifecycle(uint32_t leg, const Event& event) override;
  void on_wish(uint32_t leg, const Subscription& record, const Event& event) override;
  void on_book(uint32_t leg, const Subscription& record,
               const kraken::BookMessage& message) override;
  void on_copy_lost(uint32_t leg, const Subscription& record) override;
  void on_trade(uint32_t leg, const Subscription& record, const kraken::TradeRow& row,
                const TradeArrival& arrival) override;
  void on_row(uint32_t leg, const Subscription& record, std::span<const Event> events) override;
  void on_unreadable(uint32_t leg, const Subscription& record, TextId detail) override;
  void on_status(uint32_t leg, SystemStatus system) override;
  void on_heartbeat(uint32_t leg) override;

  Session& touch(uint32_t leg) {
    to_end_ |= 1U << leg;
    return *legs_[leg];
  }
  void end_legs();
  // What they decide together. True: something was done.
  bool settle();
  bool renew_next();
  [[nodiscard]] uint32_t legs_in_maintenance() const;
  [[nodiscard]] bool all_spent() const;
  void give_up();

  // Connections and epochs.
  void on_leg_connected(uint32_t leg, const Event& event);
  void on_leg_restored(uint32_t leg, const Event& event);
  [[nodiscard]] bool waits_with_all_clear() const;
  void tell_all_clear(uint32_t leg);
  void on_leg_lost(uint32_t leg, const Event& event);
  void on_leg_closed(uint32_t leg, const Event& event);
  [[nodiscard]] Instant rotation_of(uint32_t leg);
  void begin_epoch(uint32_t leg);
  void end_epoch(uint32_t leg, const Event& lost);
  void hand_over(uint32_t leg);
  void lose_what_it_alone_had(uint32_t leg);
  void publish(uint32_t leg, const Event& event) {
    touch(payer_ == nobody ? leg : payer_).publish(event, origin(leg));  // it takes slots back
  }
  void publish_as(uint32_t leg, EventKind kind, Event event) {
    event.kind = kind;
    publish(leg, event);
  }

  // Wishes.
  [[nodiscard]] LegWish* find_wish(Channel channel, SymbolId symbol);
  [[nodiscard]] LegWish& wish_of(const Subscription& record) {
    if (record.leg_wish == nullptr) record.leg_wish = find_wish(record.channel, record.symbol);
    return *record.leg_wish;
  }
  void want(Channel channel, SymbolId symbol, uint16_t parameter);
  void subscribe(const Command& command);
  void unsubscribe(const Command& command);
  void ask_again(LegWish& wish) const;
  void begin_wish(LegWish& wish) const;
  void publish_wish(uint32_t leg, const LegWish& wish, EventKind kind,
                    TextId detail = TextId::not_kept);
  void tell_subscribed(uint32_t leg, LegWish& wish);
  void tell_rejected_if_all(uint32_t leg, LegWish& wish);
  void owe_answer(LegWish& wish);
  void pay_answer(uint32_t payer, LegWish& wish);
  void resume_answers();
  void tell_end(uint32_t leg, LegWish& wish);
  void tell_fault(uint32_t leg, LegWish& wish, const Event& event);
  [[nodiscard]] bool all_refuse(const LegWish& wish) const;

  // Books.
  void publish_whole(uint32_t leg, LegWish& wish);
  void publish_changes(uint32_t leg, LegWish& wish, const kraken::BookMessage& message,
                       std::span<const kraken::BookChange> changes, uint8_t flags);
  void reconcile(uint32_t leg, LegWish& wish, kraken::VenueTime time);
  void on_overrun(uint32_t leg, LegWish& wish);
  void tell_stale(uint32_t leg, LegWish& wish, BookFault fault);
  void begin_book_again(LegWish& wish);
  void resume_books();

  // The other channels.
  [[nodiscard]] uint32_t listeners(const LegWish& wish) const;
  [[nodiscard]] bool is_due(const LegWish& wish, const TradeHoles::Hole& hole) const;
  // False: some wait for room.
  bool tell_holes(uint32_t leg, LegWish& wish);
  void tell_holes_in_slots(uint32_t leg, LegWish& wish);
  void resume_holes();
  void publish_trade(uint32_t leg, LegWish& wish, const kraken::TradeRow& row, bool late);
  void publish_status(uint32_t leg);
  void note_lag(LegWish& wish, int64_t venue_time_ns);
  bool tell_lag(LegWish& wish);
  bool tell_lags();

  // Who is late.
  void watch_behind(LegWish& wish);
  void on_lag_timer(uint32_t leg);
  void watch_lags(uint32_t live);
  [[nodiscard]] Instant behind_since(uint32_t leg);
  void forget_leg(uint32_t leg, LegWish& wish);

  [[nodiscard]] bool waits_for_room() const {
    return books_wait_ || answers_wait_ || holes_wait_ || lags_wait_;
  }
  void arm(Timer& timer, Instant deadline);
  void disarm(Timer& timer);
  [[nodiscard]] Origin origin(uint32_t leg) const { return origin_of(number_, leg, epoch_); }
  [[nodiscard]] bool has(uint32_t legs, uint32_t leg) const { return (legs >> leg & 1U) != 0; }

  Shared shared_;
  uint8_t number_;
  bool trade_gaps_;
  int64_t lag_warn_ns_;
  Duration lag_max_;
  std::optional<Duration> rotate_after_;

  Instant now_;
  LegCompany company_;
  std::vector<std::unique_ptr<Session>> legs_;
  SessionCounts counts_;
  Reason last_loss_ = Reason::none;

  uint32_t epoch_ = 0;
  bool open_ = false;      // Connected was told, and no Disconnected
  bool restored_ = false;  // … and all clear
  bool closing_ = false;
  bool closed_ = false;
  bool gave_up_ = false;
  bool changed_ = false;    // something that others may wait for
  bool unsettled_ = false;  // something that they decide together
  uint32_t to_end_ = 0;     // a bit for each leg: something entered it, or it goes on by itself
  uint32_t greeted_ = 0;    // a bit for each leg, too, as all that follow
  uint32_t ended_ = 0;      // closed
  uint32_t to_renew_ = 0;   // by reconnect()
  uint32_t to_rotate_ = 0;  // by rotate_after
  uint32_t renewing_ = nobody;
  uint32_t payer_ = nobody;  // whose slots are used, if not those of the leg that is named
  Instant connected_at_;
  std::array<Instant, legs_max> live_since_{};
  Instant several_live_since_;
  std::optional<Instant> rotations_since_;
  std::optional<Instant> down_since_;
  std::array<Event::Connected, legs_max> greetings_{};
  std::array<SystemStatus, legs_max> systems_{};
  std::optional<SystemStatus> told_system_;  // in this epoch

  std::array<std::vector<std::unique_ptr<LegWish>>, channel_count> by_symbol_;
  std::vector<LegWish*> wishes_;
  bool books_wait_ = false;      // for room, some
  bool answers_wait_ = false;    // for a slot
  bool owes_all_clear_ = false;  // … until then
  bool holes_ = false;           // trades are missing, of some
  bool holes_wait_ = false;      // … and are to be named, once there is room
  bool lags_wait_ = false;       // FeedLags, likewise

  std::array<Timer, legs_max> lag_timers_;
  std::array<Timer, legs_max> rotation_timers_;
  Timer holes_timer_;
};

}  // namespace havklo::core
