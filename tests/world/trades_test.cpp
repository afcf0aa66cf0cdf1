// Worlds of trades: what a venue may do to them, and that the states of them are reached by it.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "replay/world/built_in_scenarios.hpp"
#include "replay/world/scenario_draw.hpp"
#include "replay/world/simulation.hpp"
#include "replay/world/trade_draw.hpp"

namespace havklo::replay {
namespace {

using namespace havklo::literals;

// One session that wants trades of a busy market, cut off after ten seconds.
Scenario busy() {
  Scenario scenario;
  scenario.run.lasting = 20_s;
  scenario.market.symbols = {market_symbol("BTC/USD"), market_symbol("ETH/USD")};
  for (MarketSymbol& each : scenario.market.symbols) each.levels = 20;
  scenario.market.trades_per_1000_moves = 500;
  Settings session;
  session.subscriptions = {{.channel = Channel::trade, .symbols = {"BTC/USD", "ETH/USD"}},
                           {.channel = Channel::book, .symbols = {"BTC/USD"}}};
  session.ring_slots = ring_slots_min(session);
  scenario.sessions = {session};
  scenario.faults.add({.kind = FaultKind::reset, .at = 10_s});
  return scenario;
}

Reached reached_by(const Scenario& scenario) {
  const SimulationResult result = simulate(scenario);
  EXPECT_FALSE(result.breach) << result.breach->what;
  return result.reached;
}

Reached reached_with(Fault fault) {
  Scenario scenario = busy();
  scenario.faults.add(std::move(fault));
  return reached_by(scenario);
}

bool has(const Reached& reached, Sometime state) {
  return reached.test(static_cast<size_t>(state));
}

TEST(WorldTrades, NothingIsMissingWhereNothingIsMissed) {
  const Reached reached = reached_by(busy());
  EXPECT_FALSE(has(reached, Sometime::late_trade));
  EXPECT_FALSE(has(reached, Sometime::gap_by_a_lost_message));
  EXPECT_FALSE(has(reached, Sometime::gap_beyond_a_snapshot));
  EXPECT_FALSE(has(reached, Sometime::doubled_trade_dropped));
}

TEST(WorldTrades, WhatNobodyHeardIsLateOrBeyondTheSnapshot) {
  Scenario scenario = busy();
  scenario.market.unheard_trades_per_1000_s = 20'000;
  EXPECT_TRUE(has(reached_by(scenario), Sometime::late_trade));
  EXPECT_FALSE(has(reached_by(scenario), Sometime::gap_beyond_a_snapshot));
  scenario.market.unheard_trades_per_1000_s = 5'000'000;
  EXPECT_TRUE(has(reached_by(scenario), Sometime::gap_beyond_a_snapshot));
}

TEST(WorldTrades, EachFaultOfThemShows) {
  EXPECT_TRUE(has(reached_with({.kind = FaultKind::lost_trades, .at = 3_s, .lasting = 2_s}),
                  Sometime::gap_by_a_lost_message));
  EXPECT_TRUE(has(reached_with({.kind = FaultKind::doubled_trades, .at = 3_s}),
                  Sometime::doubled_trade_dropped));
  EXPECT_TRUE(has(reached_with({.kind = FaultKind::unreadable_trades, .at = 3_s, .lasting = 2_s}),
                  Sometime::gap_of_an_unreadable_trade));
  Scenario cut = busy();
  cut.market.unheard_trades_per_1000_s = 20'000;
  cut.faults.add({.kind = FaultKind::short_trades, .trades = 1});
  EXPECT_TRUE(has(reached_by(cut), Sometime::gap_beyond_a_snapshot));
  cut.faults.faults.back().trades = 0;
  EXPECT_TRUE(has(reached_by(cut), Sometime::gap_by_a_lost_message));
}

// The market's moves are the same with and without what is dealt while nobody listens.
TEST(WorldTrades, WithoutGapsNobodyIsToldOfWhatNobodyHeard) {
  Scenario scenario = busy();
  scenario.sessions.front().feed.trade_gaps = false;
  const uint64_t events = simulate(scenario).events;
  scenario.market.unheard_trades_per_1000_s = 5'000'000;
  EXPECT_EQ(simulate(scenario).events, events);
}

TEST(WorldTrades, TheNamedOutageIsOfBothKinds) {
  const auto all = built_in_scenarios();
  const auto named = std::ranges::find(all, "missed_trades", &BuiltInScenario::name);
  ASSERT_NE(named, all.end());
  const auto scenario = parse_scenario(named->text, named->name);
  ASSERT_TRUE(scenario) << scenario.error();
  const Reached reached = reached_by(*scenario);
  EXPECT_TRUE(has(reached, Sometime::late_trade));
  EXPECT_TRUE(has(reached, Sometime::gap_by_a_lost_message));
  EXPECT_TRUE(has(reached, Sometime::gap_beyond_a_snapshot));
}

TEST(WorldTrades, HalfOfTheWorldsHaveMoreOfThem) {
  uint32_t with = 0;
  uint32_t without_gaps = 0;
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    const Scenario before = draw_scenario_without_trades(seed);
    const Scenario drawn = with_trades(before, seed);
    with += to_toml(drawn) == to_toml(before) ? 0 : 1;
    without_gaps += std::ranges::any_of(drawn.sessions,
                                        [](const Settings& each) { return !each.feed.trade_gaps; });
  }
  EXPECT_GT(with, 150u);
  EXPECT_LT(with, 250u);
  EXPECT_GT(without_gaps, 10u);
}

}  // namespace
}  // namespace havklo::replay
