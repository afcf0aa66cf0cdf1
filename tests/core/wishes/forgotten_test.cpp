// What has to be forgotten of a wish, when, and at which door: the table "of wishes" of
// replay/observer/INVARIANTS.md. Through the engine's doors; what seeds find is not repeated here.
#include <gtest/gtest.h>

#include "core/wishes/request_pace.hpp"
#include "support/engine_world.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

class Forgotten : public testing::Test {
 protected:
  EngineWorld& live(Settings settings) {
    world_.emplace(std::move(settings));
    world_->go_live();
    static_cast<void>(world_->take_requests());
    static_cast<void>(world_->take());
    return *world_;
  }
  void pass(Duration time) {
    for (; time > Duration{}; time = time - 500_ms) {
      world_->pass(std::min(time, 500_ms));
      world_->say(R"({"channel":"heartbeat"})");
    }
    std::erase_if(world_->events,
                  [](const Event& event) { return event.kind == EventKind::heartbeat; });
  }
  // How long a burst of new wishes, each in a depth of its own, takes to leave.
  Duration time_for(const std::vector<std::string>& symbols) {
    const Instant began = world_->clock.now();
    constexpr std::array<uint16_t, 4> depths = {10, 25, 100, 500};
    size_t left = symbols.size();
    for (size_t i = 0; i < symbols.size(); ++i) {
      world_->command(make_command(Command::Kind::subscribe, symbols[i], Channel::book, depths[i]));
      left -= world_->take_requests().size();
    }
    for (int i = 0; left != 0 && i < 600; ++i) {
      world_->pass(50_ms);
      if (i % 10 == 0) world_->say(R"({"channel":"heartbeat"})");
      left -= std::min(left, world_->take_requests().size());
    }
    EXPECT_EQ(left, 0U);
    return world_->clock.now() - began;
  }

