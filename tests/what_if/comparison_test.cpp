// What if: the model gives the recorded figures back with the recorded settings, and the right ones
// with others where the truth is known: the same world, run again with those settings.
#include "replay/what_if/comparison.hpp"

#include <gtest/gtest.h>

#include "replay/what_if/network_reader.hpp"
#include "support/recorded_session.hpp"
#include "support/temporary_file.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;
using replay::Assume;
using replay::FaultKind;
using replay::ObservedNetwork;
using replay::Outage;
using replay::OutageFigures;

VenueWorldSettings world(replay::FaultPlan faults) {
  VenueWorldSettings settings;
  settings.engine = book_settings({"BTC/USD", "ETH/USD"});
  settings.faults = std::move(faults);
  return settings;
}

ObservedNetwork observed(const VenueWorldSettings& settings, Duration time) {
  const TemporaryFile file;
  record_session(file.path(), settings, time);
  auto network = replay::observe_network(replay::Reader::open(file.path()).value());
  EXPECT_TRUE(network) << network.error();
  return std::move(*network);
}

// The same figures; times to the tick of the timer wheel and a little.
void expect_same(const OutageFigures& expected, const OutageFigures& actual, Duration within) {
  const auto near = [within](Instant a, Instant b) { return std::abs((a - b).ns) <= within.ns; };
  ASSERT_EQ(actual.outages.size(), expected.outages.size());
  EXPECT_EQ(actual.attempts, expected.attempts);
  for (size_t i = 0; i < expected.outages.size(); ++i) {
    const Outage& then = expected.outages[i];
    const Outage& now = actual.outages[i];
    SCOPED_TRACE("outage " + std::to_string(i + 1));
    EXPECT_EQ(now.reason, then.reason);
    EXPECT_TRUE(near(now.begin, then.begin)) << now.begin.ns << " " << then.begin.ns;
    EXPECT_EQ(now.attempts.size(), then.attempts.size());
    EXPECT_EQ(now.trips, then.trips);
    ASSERT_EQ(now.first_connect.has_value(), then.first_connect.has_value());
    if (then.first_connect) {
      EXPECT_TRUE(near(*now.first_connect, *then.first_connect));
    }
    ASSERT_EQ(now.all_clear.has_value(), then.all_clear.has_value());
    if (then.all_clear) {
      EXPECT_TRUE(near(*now.all_clear, *then.all_clear));
    }
    ASSERT_EQ(now.books_lost.size(), then.books_lost.size());
    for (const auto& [symbol, lost] : then.books_lost) {
      EXPECT_LE(std::abs((now.books_lost.at(symbol) - lost).ns), within.ns) << symbol;
    }
    EXPECT_EQ(actual.attempts_in_ten_minutes(now, actual.last),
              expected.attempts_in_ten_minutes(then, expected.last));
  }
  ASSERT_EQ(actual.repairs.size(), expected.repairs.size());
  for (const auto& [symbol, lost] : expected.repairs) {
    EXPECT_LE(std::abs((actual.repairs.at(symbol) - lost).ns), within.ns) << symbol;
  }
}

// Named worlds, each with another kind of outage.
struct Night {
  const char* name;
  std::function<VenueWorldSettings()> settings;
  Duration time;
};

