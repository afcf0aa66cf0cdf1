// The market as a recording heard it, for subscribers that the recording did not have.
//
// Owns:       the books as the recorded messages make them.
// Not owned:  the observations.
// Threads:    one.
// Invariants: who got snapshot() and then every text of next() for that book holds the book that
//             the feed holds, and every checksum in them is right, but for those that were wrong in
//             the recording.
// Rules:      what the recording heard goes on as it came. Where it heard nothing, a book stays as
//             it was; what a later snapshot changes is told to live subscribers as one update.
#pragma once

#include <cstdint>
#include <havklo/clock.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "kraken/decode.hpp"
#include "replay/venue/market_book.hpp"
#include "replay/what_if/observed_network.hpp"

namespace havklo::replay {

class RecordedFeed {
 public:
  explicit RecordedFeed(const ObservedNetwork& network);

  [[nodiscard]] Instant next_deadline() const;
  // What comes next, as the recording heard it; it must be due.
  [[nodiscard]] const FeedItem& peek() const { return network_.feed[next_]; }
  // … and what it is to a subscriber that the recording did not have, valid until the next call;
  // "": nothing. Goes on to the one behind it.
  [[nodiscard]] std::string_view next();

  // The book as of now, as a snapshot for a subscriber; "" if the recording never had it.
  [[nodiscard]] std::string snapshot(uint32_t symbol, uint32_t depth);
  // The recording is not hearing this book just now: what snapshot() gives is old.
  [[nodiscard]] bool is_old(uint32_t symbol, Instant now) const;

 private:
  struct Book {
    MarketBook book{0, 0};
    bool known = false;   // a snapshot has been applied
    bool broken = false;  // a checksum was wrong since
    int64_t changed_us = 0;
  };
  [[nodiscard]] const kraken::BookMessage* decode(const FeedItem& item);
  [[nodiscard]] std::string_view apply(const FeedItem& item);
  void replace(Book& book, const kraken::BookMessage& message);
  [[nodiscard]] std::string_view difference(Book& book, uint32_t symbol,
                                            const kraken::BookMessage& message);

  const ObservedNetwork& network_;
  kraken::Decoder decoder_;
  std::vector<Book> books_;              // by symbol
  std::vector<uint32_t> depths_;         // … and how deep a book is asked for
  std::vector<size_t> first_snapshots_;  // … and where in the feed its first one is, or the end
  size_t next_ = 0;
  std::string text_;
  std::string padded_;
};

}  // namespace havklo::replay
