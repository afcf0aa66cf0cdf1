// Book messages as the venue prints them, read by knowing where everything stands.
//
// The venue's book messages follow one layout: the same keys in one order, no white space, one book
// a message. read() predicts it and verifies every byte that it predicted; what differs in a single
// byte, or is not plainly right, is refused without a verdict, and the decoder asks simdjson. So
// the answer never depends on this file, only its price: a test compares both on every input.
//
// Owns:      what the reader of its time remembers.
// Not owned: the room that levels are written into.
// Threads:   one.
// Cost:      a pass over the message in steps of 8 to 32 bytes; nothing is allocated.
// Source:    kraken-v2.md §7.
#pragma once

#include <span>
#include <string_view>

#include "kraken/layout/primitives.hpp"
#include "kraken/message.hpp"

namespace havklo::kraken {

class BookLayout {
 public:
  explicit BookLayout(std::span<WireLevel> room) : room_(room) {}

  // `json` as Decoder::decode() takes it. True when all of it was read.
  [[nodiscard]] bool read(std::string_view json, BookMessage& out,
                          BookListener* listener = nullptr);

 private:
  std::span<WireLevel> room_;
  layout::TimestampReader timestamp_;
};

}  // namespace havklo::kraken
