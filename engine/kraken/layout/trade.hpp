// Trade messages as the venue prints them, read by knowing where everything stands; as
// book.hpp, and judged by the same test.
//
// Owns:    what the reader of its time remembers.
// Threads: one.
// Cost:    a pass over the message in steps of 8 to 32 bytes; nothing is allocated.
// Source:  kraken-v2.md §7.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "kraken/channels/trade.hpp"
#include "kraken/layout/primitives.hpp"

namespace havklo::kraken {

class TradeLayout {
 public:
  // `json` as Decoder::decode() takes it. The trades are written into `room`, `count` of them; true
  // when all of `json` was read.
  [[nodiscard]] bool read(std::string_view json, std::span<TradeRow> room, size_t& count,
                          bool& is_snapshot);

 private:
  [[nodiscard]] const char* read_row(const char* at, const char* end, TradeRow& out);

  layout::TimestampReader timestamp_;
};

}  // namespace havklo::kraken
