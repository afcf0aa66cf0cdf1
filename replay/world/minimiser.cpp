// One attempt after another; what still fails is kept.
#include "replay/world/minimiser.hpp"

#include <algorithm>
#include <functional>
#include <vector>

#include "replay/world/simulation.hpp"

namespace havklo::replay {
namespace {

constexpr uint32_t runs_max = 2000;

class Minimiser {
 public:
  Minimiser(Scenario scenario, Invariant broken)
      : best_{.scenario = with_defaults(std::move(scenario))}, broken_(broken) {}

  Minimised run() {
    do {
      changed_ = false;
      shrink(&Scenario::commands);
      shrink(&Scenario::pauses);
      shrink(&Scenario::jumps);
      shrink_faults();
      drop_sessions();
      simplify();
    } while (changed_ && best_.runs < runs_max);
    return std::move(best_);
  }

 private:
  // Keeps the candidate if it breaks the same.
  bool keep(Scenario candidate) {
    if (best_.runs >= runs_max) return false;
    ++best_.runs;
    const SimulationResult result = simulate(candidate);
    if (!result.breach || result.breach->invariant != broken_) return false;
    best_.scenario = std::move(candidate);
    changed_ = true;
    return true;
  }

  template <class T>
  void shrink_list(const std::function<std::vector<T>&(Scenario&)>& list) {
    for (size_t piece = list(best_.scenario).size(); piece > 0; piece /= 2) {
      for (size_t at = 0; at < list(best_.scenario).size();) {
        Scenario candidate = best_.scenario;
        std::vector<T>& items = list(candidate);
        const auto from = items.begin() + static_cast<ptrdiff_t>(at);
        items.erase(from, from + static_cast<ptrdiff_t>(std::min(piece, items.size() - at)));
        if (!keep(std::move(candidate))) at += piece;
      }
    }
  }
  template <class T>
  void shrink(std::vector<T> Scenario::*list) {
    shrink_list<T>([list](Scenario& scenario) -> std::vector<T>& { return scenario.*list; });
  }
  void shrink_faults() {
    shrink_list<Fault>(
        [](Scenario& scenario) -> std::vector<Fault>& { return scenario.faults.faults; });
  }

  void drop_sessions() {
    for (size_t at = 0;
         at < best_.scenario.sessions.size() && best_.scenario.sessions.size() > 1;) {
      Scenario candidate = best_.scenario;
      candidate.sessions.erase(candidate.sessions.begin() + static_cast<ptrdiff_t>(at));
      std::erase_if(candidate.commands,
                    [at](const PlannedCommand& each) { return each.session == at; });
      for (PlannedCommand& each : candidate.commands) each.session -= each.session > at ? 1 : 0;
      if (!keep(std::move(candidate))) ++at;
    }
  }

  // One simplification each, kept if it still breaks.
  void simplify() {
    using Change = void (*)(Scenario&);
    constexpr Change changes[] = {
        [](Scenario& s) { s.run.disk_blocks.reset(); },
        [](Scenario& s) { s.run.lateness = {}; },
        [](Scenario& s) { s.run.lasting = Duration{s.run.lasting.ns / 2}; },
        [](Scenario& s) { s.network = {.seed = s.network.seed}; },
        [](Scenario& s) { s.network.jitter = {}; },
        [](Scenario& s) { s.network.reorder = false; },
        [](Scenario& s) { s.network.read_bytes_max = s.network.write_bytes_max = 0; },
        [](Scenario& s) { s.venue = {.seed = s.venue.seed}; },
        [](Scenario& s) { s.market.moves_per_1000_s = 0; },
        [](Scenario& s) { s.market.trades_per_1000_moves = 0; },
        [](Scenario& s) { s.market.unheard_trades_per_1000_s = 0; },
        [](Scenario& s) { each(s, [](Settings& c) { c.feed = {}; }); },
        [](Scenario& s) { each(s, [](Settings& c) { c.feed.trade_gaps = false; }); },
        [](Scenario& s) { each(s, [](Settings& c) { c.reconnect = {}; }); },
        [](Scenario& s) { each(s, [](Settings& c) { c.reconnect.jitter = Jitter::none; }); },
        [](Scenario& s) { each(s, [](Settings& c) { c.circuit_breaker = {}; }); },
        [](Scenario& s) { each(s, [](Settings& c) { c.circuit_breaker.enabled = false; }); },
        [](Scenario& s) { each(s, [](Settings& c) { c.timeouts = {}; }); },
        [](Scenario& s) { each(s, [](Settings& c) { c.requests = {}; }); },
        [](Scenario& s) {
          each(s, [](Settings& c) {
            if (c.subscriptions.size() > 1) c.subscriptions.pop_back();
          });
        },
        [](Scenario& s) {
          each(s, [](Settings& c) {
            auto& symbols = c.subscriptions.front().symbols;
            if (symbols.size() > 1) symbols.pop_back();
          });
        }};
    for (const Change change : changes) {
      Scenario candidate = best_.scenario;
      change(candidate);
      if (to_toml(candidate) != to_toml(best_.scenario))
        static_cast<void>(keep(std::move(candidate)));
    }
  }
  static void each(Scenario& scenario, void (*change)(Settings&)) {
    for (Settings& session : scenario.sessions) change(session);
  }

  Minimised best_;
  Invariant broken_;
  bool changed_ = false;
};

}  // namespace

Minimised minimise(const Scenario& scenario, Invariant broken) {
  return Minimiser(scenario, broken).run();
}

}  // namespace havklo::replay
