// The books of several legs: which state leaves, which waits, and what is told when a copy fails
// (design §7.3). Through the engine's doors.
#include <gtest/gtest.h>

#include "support/legs/legs_world.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

TEST(LegsBook, TheFirstVerifiedCopyLeavesAndTheSameOfAnotherLeavesNothing) {
  LegsWorld world;
  world.turn();
  for (const uint32_t leg : {0U, 1U}) {
    world.open(leg);
    world.greet(leg);
    world.ack(leg);
  }
  static_cast<void>(world.told());
  world.snapshot(1, {{100, 1}}, {{101, 1}}, 1'000);
  EXPECT_EQ(world.told_of({EventKind::book_snapshot, EventKind::book_update}),
            "BookSnapshot@1 b100=1 a101=1");
  world.snapshot(0, {{100, 1}}, {{101, 1}}, 1'000);
  EXPECT_EQ(world.told_of({EventKind::book_snapshot, EventKind::book_update}), "");
}

TEST(LegsBook, AnUpdateLeavesOnceWhicheverLegBringsItFirst) {
  LegsWorld world;
  world.go_live();
  world.update(0, {{99, 2}}, {}, 2'000);
  world.update(1, {{99, 2}}, {}, 2'000);
  EXPECT_EQ(world.told(), "BookUpdate@0 b99=2");
  world.update(1, {}, {{102, 3}}, 3'000);
  world.update(0, {}, {{102, 3}}, 3'000);
  EXPECT_EQ(world.told(), "BookUpdate@1 a102=3");
}

TEST(LegsBook, AnExtensionPassesAsItIsAndItsLegLeadsFromThenOn) {
  LegsWorld world;
  world.go_live();
  world.update(1, {{99, 2}}, {}, 2'000);  // extends what leg 0 had published
  EXPECT_EQ(world.told(), "BookUpdate@1 b99=2");
  world.update(1, {{98, 2}}, {}, no_time);  // a leader's word needs no time
  EXPECT_EQ(world.told(), "BookUpdate@1 b98=2");
}

TEST(LegsBook, ALaterStateCutOtherwiseLeavesAsOneReconciledDifferenceToFullDepth) {
  LegsWorld world;
  world.go_live();
  world.update(0, {{99, 2}}, {}, 2'000);
  static_cast<void>(world.told());
  // Leg 1 has never seen 99, and says two things at once.
  world.update(1, {{100, 0}, {98, 4}}, {{101, 5}}, 3'000);
  EXPECT_EQ(world.told(), "BookUpdate@1 b100=0 b99=0 b98=4 a101=5 reconciled");
  world.update(1, {{97, 1}}, {}, 3'000);
  EXPECT_EQ(world.told(), "BookUpdate@1 b97=1");
}

TEST(LegsBook, ReconcilingLeavesOutWhatIsTheSame) {
  LegsWorld world;
  world.go_live();
  world.update(0, {{99, 2}}, {}, 2'000);
  static_cast<void>(world.told());
  world.update(1, {{99, 2}, {98, 4}}, {}, 3'000);
  EXPECT_EQ(world.told(), "BookUpdate@1 b98=4 reconciled");
}

TEST(LegsBook, AStateOfAnEqualOrEarlierTimeWaits) {
  LegsWorld world;
  world.go_live();
  world.update(0, {{99, 2}}, {}, 3'000);
  static_cast<void>(world.told());
  world.update(1, {{98, 1}}, {}, 2'000);
  world.update(1, {{97, 1}}, {}, 3'000);
  world.update(1, {{96, 1}}, {}, no_time);
  EXPECT_EQ(world.told(), "");
  world.update(0, {{95, 1}}, {}, 2'500);  // a leader's next always passes
  EXPECT_EQ(world.told(), "BookUpdate@0 b95=1");
}

TEST(LegsBook, AStateThatRecursNeverGoesBackInTime) {
  LegsWorld world;
  world.go_live();
  world.update(0, {{99, 2}}, {}, 2'000);
  world.update(0, {{99, 0}}, {}, 3'000);  // as it was at 1'000, and as leg 1 still is
  static_cast<void>(world.told());
  world.update(1, {{99, 2}}, {}, 2'000);  // would extend it, and is of the past
  EXPECT_EQ(world.told(), "");
  world.update(1, {{99, 0}}, {}, 3'000);
  world.update(1, {{98, 1}}, {}, 4'000);
  EXPECT_EQ(world.told(), "BookUpdate@1 b98=1");
}

TEST(LegsBook, WithAnEqualSurvivorTheLeadersLossTellsNothingOfTheBook) {
  LegsWorld world;
  world.go_live();
  world.fail(0);
  EXPECT_EQ(world.told(), "LegLost@0 peer_reset, LegReconnecting@0 backoff");
  world.update(1, {{99, 2}}, {}, 2'000);
  EXPECT_EQ(world.told(), "BookUpdate@1 b99=2");
}

TEST(LegsBook, ASurvivorThatIsBehindWaitsAndThenReconciles) {
  LegsWorld world;
  world.go_live();
  world.update(0, {{99, 2}}, {}, 3'000);
  world.fail(0);
  static_cast<void>(world.told());
  world.update(1, {{98, 1}}, {}, 2'000);
  EXPECT_EQ(world.told(), "");
  world.update(1, {{97, 1}}, {}, 4'000);
  EXPECT_EQ(world.told(), "BookUpdate@1 b99=0 b98=1 b97=1 reconciled");
}

TEST(LegsBook, ASurvivorThatBecomesEqualGoesOnAsItIs) {
  LegsWorld world;
  world.go_live();
  world.update(0, {{99, 2}}, {}, 3'000);
  world.fail(0);
  static_cast<void>(world.told());
  world.update(1, {{99, 2}}, {}, 3'000);
  EXPECT_EQ(world.told(), "");
  world.update(1, {{98, 2}}, {}, 3'000);
  EXPECT_EQ(world.told(), "BookUpdate@1 b98=2");
}

TEST(LegsBook, WithoutAnyTimesASurvivorsNextVerifiedStateIsReconciled) {
  LegsWorld world;
  world.turn();
  world.bring_live(0, no_time);
  world.bring_live(1, no_time);
  world.update(0, {{99, 2}}, {}, no_time);
  static_cast<void>(world.told());
  world.update(1, {{98, 1}}, {}, no_time);
  EXPECT_EQ(world.told(), "");
  world.fail(0);
  static_cast<void>(world.told());
  world.update(1, {{97, 1}}, {}, no_time);
  EXPECT_EQ(world.told(), "BookUpdate@1 b99=0 b98=1 b97=1 reconciled");
}

TEST(LegsBook, AFaultOfOneCopyIsItsLegsAloneUntilItVerifiesAgain) {
  LegsWorld world;
  world.go_live();
  world.corrupt(0);
  EXPECT_EQ(world.told(), "LegBookLost@0 checksum");
  world.update(1, {{99, 2}}, {}, 2'000);
  EXPECT_EQ(world.told(), "BookUpdate@1 b99=2");
  world.ack(0, "unsubscribe");
  world.ack(0, "subscribe");
  world.snapshot(0, {{100, 1}, {99, 2}}, {{101, 1}}, 2'000);
  EXPECT_EQ(world.told(), "LegBookRestored@0");
}

TEST(LegsBook, ARepairedCopyThatIsLaterReconcilesAsAnyOther) {
  LegsWorld world;
  world.go_live();
  world.corrupt(0);
  world.ack(0, "unsubscribe");
  world.ack(0, "subscribe");
  static_cast<void>(world.told());
  world.snapshot(0, {{100, 1}, {98, 5}}, {{101, 1}}, 2'000);
  EXPECT_EQ(world.told(), "LegBookRestored@0, BookUpdate@0 b98=5 reconciled");
}

TEST(LegsBook, AFaultOfTheLastCopyIsTheSessions) {
  LegsWorld world;
  world.go_live();
  world.corrupt(0);
  static_cast<void>(world.told());
  world.corrupt(1);
  EXPECT_EQ(world.told(), "ChecksumMismatch@1");
  for (const uint32_t leg : {1U, 0U}) {
    world.ack(leg, "unsubscribe");
    world.ack(leg, "subscribe");
  }
  EXPECT_EQ(world.told(), "");
  world.snapshot(1, {{100, 7}}, {{101, 1}}, 2'000);
  EXPECT_EQ(world.told(), "BookSnapshot@1 b100=7 a101=1");
}

TEST(LegsBook, ACrossedLastCopyIsInvalid) {
  LegsWorld world;
  world.go_live();
  world.update(0, {{105, 1}}, {}, 2'000);
  EXPECT_EQ(world.told(), "LegBookLost@0 crossed");
  world.update(1, {{105, 1}}, {}, 2'000);
  EXPECT_EQ(world.told(), "BookInvalid@1");
}

TEST(LegsBook, IsStaleWhenTheLegOfTheLastCopyIsLostAndAnotherIsLive) {
  LegsWorld world;
  world.go_live();
  world.corrupt(0);
  static_cast<void>(world.told());
  world.fail(1);
  EXPECT_EQ(world.told(), "LegLost@1 peer_reset, BookStale@1 leg_lost, LegReconnecting@1 backoff");
  world.ack(0, "unsubscribe");
  world.ack(0, "subscribe");
  world.snapshot(0, {{100, 7}}, {{101, 1}}, 2'000);
  EXPECT_EQ(world.told(), "LegBookRestored@0, BookSnapshot@0 b100=7 a101=1");
}

TEST(LegsBook, TheSameSymbolOfAnotherDepthTakesNoPart) {
  LegsWorld world;
  world.go_live();
  world.command(make_command(Command::Kind::subscribe, "BTC/USD", Channel::book, 25));
  static_cast<void>(world.told());
  world.ack(0, "unsubscribe");
  world.ack(0, "subscribe", "BTC/USD", Channel::book, R"(,"depth":25)");
  EXPECT_EQ(world.told(), "Unsubscribed@0, Subscribed@0");
  world.update(1, {{99, 2}}, {}, 2'000);  // of the old depth
  EXPECT_EQ(world.told(), "");
  world.snapshot(0, {{100, 1}}, {{101, 1}}, 1'500);
  EXPECT_EQ(world.told(), "BookSnapshot@0 b100=1 a101=1");
  world.update(1, {{98, 2}}, {}, 3'000);
  EXPECT_EQ(world.told(), "");
}

TEST(LegsBook, AnOverrunIsToldAndTheLeadersBookComesWithoutAskingTheVenue) {
  LegsWorld world;
  world.go_live();
  static_cast<void>(world.net.take_texts(world.id(0)));
  static_cast<void>(world.net.take_texts(world.id(1)));
  world.consumer_sleeps = true;
  int64_t at_ms = 2'000;
  for (uint32_t i = 0; i < ring_slots_min(legs_settings()); ++i) {
    world.update(0, {{99, i + 1}}, {}, ++at_ms);
  }
  world.update(0, {{98, 7}}, {}, ++at_ms);
  world.consumer_sleeps = false;
  world.turn();
  world.turn();
  const std::string told =
      world.told_of({EventKind::book_stale, EventKind::overrun, EventKind::book_snapshot});
  EXPECT_EQ(told, "Overrun@0, BookStale@0, BookSnapshot@0 b100=1 b99=" +
                      std::to_string(ring_slots_min(legs_settings())) + " b98=7 a101=1");
  world.update(0, {{97, 1}}, {}, ++at_ms);
  EXPECT_EQ(world.told(), "BookUpdate@0 b97=1");
  EXPECT_TRUE(world.net.take_texts(world.id(0)).empty());
  EXPECT_TRUE(world.net.take_texts(world.id(1)).empty());
}

}  // namespace
}  // namespace havklo