std::vector<Night> nights_of_the_network() {
  return {
      {"a short reset",
       [] {
         return world(replay::FaultPlan{}
                          .add({.kind = FaultKind::reset, .at = 3_s, .times = 1})
                          .add({.kind = FaultKind::refuse, .at = 3_s, .lasting = 1_s}));
       },
       10_s},
      {"the breaker trips",
       [] {
         return world(replay::FaultPlan{}
                          .add({.kind = FaultKind::reset, .at = 3_s, .times = 1})
                          .add({.kind = FaultKind::refuse, .at = 3_s, .lasting = 70_s}));
       },
       150_s},
      {"a feed that falls silent",
       [] {
         return world(
             replay::FaultPlan{}.add({.kind = FaultKind::stall, .at = 4_s, .lasting = 8_s}));
       },
       30_s},
      {"maintenance",
       [] { return world(replay::FaultPlan{}.add_maintenance(4_s, 1_s, 20_s, 7_s)); }, 60_s},
      {"a venue that hangs",
       [] {
         return world(replay::FaultPlan{}
                          .add({.kind = FaultKind::reset, .at = 3_s, .times = 1})
                          .add({.kind = FaultKind::blackhole, .at = 3_s, .lasting = 15_s}));
       },
       60_s},
      {"no greeting",
       [] {
         return world(replay::FaultPlan{}
                          .add({.kind = FaultKind::reset, .at = 3_s, .times = 1})
                          .add({.kind = FaultKind::silent_greeting, .at = 3_s, .lasting = 9_s}));
       },
       40_s},
      {"a bad book",
       [] {
         return world(
             replay::FaultPlan{}.add({.kind = FaultKind::bad_checksum, .at = 3_s, .times = 2}));
       },
       15_s},
      {"down from the start",
       [] {
         return world(
             replay::FaultPlan{}.add({.kind = FaultKind::refuse, .at = 0_s, .lasting = 2_s}));
       },
       12_s},
      {"a flapping venue",
       [] {
         return world(replay::FaultPlan{}.add(
             {.kind = FaultKind::end_of_stream, .after = 300_ms, .times = 4}));
       },
       60_s},
      {"jitter, and reads cut anywhere",
       [] {
         auto settings = world(replay::FaultPlan{}
                                   .add({.kind = FaultKind::reset, .at = 5_s, .every = 7_s})
                                   .add({.kind = FaultKind::refuse, .at = 12_s, .lasting = 2_s}));
         settings.engine.reconnect.jitter = Jitter::full;
         settings.network.read_bytes_max = 300;
         settings.network.jitter = 3_ms;
         return settings;
       },
       40_s},
  };
}

std::vector<Night> nights_of_the_feed() {
  return {
      {"a bad snapshot after a reset",
       [] {
         return world(replay::FaultPlan{}
                          .add({.kind = FaultKind::reset, .at = 3_s, .times = 1})
                          .add({.kind = FaultKind::bad_checksum,
                                .connection_first = 2,
                                .connection_last = 2,
                                .times = 1}));
       },
       15_s},
      {"a crossed book after a reset",
       [] {
         return world(replay::FaultPlan{}
                          .add({.kind = FaultKind::reset, .at = 3_s, .times = 1})
                          .add({.kind = FaultKind::crossed_book,
                                .connection_first = 2,
                                .connection_last = 2,
                                .times = 2}));
       },
       15_s},
      {"requests that nobody answers",
       [] {
         return world(
             replay::FaultPlan{}
                 .add({.kind = FaultKind::reset, .at = 3_s, .times = 1})
                 .add({.kind = FaultKind::silent_acks, .connection_first = 2, .times = 3}));
       },
       60_s},
      {"too many requests",
       [] {
         return world(
             replay::FaultPlan{}
                 .add({.kind = FaultKind::reset, .at = 3_s, .times = 1})
                 .add({.kind = FaultKind::rate_exceeded, .connection_first = 2, .times = 2}));
       },
       60_s},
      {"a book that never comes",
       [] {
         return world(
             replay::FaultPlan{}
                 .add({.kind = FaultKind::reset, .at = 3_s, .times = 1})
                 .add({.kind = FaultKind::dead_subscription, .connection_first = 2, .times = 2}));
       },
       60_s},
      {"a message that is none of the venue's",
       [] {
         return world(replay::FaultPlan{}.add({.kind = FaultKind::message, .at = 3_s, .times = 1}));
       },
       15_s},
  };
}

TEST(WhatIf, TheRecordedSettingsGiveTheRecordedFiguresBack) {
  std::vector<Night> nights = nights_of_the_network();
  std::ranges::move(nights_of_the_feed(), std::back_inserter(nights));
  for (const Night& night : nights) {
    SCOPED_TRACE(night.name);
    const ObservedNetwork network = observed(night.settings(), night.time);
    for (const Assume assume : {Assume::last, Assume::next}) {
      const replay::ModelRun run = replay::run_model(network, network.header.settings, assume);
      expect_same(network.recorded, run.figures, 1_ms);
      EXPECT_TRUE(run.assumptions.attempts.empty()) << run.assumptions.attempts.size();
      EXPECT_TRUE(run.assumptions.disputed.empty());
    }
    const replay::WhatIf what_if = replay::compare(network, network.header.settings);
    EXPECT_EQ(what_if.doubted, 0u);
    EXPECT_NE(replay::to_text(what_if, network, {}).find("Nothing rests on an assumption"),
              std::string::npos);
  }
}

