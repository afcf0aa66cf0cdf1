// Method: the watchdog is a value and time is passed in; each rule by itself.
#include "core/watchdog.hpp"

#include <gtest/gtest.h>

namespace havklo::core {
namespace {

using namespace havklo::literals;
using Finding = Watchdog::Finding;

constexpr Instant start{1'000'000'000};

Watchdog heard_at_start() {
  Watchdog watchdog(5_s);
  watchdog.begin_connection();
  watchdog.heard(start);
  watchdog.fed(start);
  return watchdog;
}

TEST(Watchdog, ASubscribedFeedIsDeadAfterItsTimeAndEachMessageBeginsItAnew) {
  Watchdog watchdog = heard_at_start();
  EXPECT_EQ(watchdog.deadline(true), start + 5_s);
  EXPECT_EQ(watchdog.look(true, start + 5_s - 1_ns), Finding::alive);
  EXPECT_EQ(watchdog.look(true, start + 5_s), Finding::dead);
  watchdog.fed(start + 4_s);
  EXPECT_EQ(watchdog.look(true, start + 9_s - 1_ns), Finding::alive);
  watchdog.heard(start + 8_s);  // a pong proves the socket, not the feed
  EXPECT_EQ(watchdog.look(true, start + 9_s), Finding::dead);
}

TEST(Watchdog, AnIdleSocketIsAskedAndItsAnswerForgetsTheQuestion) {
  Watchdog watchdog = heard_at_start();
  EXPECT_EQ(watchdog.deadline(false), start + 15_s);
  EXPECT_EQ(watchdog.look(false, start + 15_s), Finding::ask);
  watchdog.pinged(start + 15_s);
  EXPECT_EQ(watchdog.deadline(false), start + 20_s);
  watchdog.heard(start + 16_s);
  EXPECT_EQ(watchdog.look(false, start + 20_s), Finding::alive);
  EXPECT_EQ(watchdog.deadline(false), start + 31_s);
  EXPECT_EQ(watchdog.look(false, start + 31_s), Finding::ask);
}

TEST(Watchdog, AQuestionWithoutAnAnswerIsNotForgotten) {
  Watchdog watchdog = heard_at_start();
  watchdog.pinged(start + 15_s);
  EXPECT_EQ(watchdog.look(false, start + 20_s - 1_ns), Finding::alive);
  EXPECT_EQ(watchdog.look(false, start + 20_s), Finding::dead);
}

TEST(Watchdog, ANewConnectionForgetsTheQuestionOfTheLast) {
  Watchdog watchdog = heard_at_start();
  watchdog.pinged(start + 15_s);
  watchdog.begin_connection();
  watchdog.heard(start + 15_s);  // in the same turn
  EXPECT_EQ(watchdog.deadline(false), start + 30_s);
  EXPECT_EQ(watchdog.look(false, start + 20_s), Finding::alive);
}

// Subscribed meanwhile, and no longer: what was asked before is no longer waited for.
TEST(Watchdog, ASubscriptionForgetsTheQuestion) {
  Watchdog watchdog = heard_at_start();
  watchdog.pinged(start + 15_s);
  watchdog.fed(start + 15_s);
  EXPECT_EQ(watchdog.deadline(true), start + 20_s);
  watchdog.heard(start + 15_s);
  EXPECT_EQ(watchdog.deadline(false), start + 30_s);
}

}  // namespace
}  // namespace havklo::core
