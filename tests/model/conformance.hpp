// The engine against the model: along which paths, and where they differ.
#pragma once

#include <functional>
#include <havklo/random.hpp>
#include <optional>
#include <string>
#include <vector>

#include "model/engine_path.hpp"
#include "model/explorer.hpp"

namespace havklo::model {

struct Agreement {
  uint64_t paths = 0;
  std::optional<std::string> difference;  // the first
};

// Both along one path; the first turn in which they differ, in words.
[[nodiscard]] inline std::optional<std::string> compare(const Case& of, Mistake mistake,
                                                        const Path& path) {
  keep_memory();
  EnginePath engine(of.sessions);
  Machine machine(of.sessions, mistake, 1_ns);
  Choices choices;
  std::vector<Said> said;
  machine.turn(first_turn, {}, choices, said);
  std::vector<Said> done = engine.start();
  for (size_t at = 0;; ++at) {
    const auto expected = as_seen(said);
    if (expected != as_seen(done)) {
      const Path so_far(path.begin(), path.begin() + static_cast<ptrdiff_t>(at));
      return text_of(so_far) + "  the model says\n" + text_of(expected) + "  the engine did\n" +
             text_of(as_seen(done));
    }
    if (at == path.size()) return std::nullopt;
    said.clear();
    machine.turn(machine.now() + path[at].passes, path[at].input, choices, said);
    done = engine.step(path[at]);
  }
}

// Every sequence of so many turns, whatever states it shares with others. Each runs whole: those
// that are shorter are its beginnings.
[[nodiscard]] inline Agreement every_sequence(const Case& of, Mistake mistake, uint32_t length) {
  Agreement result;
  Choices choices;
  Path path;
  const std::function<void(const Machine&)> go_on = [&](const Machine& machine) {
    if (result.difference) return;
    if (path.size() == length) {
      ++result.paths;
      result.difference = compare(of, mistake, path);
      return;
    }
    for (const Move& move : moves_of(machine, of)) {
      Machine after = machine;
      std::vector<Said> said;
      after.turn(after.now() + move.passes, move.input, choices, said);
      path.push_back(move);
      go_on(after);
      path.pop_back();
    }
  };
  Machine machine(of.sessions, mistake, 1_ns);
  std::vector<Said> said;
  machine.turn(first_turn, {}, choices, said);
  go_on(machine);
  return result;
}

// So many moves as the seed draws them, to the first end. Time alone passes in half of them, or
// nothing would ever be late; close() is rare.
[[nodiscard]] inline Path drawn_path(const Case& of, uint64_t seed, size_t length) {
  Random random(seed);
  Machine machine(of.sessions, Mistake::none, 1_ns);
  Choices choices;
  std::vector<Said> said;
  machine.turn(first_turn, {}, choices, said);
  Path path;
  const auto is_closed = [](const Life& life) { return life.phase == Phase::closed; };
  while (path.size() < length && !std::ranges::all_of(machine.lives(), is_closed)) {
    const std::vector<Move> moves = moves_of(machine, of);
    const bool time_alone = random.below(2) == 0;
    const Move move = moves[time_alone ? 0 : random.below(moves.size())];
    if (move.input.kind == InputKind::close && random.below(100) != 0) continue;
    path.push_back(move);
    machine.turn(machine.now() + move.passes, move.input, choices, said);
  }
  return path;
}

// Walks over the states of an exploration so that every move is made, and goes on with one engine
// as long as it lives: what came before a state differs from walk to walk.
class Walk {
 public:
  // Moves after which everybody is closed, or nothing was explored, are made in the first
  // `last_moves` states only: each costs an engine.
  Walk(const Case& of, Mistake mistake, const Explorer& explored, uint32_t last_moves)
      : case_(of),
        mistake_(mistake),
        ways_(explored.ways()),
        ends_(explored.ends()),
        last_moves_(last_moves),
        made_(ways_.size()) {
    for (size_t state = 0; state < ways_.size(); ++state) {
      made_[state].resize(ways_[state].size());
    }
    left_in_.resize(ways_.size());
    for (uint32_t state = 0; state < ways_.size(); ++state) {
      for (uint32_t way = 0; way < ways_[state].size(); ++way) {
        left_in_[state] += wants(state, way) ? 1 : 0;
      }
    }
  }
  [[nodiscard]] Agreement run() {
    keep_memory();
    Agreement result;
    for (bool goes_on = true; goes_on && !result.difference;) {
      path_.clear();
      EnginePath engine(case_.sessions);
      Machine machine(case_.sessions, mistake_, 1_ns);
      std::vector<Said> said;
      machine.turn(first_turn, {}, choices_, said);
      result.difference = differ(said, engine.start());
      goes_on = false;
      for (uint32_t at = 0; !result.difference;) {
        const auto leads = next_from(at);
        if (leads.empty()) break;
        goes_on = true;
        for (const uint32_t way : leads) {
          const Move move = moves_of(machine, case_)[way];
          if (wants(at, way)) --left_in_[at];
          result.paths += made_[at][way] ? 0 : 1;
          made_[at][way] = true;
          path_.push_back(move);
          said.clear();
          machine.turn(machine.now() + move.passes, move.input, choices_, said);
          result.difference = differ(said, engine.step(move));
          if (result.difference) break;
          at = ways_[at][way];
        }
      }
    }
    return result;
  }

