// The channel `book`: levels of a side, verified by a checksum. Its rows are BookMessage
// (kraken/message.hpp); layout/book.hpp reads the usual ones, decode.cpp any other.
// Source: kraken-v2.md §7 and §8.
#pragma once

#include <array>

#include "kraken/channel.hpp"

namespace havklo::kraken {

struct BookChannel {
  static constexpr std::array<uint16_t, 5> depths = {10, 25, 100, 500, 1000};
  static constexpr ChannelFacts facts = {
      .channel = Channel::book,
      .name = "book",
      .parameter = {.name = "depth", .values = depths, .setting = &SubscriptionSettings::depth},
      .integrity = Integrity::checksum};
};

}  // namespace havklo::kraken
