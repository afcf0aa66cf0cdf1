// The books of a what-if: what a subscriber that the recording did not have is told of them.
#include "replay/what_if/recorded_feed.hpp"

#include <gtest/gtest.h>

#include "support/engine_world.hpp"

namespace havklo::replay {
namespace {

// It gave the book up at the first wrong message: one behind it can be of any book.
TEST(RecordedFeed, ABookThatWasWrongIsSilentUntilItsNextSnapshot) {
  ObservedNetwork network;
  network.header.settings = book_settings({"BTC/USD"});
  network.symbols = {"BTC/USD"};
  const std::string snapshot = EngineWorld::snapshot_text("BTC/USD");
  const std::string good = EngineWorld::update_text("BTC/USD");
  const std::string wrong = EngineWorld::update_text("BTC/USD", "1");
  for (const std::string& text : {snapshot, wrong, good, snapshot, good}) {
    network.feed.push_back({.at = Instant{},
                            .kind = FeedItem::Kind::market,
                            .snapshot = text == snapshot,
                            .text = text});
  }
  RecordedFeed feed(network);
  EXPECT_EQ(feed.next(), "");  // a subscriber has a snapshot of its own
  EXPECT_EQ(feed.next(), wrong) << "as wrong for this one as it was for the recording";
  EXPECT_EQ(feed.next(), "");
  EXPECT_EQ(feed.next(), "") << "the book as it was";
  EXPECT_EQ(feed.next(), good);
}

}  // namespace
}  // namespace havklo::replay
