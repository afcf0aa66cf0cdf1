// What a session can be told: each command is checked here, before the engine's queue.
#include <algorithm>
#include <havklo/engine_client.hpp>
#include <havklo/limits.hpp>

namespace havklo {

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
      return "the engine can name no more symbols: 4096 in its life";
    case CommandError::closed:
      return "the session is closed";
  }
  return "unknown";
}

EngineSessions::EngineSessions(const EngineSettings& settings) : ring_slots_(settings.ring_slots) {
  for (const Settings& session : settings.sessions) {
    const auto legs = static_cast<uint32_t>(session.legs.size());
    slots_wanted_ += ring_slots_of_connections(legs);
    for (const SubscriptionSettings& each : session.subscriptions) {
      if (each.channel == Channel::book) depth_max_ = std::max(depth_max_, each.depth);
      slots_wanted_ += ring_slots_of_subscription(legs) * each.symbols.size();
      named_.insert(each.symbols.begin(), each.symbols.end());
    }
    sessions_.emplace_back(*this, static_cast<uint8_t>(sessions_.size()), session);
  }
}

bool EngineSessions::close_all() {
  return std::ranges::all_of(sessions_, [](SessionCommands& each) {
    const auto told = each.close();
    return told || told.error() == CommandError::closed;
  });
}

SessionCommands::SessionCommands(EngineSessions& engine, uint8_t session, const Settings& settings)
    : engine_(engine), session_(session), legs_(static_cast<uint32_t>(settings.legs.size())) {
  for (const SubscriptionSettings& each : settings.subscriptions) {
    for (const std::string& symbol : each.symbols) wanted_.emplace(each.channel, symbol);
  }
}

Command SessionCommands::make(Command::Kind kind) const {
  Command command;
  command.kind = kind;
  command.session = session_;
  return command;
}

Command SessionCommands::make(Command::Kind kind, Channel channel, std::string_view symbol) const {
  Command command = make(kind);
  command.channel = channel;
  command.symbol_bytes = static_cast<uint8_t>(symbol.size());
  std::ranges::copy(symbol, command.symbol_text.begin());
  return command;
}

std::expected<void, CommandError> SessionCommands::subscribe(Channel channel,
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
  EngineSessions& all = engine_;
  const uint32_t deepest =
      channel == Channel::book ? std::max(all.depth_max_, depth) : all.depth_max_;
  const bool is_new = !wanted_.contains({channel, std::string(symbol)});
  const uint64_t more = is_new ? ring_slots_of_subscription(legs_) : 0;
  if (all.slots_wanted_ + more + ring_slots_of_book(deepest) > all.ring_slots_) {
    return std::unexpected(CommandError::too_many_subscriptions);
  }
  if (all.named_.size() == symbols_max && !all.named_.contains(symbol)) {
    return std::unexpected(CommandError::too_many_symbols);
  }
  Command command = make(Command::Kind::subscribe, channel, symbol);
  command.depth = static_cast<uint16_t>(depth);
  if (auto sent = all.send(command); !sent) return sent;
  all.depth_max_ = deepest;
  all.slots_wanted_ += more;
  all.named_.emplace(symbol);
  wanted_.emplace(channel, symbol);
  return {};
}

std::expected<void, CommandError> SessionCommands::unsubscribe(Channel channel,
                                                               std::string_view symbol) {
  if (!is_valid_symbol(symbol)) return std::unexpected(CommandError::symbol_invalid);
  if (auto sent = engine_.send(make(Command::Kind::unsubscribe, channel, symbol)); !sent) {
    return sent;
  }
  const size_t given_back = wanted_.erase({channel, std::string(symbol)});
  engine_.slots_wanted_ -= given_back * ring_slots_of_subscription(legs_);
  return {};
}

std::vector<std::string> SessionCommands::wanted() const {
  std::vector<std::string> texts;
  for (const auto& [channel, symbol] : wanted_) {
    texts.push_back(std::string(to_string(channel)).append(" ").append(symbol));
  }
  return texts;
}

std::expected<void, CommandError> SessionCommands::reconnect() {
  return engine_.send(make(Command::Kind::reconnect));
}

std::expected<void, CommandError> SessionCommands::close() {
  return engine_.send(make(Command::Kind::close));
}

}  // namespace havklo
