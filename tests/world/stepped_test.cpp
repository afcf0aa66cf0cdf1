// havklo/simulation.hpp: a world that is stepped is the world that `havklo sim` plays, whatever the
// steps; and a strategy's test can do in it what the header says.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <havklo/simulation.hpp>
#include <regex>
#include <set>
#include <string>

#include "replay/recording/event_digest.hpp"
#include "replay/world/built_in_scenarios.hpp"
#include "replay/world/scenario.hpp"
#include "replay/world/scenario_draw.hpp"
#include "replay/world/simulation.hpp"
#include "support/temporary_file.hpp"
#include "world/stepped_world.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

// Slices of many lengths, none of which falls together with what happens.
void run_in_slices(Simulation& sim, Diary& diary, Instant end, int64_t seed) {
  Duration slice{1'000'003 * (seed + 1)};
  while (sim.now() < end) {
    sim.run_for(std::min(slice, end - sim.now()), diary.sink);
    slice.ns = slice.ns * 3 % 1'700'000'011 + 7;
  }
}

TEST(SteppedWorld, OfABuiltInScenarioHasTheEventsOfItsStory) {
  ASSERT_GE(Simulation::built_in_names().size(), 9u);
  for (const replay::BuiltInScenario& each : replay::built_in_scenarios()) {
    SCOPED_TRACE(each.name);
    const auto scenario = replay::parse_scenario(each.text, each.name);
    const auto story = simulate(*scenario);
    for (const bool sliced : {false, true}) {
      auto sim = Simulation::built_in(each.name);
      ASSERT_TRUE(sim) << sim.error();
      Diary diary;
      if (sliced) run_in_slices(*sim, diary, Instant{} + scenario->run.lasting, 1);
      const auto end = sim->finish(diary.sink);
      EXPECT_TRUE(end) << end.error();
      EXPECT_EQ(diary.events.size(), story.events);
      EXPECT_EQ(diary.digest(), story.digest) << "sliced: " << sliced;
      EXPECT_TRUE(sim->closed());
    }
  }
}

// Worlds with all faults, several sessions, late turns, jumps and pauses.
TEST(SteppedWorld, OfADrawnScenarioHasTheEventsOfItsStory) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    const replay::Scenario drawn = replay::with_defaults(replay::draw_scenario(seed));
    Diary taken;  // the story may end before its consumer wakes
    const auto story = simulate(
        drawn,
        {.records = false, .on_event = [&](const Event& each, const Names&) { taken.sink(each); }});
    replay::Scenario timely = drawn;
    timely.run.disk_blocks.reset();
    std::erase_if(timely.faults.faults, [&](const replay::Fault& each) {
      return each.at && *each.at > timely.run.lasting;
    });
    Simulation sim = simulation(to_toml(timely));
    Diary diary;
    run_in_slices(sim, diary, Instant{} + drawn.run.lasting, static_cast<int64_t>(seed));
    const auto end = sim.finish(diary.sink);
    EXPECT_TRUE(end) << end.error();
    EXPECT_EQ(diary.events.size(), story.events);
    ASSERT_GE(diary.events.size(), taken.events.size());
    diary.events.resize(taken.events.size());
    EXPECT_EQ(diary.digest(), story.digest);
  }
}

TEST(SteppedWorld, IsTheSameWhateverTheStepsAndWhoeverAsksInThem) {
  const auto play = [](bool sliced) {
    Simulation sim = one_book_and("[[fault]]\nkind = \"reset\"\nat = \"5s\"\n");
    Diary diary;
    const auto reach = [&](Duration time) {
      if (sliced) run_in_slices(sim, diary, Instant{} + time, 5);
      if (!sliced) sim.run_for(Instant{} + time - sim.now(), diary.sink);
      EXPECT_EQ(sim.now(), Instant{} + time);
    };
    reach(1234567_us);
    EXPECT_TRUE(sim.session().subscribe(Channel::trade, "ETH/USD"));
    reach(6_s);
    EXPECT_TRUE(sim.add("fault = [{kind = 'reset'}, {kind = 'refuse', for = '500ms'}]"));
    reach(9_s);
    EXPECT_TRUE(sim.session().reconnect());
    reach(12_s);
    sim.heal();
    EXPECT_TRUE(sim.finish(diary.sink));
    return diary.digest();
  };
  EXPECT_EQ(play(false), play(false));
  EXPECT_EQ(play(false), play(true));
}

