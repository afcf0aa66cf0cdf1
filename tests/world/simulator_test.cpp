// Seeded worlds: some hundred hold every invariant, the same seed gives the same world, a scenario
// survives being written, and the named outages end well. The proof that the invariants bite is
// tests/mutations.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "havklo/allocation_count.hpp"
#include "havklo/histogram_page.hpp"
#include "havklo/statistics_json.hpp"
#include "replay/playback/player.hpp"
#include "replay/text/settings_toml.hpp"
#include "replay/what_if/network_reader.hpp"
#include "replay/world/built_in_scenarios.hpp"
#include "replay/world/minimiser.hpp"
#include "replay/world/scenario.hpp"
#include "replay/world/scenario_draw.hpp"
#include "replay/world/simulation.hpp"
#include "replay/world/statistics.hpp"
#include "support/temporary_file.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;
using replay::draw_scenario;
using replay::simulate;

TEST(Simulator, EveryInvariantHoldsInSomeHundredWorlds) {
  uint64_t outages = 0;
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    const auto result = simulate(draw_scenario(seed), {.allocations = allocation_count()});
    ASSERT_FALSE(result.breach) << "seed " << seed << ": " << to_string(result.breach->invariant)
                                << ": " << result.breach->what;
    outages += result.outages;
  }
  EXPECT_GT(outages, 500u);  // worlds in which nothing happens prove nothing
}

// Each is a seed's world in its smallest form; its first line says what it broke.
TEST(Simulator, WorldsThatOnceBrokeAnInvariantAreWell) {
  const std::filesystem::path folder =
      std::filesystem::path(HAVKLO_SOURCE_DIR) / "tests/world/once_broken";
  uint32_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    SCOPED_TRACE(entry.path());
    std::ostringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    const auto scenario = replay::parse_scenario(text.str(), entry.path().string());
    ASSERT_TRUE(scenario) << scenario.error();
    const auto result = simulate(*scenario, {.allocations = allocation_count()});
    EXPECT_FALSE(result.breach) << to_string(result.breach->invariant) << ": "
                                << result.breach->what;
    ++count;
  }
  EXPECT_GE(count, 5u);
}

// What has come since is a setting or drawn from a generator of its own, and without it every world
// is what it was.
TEST(Simulator, WithoutWhatCameLaterTheWorldsAreWhatTheyWere) {
  replay::SweepStatistics worlds;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    replay::Scenario scenario = replay::draw_scenario_without_trades(seed);
    for (Settings& session : scenario.sessions) session.feed.trade_gaps = false;
    worlds.add(seed, simulate(scenario));
  }
  EXPECT_EQ(worlds.digest, 0xc9f6b3f38284320dU);
}

TEST(Simulator, TheSameSeedIsTheSameWorld) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const auto first = simulate(draw_scenario(seed));
    const auto again = simulate(draw_scenario(seed));
    EXPECT_EQ(first.digest, again.digest) << seed;
  }
  EXPECT_NE(simulate(draw_scenario(1)).digest, simulate(draw_scenario(2)).digest);
}

TEST(Simulator, AScenarioThatIsWrittenAndReadIsTheSameWorld) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    const replay::Scenario drawn = draw_scenario(seed);
    const auto read = replay::parse_scenario(to_toml(drawn), "written.toml");
    ASSERT_TRUE(read) << seed << ": " << read.error();
    EXPECT_EQ(to_toml(*read), to_toml(drawn));
    EXPECT_EQ(simulate(*read).digest, simulate(drawn).digest) << seed;
  }
}

TEST(Simulator, NamedOutagesEndWell) {
  ASSERT_GE(replay::built_in_scenarios().size(), 7u);
  for (const replay::BuiltInScenario& each : replay::built_in_scenarios()) {
    SCOPED_TRACE(each.name);
    EXPECT_GT(each.summary().size(), 20u);
    const auto scenario = replay::parse_scenario(each.text, each.name);
    ASSERT_TRUE(scenario) << scenario.error();
    const auto result = simulate(*scenario);
    EXPECT_FALSE(result.breach) << result.breach->what;
  }
}

