// States that a sweep must reach: each has a name of its own, counts add up over shards, and a
// sweep that never reached one says which and fails. That all are reached, the sweeps of .ci/run
// see.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "havklo/commands.hpp"
#include "havklo/histogram_page.hpp"
#include "havklo/statistics_json.hpp"
#include "replay/world/scenario_draw.hpp"
#include "replay/world/statistics.hpp"
#include "support/command_line.hpp"
#include "support/temporary_file.hpp"

namespace havklo::replay {
namespace {

using namespace havklo::literals;

SweepStatistics all_reached(uint64_t worlds) {
  SweepStatistics statistics;
  statistics.worlds = worlds;
  statistics.reached.fill(3);
  return statistics;
}

size_t index_of(Sometime state) { return static_cast<size_t>(state); }

TEST(Sometimes, EachStateHasItsName) {
  std::set<std::string_view> names;
  for (size_t state = 0; state < sometime_count; ++state) {
    names.insert(to_string(static_cast<Sometime>(state)));
  }
  EXPECT_EQ(names.size(), sometime_count);
  EXPECT_GE(sometime_count, 40u);
  EXPECT_FALSE(names.contains(""));
  EXPECT_EQ(to_string(Sometime::lost_by_probe_timeout), "lost_by_probe_timeout");
  EXPECT_EQ(to_string(Sometime::waits_for_ring), "waits_for_ring");
  EXPECT_EQ(to_string(Sometime::leap_over_deadlines), "leap_over_deadlines");
}

TEST(Sometimes, SomeHundredDrawnWorldsReachMost) {
  SweepStatistics statistics;
  for (uint64_t seed = 1; seed <= 300; ++seed) statistics.add(seed, simulate(draw_scenario(seed)));
  EXPECT_GT(sometime_count - static_cast<size_t>(std::ranges::count(statistics.reached, 0U)), 50u);
  for (const uint64_t count : statistics.reached) EXPECT_LE(count, 300u);
}

// Two sessions, and one symbol that is refused for now, twice.
TEST(Sometimes, APlannedWorldReachesWhatItsPlanSays) {
  Scenario scenario;
  scenario.run.lasting = 20_s;
  Settings session;
  session.subscriptions = {{.channel = Channel::book, .symbols = {"BTC/USD"}}};
  scenario.sessions = {session, session};
  scenario.faults.add({.kind = FaultKind::reject_symbol,
                       .times = 2,
                       .text = "EService:Unavailable",
                       .symbol = "BTC/USD"});
  scenario.faults.add({.kind = FaultKind::reset, .at = 10_s});
  const Reached reached = simulate(scenario).reached;
  const auto has = [&](Sometime state) { return reached[index_of(state)]; };
  EXPECT_TRUE(has(Sometime::refusal_passes));
  EXPECT_TRUE(has(Sometime::lost_by_peer_reset));
  EXPECT_TRUE(has(Sometime::all_lost_at_once));
  EXPECT_TRUE(has(Sometime::waits_for_backoff));
  EXPECT_TRUE(has(Sometime::life_stable));
  EXPECT_TRUE(has(Sometime::close_while_live));
  EXPECT_FALSE(has(Sometime::mute_symbol));
  EXPECT_FALSE(has(Sometime::waits_for_breaker));
  EXPECT_FALSE(has(Sometime::overrun));
  EXPECT_FALSE(has(Sometime::another_address));
}

TEST(Sometimes, OnlyLargeDrawnSweepsMustReachAll) {
  SweepStatistics statistics = all_reached(worlds_for_every_state);
  EXPECT_TRUE(must_reach_all(statistics));
  EXPECT_EQ(never_reached(statistics), "");
  statistics.reached[index_of(Sometime::mute_symbol)] = 0;
  statistics.reached[index_of(Sometime::waits_for_ring)] = 0;
  EXPECT_EQ(never_reached(statistics), "never in 20000 worlds: waits_for_ring, mute_symbol");
  EXPECT_FALSE(must_reach_all(all_reached(worlds_for_every_state - 1)));
  statistics.drawn = false;
  EXPECT_FALSE(must_reach_all(statistics));
}

TEST(Sometimes, ShardsAddUpAndOneThatMissesAStateIsNoFault) {
  const auto shard = [](uint64_t index) {
    SweepStatistics half = all_reached(worlds_for_every_state / 2);
    half.first_seed = 1;
    half.last_seed = worlds_for_every_state;
    half.shards = {{1, worlds_for_every_state, index, 2}};
    return half;
  };
  SweepStatistics one = shard(0);
  one.reached[index_of(Sometime::mute_symbol)] = 0;
  SweepStatistics other = shard(1);
  const TemporaryFile first(to_json(one) + "\n");
  const TemporaryFile second(to_json(other) + "\n");
  const Said both = havklo_says({"merge", first.path(), second.path()});
  EXPECT_EQ(both.exit_code, exit_good) << both.err;
  EXPECT_NE(both.out.find("      3 mute_symbol"), std::string::npos) << both.out;
  other.reached[index_of(Sometime::mute_symbol)] = 0;
  const TemporaryFile third(to_json(other) + "\n");
  const Said neither = havklo_says({"merge", first.path(), third.path()});
  EXPECT_EQ(neither.exit_code, exit_failed);
  EXPECT_EQ(neither.err, "havklo merge: never in 20000 worlds: mute_symbol\n");
  EXPECT_NE(histogram_page(one).find("<tr class=\"bad\"><td>mute_symbol</td><td>0</td></tr>"),
            std::string::npos);
}

// A plan in which nothing is ever refused, nor anything of it mute.
TEST(Sometimes, ASweepThatNeverReachesAStateNamesItAndFails) {
  const std::vector<std::string> sweep = {"sim", "--seeds", "1..3", "--scenario", "flapping"};
  EXPECT_EQ(havklo_says(sweep).exit_code, exit_good);
  std::vector<std::string> strict = sweep;
  strict.emplace_back("--sometimes");
  const Said said = havklo_says(strict);
  EXPECT_EQ(said.exit_code, exit_failed);
  EXPECT_TRUE(said.err.starts_with("havklo sim: never in 3 worlds: ")) << said.err;
  EXPECT_NE(said.err.find("mute_symbol"), std::string::npos);
  EXPECT_EQ(said.err.find("waits_for_backoff"), std::string::npos);
  EXPECT_EQ(std::ranges::count(said.err, '\n'), 1);
}

}  // namespace
}  // namespace havklo::replay
