// What one session asks of the venue, as an observer sees it: each wish in time, in fit words,
// as often as the design says and no more often; and what of a wish is remembered, and what is
// forgotten (design §1.1).
//
// asking.cpp has what is to leave, asking_answers.cpp what comes back.
// Owns:       the pace, a record for each (channel, symbol) that was ever wanted. Channels whose
//             requests name no symbol are left out.
// Not owned:  the verdict.
// Threads:    one.
// Cost:       O(wishes) a request, an event and the end of a turn.
// What cannot be known from the doors is `unknown`, and nothing is asked of it: how often a wish
// was tried in silence, or what a command does to what is under way.
#pragma once

#include <cstdint>
#include <deque>
#include <havklo/command.hpp>
#include <havklo/config.hpp>
#include <havklo/event.hpp>
#include <havklo/names.hpp>
#include <havklo/timer_wheel.hpp>
#include <optional>
#include <set>
#include <string>

#include "replay/observer/verdict.hpp"
#include "replay/observer/wire_view.hpp"
#include "replay/observer/wishes/pace.hpp"

namespace havklo::replay {

class AskingObserver {
 public:
  // `lossy`: the venue may fail to send an update; then another may change nothing.
  AskingObserver(const Settings& settings, uint16_t session, const Names& names, bool lossy,
                 Verdict& verdict);

  // Where the ring holds something, a wish may have to wait for room before it is asked for.
  void begin_turn(bool ring_is_empty);
  void on_command(const Command& command, Instant now);
  void begin_epoch(Instant now);
  void end_epoch(const WireView& wire, Instant now);
  void on_live(Instant now) { pace_.on_live(now); }
  // Takes what was delivered out of `wire`.
  void on_delivered(WireView& wire, Instant now);
  void on_request(const WireView& wire, const SeenRequest& request);
  void on_event(const Event& event);
  // The ring was full in between.
  void on_overrun() {
    overrun_ = true;
    stood_still_.clear();
  }
  void end_turn(const WireView& wire, Instant now, bool has_room);

  // A wish is refused for now, or waits for what never came: it is told as Rejected and tried on.
  [[nodiscard]] bool any_in_doubt() const;

 private:
  struct Wish {
    Channel channel = Channel::book;
    std::string symbol;
    std::optional<SymbolId> id;
    uint32_t parameter = 0;
    bool wanted = false;
    bool released = true;  // nothing of it is left: what is wanted again is new

    // On this connection.
    bool asked = false;       // and Unsubscribed has not come
    bool owes_first = false;  // … was not yet, since the greeting
    std::set<uint32_t> asked_parameters;
    int64_t req_id = 0;
    int64_t given_back_id = 0;
    Instant asked_at;
    bool given_back = false;  // an unsubscribe has left since
    Instant given_back_at;
    bool told = false;             // Subscribed, until Unsubscribed
    bool live = false;             // its book is verified
    bool broken = false;           // its book was declared bad, until Unsubscribed
    bool lost = false;             // … because records were lost, until it is verified
    bool refused = false;          // finally
    bool disturbed = false;        // a command or another answer came in between
    bool answered = false;         // since it was asked for
    bool owes_subscribed = false;  // it was acknowledged in this turn

    // Its next request: not before `earliest`, if that is known, and by `due` if the pace allows.
    std::optional<Instant> due;
    std::optional<Instant> earliest;

    std::optional<uint32_t> repairs = 0;      // in a row; none: unknown
    uint32_t bad_snapshots = 0;               // in a row
    std::optional<Instant> owes_doubt_since;  // Rejected is to be said
    Instant cycle_began;  // when something last happened after which it is to be settled anew
    Instant tried_since;  // and since when its tries count: not anew where it is on its way back
    Instant verified_at;
    Instant heard_at;
    uint32_t updates = 0;  // delivered in this turn to a book that is verified

    bool in_doubt = false;
    bool doubt_told = false;  // on this connection
    bool doubt_unknown = false;
    TextId doubt_detail{};
  };

  // Deadlines are rounded up to the wheel's tick.
  static constexpr Duration timer_slack = TimerWheel::tick * 2;
  static constexpr Duration wait_max = Duration::seconds(60);
  static constexpr uint32_t bad_snapshots_max = 3;
  static constexpr int64_t tries_max = 3;

  void read_rate_errors(const WireView& wire, Instant now, bool certain);
  void on_asked(Wish& wish, const SeenRequest& request);
  void on_given_back(Wish& wish, const SeenRequest& request);
  void on_answer(const SeenAnswer& answer, Instant now);
  void disturb(Wish& wish) const;
  void on_refused(Wish& wish, const SeenAnswer& answer, bool in_company, Instant now);
  void on_rejected(Wish& wish, const Event& event);
  static void settle(Wish& wish);
  void on_late_refusal(const SeenAnswer& answer);
  void check_doubt(Wish& wish, std::string_view why, Instant now);
  void on_unsubscribed(Wish& wish, Instant now);
  void on_fault(Wish& wish, const Event& event);
  void on_book(Wish& wish, const Event& event);
  void check_company(const SeenRequest& request, Instant now);
  [[nodiscard]] bool owes_doubt_too_long(Wish& wish, Instant now) const;
  [[nodiscard]] bool is_mute_for_long(const Wish& wish, Instant now) const;
  [[nodiscard]] static bool is_named(const Wish& wish, const SeenRequest& request);
  // The wait before its next try, and one more of them.
  [[nodiscard]] static std::optional<Duration> next_delay(Wish& wish);
  static void begin_cycle(Wish& wish, Instant now);
  void wait_for_room(Wish& wish, Instant now);
  Wish& wish_for(Channel channel, std::string_view symbol);
  [[nodiscard]] Wish* find(Channel channel, SymbolId id);
  void violate(Invariant invariant, Instant at, std::string what) const;

  Duration restore_timeout_;
  Duration stable_after_;
  uint16_t session_;
  const Names& names_;
  bool lossy_;
  bool ring_is_empty_ = true;
  Verdict& verdict_;
  PaceObserver pace_;
  std::deque<Wish> wishes_;
  bool connected_ = false;
  bool closing_ = false;
  uint32_t rate_errors_ = 0;     // of this connection, taken into account
  bool rate_spoken_of_ = false;  // … delivered, whether read or not
  int64_t last_req_id_ = 0;
  bool overrun_ = false;  // in this turn
  std::string
      stood_still_;     // a book that was sent an update, and told none: lost, if Overrun is next
  Instant no_time_at_;  // for a try: no room in the ring, or no turn
  Instant turned_at_;
};

}  // namespace havklo::replay