TEST(WhatIf, TheLatenessOfALiveLoopDoesNotAddUp) {
  // Each timer fires 8 ms late, as on a busy machine; six attempts in a row.
  const TemporaryFile file;
  VenueWorldSettings settings =
      world(replay::FaultPlan{}
                .add({.kind = FaultKind::reset, .at = 3_s, .times = 1})
                .add({.kind = FaultKind::refuse, .at = 3_s, .lasting = 5_s}));
  settings.engine.circuit_breaker.enabled = false;
  SyncBlockWriter writer;
  auto recorder =
      Recorder::create(file.path(), settings.engine, settings.seed, Duration{}, writer).value();
  settings.journal = recorder.get();
  VenueWorld late(settings);
  while (late.clock.now() < Instant{} + 14_s) {
    late.engine.turn();
    const Instant timer = late.engine.next_deadline() + 8_ms;
    late.clock.set(std::max(late.clock.now(), std::min(timer, late.network.next_deadline())));
    late.network.advance_to(late.clock.now());
  }
  recorder->finish();
  const ObservedNetwork network =
      replay::observe_network(replay::Reader::open(file.path()).value()).value();
  ASSERT_EQ(network.recorded.outages.size(), 1u);
  EXPECT_GE(network.recorded.outages[0].attempts.size(), 6u);
  const replay::ModelRun run = replay::run_model(network, settings.engine, Assume::last);
  expect_same(network.recorded, run.figures, 9_ms);
  EXPECT_TRUE(run.assumptions.attempts.empty());
}

// The truth: the same seeded world with the other settings. The model must enclose it.
void expect_encloses_truth(const VenueWorldSettings& recorded, const Settings& other,
                           Duration time) {
  const ObservedNetwork network = observed(recorded, time);
  VenueWorldSettings truth = recorded;
  truth.engine = other;
  const ObservedNetwork real = observed(truth, time);
  const replay::WhatIf what_if = replay::compare(network, other);
  ASSERT_EQ(real.recorded.outages.size(), 1u);
  ASSERT_EQ(what_if.outages.size(), 1u);
  const Outage& happened = real.recorded.outages[0];
  const replay::OutageComparison& said = what_if.outages[0];
  ASSERT_TRUE(happened.all_clear);
  const int64_t all_clear = (*happened.all_clear - happened.begin).ns;
  const int64_t slack = Duration(20_ms).ns;
  ASSERT_TRUE(said.all_clear_ns.low);
  EXPECT_LE(*said.all_clear_ns.low, all_clear + slack);
  EXPECT_GE(said.all_clear_ns.high.value_or(INT64_MAX), all_clear - slack);
  EXPECT_LE(*said.attempts.low, static_cast<int64_t>(happened.attempts.size()));
  EXPECT_GE(*said.attempts.high, static_cast<int64_t>(happened.attempts.size()));
  EXPECT_TRUE(said.all_clear_ns.assumed);
  EXPECT_GT(what_if.assumed_attempts, 0u);
}

TEST(WhatIf, AQuickerBackoffIsEnclosed) {
  const auto recorded = world(replay::FaultPlan{}
                                  .add({.kind = FaultKind::reset, .at = 3_s, .times = 1})
                                  .add({.kind = FaultKind::refuse, .at = 3_s, .lasting = 1_s}));
  Settings other = recorded.engine;
  other.reconnect.initial_delay = 40_ms;
  other.reconnect.multiplier = 1.3;
  other.circuit_breaker.enabled = false;
  expect_encloses_truth(recorded, other, 10_s);
}

TEST(WhatIf, AShorterResetTimeoutIsEnclosed) {
  const auto recorded = world(replay::FaultPlan{}
                                  .add({.kind = FaultKind::reset, .at = 3_s, .times = 1})
                                  .add({.kind = FaultKind::refuse, .at = 3_s, .lasting = 40_s}));
  Settings other = recorded.engine;
  other.circuit_breaker.reset_timeout = 7_s;
  expect_encloses_truth(recorded, other, 90_s);
}

