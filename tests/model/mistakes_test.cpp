// Method: the model is broken on purpose, one rule at a time; each must be found: by an invariant,
// or, where what is wrong is no danger (a place in the budget never given back), by the engine,
// which does otherwise.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>

#include "model/conformance.hpp"

namespace havklo::model {
namespace {

constexpr std::array<std::string_view, mistake_count> mistake_names = {
    "none",
    "the breaker opens one failure late",
    "the breaker opens one failure early",
    "trips are counted once",
    "a stable life is a failure",
    "a short life forgives failures",
    "a probe that failed probes on",
    "a probe that is Live forgives nothing",
    "an open breaker is no wait",
    "the breaker stays open",
    "half-open a second early",
    "a probe without a deadline",
    "the counter is reset by the greeting",
    "the counter is reset by the all clear",
    "the counter is never reset",
    "one attempt too few",
    "one attempt too many",
    "the budget is ignored",
    "the budget's window is a second short",
    "the budget counts what began only",
    "who closed keeps its place",
    "no maintenance_delay",
    "maintenance is forgotten by the greeting",
    "maintenance is never forgotten",
    "maintenance of an older connection",
    "Retry-After is ignored",
    "429 is any failure",
    "what no retry mends is retried at once",
    "the backoff is one step late",
    "reconnect() cuts what the venue asked for",
    "reconnect() cuts an open breaker",
    "reconnect() is a failure",
    "a greeting without a deadline",
    "a close() without a deadline",
    "Closed, and it goes on",
    "a wait is not announced",
};

struct Found {
  std::string_view in;
  std::string by;
  size_t turns = 0;
};

std::optional<Found> found_by_invariants(Mistake mistake, const std::vector<Case>& cases) {
  for (const Case& each : cases) {
    const uint32_t depth = each.sessions.size() == 1 ? 12 : 6;
    const Exploration explored = Explorer(each, mistake).run(depth);
    if (explored.breach) return Found{each.name, *explored.breach, explored.path.size()};
  }
  return std::nullopt;
}

std::optional<Found> found_by_the_engine(Mistake mistake, const std::vector<Case>& cases) {
  for (const Case& each : cases) {
    Explorer explorer(each, mistake, true);
    static_cast<void>(explorer.run(each.sessions.size() == 1 ? 5 : 6));
    if (Walk(each, mistake, explorer, 20).run().difference) {
      return Found{each.name, "the engine does otherwise"};
    }
  }
  return std::nullopt;
}

TEST(Mistakes, AreAllFound) {
  const std::vector<Case> cases = all_cases();
  for (uint8_t number = 1; number < mistake_count; ++number) {
    const auto mistake = static_cast<Mistake>(number);
    auto found = found_by_invariants(mistake, cases);
    if (!found) found = found_by_the_engine(mistake, cases);
    EXPECT_TRUE(found) << mistake_names[number];
    if (!found) continue;
    fmt::print("{:44} {} (turn {}, {})\n", mistake_names[number], found->by, found->turns,
               found->in);
  }
}

}  // namespace
}  // namespace havklo::model
