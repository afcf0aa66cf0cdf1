// Two sides, each with room for twice its depth (kraken/book_levels.hpp).
#include "replay/recording/book_demand.hpp"

#include "kraken/message.hpp"

namespace havklo::replay {
namespace {

constexpr uint64_t wish_bytes = 1024;
constexpr uint64_t level_bytes = 2 * 2 * sizeof(kraken::WireLevel);
constexpr uint64_t spare_levels = 32;

}  // namespace

void BookDemand::add(std::span<const Settings> sessions) {
  for (uint32_t session = 0; session < sessions.size(); ++session) {
    const auto legs = static_cast<uint32_t>(sessions[session].legs.size());
    copies_.push_back(legs == 1 ? 1 : legs + 1);
    for (const SubscriptionSettings& each : sessions[session].subscriptions) {
      for (const std::string& symbol : each.symbols) {
        add(session, each.channel, symbol, each.depth);
      }
    }
  }
}

void BookDemand::add(const Command& command) {
  if (command.kind != Command::Kind::subscribe) return;
  add(command.session, command.channel, command.symbol(), command.depth);
}

void BookDemand::add(uint32_t session, Channel channel, std::string_view symbol, uint32_t depth) {
  if (!wishes_.emplace(session, channel, depth, std::string(symbol)).second) return;
  const uint64_t book = channel == Channel::book ? (depth + spare_levels) * level_bytes : 0;
  bytes_ += (wish_bytes + book) * (session < copies_.size() ? copies_[session] : 1);
}

}  // namespace havklo::replay
