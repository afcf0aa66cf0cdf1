// What a sweep of worlds found: figures that add up over shards and machines.
//
// Owns:    counts and histograms.
// Threads: a value.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "replay/world/simulation.hpp"

namespace havklo::replay {

struct SweepFailure {
  uint64_t seed = 0;
  std::string invariant;
  std::string what;
};

// Of the seeds from `first` to `last` those whose remainder by `count` is `index`.
struct SweepShard {
  uint64_t first = 0;
  uint64_t last = 0;
  uint64_t index = 0;
  uint64_t count = 1;

  auto operator<=>(const SweepShard&) const = default;
};

struct SweepStatistics {
  uint64_t first_seed = 0;
  uint64_t last_seed = 0;
  std::vector<SweepShard> shards;  // whose worlds these are; none: a line that does not say it
  uint64_t worlds = 0;
  uint64_t closed = 0;  // sessions that ended by their settings
  uint64_t outages = 0;
  uint64_t losses = 0;
  uint64_t attempts = 0;
  uint64_t repairs = 0;
  uint64_t books_verified = 0;
  uint64_t turns = 0;
  uint64_t events = 0;
  uint64_t virtual_ns = 0;
  uint64_t cpu_ns = 0;                             // of all shards together
  uint64_t digest = 0;                             // of all worlds, in any order
  std::array<uint64_t, sometime_count> reached{};  // worlds that reached each state
  bool drawn = true;                               // from seeds alone, not from one scenario
  OutageHistograms figures;
  Histogram recovery_ms;
  std::vector<SweepFailure> failures;

  void add(uint64_t seed, const SimulationResult& result);
  void add(const SweepStatistics& other);
};

struct NamedCount {
  const char* name;
  uint64_t SweepStatistics::*value;
};
struct NamedHistogram {
  const char* name;
  const char* title;
  Histogram& (*get)(SweepStatistics&);
};
// The figures by name, for writing and reading.
[[nodiscard]] const std::vector<NamedCount>& sweep_counts();
[[nodiscard]] const std::vector<NamedHistogram>& sweep_histograms();

// A drawn sweep of so many worlds meets every state that a sweep must reach.
inline constexpr uint64_t worlds_for_every_state = 20'000;
[[nodiscard]] inline bool must_reach_all(const SweepStatistics& statistics) {
  return statistics.drawn && statistics.worlds >= worlds_for_every_state;
}
// "never in 10000 worlds: mute_symbol, waits_for_ring"; empty: every state was reached.
[[nodiscard]] std::string never_reached(const SweepStatistics& statistics);

// "shard 0/2 of seeds 1..8 is there twice"; empty: no world is in both.
[[nodiscard]] std::string shared_shard(const SweepStatistics& one, const SweepStatistics& other);
// "59 of 100000 worlds: the sweep is not whole"; empty: every seed from the first to the last ran.
[[nodiscard]] std::string not_whole(const SweepStatistics& statistics);
// In order; where all shards of some seeds are there, they are one.
[[nodiscard]] std::vector<SweepShard> joined(std::vector<SweepShard> shards);

// For people.
[[nodiscard]] std::string to_table(const SweepStatistics& statistics);

}  // namespace havklo::replay