TEST(WhatIf, AShorterHeartbeatTimeoutNoticesASilenceEarlier) {
  const auto recorded =
      world(replay::FaultPlan{}.add({.kind = FaultKind::stall, .at = 4_s, .lasting = 3_s}));
  const auto silent = [&] {
    auto settings = recorded;
    settings.faults = replay::FaultPlan{}.add(
        {.kind = FaultKind::stall, .at = 4_s, .lasting = 600_s, .connection_last = 1});
    return settings;
  }();
  const ObservedNetwork network = observed(silent, 30_s);
  Settings other = silent.engine;
  other.timeouts.heartbeat_timeout = 2500_ms;
  const replay::WhatIf what_if = replay::compare(network, other);
  ASSERT_EQ(what_if.outages.size(), 1u);
  const replay::OutageComparison& outage = what_if.outages[0];
  EXPECT_EQ(outage.reason, Reason::heartbeat_timeout);
  ASSERT_TRUE(outage.all_clear_ns.recorded && outage.all_clear_ns.low && outage.all_clear_ns.high);
  // At best 2.5 s earlier; at worst the venue answered nobody before it answered the recording.
  EXPECT_NEAR(static_cast<double>(*outage.all_clear_ns.recorded - *outage.all_clear_ns.low), 2.5e9,
              5e7);
  EXPECT_GE(*outage.all_clear_ns.high, *outage.all_clear_ns.recorded - 100'000'000);
  EXPECT_EQ(what_if.disputed_attempts, 1u);
  // The book's loss counts from the last message, not from the moment somebody noticed.
  EXPECT_LT(*outage.books_lost_ns[0].second.low, *outage.books_lost_ns[0].second.recorded);
}

TEST(WhatIf, AnOutageThatOtherSettingsWouldHaveMadeIsShownAsOne) {
  // A pause of 3 s that the recorded timeout of 5 s sat out.
  const auto recorded =
      world(replay::FaultPlan{}.add({.kind = FaultKind::stall, .at = 4_s, .lasting = 3_s}));
  const ObservedNetwork network = observed(recorded, 20_s);
  EXPECT_TRUE(network.recorded.outages.empty());
  Settings other = recorded.engine;
  other.timeouts.heartbeat_timeout = 2_s;
  const replay::WhatIf what_if = replay::compare(network, other);
  ASSERT_EQ(what_if.outages.size(), 1u);
  EXPECT_FALSE(what_if.outages[0].in_recording);
  EXPECT_NE(replay::to_text(what_if, network, {}).find("did not happen in the recording"),
            std::string::npos);
}

