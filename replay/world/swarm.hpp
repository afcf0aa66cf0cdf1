// What a drawn world has at all: some worlds have everything, in most a drawn mask switches whole
// features off, so that the rest meets more often, and alone.
//
// Owns:       the world's generator and its mask.
// Invariants: the same seed gives the same mask and the same values. What is switched off never
//             happens; what is left of a masked world is likelier than it says.
// Threads:    a value.
#pragma once

#include <bitset>
#include <cstdint>
#include <havklo/clock.hpp>
#include <havklo/random.hpp>
#include <initializer_list>

#include "replay/venue/fault_plan.hpp"

namespace havklo::replay {

enum class Feature : uint8_t {
  // Families of faults (family_of).
  opening_faults,  // nothing resolves, opens, or agrees on TLS
  upgrade_faults,
  silence,        // answers, greetings, data or heartbeats that never come
  rate_refusals,  // "Exceeded msg rate"
  rejections,     // of one symbol, final or for now
  wrong_books,
  stalls,
  pieces,
  cuts,
  rubbish,
  pings,
  statuses,
  // What else the venue and the way to it do.
  maintenance,
  bans,
  late_answers,
  addresses,
  network_jitter,
  reads_cut,
  writes_cut,
  reordering,
  // The market and what is wanted of it.
  busy_market,
  deep_books,
  many_symbols,
  other_channels,
  unknown_symbols,
  // The sessions.
  many_sessions,
  backoff_jitter,
  max_attempts,
  without_reconnect,
  budget,
  breaker,
  short_probes,
  roomy_ring,
  recorder,
  // The user, and the machine.
  commands,
  closes,
  pauses,
  drowning,  // nobody reads while the venue flaps
  jumps,
  lateness,
};
inline constexpr uint8_t feature_count = static_cast<uint8_t>(Feature::lateness) + 1;

[[nodiscard]] Feature family_of(FaultKind kind);

class Swarm {
 public:
  explicit Swarm(uint64_t seed);

  [[nodiscard]] bool has(Feature feature) const { return on_[static_cast<size_t>(feature)]; }
  // A feature that its mask has, and that strikes in so many of a hundred worlds that have
  // everything; in masked ones more often.
  [[nodiscard]] bool chance(Feature feature, uint64_t percent) {
    return has(feature) && chance(masked_ ? percent * 5 / 2 : percent);
  }

  // Values.
  [[nodiscard]] bool chance(uint64_t percent) { return random_.below(100) < percent; }
  // From `lowest` to `highest`, both possible.
  [[nodiscard]] uint64_t between(uint64_t lowest, uint64_t highest) {
    return lowest + random_.below(highest - lowest + 1);
  }
  [[nodiscard]] Duration between(Duration lowest, Duration highest) {
    return lowest + Duration{static_cast<int64_t>(
                        random_.below(static_cast<uint64_t>((highest - lowest).ns) + 1))};
  }
  template <class T>
  [[nodiscard]] T one_of(std::initializer_list<T> choices) {
    return *(choices.begin() + random_.below(choices.size()));
  }
  [[nodiscard]] uint64_t seed() { return random_.next_u64(); }

 private:
  Random random_;
  std::bitset<feature_count> on_;
  bool masked_;
};

}  // namespace havklo::replay
