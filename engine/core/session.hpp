// One connection to a venue, from bytes to events: lifecycle, WebSocket, Kraken and subscriptions,
// wired together. It is a session, or one of several legs of one (legs/legs.hpp), which it tells
// instead of the ring.
//
// Owns:      its lifecycle, its WebSocket state, its subscriptions with their books, its watchdog.
// Not owned: what sessions share (Shared, below): transport, timers, names, decoder, publisher,
//            the places of the connect budget that it shares with those of the same venue.
// Threads:   loop thread; `now` is the turn's.
// Cost:      a book message is decoded, applied, verified and published without a copy of its text;
//            no allocation while connected, but for a subscription added at run time.
#pragma once

#include <cstdint>
#include <havklo/clock.hpp>
#include <havklo/command.hpp>
#include <havklo/config.hpp>
#include <havklo/event.hpp>
#include <havklo/latency.hpp>
#include <havklo/random.hpp>
#include <havklo/transport.hpp>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/attempt_places.hpp"
#include "core/lifecycle.hpp"
#include "core/lifecycle_slots.hpp"
#include "core/publisher.hpp"
#include "core/session_counts.hpp"
#include "core/timers.hpp"
#include "core/watchdog.hpp"
#include "core/wishes/subscriptions.hpp"
#include "core/wishes/symbol_index.hpp"
#include "kraken/decode.hpp"
#include "websocket/connection.hpp"

namespace havklo::core {

// What the sessions of an engine share.
struct Shared {
  Transport& transport;
  TimerWheel& wheel;
  Names& names;
  SymbolIndex& symbols;
  Publisher& publisher;
  kraken::Decoder& decoder;
  kraken::BookScratch& scratch;
  PhaseObserver* phases;  // none: nobody counts
  Clock& clock;           // for utc_offset() alone
  Duration& utc_offset;   // what makes our time UTC, as it was read last
  Instant& utc_read_at;
  bool& utc_read;  // … in this turn: it goes into the journal
  bool& decided;   // … something that nothing that entered it brought about
};

class Session final : private kraken::BookListener {
 public:
  // `number` becomes Event::session and the low bits of every ConnectionId of this session.
  // `mask_secret` may be shared: each session and leg has a stream of its own. `company`: that of
  // its legs, where there are several.
  Session(const Settings& settings, uint8_t number, const Shared& shared, AttemptPlaces& places,
          uint64_t seed, const websocket::ChaCha20Key& mask_secret, Leg leg = {},
          LegCompany* company = nullptr);
  ~Session();  // takes its timers off the wheel
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void start(Instant now);
  void on_command(const Command& command, Instant now);
  void on_completion(const Completion& completion, Instant now) {
    if (!connection_ || completion.connection != *connection_) return;  // an earlier connection's
    now_ = now;
    if (completion.kind == Completion::Kind::received) [[likely]] {
      on_received(completion.bytes);
    } else {
      on_rare(completion);
    }
  }
  void on_timer(const Timer& timer, Instant now);
  // Goes on with what waited for room, sends what the pace allows, hands bytes to the transport.
  // True: the next turn has something to do here though nothing enters it, as it always has while
  // depends_on_room().
  [[nodiscard]] bool end_turn(Instant now) {
    const bool quiet = phase() != Phase::restoring && !goes_on() && websocket_.output().empty();
    return !quiet && end_busy_turn(now);
  }

  [[nodiscard]] Phase phase() const { return lifecycle_.phase(); }
  [[nodiscard]] bool is_closed() const { return phase() == Phase::closed; }
  [[nodiscard]] uint32_t epoch() const { return lifecycle_.epoch(); }
  // All clear, with something in it: Live, and at least one subscription settled.
  [[nodiscard]] bool has_settled() const {
    return phase() == Phase::live && subscriptions_.settled_count() != 0;
  }
  // All clear, and the venue will not have any of it.
  [[nodiscard]] bool all_refused() const {
    return phase() == Phase::live && subscriptions_.all_refused();
  }
  [[nodiscard]] Reason last_loss() const { return last_loss_; }
  [[nodiscard]] std::optional<Instant> place_waited_for() const {
    return lifecycle_.place_waited_for();
  }
  [[nodiscard]] SessionCounters counters() const { return counts_.read(); }
  // The room in the ring decides what happens next.
  [[nodiscard]] bool depends_on_room() const {
    return !slots_.complete() || lifecycle_.waits_for_room() || subscriptions_.has_parked() ||
           (has_untold_ && is_greeted());
  }
  void check_invariants() const;

  // For the session that it is a leg of.
  [[nodiscard]] const Lifecycle& lifecycle() const { return lifecycle_; }
  [[nodiscard]] const Subscriptions& subscriptions() const { return subscriptions_; }
  // An event that this leg has a slot for.
  void publish(const Event& event, Origin origin) { slots_.publish(event, origin); }
  [[nodiscard]] bool has_slot_to_spare() const {
    return slots_.enough_for_one_more(subscriptions_.running_cycles());
  }
  [[nodiscard]] bool has_slot_beyond_attempt() const { return slots_.has_more_than_attempt(); }
  [[nodiscard]] bool has_all_slots() const { return slots_.complete(); }
  // Another leg's doing, or another reason than its connection's, moves its life on.
  void tell(InputKind kind, const Loss& loss, Instant now) {
    now_ = now;
    step({.kind = kind, .room = slots_.top_up(), .loss = loss}, now);
  }

  // Called by the WebSocket connection.
  bool on_open(const websocket::UpgradeResult& result);
  bool on_text(std::string_view text);
  bool on_binary(std::span<const std::byte> payload);
  bool on_ping(std::span<const std::byte> payload);
  bool on_pong(std::span<const std::byte> payload);
  bool on_close(uint16_t code, std::string_view reason);

