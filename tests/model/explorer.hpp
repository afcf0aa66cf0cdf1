// Breadth first over everything that can happen, to a depth: each state once, every way out of it.
//
// Of each new state it is also asked whether the venue, well from here on, gets it Live: no wait
// without an end, no dead end.
// Owns:   the states seen (by 128 bits of what decides their future), how each was reached, and
//         where each move leads.
// Order:  fixed; the first path that breaks is among the shortest.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/cases.hpp"
#include "model/machine.hpp"
#include "model/monitor.hpp"

namespace havklo::model {

struct Exploration {
  uint64_t states = 0;
  uint64_t transitions = 0;
  uint32_t depth = 0;     // reached
  bool complete = false;  // there was nothing beyond
  std::optional<std::string> breach;
  Path path;  // to the breach
};

// What decides the future of a state, relative to now; of counters that only grow, what matters.
class Key {
 public:
  Key(const Machine& machine, const Monitor& monitor) {
    const Instant now = machine.now();
    for (const Life& life : machine.lives()) write(life, now);
    for (const Instant place : machine.budget().places()) add(seconds_from(now, place));
    add(127);
    write_timers(machine);
    monitor.write_key(bytes_);
  }
  struct Hash {
    uint64_t high = 0;
    uint64_t low = 0;
    friend bool operator==(const Hash&, const Hash&) = default;
  };
  [[nodiscard]] Hash hash() const {
    Hash hash{0x9E3779B97F4A7C15ULL, 0xC2B2AE3D27D4EB4FULL};
    for (const int8_t byte : bytes_) {
      hash.high = mix(hash.high ^ static_cast<uint8_t>(byte), 0xFF51AFD7ED558CCDULL);
      hash.low = mix(hash.low + static_cast<uint8_t>(byte) + 1, 0xD6E8FEB86659FD93ULL);
    }
    return hash;
  }

 private:
  static uint64_t mix(uint64_t value, uint64_t by) {
    value *= by;
    return value ^ (value >> 32U);
  }
  void add(int8_t byte) { bytes_.push_back(byte); }
  void write(const Life& life, Instant now) {
    add(static_cast<int8_t>(life.phase));
    add(static_cast<int8_t>(life.breaker));
    for (const bool is : {life.probing, life.said, life.floor, life.only_backoff}) add(is ? 1 : 0);
    add(static_cast<int8_t>(std::min(life.failures, 5U)));
    add(static_cast<int8_t>(std::min(life.attempt, 4U)));
    add(life.place ? seconds_from(now, *life.place) : int8_t{-1});
    const bool waits = life.phase == Phase::waiting;
    add(waits ? std::max(seconds_from(now, life.not_before), int8_t{0}) : int8_t{0});
    const bool live = life.phase == Phase::live;
    add(live ? std::max(seconds_from(now, life.live_since), int8_t{-6}) : int8_t{0});
  }
  // In the order in which they will fire.
  void write_timers(const Machine& machine) {
    struct Armed {
      Timer timer;
      int8_t which = 0;
    };
    std::vector<Armed> all;
    int8_t which = 0;
    for (const Life& life : machine.lives()) {
      for (const Timer& timer : life.timers) {
        if (timer.due != Instant::never()) all.push_back({timer, which});
        ++which;
      }
    }
    std::ranges::sort(all, [](const Armed& a, const Armed& b) {
      return a.timer.due != b.timer.due ? a.timer.due < b.timer.due : a.timer.order < b.timer.order;
    });
    for (const Armed& each : all) {
      add(each.which);
      add(seconds_from(machine.now(), each.timer.due));
    }
    add(127);
  }
  std::vector<int8_t> bytes_;
};

// From here on the venue is well: it takes every attempt, greets, serves. Whether everybody is
// then Live or Closed.
[[nodiscard]] inline bool gets_live(Machine machine) {
  Choices choices;
  std::vector<Said> said;
  constexpr uint32_t turns_max = 60;
  for (uint32_t turn = 0; turn < turns_max; ++turn) {
    bool done = true;
    Input input;
    for (uint8_t session = 0; session < machine.lives().size(); ++session) {
      const Phase phase = machine.lives()[session].phase;
      done = done && (phase == Phase::live || phase == Phase::closed);
      if (input.kind != InputKind::nothing) continue;
      input.session = session;
      if (phase == Phase::connecting) input.kind = InputKind::upgraded;
      if (phase == Phase::greeting) input.kind = InputKind::greeted;
      if (phase == Phase::restoring) input.kind = InputKind::all_clear;
    }
    if (done) return true;
    const bool waits = input.kind == InputKind::nothing;
    const Instant next = waits ? machine.next_deadline() : machine.now();
    if (next == Instant::never()) return false;
    machine.turn(std::max(next, machine.now()), input, choices, said);
  }
  return false;
}

class Explorer {
 public:
  // `keeps_ways`: for who walks them.
  Explorer(const Case& of, Mistake mistake, bool keeps_ways = false)
      : case_(of), mistake_(mistake), keeps_ways_(keeps_ways) {}
  [[nodiscard]] Exploration run(uint32_t depth) {
    Machine machine(case_.sessions, mistake_, 1_ns);
    Monitor monitor(case_.sessions);
    std::vector<State> frontier{{machine, monitor, 0}};
    step(frontier[0], {});  // the turn that starts
    for (; result_.depth < depth && !frontier.empty() && !result_.breach; ++result_.depth) {
      std::vector<State> next;
      for (const State& state : frontier) {
        for (const Move& move : moves_of(state.machine, case_)) {
          State after{state.machine, state.monitor, state.number};
          if (step(after, move)) next.push_back(std::move(after));
          if (result_.breach) return result_;
        }
      }
      frontier = std::move(next);
    }
    result_.complete = frontier.empty();
    return result_;
  }
  // Of each state that was expanded, by its number (0 is the start): where its moves lead, in the
  // order of moves_of().
  [[nodiscard]] const std::vector<std::vector<uint32_t>>& ways() const { return ways_; }
  // Everybody is closed, or will be whatever comes.
  [[nodiscard]] const std::vector<bool>& ends() const { return ends_; }