// A world that cannot recover: its timeout is shorter than the way to the venue and back.
TEST(Simulator, AMinimisedWorldBreaksTheSameInvariantWithLess) {
  replay::Scenario scenario = replay::with_defaults(draw_scenario(3));
  for (Settings& session : scenario.sessions) {
    session.timeouts.connect_timeout = 1_ms;
    session.reconnect = {};
  }
  scenario.commands.clear();
  scenario.network.latency = 10_ms;
  const auto result = simulate(scenario);
  ASSERT_TRUE(result.breach);
  const replay::Minimised smaller = replay::minimise(scenario, result.breach->invariant);
  EXPECT_EQ(simulate(smaller.scenario).breach->invariant, result.breach->invariant);
  EXPECT_LT(to_toml(smaller.scenario).size(), to_toml(scenario).size());
}

TEST(Simulator, ShardsAddUpToTheWhole) {
  replay::SweepStatistics whole;
  replay::SweepStatistics merged;
  for (uint64_t shard = 0; shard < 3; ++shard) {
    replay::SweepStatistics part;
    part.first_seed = 1;
    part.last_seed = 30;
    part.shards = {{1, 30, shard, 3}};
    for (uint64_t seed = 1; seed <= 30; ++seed) {
      if (seed % 3 != shard) continue;
      const auto result = simulate(draw_scenario(seed));
      part.add(seed, result);
      whole.add(seed, result);
    }
    const auto read = statistics_from_json(to_json(part));
    ASSERT_TRUE(read) << read.error();
    merged.add(*read);
  }
  whole.first_seed = 1;
  whole.last_seed = 30;
  whole.shards = {{1, 30, 0, 1}};
  EXPECT_EQ(to_json(merged), to_json(whole));
  EXPECT_NE(histogram_page(merged).find("<svg"), std::string::npos);
  EXPECT_FALSE(statistics_from_json("{}"));
  EXPECT_FALSE(statistics_from_json("not JSON"));
}

TEST(Simulator, ARecordedWorldReplaysWithAllItsSessions) {
  std::set<size_t> counts;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    const replay::Scenario scenario = draw_scenario(seed);
    const TemporaryFile file;
    const auto result = simulate(scenario, {.record_path = file.path()});
    ASSERT_FALSE(result.breach) << seed << ": " << result.breach->what;
    ASSERT_EQ(result.not_recorded, "") << seed;
    auto reader = replay::Reader::open(file.path());
    ASSERT_TRUE(reader) << reader.error();
    const std::vector<Settings> sessions = reader->header().sessions();
    ASSERT_EQ(sessions.size(), scenario.sessions.size());
    for (size_t i = 0; i < sessions.size(); ++i) {
      Settings as_taken = scenario.sessions[i];
      as_taken.network = Network::io_uring;  // a header says what `auto` came to
      EXPECT_EQ(replay::settings_to_toml(sessions[i]), replay::settings_to_toml(as_taken));
    }
    replay::Player player(std::move(*reader));
    const replay::PlayResult played = player.run();
    EXPECT_TRUE(played.identical()) << seed;
    EXPECT_EQ(played.torn, "") << seed;
    EXPECT_EQ(played.events, result.events) << seed;
    counts.insert(sessions.size());
    if (sessions.size() == 1) continue;
    const auto network = observe_network(replay::Reader::open(file.path()).value());
    ASSERT_FALSE(network);
    EXPECT_NE(network.error().find("sessions"), std::string::npos);
  }
  EXPECT_EQ(counts, (std::set<size_t>{1, 2, 3, 4}));
}

TEST(Simulator, SaysWhenARecordingCannotBeMade) {
  const auto result = simulate(draw_scenario(1), {.record_path = "/no/such/folder/x.hvk"});
  EXPECT_NE(result.not_recorded.find("/no/such/folder/x.hvk"), std::string::npos);
}

}  // namespace
}  // namespace havklo
