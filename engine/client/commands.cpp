// What both forms of client can be told: each command is checked here, before the engine's queue.
#include <algorithm>
#include <havklo/client.hpp>

namespace havklo {
namespace {

Command simple_command(Command::Kind kind) {
  Command command;
  command.kind = kind;
  return command;
}

}  // namespace

std::string_view to_string(CommandError error) {
  switch (error) {
    case CommandError::queue_full:
      return "too many commands at once: try again";
    case CommandError::symbol_invalid:
      return "a symbol must be BASE/QUOTE, as \"BTC/USD\"";
    case CommandError::depth_invalid:
      return "a depth must be 10, 25, 100, 500 or 1000";
    case CommandError::interval_invalid:
      return "an interval must be 1, 5, 15, 30, 60, 240, 1440, 10080 or 21600 minutes";
    case CommandError::too_many_subscriptions:
      return "the ring is too small for another subscription: with_ring_slots()";
    case CommandError::too_many_symbols:
      return "the engine can name no more symbols: 4096 in a client's life";
    case CommandError::closed:
      return "the client is closed";
  }
  return "unknown";
}

ClientCommands::ClientCommands(const Settings& settings) : ring_slots_(settings.ring_slots) {
  for (const SubscriptionSettings& each : settings.subscriptions) {
    if (each.channel == Channel::book) depth_max_ = std::max(depth_max_, each.depth);
    for (const std::string& symbol : each.symbols) {
      wanted_.emplace(each.channel, symbol);
      named_.insert(symbol);
    }
  }
}

std::expected<void, CommandError> ClientCommands::subscribe(Channel channel,
                                                            std::string_view symbol,
                                                            std::optional<uint32_t> parameter) {
  if (!is_valid_symbol(symbol)) return std::unexpected(CommandError::symbol_invalid);
  const SubscriptionSettings usual{.channel = channel, .symbols = {}};
  const uint32_t depth = parameter.value_or(parameter_of(usual));
  if (channel == Channel::book && !is_valid_depth(depth)) {
    return std::unexpected(CommandError::depth_invalid);
  }
  if (channel == Channel::ohlc && !is_valid_interval(depth)) {
    return std::unexpected(CommandError::interval_invalid);
  }
  const uint32_t deepest = channel == Channel::book ? std::max(depth_max_, depth) : depth_max_;
  const bool is_new = !wanted_.contains({channel, std::string(symbol)});
  if (wanted_.size() + (is_new ? 1 : 0) > subscriptions_max(ring_slots_, deepest)) {
    return std::unexpected(CommandError::too_many_subscriptions);
  }
  if (named_.size() == symbols_max && !named_.contains(symbol)) {
    return std::unexpected(CommandError::too_many_symbols);
  }
  Command command = simple_command(Command::Kind::subscribe);
  command.channel = channel;
  command.depth = static_cast<uint16_t>(depth);
  command.symbol_bytes = static_cast<uint8_t>(symbol.size());
  std::ranges::copy(symbol, command.symbol_text.begin());
  if (auto sent = send(command); !sent) return sent;
  depth_max_ = deepest;
  wanted_.emplace(channel, symbol);
  named_.emplace(symbol);
  return {};
}

std::expected<void, CommandError> ClientCommands::unsubscribe(Channel channel,
                                                              std::string_view symbol) {
  if (!is_valid_symbol(symbol)) return std::unexpected(CommandError::symbol_invalid);
  Command command = simple_command(Command::Kind::unsubscribe);
  command.channel = channel;
  command.symbol_bytes = static_cast<uint8_t>(symbol.size());
  std::ranges::copy(symbol, command.symbol_text.begin());
  if (auto sent = send(command); !sent) return sent;
  wanted_.erase({channel, std::string(symbol)});
  return {};
}

std::vector<std::string> ClientCommands::wanted() const {
  std::vector<std::string> texts;
  for (const auto& [channel, symbol] : wanted_) {
    texts.push_back(std::string(to_string(channel)).append(" ").append(symbol));
  }
  return texts;
}

std::expected<void, CommandError> ClientCommands::reconnect() {
  return send(simple_command(Command::Kind::reconnect));
}

std::expected<void, CommandError> ClientCommands::close() {
  return send(simple_command(Command::Kind::close));
}

}  // namespace havklo