 private:
  [[nodiscard]] bool is_end(uint32_t state) const { return ends_[state] || ways_[state].empty(); }
  [[nodiscard]] bool wants(uint32_t state, uint32_t way) const {
    return !made_[state][way] && (!is_end(ways_[state][way]) || state < last_moves_);
  }
  // A move of the state that is not made yet, ends last.
  [[nodiscard]] std::optional<uint32_t> unmade(uint32_t state) const {
    std::optional<uint32_t> end;
    if (left_in_[state] == 0) return end;
    for (uint32_t way = 0; way < ways_[state].size(); ++way) {
      if (!wants(state, way)) continue;
      if (!is_end(ways_[state][way])) return way;
      end = way;
    }
    return end;
  }
  // The moves to the nearest state with one that is not made yet, and that one; none: all are.
  [[nodiscard]] std::vector<uint32_t> next_from(uint32_t from) {
    if (const auto way = unmade(from)) return {*way};
    // Stamps tell this search from the ones before it.
    ++search_;
    came_.resize(ways_.size());
    came_[from] = {search_, from, 0};
    std::vector<uint32_t> seen{from};
    for (size_t at = 0; at < seen.size(); ++at) {
      const uint32_t state = seen[at];
      if (const auto last = unmade(state)) {
        std::vector<uint32_t> leads{*last};
        for (uint32_t back = state; back != from; back = came_[back].from) {
          leads.push_back(came_[back].way);
        }
        std::ranges::reverse(leads);
        return leads;
      }
      for (uint32_t way = 0; way < ways_[state].size(); ++way) {
        Came& next = came_[ways_[state][way]];
        if (next.search == search_) continue;
        next = {search_, state, way};
        seen.push_back(ways_[state][way]);
      }
    }
    return {};
  }
  [[nodiscard]] std::optional<std::string> differ(const std::vector<Said>& said,
                                                  const std::vector<Said>& done) const {
    const auto expected = as_seen(said);
    const auto got = as_seen(done);
    if (expected == got) return std::nullopt;
    return text_of(path_) + "  the model says\n" + text_of(expected) + "  the engine did\n" +
           text_of(got);
  }

  const Case& case_;
  Mistake mistake_;
  const std::vector<std::vector<uint32_t>>& ways_;
  const std::vector<bool>& ends_;
  uint32_t last_moves_;
  std::vector<std::vector<bool>> made_;
  std::vector<uint32_t> left_in_;  // of a state: moves that are wanted
  struct Came {
    uint32_t search = 0;
    uint32_t from = 0;
    uint32_t way = 0;
  };
  std::vector<Came> came_;
  uint32_t search_ = 0;
  Choices choices_;
  Path path_;
};

}  // namespace havklo::model
