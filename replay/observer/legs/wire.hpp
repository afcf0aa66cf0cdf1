// What the venue has told one leg of a session, read from its wire: the answer to each wish, and
// the copy of each book that its messages make.
//
// Owns:       the answers and the copies. Written apart from the engine's books: it judges them.
// Not owned:  the bytes (WireView).
// Threads:    one.
// Invariants: a copy is verified while its last message was, by its checksum; a fault or an end
//             makes it none until the next snapshot.
// Cost:       a binary search a level.
#pragma once

#include <cstdint>
#include <deque>
#include <havklo/event.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "replay/observer/wire_view.hpp"
#include "replay/venue/market_truth.hpp"

namespace havklo::replay {

class LegWire {
 public:
  struct Wish {
    Channel channel = Channel::book;
    std::string symbol;
    bool acked = false;
    bool refused = false;  // by the last answer
    bool refused_for_good = false;
    uint32_t depth = 0;  // of a book: as acknowledged
    std::optional<MarketBook> book;
    bool verified = false;
    int64_t time_ns = 0;      // the venue's, of its last message
    int64_t snapshot_ns = 0;  // … of the message that it began with
  };

  explicit LegWire(const MarketTruth& truth) : truth_(truth) {}

  // A new connection knows nothing.
  void begin() { wishes_.clear(); }
  // Takes what was read.
  void read(WireView& wire);

  [[nodiscard]] const Wish* find(Channel channel, std::string_view symbol) const;
  [[nodiscard]] bool any_acked() const;

 private:
  [[nodiscard]] Wish& wish_for(Channel channel, std::string_view symbol);
  void read_answer(const SeenAnswer& answer, const WireView& wire);
  void note(const SeenAnswer& answer, Channel channel, std::string_view symbol);
  void read_book(std::string_view text, const WireView& wire);

  const MarketTruth& truth_;
  std::deque<Wish> wishes_;
};

// Whether the venue's book of that copy is, level by level, the strategy's.
[[nodiscard]] bool is_same(const LegWire::Wish& copy, const OrderBook& book);

}  // namespace havklo::replay
