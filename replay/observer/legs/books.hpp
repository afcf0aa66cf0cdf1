// The wishes of a session with several legs, and the books that its strategy has: one feed out of
// several copies.
//
// Owns:       of each wish what the strategy was told, and an OrderBook.
// Not owned:  the legs and their copies, the truth about the venue's books, the verdict.
// Threads:    one.
// Cost:       O(wishes) an event.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <havklo/command.hpp>
#include <havklo/config.hpp>
#include <havklo/limits.hpp>
#include <havklo/order_book.hpp>
#include <optional>
#include <string>

#include "replay/observer/legs/behind.hpp"
#include "replay/observer/legs/leg.hpp"
#include "replay/observer/sometimes.hpp"
#include "replay/observer/verdict.hpp"
#include "replay/venue/market_truth.hpp"

namespace havklo::replay {

class LegBooks {
 public:
  LegBooks(const Settings& settings, uint16_t session, const Names& names, const MarketTruth& truth,
           const SeenLegs& legs, Verdict& verdict);

  void on_command(const Command& command);
  void on_event(const Event& event);
  void on_overrun(const Event& event);
  // Some wire was read.
  void on_read(Instant now);
  void on_leg_lost(uint32_t leg);
  // `tells`: there is a connection, nobody closes it, and the ring had room for all there is.
  void end_turn(Instant now, bool tells);

  // SubscriptionsRestored says these figures; `leg` is all clear.
  void on_restored(uint32_t count, uint32_t rejected, uint32_t leg, Instant now) const;
  void check_fresh(int64_t well_us, int64_t utc_us, Instant now) const;

  // Since when the leg is behind its mark in some book; none: it is not.
  [[nodiscard]] std::optional<Instant> behind_since(uint32_t leg) const;
  [[nodiscard]] bool wants(Channel channel, std::string_view symbol) const;
  // Another leg has still to answer, or to verify.
  [[nodiscard]] bool any_unanswered() const;
  // Told and, of a book, verified, or rejected.
  [[nodiscard]] bool all_settled() const;
  // On every leg what is wanted is acknowledged and verified, or refused for good.
  [[nodiscard]] bool all_well_on(const SeenLeg& leg) const;
  [[nodiscard]] size_t known() const { return wishes_.size(); }
  [[nodiscard]] uint64_t books_verified() const { return books_verified_; }
  [[nodiscard]] uint64_t faults() const { return faults_; }
  [[nodiscard]] const Reached& reached() const { return reached_; }

 private:
  enum class Told : uint8_t { nothing, subscribed, rejected };
  struct Wish {
    Channel channel = Channel::book;
    std::string symbol;
    std::optional<uint32_t> market;
    std::optional<SymbolId> id;
    uint32_t depth = 0;
    uint32_t depth_before = 0;
    bool wanted = true;
    uint32_t ends_due = 0;  // so many Unsubscribed may come
    Told told = Told::nothing;
    // Of a book:
    OrderBook book;
    bool was_live = false;        // before the event that is being looked at
    bool waits_for_room = false;  // lost records: until its next snapshot
    int64_t time_ns = 0;          // of what was published last
    int64_t snapshot_ns = 0;      // since when copies may lack what was not sent
    std::optional<uint32_t> leader;
    uint8_t copies_lost = 0;  // told, a bit for each leg
    std::array<SeenBehind, legs_max> behind{};
  };

  Wish& wish_for(Channel channel, std::string_view symbol);
  [[nodiscard]] Wish* find(Channel channel, SymbolId id);
  void on_answer(const Event& event);
  void on_levels(const Event& event);
  void on_fault(const Event& event);
  void on_copy_fault(const Event& event);
  void follow(Wish& wish, const Event& event);
  void see_behind(Wish& wish, Instant now);
  // The copy that this leg has of it, if it takes part.
  [[nodiscard]] const LegWire::Wish* copy_of(const Wish& wish, const SeenLeg& leg) const;
  [[nodiscard]] bool matches(const Wish& wish) const;
  void check_first(const Wish& wish, Instant now);
  void reach(Sometime state) { reached_.set(static_cast<size_t>(state)); }
  void violate(Invariant invariant, Instant at, std::string what) const {
    verdict_.violate(invariant, session_, at, std::move(what));
  }

  uint16_t session_;
  const Names& names_;
  const MarketTruth& truth_;
  const SeenLegs& legs_;
  Verdict& verdict_;
  std::deque<Wish> wishes_;
  uint64_t books_verified_ = 0;
  uint64_t faults_ = 0;
  uint64_t lost_ = 0;  // events, of all sessions
  Reached reached_;
};

}  // namespace havklo::replay
