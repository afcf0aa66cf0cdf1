// One attempt's race for TCP among the addresses of a name: who runs when.
//
// Owns:       who waits, who runs, who has run in this attempt.
// Not owned:  sockets, time (passed in): whoever connects asks next(), tells fell(), and when TCP
//             opens at one address the race is won and over.
// Threads:    one.
// Invariants: an address runs once; at most `runners_max` run; while one waits wakes_at() is before
//             the deadline. What failed before does not run beside one that did not, before that
//             one has had its time: else a near address that hangs in TLS would win each race
//             against a far one that is well.
// Cost:       O(addresses), allocates; some calls in each attempt.
// Rule:       RFC 8305 §5. The whole race is one attempt to the connect budget.
#pragma once

#include <cstddef>
#include <havklo/clock.hpp>
#include <havklo/transport.hpp>
#include <optional>
#include <vector>

#include "addresses/addresses.hpp"

namespace havklo::addresses {

class AddressRace {
 public:
  // Between two starts; less where the attempt would end before everybody has run.
  static constexpr Duration stagger = Duration::milliseconds(250);
  static constexpr size_t runners_max = 4;

  // Nobody waits yet. `timeout`: of the whole attempt.
  void begin(Instant now, Duration timeout);
  // Who is to run from now on; who has run is left out.
  void offer(const AddressOrder& order);

  struct Start {
    Endpoint endpoint;
    std::optional<Endpoint> instead_of;  // which has run longest, and has to stop
  };
  // Who starts now; to be asked until nobody does.
  [[nodiscard]] std::optional<Start> next(Instant now);
  // When next() has an answer, if nobody falls before; never(): nobody waits.
  [[nodiscard]] Instant wakes_at() const;
  // TCP did not open there: the next need not wait.
  void fell(const Endpoint& endpoint);

  // TCP opened elsewhere. Who has run in vain for so long that it counts as a failure; who was
  // overtaken sooner is only further away.
  [[nodiscard]] std::vector<Endpoint> overdue(Instant now) const;

  // Nobody runs and nobody waits.
  [[nodiscard]] bool over() const { return running_.empty() && waiting_.empty(); }
  // `endpoint` is the only one that still could win.
  [[nodiscard]] bool is_last(const Endpoint& endpoint) const {
    return waiting_.empty() && running_.size() == 1 && running_.front().endpoint == endpoint;
  }
  [[nodiscard]] Instant deadline() const { return deadline_; }

 private:
  struct Runner {
    Endpoint endpoint;
    Instant began;
    bool trusted = false;
  };

  Instant last_start_;
  Instant deadline_;
  Duration patience_;              // how long a trusted one runs before one that is not joins it
  bool hurries_ = false;           // one fell since the last start
  std::vector<Endpoint> waiting_;  // the next first
  size_t trusted_ = 0;             // so many of them
  std::vector<Runner> running_;    // the oldest first
  std::vector<Endpoint> started_;
};

}  // namespace havklo::addresses
