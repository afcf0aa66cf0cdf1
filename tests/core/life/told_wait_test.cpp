// Who waits for a place in the connect budget because others took it is told so: before the first
// connect, and whenever a wait that was announced does not end at its time.
//
// Method: stories with a budget that others have taken until an instant; and an engine whose
// consumer sleeps, for the slots that the telling needs.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/life/story.hpp"
#include "core/life/taken_budget.hpp"
#include "support/engine_world.hpp"

namespace havklo::core {
namespace {

using namespace havklo::literals;

std::string told(const std::vector<Event>& events) {
  std::string text;
  for (const Event& event : events) {
    if (!text.empty()) text += ' ';
    text += to_string(event.kind);
    if (event.kind != EventKind::reconnecting) continue;
    const Event::Reconnecting& wait = event.payload.reconnecting;
    text += ' ' + std::to_string(wait.attempt) + ' ' + std::string(to_string(wait.waits_for)) +
            ' ' + std::to_string(wait.delay_ns / 1'000'000);
  }
  return text;
}

class ToldWait : public testing::Test {
 protected:
  std::string wait() { return told(story_.wait()); }
  std::string refuse() { return told(story_.refuse()); }
  // Live since a minute; then the connection is gone.
  std::string lose_after_a_minute() {
    story_.step(InputKind::start);
    story_.go_live();
    story_.now = story_.now + 60_s;
    return told(story_.lose({.reason = Reason::peer_reset}));
  }
  [[nodiscard]] Phase phase() { return story_.lifecycle().phase(); }