TEST(SteppedWorld, OneInstantAfterTheOtherIsTheSameToo) {
  Simulation whole = one_book_and("");
  Simulation steps = one_book_and("");
  Diary expected;
  Diary diary;
  whole.run_for(2_s, expected.sink);
  while (steps.now() <= Instant{} + 2_s) steps.run_once(diary.sink);
  ASSERT_GE(diary.events.size(), expected.events.size());
  std::erase_if(diary.events, [](const Event& each) { return each.time > Instant{} + 2_s; });
  EXPECT_EQ(diary.digest(), expected.digest());
}

TEST(SteppedWorld, HandsOverEverythingThoughItsConsumerSleepsToTheEnd) {
  Simulation sim = one_book_and("[[pause]]\nat = \"1s\"\nfor = \"600s\"\n");
  Diary diary;
  EXPECT_TRUE(sim.finish(diary.sink));
  EXPECT_EQ(diary.count(EventKind::closed), 1u);
}

TEST(SteppedWorld, StandsStillWhenAllIsOver) {
  Simulation sim = one_book_and("");
  EXPECT_TRUE(sim.finish());
  const Instant end = sim.now();
  EXPECT_EQ(sim.run_once(), 0u);
  EXPECT_EQ(sim.now(), end);
  EXPECT_EQ(sim.run_for(10_s), 0u);
  EXPECT_EQ(sim.now(), end + 10_s);
}

TEST(SteppedWorld, RunsUntilWhatIsAwaited) {
  Simulation sim = one_book_and("[[fault]]\nkind = \"reset\"\nat = \"5s\"\n");
  Diary diary;
  const auto restored = sim.run_until(EventKind::subscriptions_restored, 1_s, diary.sink);
  ASSERT_TRUE(restored);
  EXPECT_EQ(restored->payload.subscriptions_restored.count, 1u);
  EXPECT_EQ(restored->time, sim.now());
  EXPECT_EQ(milliseconds(sim.now()), 83);
  EXPECT_FALSE(sim.run_until(EventKind::disconnected, 2_s, diary.sink));
  EXPECT_EQ(milliseconds(sim.now()), 2083);
  EXPECT_TRUE(sim.run_until([&] { return diary.last(EventKind::reconnecting) != nullptr; }, 10_s,
                            diary.sink));
  EXPECT_EQ(milliseconds(sim.now()), 5005);  // the reset is 5 ms on its way
  EXPECT_EQ(diary.last(EventKind::disconnected)->payload.disconnected.reason, Reason::peer_reset);
  EXPECT_TRUE(sim.run_until([] { return true; }, 10_s));
  EXPECT_EQ(milliseconds(sim.now()), 5005);
  EXPECT_FALSE(sim.run_until([] { return false; }, 1_s));
  EXPECT_EQ(milliseconds(sim.now()), 6005);
}

TEST(SteppedWorld, FindsTheFirstOfSeveralAtOneInstant) {
  Simulation sim = simulation("");
  Diary diary;
  const auto subscribed = sim.run_until(EventKind::subscribed, 1_s, diary.sink);
  ASSERT_TRUE(subscribed);
  EXPECT_EQ(sim.names().symbol(subscribed->payload.subscription.symbol), "BTC/USD");
  EXPECT_EQ(diary.count(EventKind::subscribed), 3u);
}

