// What a venue has to sell of some symbols, as messages in virtual time.
//
// Owns nothing; the door between the venue model, which knows connections and subscriptions, and
// where its prices come from: a seeded market (market.hpp) or a capture (venue_capture.hpp).
// Threads:    one.
// Invariants: time never goes back; a message is complete JSON text; the trade message stands right
//             before the book update that it caused.
#pragma once

#include <cstdint>
#include <havklo/clock.hpp>
#include <havklo/event.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "replay/venue/market_book.hpp"
#include "replay/venue/messages.hpp"

namespace havklo::replay {

// In the place of a symbol, for a channel that brings all of them.
inline constexpr uint32_t every_symbol = ~0U;

// Who wants the messages of a feed. `parameter`: the depth of a book, the interval of candles; else
// 0.
class FeedSink {
 public:
  // Asked before a message is written, so that nobody pays for text that nobody reads.
  [[nodiscard]] virtual bool wants(Channel channel, uint32_t symbol, uint32_t parameter) = 0;
  // `text` is valid during the call. `best_changed`: the best bid or ask moved (ticker only).
  // False: somebody who subscribes to it was not sent it.
  virtual bool on_message(Channel channel, uint32_t symbol, uint32_t parameter,
                          std::string_view text, bool best_changed) = 0;

 protected:
  ~FeedSink() = default;
};

class MarketFeed {
 public:
  virtual ~MarketFeed() = default;

  [[nodiscard]] virtual uint32_t symbol_count() const = 0;
  [[nodiscard]] virtual std::string_view symbol(uint32_t index) const = 0;
  [[nodiscard]] virtual bool serves(Channel channel, uint32_t symbol, uint32_t parameter) const = 0;
  [[nodiscard]] virtual const MarketBook& book(uint32_t symbol) const = 0;
  // Instant of the book's last change, microseconds since 1970-01-01 UTC.
  [[nodiscard]] virtual int64_t changed_us(uint32_t symbol) const = 0;

  // Somebody subscribes again after nobody was: time goes on from here.
  virtual void resume(Instant now) = 0;
  [[nodiscard]] virtual Instant next_deadline() const = 0;
  // Does what is due at or before `now`, oldest first.
  virtual void advance(Instant now, FeedSink& sink) = 0;
  // The snapshot that a new subscriber gets, as of the last advance(); nothing is appended for a
  // channel that has none to give.
  virtual void append_snapshot(Channel channel, uint32_t symbol, uint32_t parameter,
                               std::string& out) const = 0;

  // What was said to be sent of the last message for this was not sent to somebody after all.
  virtual void take_back(Channel /*channel*/, uint32_t /*symbol*/, uint32_t /*parameter*/) {}

  // The last trades, oldest first, as many as a snapshot reaches back; of a feed that does not say
  // them none.
  [[nodiscard]] virtual std::span<const TradeText> last_trades(uint32_t /*symbol*/) const {
    return {};
  }

  [[nodiscard]] std::optional<uint32_t> find(std::string_view name) const {
    for (uint32_t i = 0; i < symbol_count(); ++i) {
      if (symbol(i) == name) return i;
    }
    return std::nullopt;
  }
};

}  // namespace havklo::replay
