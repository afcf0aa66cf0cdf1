// A set of books against one OrderBook each, event by event: the set finds the book, and knows
// nothing else.
#include <gtest/gtest.h>

#include <deque>
#include <havklo/order_books.hpp>
#include <optional>
#include <vector>

#include "support/allocation_counter.hpp"
#include "support/engine_world.hpp"
#include "support/venue_world.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

bool are_equal(const OrderBook& one, const OrderBook& other) {
  const auto bids = one.bids();
  const auto asks = one.asks();
  if (one.is_live() != other.is_live()) return false;
  return !bids ||
         (std::ranges::equal(*bids, *other.bids()) && std::ranges::equal(*asks, *other.asks()) &&
          one.venue_time_ns() == other.venue_time_ns());
}

class OrderBooksTest : public testing::Test {
 protected:
  OrderBooksTest() { world_.go_live(); }
  void feed(uint8_t session = 0) {
    for (Event event : world_.take()) {
      event.session = session;
      books_.apply(event);
    }
  }
  // Each session hears the same.
  void feed_both() {
    const std::vector<Event> events = world_.take();
    for (const uint8_t session : {uint8_t{0}, uint8_t{1}}) {
      world_.events = events;
      feed(session);
    }
  }
  [[nodiscard]] size_t live() const {
    size_t count = 0;
    for (const OrderBook& book : books_) count += book.is_live() ? 1 : 0;
    return count;
  }
  [[nodiscard]] const Names& names() const { return world_.engine.names(); }

  EngineWorld world_{book_settings({"BTC/USD", "ETH/USD"})};
  OrderBooks books_{world_.engine.names(), {"BTC/USD", "ETH/USD"}, 10};
};

TEST_F(OrderBooksTest, AnEventChangesTheBookOfItsSymbol) {
  feed();
  ASSERT_EQ(live(), 2u);
  world_.update("ETH/USD");
  const std::vector<Event> events = world_.take();
  ASSERT_FALSE(events.empty());
  for (const Event& event : events) EXPECT_EQ(books_.apply(event), books_.find("ETH/USD"));
  EXPECT_EQ(books_.find("ETH/USD")->bids()->size(), 2u);
  EXPECT_EQ(books_.find("BTC/USD")->bids()->size(), 1u);
}

TEST_F(OrderBooksTest, WhatNobodyAddedHasNoBook) {
  EXPECT_EQ(books_.find("SOL/USD"), nullptr);
  EXPECT_EQ(books_.find("BTC/USD", 1), nullptr);
  EXPECT_EQ(books_.find(""), nullptr);
  feed(7);
  EXPECT_EQ(live(), 0u);
}

TEST_F(OrderBooksTest, AddingTwiceKeepsTheBook) {
  feed();
  const OrderBook* btc = books_.find("BTC/USD");
  EXPECT_EQ(&books_.add("BTC/USD", 100), btc);
  EXPECT_EQ(books_.size(), 2u);
  EXPECT_TRUE(btc->is_live());
}

TEST_F(OrderBooksTest, ABookStaysWhereItIs) {
  const OrderBook* btc = books_.find("BTC/USD");
  for (int i = 0; i < 1000; ++i) books_.add("A" + std::to_string(i) + "/USD", 10);
  EXPECT_EQ(books_.find("BTC/USD"), btc);
  feed();
  EXPECT_TRUE(btc->is_live());
}

// Its events came before, and nobody wanted them.
TEST_F(OrderBooksTest, ABookThatIsAddedLaterIsFound) {
  OrderBooks late(names(), {"BTC/USD"}, 10);
  const std::vector<Event> events = world_.take();
  for (const Event& event : events) late.apply(event);
  EXPECT_EQ(late.find("ETH/USD"), nullptr);
  const OrderBook& btc = *late.find("BTC/USD");
  const OrderBook& eth = late.add("ETH/USD", 10);
  const OrderBook& ada = late.add("ADA/USD", 10);  // before both, in the order of names
  EXPECT_FALSE(eth.is_live());
  EXPECT_TRUE(btc.is_live());
  for (const Event& event : events) late.apply(event);
  EXPECT_TRUE(eth.is_live());
  EXPECT_TRUE(btc.is_live());
  EXPECT_FALSE(ada.is_live());
}

