// Legs in a configuration file: what it says arrives, what is wrong is said in one line, what is
// written reads back the same, and nothing is written of one leg.
#include "replay/text/legs_toml.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "replay/text/settings_table.hpp"
#include "replay/text/settings_toml.hpp"
#include "replay/world/scenario.hpp"
#include "support/fuzz/same_settings.hpp"

namespace havklo::replay {
namespace {

using namespace havklo::literals;

std::string refusal_of(std::string_view text) {
  const auto read = engine_settings_from_toml(text, "f");
  return read ? "" : read.error();
}

Settings read(std::string_view text, const Settings& base = {}) {
  const auto settings = settings_from_toml(text, "f", base);
  EXPECT_TRUE(settings) << settings.error();
  return settings.value_or(Settings{});
}

TEST(LegsToml, OneIsTheDefaultAndNothingIsSaidOfIt) {
  const Settings settings = read("");
  EXPECT_EQ(settings.legs, std::vector<LegSettings>(1));
  EXPECT_EQ(settings.leg_lag_max, 250_ms);
  EXPECT_FALSE(settings.rotate_after);
  EXPECT_EQ(settings_to_toml(settings).find("leg"), std::string::npos);
  EXPECT_EQ(settings_to_toml(settings).find("rotate"), std::string::npos);
  EXPECT_TRUE(fuzz::is_same(read("legs = 1\nleg_lag_max = \"250ms\"\n[[leg]]\n"), settings));
}

TEST(LegsToml, ANumberOrTablesSayHowMany) {
  EXPECT_EQ(read("legs = 3\n").legs, std::vector<LegSettings>(3));
  const Settings settings = read(
      "leg_lag_max = \"100ms\"\nrotate_after = \"10m\"\n"
      "[[leg]]\n[[leg]]\nurl = \"wss://b/v2\"\nsource_address = \"192.0.2.2\"\n");
  EXPECT_EQ(settings.legs, (std::vector<LegSettings>{{}, {"wss://b/v2", "192.0.2.2"}}));
  EXPECT_EQ(settings.leg_lag_max, 100_ms);
  EXPECT_EQ(settings.rotate_after, 10_min);
  EXPECT_EQ(read("legs = 2\n[[leg]]\nurl = \"wss://a/v2\"\n[[leg]]\n").legs,
            (std::vector<LegSettings>{{"wss://a/v2", {}}, {}}));
}

// More is said above, or in a base: a number keeps what there was of the first, tables replace all.
TEST(LegsToml, WhatIsSaidLaterWins) {
  Settings base;
  base.legs = {{"wss://a/v2", {}}, {{}, "192.0.2.2"}};
  EXPECT_EQ(read("", base).legs, base.legs);
  EXPECT_EQ(read("legs = 2\n", base).legs, base.legs);
  EXPECT_EQ(read("legs = 1\n", base).legs, (std::vector<LegSettings>{{"wss://a/v2", {}}}));
  EXPECT_EQ(read("legs = 3\n", base).legs,
            (std::vector<LegSettings>{{"wss://a/v2", {}}, {{}, "192.0.2.2"}, {}}));
  EXPECT_EQ(read("[[leg]]\n[[leg]]\n", base).legs, std::vector<LegSettings>(2));
}

TEST(LegsToml, ASessionSaysItsOwn) {
  const auto read = engine_settings_from_toml(R"(legs = 2
leg_lag_max = "1s"
[[session]]
url = "wss://a/v2"
[[session.subscription]]
symbol = "BTC/USD"
[[session]]
leg_lag_max = "2s"
rotate_after = "1h"
[[session.leg]]
source_address = "192.0.2.1"
[[session.leg]]
source_address = "192.0.2.2"
[[session.leg]]
[[session.subscription]]
symbol = "BTC/USD"
[[session]]
legs = 1
[[session.subscription]]
symbol = "BTC/USD"
)",
                                              "f");
  ASSERT_TRUE(read) << read.error();
  ASSERT_EQ(read->sessions.size(), 3u);
  EXPECT_EQ(read->sessions[0].legs, std::vector<LegSettings>(2));
  EXPECT_EQ(read->sessions[0].leg_lag_max, 1_s);
  EXPECT_EQ(read->sessions[1].legs,
            (std::vector<LegSettings>{{{}, "192.0.2.1"}, {{}, "192.0.2.2"}, {}}));
  EXPECT_EQ(read->sessions[1].leg_lag_max, 2_s);
  EXPECT_EQ(read->sessions[1].rotate_after, 60_min);
  EXPECT_EQ(read->sessions[2].legs, std::vector<LegSettings>(1));
  const auto valid = validate(*read);
  EXPECT_TRUE(valid) << valid.error().message();
}

// Each with what a scenario leaves out, and with what a header says in full.
TEST(LegsToml, WhatIsWrittenReadsBackTheSame) {
  const std::array<std::vector<LegSettings>, 5> all = {{
      std::vector<LegSettings>(1),
      std::vector<LegSettings>(4),
      {{"wss://a/v2", {}}},
      {{"wss://a/v2", "192.0.2.1"}, {}},
      {{}, {}, {"wss://\"c\"/v2", {}}},
  }};
  for (const auto& legs : all) {
    for (const auto& usual_legs : all) {
      for (const Duration lag : {250_ms, 1_s}) {
        Settings usual;
        usual.legs = usual_legs;
        usual.leg_lag_max = 1_s;
        Settings settings;
        settings.legs = legs;
        settings.leg_lag_max = lag;
        settings.rotate_after = 5_min;
        std::string text;
        write_settings(text, settings, "", &usual);
        EXPECT_TRUE(fuzz::is_same(read(text, usual), settings)) << text;
        const std::string whole = settings_to_toml(settings);
        EXPECT_TRUE(fuzz::is_same(read(whole), settings)) << whole;
      }
    }
  }
}

TEST(LegsToml, AScenarioKeepsThem) {
  Scenario scenario;
  Settings session;
  session.subscriptions = {{.channel = Channel::book, .symbols = {"BTC/USD"}}};
  scenario.sessions = {session, session};
  const std::string before = to_toml(scenario);
  EXPECT_EQ(before.find("leg"), std::string::npos);
  scenario.sessions[1].legs = {{"wss://a/v2", {}}, {}};
  scenario.sessions[1].leg_lag_max = 100_ms;
  const std::string text = to_toml(scenario);
  const auto again = parse_scenario(text, "f");
  ASSERT_TRUE(again) << again.error() << "\n" << text;
  EXPECT_TRUE(fuzz::is_same(*again, scenario)) << text;
}

TEST(LegsToml, SaysInOneLineWhatIsWrong) {
  EXPECT_EQ(refusal_of("url = \"wss://a\"\nlegs = 3\n[[leg]]\n[[leg]]\n"),
            "f:2: legs = 3, and there are 2 [[leg]] tables: write 2, or as many tables");
  EXPECT_EQ(refusal_of("[[session]]\nlegs = 1\n[[session.leg]]\n[[session.leg]]\n"),
            "f:2: session.legs = 1, and there are 2 [[session.leg]] tables: write 2, or as many "
            "tables");
  EXPECT_EQ(refusal_of("[[leg]]\n[[leg]]\n[[leg]]\n[[leg]]\n[[leg]]\n"),
            "f:1: 5 [[leg]] tables: at most 4");
  for (const char* count : {"0", "5", "-1", "4294967298", "\"2\"", "2.0", "true"}) {
    EXPECT_EQ(refusal_of(std::string("legs = ") + count + "\n"),
              "f:1: legs must be a whole number from 1 to 4")
        << count;
  }
  EXPECT_EQ(refusal_of("[[session]]\nlegs = 9\n"),
            "f:2: session.legs must be a whole number from 1 to 4");
  for (const char* other : {"[leg]\n", "leg = 2\n", "leg = []\n", "leg = [1]\n"}) {
    EXPECT_EQ(refusal_of(other), "f:1: leg must be a list of tables: [[leg]]") << other;
  }
  EXPECT_EQ(refusal_of("[[session]]\n[session.leg]\n"),
            "f:2: session.leg must be a list of tables: [[session.leg]]");
  EXPECT_EQ(refusal_of("[[leg]]\nurll = \"x\"\n"),
            "f:2: unknown key leg.urll; the nearest known one is leg.url");
  EXPECT_EQ(refusal_of("[[leg]]\nca_file = \"x\"\n"),
            "f:2: unknown key leg.ca_file; known are source_address, url");
  EXPECT_EQ(refusal_of("[[leg]]\nsource_address = 1\n"),
            "f:2: leg.source_address must be text in quotes");
  EXPECT_EQ(refusal_of("leg_lag = \"1s\"\n"),
            "f:1: unknown key leg_lag; the nearest known one is leg_lag_max");
  EXPECT_TRUE(refusal_of("rotate_after = 600\n").starts_with("f:1: rotate_after must be a dura"));
}

}  // namespace
}  // namespace havklo::replay
