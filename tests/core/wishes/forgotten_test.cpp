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

// A repair asks again, the venue is deaf for a while: what it says at last is said to that question.
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

}  // namespace
}  // namespace havklo