TEST_F(OrderBooksTest, ADisconnectSilencesEveryBookOfItsSessionAndNoOther) {
  books_.add("BTC/USD", 10, 1);
  books_.add("ETH/USD", 10, 1);
  feed_both();
  ASSERT_EQ(live(), 4u);
  world_.fail(Reason::peer_reset);
  feed(1);
  EXPECT_EQ(live(), 2u);
  EXPECT_TRUE(books_.find("BTC/USD", 0)->is_live());
  EXPECT_FALSE(books_.find("BTC/USD", 1)->is_live());
  EXPECT_FALSE(books_.find("ETH/USD", 1)->is_live());
}

TEST_F(OrderBooksTest, AnOverrunSilencesTheBooksOfAllSessions) {
  books_.add("BTC/USD", 10, 1);
  feed_both();
  ASSERT_EQ(live(), 3u);
  EXPECT_EQ(books_.apply(Event::make(EventKind::overrun)), nullptr);
  EXPECT_EQ(live(), 0u);
}

// An event of zeros is about the first symbol and session; whatever its kind, the set does with it
// what each of the books does alone.
TEST_F(OrderBooksTest, DoesWithEveryKindWhatABookDoes) {
  const std::vector<Event> events = world_.take();
  ASSERT_EQ(names().symbol(SymbolId{}), "BTC/USD");
  for (unsigned kind = 1; kind <= event_kind_last; ++kind) {
    OrderBooks books(names(), {"BTC/USD", "ETH/USD"}, 10);
    OrderBook btc(names(), "BTC/USD", 10);
    OrderBook eth(names(), "ETH/USD", 10);
    for (const Event& event : events) {
      books.apply(event), btc.apply(event), eth.apply(event);
    }
    Event event = Event::make(static_cast<EventKind>(kind));
    event.epoch = events.back().epoch;
    const OrderBook* changed = books.apply(event);
    const bool btc_changed = btc.apply(event);
    const bool eth_changed = eth.apply(event);
    EXPECT_EQ(changed == books.find("BTC/USD"), btc_changed && !eth_changed) << kind;
    EXPECT_TRUE(are_equal(*books.find("BTC/USD"), btc)) << kind;
    EXPECT_TRUE(are_equal(*books.find("ETH/USD"), eth)) << kind;
  }
}

// A night of outages and bad checksums.
class OrderBooksOfAVenue : public testing::Test {
 protected:
  static constexpr uint32_t depth = 25;
  static VenueWorldSettings night() {
    VenueWorldSettings settings;
    settings.engine = book_settings({"BTC/USD", "ETH/USD", "SOL/USD"}, depth);
    settings.engine.subscriptions.push_back({.channel = Channel::trade, .symbols = {"BTC/USD"}});
    settings.faults.add({.kind = replay::FaultKind::reset, .at = 20_s, .every = 20_s})
        .add({.kind = replay::FaultKind::bad_checksum, .at = 50_s, .times = 1});
    return settings;
  }
  OrderBooksOfAVenue() {
    world_.run(100_s);
    for (const char* symbol : {"BTC/USD", "ETH/USD", "SOL/USD"}) {
      alone_.emplace_back(world_.engine.names(), symbol, depth);
      books_.add(symbol, depth);
    }
  }

  VenueWorld world_{night()};
  OrderBooks books_{world_.engine.names()};
  std::deque<OrderBook> alone_;
};

TEST_F(OrderBooksOfAVenue, EqualOneBookEach) {
  uint32_t live = 0;
  for (const Event& event : world_.events) {
    const OrderBook* changed = books_.apply(event);
    for (OrderBook& book : alone_) {
      const OrderBook& of_set = *books_.find(book.symbol());
      const bool about_it = book.apply(event) && OrderBook::symbol_of(event);
      ASSERT_EQ(changed == &of_set, about_it) << event.sequence;
      ASSERT_TRUE(are_equal(of_set, book)) << event.sequence;
      live += of_set.is_live() ? 1 : 0;
    }
  }
  EXPECT_GT(live, 1000u);
}

TEST_F(OrderBooksOfAVenue, AllocateNothingFromTheFirstEventOn) {
  if (!counts_allocations) GTEST_SKIP() << "a sanitizer's malloc is not ours to count";
  const AllocationCounter counter;
  uint64_t changes = 0;
  for (const Event& event : world_.events) changes += books_.apply(event) != nullptr ? 1 : 0;
  EXPECT_EQ(counter.count(), 0u);
  EXPECT_GT(changes, 1000u);
}

}  // namespace
}  // namespace havklo
