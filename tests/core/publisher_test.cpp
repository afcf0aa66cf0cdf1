// Numbers, reservations and the Overrun record: what a slow consumer is told.
#include "core/publisher.hpp"

#include <gtest/gtest.h>

#include <array>
#include <havklo/random.hpp>
#include <vector>

namespace havklo::core {
namespace {

class PublisherTest : public testing::Test {
 protected:
  // A turn in which `room` slots are free.
  void turn(uint32_t room) {
    publisher_.begin_turn(Instant{}, {.slots = slots_.data(), .size = slot_count, .room = room});
    publisher_.report_lost_if_room();
  }
  bool market(uint32_t count) {
    constexpr Origin origin = origin_of(2, 0, 7);
    if (!publisher_.begin_market(count, origin)) return false;
    for (uint32_t i = 0; i < count; ++i) {
      static_cast<void>(publisher_.next_market(EventKind::heartbeat, 0, origin));
    }
    return true;
  }
  // What the turn published.
  [[nodiscard]] std::vector<Event> events() const {
    return {slots_.begin(), slots_.begin() + publisher_.written()};
  }

  static constexpr uint32_t slot_count = 64;
  std::array<Event, slot_count> slots_{};
  Publisher publisher_;
};

TEST_F(PublisherTest, CountsFromOneWithoutHoles) {
  turn(10);
  ASSERT_TRUE(market(3));
  EXPECT_EQ(events()[0].sequence, 1u);
  turn(10);
  ASSERT_TRUE(market(1));
  EXPECT_EQ(events()[0].sequence, 4u);
}

TEST_F(PublisherTest, AMessageFitsWholeOrNotAtAll) {
  turn(4);
  EXPECT_FALSE(market(5));
  EXPECT_TRUE(market(3));  // one slot goes to the report of the five
  const auto seen = events();
  ASSERT_EQ(seen.size(), 4u);
  EXPECT_EQ(seen[0].kind, EventKind::overrun);
  EXPECT_EQ(seen[0].payload.overrun.lost, 5u);
  EXPECT_EQ(seen[0].payload.overrun.first, 1u);
  EXPECT_EQ(seen[0].payload.overrun.last, 5u);
  EXPECT_EQ(seen[0].sequence, 6u);
  EXPECT_EQ(seen[1].sequence, 7u);
}

TEST_F(PublisherTest, ReservedSlotsAreNotForTheMarket) {
  turn(10);
  ASSERT_TRUE(publisher_.try_reserve(3));  // six slots: each may need an Overrun before it
  EXPECT_EQ(publisher_.market_room(), 4u);
  EXPECT_FALSE(publisher_.try_reserve(3));
  ASSERT_TRUE(market(4));
  EXPECT_FALSE(market(1));
  publisher_.publish_reserved(Event::make(EventKind::disconnected), {});
  const auto seen = events();
  EXPECT_EQ(seen[4].kind, EventKind::overrun);
  EXPECT_EQ(seen[5].kind, EventKind::disconnected);
}

TEST_F(PublisherTest, ALossIsReportedAsSoonAsThereIsRoom) {
  turn(0);
  EXPECT_FALSE(market(2));
  turn(0);
  EXPECT_TRUE(publisher_.has_unreported_loss());
  turn(1);
  EXPECT_FALSE(publisher_.has_unreported_loss());
  ASSERT_EQ(events().size(), 1u);
  EXPECT_EQ(events()[0].kind, EventKind::overrun);
  EXPECT_EQ(events()[0].epoch, 7u);
  EXPECT_EQ(events()[0].session, 2u);
}

TEST_F(PublisherTest, TheReportNamesWhoLostLast) {
  turn(0);
  EXPECT_FALSE(publisher_.begin_market(2, origin_of(1, 0, 3)));
  EXPECT_FALSE(publisher_.begin_market(1, origin_of(0, 0, 4)));
  turn(1);
  ASSERT_EQ(events().size(), 1u);
  EXPECT_EQ(events()[0].session, 0u);
  EXPECT_EQ(events()[0].epoch, 4u);
}

TEST_F(PublisherTest, AnyMixOfRoomAndLossAccountsForEveryNumber) {
  Random random(0x0bea);
  uint64_t expected = 1;
  uint64_t lost = 0;
  for (int round = 0; round < 20'000; ++round) {
    const auto room = static_cast<uint32_t>(random.below(8));
    turn(room);
    for (int message = 0; message < 3; ++message) {
      market(1 + static_cast<uint32_t>(random.below(4)));
    }
    ASSERT_LE(publisher_.written(), room);
    for (const Event& event : events()) {
      if (event.kind == EventKind::overrun) {
        ASSERT_EQ(event.payload.overrun.first, expected);
        ASSERT_EQ(event.payload.overrun.last + 1 - expected, event.payload.overrun.lost);
        expected = event.payload.overrun.last + 1;
        lost += event.payload.overrun.lost;
      }
      ASSERT_EQ(event.sequence, expected++);
    }
  }
  EXPECT_GT(lost, 0u);
}

}  // namespace
}  // namespace havklo::core