  static Settings settings() {
    Settings settings;
    settings.reconnect.connect_budget = 4;
    settings.reconnect.connect_budget_window = 100_s;
    settings.circuit_breaker.failure_threshold = 2;
    return settings;
  }
  TakenBudget others_;
  Story story_{settings(), &others_};
};

TEST_F(ToldWait, TheFirstConnectIsAttemptNought) {
  others_.until = story_.now + 12_s;
  EXPECT_EQ(told(story_.step(InputKind::start)), "Reconnecting 0 budget 12000");
  EXPECT_EQ(phase(), Phase::waiting);
  EXPECT_EQ(wait(), "");
  EXPECT_EQ(phase(), Phase::connecting);
  EXPECT_EQ(story_.now, Instant{} + 12_s);
  const auto failed = story_.refuse();
  EXPECT_EQ(told(failed), "ConnectFailed Reconnecting 1 backoff 100");
  EXPECT_EQ(failed.front().payload.connect_failed.attempt, 0U);
}

TEST_F(ToldWait, TheFirstConnectThatWaitsForNobodyIsNotTold) {
  EXPECT_EQ(told(story_.step(InputKind::start)), "");
  EXPECT_EQ(phase(), Phase::connecting);
}

TEST_F(ToldWait, ALongerWaitIsToldEachTimeItGrowsAndOfTheSameAttempt) {
  EXPECT_EQ(lose_after_a_minute(), "Disconnected Reconnecting 1 backoff 100");
  others_.until = story_.now + 3_s;
  EXPECT_EQ(wait(), "Reconnecting 1 budget 2900");
  others_.until = story_.now + 5_s;
  EXPECT_EQ(wait(), "Reconnecting 1 budget 2100");
  EXPECT_EQ(wait(), "") << "its place held";
  EXPECT_EQ(phase(), Phase::connecting);
  const auto failed = story_.refuse();
  EXPECT_EQ(failed.front().payload.connect_failed.attempt, 1U);
  EXPECT_EQ(failed.back().payload.reconnecting.attempt, 2U);
}

TEST_F(ToldWait, AProbesIsToldBehindHalfOpenAndProbesOnce) {
  EXPECT_EQ(lose_after_a_minute(), "Disconnected Reconnecting 1 backoff 100");
  EXPECT_EQ(wait(), "");
  EXPECT_EQ(refuse(), "ConnectFailed Reconnecting 2 backoff 200");
  EXPECT_EQ(wait(), "");
  EXPECT_EQ(refuse(), "ConnectFailed CircuitBreakerOpen Reconnecting 3 breaker 30000");
  others_.until = story_.now + 31_s;
  EXPECT_EQ(wait(), "CircuitBreakerHalfOpen Reconnecting 3 budget 1000");
  EXPECT_FALSE(story_.lifecycle().is_probing());
  EXPECT_EQ(wait(), "");
  EXPECT_TRUE(story_.lifecycle().is_probing());
}

// Nothing cuts it short: what others have used is used.
TEST_F(ToldWait, IsNoBackoffAnyMore) {
  lose_after_a_minute();
  others_.until = story_.now + 3_s;
  wait();
  others_.until = {};
  story_.step(InputKind::reconnect_requested);
  EXPECT_EQ(phase(), Phase::waiting);
  wait();
  EXPECT_EQ(phase(), Phase::connecting);
}

TEST_F(ToldWait, ACutBackoffThatOthersHoldUpIsToldWhenItsPlaceIsGone) {
  Settings slow = settings();
  slow.reconnect.initial_delay = 10_s;
  slow.circuit_breaker.enabled = false;
  Story story(slow, &others_);
  story.step(InputKind::start);
  story.refuse();
  EXPECT_EQ(told(story.step(InputKind::reconnect_requested)), "");
  EXPECT_EQ(story.lifecycle().phase(), Phase::connecting);
  story.refuse();
  others_.until = story.now + 2_s;
  EXPECT_EQ(told(story.step(InputKind::reconnect_requested)), "") << "sooner than was said";
  EXPECT_EQ(story.lifecycle().deadline(TimerKind::phase), story.now + 2_s);
  others_.until = story.now + 3_s;
  EXPECT_EQ(told(story.wait()), "Reconnecting 2 budget 1000");
}

TEST_F(ToldWait, WithoutRoomNobodyIsAskedAndItIsToldWithRoom) {
  lose_after_a_minute();
  others_.until = story_.now + 3_s;
  story_.now = story_.lifecycle().deadline(TimerKind::phase);
  const uint32_t asked = others_.asked;
  EXPECT_EQ(told(story_.step(Input{.kind = InputKind::phase_deadline, .room = false})), "");
  EXPECT_EQ(others_.asked, asked);
  EXPECT_TRUE(story_.lifecycle().waits_for_room());
  EXPECT_EQ(told(story_.step(InputKind::room)), "Reconnecting 1 budget 2900");
  EXPECT_FALSE(story_.lifecycle().waits_for_room());
}

// Nothing is reserved before the first attempt: there is no slot to tell it by.
TEST_F(ToldWait, AStartWithoutRoomWaitsWithoutAWord) {
  others_.until = story_.now + 12_s;
  EXPECT_EQ(told(story_.step(Input{.kind = InputKind::start, .room = false})), "");
  EXPECT_EQ(story_.lifecycle().place_waited_for(), story_.now + 12_s);
  EXPECT_EQ(wait(), "");
  EXPECT_EQ(phase(), Phase::connecting);
}

TEST_F(ToldWait, CloseEndsItAndGivesThePlaceBack) {
  others_.until = story_.now + 12_s;
  story_.step(InputKind::start);
  EXPECT_EQ(told(story_.step(InputKind::close_requested)), "Closed");
  EXPECT_EQ(story_.budget().booked(), 0U);
  EXPECT_EQ(story_.lifecycle().place_waited_for(), std::nullopt);
}

TEST_F(ToldWait, ThePlaceThatIsWaitedForIsKnownWhileNothingElseIs) {
  const auto place = [&] { return story_.lifecycle().place_waited_for(); };
  others_.until = story_.now + 12_s;
  story_.step(InputKind::start);
  EXPECT_EQ(place(), story_.now + 12_s);
  wait();
  EXPECT_EQ(place(), std::nullopt);
  story_.refuse();
  EXPECT_EQ(place(), std::nullopt) << "a backoff";
  others_.until = story_.now + 3_s;
  wait();
  EXPECT_EQ(place(), others_.until);
  story_.now = others_.until;
  story_.step(Input{.kind = InputKind::phase_deadline, .room = false});
  EXPECT_EQ(place(), std::nullopt) << "now it is the ring";
}

// Places of one engine's sessions are booked when a wait is announced. Two sessions, one place in
// ten seconds: the second waits for the first, as ever without an event, and its owner can ask.
TEST(OwnPlaces, AreNotTold) {
  Settings settings;
  TakenBudget nobody;
  BudgetAsks asks;
  AttemptPlaces places({.attempts = 1, .window = 10_s}, 2, &nobody, asks);
  Random random(1);
  Lifecycle first(settings, places, random);
  Lifecycle second(settings, places, random);
  const Instant start{};
  Actions actions;
  first.step({.kind = InputKind::start}, start, actions);
  Actions silent;
  second.step({.kind = InputKind::start}, start, silent);
  for (const Action& action : silent) EXPECT_NE(action.kind, ActionKind::publish);
  EXPECT_EQ(second.place_waited_for(), start + 10_s);
}

// No event says that the place came: whoever is asked what is waited for must look again.
TEST(ToldWaits, ThatThePlaceCameIsNews) {
  TakenBudget others;
  EngineWorld world(book_settings({"BTC/USD"}), nullptr, {}, &others);
  others.until = world.clock.now() + 1_s;
  EXPECT_TRUE(world.turn().news);
  EXPECT_FALSE(world.turn().news);
  world.clock.set(world.engine.next_deadline());
  const TurnResult begins = world.turn();
  EXPECT_EQ(begins.events, 0U);
  EXPECT_TRUE(begins.news);
  EXPECT_EQ(world.engine.place_waited_for(0), std::nullopt);
}

// A consumer that sleeps while others take place after place: each wait is told as long as there is
// room, then the attempt waits for room, and what comes afterwards is not lost either.
TEST(ToldWaits, AreAsManyAsTheRingHolds) {
  Settings settings = book_settings({"BTC/USD"});
  settings.ring_slots = ring_slots_min(settings);
  settings.reconnect.connect_budget_window = 10_s;
  TakenBudget others;
  EngineWorld world(settings, nullptr, {}, &others);
  world.consumer_sleeps = true;
  others.until = world.clock.now() + 1_s;
  world.turn();
  EXPECT_EQ(world.engine.place_waited_for(0), others.until);
  for (uint32_t each = 0; each < 2 * settings.ring_slots; ++each) {
    others.until = world.clock.now() + 2_s;
    world.pass(1_s);
  }
  EXPECT_TRUE(world.engine.waits_for_room());
  EXPECT_EQ(world.engine.place_waited_for(0), std::nullopt);
  world.read();
  EXPECT_GT(world.events.size(), 10U);
  EXPECT_LT(world.events.size(), settings.ring_slots);
  for (const Event& event : world.events) {
    ASSERT_EQ(event.kind, EventKind::reconnecting);
    EXPECT_EQ(event.payload.reconnecting.attempt, 0U);
    EXPECT_EQ(event.payload.reconnecting.waits_for, WaitsFor::budget);
  }
  world.consumer_sleeps = false;
  others.until = {};
  world.pass(2_s);
  world.open();
  world.greet();
  EXPECT_EQ(world.events.back().kind, EventKind::status);
  for (size_t i = 0; i < world.events.size(); ++i) EXPECT_EQ(world.events[i].sequence, i + 1);
}

}  // namespace
}  // namespace havklo::core
