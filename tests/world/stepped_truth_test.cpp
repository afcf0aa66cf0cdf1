// The venue's truth beside a strategy's book (havklo/simulation.hpp): right ones are known, and so
// is every way of being wrong.
#include <gtest/gtest.h>

#include <algorithm>
#include <havklo/simulation.hpp>
#include <utility>
#include <vector>

#include "world/stepped_world.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

TEST(SteppedTruth, TellsTheVenuesTruthOfEveryBookThatItsCheckHolds) {
  Simulation sim = one_book_and(
      "[[fault]]\nkind = \"reset\"\nafter = \"2s\"\n"
      "[[fault]]\nkind = \"bad_checksum\"\nat = \"1s\"\ntimes = 1\n");
  OrderBook book(sim.names(), "BTC/USD", 10);
  uint64_t live = 0;
  uint64_t newest = 0;
  sim.run_for(20_s, [&](const Event& event) {
    book.apply(event);
    if (!book.is_live()) return;
    ++live;
    ASSERT_TRUE(sim.venue_had(book)) << event.sequence;
    const auto truth = sim.venue_book("BTC/USD");
    ASSERT_TRUE(truth);
    ASSERT_GE(truth->venue_time_ns, book.venue_time_ns());
    if (truth->venue_time_ns != book.venue_time_ns()) return;
    ++newest;
    EXPECT_TRUE(std::ranges::equal(truth->bids, *book.bids()));
    EXPECT_TRUE(std::ranges::equal(truth->asks, *book.asks()));
  });
  EXPECT_GT(live, 100u);
  EXPECT_GT(newest, 100u);
}

TEST(SteppedTruth, KnowsABookThatTheVenueNeverHad) {
  Simulation sim = one_book_and("");
  OrderBook book(sim.names(), "BTC/USD", 10);
  EXPECT_FALSE(sim.venue_had(book));  // it answers nothing
  sim.run_for(3_s, [&](const Event& event) { book.apply(event); });
  ASSERT_TRUE(sim.venue_had(book));
  EXPECT_FALSE(sim.venue_had(book, 25));  // nobody subscribes to that
  const auto had = [&](const std::vector<Level>& bids) {
    return sim.venue_had("BTC/USD", 10, bids, *book.asks(), book.venue_time_ns());
  };
  const std::vector<Level> right(book.bids()->begin(), book.bids()->end());
  EXPECT_TRUE(had(right));
  std::vector<Level> wrong = right;
  wrong[3].qty.mantissa += 1;
  EXPECT_FALSE(had(wrong));
  wrong = right;
  std::swap(wrong[0], wrong[1]);
  EXPECT_FALSE(had(wrong));
  wrong = right;
  wrong.pop_back();
  EXPECT_FALSE(had(wrong));
  // The same number with other digits is the same level; one between two of the venue's is none.
  std::vector<Level> written = right;
  written[0].price = {right[0].price.mantissa * 100,
                      static_cast<int8_t>(right[0].price.exponent - 2)};
  EXPECT_TRUE(had(written));
  written[0].price.mantissa += 1;
  EXPECT_FALSE(had(written));
  EXPECT_FALSE(sim.venue_had("NO/SUCH", 10, right, right, book.venue_time_ns()));
  EXPECT_FALSE(sim.venue_book("NO/SUCH"));
}

TEST(SteppedTruth, HasTheVenuesClock) {
  Simulation sim = one_book_and("");
  const auto trade = sim.run_until(EventKind::book_update, 5_s);
  ASSERT_TRUE(trade);
  const int64_t utc_ns = (trade->time - Instant{}).ns + sim.utc_offset().ns;
  EXPECT_NEAR(static_cast<double>(utc_ns - trade->payload.book.venue_time_ns), 5e6, 1e3);
}

}  // namespace
}  // namespace havklo
