// What the user wants to hear, and how far each wish has come on this connection.
//
// Owns:       a record for each (channel, symbol), its book, its deadline, the pace of requests.
//             subscriptions.cpp has the wishes and their cycles, answers.cpp what the
//             venue answers and what it fails to.
// Not owned:  the event slots, the names, the timer wheel, what the books share (the session's and
//             the engine's); sending: the session asks next_request() while the pace allows.
// Threads:    loop thread.
// Invariants: a record is in exactly one stage; a stage that waits for the venue has a deadline; a
//             verified book is kept up until the venue has acknowledged its end, any other is
//             empty; `restored` is only said when every record is settled, rejected or in doubt.
//             A wish in doubt (mute, refused for now, or a book that never verifies) has been told
//             as Rejected, holds up nobody, and is tried on alone with a repair's backoff.
// Cost:       a book message costs one lookup; adding, removing and asking are linear in the
//             records.
// Rules:      design §1.1; kraken-v2.md §5 and §8.6: a second `subscribe` never yields a snapshot,
//             so a fresh one needs unsubscribe, its ack, subscribe.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <havklo/clock.hpp>
#include <havklo/command.hpp>
#include <havklo/config.hpp>
#include <havklo/event.hpp>
#include <havklo/names.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/legs/leg_sink.hpp"
#include "core/lifecycle_slots.hpp"
#include "core/timers.hpp"
#include "core/wishes/request_pace.hpp"
#include "core/wishes/subscription.hpp"
#include "core/wishes/symbol_index.hpp"
#include "core/wishes/symbol_table.hpp"
#include "kraken/message.hpp"

namespace havklo::core {

using SubscriptionIndex = uint32_t;

// One frame to send.
struct Request {
  bool subscribe = true;
  Channel channel = Channel::book;
  uint16_t parameter = 0;
  uint64_t req_id = 0;
  std::span<const std::string_view> symbols;  // valid until the next call; empty: it names none
};

// Where the records of a symbol are. The book's, which every message asks for, is at hand.
struct RecordsOfSymbol {
  static constexpr uint32_t none = ~0U;
  RecordsOfSymbol() { others.fill(none); }
  Subscription* book = nullptr;
  std::array<uint32_t, channel_count - 1> others;  // of the channels behind it, by their number
};

class Subscriptions {
 public:
  // `leg`: who hears of it instead of the ring, where the session has several.
  Subscriptions(const Settings& settings, uint8_t session, Leg leg, Names& names,
                SymbolIndex& index, LifecycleSlots& slots, TimerWheel& wheel,
                kraken::BookScratch& scratch);
  ~Subscriptions();  // takes its timers off the wheel
  Subscriptions(const Subscriptions&) = delete;
  Subscriptions& operator=(const Subscriptions&) = delete;

  // The user's wishes; at any time. False: no more symbols fit (limits.hpp).
  // `parameter`: the depth of a book, the interval of candles.
  bool subscribe(Channel channel, std::string_view symbol, uint16_t parameter);
  void unsubscribe(Channel channel, std::string_view symbol);

  // The connection was greeted: everything wanted is asked for.
  void begin_connection(uint32_t epoch);
  // The connection is gone: books are emptied, wishes stay.
  void end_connection(Instant now);

  void on_ack(const kraken::Ack& ack, Instant now);
  // `req_id`: of the request that was refused, when the venue says so.
  void on_rate_exceeded(std::optional<uint64_t> req_id, Instant now);
  // A deadline or a backoff of one record is over. False: it was in vain, and nothing else is
  // settled or on its way: give the connection up.
  [[nodiscard]] bool on_timer(SubscriptionIndex at, Instant now);
  // The connection has been, or was, Live for stable_after: a pace that the venue slowed down is
  // restored, now or when stable_after has passed without the venue saying so again.
  void on_stable(Instant now) {
    stable_at_ = now;
    restore_pace(now);
    if (!connected_) stable_at_.reset();
  }

  // The record of a book message's symbol, if its book takes data now.
  [[nodiscard]] Subscription* find_book(std::string_view symbol) const;
  // The record of a row's symbol, of any other channel, if the venue has been asked for it.
  [[nodiscard]] Subscription* find_row(Channel channel, std::string_view symbol) const;
  // One whose trades have a gap that is not told yet; null: none has.
  [[nodiscard]] Subscription* find_gap() const;
  // One that has fallen behind, or caught up, and that is not told yet; null: none has.
  [[nodiscard]] Subscription* find_lag_news() const;
  void set_lags(Subscription& record, bool lags) {
    if (lags != record.lag.lags) lagging_ = lags ? lagging_ + 1 : lagging_ - 1;
    record.lag.lags = lags;
  }
  [[nodiscard]] bool any_lags() const { return lagging_ != 0; }
  void on_book_verified(Subscription& record, Instant now);
  // The book is wrong (`fault`: ChecksumMismatch, BookInvalid) or its records were lost
  // (BookStale).
  void on_book_fault(Subscription& record, const Event& fault, Instant now);

  // Goes on with what waited for slots. `market_room`: free slots for market events, which the
  // snapshot after an overrun needs too.
  void resume_parked(uint32_t market_room);
  [[nodiscard]] bool has_parked() const { return parked_ != 0; }
  [[nodiscard]] uint32_t parked_count() const { return parked_; }