  // BTC/USD is well. ETH/USD is in doubt, asked for once more in vain, and waits for a second.
  EngineWorld& one_of_two_is_mute() {
    world_.emplace(book_settings({"BTC/USD", "ETH/USD"}));
    world_->turn();
    world_->open();
    world_->greet();
    world_->ack("subscribe", "BTC/USD");
    world_->snapshot("BTC/USD");
    pass(40'500_ms);
    static_cast<void>(world_->take_requests());
    static_cast<void>(world_->take());
    return *world_;
  }

  std::optional<EngineWorld> world_;
};

Settings one_at_a_time() {
  Settings settings = book_settings({"BTC/USD"});
  settings.requests = {.per_second = 10, .burst = 1};
  return settings;
}

const std::vector<std::string> four = {"A/USD", "B/USD", "C/USD", "D/USD"};
constexpr std::string_view rate_error = R"({"Error":"Exceeded msg rate"})";

TEST_F(Forgotten, ASlowedPaceIsRestoredByAGoodLifeAndNotBefore) {
  EngineWorld& world = live(one_at_a_time());
  world.say(rate_error);
  world.say(rate_error);
  pass(4_s);  // stable_after is five
  EXPECT_GE(time_for(four), 800_ms) << "still one in 400 ms";
  pass(10_s);
  EXPECT_LE(time_for({"E/USD", "F/USD", "G/USD", "H/USD"}), 500_ms);
}

// The door is a good life, not a new connection, nor its all clear.
TEST_F(Forgotten, ASlowedPaceOutlivesItsConnection) {
  EngineWorld& world = live(one_at_a_time());
  for (int i = 0; i < 3; ++i) world.say(rate_error);
  world.fail(Reason::peer_reset);
  world.pass(100_ms);
  world.come_back();
  EXPECT_GE(time_for(four), 2_s);
}

// It was said when the connection had been Live for long: there is no second "Live for stable_after".
TEST_F(Forgotten, APaceThatIsSlowedLateIsRestoredAllTheSame) {
  EngineWorld& world = live(one_at_a_time());
  pass(60_s);
  for (int i = 0; i < 5; ++i) world.say(rate_error);
  pass(4_s);
  world.say(rate_error);
  pass(4_s);
  EXPECT_GE(time_for({"A/USD", "B/USD"}), 900_ms) << "said again a moment ago";
  pass(10_s);
  EXPECT_LE(time_for(four), 500_ms);
}

// … and the first is over by then: the rate is halved, and not quartered.
TEST_F(Forgotten, ARateErrorDoesNotComeOnTopOfOneThatIsOver) {
  EngineWorld& world = live(one_at_a_time());
  pass(60_s);
  world.say(rate_error);
  pass(10_s);
  world.say(rate_error);
  EXPECT_LE(time_for({"A/USD", "B/USD"}), 600_ms) << "one in 200 ms";
}

// Nobody asked for anything meanwhile: the good life counts all the same.
TEST_F(Forgotten, ASlowedPaceIsRestoredThoughTheConnectionEndsBeforeTheNextRequest) {
  EngineWorld& world = live(one_at_a_time());
  pass(60_s);
  for (int i = 0; i < 3; ++i) world.say(rate_error);
  pass(10_s);
  world.fail(Reason::peer_reset);
  world.pass(100_ms);
  world.come_back();
  EXPECT_LE(time_for(four), 500_ms);
}

// What waits for the slow pace when it is restored waits no longer.
TEST_F(Forgotten, TheTimerOfTheSlowPaceIsForgottenWithIt) {
  EngineWorld& world = live(one_at_a_time());
  for (int i = 0; i < 6; ++i) world.say(rate_error);  // one in four seconds
  pass(4'500_ms);
  world.command(make_command(Command::Kind::subscribe, "A/USD"));
  world.command(make_command(Command::Kind::subscribe, "B/USD", Channel::book, 25));
  EXPECT_EQ(world.take_requests().size(), 1U);
  world.pass(550_ms);
  EXPECT_LE(world.engine.next_deadline(), world.clock.now() + 100_ms) << "restored after five";
}

TEST(ForgottenPace, ARestoredOneOwesNoMoreRequestsThanBefore) {
  core::RequestPace pace(10, 10);
  Instant now{1'000'000'000};
  for (int i = 0; i < 10; ++i) pace.slow_down(now);
  now = now + 6_s;  // one and a half have been saved up
  pace.restore(now);
  EXPECT_TRUE(pace.allows(now));
  pace.take(now);
  EXPECT_EQ(pace.next_allowed(), now + 50_ms);
  EXPECT_FALSE(pace.is_slowed());
}

TEST(ForgottenPace, ARefilledOneStaysSlow) {
  core::RequestPace pace(10, 2);
  Instant now{1'000'000'000};
  pace.slow_down(now);
  pace.refill();
  pace.take(now);
  pace.take(now);
  EXPECT_EQ(pace.next_allowed(), now + 200_ms);
}

// A repair asks again, the venue is deaf for a while: what it says at last answers that question.
TEST_F(Forgotten, WhyItWasGivenBackIsOverWhenItIsAskedForInVain) {
  EngineWorld& world = live(book_settings({"BTC/USD", "ETH/USD"}));
  std::string bad = EngineWorld::snapshot_text("ETH/USD");
  bad.replace(bad.find(EngineWorld::snapshot_checksum), EngineWorld::snapshot_checksum.size(), "1");
  world.say(EngineWorld::update_text("ETH/USD", "1"));
  for (int i = 0; i < 3; ++i) {
    world.ack("unsubscribe", "ETH/USD");
    pass(5_s);
    world.ack("subscribe", "ETH/USD");
    world.say(bad);
  }
  world.ack("unsubscribe", "ETH/USD");  // in doubt
  pass(15_s);                           // asked again, and not answered
  static_cast<void>(world.take());
  world.ack("subscribe", "ETH/USD");
  EXPECT_EQ(world.take_names(), "Subscribed");
}

TEST_F(Forgotten, BadSnapshotsAreForgottenByAGoodOne) {
  EngineWorld& world = live(book_settings({"BTC/USD", "ETH/USD"}));
  std::string bad = EngineWorld::snapshot_text("ETH/USD");
  bad.replace(bad.find(EngineWorld::snapshot_checksum), EngineWorld::snapshot_checksum.size(), "1");
  world.say(EngineWorld::update_text("ETH/USD", "1"));
  for (int i = 0; i < 5; ++i) {
    world.ack("unsubscribe", "ETH/USD");
    pass(20_s);
    world.ack("subscribe", "ETH/USD");
    world.say(i == 2 ? EngineWorld::snapshot_text("ETH/USD") : bad);
    if (i == 2) world.say(EngineWorld::update_text("ETH/USD", "1"));
  }
  for (const Event& event : world.take()) EXPECT_NE(event.kind, EventKind::rejected);
}

// Given back, acknowledged, asked for: what the venue said before is over.
TEST_F(Forgotten, AlreadySubscribedIsForgottenByItsAck) {
  EngineWorld& world = live(book_settings({"BTC/USD", "ETH/USD"}));
  for (const uint16_t depth : {uint16_t{25}, uint16_t{100}}) {
    world.command(make_command(Command::Kind::subscribe, "ETH/USD", Channel::book, depth));
    world.ack("unsubscribe", "ETH/USD");
    pass(1_s);
    world.refuse("subscribe", "Already subscribed");
    pass(1_s);
    world.ack("unsubscribe", "ETH/USD");
    pass(1_s);
    world.ack("subscribe", "ETH/USD");
    world.snapshot("ETH/USD");
    for (const Event& event : world.take()) EXPECT_NE(event.kind, EventKind::rejected) << depth;
  }
}

TEST_F(Forgotten, AlreadySubscribedIsForgottenByTheNextConnection) {
  EngineWorld& world = live(book_settings({"BTC/USD", "ETH/USD"}));
  for (int i = 0; i < 2; ++i) {
    world.fail(Reason::peer_reset);
    world.pass(200_ms);
    world.open();
    world.greet();
    world.ack("subscribe", "BTC/USD");
    world.snapshot("BTC/USD");
    world.refuse("subscribe", "Already subscribed");
  }
  for (const Event& event : world.take()) EXPECT_NE(event.kind, EventKind::rejected);
}

// Three wishes of the user's at once: the first leaves, and the others together.
TEST_F(Forgotten, AloneIsForgottenByAnAck) {
  Settings settings = book_settings({"A/USD", "B/USD", "C/USD"});
  settings.requests = {.per_second = 1, .burst = 1};
  world_.emplace(settings);
  EngineWorld& world = *world_;
  world.turn();
  world.open();
  world.greet();
  world.refuse("subscribe", "Malformed request", R"(,"req_id":1)");
  pass(4_s);
  ASSERT_EQ(world.take_requests().size(), 4U) << "one for all, then each alone";
  for (const char* symbol : {"A/USD", "B/USD", "C/USD"}) {
    world.ack("subscribe", symbol);
    world.snapshot(symbol);
  }
  for (const char* symbol : {"A/USD", "B/USD", "C/USD"}) {
    world.command(make_command(Command::Kind::subscribe, symbol, Channel::book, 100));
  }
  pass(5_s);
  EXPECT_EQ(world.take_requests().size(), 2U);
}

// The request for many is answered: each that is asked for again alone has time of its own.
TEST_F(Forgotten, TheDeadlineOfARefusedRequestIsNotThatOfTheNext) {
  world_.emplace(book_settings({"A/USD", "B/USD"}));
  EngineWorld& world = *world_;
  world.turn();
  world.open();
  world.greet();
  static_cast<void>(world.take_requests());
  pass(9_s);  // restore_timeout is ten
  world.refuse("subscribe", "Malformed request", R"(,"req_id":1)");
  pass(5_s);
  EXPECT_EQ(world.take_requests().size(), 2U);
}

// What is said of a wish is what its last request met.
TEST_F(Forgotten, TheRateIsNotBlamedForALaterSilence) {
  world_.emplace(book_settings({"BTC/USD", "ETH/USD"}));
  EngineWorld& world = *world_;
  world.turn();
  world.open();
  world.greet();
  world.ack("subscribe", "BTC/USD");
  world.snapshot("BTC/USD");
  world.refuse("subscribe", "Exceeded msg rate", R"(,"req_id":1)");
  static_cast<void>(world.take());
  pass(40_s);
  const auto events = world.take();
  ASSERT_FALSE(events.empty());
  ASSERT_EQ(events[0].kind, EventKind::rejected);
  EXPECT_EQ(world.engine.names().text(events[0].payload.subscription.detail),
            "the venue never acknowledged it; it is asked for again");
}

// A wish in doubt waits for its next try when the last one is answered after all.
TEST_F(Forgotten, ThePauseBeforeATryIsOverWhenTheLastOneIsAnswered) {
  EngineWorld& world = one_of_two_is_mute();
  world.ack("subscribe", "ETH/USD");
  pass(5_s);
  EXPECT_TRUE(world.take_requests().empty()) << "its snapshot has a time of its own";
  world.snapshot("ETH/USD");
  EXPECT_EQ(world.take_names(), "Subscribed BookSnapshot BookSnapshot");
}

TEST_F(Forgotten, ThePauseBeforeATryIsOverWhenItIsGivenBack) {
  EngineWorld& world = one_of_two_is_mute();
  world.say(R"({"method":"subscribe","result":{"channel":"book","depth":100,"snapshot":true,)"
            R"("symbol":"ETH/USD"},"success":true})");
  pass(5_s);
  EXPECT_EQ(world.take_requests().size(), 1U) << "its end has a time of its own";
}

// The venue is silent about the end of a wish, which the user wants again meanwhile.
TEST_F(Forgotten, TheTriesOfAnEndAreNotThoseOfTheWishThatFollows) {
  EngineWorld& world = live(book_settings({"BTC/USD", "ETH/USD"}));
  world.command(make_command(Command::Kind::unsubscribe, "ETH/USD"));
  pass(28_s);  // twice in vain
  world.command(make_command(Command::Kind::subscribe, "ETH/USD"));
  pass(25_s);
  for (const Event& event : world.take()) EXPECT_NE(event.kind, EventKind::rejected);
}

TEST_F(Forgotten, TheDoubtOfAWishIsNotThatOfTheOneThatFollows) {
  EngineWorld& world = live(book_settings({"BTC/USD", "ETH/USD"}));
  world.command(make_command(Command::Kind::subscribe, "ETH/USD", Channel::book, 25));
  pass(30_s);  // told as Rejected, and given back again
  bool told = false;
  for (const Event& event : world.take()) told = told || event.kind == EventKind::rejected;
  ASSERT_TRUE(told);
  world.command(make_command(Command::Kind::unsubscribe, "ETH/USD"));
  world.command(make_command(Command::Kind::subscribe, "ETH/USD"));
  world.fail(Reason::peer_reset);
  world.pass(200_ms);
  world.open();
  world.greet();
  for (const Event& event : world.take()) EXPECT_NE(event.kind, EventKind::rejected);
}

// Found by havklo sim: it was repaired, and asked for though nobody wanted it any more.
TEST_F(Forgotten, ThatItIsToGoOutlivesAFaultBetweenTwoTries) {
  EngineWorld& world = live(book_settings({"BTC/USD", "ETH/USD"}));
  world.command(make_command(Command::Kind::unsubscribe, "ETH/USD"));
  pass(60'500_ms);  // twice three times in vain, and now a second's pause
  static_cast<void>(world.take_requests());
  world.say(EngineWorld::update_text("ETH/USD", "1"));
  EXPECT_EQ(world.take_names(), "ChecksumMismatch");
  EXPECT_TRUE(world.take_requests().empty());
  pass(1_s);
  EXPECT_EQ(world.take_requests().size(), 1U) << "the pause is over";
  world.ack("unsubscribe", "ETH/USD");
  EXPECT_EQ(world.take_names(), "Unsubscribed");
  pass(10_s);
  EXPECT_TRUE(world.take_requests().empty());
}

TEST_F(Forgotten, TheRepairsOfAWishAreNotThoseOfTheOneThatFollows) {
  EngineWorld& world = live(book_settings({"BTC/USD", "ETH/USD"}));
  const auto breaks = [&world] { world.say(EngineWorld::update_text("ETH/USD", "1")); };
  for (int i = 0; i < 3; ++i) {
    breaks();
    world.ack("unsubscribe", "ETH/USD");
    pass(4_s);
    world.ack("subscribe", "ETH/USD");
    world.snapshot("ETH/USD");
  }
  world.command(make_command(Command::Kind::unsubscribe, "ETH/USD"));
  world.command(make_command(Command::Kind::subscribe, "ETH/USD"));
  world.ack("unsubscribe", "ETH/USD");
  world.ack("subscribe", "ETH/USD");
  world.snapshot("ETH/USD");
  breaks();
  static_cast<void>(world.take_requests());
  world.ack("unsubscribe", "ETH/USD");
  EXPECT_EQ(world.take_requests().size(), 1U) << "the first repair does not wait";
}

TEST_F(Forgotten, RepairsAreForgottenByAGoodLifeThatEndsInAnotherDepth) {
  EngineWorld& world = live(book_settings({"BTC/USD", "ETH/USD"}));
  for (int i = 0; i < 3; ++i) {
    world.say(EngineWorld::update_text("ETH/USD", "1"));
    world.ack("unsubscribe", "ETH/USD");
    pass(4_s);
    world.ack("subscribe", "ETH/USD");
    world.snapshot("ETH/USD");
  }
  pass(10_s);  // stable_after is five
  world.command(make_command(Command::Kind::subscribe, "ETH/USD", Channel::book, 100));
  world.ack("unsubscribe", "ETH/USD");
  pass(1_s);
  world.ack("subscribe", "ETH/USD");
  std::string bad = EngineWorld::snapshot_text("ETH/USD");
  world.say(bad.replace(bad.find(EngineWorld::snapshot_checksum), 10, "1"));
  static_cast<void>(world.take_requests());
  world.ack("unsubscribe", "ETH/USD");
  EXPECT_EQ(world.take_requests().size(), 1U) << "the first repair does not wait";
}

// Of what needs no snapshot, the ack is all there is of a good life.
TEST_F(Forgotten, RefusalsOfCandlesAreForgottenByTheirAck) {
  Settings settings = book_settings({"BTC/USD"});
  settings.subscriptions.push_back(
      {.channel = Channel::ohlc, .symbols = {"BTC/USD"}, .interval_minutes = 1});
  world_.emplace(settings);
  EngineWorld& world = *world_;
  world.turn();
  world.open();
  world.greet();
  world.ack("subscribe", "BTC/USD");
  world.snapshot("BTC/USD");
  for (uint64_t id = 2; id < 5; ++id) {
    world.refuse("subscribe", "EService:Unavailable", R"(,"req_id":)" + std::to_string(id));
    pass(8_s);
  }
  world.ack("subscribe", "BTC/USD", "ohlc");
  world.command(make_command(Command::Kind::subscribe, "BTC/USD", Channel::ohlc, 5));
  world.ack("unsubscribe", "BTC/USD", "ohlc");
  pass(1_s);
  static_cast<void>(world.take_requests());
  world.refuse("subscribe", "EService:Unavailable", R"(,"req_id":7)");
  EXPECT_EQ(world.take_requests().size(), 1U) << "the first time it is asked again at once";
}

TEST_F(Forgotten, SlotsOfAWishAreGivenBackWithIt) {
  Settings settings = book_settings({"BTC/USD"});
  settings.ring_slots = ring_slots_min(settings) * 2;
  EngineWorld& world = live(settings);
  for (int i = 0; i < 300; ++i) {
    world.command(make_command(Command::Kind::subscribe, "BTC/USD", Channel::ticker));
    world.ack("subscribe", "BTC/USD", "ticker");
    world.command(make_command(Command::Kind::unsubscribe, "BTC/USD", Channel::ticker));
    pass(500_ms);
    world.ack("unsubscribe", "BTC/USD", "ticker");
  }
  static_cast<void>(world.take_requests());
  for (const Channel channel : {Channel::ticker, Channel::trade, Channel::ohlc}) {
    world.command(make_command(Command::Kind::subscribe, "BTC/USD", channel, 1));
  }
  EXPECT_EQ(world.take_requests().size(), 3U) << "there is room for all";
}

}  // namespace
}  // namespace havklo