TEST(SteppedWorld, LeapsWhenAJumpIsAdded) {
  Simulation sim = one_book_and("");
  sim.run_for(10_s);
  ASSERT_TRUE(sim.add("jump = [{at = '1s', by = '30s'}]"));
  sim.run_for(900_ms);
  EXPECT_EQ(sim.now(), Instant{} + 10900_ms);
  sim.run_for(200_ms);
  EXPECT_GE(sim.now(), Instant{} + 41_s);
}

TEST(SteppedWorld, TakesCommandsBetweenStepsAndFromWithinOne) {
  Simulation sim = one_book_and("");
  Diary diary;
  sim.run_for(1_s, diary.sink);
  EXPECT_TRUE(sim.session().subscribe(Channel::book, "ETH/USD", 25));
  const auto subscribed = sim.run_until(EventKind::subscribed, 1_s, diary.sink);
  ASSERT_TRUE(subscribed);
  EXPECT_EQ(sim.names().symbol(subscribed->payload.subscription.symbol), "ETH/USD");
  EXPECT_EQ(subscribed->time, Instant{} + 1025_ms);  // there and back, and the venue's 15 ms
  // From inside: the answer to an event leaves in the same instant.
  Instant asked;
  const auto unsubscribed = sim.run_until(EventKind::unsubscribed, 5_s, [&](const Event& event) {
    if (event.kind != EventKind::heartbeat || asked != Instant{}) return;
    asked = event.time;
    EXPECT_EQ(sim.now(), asked);
    EXPECT_TRUE(sim.session().unsubscribe(Channel::book, "ETH/USD"));
  });
  ASSERT_TRUE(unsubscribed);
  EXPECT_EQ(unsubscribed->time - asked, 25_ms);
  EXPECT_TRUE(sim.session().reconnect());
  EXPECT_TRUE(sim.run_until(EventKind::disconnected, 1_s));
  EXPECT_TRUE(sim.session().close());
  EXPECT_TRUE(sim.run_until(EventKind::closed, 2_s));
  EXPECT_TRUE(sim.closed());
  EXPECT_EQ(sim.session().reconnect().error(), CommandError::closed);
  EXPECT_EQ(sim.session().subscribe(Channel::book, "BTCUSD").error(), CommandError::symbol_invalid);
  EXPECT_EQ(sim.broken_promise(), "");
}

TEST(SteppedWorld, HasSessionsOfTheSettingsThatAStrategyUses) {
  Settings first;
  first.subscriptions.push_back({.channel = Channel::book, .symbols = {"BTC/USD"}, .depth = 100});
  Settings second = first;
  second.subscriptions = {{.channel = Channel::trade, .symbols = {"ETH/USD"}}};
  second.reconnect.initial_delay = 7_ms;
  Simulation sim = simulation("[[fault]]\nkind = \"reset\"\nat = \"3s\"\n", {first, second});
  EXPECT_EQ(sim.session_count(), 2u);
  EXPECT_EQ(sim.settings(1).reconnect.initial_delay, 7_ms);
  Diary diary;
  sim.run_for(2_s, diary.sink);
  EXPECT_EQ(diary.count(EventKind::subscriptions_restored), 2u);
  EXPECT_TRUE(sim.session(1).subscribe(Channel::trade, "SOL/USD"));
  const auto subscribed = sim.run_until(EventKind::subscribed, 1_s, diary.sink);
  ASSERT_TRUE(subscribed);
  EXPECT_EQ(subscribed->session, 1u);
  EXPECT_TRUE(sim.session(0).close());
  sim.run_for(2_s, diary.sink);
  EXPECT_TRUE(sim.closed(0));
  EXPECT_FALSE(sim.closed(1));
  EXPECT_FALSE(sim.closed());
  ASSERT_NE(diary.last(EventKind::reconnecting), nullptr);
  EXPECT_EQ(diary.last(EventKind::reconnecting)->session, 1u);
  EXPECT_EQ(diary.last(EventKind::reconnecting)->payload.reconnecting.delay_ns, (7_ms).ns);
}

