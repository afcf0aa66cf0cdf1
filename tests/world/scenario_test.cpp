// Scenario files: what they say happens, and what is wrong in one is said with its line.
#include "replay/world/scenario.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "replay/venue/capture.hpp"
#include "replay/world/simulation.hpp"
#include "support/engine_world.hpp"
#include "support/venue_world.hpp"

namespace havklo::replay {
namespace {

using namespace havklo::literals;

TEST(Scenario, ReadsVenueMarketSymbolsAndFaults) {
  const auto scenario = parse_scenario(R"(
[venue]
seed = "0x2a"
ack_delay = "1ms"
connects_max = 0
[market]
rate = 0.5
[[symbol]]
name = "XYZ/EUR"
price = "12.345"
levels = 6
[network]
latency = "2ms"
[[fault]]
kind = "close"
code = 1013
at = "5s"
connection = [2, 4]
times = 1
[[fault]]
kind = "reject_symbol"
symbol = "XYZ/EUR"
channel = "book"
[[fault]]
kind = "maintenance"
at = "60s"
for = "30s"
)",
                                       "s.toml");
  ASSERT_TRUE(scenario) << scenario.error();
  EXPECT_EQ(scenario->venue.seed, 0x2Au);
  EXPECT_EQ(scenario->venue.ack_delay, 1_ms);
  EXPECT_EQ(scenario->market.moves_per_1000_s, 500u);
  EXPECT_EQ(scenario->market.symbols[0].mid_price, 12'345);
  EXPECT_EQ(scenario->market.symbols[0].price_decimals, 3);
  EXPECT_EQ(scenario->network.latency, 2_ms);
  ASSERT_EQ(scenario->faults.faults.size(), 6u);
  EXPECT_EQ(scenario->faults.faults[0].code, 1013);
  EXPECT_EQ(scenario->faults.faults[0].connection_last, 4u);
  EXPECT_EQ(scenario->faults.faults[1].channel, Channel::book);
  EXPECT_EQ(scenario->faults.faults[2].kind, FaultKind::status);
}

TEST(Scenario, SaysInOneLineWhatIsWrong) {
  const std::array<std::pair<std::string_view, std::string_view>, 15> cases = {{
      {"[[fault]]\nkind = \"rest\"\nat = \"1s\"\n",
       "s.toml:1: unknown fault kind 'rest'; the nearest known one is 'reset'"},
      {"[[fault]]\nkind = \"reset\"\n",
       "s.toml:1: the fault 'reset' is an action and needs an instant: `at` or `after`"},
      {"[[fault]]\nkind = \"reset\"\ntiems = 1\nat = \"1s\"\n",
       "s.toml:3: unknown key fault.tiems; the nearest known one is fault.times"},
      {"[[fault]]\nkind = \"http\"\ncode = 99\n",
       "s.toml:1: the fault 'http' `code` must be an HTTP status from 200 to 599"},
      {"[[fault]]\nkind = \"http\"\ncode = 99999\n",
       "s.toml:3: fault.code must be a whole number from 0 to 65535"},
      {"[[fault]]\nkind = \"reset\"\nwhen = \"5s\"\n",
       "s.toml:3: unknown key fault.when; the nearest known one is fault.at"},
      {"[[pause]]\nat = \"5s\"\nduration = \"1s\"\n",
       "s.toml:3: unknown key pause.duration; the nearest known one is pause.for"},
      {"[[jump]]\nat = \"5s\"\nsize = \"1s\"\n",
       "s.toml:3: unknown key jump.size; known are at, by"},
      {"[[fault]]\nkind = \"maintenance\"\nat = \"1s\"\nfor = \"1s\"\ncode = 1012\n",
       "s.toml:5: a maintenance has no `code`: it has at, lead, for, retry_after and leg"},
      {"[market]\nrate = nan\n", "s.toml:2: market.rate must be a number"},
      {"[market]\nrate = -1\n", "s.toml:1: market.rate must be from 0 to 1000000"},
      {"[[symbol]]\nprice = \"1\"\n", "s.toml:1: a symbol needs a name"},
      {"symbol = []\n", "s.toml:1: symbol must be a list of tables: [[symbol]]"},
      {"[[symbol]]\nname = \"A/B\"\nprice = \"0\"\n",
       "s.toml:1: symbol.price must be a number above 0, of at most 15 digits, in quotes, as "
       "\"63501.7\""},
      {"[run]\nfor = \"99999999999h\"\n",
       "s.toml:2: run.for must be a duration with a unit (ns, us, ms, s, m or h), as \"100ms\" or "
       "\"30s\", at most 292 years"},
  }};
  for (const auto& [text, error] : cases) {
    const auto scenario = parse_scenario(text, "s.toml");
    ASSERT_FALSE(scenario) << text;
    EXPECT_EQ(scenario.error(), error);
  }
}

// A world in which nothing is subscribed to holds every invariant, and says nothing.
TEST(Scenario, OfThinAndEmptyBooksAloneTheyAreSubscribedTo) {
  const std::array<std::pair<std::string_view, std::vector<std::string>>, 4> cases = {{
      {"levels = 2\n", {"A/B"}},
      {"levels = 0\n", {"A/B"}},
      {"levels = 9\n[[symbol]]\nname = \"C/D\"\nlevels = 10\n", {"C/D"}},
      {"levels = 9\n[[symbol]]\nname = \"C/D\"\nlevels = 1\n", {"A/B", "C/D"}},
  }};
  for (const auto& [text, symbols] : cases) {
    const auto scenario = parse_scenario(
        "[run]\nfor = \"5s\"\n[[symbol]]\nname = \"A/B\"\n" + std::string(text), "s.toml");
    ASSERT_TRUE(scenario) << scenario.error();
    const Scenario whole = with_defaults(*scenario);
    EXPECT_EQ(whole.sessions.at(0).subscriptions.at(0).symbols, symbols) << text;
    const SimulationResult result = simulate(*scenario);
    EXPECT_FALSE(result.breach) << result.breach->what;
    EXPECT_GE(result.books_verified, symbols.size()) << text;
  }
}

TEST(Scenario, OfASessionWithoutPatienceSaysWhatEndsItsConnections) {
  const auto scenario =
      parse_scenario("[network]\nlatency = \"10s\"\n[run]\nfor = \"1s\"\n", "s.toml");
  ASSERT_TRUE(scenario) << scenario.error();
  const auto result = simulate(*scenario, {});
  ASSERT_TRUE(result.breach);
  EXPECT_EQ(result.breach->invariant, Invariant::recovery);
  EXPECT_TRUE(result.breach->what.ends_with("the last by connect_timeout")) << result.breach->what;
}

// 64 of the largest were 2^32 slots, and that a ring of none.
TEST(Scenario, SessionsShareARingThatHasABound) {
  const std::string largest =
      "[[session]]\n[session.engine]\nring_slots = 67108864\n"
      "[[session.subscription]]\nchannel = \"book\"\nsymbol = [\"BTC/USD\"]\n";
  for (const size_t sessions : {size_t{2}, size_t{64}}) {
    std::string text = largest;
    for (size_t i = 1; i < sessions; ++i) text += largest;
    const auto scenario = parse_scenario(text, "s.toml");
    ASSERT_FALSE(scenario) << sessions;
    EXPECT_EQ(scenario.error(), "s.toml:1: the sessions have " +
                                    std::to_string(sessions * 67'108'864) +
                                    " ring slots together, at most 67108864");
  }
  EXPECT_TRUE(parse_scenario(largest, "s.toml"));
}

// A symbol list of so many names that begin with the letter.
std::string symbols_of(char letter, uint32_t count) {
  std::string list = "[";
  for (uint32_t i = 0; i < count; ++i) {
    list += std::string(i == 0 ? "\"" : ", \"") + letter + std::to_string(i) + "/USD\"";
  }
  return list + "]";
}

// The table of names is the engine's, and not each session's.
TEST(Scenario, SessionsShareATableOfNamesThatHasABound) {
  const auto session = [](char letter, uint32_t count) {
    return "[[session]]\n[[session.subscription]]\nchannel = \"trade\"\nsymbol = " +
           symbols_of(letter, count) + "\n";
  };
  const std::string quiet = "[market]\nrate = 0\n[run]\nfor = \"1s\"\n";
  const auto two = [&](uint32_t of_the_second) {
    return parse_scenario(quiet + session('A', 3000) + session('B', of_the_second), "s.toml");
  };
  ASSERT_FALSE(two(1097));
  EXPECT_EQ(two(1097).error(),
            "s.toml:5: subscription.symbol = 4097 pairs in 2 sessions: must be at most 4096 in all "
            "sessions together");
  ASSERT_TRUE(two(1096)) << two(1096).error();
  EXPECT_TRUE(parse_scenario(quiet + session('A', 3000) + session('A', 3000), "s.toml"));
  // A command of a run brings a name too.
  const std::string command = "[[command]]\nkind = \"subscribe\"\nat = \"500ms\"\nsymbol = \"";
  const std::string full = quiet + session('A', 3000) + session('B', 1096) + command;
  const auto one_more = parse_scenario(full + "C0/USD\"\n", "s.toml");
  ASSERT_FALSE(one_more);
  EXPECT_EQ(one_more.error(),
            "s.toml:13: the sessions and what is subscribed later name 4097 pairs, at most 4096");
  EXPECT_TRUE(parse_scenario(full + "A7/USD\"\n", "s.toml"));
}

TEST(Scenario, ThoseOfTheProjectAreGoodAndEndWell) {
  uint32_t count = 0;
  const std::filesystem::path folder =
      std::filesystem::path(HAVKLO_SOURCE_DIR) / "replay/world/scenarios";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ostringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    const auto scenario = parse_scenario(text.str(), entry.path().string());
    ASSERT_TRUE(scenario) << scenario.error();
    VenueWorldSettings settings;
    settings.engine = book_settings({"BTC/USD", "ETH/USD", "SOL/USD"});
    settings.faults = scenario->faults;
    settings.venue = scenario->venue;
    VenueWorld world(settings);
    EXPECT_TRUE(world.run_until(60_s, EventKind::subscriptions_restored)) << entry.path();
    world.run(60_s);
    EXPECT_NE(world.events.back().kind, EventKind::closed) << entry.path();
    ++count;
  }
  EXPECT_GE(count, 3u);
}

// A capture of one book, made by hand, played to the engine through the model.
TEST(Capture, IsPlayedToTheByteAndVerifies) {
  std::string capture;
  capture +=
      R"({"method":"subscribe","result":{"channel":"book","depth":10,"snapshot":true,"symbol":"BTC/USD"},"success":true})"
      "\n";
  capture +=
      EngineWorld::snapshot_text("BTC/USD") + "\n" + EngineWorld::update_text("BTC/USD") + "\n";
  auto feed = CaptureFeed::parse(capture, 10);
  ASSERT_TRUE(feed) << feed.error();
  EXPECT_EQ(feed->frame_count(), 2u);
  EXPECT_FALSE(CaptureFeed::parse("not json\n", 0));
  EXPECT_FALSE(CaptureFeed::parse("{\"channel\":\"heartbeat\"}\n", 0));
}

TEST(Capture, ARealOneVerifiesWholeThroughTheEngine) {
  const char* shared = std::getenv("HAVKLO_SHARED_DIR");
  const std::filesystem::path folder =
      std::filesystem::path(shared != nullptr ? shared : HAVKLO_SHARED_DIR) / "kraken/messages";
  const auto path = folder / "session_btc-eth_book-d10_trade_2026-07-07.jsonl";
  if (!std::filesystem::exists(path)) {
    GTEST_SKIP() << "no capture at " << path << ": set HAVKLO_SHARED_DIR to play it";
  }
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  VenueWorldSettings settings;
  settings.engine = book_settings({"BTC/USD", "ETH/USD"});
  VenueWorld world(settings,
                   std::make_unique<CaptureFeed>(CaptureFeed::parse(text.str(), 0).value()));
  ASSERT_TRUE(world.run_until(5_s, EventKind::subscriptions_restored));
  world.run(60_s);
  EXPECT_EQ(world.count(EventKind::checksum_mismatch), 0u);
  size_t messages = 0;
  for (const Event& event : world.events) messages += event.last_in_message() ? 1 : 0;
  EXPECT_GT(messages, 2'900u);
}

}  // namespace
}  // namespace havklo::replay
