// The wishes of one session as an observer sees them: what the user wants, what the events said of
// it, and the book that a strategy would hold.
//
// Owns:       a record and an OrderBook for each (channel, symbol) that was ever wanted.
// Not owned:  the truth about the venue's books, the verdict.
// Threads:    one.
// Cost:       O(wishes) an event.
#pragma once

#include <cstdint>
#include <deque>
#include <havklo/command.hpp>
#include <havklo/config.hpp>
#include <havklo/event.hpp>
#include <havklo/order_book.hpp>
#include <optional>
#include <string>

#include "replay/observer/observed_session.hpp"
#include "replay/observer/verdict.hpp"
#include "replay/observer/wire_view.hpp"
#include "replay/venue/market_truth.hpp"

namespace havklo::replay {

class WishObserver {
 public:
  WishObserver(const Settings& settings, uint16_t session, const Names& names,
               const MarketTruth& truth, Verdict& verdict);

  void on_command(const Command& command);
  // A new connection was greeted, or the last one is gone.
  void begin_epoch();
  void end_epoch();
  // A request left: nothing is asked for again before it was given back.
  void on_request(const SeenRequest& request);
  // The venue wants fewer requests: what has not left is as good as tried.
  void on_rate_error();
  // Subscribed, Rejected, Unsubscribed, market events and what befalls a book.
  void on_event(const Event& event);
  // … and an Overrun, which may be about any book: none may answer before its next message.
  void on_overrun(const Event& event);
  // SubscriptionsRestored says these figures. `venue_has`: what the venue itself holds of this
  // connection; null when it holds the connection no longer.
  void on_restored(uint32_t count, uint32_t rejected, const VenueHas& venue_has, Instant now);

  // Everything wanted is acknowledged and verified, or rejected.
  [[nodiscard]] bool all_settled() const;
  // … and nothing is on its way to something else.
  [[nodiscard]] bool all_at_rest() const;
  // As far as events tell: the venue sends heartbeats.
  // One that is to have another depth has not been answered.
  [[nodiscard]] bool any_changing_in_doubt() const;
  [[nodiscard]] bool any_on_wire() const;
  // Every wanted book is live, and as new as what the venue had sent by `utc_us`; the world has
  // been well since `well_us`.
  void check_fresh(int64_t well_us, int64_t utc_us, Instant now) const;
  [[nodiscard]] uint64_t books_verified() const { return books_verified_; }
  [[nodiscard]] uint64_t repairs() const { return repairs_; }
  [[nodiscard]] size_t wanted() const;
  // Those that ever were.
  [[nodiscard]] size_t known() const { return wishes_.size(); }

 private:
  struct Wish {
    Channel channel = Channel::book;
    std::string symbol;
    std::optional<uint32_t> market;  // the venue's index; none: it has no such symbol
    std::optional<SymbolId> id;
    uint32_t depth = 0;
    uint32_t book_depth = 0;  // as asked for last: the book has it until Unsubscribed
    bool wanted = false;
    bool removing = false;   // asked to go, Unsubscribed has not come
    bool cycling = false;    // is to go and to come back: other depth, or wanted again
    bool asked = false;      // on this connection
    bool held_back = false;  // … or kept from it by a rate error
    bool acked = false;
    bool carried = false;  // rejected for what an earlier connection met
    bool rejected = false;
    bool refused = false;  // … and finally: only the user takes that back, or the next connection
    bool in_doubt = false;  // told as Rejected while it is repaired
    bool broken = false;    // its book was declared wrong or stale, Unsubscribed has not come
    OrderBook book;
    std::optional<OrderBook> silent;  // the same one, of a strategy that was told of an Overrun
    int64_t snapshot_ns = 0;          // the venue's time on the snapshot that the book began with
  };

  Wish& wish_for(Channel channel, std::string_view symbol);
  [[nodiscard]] Wish* find(Channel channel, SymbolId id);
  [[nodiscard]] static bool settled(const Wish& wish);
  void check_wanted(Channel channel, SymbolId symbol, Instant at);
  void on_answer(const Event& event);
  void on_book(const Event& event);
  void check_silent(Wish& wish, const Event& event) const;
  void check_empty(const Event& event) const;
  void violate(Invariant invariant, Instant at, std::string what) const;

  uint16_t session_;
  const Names& names_;
  const MarketTruth& truth_;
  Verdict& verdict_;
  std::deque<Wish> wishes_;
  bool connected_ = false;
  uint64_t books_verified_ = 0;
  uint64_t repairs_ = 0;
};

}  // namespace havklo::replay
