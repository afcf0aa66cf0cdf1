// Book messages as the venue prints them, read by knowing where everything stands.
//
// The venue's book messages follow one layout: the same keys in one order, no white space, one book
// a message. read() predicts it and verifies every byte that it predicted; what differs in a single
// byte, or is not plainly right, is refused without a verdict, and the decoder asks simdjson. So
// the answer never depends on this file, only its price: a test compares both on every input.
//
// Owns:    the minute that it met last, so that a date is worked out once a minute.
// Threads: one.
// Cost:    a pass over the message in steps of 8 to 32 bytes; nothing is allocated.
// Source:  kraken-v2.md §7.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "kraken/message.hpp"

namespace havklo::kraken {

class BookLayout {
 public:
  // `json` as Decoder::decode() takes it. The levels are written into `room`; true when all of
  // `json` was read.
  [[nodiscard]] bool read(std::string_view json, std::span<WireLevel> room, BookMessage& out);

 private:
  [[nodiscard]] bool read_timestamp(const char* at, int64_t& ns);

  // "2026-07-07T23:00" and when it was; true from the beginning, so that no text is a wrong hit.
  std::array<char, 16> minute_text_{'1', '9', '7', '0', '-', '0', '1', '-',
                                    '0', '1', 'T', '0', '0', ':', '0', '0'};
  int64_t minute_ns_ = 0;
};

}  // namespace havklo::kraken
