// Method: worlds are drawn, simulated and recorded; each recording is read turn by turn, and the
// model must accept it. Of a model that is broken some recording must be refused.
//
// HAVKLO_MODEL_SEED=A takes the worlds from seed A on, HAVKLO_MODEL_WORLDS=N so many of them.
#include "model/recorded_turns.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "replay/world/scenario_draw.hpp"
#include "replay/world/simulation.hpp"
#include "support/temporary_folder.hpp"

namespace havklo::model {
namespace {

uint64_t number_from(const char* name, uint64_t otherwise) {
  const char* given = std::getenv(name);
  return given == nullptr ? otherwise : std::strtoull(given, nullptr, 10);
}

// The model's tables are of a session with one leg.
bool knows_legs_of(uint64_t seed) {
  const replay::Scenario world = replay::draw_scenario(seed);
  return std::ranges::all_of(world.sessions,
                             [](const Settings& session) { return session.legs.size() == 1; });
}

std::string record(const TemporaryFolder& folder, uint64_t seed) {
  const std::string path = folder / (std::to_string(seed) + ".hvk");
  const auto world = replay::simulate(replay::draw_scenario(seed), {.record_path = path});
  EXPECT_FALSE(world.breach) << "seed " << seed;
  return path;
}

Acceptance read_by(const std::string& path, Mistake mistake) {
  auto reader = replay::Reader::open(path);
  if (!reader) return {.rejected = reader.error()};
  return RecordedTurns(std::move(*reader), mistake).check();
}

TEST(RecordedTurns, AreAcceptedByTheModel) {
  const uint64_t first = number_from("HAVKLO_MODEL_SEED", 1);
  const uint64_t worlds = number_from("HAVKLO_MODEL_WORLDS", 40);
  const auto began = std::chrono::steady_clock::now();
  Acceptance all;
  uint64_t refused = 0;
  uint64_t undecided = 0;
  for (uint64_t seed = first; seed < first + worlds; ++seed) {
    if (!knows_legs_of(seed)) continue;
    const TemporaryFolder folder;
    const Acceptance one = read_by(record(folder, seed), Mistake::none);
    EXPECT_FALSE(one.rejected) << "seed " << seed << ", " << one.rejected.value_or("");
    all.turns += one.turns;
    all.outputs += one.outputs;
    refused += one.rejected ? 1 : 0;
    undecided += one.undecided ? 1 : 0;
  }
  EXPECT_LE(undecided, worlds / 20);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  fmt::print("{} worlds, {} turns, {} outputs, {} refused, {} undecided, {:.1f} s\n", worlds,
             all.turns, all.outputs, refused, undecided, took.count());
}

TEST(RecordedTurns, AreRefusedByABrokenModel) {
  for (const Mistake mistake : {Mistake::threshold_one_late, Mistake::counter_reset_by_greeting,
                                Mistake::maintenance_floor_dropped, Mistake::trips_counted_once,
                                Mistake::backoff_one_step_late, Mistake::one_attempt_too_many,
                                Mistake::stable_life_is_a_failure, Mistake::budget_ignored}) {
    bool refused = false;
    for (uint64_t seed = 1; seed <= 40 && !refused; ++seed) {
      if (!knows_legs_of(seed)) continue;
      const TemporaryFolder folder;
      refused = read_by(record(folder, seed), mistake).rejected.has_value();
    }
    EXPECT_TRUE(refused) << "mistake " << int{static_cast<uint8_t>(mistake)};
  }
}

}  // namespace
}  // namespace havklo::model
