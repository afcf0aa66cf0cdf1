// What is drawn: every kind of fault, with and without everything else, and masks under which
// nothing happens that they switch off. And the fault that only worlds and scenario files have:
// answers that come late.
#include "replay/world/swarm.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>
#include <vector>

#include "replay/world/fault_draw.hpp"
#include "replay/world/scenario_draw.hpp"
#include "replay/world/simulation.hpp"

namespace havklo::replay {
namespace {

using namespace havklo::literals;

TEST(Swarm, WhatIsSwitchedOffNeverHappens) {
  uint32_t whole = 0;
  std::array<uint32_t, feature_count> on{};
  for (uint64_t seed = 1; seed <= 1000; ++seed) {
    Swarm draw(seed);
    uint32_t count = 0;
    for (uint8_t feature = 0; feature < feature_count; ++feature) {
      count += draw.has(Feature{feature}) ? 1 : 0;
      on[feature] += draw.has(Feature{feature}) ? 1 : 0;
      EXPECT_TRUE(draw.has(Feature{feature}) || !draw.chance(Feature{feature}, 100));
    }
    whole += count == feature_count ? 1 : 0;
    for (const Fault& fault : draw_faults(draw, 60_s).faults) {
      const bool cuts = family_of(fault.kind) == Feature::cuts;  // some faults bring one along
      const bool of_maintenance =
          draw.has(Feature::maintenance) &&
          (fault.kind == FaultKind::status || fault.kind == FaultKind::http);
      EXPECT_TRUE(cuts || of_maintenance || draw.has(family_of(fault.kind))) << seed;
    }
  }
  EXPECT_GT(whole, 250u);
  EXPECT_LT(whole, 450u);
  for (const uint32_t count : on) {
    EXPECT_GT(count, 500u);
    EXPECT_LT(count, 800u);
  }
}

TEST(Swarm, EverythingIsDrawnInSomeHundredWorlds) {
  std::set<FaultKind> kinds;
  std::set<AddressFault> addresses;
  size_t most_symbols = 0;
  uint32_t without_faults = 0;
  uint32_t many_addresses = 0;
  for (uint64_t seed = 1; seed <= 600; ++seed) {
    const Scenario scenario = draw_scenario(seed);
    for (const Fault& fault : scenario.faults.faults) {
      kinds.insert(fault.kind);
      EXPECT_FALSE(check(fault)) << seed;
    }
    for (const VenueAddress& each : scenario.network.addresses) addresses.insert(each.fault);
    for (const Settings& session : scenario.sessions) {
      const auto valid = validate(session);
      EXPECT_TRUE(valid) << seed << ": " << valid.error().message();
      for (const SubscriptionSettings& each : session.subscriptions) {
        most_symbols = std::max(most_symbols, each.symbols.size());
      }
    }
    without_faults += scenario.faults.faults.empty() ? 1 : 0;
    many_addresses += scenario.network.addresses.size() > 1 ? 1 : 0;
  }
  EXPECT_EQ(kinds.size(), size_t{static_cast<uint8_t>(fault_kind_last)} + 1);
  EXPECT_EQ(addresses.size(), 5u);
  EXPECT_GT(most_symbols, 100u);
  EXPECT_GT(without_faults, 0u);
  EXPECT_GT(many_addresses, 40u);
}

// Three tries, 2 s each, and then the answer to the first comes after all.
TEST(LateAcks, AnAnswerAfterTheDoubtIsGoodAllTheSame) {
  Scenario scenario;
  scenario.run.lasting = 30_s;
  Settings session;
  session.timeouts.restore_timeout = 2_s;
  session.subscriptions = {{.channel = Channel::book, .symbols = {"BTC/USD"}},
                           {.channel = Channel::book, .symbols = {"ETH/USD"}, .depth = 25}};
  scenario.sessions = {session};
  // Of the two requests the second.
  scenario.faults.add({.kind = FaultKind::late_acks, .after = 11_ms, .interval = 9_s});
  scenario.sessions[0].requests.burst = 1;
  std::vector<std::pair<EventKind, Instant>> told;
  SimulationOptions options;
  options.on_event = [&told](const Event& event, const Names& names) {
    const bool concerns = event.kind == EventKind::rejected || event.kind == EventKind::subscribed;
    if (!concerns) return;
    if (names.symbol(event.payload.subscription.symbol) == "ETH/USD") {
      told.emplace_back(event.kind, event.time);
    }
  };
  const SimulationResult result = simulate(scenario, options);
  EXPECT_FALSE(result.breach) << result.breach->what;
  EXPECT_EQ(result.losses, 1u);  // only at the goodbye
  ASSERT_GE(told.size(), 2u);
  EXPECT_EQ(told[0].first, EventKind::rejected);
  EXPECT_GE(told[0].second, Instant{} + 6_s);
  EXPECT_EQ(told[1].first, EventKind::subscribed);
  EXPECT_GE(told[1].second, Instant{} + 9_s);
}

}  // namespace
}  // namespace havklo::replay
