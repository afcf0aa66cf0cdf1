// Requests to the venue, as JSON text in a buffer of the caller.
// Source: kraken-v2.md §5.1; `snapshot` always explicit. What a channel asks for: kraken/channels.
#pragma once

#include <cstdint>
#include <havklo/event.hpp>
#include <span>
#include <string_view>

namespace havklo::kraken {

struct SubscriptionRequest {
  Channel channel = Channel::book;
  std::span<const std::string_view> symbols;
  uint32_t parameter = 0;  // of a book its depth, of candles their interval; else nothing is said
  uint64_t req_id = 0;
  bool snapshot = true;  // what there is to know comes first
};

// The text, within `buffer`; "" when it does not fit.
[[nodiscard]] std::string_view encode_subscribe(const SubscriptionRequest& request,
                                                std::span<char> buffer);
[[nodiscard]] std::string_view encode_unsubscribe(const SubscriptionRequest& request,
                                                  std::span<char> buffer);
[[nodiscard]] std::string_view encode_ping(uint64_t req_id, std::span<char> buffer);

}  // namespace havklo::kraken
