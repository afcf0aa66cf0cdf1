// Settings of legs: what is allowed, what is said of what is not, what they cost of the ring, and
// from where each connects.
#include <gtest/gtest.h>

#include <array>
#include <havklo/client.hpp>
#include <havklo/limits.hpp>
#include <string>
#include <vector>

#include "support/engine_world.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

Settings with_legs(std::vector<LegSettings> legs) {
  Settings settings = book_settings({"BTC/USD"});
  settings.legs = std::move(legs);
  return settings;
}

std::string refusal_of(const Settings& settings) {
  const auto valid = validate(settings);
  return valid ? "" : valid.error().message();
}

TEST(LegsConfig, OneToFour) {
  for (size_t legs = 1; legs <= legs_max; ++legs) {
    EXPECT_EQ(refusal_of(with_legs(std::vector<LegSettings>(legs))), "");
  }
  EXPECT_EQ(refusal_of(with_legs({})), "legs = 0: must be from 1 to 4");
  EXPECT_EQ(refusal_of(with_legs(std::vector<LegSettings>(5))), "legs = 5: must be from 1 to 4");
}

TEST(LegsConfig, WhatALegSaysOfItsOwnIsJudgedAsTheSessions) {
  EXPECT_EQ(refusal_of(with_legs({{"ws://a", "192.0.2.1"}, {"wss://b/v2", "2001:db8::1"}})), "");
  EXPECT_EQ(refusal_of(with_legs({{}, {"http://x", {}}})),
            "leg[1].url = \"http://x\": must be wss://host[:port][/path], or ws:// without TLS");
  EXPECT_EQ(refusal_of(with_legs({{{}, "eth0"}, {}})),
            "leg[0].source_address = \"eth0\": must be an IPv4 or IPv6 address of this machine, as "
            "\"192.0.2.1\" or \"2001:db8::1\"");
  EXPECT_EQ(refusal_of(with_legs({{{}, "0.0.0.0"}})).substr(0, 33),
            "leg[0].source_address = \"0.0.0.0\"");
  Settings settings = with_legs({{"wss://a", {}}, {"wss://b", {}}});
  settings.url = "nothing";  // of no leg, and yet wrong
  EXPECT_EQ(refusal_of(settings).substr(0, 15), "url = \"nothing\"");
}