TEST(SteppedWorld, CanBeMovedWithWhatWasTakenFromIt) {
  Simulation sim = one_book_and("");
  const Names& names = sim.names();
  SessionCommands& session = sim.session();
  sim.run_for(1_s);
  Simulation moved = std::move(sim);
  EXPECT_EQ(&moved.names(), &names);
  Diary diary;
  EXPECT_TRUE(session.subscribe(Channel::ticker, "SOL/USD"));
  moved.run_for(1_s, diary.sink);
  EXPECT_EQ(diary.count(EventKind::subscribed), 1u);
}

TEST(SteppedWorld, BreaksFromNowOnWhatIsAdded) {
  Simulation sim = one_book_and("");
  Diary diary;
  sim.run_for(2500_ms, diary.sink);
  ASSERT_TRUE(sim.add("fault = [{kind = 'reset'}, {kind = 'refuse', for = '3s'}]"));
  sim.run_for(10_ms, diary.sink);
  ASSERT_EQ(diary.count(EventKind::disconnected), 1u);
  EXPECT_EQ(diary.last(EventKind::disconnected)->time, Instant{} + 2505_ms);
  const auto back = sim.run_until(EventKind::connected, 60_s, diary.sink);
  ASSERT_TRUE(back);
  EXPECT_GT(back->time, Instant{} + 5500_ms);  // gone for three seconds
  EXPECT_GT(diary.count(EventKind::connect_failed), 2u);
  const Instant now = sim.now();
  ASSERT_TRUE(
      sim.add("[[fault]]\nkind = 'http'\ncode = 503\n[[fault]]\nkind = 'close'\n"
              "code = 1012\nat = '1s'\n"));
  ASSERT_TRUE(sim.run_until(EventKind::disconnected, 5_s, diary.sink));
  EXPECT_EQ(sim.now() - now, 1005_ms);
  ASSERT_TRUE(sim.run_until(EventKind::connect_failed, 10_s, diary.sink));
  EXPECT_EQ(diary.last(EventKind::connect_failed)->payload.connect_failed.http_status, 503);
  EXPECT_FALSE(sim.run_until(EventKind::connected, 60_s, diary.sink));
  sim.heal();
  EXPECT_TRUE(sim.run_until(EventKind::subscriptions_restored, 60_s, diary.sink));
  // A pause of the consumer: the events wait in the ring.
  ASSERT_TRUE(sim.add("[[pause]]\nfor = '5s'\n"));
  EXPECT_EQ(sim.run_for(4900_ms), 0u);
  EXPECT_GT(sim.run_for(200_ms), 4u);
  // What is added after the healing breaks, too; and the end mends it.
  ASSERT_TRUE(sim.add("[[fault]]\nkind = 'reset'\n[[fault]]\nkind = 'tls'\n"));
  EXPECT_TRUE(sim.run_until(EventKind::disconnected, 1_s));
  const auto end = sim.finish();
  EXPECT_TRUE(end) << end.error();
}

// A fault that struck before the healing says nothing of the one that takes its place in the plan.
TEST(SteppedWorld, BreaksAgainRightAfterTheHealing) {
  Simulation sim = one_book_and("[[fault]]\nkind = \"ping\"\nat = \"1s\"\nevery = \"1s\"\n");
  sim.run_for(3500_ms);
  sim.heal();
  ASSERT_TRUE(sim.add("[[fault]]\nkind = 'reset'\n"));
  EXPECT_TRUE(sim.run_until(EventKind::disconnected, 100_ms));
}

TEST(SteppedWorld, IsWellFromTheEndThatTheScenarioSays) {
  constexpr std::string_view trouble =
      "[[fault]]\nkind = \"reset\"\nat = \"1s\"\n"
      "[[fault]]\nkind = \"refuse\"\nat = \"1s\"\n";
  Simulation ends = one_book_and(std::string(trouble).append("[run]\nfor = \"90s\"\n"));
  ends.run_for(2_s);
  const auto restored = ends.run_until(EventKind::subscriptions_restored, 300_s);
  ASSERT_TRUE(restored);
  EXPECT_GT(restored->time, Instant{} + 90_s);
  EXPECT_LT(restored->time, Instant{} + 121_s);  // the breaker's 30 s
  Simulation lasts = one_book_and(trouble);
  lasts.run_for(2_s);
  EXPECT_FALSE(lasts.run_until(EventKind::subscriptions_restored, 300_s));
  EXPECT_TRUE(lasts.finish());
}