TEST(WhatIf, BooksStayWholeThroughEverythingThatTheModelMakes) {
  // A repair, outages, live subscribers while the recording heard nothing: every checksum holds.
  const auto recorded = world(replay::FaultPlan{}
                                  .add({.kind = FaultKind::reset, .at = 3_s, .every = 9_s})
                                  .add({.kind = FaultKind::refuse, .at = 3_s, .lasting = 4_s}));
  const ObservedNetwork network = observed(recorded, 38_s);
  Settings other = recorded.engine;
  other.reconnect.initial_delay = 60_ms;
  other.reconnect.multiplier = 1.0;
  other.circuit_breaker.enabled = false;
  const replay::ModelRun run = replay::run_model(network, other, Assume::next);
  EXPECT_TRUE(run.figures.repairs.empty());
  EXPECT_FALSE(run.assumptions.feed.empty());
  ASSERT_FALSE(run.figures.outages.empty());
  for (const Outage& outage : run.figures.outages) EXPECT_TRUE(outage.all_clear);
  // The venue was seen down for the last time at 4.5 s; "next" takes it for back right after.
  EXPECT_LT(run.figures.outages[0].all_clear->ns, Duration(4'800_ms).ns);
}

TEST(WhatIf, AnEmptyFileOfSettingsChangesNothing) {
  Settings recorded = book_settings({"BTC/USD", "ETH/USD"});
  recorded.subscriptions.push_back({.channel = Channel::trade, .symbols = {"BTC/USD"}});
  recorded.subscriptions.push_back(
      {.channel = Channel::ohlc, .symbols = {"BTC/USD"}, .interval_minutes = 5});
  const auto same = replay::other_settings(recorded, "", "empty.toml");
  ASSERT_TRUE(same) << same.error();
  EXPECT_EQ(replay::settings_changed(recorded, *same), std::vector<std::string>{});
  Settings deeper = recorded;
  deeper.subscriptions[0].depth = 25;
  EXPECT_EQ(replay::settings_changed(recorded, deeper),
            std::vector<std::string>{"subscription[1].depth: 10 → 25"});
}

// A figure that the model cannot give back is no figure of other settings either.
TEST(WhatIf, WhatTheModelDoesNotGiveBackIsMarked) {
  const auto recorded = world(replay::FaultPlan{}
                                  .add({.kind = FaultKind::reset, .at = 3_s, .times = 1})
                                  .add({.kind = FaultKind::refuse, .at = 3_s, .lasting = 1_s})
                                  .add({.kind = FaultKind::reset, .at = 10_s, .times = 1}));
  ObservedNetwork network = observed(recorded, 15_s);
  ASSERT_EQ(network.recorded.outages.size(), 2u);
  EXPECT_EQ(replay::compare(network, recorded.engine).doubted, 0u);
  // As if its second outage had taken longer, for a reason that is no part of the model.
  network.recorded.outages[1].all_clear = *network.recorded.outages[1].all_clear + 5_ms;
  const replay::WhatIf same = replay::compare(network, recorded.engine);
  ASSERT_EQ(same.outages.size(), 2u);
  EXPECT_EQ(same.doubted, 1u);
  EXPECT_FALSE(same.outages[0].all_clear_ns.assumed);
  EXPECT_TRUE(same.outages[1].all_clear_ns.assumed);
  EXPECT_TRUE(same.outages[1].attempts.assumed);
  EXPECT_NE(replay::to_text(same, network, {}).find("does not give back"), std::string::npos);
  Settings other = recorded.engine;
  other.reconnect.max_delay = 9_s;  // which no wait of that night reached
  EXPECT_TRUE(replay::compare(network, other).outages[1].all_clear_ns.assumed);
}

TEST(WhatIf, OnlySettingsThatTheRecordingCanAnswerForAreTaken) {
  const Settings recorded = book_settings({"BTC/USD"});
  const auto quick =
      replay::other_settings(recorded, "[reconnect]\ninitial_delay = \"7ms\"\n", "quick.toml");
  ASSERT_TRUE(quick) << quick.error();
  EXPECT_EQ(quick->reconnect.initial_delay, 7_ms);
  EXPECT_EQ(quick->subscriptions[0].symbols[0], "BTC/USD");
  EXPECT_EQ(replay::settings_changed(recorded, *quick),
            std::vector<std::string>{"reconnect.initial_delay: \"100ms\" → \"7ms\""});

  const auto error_of = [&recorded](std::string_view toml) {
    const auto settings = replay::other_settings(recorded, toml, "x.toml");
    return settings ? std::string() : settings.error();
  };
  EXPECT_EQ(error_of("url = \"wss://venue.test/v2\"\n[[subscription]]\nchannel = \"book\"\n"
                     "symbol = [\"BTC/USD\"]\n"),
            "");
  EXPECT_NE(error_of("url = \"wss://elsewhere.test/v2\"").find("another url"), std::string::npos);
  EXPECT_NE(error_of("[[subscription]]\nchannel = \"trade\"\nsymbol = \"BTC/USD\"\n")
                .find("another subscription"),
            std::string::npos);
  EXPECT_NE(error_of("[reconnect]\nmultiplier = 0.5").find("reconnect.multiplier"),
            std::string::npos);
}

// The file that the recording was made with: its header has the url without credentials.
TEST(WhatIf, TheUrlMayHaveTheCredentialsThatTheRecordingLeftOut) {
  Settings recorded = book_settings({"BTC/USD"});
  recorded.url = "wss://venue.test/v2/redacted?token=redacted";
  const std::string url = "url = \"wss://venue.test/v2/l1st3n-k3y?token=s3cr3t\"\n";
  const auto settings = replay::other_settings(recorded, url, "night.toml");
  ASSERT_TRUE(settings) << settings.error();
  EXPECT_EQ(settings->url, recorded.url);
  EXPECT_FALSE(replay::other_settings(recorded, "url = \"wss://venue.test/v2\"\n", "x.toml"));
}

}  // namespace
}  // namespace havklo