TEST(LegsConfig, LagIsAMillisecondAtLeast) {
  for (const size_t legs : {1U, 2U}) {
    Settings settings = with_legs(std::vector<LegSettings>(legs));
    settings.leg_lag_max = 1_ms;
    EXPECT_EQ(refusal_of(settings), "");
    settings.leg_lag_max = 999_us;
    EXPECT_EQ(refusal_of(settings), "leg_lag_max = 999us: must be from 1ms to 7 days");
    settings.leg_lag_max = Duration::seconds(8 * 86'400);
    EXPECT_EQ(refusal_of(settings), "leg_lag_max = 691200s: must be from 1ms to 7 days");
  }
}

TEST(LegsConfig, RenewingNeedsAnotherLeg) {
  Settings settings = with_legs(std::vector<LegSettings>(2));
  settings.rotate_after = 60_s;
  EXPECT_EQ(refusal_of(settings), "");
  settings.rotate_after = 59_s;
  EXPECT_EQ(refusal_of(settings), "rotate_after = 59s: must be from 60s to 7 days");
  settings.rotate_after = 10_min;
  settings.legs.resize(1);
  EXPECT_EQ(refusal_of(settings),
            "rotate_after = 600s: must be none with one leg, which nothing would stand in for; or "
            "set legs = 2");
}

TEST(LegsConfig, SeveralAlwaysReconnect) {
  Settings settings = with_legs(std::vector<LegSettings>(2));
  settings.reconnect.enabled = false;
  EXPECT_EQ(refusal_of(settings), "reconnect.enabled = false: must be true with several legs");
  settings.legs.resize(1);
  EXPECT_EQ(refusal_of(settings), "");
}

TEST(LegsConfig, AnEngineNamesTheSessionAndItsLeg) {
  EngineSettings engine;
  engine.sessions = {with_legs({{}}), with_legs({{}, {}, {"wss://", {}}})};
  const auto valid = validate(engine);
  ASSERT_FALSE(valid);
  EXPECT_EQ(valid.error().message(),
            "session[1].leg[2].url = \"wss://\": must be with a host of 1 to 253 characters");
}

TEST(LegsConfig, EachConnectsWhereItSaysElseWhereTheSessionDoes) {
  Settings settings = with_legs({{}, {"wss://b/v2", {}}, {{}, "192.0.2.3"}});
  settings.url = "wss://a/v2";
  EXPECT_EQ(url_of(settings, 0), "wss://a/v2");
  EXPECT_EQ(url_of(settings, 1), "wss://b/v2");
  EXPECT_EQ(url_of(settings, 2), "wss://a/v2");
  EXPECT_EQ(source_address_of(settings, 0), std::nullopt);
  settings.source_address = "192.0.2.1";
  EXPECT_EQ(source_address_of(settings, 1), "192.0.2.1");
  EXPECT_EQ(source_address_of(settings, 2), "192.0.2.3");
}

// More connections at once can say more at once.
TEST(LegsConfig, EachNeedsItsOwnRoomInTheRingAndTheDeepestBookOnce) {
  Settings settings = book_settings({});
  settings.subscriptions[0].channel = Channel::trade;
  for (uint32_t i = 0; i < 1000; ++i) {
    settings.subscriptions[0].symbols.push_back(std::to_string(i) + "/USD");
  }
  uint32_t before = 0;
  for (uint32_t legs = 1; legs <= legs_max; ++legs) {
    settings.legs.resize(legs);
    settings.ring_slots = ring_slots_min(settings);
    EXPECT_EQ(refusal_of(settings), "") << legs;
    EXPECT_GE(settings.ring_slots, before) << legs;
    EXPECT_GE(settings.ring_slots, legs * 16'000) << legs;
    before = settings.ring_slots;
    settings.ring_slots /= 2;
    EXPECT_EQ(refusal_of(settings), "engine.ring_slots = " + std::to_string(before / 2) +
                                        ": must be a power of two from " + std::to_string(before) +
                                        " to 67108864");
  }
  Settings deep = with_legs(std::vector<LegSettings>(1));
  deep.subscriptions[0].depth = 1000;
  const uint32_t alone = ring_slots_min(deep);
  deep.legs.resize(2);
  EXPECT_EQ(ring_slots_min(deep), alone);
}

TEST(LegsConfig, TheBuilderSaysThem) {
  const Settings settings = KrakenClient::builder({"BTC/USD"})
                                .with_book(10)
                                .with_legs({{}, {.url = "wss://b/v2", .source_address = {}}})
                                .with_leg_lag_max(100_ms)
                                .with_rotate_after(1_min)
                                .settings();
  EXPECT_EQ(settings.legs, (std::vector<LegSettings>{{}, {"wss://b/v2", {}}}));
  EXPECT_EQ(settings.leg_lag_max, 100_ms);
  EXPECT_EQ(settings.rotate_after, 60_s);

  KrakenClientBuilder builder = KrakenClient::builder({"BTC/USD"}).with_book(10).with_legs(2);
  EXPECT_EQ(builder.settings().legs, std::vector<LegSettings>(2));
  builder.with_legs({{{}, "192.0.2.1"}}).with_legs(2);
  EXPECT_EQ(builder.settings().legs, (std::vector<LegSettings>{{{}, "192.0.2.1"}, {}}));
  // Nothing is checked before connect(), and a number without sense is no memory without end.
  EXPECT_EQ(refusal_of(builder.with_legs(0).settings()), "legs = 0: must be from 1 to 4");
  EXPECT_EQ(refusal_of(builder.with_legs(~0U).settings()), "legs = 1000: must be from 1 to 4");
}

TEST(LegsConfig, TheEnginesSourceAddressIsOfThoseThatNameNone) {
  const EngineSettings settings = Engine::builder()
                                      .add(KrakenClient::builder({"BTC/USD"})
                                               .with_legs({
                                                   {.url = {}, .source_address = "127.0.0.3"},
                                                   {},
                                               }))
                                      .with_source_address("127.0.0.2")
                                      .settings();
  EXPECT_EQ(source_address_of(settings.sessions[0], 0), "127.0.0.3");
  EXPECT_EQ(source_address_of(settings.sessions[0], 1), "127.0.0.2");
}

}  // namespace
}  // namespace havklo
