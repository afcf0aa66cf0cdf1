// The public names of the channels, out of their facts.
#include "kraken/channels.hpp"

namespace havklo {

std::string_view to_string(Channel channel) {
  const auto index = static_cast<size_t>(channel);
  return index < channel_count ? kraken::channel_facts[index].name : "unknown";
}

std::optional<Channel> channel_named(std::string_view name) {
  for (const kraken::ChannelFacts& facts : kraken::channel_facts) {
    if (facts.name == name) return facts.channel;
  }
  return std::nullopt;
}

bool is_valid_depth(uint32_t depth) {
  return kraken::serves(kraken::BookChannel::facts.parameter, depth);
}

bool is_valid_interval(uint32_t interval_minutes) {
  return kraken::serves(kraken::OhlcChannel::facts.parameter, interval_minutes);
}

}  // namespace havklo
