// The trades of one session as an observer sees them: each that the venue numbered is told once, or
// named in a gap, and nothing else is.
//
// For each wish it keeps how far the strategy has been told, and what arrived on the wire and was
// not told. It is written from design §7.2 alone and judges by the wire and the venue's own list.
// What may have been read or not (the last bytes of a connection that ended) may be told or not.
// Owns:    the model.
// Threads: one.
// Cost:    a wish is looked up by its name; O(log n) in what waits to be told.
#pragma once

#include <cstdint>
#include <deque>
#include <havklo/command.hpp>
#include <havklo/config.hpp>
#include <havklo/event.hpp>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "replay/observer/sometimes.hpp"
#include "replay/observer/verdict.hpp"
#include "replay/observer/wire_view.hpp"
#include "replay/venue/market_truth.hpp"

namespace havklo::replay {

class TradeObserver {
 public:
  TradeObserver(const Settings& settings, uint16_t session, const Names& names,
                const MarketTruth& truth, Verdict& verdict);

  void on_command(const Command& command);
  // Takes them out.
  void on_delivered(WireView& wire);
  void on_event(const Event& event);
  void on_overrun(const Event& event);
  // `reads`: what arrives is read, and the connection has not ended in this turn. `has_room`: a gap
  // would have found room.
  void end_turn(Instant now, bool reads, bool has_room);

  [[nodiscard]] const Reached& reached() const { return reached_; }

 private:
  struct Arrived {
    SeenTrade seen;
    uint64_t lost_before = 0;  // events that were lost, as far as it was known then
  };
  // It arrived and was not told.
  struct Untold {
    uint64_t lost_before = 0;
    uint32_t connection = 0;
    bool readable = false;
    bool sure = true;  // it was read
  };
  struct Tail {
    std::string symbol;
    std::optional<uint32_t> market;
    std::optional<SymbolId> id;
    bool wanted = true;
    bool acked = false;
    bool ended_now = false;  // in this turn: what arrived may have come too late
    // The strategy has been told all up to it, once a first snapshot or trade has said where to
    // begin. `maybe`: the same if what may have been read was read.
    std::optional<uint64_t> told;
    std::set<uint64_t> maybe;
    uint64_t first_message = 0;    // that said where to begin; 0: of an earlier turn
    std::vector<Arrived> arrived;  // in this turn
    size_t judged = 0;             // … of them
    std::map<uint64_t, Untold> untold;
    bool after_gap = false;  // of what arrived nothing is in it
  };

  Tail& tail_for(std::string_view symbol);
  [[nodiscard]] Tail* find(SymbolId symbol);
  [[nodiscard]] Tail* find(std::string_view symbol);
  void on_trade(const Event& event);
  void on_gap(const Event& event);
  void on_answer(const Event& event);
  // What the next of them means, where it is not new; false: it is.
  bool pass_over(Tail& tail);
  void keep_untold(Tail& tail, bool sure);
  void take_maybe(Tail& tail, uint64_t first);
  void check_content(const Tail& tail, const SeenTrade& seen, const Event& event);
  void read_all(Tail& tail);
  void note_maybe(Tail& tail);
  void check_untold(const Tail& tail, Instant now, std::string_view when);
  void note_told(Tail& tail, const Event& event);
  void reach(Sometime state) { reached_.set(static_cast<size_t>(state)); }
  void violate(Instant at, std::string what) {
    verdict_.violate(Invariant::trades_once, session_, at, std::move(what));
  }

  uint16_t session_;
  bool on_;
  const Names& names_;
  const MarketTruth& truth_;
  Verdict& verdict_;
  std::deque<Tail> tails_;
  uint64_t lost_ = 0;  // events, of all sessions
  uint32_t connection_ = 0;
  bool connected_ = false;
  bool just_a_gap_ = false;  // the last event, in this turn
  bool gap_of_end_ = false;  // … without a connection: the end of its wish is due
  Reached reached_;
};

}  // namespace havklo::replay
