// All channels, in the order of their numbers: the one list that everything else reads.
#pragma once

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "kraken/channels/book.hpp"
#include "kraken/channels/instrument.hpp"
#include "kraken/channels/ohlc.hpp"
#include "kraken/channels/ticker.hpp"
#include "kraken/channels/trade.hpp"

namespace havklo::kraken {

// Channels whose messages are lists of flat rows.
using RowChannels = std::tuple<TradeChannel, TickerChannel, OhlcChannel, InstrumentChannel>;

inline constexpr std::array<ChannelFacts, channel_count> channel_facts = {
    BookChannel::facts, TradeChannel::facts, TickerChannel::facts, OhlcChannel::facts,
    InstrumentChannel::facts};

[[nodiscard]] constexpr const ChannelFacts& facts_of(Channel channel) {
  return channel_facts[static_cast<uint8_t>(channel)];
}

// Whether the venue serves that depth, that interval.
[[nodiscard]] constexpr bool serves(const Parameter& parameter, uint32_t value) {
  return parameter.values.empty() ||
         std::ranges::find(parameter.values, value) != parameter.values.end();
}

// Calls f.template operator()<C>() for the row channel of that name, if it is one.
template <class F>
constexpr void with_row_channel(Channel channel, F&& f) {
  [&]<class... C>(std::tuple<C...>*) {
    static_cast<void>(((C::facts.channel == channel && (f.template operator()<C>(), true)) || ...));
  }(static_cast<RowChannels*>(nullptr));
}

// A channel that is in no list would be acknowledged, and its rows thrown away.
static_assert(
    [] {
      for (const ChannelFacts& facts : channel_facts) {
        bool is_read = facts.integrity == Integrity::checksum;
        with_row_channel(facts.channel, [&is_read]<class C> { is_read = true; });
        if (!is_read) return false;
      }
      return true;
    }(),
    "each channel without a checksum is one of RowChannels");

static_assert(
    [] {
      for (uint8_t i = 0; i < channel_count; ++i) {
        if (static_cast<uint8_t>(channel_facts[i].channel) != i) return false;
      }
      return true;
    }(),
    "facts stand in the order of the channels' numbers");

}  // namespace havklo::kraken
