// How a venue may cut the updates of one connection's books in its own way: what another gets as
// three messages comes here as one, so that two connections see different boundaries and different
// states in between.
//
// Owns:       what is held back, and the books that the client has, as far as it was sent.
// Not owned:  the connection that sends, faults, time.
// Threads:    one.
// Invariants: levels keep their order, the checksum and the time are the last move's, and whoever
//             applies a message and then cuts to the depth has the venue's book of that move. What
//             would break this, a level that falls out and goes while it is held back, ends a hold.
// Cost:       the whole depth is compared for each move.
#pragma once

#include <cstdint>
#include <deque>
#include <havklo/clock.hpp>
#include <havklo/random.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "replay/venue/market_book.hpp"

namespace havklo::replay {

class OwnCut {
 public:
  // A message holds at most so many moves, the first of them at most `hold_max`.
  static constexpr uint64_t moves_max = 4;

  OwnCut(uint64_t seed, Duration hold_max) : random_(seed), hold_max_(hold_max) {}

  // A snapshot of that depth leaves now.
  void begin(uint32_t symbol, uint32_t depth, const MarketBook& book);
  // Nothing more is held back of it, until its next snapshot.
  void forget(uint32_t symbol);
  // A move has made this update, and the book; gives the messages that leave now.
  [[nodiscard]] std::vector<std::string> add(uint32_t symbol, std::string_view update,
                                             const MarketBook& book, Instant now);
  // What is held back of it, which is to leave now.
  [[nodiscard]] std::optional<std::string> take(uint32_t symbol);
  // Of whose time has come, the first; its symbol.
  [[nodiscard]] std::optional<uint32_t> due(Instant now) const;
  [[nodiscard]] Instant next_deadline() const;

 private:
  struct Side {
    std::vector<MarketLevel> had;   // by the client, best first, before what is held back
    std::vector<MarketLevel> told;  // in what is held back
    std::string text;               // … as text
  };
  struct Book {
    uint32_t symbol = 0;
    uint32_t depth = 0;
    uint64_t moves_left = 0;  // 0: nothing is held back
    Instant until;
    std::string head;  // of the message, to its bids; and behind its asks
    std::string tail;
    Side bids;
    Side asks;
  };

  [[nodiscard]] Book* find(uint32_t symbol);
  [[nodiscard]] std::string write(Book& book);
  // False: with it a client would not have the venue's book.
  [[nodiscard]] static bool hold(Book& book, std::string_view update, const MarketBook& venues);

  Random random_;
  Duration hold_max_;
  std::deque<Book> books_;
};

}  // namespace havklo::replay