 private:
  struct State {
    Machine machine;
    Monitor monitor;
    uint32_t number = 0;
  };
  struct Reached {
    uint32_t from = 0;
    Move by;
  };
  struct Hasher {
    size_t operator()(const Key::Hash& hash) const { return hash.low; }
  };

  // True: the state is new.
  bool step(State& state, const Move& move) {
    said_.clear();
    const bool first = reached_.empty();
    const uint32_t from = state.number;
    const Instant now = first ? first_turn : state.machine.now() + move.passes;
    state.machine.turn(now, move.input, choices_, said_);
    auto breach = state.monitor.turn(now, move.input, said_);
    const auto number = static_cast<uint32_t>(reached_.size());
    const auto [known, is_new] =
        numbers_.try_emplace(Key(state.machine, state.monitor).hash(), number);
    state.number = known->second;
    ++result_.transitions;
    if (!first && keeps_ways_) ways_[from].push_back(state.number);
    if (is_new && !breach && !gets_live(state.machine)) {
      breach = "no way to Live, though the venue is well";
    }
    if (breach) {
      result_.breach = breach;
      result_.path = path_to(from);
      if (!first) result_.path.push_back(move);
    }
    if (!is_new) return false;
    ++result_.states;
    reached_.push_back({from, move});
    if (keeps_ways_) {
      ways_.emplace_back();
      ends_.push_back(std::ranges::all_of(state.machine.lives(), [](const Life& life) {
        return life.phase == Phase::closing || life.phase == Phase::closed;
      }));
    }
    return true;
  }
  // Without the turn that starts.
  [[nodiscard]] Path path_to(uint32_t number) const {
    Path path;
    for (; number != 0; number = reached_[number].from) path.push_back(reached_[number].by);
    std::ranges::reverse(path);
    return path;
  }

  const Case& case_;
  Mistake mistake_;
  bool keeps_ways_;
  Choices choices_;
  std::vector<Said> said_;
  std::vector<Reached> reached_;  // by number; the first is the start
  std::unordered_map<Key::Hash, uint32_t, Hasher> numbers_;
  std::vector<std::vector<uint32_t>> ways_;
  std::vector<bool> ends_;
  Exploration result_;
};

}  // namespace havklo::model
