// The budget door: what others than this engine have used of a connect budget.
//
// An engine books its own attempts in a ConnectBudget (connect_budget.hpp). Where the venue counts
// attempts of others too, of other engines of the process or of other processes, each place must be
// free here as well. Only what has begun stands here: whoever waits for a place and dies leaves
// nothing behind.
//
// Contract:
//   - All instants are the engine's. An answer is never before what was asked for, and never more
//     than a window after it or after `now`, whichever is later.
//   - `spare`: so many more places must be free; they stay free, for whoever is in greater need.
//   - What makes an engine wait is told to its journal, and a replay is given it back.
// Threads: the loop's own; what lies behind may be used by many.
// Cost:    an answer may take O(attempts); neither waits, locks nor allocates. Asked once or twice
//          an attempt.
#pragma once

#include <cstdint>
#include <havklo/clock.hpp>
#include <havklo/config.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace havklo {

class SharedConnectBudget {
 public:
  virtual ~SharedConnectBudget() = default;

  // From when on, but not before `earliest`, a place will be free, as far as is known `now`.
  [[nodiscard]] virtual Instant free_from(Instant earliest, uint32_t spare, Instant now) = 0;

  // An attempt would begin now. `now`: it has its place, for a window. Later: none is free, and
  // none will be before that.
  [[nodiscard]] virtual Instant begin(uint32_t spare, Instant now) = 0;
};

// For whom a connect budget counts: attempts to one venue from one source address, as the venue
// counts them.
struct BudgetKey {
  std::string venue;   // "kraken.com" for it and every name below it; else the URL's host
  std::string source;  // the source address in its usual form; "": the kernel chooses
  // "kraken.com", "kraken.com from 192.0.2.1"
  [[nodiscard]] std::string text() const;
  friend bool operator==(const BudgetKey&, const BudgetKey&) = default;
};

// Of valid settings.
[[nodiscard]] BudgetKey budget_key_of(const Settings& settings, uint32_t leg = 0);

// The legs of an engine's sessions by their keys: those of one key share a budget. Keys are
// numbered in the order of their first legs, whose sessions' numbers (connect_budget,
// connect_budget_window, budget_file) are the key's.
struct BudgetGroups {
  std::vector<uint32_t> legs_before;  // each session's: legs of those before it
  std::vector<uint32_t> group_of;     // each leg's, session by session
  std::vector<uint32_t> first_of;     // each group's first session
  std::vector<BudgetKey> keys;        // each group's
  [[nodiscard]] uint32_t group(uint32_t session, uint32_t leg) const {
    return group_of[legs_before[session] + leg];
  }
  [[nodiscard]] uint32_t legs_in(uint32_t group) const;
};
[[nodiscard]] BudgetGroups group_by_budget(std::span<const Settings> sessions);

// What `settings` name of a budget otherwise than `first`, by which it was made. Settings do not
// say whether somebody named them: a default names nothing. `as` says whose the first are.
[[nodiscard]] std::optional<ConfigError> differing_budget(const ReconnectSettings& settings,
                                                          const ReconnectSettings& first,
                                                          std::string_view as);

}  // namespace havklo
