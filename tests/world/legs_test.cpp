// Nights of a session with two legs, by their names: what its strategy must see of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <havklo/order_book.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "replay/world/built_in_scenarios.hpp"
#include "replay/world/leg_draw.hpp"
#include "replay/world/scenario_draw.hpp"
#include "replay/world/simulation.hpp"

namespace havklo::replay {
namespace {

using namespace havklo::literals;

bool was_reached(const Reached& reached, Sometime state) {
  return reached.test(static_cast<size_t>(state));
}

// What was told until the world was well, and how the strategy's books fared.
struct Night {
  std::vector<Event> events;
  Reached reached;
  uint32_t emptied = 0;  // books that no longer answered, Disconnected or not
  Duration longest_silence;

  [[nodiscard]] uint32_t count(EventKind kind) const {
    return static_cast<uint32_t>(std::ranges::count(events, kind, &Event::kind));
  }
  [[nodiscard]] std::vector<Event> all(EventKind kind) const {
    std::vector<Event> found;
    std::ranges::copy_if(events, std::back_inserter(found),
                         [kind](const Event& each) { return each.kind == kind; });
    return found;
  }
};

Night run(const Scenario& scenario) {
  Night night;
  const Instant end = Instant{} + scenario.run.lasting;
  std::optional<OrderBook> book;
  bool was_live = false;
  Instant spoke;
  SimulationOptions options;
  options.on_event = [&](const Event& event, const Names& names) {
    if (event.time > end) return;
    night.events.push_back(event);
    if (!book) book.emplace(names, "BTC/USD", 10);
    book->apply(event);
    const bool of_message = event.kind == EventKind::book_update && event.last_in_message();
    if (of_message && was_live) {
      night.longest_silence = std::max(night.longest_silence, event.time - spoke);
    }
    if (of_message) spoke = event.time;
    const bool inside = event.kind == EventKind::book_update && !event.last_in_message();
    if (inside) return;
    night.emptied += was_live && !book->is_live() ? 1 : 0;
    was_live = book->is_live();
  };
  const SimulationResult result = simulate(scenario, options);
  EXPECT_FALSE(result.breach) << describe(*result.breach);
  night.reached = result.reached;
  return night;
}

Night run(std::string_view name) {
  for (const BuiltInScenario& each : built_in_scenarios()) {
    if (each.name != name) continue;
    const auto scenario = parse_scenario(each.text, name);
    EXPECT_TRUE(scenario) << scenario.error();
    return run(*scenario);
  }
  ADD_FAILURE() << name;
  return {};
}

// One epoch, one all clear, no book that stops answering, no trade missed.
void expect_nothing_missed(const Night& night) {
  EXPECT_EQ(night.count(EventKind::connected), 1U);
  EXPECT_EQ(night.count(EventKind::disconnected), 0U);
  EXPECT_EQ(night.count(EventKind::subscriptions_restored), 1U);
  EXPECT_EQ(night.count(EventKind::book_stale), 0U);
  EXPECT_EQ(night.count(EventKind::trade_gap), 0U);
  EXPECT_EQ(night.emptied, 0U);
  EXPECT_LT(night.longest_silence, 1_s);
}

std::vector<Reason> reasons(const Night& night) {
  std::vector<Reason> found;
  for (const Event& each : night.all(EventKind::leg_lost)) {
    found.push_back(each.payload.disconnected.reason);
  }
  return found;
}

TEST(Legs, OneThatDiesIsNotMissed) {
  const Night night = run("leg_dies");
  expect_nothing_missed(night);
  EXPECT_EQ(reasons(night), std::vector{Reason::peer_reset});
  EXPECT_EQ(night.all(EventKind::leg_lost).front().leg, 0);
  EXPECT_EQ(night.count(EventKind::leg_connected), 3U);
  EXPECT_EQ(night.count(EventKind::leg_restored), 3U);
  EXPECT_EQ(night.count(EventKind::leg_reconnecting), 1U);
  EXPECT_EQ(night.count(EventKind::reconnecting), 0U);
}

TEST(Legs, TheLastThatDiesEndsTheEpoch) {
  const Night night = run("legs_both_die");
  EXPECT_EQ(night.count(EventKind::leg_lost), 2U);
  EXPECT_EQ(night.count(EventKind::disconnected), 1U);
  EXPECT_EQ(night.count(EventKind::connected), 2U);
  EXPECT_EQ(night.count(EventKind::subscriptions_restored), 2U);
  EXPECT_EQ(night.emptied, 1U);
  const Event lost = night.all(EventKind::disconnected).front();
  EXPECT_EQ(lost.leg, 1);
  EXPECT_EQ(lost.payload.disconnected.reason, Reason::peer_reset);
  const Event clear = night.all(EventKind::subscriptions_restored).back();
  EXPECT_EQ(clear.payload.subscriptions_restored.downtime_ns, (clear.time - lost.time).ns);
}

TEST(Legs, OneThatFreezesIsFoundOutByTheOther) {
  const Night night = run("leg_stalls");
  expect_nothing_missed(night);
  ASSERT_FALSE(reasons(night).empty());
  EXPECT_EQ(reasons(night).front(), Reason::lagging);
  const Instant lost = night.all(EventKind::leg_lost).front().time;
  EXPECT_GE(lost, Instant{} + 10_s + 250_ms);
  EXPECT_LE(lost, Instant{} + 10_s + 500_ms);  // the first message that it lacks, and leg_lag_max
}

TEST(Legs, OneThatIsLateAllTheTimeIsGivenUp) {
  const Night night = run("leg_lags");
  expect_nothing_missed(night);
  const auto found = reasons(night);
  ASSERT_FALSE(found.empty());
  EXPECT_TRUE(std::ranges::all_of(found, [](Reason each) { return each == Reason::lagging; }));
  for (const Event& each : night.all(EventKind::leg_lost)) EXPECT_EQ(each.leg, 1);
}

TEST(Legs, ThatAreLostInTurnLeaveNoGap) {
  const Night night = run("legs_flap");
  expect_nothing_missed(night);
  EXPECT_GE(night.count(EventKind::leg_lost), 15U);
  EXPECT_TRUE(was_reached(night.reached, Sometime::leg_lost_and_nobody_noticed));
  EXPECT_TRUE(was_reached(night.reached, Sometime::leg_reconciles));
  EXPECT_TRUE(was_reached(night.reached, Sometime::follower_extends));
}

TEST(Legs, AreRenewedOneAfterTheOther) {
  const Night night = run("legs_rotate");
  expect_nothing_missed(night);
  const auto found = reasons(night);
  EXPECT_GE(found.size(), 3U);
  EXPECT_TRUE(std::ranges::all_of(found, [](Reason each) { return each == Reason::rotated; }));
  const auto lost = night.all(EventKind::leg_lost);
  for (size_t i = 1; i < lost.size(); ++i) EXPECT_GT(lost[i].time - lost[i - 1].time, 5_s);
}

TEST(Legs, OneGoesBeforeItsMaintenanceDoes) {
  const Night night = run("leg_maintenance");
  expect_nothing_missed(night);
  ASSERT_FALSE(reasons(night).empty());
  EXPECT_EQ(reasons(night).front(), Reason::maintenance);
  EXPECT_LT(night.all(EventKind::leg_lost).front().time, Instant{} + 11_s);  // closed at 15 s
  EXPECT_TRUE(was_reached(night.reached, Sometime::renewed_before_a_maintenance));
}

// Alike or not: the strategy has the same book at the same instants of the venue.
TEST(Legs, CutsOfTheirOwnMakeOtherMessagesAndTheSameBook) {
  Scenario scenario;
  scenario.run.lasting = 10_s;
  scenario.market.moves_per_1000_s = 200'000;
  scenario.market.symbols = {market_symbol("BTC/USD")};
  scenario.market.symbols.front().levels = 30;
  const uint64_t alike = simulate(scenario).books_verified;
  scenario.venue.cut = MessageCut::own;
  const SimulationResult own = simulate(scenario);
  EXPECT_FALSE(own.breach) << describe(*own.breach);
  EXPECT_LT(own.books_verified, alike * 3 / 4);
  EXPECT_GT(own.books_verified, alike / 4);
}

TEST(Legs, AFaultOfOneStrikesNoOther) {
  Scenario scenario;
  scenario.run.lasting = 5_s;
  scenario.faults.add({.kind = FaultKind::reset, .at = 2_s, .leg = 1});
  EXPECT_EQ(simulate(scenario).losses, 1U);  // its end, by close()
  scenario.faults.faults.front().leg = 0;
  EXPECT_EQ(simulate(scenario).losses, 2U);
}

TEST(Legs, AreInAFifthOfTheWorlds) {
  uint32_t with = 0;
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    const Scenario before = draw_scenario(seed);
    const Scenario drawn = with_legs(before, seed);
    const bool has_legs = std::ranges::any_of(
        drawn.sessions, [](const Settings& each) { return each.legs.size() > 1; });
    with += has_legs ? 1 : 0;
    if (has_legs) continue;
    EXPECT_EQ(to_toml(drawn), to_toml(before)) << seed;
  }
  EXPECT_GT(with, 60U);
  EXPECT_LT(with, 140U);
}

}  // namespace
}  // namespace havklo::replay
