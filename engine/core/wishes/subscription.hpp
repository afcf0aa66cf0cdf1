// One wish: a symbol of a channel, how far it has come on this connection, and its book.
//
// A value that Subscriptions moves from stage to stage (subscriptions.hpp has the rules).
#pragma once

#include <cstdint>
#include <havklo/clock.hpp>
#include <havklo/event.hpp>
#include <havklo/names.hpp>
#include <optional>

#include "core/timers.hpp"
#include "core/wishes/feed_lag.hpp"
#include "core/wishes/trade_tail.hpp"
#include "kraken/book.hpp"
#include "kraken/channels.hpp"

namespace havklo::core {

struct LegWish;

enum class Stage : uint8_t {
  absent,          // the record is free
  idle,            // wanted; there is no connection, or not yet its greeting
  parked,          // its next cycle waits for event slots
  to_subscribe,    // waits for the pace
  asked,           // subscribe sent
  acknowledged,    // a book whose verified snapshot is missing
  settled,         // acknowledged, and a book is verified
  rejected,        // by the venue, on this connection
  to_unsubscribe,  // waits for the pace
  unsubscribing,   // unsubscribe sent
  backing_off,     // unsubscribed; waits to subscribe again
};

// Why a record leaves its settled stage. `change`: another depth or interval is wanted.
enum class Cycle : uint8_t { none, subscribe, repair, overrun, change, remove };

// A cycle of it holds slots, and something is to come.
[[nodiscard]] inline bool is_running(Stage stage) {
  switch (stage) {
    case Stage::to_subscribe:
    case Stage::asked:
    case Stage::acknowledged:
    case Stage::to_unsubscribe:
    case Stage::unsubscribing:
    case Stage::backing_off:
      return true;
    default:
      return false;
  }
}

// So many snapshots of a book that do not verify, one after the other: the all clear of the other
// books does not wait any longer.
inline constexpr uint8_t bad_snapshots_max = 3;

// What every message reads stands first, the book with it.
struct alignas(64) Subscription {
  Stage stage = Stage::absent;
  Cycle cycle = Cycle::none;  // what runs, or what is parked
  Channel channel = Channel::book;
  bool verified = false;  // the book matches the venue's checksum
  SymbolId symbol{};
  std::optional<kraken::Book> book;  // of a channel with a checksum

  uint16_t parameter = 0;        // depth, interval in minutes, or 0: what the channel asks for
  uint16_t asked_parameter = 0;  // on the wire; differs while it is being changed
  bool sent = false;             // the venue has been asked and may believe that we are subscribed
  bool on_wire = false;          // it acknowledged so
  bool alone = false;            // ask in a request of its own
  bool in_doubt = false;         // counted as rejected until it is settled, and tried on alone
  bool doubt_told = false;       // … on this connection, as Rejected
  bool doubt_carried = false;    // … of an earlier one: this one has not failed it yet
  bool already_said = false;     // its last refusal was `Already subscribed`
  bool renewed = false;          // by the user, while its cycle runs: the next has tries of its own
  uint8_t tries = 0;             // of this cycle
  uint8_t repairs = 0;           // in a row, for their backoff
  uint8_t bad_snapshots = 0;     // in a row, on this connection
  uint64_t req_id = 0;           // of the request that named it last
  uint64_t given_back_id = 0;    // of the last that gave it back and was not answered; or 0
  Instant verified_at;
  TextId doubt_detail{};
  TradeTail trades;  // of the channel `trade`

  mutable LegWish* leg_wish = nullptr;  // of a leg: what the session makes of it, once it was found
  bool is_as_told = true;               // of a leg's book: it is as it was when it verified last
  FeedLagState lag;
  Event fault;  // parked repair: to be published when it begins
  Timer timer;
};

[[nodiscard]] inline const kraken::ChannelFacts& facts_of(const Subscription& record) {
  return kraken::facts_of(record.channel);
}
// What of its trades nobody delivered.
[[nodiscard]] inline Event trade_gap_of(const Subscription& record) {
  Event event = Event::make(EventKind::trade_gap);
  event.payload.trade_gap.first = record.trades.gap_first();
  event.payload.trade_gap.last = record.trades.gap_last();
  event.payload.trade_gap.symbol = record.symbol;
  return event;
}
// It is settled only when its book has verified.
[[nodiscard]] inline bool keeps_book(const Subscription& record) {
  return facts_of(record).integrity == kraken::Integrity::checksum;
}

}  // namespace havklo::core
