// Worlds in which the venue's name has several addresses, some of them dead: one told by name, and
// drawn ones, in which every invariant holds.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <havklo/random.hpp>
#include <vector>

#include "replay/world/built_in_scenarios.hpp"
#include "replay/world/scenario_draw.hpp"
#include "replay/world/simulation.hpp"

namespace havklo::replay {
namespace {

using namespace havklo::literals;

// IPv6 swallows all, the second address hangs after TCP, the third is well.
TEST(WorldAddresses, ADeadOneCostsOneAttemptAndALostOneNone) {  // lesson 39
  const auto named =
      std::ranges::find(built_in_scenarios(), "dead_addresses", &BuiltInScenario::name);
  ASSERT_NE(named, built_in_scenarios().end());
  const auto scenario = parse_scenario(named->text, named->name);
  ASSERT_TRUE(scenario) << scenario.error();
  std::vector<Event> connected;
  uint32_t failed = 0;
  SimulationOptions options;
  options.on_event = [&](const Event& event, const Names&) {
    if (event.kind == EventKind::connected) connected.push_back(event);
    if (event.kind == EventKind::connect_failed) ++failed;
  };
  const auto result = simulate(*scenario, options);
  EXPECT_FALSE(result.breach) << result.breach->what;
  EXPECT_EQ(failed, 1u);
  ASSERT_EQ(connected.size(), 2u);
  constexpr std::array<uint8_t, 4> well = {203, 0, 113, 8};
  for (const Event& each : connected) {
    EXPECT_TRUE(std::ranges::equal(well, std::span(each.payload.connected.address).first(4)));
  }
  EXPECT_LT(connected[0].payload.connected.connect_time_ns, (300_ms).ns);  // one stagger
  EXPECT_LT(connected[1].payload.connected.connect_time_ns, (50_ms).ns);   // none
}

Scenario draw_addresses(uint64_t seed) {
  Scenario scenario = draw_scenario(seed);
  Random random(seed ^ 0xADD5'E55E5);
  scenario.network.addresses.clear();
  const uint64_t count = 1 + random.below(6);
  for (uint64_t i = 0; i < count; ++i) {
    VenueAddress address;
    address.endpoint.address[3] = static_cast<uint8_t>(i);
    address.endpoint.family = random.below(2) == 0 ? 4 : 6;
    address.fault = static_cast<AddressFault>(random.below(5));
    if (random.below(2) == 0) {
      address.lasting = Duration::milliseconds(static_cast<int64_t>(random.below(60'000)));
    }
    scenario.network.addresses.push_back(address);
  }
  return scenario;
}

TEST(WorldAddresses, EveryInvariantHoldsInDrawnWorlds) {
  uint64_t losses = 0;
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    const auto result = simulate(draw_addresses(seed));
    ASSERT_FALSE(result.breach) << "seed " << seed << ": " << to_string(result.breach->invariant)
                                << ": " << result.breach->what;
    losses += result.losses;
  }
  EXPECT_GT(losses, 300u);
}

TEST(WorldAddresses, ADrawnWorldThatIsWrittenAndReadIsTheSameWorld) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const Scenario drawn = draw_addresses(seed);
    const auto read = parse_scenario(to_toml(drawn), "written.toml");
    ASSERT_TRUE(read) << seed << ": " << read.error();
    EXPECT_EQ(read->network.addresses, drawn.network.addresses) << seed;
    EXPECT_EQ(simulate(*read).digest, simulate(drawn).digest) << seed;
  }
}

TEST(WorldAddresses, WhatIsNoAddressIsRefusedWithItsLine) {
  const auto error_of = [](std::string_view text) {
    const auto read = parse_scenario(text, "f.toml");
    return read ? std::string("read") : read.error();
  };
  EXPECT_EQ(error_of("[[address]]\nip = \"203.0.113\"\n"),
            "f.toml:1: address.ip must be an address, as \"203.0.113.7\"");
  EXPECT_EQ(error_of("[[address]]\nip = \"::1\"\n[[address]]\nip = \"::1\"\n"),
            "f.toml:3: the same address.ip twice");
  EXPECT_EQ(
      error_of("[[address]]\nip = \"::1\"\nfault = \"dead\"\n"),
      "f.toml:3: address.fault must be \"none\", \"refuse\", \"silent_tcp\", \"silent_tls\" or "
      "\"silent_open\"");
}

}  // namespace
}  // namespace havklo::replay
