// What a venue says of a feed, and what was told of it, in few words: for tests of several legs.
//
// Prices and quantities are whole numbers here and have one decimal on the wire. Times are
// milliseconds past 2026-07-07T23:00:00Z; no_time: the message has none.
#pragma once

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <functional>
#include <havklo/event.hpp>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "kraken/plain_crc.hpp"

namespace havklo {

inline constexpr int64_t no_time = -1;
inline constexpr int64_t venue_hour_ns = 1'783'465'200'000'000'000;  // 2026-07-07T23:00:00Z

[[nodiscard]] inline std::string venue_timestamp(int64_t at_ms) {
  return fmt::format("2026-07-07T23:{:02}:{:02}.{:03}000Z", at_ms / 60'000, at_ms / 1'000 % 60,
                     at_ms % 1'000);
}

struct BookSideLevel {
  int64_t price = 0;
  int64_t qty = 0;
};
using BookSideLevels = std::vector<BookSideLevel>;

// The book as the venue has it for one connection: what its checksums are reckoned from.
class ToldBook {
 public:
  explicit ToldBook(size_t depth = 10) : depth_(depth) {}

  [[nodiscard]] std::string snapshot(std::string_view symbol, const BookSideLevels& bids,
                                     const BookSideLevels& asks, int64_t at_ms) {
    bids_.clear();
    asks_.clear();
    return message("snapshot", symbol, bids, asks, at_ms, 0);
  }
  // `wrong` is added to the checksum.
  [[nodiscard]] std::string update(std::string_view symbol, const BookSideLevels& bids,
                                   const BookSideLevels& asks, int64_t at_ms, uint32_t wrong = 0) {
    return message("update", symbol, bids, asks, at_ms, wrong);
  }

 private:
  template <class Side>
  void apply(Side& side, const BookSideLevels& levels) const {
    for (const BookSideLevel& level : levels) {
      if (level.qty == 0) {
        side.erase(level.price);
      } else {
        side[level.price] = level.qty;
      }
    }
    while (side.size() > depth_) side.erase(std::prev(side.end()));
  }
  template <class Side>
  static std::string digits(const Side& side) {
    std::string text;
    size_t count = 0;
    for (const auto& [price, qty] : side) {
      if (++count > 10) break;
      text += fmt::format("{}0{}0", price, qty);
    }
    return text;
  }
  static std::string side_text(const BookSideLevels& levels) {
    std::string text;
    for (const BookSideLevel& level : levels) {
      text += fmt::format(R"({}{{"price":{}.0,"qty":{}.0}})", text.empty() ? "" : ",", level.price,
                          level.qty);
    }
    return text;
  }
  std::string message(std::string_view type, std::string_view symbol, const BookSideLevels& bids,
                      const BookSideLevels& asks, int64_t at_ms, uint32_t wrong) {
    apply(bids_, bids);
    apply(asks_, asks);
    const uint32_t checksum = plain_crc(digits(asks_) + digits(bids_)) + wrong;
    const std::string time =
        at_ms == no_time ? "" : fmt::format(R"(,"timestamp":"{}")", venue_timestamp(at_ms));
    return fmt::format(
        R"({{"channel":"book","type":"{}","data":[{{"symbol":"{}","bids":[{}],"asks":[{}],)"
        R"("checksum":{}{}}}]}})",
        type, symbol, side_text(bids), side_text(asks), checksum, time);
  }

  size_t depth_;
  std::map<int64_t, int64_t, std::greater<>> bids_;
  std::map<int64_t, int64_t> asks_;
};

// An event in few words, as "LegLost@1 peer_reset"; the levels of one book message are one text:
// "BookUpdate@0 b100=1 a101=2 reconciled".
class EventWords {
 public:
  [[nodiscard]] std::vector<std::string> of(const std::vector<Event>& events) {
    std::vector<std::string> texts;
    for (const Event& event : events) {
      const bool book =
          event.kind == EventKind::book_snapshot || event.kind == EventKind::book_update;
      if (!book || event.first_in_message()) {
        texts.push_back(fmt::format("{}@{}", to_string(event.kind), event.leg));
      }
      texts.back() += book ? level(event) : rest(event);
    }
    return texts;
  }

 private:
  static std::string level(const Event& event) {
    const Event::BookLevel& level = event.payload.book;
    std::string text;
    if ((event.flags & flag_empty) == 0) {
      text = fmt::format(" {}{}={}", level.side == BookSide::bid ? 'b' : 'a', level.price / 10,
                         level.qty / 10);
    }
    if (event.last_in_message() && (event.flags & flag_reconciled) != 0) text += " reconciled";
    return text;
  }
  static std::string restored(const Event::SubscriptionsRestored& all) {
    const std::string rejected = all.rejected == 0 ? "" : fmt::format("-{}", all.rejected);
    return fmt::format(" {}{}", all.count, rejected);
  }
  static std::string rest(const Event& event) {
    const Event::Payload& of = event.payload;
    switch (event.kind) {
      case EventKind::connect_failed:
        return fmt::format(" {}", to_string(of.connect_failed.reason));
      case EventKind::disconnected:
      case EventKind::leg_lost:
        return fmt::format(" {}", to_string(of.disconnected.reason));
      case EventKind::leg_reconnecting:
        return fmt::format(" {}", to_string(of.reconnecting.waits_for));
      case EventKind::reconnect_failed:
      case EventKind::closed:
        return fmt::format(" {}", to_string(of.ended.reason));
      case EventKind::subscriptions_restored:
      case EventKind::leg_restored:
        return restored(of.subscriptions_restored);
      case EventKind::book_stale:
        return of.book_fault.fault == BookFault::leg_lost ? " leg_lost" : "";
      case EventKind::leg_book_lost:
        return fmt::format(" {}", to_string(of.book_fault.fault));
      case EventKind::trade:
        return fmt::format(" {}{}", (event.flags & flag_late) != 0 ? "late " : "",
                           of.trade.trade_id);
      case EventKind::trade_gap:
        return fmt::format(" {}-{}", of.trade_gap.first, of.trade_gap.last);
      case EventKind::ticker:
        return fmt::format(" {}", of.ticker.bid / 10);
      case EventKind::candle:
        return fmt::format(" {}", of.candle.close / 10);
      case EventKind::instrument:
        return fmt::format(" {}", to_string(of.instrument.status));
      case EventKind::status:
        return fmt::format(" {}", to_string(of.status.system));
      case EventKind::feed_lag:
        return of.feed_lag.begins != 0 ? " begins" : " ends";
      default:
        return {};
    }
  }
};

}  // namespace havklo