TEST(SteppedWorld, PlaysWhatIsLateThoughNoEndIsSaid) {
  Simulation sim = one_book_and(
      "[[fault]]\nkind = \"reset\"\nat = \"100s\"\n"
      "[[command]]\nkind = \"unsubscribe\"\nsymbol = \"BTC/USD\"\nat = \"200s\"\n");
  EXPECT_FALSE(sim.run_until(EventKind::disconnected, 100_s));
  EXPECT_TRUE(sim.run_until(EventKind::subscriptions_restored, 10_s));
  // What is asked now does not wait for what is planned.
  EXPECT_TRUE(sim.session().subscribe(Channel::ticker, "BTC/USD"));
  EXPECT_TRUE(sim.run_until(EventKind::subscribed, 10_s));
  Diary diary;
  EXPECT_TRUE(sim.finish(diary.sink));
  ASSERT_EQ(diary.count(EventKind::unsubscribed), 1u);
  EXPECT_EQ(milliseconds(diary.last(EventKind::unsubscribed)->time), 200'025);
}

TEST(SteppedWorld, IsHealedNowThoughNothingIsDue) {
  Simulation sim = one_book_and("[[fault]]\nkind = \"status\"\nat = \"1s\"\n[market]\nrate = 0\n");
  sim.run_for(1500_ms);
  const Instant now = sim.now();
  sim.heal();
  EXPECT_EQ(sim.now(), now);
  const auto online = sim.run_until(EventKind::status, 1_s);
  ASSERT_TRUE(online);
  EXPECT_EQ(online->payload.status.system, SystemStatus::online);
  EXPECT_EQ(online->time, now + 5_ms);
}

TEST(SteppedWorld, SaysInOneLineWhatCannotBePlayed) {
  struct Case {
    std::string_view toml;
    std::string_view error;
  };
  constexpr std::array cases = {
      Case{"[[fault]]\nkind = \"rest\"\nat = \"1s\"\n",
           "scenario:1: unknown fault kind 'rest'; the nearest known one is 'reset'"},
      Case{"[run]\nfor = \"5s\"\n[[fault]]\nkind = \"reset\"\nat = \"6s\"\n",
           "scenario: the reset at 6s would never happen: from run.for = 5s on the world is well"},
      Case{"[[session]]\n[session.reconnect]\nmultiplier = 0.5\n",
           "scenario:1: reconnect.multiplier = 0.5: must be a number from 1 to 1000"},
      Case{"[market]\nrate = 100000\n",
           "scenario:1: market.rate (100000 a second, 6 symbols) × run.for: the world, which lasts "
           "up to 60 s, may have from 0 to 2000000 messages and attempts, not 36000180; lower one "
           "of the two"},
  };
  for (const Case& each : cases) {
    const auto sim = Simulation::from_toml(each.toml);
    ASSERT_FALSE(sim) << each.toml;
    EXPECT_EQ(sim.error(), each.error);
  }
  Settings bad;
  bad.subscriptions.push_back({.symbols = {"BTC/USD"}, .depth = 7});
  EXPECT_EQ(Simulation::from_toml("", {bad}).error(),
            "scenario: subscription.depth = 7: must be 10, 25, 100, 500 or 1000");
  Settings busy;
  busy.reconnect = {.initial_delay = 0_ns, .connect_budget = 100'000, .connect_budget_window = 1_s};
  busy.subscriptions.push_back({.symbols = {"BTC/USD"}});
  EXPECT_TRUE(Simulation::from_toml("", {busy})
                  .error()
                  .starts_with("scenario: session.reconnect.connect_budget (100000 in 1s) × "
                               "run.for: the world, which "));
  EXPECT_EQ(Simulation::from_toml(one_book, {Settings{}}).error(),
            "scenario: the scenario has [[session]], and settings are given, too: one of them");
  EXPECT_EQ(Simulation::built_in("flaping").error(),
            "no scenario is called 'flaping'; the nearest one is 'flapping'");
  EXPECT_EQ(Simulation::open("/no/such.toml").error(),
            "cannot read '/no/such.toml': No such file or directory");
}

TEST(SteppedWorld, SaysInOneLineWhatCannotBeAdded) {
  Simulation sim = one_book_and("");
  EXPECT_EQ(sim.add("[[fault]]\nkind = 'rest'\n").error(),
            "added:1: unknown fault kind 'rest'; the nearest known one is 'reset'");
  EXPECT_EQ(sim.add("[venue]\nseed = 3\n").error(),
            "added:1: unknown key venue; known are fault, jump, pause");
  EXPECT_EQ(sim.add("[[fault]]\nkind = 'reset'\nat = '1s'\nafter = '1s'\n").error(),
            "added:1: the fault 'reset' says both `at` and `after`: one of them");
  EXPECT_TRUE(sim.add("fault = [{kind = 'chunk', bytes = 1}]")
                  .error()
                  .starts_with("added: market.rate (20 a second, 6 symbols) × run.for: the world, "
                               "which lasts up to 60 s"));
  EXPECT_FALSE(sim.run_until(EventKind::disconnected, 5_s));
}

// What the table of the author's guide writes can be played, and makes a difference.
TEST(SteppedWorld, OfEachLineOfTheGuideIsAnother) {
  const auto digest_of = [](const std::string& toml) {
    auto sim = Simulation::from_toml(toml);
    EXPECT_TRUE(sim) << toml << ": " << sim.error();
    replay::EventDigest digest;
    EXPECT_TRUE(sim && sim->finish([&](Event event) {
      event.time = sim->now();  // as it was handed over: a pause changes no more
      digest.add(event);
    })) << toml;
    return digest.value();
  };
  std::ifstream page(std::filesystem::path(HAVKLO_SOURCE_DIR) / "include/havklo/README.md");
  std::set<uint64_t> digests{digest_of("")};
  for (std::string line; std::getline(page, line);) {
    const std::regex span("`((fault|pause|market|symbol) = [^`]*)`");
    for (std::sregex_iterator at(line.begin(), line.end(), span), end; at != end; ++at) {
      EXPECT_TRUE(digests.insert(digest_of((*at)[1])).second) << line;
    }
  }
  EXPECT_EQ(digests.size(), 11u);
}

TEST(SteppedWorld, IsReadFromAFile) {
  const TemporaryFile file;
  std::FILE* const out = std::fopen(file.path().c_str(), "w");
  std::fputs("[[fault]]\nkind = \"reset\"\nat = \"1s\"\n", out);
  std::fclose(out);
  auto sim = Simulation::open(file.path());
  ASSERT_TRUE(sim) << sim.error();
  EXPECT_TRUE(sim->run_until(EventKind::disconnected, 2_s));
}

TEST(SteppedWorld, SaysWhenItDoesNotEndWell) {
  Simulation sim = one_book_and("[session.timeouts]\nconnect_timeout = \"1ms\"\n");
  const auto end = sim.finish();
  ASSERT_FALSE(end);
  EXPECT_TRUE(end.error().starts_with("recovery broken by session 0 at +")) << end.error();
  EXPECT_EQ(sim.broken_promise(), end.error());
}

TEST(SteppedWorldDeathTest, IsNotRunFromInsideASink) {
  Simulation sim = one_book_and("");
  EXPECT_DEATH(sim.run_for(1_s, [&](const Event&) { sim.run_for(1_s); }), "sink");
}

}  // namespace
}  // namespace havklo
