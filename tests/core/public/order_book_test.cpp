// A strategy's book against the venue's own, message by message, and every event that must silence
// it.
#include <gtest/gtest.h>

#include <havklo/order_book.hpp>

#include "support/engine_world.hpp"
#include "support/venue_world.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

class OrderBookTest : public testing::Test {
 protected:
  OrderBookTest() { world_.go_live(); }
  void feed() {
    for (const Event& event : world_.take()) book_.apply(event);
  }
  void feed_live() {
    feed();
    ASSERT_TRUE(book_.is_live());
  }

  EngineWorld world_{book_settings({"BTC/USD", "ETH/USD"})};
  OrderBook book_{world_.engine.names(), "BTC/USD", 10};
};

TEST_F(OrderBookTest, AnswersOnceTheSnapshotIsWhole) {
  EXPECT_FALSE(book_.best_bid());
  const auto events = world_.take();
  for (const Event& event : events) {
    book_.apply(event);
    const bool of_btc = event.kind == EventKind::book_snapshot &&
                        world_.engine.names().symbol(event.payload.book.symbol) == "BTC/USD";
    EXPECT_EQ(book_.is_live(), of_btc ? event.last_in_message() : book_.is_live());
  }
  ASSERT_TRUE(book_.best_bid());
  EXPECT_EQ(to_string(book_.best_bid()->price), "100.0");
  EXPECT_EQ(to_string(book_.best_ask()->qty), "2.0000");
  EXPECT_EQ(book_.bids()->size(), 1u);
}

TEST_F(OrderBookTest, IsSilentAfterADisconnectAndUntilTheNextSnapshot) {
  feed_live();
  world_.fail(Reason::peer_reset);
  feed();
  EXPECT_FALSE(book_.best_bid());
  EXPECT_FALSE(book_.bids());
  world_.pass(100_ms);
  world_.open();
  world_.greet();
  world_.ack("subscribe", "BTC/USD");
  feed();
  EXPECT_FALSE(book_.is_live());
  world_.snapshot("BTC/USD");
  feed();
  EXPECT_TRUE(book_.is_live());
}

TEST_F(OrderBookTest, IsSilentWhileItIsRepaired) {
  feed_live();
  world_.say(EngineWorld::update_text("BTC/USD", "1"));
  feed();
  EXPECT_FALSE(book_.is_live());
}

TEST_F(OrderBookTest, IsSilentOnceUnsubscribed) {
  feed_live();
  world_.command(make_command(Command::Kind::unsubscribe, "BTC/USD"));
  world_.ack("unsubscribe", "BTC/USD");
  feed();
  EXPECT_FALSE(book_.is_live());
}

TEST_F(OrderBookTest, DoesNotCareForOtherSymbols) {
  feed_live();
  world_.say(EngineWorld::update_text("ETH/USD", "1"));
  world_.update("BTC/USD");
  feed();
  EXPECT_TRUE(book_.is_live());
  EXPECT_EQ(book_.bids()->size(), 2u);
}

TEST_F(OrderBookTest, AnOverrunSilencesItUntilItsNextMessage) {
  feed_live();
  Event overrun = Event::make(EventKind::overrun);
  overrun.payload.overrun.lost = 3;
  EXPECT_TRUE(book_.apply(overrun));
  EXPECT_FALSE(book_.is_live());
  world_.say(R"({"channel":"heartbeat"})");
  feed();
  EXPECT_FALSE(book_.is_live());
  world_.update("BTC/USD");  // the engine would not publish it had the book lost anything
  feed();
  ASSERT_TRUE(book_.is_live());
  EXPECT_EQ(book_.bids()->size(), 2u);
}

// It carries the name of the session that lost last; this book may be among what was lost before.
TEST_F(OrderBookTest, AnOverrunThatNamesAnotherSessionSilencesItToo) {
  feed_live();
  Event overrun = Event::make(EventKind::overrun);
  overrun.session = 1;
  EXPECT_TRUE(book_.apply(overrun));
  EXPECT_FALSE(book_.is_live());
}

TEST_F(OrderBookTest, AfterAnOverrunOfItsOwnItWaitsForASnapshot) {
  feed_live();
  Event overrun = Event::make(EventKind::overrun);
  EXPECT_TRUE(book_.apply(overrun));
  Event stale = Event::make(EventKind::book_stale);
  stale.payload.book_fault.symbol = *world_.engine.names().find_symbol("BTC/USD");
  EXPECT_TRUE(book_.apply(stale));
  world_.update("BTC/USD");
  feed();
  EXPECT_FALSE(book_.is_live());
}

TEST_F(OrderBookTest, AnUpdateOfADeadEpochIsLeftAlone) {
  const auto events = world_.take();
  for (const Event& event : events) book_.apply(event);
  Event late = events.back();
  for (const Event& event : events) {
    if (event.kind == EventKind::book_snapshot) late = event;
  }
  late.kind = EventKind::book_update;
  late.epoch = 7;
  EXPECT_FALSE(book_.apply(late));
}

// The venue's book is the truth: at each message of a busy feed, with outages between.
TEST(OrderBookOfAVenue, EqualsTheVenuesBookAtEveryMessage) {
  for (const uint32_t depth : {10u, 25u, 100u}) {
    VenueWorldSettings settings;
    settings.engine = book_settings({"BTC/USD"}, depth);
    settings.network.latency = 0_ms;
    settings.faults.add({.kind = replay::FaultKind::reset, .at = 20_s, .every = 20_s})
        .add({.kind = replay::FaultKind::bad_checksum, .at = 50_s, .times = 1});
    VenueWorld world(settings);
    OrderBook book(world.engine.names(), "BTC/USD", depth);
    uint32_t compared = 0;
    const auto compare = [&](const Event& event) {
      book.apply(event);
      if (!book.is_live() || !event.last_in_message()) return false;
      const replay::MarketBook& truth = world.venue.feed().book(0);
      if (event.payload.book.venue_time_ns / 1000 != world.venue.feed().changed_us(0)) return false;
      const auto equal = [&](BookSide side, std::span<const Level> levels) {
        const auto top = truth.top(side, depth);
        ASSERT_EQ(top.size(), levels.size());
        for (size_t i = 0; i < top.size(); ++i) {
          ASSERT_EQ(top[i].price, levels[i].price.mantissa) << i;
          ASSERT_EQ(top[i].qty, levels[i].qty.mantissa) << i;
        }
      };
      equal(BookSide::bid, *book.bids());
      equal(BookSide::ask, *book.asks());
      ++compared;
      return testing::Test::HasFatalFailure();
    };
    world.run_until(100_s, compare);
    EXPECT_GT(compared, 300u) << "depth " << depth;
  }
}

}  // namespace
}  // namespace havklo
