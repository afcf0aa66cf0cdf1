// What a file of some size may cost: the work of --with grows as the file does, whatever stands in
// it, and whatever the settings are.
#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>

#include "replay/what_if/comparison.hpp"
#include "replay/what_if/network_reader.hpp"
#include "support/recorded_session.hpp"
#include "support/temporary_file.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

replay::ObservedNetwork observed(const std::string& path) {
  auto network = replay::observe_network(replay::Reader::open(path).value());
  EXPECT_TRUE(network) << network.error();
  return std::move(*network);
}

double seconds_of(const std::string& path, const Settings& settings) {
  const std::clock_t began = std::clock();  // of the processor: other programs do not count
  EXPECT_EQ(replay::compare(observed(path), settings).unfinished, "");
  return static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC;
}

// A night in which the venue serves for an instant and resets, again and again.
Settings record_flapping(const std::string& path, Duration time) {
  VenueWorldSettings settings;
  settings.engine = book_settings({"BTC/USD", "ETH/USD"});
  settings.engine.circuit_breaker.enabled = false;
  settings.engine.reconnect.max_delay = 100_ms;
  settings.engine.reconnect.connect_budget = 100'000;
  settings.market.moves_per_1000_s = 0;
  settings.venue.connects_max = 0;
  settings.faults.add({.kind = replay::FaultKind::reset, .after = 100_ms});
  record_session(path, settings, time);
  return settings.engine;
}

TEST(WhatIfCost, GrowsAsTheFileDoes) {
  const TemporaryFile small;
  const TemporaryFile large;
  Settings other = record_flapping(small.path(), 75_s);
  record_flapping(large.path(), 600_s);
  EXPECT_GT(observed(small.path()).attempts.size(), 200u);
  EXPECT_GT(observed(large.path()).attempts.size(), 1'600u);
  other.reconnect.initial_delay = 50_ms;
  double of_small = 1e9;
  for (int i = 0; i < 3; ++i) of_small = std::min(of_small, seconds_of(small.path(), other));
  const double of_large = seconds_of(large.path(), other);
  // Eight times the file; eight times eight would be a loop in a loop.
  EXPECT_LT(of_large, 24 * of_small + 0.1) << of_small;
}

TEST(WhatIfCost, AYearBetweenTwoTurnsIsNoMoreThanATurn) {
  const TemporaryFile file;
  VenueWorldSettings settings;
  settings.engine = book_settings({"BTC/USD"});
  settings.market.moves_per_1000_s = 0;
  SyncBlockWriter writer;
  auto recorder =
      Recorder::create(file.path(), settings.engine, settings.seed, Duration{}, writer).value();
  settings.journal = recorder.get();
  VenueWorld world(settings);
  world.run(1_s);
  for (const int64_t seconds : {int64_t{365 * 86'400}, int64_t{1}, int64_t{1}}) {
    world.clock.advance(Duration::seconds(seconds));
    world.engine.turn();
  }
  recorder->finish();
  const replay::ObservedNetwork network = observed(file.path());
  ASSERT_EQ(network.recorded.outages.size(), 1u);
  EXPECT_EQ(replay::compare(network, settings.engine).unfinished, "");
  Settings other = settings.engine;
  other.reconnect.initial_delay = 1_ms;
  other.reconnect.max_delay = 1_ms;
  other.timeouts.heartbeat_timeout = 2_s;
  EXPECT_EQ(replay::compare(network, other).unfinished, "");
}

}  // namespace
}  // namespace havklo
