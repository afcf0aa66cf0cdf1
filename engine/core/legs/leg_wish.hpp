// One wish of a session with several legs, as its strategy sees it.
#pragma once

#include <array>
#include <cstdint>
#include <havklo/event.hpp>
#include <havklo/limits.hpp>
#include <memory>
#include <optional>

#include "core/legs/latest_row.hpp"
#include "core/legs/merged_trades.hpp"
#include "core/legs/published_book.hpp"
#include "core/wishes/feed_lag.hpp"

namespace havklo::core {

struct LegWish {
  // `doubted`: refused for now, and tried on.
  enum class Answer : uint8_t { none, acknowledged, refused, doubted };
  enum class Told : uint8_t { nothing, subscribed, rejected };

  Channel channel = Channel::book;
  SymbolId symbol{};
  uint16_t parameter = 0;
  bool wanted = true;
  bool ending = false;        // its end, or another parameter, was asked for, and is not told yet
  bool ended = false;         // Unsubscribed was told: nothing of it leaves before a Subscribed
  Told told = Told::nothing;  // in this epoch
  std::array<Answer, legs_max> answers{};
  TextId refusal{};              // the last one's words
  uint8_t copies_lost_told = 0;  // a bit for each leg whose LegBookLost was told
  bool owes_answer = false;      // Subscribed or Rejected, and there was no slot for it
  bool owes_fault = false;       // the strategy's book is wrong, and it has not heard so
  bool waits_for_room = false;   // … it was told, and its next one did not fit
  struct Copy {
    const kraken::Book* book = nullptr;  // while it verifies
    int64_t time_ns = 0;                 // of its last message
  };
  std::array<Copy, legs_max> copies{};

  Instant leaderless_since;  // the leader's copy was lost, and no other was the same

  std::unique_ptr<PublishedBook> book;   // of the channel book
  std::unique_ptr<MergedTrades> trades;  // of the channel trade
  std::unique_ptr<LatestRow> row;        // of any other
  FeedLagState lag;
};

}  // namespace havklo::core
