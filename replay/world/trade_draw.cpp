// Half of the worlds have trades beside what they had.
#include "replay/world/trade_draw.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "replay/world/scenario_draw.hpp"
#include "replay/world/scenario_load.hpp"
#include "replay/world/swarm.hpp"

namespace havklo::replay {
namespace {

using namespace havklo::literals;

constexpr uint64_t trade_stream = 0x7'4ADE'D'5EED;
// Of a request and its answer at the slowest pace, twice (recovery_bound.cpp).
constexpr Duration longer_probe = 8_s;

bool wants_trades(const Settings& session, std::string_view symbol) {
  return std::ranges::any_of(session.subscriptions, [symbol](const SubscriptionSettings& each) {
    return each.channel == Channel::trade &&
           std::ranges::find(each.symbols, symbol) != each.symbols.end();
  });
}

void draw_trade_wishes(Swarm& draw, Settings& session) {
  SubscriptionSettings wish{.channel = Channel::trade, .symbols = {}};
  for (const char* const symbol : {"BTC/USD", "ETH/USD", "SOL/USD", "MINA/GBP", "EMPTY/USD"}) {
    const bool wanted = draw.chance(std::string_view(symbol) == "EMPTY/USD" ? 5 : 45);
    if (wanted && !wants_trades(session, symbol)) wish.symbols.emplace_back(symbol);
  }
  if (!wish.symbols.empty()) session.subscriptions.push_back(std::move(wish));
}

// While nobody reads, so that a full ring is met; or any time.
Duration trade_moment(Swarm& draw, const Scenario& scenario) {
  if (!scenario.pauses.empty() && draw.chance(70)) {
    const ConsumerPause& pause = scenario.pauses[draw.between(0, scenario.pauses.size() - 1)];
    return std::min(draw.between(pause.at, pause.at + pause.lasting), scenario.run.lasting);
  }
  return draw.between(0_ns, scenario.run.lasting);
}

void draw_trade_commands(Swarm& draw, Scenario& scenario) {
  const uint64_t count = draw.chance(40) ? draw.between(1, 4) : 0;
  for (uint64_t i = 0; i < count; ++i) {
    PlannedCommand command{.kind = Command::Kind::unsubscribe, .channel = Channel::trade};
    command.at = trade_moment(draw, scenario);
    command.session = static_cast<uint32_t>(draw.between(0, scenario.sessions.size() - 1));
    command.symbol = draw.one_of({"BTC/USD", "ETH/USD", "SOL/USD"});
    scenario.commands.push_back(command);
    if (!draw.chance(60)) continue;  // wanted again: before the answer, or a wish of its own
    command.kind = Command::Kind::subscribe;
    command.at = command.at + draw.one_of({0_ns, 1_ms, 40_ms, 900_ms, 5_s});
    scenario.commands.push_back(command);
  }
}

void draw_trade_faults(Swarm& draw, Scenario& scenario) {
  const Duration lasting = scenario.run.lasting;
  const uint64_t count = draw.chance(60) ? draw.between(1, 3) : 0;
  for (uint64_t i = 0; i < count; ++i) {
    Fault fault{.kind = draw.one_of({FaultKind::lost_trades, FaultKind::doubled_trades,
                                     FaultKind::short_trades, FaultKind::unreadable_trades})};
    if (draw.chance(70)) fault.at = draw.between(0_ns, lasting);
    if (draw.chance(70)) fault.lasting = draw.between(50_ms, lasting);
    if (draw.chance(40)) fault.times = static_cast<uint32_t>(draw.between(1, 5));
    if (draw.chance(50)) fault.symbol = draw.one_of({"BTC/USD", "ETH/USD", "SOL/USD"});
    fault.trades = draw.one_of<uint32_t>({0, 1, 5, 30});
    scenario.faults.add(std::move(fault));
  }
  if (!draw.chance(40)) return;  // an outage, so that a snapshot has something to make up for
  scenario.faults.add({.kind = draw.one_of({FaultKind::reset, FaultKind::end_of_stream}),
                       .at = trade_moment(draw, scenario)});
}

void draw_trade_market(Swarm& draw, MarketSettings& market) {
  market.unheard_trades_per_1000_s = draw.one_of<uint64_t>({0, 300, 3'000, 40'000});
  const auto trades = draw.one_of<uint32_t>({0, 100, 400, 1000});
  market.trades_per_1000_moves = std::max(market.trades_per_1000_moves, trades);
}

// The ring must carry what was added, as the probe's deadline its requests.
void make_room(const Scenario& before, Scenario& scenario) {
  const size_t commands = scenario.commands.size() - before.commands.size();
  for (uint32_t number = 0; number < scenario.sessions.size(); ++number) {
    Settings& session = scenario.sessions[number];
    session.ring_slots = std::max(session.ring_slots, ring_slots_for(scenario, number, session));
    int64_t requests = static_cast<int64_t>(commands);
    if (session.subscriptions.size() != before.sessions[number].subscriptions.size()) {
      requests += static_cast<int64_t>(session.subscriptions.back().symbols.size());
    }
    Duration& probe = session.circuit_breaker.half_open_timeout;
    probe = probe + longer_probe * requests;
  }
}

}  // namespace

Scenario with_trades(const Scenario& drawn, uint64_t seed) {
  Swarm draw(seed ^ trade_stream);
  if (!draw.chance(50)) return drawn;
  Scenario scenario = drawn;
  draw_trade_market(draw, scenario.market);
  for (Settings& session : scenario.sessions) {
    if (draw.chance(75)) draw_trade_wishes(draw, session);
    session.feed.trade_gaps = !draw.chance(12);
  }
  draw_trade_commands(draw, scenario);
  draw_trade_faults(draw, scenario);
  make_room(drawn, scenario);
  // What would be too much to end has fewer of them.
  if (check_load(scenario)) scenario.market.unheard_trades_per_1000_s = 0;
  if (check_load(scenario)) scenario.network.read_bytes_max = 400;
  return check_load(scenario) ? drawn : scenario;
}

}  // namespace havklo::replay
