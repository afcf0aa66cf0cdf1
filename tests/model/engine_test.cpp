// Method: the engine must do what the model says, turn by turn: along every sequence of inputs of
// a small length, on walks over the states of a deeper exploration that make its moves, and on long
// walks that are drawn.
//
// HAVKLO_MODEL_SEQUENCES=N makes the sequences longer by N, the exploration deeper by N, and draws
// 1 + N times as many walks.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <optional>

#include "model/conformance.hpp"

namespace havklo::model {
namespace {

uint32_t longer() {
  const char* given = std::getenv("HAVKLO_MODEL_SEQUENCES");
  return given == nullptr ? 0 : static_cast<uint32_t>(std::strtoul(given, nullptr, 10));
}

TEST(EngineAndModel, AgreeOnEverySequenceOfInputs) {
  for (const Case& each : all_cases()) {
    const auto began = std::chrono::steady_clock::now();
    const Agreement found = every_sequence(each, Mistake::none, each.sequences + longer());
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    fmt::print("{}: {} sequences of {} turns, {:.1f} s\n", each.name, found.paths,
               each.sequences + longer(), took.count());
    EXPECT_FALSE(found.difference) << each.name << "\n" << found.difference.value_or("");
  }
}

TEST(EngineAndModel, AgreeOnEveryMoveFromEveryState) {
  for (const Case& each : all_cases()) {
    const auto began = std::chrono::steady_clock::now();
    Explorer explorer(each, Mistake::none, true);
    const Exploration found = explorer.run(each.walk_depth + longer());
    const Agreement walked = Walk(each, Mistake::none, explorer, 200 + 1000 * longer()).run();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    fmt::print("{}: {} of {} moves from {} states, {:.1f} s\n", each.name, walked.paths,
               found.transitions - 1, found.states, took.count());
    EXPECT_FALSE(walked.difference) << each.name << "\n" << walked.difference.value_or("");
  }
}

// Far from the start, where no short sequence comes: to the probe that is late and beyond.
TEST(EngineAndModel, AgreeOnLongWalks) {
  for (const Case& each : all_cases()) {
    const uint32_t walks = 150 * (1 + longer());
    uint64_t turns = 0;
    for (uint64_t seed = 1; seed <= walks; ++seed) {
      const Path path = drawn_path(each, seed, 200);
      turns += path.size();
      const auto difference = compare(each, Mistake::none, path);
      ASSERT_FALSE(difference) << each.name << ", walk " << seed << "\n" << difference.value_or("");
    }
    fmt::print("{}: {} walks, {} turns\n", each.name, walks, turns);
  }
}

}  // namespace
}  // namespace havklo::model
