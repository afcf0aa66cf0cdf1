// The trades of a session with several legs: each once or named, the first copy at once.
//
// Owns:       of each wish what was told, named, and has arrived without either.
// Not owned:  the legs, the venue's ledger, the verdict.
// Threads:    one.
// Invariants: what a leg that was lost in the same turn had brought may have been read or not: it
//             counts as not, unless it is told.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <havklo/command.hpp>
#include <havklo/config.hpp>
#include <havklo/limits.hpp>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "replay/observer/legs/behind.hpp"
#include "replay/observer/legs/leg.hpp"
#include "replay/observer/sometimes.hpp"
#include "replay/observer/verdict.hpp"
#include "replay/venue/market_truth.hpp"

namespace havklo::replay {

class LegTrades {
 public:
  LegTrades(const Settings& settings, uint16_t session, const Names& names,
            const MarketTruth& truth, const SeenLegs& legs, Verdict& verdict);

  void on_command(const Command& command);
  // Takes them out.
  void on_read(uint32_t leg, WireView& wire, Instant now);
  void on_event(const Event& event);
  void on_overrun(const Event& event);
  void on_leg_lost(uint32_t leg);
  // `tells`: as for LegBooks.
  void end_turn(Instant now, bool tells);

  [[nodiscard]] std::optional<Instant> behind_since(uint32_t leg) const;
  [[nodiscard]] const Reached& reached() const { return reached_; }

 private:
  struct Arrived {
    SeenTrade seen;
    uint32_t leg = 0;
  };
  struct Range {
    uint64_t first = 0;
    uint64_t last = 0;
  };
  struct Tail {
    std::string symbol;
    std::optional<uint32_t> market;
    std::optional<SymbolId> id;
    bool wanted = true;
    bool ended = false;  // Unsubscribed was told, and no Subscribed since
    // All up to it is none of the strategy's business; none: nothing has said where to begin.
    std::optional<uint64_t> begin;
    uint64_t last = 0;                    // told or named
    std::map<uint64_t, bool> told;        // above begin; true: late
    std::vector<Range> named;             // in gaps
    std::map<uint64_t, uint64_t> untold;  // read, and neither; events lost by then
    std::map<uint64_t, Instant> holes;    // ids passed over, when first
    std::set<uint64_t> unreadable;        // as some leg brought them
    std::vector<Arrived> arrived;         // in this turn
    uint64_t highest = 0;                 // that has arrived at all
    std::array<uint64_t, legs_max> passed{};
    std::array<SeenBehind, legs_max> behind{};
  };

  [[nodiscard]] Tail& tail_for(std::string_view symbol);
  [[nodiscard]] Tail* find(SymbolId symbol);
  void on_trade(const Event& event);
  void on_gap(const Event& event);
  void on_answer(const Event& event);
  void check_content(const Tail& tail, const Event& event);
  void check_early(const Tail& tail, const Event& event);
  void settle(Tail& tail);
  void see_behind(Tail& tail, Instant now);
  [[nodiscard]] bool listens(const Tail& tail, const SeenLeg& leg) const;
  [[nodiscard]] static bool is_named(const Tail& tail, uint64_t id);
  void reach(Sometime state) { reached_.set(static_cast<size_t>(state)); }
  void violate(Invariant invariant, Instant at, std::string what) {
    verdict_.violate(invariant, session_, at, std::move(what));
  }

  uint16_t session_;
  bool gaps_;
  Duration lag_max_;
  const Names& names_;
  const MarketTruth& truth_;
  const SeenLegs& legs_;
  Verdict& verdict_;
  std::deque<Tail> tails_;
  uint64_t lost_ = 0;  // events, of all sessions
  Reached reached_;
};

}  // namespace havklo::replay
