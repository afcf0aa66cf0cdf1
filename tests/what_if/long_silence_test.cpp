// Recordings of some turns that last for ages: the model comes to their end, or says that it does
// not, in time that the turns give and not the years.
#include <gtest/gtest.h>

#include <functional>
#include <havklo/recording.hpp>

#include "replay/what_if/comparison.hpp"
#include "replay/what_if/network_reader.hpp"
#include "support/engine_world.hpp"
#include "support/sync_block_writer.hpp"
#include "support/temporary_file.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

constexpr Duration day = Duration::seconds(86'400);

// An engine whose attempts are refused, as `live` has it: recorded to its end.
replay::ObservedNetwork observed(const Settings& settings,
                                 const std::function<void(EngineWorld&)>& live) {
  const TemporaryFile file;
  SyncBlockWriter writer;
  auto recorder = Recorder::create(file.path(), settings, 0x5eed, {}, writer).value();
  EngineWorld world(settings, recorder.get());
  world.turn();
  live(world);
  world.command(make_command(Command::Kind::close));
  world.pass(5_s);
  recorder->finish();
  return replay::observe_network(replay::Reader::open(file.path()).value()).value();
}

Settings impatient(const Settings& recorded) {
  Settings settings = recorded;
  settings.reconnect.initial_delay = 50_ms;
  settings.reconnect.max_delay = 50_ms;
  settings.reconnect.connect_budget = 100'000;
  settings.reconnect.connect_budget_window = 1_s;
  settings.circuit_breaker.enabled = false;
  return settings;
}

// The machine slept, or the program was stopped: so would it be with other settings.
TEST(LongSilence, ATurnAYearLaterIsNoYearOfAttempts) {
  const Settings settings = book_settings({"BTC/USD"});
  const auto network = observed(settings, [](EngineWorld& world) {
    world.fail(Reason::connect_refused);
    world.clock.advance({365 * day.ns});
    world.turn();
  });
  EXPECT_GT(network.last_turn - network.first_turn, Duration{364 * day.ns});
  const replay::WhatIf what_if = replay::compare(network, impatient(settings));
  EXPECT_EQ(what_if.unfinished, "");
  EXPECT_LT(what_if.attempts, 1000u);
}

// A wait of seven days is a setting. Ten years of them are some five hundred turns.
TEST(LongSilence, SettingsThatAskTooMuchOfItAreToldSo) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "a million turns take minutes under it";
#endif
  Settings settings = book_settings({"BTC/USD"});
  settings.reconnect.initial_delay = settings.reconnect.max_delay = {7 * day.ns};
  settings.circuit_breaker.enabled = false;
  const auto network = observed(settings, [](EngineWorld& world) {
    for (int i = 0; i < 520; ++i) {
      world.fail(Reason::connect_refused);
      world.pass({7 * day.ns});
    }
  });
  EXPECT_EQ(replay::compare(network, settings).unfinished, "");
  const replay::WhatIf what_if = replay::compare(network, impatient(settings));
  EXPECT_TRUE(what_if.unfinished.starts_with("these settings ask for more than 1"))
      << what_if.unfinished;
  EXPECT_TRUE(what_if.outages.empty());
}

}  // namespace
}  // namespace havklo
