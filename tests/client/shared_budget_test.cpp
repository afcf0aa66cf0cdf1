// Clients of one process, and of one file, share a connect budget: what one has used another waits
// for, says so, and can be replayed.
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <havklo/havklo.hpp>
#include <memory>
#include <string>
#include <vector>

#include "replay/playback/player.hpp"
#include "support/loopback_venue.hpp"
#include "support/temporary_folder.hpp"

namespace havklo::shared_budget {
namespace {

using namespace havklo::literals;

constexpr std::chrono::seconds patience{20};

using Client = std::unique_ptr<InlineKrakenClient>;

Client start(const Settings& settings) {
  auto client = InlineKrakenClient::connect(settings);
  EXPECT_TRUE(client) << client.error().message();
  return client ? std::move(*client) : nullptr;
}

Event run_until(InlineKrakenClient& client, EventKind kind) {
  Event found{};
  bool done = false;
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!done && std::chrono::steady_clock::now() < until) {
    client.run_once([&](const Event& event) {
      if (!done && event.kind == kind) found = event, done = true;
    });
  }
  EXPECT_TRUE(done) << to_string(kind) << " did not come";
  return found;
}

// From an address of its own each, so that no other test's attempts are counted.
Settings two_attempts_from(const LoopbackVenue& venue, std::string source) {
  Settings settings = venue.settings();
  settings.source_address = std::move(source);
  settings.reconnect.connect_budget = 2;
  settings.reconnect.connect_budget_window = 300_s;
  return settings;
}

void expect_replayed(const std::string& recording) {
  replay::Player player(replay::Reader::open(recording).value());
  const replay::PlayResult result = player.run();
  EXPECT_TRUE(result.identical());
  EXPECT_EQ(result.torn, "");
}

TEST(SharedBudget, OfOneProcessIsWaitedForAndReplayed) {
  LoopbackVenue venue;
  const TemporaryFolder folder;
  Settings settings = two_attempts_from(venue, "127.0.1.1");
  const Client one = start(settings);
  run_until(*one, EventKind::subscriptions_restored);
  settings.recording.path = folder / "other.hvk";
  {
    const Client other = start(settings);
    run_until(*other, EventKind::subscriptions_restored);
    ASSERT_TRUE(other->reconnect());
    const Event event = run_until(*other, EventKind::reconnecting);
    EXPECT_EQ(event.payload.reconnecting.waits_for, WaitsFor::budget);
    EXPECT_GT(event.payload.reconnecting.delay_ns, (200_s).ns);
  }
  expect_replayed(settings.recording.path);
}

TEST(SharedBudget, OfAFileOutlivesItsClient) {
  LoopbackVenue venue;
  const TemporaryFolder folder;
  Settings settings = two_attempts_from(venue, "127.0.1.2");
  settings.reconnect.budget_file = folder / "budget";
  for (int run = 0; run < 2; ++run) {
    const Client client = start(settings);
    run_until(*client, EventKind::subscriptions_restored);
  }
  settings.recording.path = folder / "third.hvk";
  {
    const Client third = start(settings);
    std::vector<Event> events;
    for (int turn = 0; turn < 200; ++turn) {
      third->run_once([&events](const Event& event) { events.push_back(event); });
    }
    ASSERT_EQ(events.size(), 1U) << "it waits for its place, and says so once";
    EXPECT_EQ(events[0].kind, EventKind::reconnecting);
    EXPECT_EQ(events[0].payload.reconnecting.attempt, 0U) << "of the first connect";
    EXPECT_EQ(events[0].payload.reconnecting.waits_for, WaitsFor::budget);
    EXPECT_GT(events[0].payload.reconnecting.delay_ns, (200_s).ns);
  }
  expect_replayed(settings.recording.path);
}

// Whoever waits for the all clear hears what it waits for, and what to look at.
TEST(SharedBudget, OfWhichNothingIsLeftIsWhatWaitLiveSays) {
  LoopbackVenue venue;
  Settings settings = two_attempts_from(venue, "127.0.1.5");
  for (int run = 0; run < 2; ++run) {
    const Client client = start(settings);
    run_until(*client, EventKind::subscriptions_restored);
  }
  auto client = KrakenClient::connect(settings);
  ASSERT_TRUE(client) << client.error().message();
  NotLive why;  // until its first turn it waits for nothing yet
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!why.place_free_in && std::chrono::steady_clock::now() < until) {
    const auto live = (*client)->wait_live(1_ms);
    ASSERT_FALSE(live);
    why = live.error();
  }
  ASSERT_TRUE(why.place_free_in);
  EXPECT_GT(*why.place_free_in, 200_s);
  EXPECT_LE(*why.place_free_in, 300_s);
  EXPECT_FALSE(why.closed);
  why.place_free_in = 12_s + 210_ms;
  EXPECT_EQ(why.message(),
            "not live yet: waiting for a place in the connect budget, 12.3 s more: set "
            "connect_budget and connect_budget_window to all that the venue allows (this process "
            "shares them, and who has the same budget_file)");
}

// It waits for the first session's attempt, of which no event tells.
TEST(SharedBudget, OfOneEngineIsWhatWaitLiveSaysToo) {
  LoopbackVenue venue;
  Settings settings = two_attempts_from(venue, "127.0.1.6");
  settings.reconnect.connect_budget = 1;
  EngineSettings both(settings);
  both.sessions.push_back(both.sessions.front());
  auto engine = EngineClient::connect(both);
  ASSERT_TRUE(engine) << engine.error().message();
  ASSERT_TRUE((*engine)->wait_live(0, 20_s));
  const auto second = (*engine)->wait_live(1, 0_s);
  ASSERT_FALSE(second);
  EXPECT_TRUE(second.error().message().starts_with(
      "session 1: not live yet: waiting for a place in the connect budget, "));
}

TEST(SharedBudget, OtherNumbersThanThoseOfWhoRunsAreRefused) {
  LoopbackVenue venue;
  Settings settings = two_attempts_from(venue, "127.0.1.3");
  const Client one = start(settings);
  settings.reconnect.connect_budget = 3;
  const auto other = InlineKrakenClient::connect(settings);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().message(),
            "reconnect.connect_budget = 3: must be 2 as in another engine of this process that "
            "connects to 127.0.0.1 from 127.0.1.3, or not set");
}

TEST(SharedBudget, AFileThatIsNoneIsRefusedInOneLine) {
  LoopbackVenue venue;
  Settings settings = two_attempts_from(venue, "127.0.1.4");
  settings.reconnect.budget_file = venue.ca_file();
  const auto client = InlineKrakenClient::connect(settings);
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().message(), "the budget file '" + venue.ca_file() +
                                          "' is no budget file of this version: name another path");
}

}  // namespace
}  // namespace havklo::shared_budget