  // The next frame, if one waits and the pace allows it; it counts as sent.
  [[nodiscard]] bool next_request(Instant now, Request& request);
  [[nodiscard]] bool has_unsent() const { return unsent_ != 0; }
  // Or when to ask again.
  [[nodiscard]] Instant next_request_at() const {
    return std::min(pace_.next_allowed(), pace_restored_at());
  }

  // What an earlier connection doubted holds up nobody who is well. Where nobody is, this one has
  // to try first.
  [[nodiscard]] bool all_settled() const {
    return unsettled_ == 0 && (settled_ != 0 || carried_ == 0);
  }
  [[nodiscard]] uint32_t settled_count() const { return settled_; }
  [[nodiscard]] uint32_t rejected_count() const { return rejected_; }
  // Each of the wishes, finally: there is nothing to wait for.
  [[nodiscard]] bool all_refused() const { return refused_ != 0 && refused_ == wanted_; }
  [[nodiscard]] uint32_t running_cycles() const { return cycles_; }
  [[nodiscard]] bool any_on_wire() const { return on_wire_ != 0; }
  void check_invariants() const;

 private:
  [[nodiscard]] Subscription* lookup(Channel channel, std::string_view symbol) const {
    const RecordsOfSymbol* const records = by_symbol_.find(symbol);
    if (records == nullptr) return nullptr;
    if (channel == Channel::book) return records->book;
    const uint32_t at = records->others[static_cast<uint8_t>(channel) - 1];
    return at == RecordsOfSymbol::none ? nullptr : records_[at].get();
  }
  // `record`: null takes it out.
  void index(Channel channel, SymbolId symbol, Subscription* record);
  Subscription& new_record(Channel channel, SymbolId symbol);
  void release_record(Subscription& record);
  void set(Subscription& record, Stage stage, Cycle cycle);
  void count(const Subscription& record, int32_t by);
  void set_on_wire(Subscription& record, bool on_wire);
  [[nodiscard]] bool shares_wire(const Subscription& record) const;
  void start_cycle(Subscription& record, Cycle cycle);
  void run_cycle(Subscription& record);
  void queue_subscribe(Subscription& record);
  void queue_unsubscribe(Subscription& record);
  void on_subscribe_ack(Subscription& record, const kraken::Ack& ack, Instant now);
  void acknowledge(Subscription& record, Instant now);
  void on_error(const kraken::Ack& ack, Instant now);
  void refuse(Subscription& record, std::string_view error, Instant now);
  void on_unsubscribed(Subscription& record, Instant now);
  void settle(Subscription& record);
  void doubt(Subscription& record, std::string_view why);
  void tell_doubt(Subscription& record);
  void set_doubt_told(Subscription& record, bool told);
  void set_doubt_carried(Subscription& record, bool carried);
  void doubt_or_go_on(Subscription& record, std::string_view why);
  void doubt_bad_book(Subscription& record);
  [[nodiscard]] uint32_t room_for_snapshots() const;
  void regain_wire(Channel channel);
  void begin_anew(Channel channel);
  void on_late_error(const kraken::Ack& ack, Instant now);
  void forgive_repairs(Subscription& record, Instant now) const;
  void back_off(Subscription& record, Instant now);
  void try_again(Subscription& record);
  [[nodiscard]] bool on_silence(Subscription& record, std::string_view missing, Instant now);
  void trust(Subscription& record);
  void disarm(Subscription& record);
  void empty_book(Subscription& record);
  void tell(const Subscription& record, const Event& event);
  void publish(EventKind kind, const Subscription& record, TextId detail = TextId::not_kept);
  void publish_fault(Subscription& record);
  void publish_end(Subscription& record);
  void forget_lag(Subscription& record) {
    set_lags(record, false);
    record.lag.told = false;
  }
  void collect(const Subscription& first, Request& request, Instant now);
  [[nodiscard]] Instant pace_restored_at() const {
    if (!stable_at_ || !pace_.is_slowed()) return Instant::never();
    return std::max(*stable_at_, pace_.slowed_at() + stable_after_);
  }
  void restore_pace(Instant now) {
    if (pace_restored_at() <= now) pace_.restore(pace_restored_at());
  }

  Duration restore_timeout_;
  Duration stable_after_;
  uint8_t session_;
  Leg leg_;
  uint32_t epoch_ = 0;
  bool connected_ = false;
  Names& names_;
  SymbolIndex& index_;
  LifecycleSlots& slots_;
  TimerWheel& wheel_;
  kraken::BookScratch& scratch_;
  RequestPace pace_;
  std::optional<Instant> stable_at_;  // this connection's life is a good one, since then
  uint64_t last_req_id_ = 0;

  std::vector<std::unique_ptr<Subscription>> records_;
  SymbolTable<RecordsOfSymbol> by_symbol_;
  std::vector<std::string_view> request_symbols_;

  uint32_t wanted_ = 0;  // records that are not absent
  uint32_t cycles_ = 0;  // running
  uint32_t parked_ = 0;
  uint32_t unsent_ = 0;     // to_subscribe, to_unsubscribe
  uint32_t unsettled_ = 0;  // what all clear waits for
  uint32_t settled_ = 0;
  uint32_t rejected_ = 0;
  uint32_t carried_ = 0;  // rejected by an earlier connection, and not yet by this one
  uint32_t refused_ = 0;  // those of them that the venue will not have, on this connection
  uint32_t on_wire_ = 0;
  uint32_t lagging_ = 0;
};

}  // namespace havklo::core