 private:
  // What is `inline` here is called in session.cpp alone, on the way of every message; what stands
  // in its way and is rare is kept out of it.
  [[gnu::noinline]] void step(Input input, Instant now);
  void run(const Actions& actions);
  void note(const Event& event);
  void open();
  void end_feed();
  void drop(uint16_t close_code);
  [[gnu::noinline]] void lose(const Loss& loss) {
    step({.kind = InputKind::lost, .loss = loss}, now_);
  }
  void lose_protocol(uint16_t close_code);
  void on_received(std::span<const std::byte> bytes);
  void on_rare(const Completion& completion);
  void lose_stream(websocket::Error error);
  [[nodiscard]] bool goes_on() const { return depends_on_room() || subscriptions_.has_unsent(); }
  bool end_busy_turn(Instant now);
  void reached(MessagePhase phase) const {
    if (shared_.phases != nullptr && shared_.phases->listening()) shared_.phases->reached(phase);
  }
  inline void take_books();
  [[gnu::noinline]] void take_other(kraken::MessageKind kind);

  void on_status(const kraken::Status& status);
  void on_book_named(std::string_view symbol) override;
  inline void on_book(const kraken::BookMessage& message);
  [[gnu::noinline]] void on_leg_book(Subscription& record, const kraken::BookMessage& message);
  [[gnu::noinline]] void on_unverified(Subscription& record, const kraken::BookMessage& message,
                                       kraken::ApplyOutcome outcome);
  inline void publish_book(Subscription& record, const kraken::BookMessage& message);
  void on_wrong_book(Subscription& record, EventKind kind, uint32_t expected);
  void on_lost_change(Subscription& record);
  void take_book_in_part(const kraken::BookMessage& message);
  void on_first_verified(Subscription& record);
  void take_rows(bool in_part);
  template <class C>
  void publish_rows(bool in_part);
  void tell_unreadable(const Subscription& record, const kraken::RowFault& fault);
  void take_trades(bool in_part);
  [[nodiscard]] bool is_new_trade(Subscription& record, const kraken::TradeRow& row,
                                  bool is_snapshot) const;
  void take_trade(Subscription& record, const kraken::TradeRow& row, bool is_snapshot);
  void take_unreadable_trade(Subscription& record, const kraken::TradeRow& row, bool is_snapshot);
  void tell_gap(Subscription& record);
  // False: some wait for room.
  [[nodiscard]] bool tell_gaps();
  // What carries the venue's time has come; of a snapshot that is the time of what it tells.
  void note_lag(Subscription& record, int64_t venue_time_ns, bool is_snapshot) {
    if (venue_time_ns == 0 || is_snapshot) return;
    // In a recording that somebody made up the sum may be beyond all numbers.
    const auto lag_ns = static_cast<int64_t>(static_cast<uint64_t>(now_.ns) +
                                             static_cast<uint64_t>(shared_.utc_offset.ns) -
                                             static_cast<uint64_t>(venue_time_ns));
    counts_.lag_ns.set(lag_ns);
    if (lag_ns > lag_judged_ns_) [[unlikely]]
      judge_lag(record, lag_ns);
  }
  void judge_lag(Subscription& record, int64_t lag_ns);
  [[nodiscard]] bool tell_lags();
  void watch_utc();
  void read_utc();
  void tell_heartbeat();
  void check_restored() {
    if (phase() == Phase::restoring && subscriptions_.all_settled()) say_restored();
  }
  void say_restored();

  void arm(Timer& timer, Instant deadline);
  void disarm(Timer& timer);
  void arm_watchdog();
  void on_watchdog();
  void send_ping();
  void pump_requests();
  void flush() {
    const std::span<const std::byte> bytes = websocket_.output();
    if (bytes.empty()) return;
    shared_.transport.send(*connection_, bytes);
    websocket_.consume_output(bytes.size());
  }

  [[nodiscard]] bool connected() const { return connection_.has_value(); }
  // There is an epoch: market events are told.
  [[nodiscard]] bool is_greeted() const {
    return phase() == Phase::restoring || phase() == Phase::live;
  }
  [[nodiscard]] Origin origin() const { return origin_of(number_, 0, lifecycle_.epoch()); }

  Shared shared_;
  uint8_t number_;
  Leg leg_;
  Url url_;
  std::string source_address_;
  Duration connect_timeout_;
  bool trade_gaps_;
  bool has_untold_ = false;  // gaps or lags may wait for room
  static constexpr int64_t no_lag_warn_ns = std::numeric_limits<int64_t>::max();
  int64_t lag_warn_ns_;
  int64_t lag_judged_ns_;  // one above it is looked at: all of them while somebody lags
  Random random_;
  Lifecycle lifecycle_;
  LifecycleSlots slots_;
  Subscriptions subscriptions_;
  websocket::MaskKeys mask_keys_;
  websocket::Connection websocket_;

  Instant now_;                             // of the turn, for the WebSocket callbacks
  std::optional<ConnectionId> connection_;  // the one that we listen to
  uint32_t connections_opened_ = 0;
  Endpoint peer_;
  bool tls_resumed_ = false;
  Reason last_loss_ = Reason::none;
  SessionCounts counts_;

  // The book that the message being decoded is for, and where it names it.
  Subscription* named_book_ = nullptr;
  const char* name_ = nullptr;

  Watchdog watchdog_;
  uint64_t last_ping_id_ = 0;

  std::array<Timer, timer_kind_count> lifecycle_timers_;
  Timer watchdog_timer_;
  Timer pace_timer_;
  Timer utc_timer_;
};

}  // namespace havklo::core
