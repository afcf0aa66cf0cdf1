// What a scenario may ask for: what is out of range is refused with its line; what is just within
// ends, and can be written and read again.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "replay/world/built_in_scenarios.hpp"
#include "replay/world/scenario.hpp"
#include "replay/world/scenario_draw.hpp"
#include "replay/world/scenario_ranges.hpp"
#include "replay/world/simulation.hpp"

namespace havklo::replay {
namespace {

using namespace havklo::literals;

std::string refusal_of(const std::string& toml, ScenarioUse use = ScenarioUse::simulation) {
  const auto scenario = parse_scenario(toml, "s.toml", use);
  return scenario ? "" : scenario.error();
}

struct FieldRange {
  std::string before;  // the keys that stand beside it
  std::string field;   // table.key, as refusals name it
  std::vector<std::string> good;
  std::vector<std::string> bad;
};

// Below, at and above both ends; in every unit, since people mistake them.
const std::vector<std::string> times_from_0 = {R"("0s")", R"("1ns")", R"("168h")"};
const std::vector<std::string> no_times_from_0 = {R"("-1ns")", R"("-5s")", R"("169h")",
                                                  R"("2562047h")"};
const std::vector<std::string> times_to_1_m = {R"("0s")", R"("1ns")", R"("1m")"};
const std::vector<std::string> no_times_to_1_m = {R"("-1ns")", R"("60001ms")", R"("168h")"};
// It is over within the 7 days.
const std::vector<std::string> times_and_a_maintenance = {R"("0s")", R"("1ns")", R"("167h")"};
const std::vector<std::string> times_from_1_ms = {R"("1ms")", R"("168h")"};
const std::vector<std::string> no_times_from_1_ms = {R"("0s")", R"("999us")", R"("-1ms")",
                                                     R"("169h")"};
const std::string reset = "[[fault]]\nkind = \"reset\"\nat = \"1s\"\n";
const std::string refuse = "[[fault]]\nkind = \"refuse\"\n";
const std::string drip = "[[fault]]\nkind = \"drip\"\n";
const std::string http = "[[fault]]\nkind = \"http\"\ncode = 503\n";
const std::string maintenance = "[[fault]]\nkind = \"maintenance\"\n";
const std::string symbol = "[[symbol]]\nname = \"A/B\"\n";
const std::string subscribe = "[[command]]\nkind = \"subscribe\"\nsymbol = \"A/B\"\n";
const std::string text_of_126(126, 'x');
const std::string text_of_125(125, 'x');
const std::string text_of_123(123, 'x');

std::string quoted_text(const std::string& text) { return '"' + text + '"'; }

const std::vector<FieldRange> ranges = {
    {"[venue]\n", "venue.ack_delay", times_from_0, no_times_from_0},
    {"[venue]\n", "venue.snapshot_delay", times_from_0, no_times_from_0},
    {"[venue]\n", "venue.heartbeat_interval", times_from_1_ms, no_times_from_1_ms},
    {"[venue]\n", "venue.idle_timeout", times_from_1_ms, no_times_from_1_ms},
    {"[venue]\n", "venue.close_linger", times_from_0, no_times_from_0},
    {"[venue]\n", "venue.connects_window", times_from_1_ms, no_times_from_1_ms},
    {"[venue]\n", "venue.connect_ban", times_from_0, no_times_from_0},
    {"[venue]\n", "venue.requests_per_second", {"0", "1000000"}, {"-1", "1000001", "4294967295"}},
    {"[venue]\n", "venue.requests_burst", {"0", "1000000"}, {"-1", "1000001", "4294967296"}},
    {"[venue]\n", "venue.connects_max", {"0", "1000000"}, {"1000001"}},
    {"[market]\n", "market.rate", {"0.0", "1000000"}, {"-1", "1000001"}},
    {"[market]\n", "market.unheard_trades", {"0.0", "1000"}, {"-1", "1000001"}},
    {"[market]\n", "market.trades_per_1000_moves", {"0", "1000"}, {"1001", "4294967295"}},
    {"[network]\n", "network.latency", times_to_1_m, no_times_to_1_m},
    {"[network]\n",
     "network.leg_latency",
     {R"([])", R"(["0s"])", R"(["1ms", "2ms", "3ms", "1m"])"},
     {R"(["0s", "61s"])", R"(["0s", "0s", "0s", "0s", "0s"])", R"("1s")", R"([1])"}},
    {"[venue]\n", "venue.cut", {R"("alike")", R"("own")"}, {R"("both")", "1"}},
    {"[venue]\n", "venue.cut_hold", times_to_1_m, no_times_to_1_m},
    {refuse, "fault.leg", {"0", "3"}, {"4", "-1"}},
    {"[network]\n", "network.jitter", times_to_1_m, no_times_to_1_m},
    {"[network]\n", "network.send_time", times_to_1_m, no_times_to_1_m},
    {"[[address]]\nip = \"203.0.113.9\"\n", "address.for", times_from_0, no_times_from_0},
    {"[run]\n", "run.for", times_from_0, no_times_from_0},
    {"[run]\n", "run.lateness", times_from_0, no_times_from_0},
    {symbol, "symbol.levels", {"0", "1", "10000"}, {"10001", "4294967295"}},
    {"[[symbol]]\n", "symbol.name", {R"("A/B")"}, {R"("")", R"("AB")", R"("A/B\n")", R"("A/\"")"}},
    {symbol,
     "symbol.price",
     {R"("1")", R"("1e5")", R"("0.0000000001")", R"("99999.0000000001")"},
     {R"("0")", R"("-1")", R"("0.00000000001")", R"("9000000000000000000")"}},
    {refuse, "fault.at", times_from_0, no_times_from_0},
    {refuse, "fault.after", times_from_0, no_times_from_0},
    {refuse, "fault.for", {R"("1ns")", R"("168h")"}, {R"("0s")", R"("00s")", R"("-1s")"}},
    {reset, "fault.every", times_from_1_ms, no_times_from_1_ms},
    {drip, "fault.interval", {R"("1us")"}, {R"("0s")", R"("999ns")", R"("-1us")"}},
    {http, "fault.retry_after", times_from_0, no_times_from_0},
    {maintenance + "at = \"5s\"\n", "fault.for", {R"("1ns")"}, {R"("0s")", R"("00s")", R"("-1s")"}},
    {maintenance + "for = \"5s\"\n", "fault.at", times_and_a_maintenance, no_times_from_0},
    {maintenance + "at = \"5s\"\nfor = \"5s\"\n", "fault.lead", times_and_a_maintenance,
     no_times_from_0},
    {maintenance + "at = \"5s\"\nfor = \"5s\"\n", "fault.retry_after", times_from_0,
     no_times_from_0},
    {"[[fault]]\nkind = \"ping\"\nat = \"1s\"\n",
     "fault.text",
     {quoted_text(text_of_125)},
     {quoted_text(text_of_126)}},
    {"[[fault]]\nkind = \"close\"\ncode = 1000\nat = \"1s\"\n",
     "fault.text",
     {quoted_text(text_of_123)},
     {quoted_text(text_of_125)}},
    {subscribe, "command.at", times_from_0, no_times_from_0},
    {subscribe, "command.session", {"0", "63"}, {"64", "4294967295"}},
    {subscribe, "command.depth", {"10", "1000"}, {"0", "11", "65546", "4294967295"}},
    {"[[command]]\nkind = \"unsubscribe\"\n", "command.symbol", {R"("A/B")"}, {R"("")", R"("A")"}},
    {"[[pause]]\n", "pause.at", times_from_0, no_times_from_0},
    {"[[pause]]\n", "pause.for", times_from_0, no_times_from_0},
    {"[[jump]]\n", "jump.at", times_from_0, no_times_from_0},
    {"[[jump]]\n", "jump.by", {R"("0s")", R"("1h")"}, {R"("-1s")", R"("3601s")", R"("168h")"}},
};

TEST(ScenarioRanges, AreCheckedAtBothEndsAndTheFieldIsNamed) {
  for (const FieldRange& range : ranges) {
    const std::string key = range.field.substr(range.field.find('.') + 1);
    for (const std::string& value : range.good) {
      const std::string toml = range.before + key + " = " + value + "\n";
      // Field by field; a week of anything is too much for the simulator.
      const auto scenario = parse_scenario(toml, "s.toml", ScenarioUse::exchange);
      ASSERT_TRUE(scenario) << toml << scenario.error();
      // What is written of it is read, and says the same.
      const auto again = parse_scenario(to_toml(*scenario), "again.toml", ScenarioUse::exchange);
      ASSERT_TRUE(again) << toml << again.error();
      EXPECT_EQ(to_toml(*again), to_toml(*scenario)) << toml;
    }
    for (const std::string& value : range.bad) {
      const std::string toml = range.before + key + " = " + value + "\n";
      const std::string why = refusal_of(toml);
      EXPECT_TRUE(why.starts_with("s.toml:")) << toml << why;
      const bool named = why.find(range.field) != std::string::npos ||
                         why.find("`" + key + "`") != std::string::npos ||
                         why.find("needs a name") != std::string::npos;
      EXPECT_TRUE(named) << toml << why;
    }
  }
}

TEST(ScenarioRanges, SymbolsAreCheckedTogether) {
  EXPECT_EQ(refusal_of(symbol + symbol), "s.toml:1: the same symbol twice: A/B");
  std::string many;
  for (int i = 0; i < 401; ++i) {
    many += "[[symbol]]\nname = \"S" + std::to_string(i) + "/B\"\nlevels = 10000\n";
  }
  EXPECT_EQ(refusal_of(many),
            "s.toml:1: symbol.levels of all symbols must be from 0 to 4000000, not 4010000");
}

// Worlds at the ends of their ranges.
TEST(ScenarioRanges, WhatIsJustWithinEnds) {
  const std::string session =
      "[[session]]\n[[session.subscription]]\nchannel = \"book\"\nsymbol = [\"A/B\"]\n";
  for (const std::string& worst : {
           std::string("[venue]\nheartbeat_interval = \"1ms\"\n") + symbol,
           symbol + "levels = 10000\nprice = \"1\"\n",
           symbol + "levels = 10000\nprice = \"99999.0000000001\"\n",
           std::string("[venue]\nidle_timeout = \"1ms\"\nconnects_window = \"1ms\"\n") + symbol,
           symbol + reset + "every = \"1ms\"\n",
           symbol + drip + "bytes = 1\ninterval = \"1us\"\n",
       }) {
    const auto scenario = parse_scenario(worst + "[run]\nfor = \"2s\"\n" + session, "s.toml");
    ASSERT_TRUE(scenario) << worst << scenario.error();
    const SimulationResult result = simulate(*scenario);
    EXPECT_GT(result.turns, 0u);
  }
}

struct Product {
  std::string toml;
  std::string one;  // the fields whose product it is
  std::string other;
};

const std::string a_week = "[run]\nfor = \"168h\"\n";
const std::string an_hour = "[[jump]]\nat = \"1s\"\nby = \"1h\"\n";
const std::vector<Product> products = {
    {a_week, "market.rate", "run.for"},
    {"[market]\nrate = 1000000\n", "market.rate", "run.for"},
    {"[market]\nrate = 99999\n", "market.rate", "run.for"},
    {"[market]\nrate = 0\n[venue]\nheartbeat_interval = \"1ms\"\n" + a_week,
     "venue.heartbeat_interval", "run.for"},
    {"[market]\nrate = 0\n[[fault]]\nkind = \"ping\"\nat = \"1s\"\nevery = \"1ms\"\n" + a_week,
     "fault.every", "run.for"},
    {"[market]\nrate = 1000\n" + an_hour, "market.rate", "jump.by"},
    {an_hour + an_hour + an_hour + an_hour + an_hour, "market.rate", "jump.by"},
    {"[network]\nread_bytes_max = 1\n" + an_hour, "market.rate", "jump.by"},
    {"[venue]\nack_delay = \"168h\"\n", "market.rate", "venue.ack_delay"},
    {"[venue]\nsnapshot_delay = \"168h\"\n", "market.rate", "venue.snapshot_delay"},
    {"[network]\nsend_time = \"1m\"\n", "market.rate", "network.send_time"},
    {"[[session]]\n[session.reconnect]\nstable_after = \"168h\"\n[[session.subscription]]\n"
     "channel = \"book\"\nsymbol = [\"BTC/USD\"]\n",
     "market.rate", "session.reconnect.stable_after"},
    {"[[session]]\n[session.reconnect]\nconnect_budget = 100000\nconnect_budget_window = \"1ms\"\n"
     "initial_delay = \"0s\"\n[[session.subscription]]\nchannel = \"book\"\n"
     "symbol = [\"BTC/USD\"]\n",
     "session.reconnect.connect_budget", "run.for"},
};

TEST(ScenarioRanges, AWorldThatWouldNotEndIsRefusedAndTheFactorsAreNamed) {
  for (const Product& each : products) {
    const std::string why = refusal_of(each.toml);
    EXPECT_TRUE(why.starts_with("s.toml:")) << each.toml << why;
    EXPECT_NE(why.find(": " + each.one), std::string::npos) << each.toml << why;
    EXPECT_NE(why.find(" × " + each.other + ":"), std::string::npos) << each.toml << why;
    EXPECT_NE(why.find("from 0 to 2000000 "), std::string::npos) << each.toml << why;
    // A venue on a real socket lives as long as somebody wants.
    EXPECT_EQ(refusal_of(each.toml, ScenarioUse::exchange), "") << each.toml;
  }
}

TEST(ScenarioRanges, WhatHappensFewTimesMayBeFastOrLong) {
  const std::vector<std::string> good = {
      "[market]\nrate = 0.1\n[run]\nfor = \"24h\"\n",
      "[market]\nrate = 100000\n[run]\nfor = \"1s\"\n",
      "[market]\nrate = 0\n[[fault]]\nkind = \"ping\"\nat = \"1s\"\nevery = \"1ms\"\ntimes = 5\n"
      "[run]\nfor = \"24h\"\n",
      an_hour,
  };
  for (const std::string& each : good) EXPECT_EQ(refusal_of(each), "") << each;
}

TEST(ScenarioRanges, EveryWorldThatIsDrawnIsWithin) {
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    EXPECT_EQ(refusal_of(to_toml(draw_scenario(seed))), "") << seed;
  }
  for (const BuiltInScenario& each : built_in_scenarios()) {
    EXPECT_EQ(refusal_of(std::string(each.text)), "") << each.name;
  }
}

// What was due meanwhile comes at one instant: that is no engine that spins.
TEST(ScenarioRanges, ALongJumpBreaksNoInvariant) {
  const std::string quiet = "[market]\nrate = 0\n";
  const std::vector<std::string> backlogs = {
      quiet + "[venue]\nheartbeat_interval = \"3ms\"\n" + an_hour,
      quiet + "[network]\nread_bytes_max = 10\n" + an_hour,
  };
  for (const std::string& toml : backlogs) {
    const auto scenario = parse_scenario(toml + "[run]\nfor = \"2s\"\n", "s.toml");
    ASSERT_TRUE(scenario) << toml << scenario.error();
    const SimulationResult result = simulate(*scenario);
    EXPECT_FALSE(result.breach) << toml << result.breach->what;
  }
}

}  // namespace
}  // namespace havklo::replay
