// What one of several connections tells the session that it is a leg of, instead of the ring.
//
// Contract: calls come from inside the leg's own turn; none of them may end its connection. What a
//           leg has verified, it has before it tells; what it loses, when it tells.
// Threads:  loop thread.
#pragma once

#include <cstdint>
#include <havklo/event.hpp>
#include <span>

#include "kraken/channels.hpp"
#include "kraken/message.hpp"

namespace havklo::core {

struct Subscription;

struct TradeArrival {
  bool of_snapshot = false;
  bool readable = true;  // else row.fault says what is not
  uint64_t message = 0;  // its number on this leg
};

class LegSink {
 public:
  // Of its connection: Connected, ConnectFailed, Disconnected, Reconnecting, all clear, the
  // breaker's, Closed.
  virtual void on_lifecycle(uint32_t leg, const Event& event) = 0;
  // Of a wish: Subscribed, Rejected, Unsubscribed, a book's fault.
  virtual void on_wish(uint32_t leg, const Subscription& record, const Event& event) = 0;

  // Its copy of a book has verified at this message.
  virtual void on_book(uint32_t leg, const Subscription& record,
                       const kraken::BookMessage& message) = 0;
  // … and no longer does: it is about to be emptied.
  virtual void on_copy_lost(uint32_t leg, const Subscription& record) = 0;
  virtual void on_trade(uint32_t leg, const Subscription& record, const kraken::TradeRow& row,
                        const TradeArrival& arrival) = 0;
  // A row of any other channel as the events that it becomes.
  virtual void on_row(uint32_t leg, const Subscription& record, std::span<const Event> events) = 0;
  virtual void on_unreadable(uint32_t leg, const Subscription& record, TextId detail) = 0;
  virtual void on_status(uint32_t leg, SystemStatus system) = 0;
  virtual void on_heartbeat(uint32_t leg) = 0;

 protected:
  ~LegSink() = default;
};

// Which leg of its session a connection is; without a sink it is the only one.
struct Leg {
  LegSink* sink = nullptr;
  uint8_t number = 0;
};

}  // namespace havklo::core
