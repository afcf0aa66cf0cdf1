// The venue's public channels by name. What each of them is (its request, its rows, its events)
// stands in one file of engine/kraken/channels.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace havklo {

// The numbers stand in recordings.
enum class Channel : uint8_t { book, trade, ticker, ohlc, instrument };
inline constexpr uint8_t channel_count = 5;

// "book": on the wire, in settings and in events.
[[nodiscard]] std::string_view to_string(Channel channel);
[[nodiscard]] std::optional<Channel> channel_named(std::string_view name);

// 10, 25, 100, 500 or 1000 levels a side.
[[nodiscard]] bool is_valid_depth(uint32_t depth);
// 1, 5, 15, 30, 60, 240, 1440, 10080 or 21600 minutes.
[[nodiscard]] bool is_valid_interval(uint32_t interval_minutes);

}  // namespace havklo
