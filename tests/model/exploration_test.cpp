// Method: every sequence of inputs, breadth first, to a depth or until there is nothing new; after
// each turn the invariants of monitor.hpp, and of each state that a well venue gets it Live.
//
// HAVKLO_MODEL_DEPTH=N goes N turns deeper than the depths in cases.hpp.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>

#include "model/explorer.hpp"

namespace havklo::model {
namespace {

uint32_t deeper() {
  const char* given = std::getenv("HAVKLO_MODEL_DEPTH");
  return given == nullptr ? 0 : static_cast<uint32_t>(std::strtoul(given, nullptr, 10));
}

TEST(Model, HoldsItsInvariantsInEveryStateThatCanBeReached) {
  for (const Case& each : all_cases()) {
    const auto began = std::chrono::steady_clock::now();
    const Exploration found = Explorer(each, Mistake::none).run(each.depth + deeper());
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    fmt::print("{}: {} states, {} transitions, depth {}{}, {:.1f} s\n", each.name, found.states,
               found.transitions, found.depth, found.complete ? " (all)" : "", took.count());
    EXPECT_FALSE(found.breach) << each.name << ": " << found.breach.value_or("") << "\n"
                               << text_of(found.path);
  }
}

}  // namespace
}  // namespace havklo::model
