// What is drawn, and how often. Rare things are rare, so that common ones meet in every way; the
// swarm says what there is at all.
#include "replay/world/scenario_draw.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <havklo/random.hpp>

#include "replay/world/delay_draw.hpp"
#include "replay/world/fault_draw.hpp"
#include "replay/world/leg_draw.hpp"
#include "replay/world/recovery_bound.hpp"
#include "replay/world/scenario_load.hpp"
#include "replay/world/swarm.hpp"
#include "replay/world/trade_draw.hpp"

namespace havklo::replay {
namespace {

using namespace havklo::literals;

using Symbols = std::vector<std::string>;

// Where the consumer sleeps, the market is busy enough to fill a ring.
void draw_market(Swarm& draw, MarketSettings& market, bool many, bool sleeps) {
  market.symbols = default_symbols();
  const uint64_t more = many ? draw.between(60, 194) : 0;
  for (uint64_t i = 0; i < more; ++i) {
    market.symbols.push_back(market_symbol(fmt::format("COIN{}/USD", i)));
  }
  for (MarketSymbol& symbol : market.symbols) {
    if (symbol.levels < 10) continue;
    symbol.levels = static_cast<uint32_t>(many ? 11 : draw.between(11, 40));
  }
  if (many) {
    market.moves_per_1000_s = draw.one_of<uint64_t>({0, 20, 50});
  } else if (sleeps) {
    market.moves_per_1000_s = draw.one_of<uint64_t>({300, 1'000, 3'000, 3'000, 6'000});
  } else {
    market.moves_per_1000_s = draw.one_of<uint64_t>({0, 300, 1'000, 1'000, 3'000});
  }
  market.trades_per_1000_moves = draw.one_of<uint32_t>({0, 25, 200});
  if (!many && draw.chance(Feature::busy_market, 3)) market.moves_per_1000_s = 12'000;
}

void draw_address(Swarm& draw, Duration lasting, VenueAddress& address) {
  address.endpoint.family = draw.chance(50) ? 4 : 6;
  if (draw.chance(40)) return;
  address.fault = draw.one_of({AddressFault::refuse, AddressFault::silent_tcp,
                               AddressFault::silent_tls, AddressFault::silent_open});
  if (draw.chance(50)) address.lasting = draw.between(0_ns, lasting);
}

void draw_network(Swarm& draw, Duration lasting, NetworkSettings& network) {
  network.latency = draw.one_of({100_us, 2_ms, 10_ms, 80_ms});
  if (draw.chance(Feature::network_jitter, 50)) network.jitter = draw.one_of({1_ms, 30_ms});
  if (draw.chance(Feature::reads_cut, 40)) {
    const uint64_t cut = draw.between(0, 99);
    network.read_bytes_max = cut < 62 ? 400 : cut < 90 ? 60 : cut < 98 ? 7 : 1;
  }
  if (draw.chance(Feature::writes_cut, 20)) {
    network.write_bytes_max = static_cast<uint32_t>(draw.between(16, 200));
  }
  network.send_time = draw.one_of({0_ns, 0_ns, 50_us});
  network.reorder = draw.chance(Feature::reordering, 50);
  network.resume_tls = draw.chance(80);
  if (!draw.chance(Feature::addresses, 15)) return;
  const uint64_t more = draw.between(0, 5);
  draw_address(draw, lasting, network.addresses.front());
  for (uint64_t i = 1; i <= more; ++i) {
    VenueAddress address;
    address.endpoint.address[3] = static_cast<uint8_t>(100 + i);
    draw_address(draw, lasting, address);
    network.addresses.push_back(address);
  }
}

void draw_venue(Swarm& draw, VenueSettings& venue) {
  // Together well below the shortest restore_timeout. A snapshot after a second arrives with a
  // heartbeat.
  venue.ack_delay = draw.one_of({1_ms, 15_ms, 60_ms});
  if (draw.chance(Feature::late_answers, 5)) {
    venue.ack_delay = draw.between(300_ms, 1_s);
    venue.snapshot_delay = draw.one_of({0_ns, 38_ms, 100_ms});
  } else {
    venue.snapshot_delay = draw.one_of({0_ns, 38_ms, 100_ms, 1_s, 1_s});
  }
  venue.close_linger = draw.one_of({100_ms, 2_s});
  if (draw.chance(Feature::bans, 10)) {  // a venue that bans early
    venue.connects_max = static_cast<uint32_t>(draw.between(3, 10));
    venue.connects_window = 60_s;
    venue.connect_ban = draw.between(5_s, 60_s);
  }
}

void draw_reconnect(Swarm& draw, ReconnectSettings& reconnect) {
  reconnect.initial_delay = draw.one_of({0_ns, 10_ms, 100_ms, 100_ms, 700_ms, 2_s});
  reconnect.multiplier = draw.one_of({1.0, 1.5, 2.0, 2.0, 3.0});
  reconnect.max_delay = reconnect.initial_delay + draw.one_of({1_ms, 500_ms, 2_s, 10_s, 30_s});
  if (draw.chance(Feature::backoff_jitter, 67)) {
    reconnect.jitter = draw.one_of({Jitter::full, Jitter::decorrelated});
  }
  if (draw.chance(Feature::max_attempts, 20)) {
    reconnect.max_attempts = static_cast<uint32_t>(draw.between(1, 12));
  }
  reconnect.stable_after = draw.one_of({0_ns, 500_ms, 2_s, 5_s});
  reconnect.maintenance_delay = draw.one_of({0_ns, 1_s, 5_s, 8_s});
  reconnect.rate_limited_delay = draw.one_of({1_s, 10_s, 60_s});
  reconnect.enabled = !draw.chance(Feature::without_reconnect, 3);
}

void draw_budget(Swarm& draw, ReconnectSettings& reconnect) {
  if (!draw.chance(Feature::budget, 40)) return;
  reconnect.connect_budget = static_cast<uint32_t>(draw.between(1, 12));
  reconnect.connect_budget_window = draw.one_of({1_s, 5_s, 20_s});
}

uint32_t draw_depth(Swarm& draw) {
  if (!draw.chance(Feature::deep_books, 20)) return 10;
  return draw.one_of<uint32_t>({25, 25, 25, 100, 1000});
}

void draw_wishes(Swarm& draw, const MarketSettings& market, bool many, Settings& session) {
  const Symbols usual = {"BTC/USD", "ETH/USD", "SOL/USD", "MINA/GBP", "EMPTY/USD"};
  SubscriptionSettings books{.channel = Channel::book, .symbols = {}, .depth = draw_depth(draw)};
  if (many) {
    books.depth = 10;
    const uint64_t most = market.symbols.size();
    const uint64_t count = draw.chance(50) ? most : draw.between(20, most);
    for (uint64_t i = 0; i < count; ++i) books.symbols.push_back(market.symbols[i].name);
  } else {
    const uint64_t first = draw.between(0, 4);
    const uint64_t count = draw.one_of<uint64_t>({1, 1, 1, 2, 3});
    for (uint64_t i = 0; i < count; ++i) books.symbols.push_back(usual[(first + i) % 5]);
  }
  session.subscriptions.push_back(books);
  if (draw.chance(Feature::other_channels, 20)) {
    session.subscriptions.push_back(
        {.channel = draw.one_of({Channel::trade, Channel::ticker}), .symbols = {"BTC/USD"}});
  }
  if (draw.chance(Feature::unknown_symbols, 5)) {  // one that the venue does not have
    session.subscriptions.push_back({.channel = Channel::trade, .symbols = {"NONE/USD"}});
  }
}

void draw_ring(Swarm& draw, const Scenario& scenario, uint32_t number, Settings& session) {
  session.ring_slots = ring_slots_for(scenario, number, session);
  if (draw.chance(Feature::roomy_ring, 25)) session.ring_slots *= 4;
}

Settings draw_session(Swarm& draw, const Scenario& scenario, bool many) {
  Settings session;
  session.url = "wss://venue.test/v2";
  draw_reconnect(draw, session.reconnect);
  CircuitBreakerSettings& breaker = session.circuit_breaker;
  breaker.enabled = draw.chance(Feature::breaker, 85);
  breaker.failure_threshold = static_cast<uint32_t>(draw.between(1, 7));
  breaker.reset_timeout = draw.one_of({500_ms, 3_s, 10_s, 30_s});
  TimeoutSettings& timeouts = session.timeouts;
  timeouts.connect_timeout = draw.one_of({2_s, 5_s, 10_s});
  timeouts.greeting_timeout = draw.one_of({1_s, 5_s});
  timeouts.restore_timeout = draw.one_of({2_s, 5_s, 10_s});
  timeouts.heartbeat_timeout = draw.one_of({2_s, 3_s, 5_s});
  timeouts.close_timeout = draw.one_of({50_ms, 1_s});
  session.requests.per_second = draw.one_of<uint32_t>({3, 10, 20});
  session.requests.burst = draw.one_of<uint32_t>({1, 5, 10});
  draw_wishes(draw, scenario.market, many, session);
  return session;
}

// The snapshots of more may not fit into the ring at once, and what is lost is asked for again.
constexpr int64_t at_once_max = 20;

// A probe must be able to succeed, at the slowest pace too. Nothing slows the pace down where
// nobody says "Exceeded msg rate": there it may be told to be quick.
void draw_probe(Swarm& draw, const Scenario& scenario, Settings& session) {
  Duration& probe = session.circuit_breaker.half_open_timeout;
  if (draw.has(Feature::rate_refusals) || !draw.chance(Feature::short_probes, 50) ||
      wishes_of(session) > at_once_max) {
    probe = draw.one_of({0_ns, 20_s}) + healthy_attempt(session, scenario.network, scenario.venue);
    return;
  }
  Settings without = session;
  without.subscriptions.clear();
  const int64_t requests = static_cast<int64_t>(scenario.commands.size()) + wishes_of(session);
  const Duration interval = Duration::nanoseconds(1'000'000'000 / session.requests.per_second);
  probe = healthy_attempt(without, scenario.network, scenario.venue) - 6_s +
          scenario.venue.ack_delay * 2 + interval * (2 * requests) + scenario.run.lateness * 10;
}

// Any time; or while nobody reads the ring, so that it meets a full one; or soon after something
// broke.
Duration draw_moment(Swarm& draw, const Scenario& scenario) {
  const auto& pauses = scenario.pauses;
  if (!pauses.empty() && draw.chance(50)) {
    const ConsumerPause& pause = pauses[draw.between(0, pauses.size() - 1)];
    return draw.between(pause.at, pause.at + pause.lasting);
  }
  const auto& faults = scenario.faults.faults;
  if (!faults.empty() && draw.chance(40)) {
    const Fault& fault = faults[draw.between(0, faults.size() - 1)];
    if (fault.at) return *fault.at + draw.between(0_ns, 5_s);
  }
  return draw.between(0_ns, scenario.run.lasting);
}

PlannedCommand draw_command(Swarm& draw, const Scenario& scenario) {
  PlannedCommand command;
  command.at = draw_moment(draw, scenario);
  command.kind = draw.one_of({Command::Kind::subscribe, Command::Kind::unsubscribe,
                              Command::Kind::unsubscribe, Command::Kind::reconnect});
  command.session = static_cast<uint32_t>(draw.between(0, scenario.sessions.size() - 1));
  command.channel = draw.one_of({Channel::book, Channel::book, Channel::trade, Channel::ticker});
  if (!draw.has(Feature::other_channels)) command.channel = Channel::book;
  if (command.channel != Channel::book) {
    command.symbol = draw.one_of({"BTC/USD", "ETH/USD"});
  } else if (draw.chance(50)) {  // one that is wanted already
    const Symbols& own = scenario.sessions[command.session].subscriptions.front().symbols;
    command.symbol = own[draw.between(0, own.size() - 1)];
  } else {
    command.symbol = draw.one_of({"BTC/USD", "ETH/USD", "SOL/USD", "EMPTY/USD", "NONE/USD"});
  }
  if (command.symbol == "NONE/USD" && !draw.has(Feature::unknown_symbols)) {
    command.symbol = "MINA/GBP";
  }
  command.depth = draw.has(Feature::deep_books) ? draw.one_of<uint32_t>({10, 10, 25}) : 10;
  return command;
}

void draw_commands(Swarm& draw, Scenario& scenario) {
  const uint64_t count = draw.chance(Feature::commands, 40) ? draw.between(1, 8) : 0;
  for (uint64_t i = 0; i < count; ++i) {
    PlannedCommand command = draw_command(draw, scenario);
    scenario.commands.push_back(command);
    if (!draw.chance(25)) continue;  // else its opposite, at once or soon
    command.at = command.at + draw.one_of({0_ns, 1_ms, 40_ms, 900_ms});
    if (command.kind == Command::Kind::subscribe) {
      command.kind = Command::Kind::unsubscribe;
    } else if (command.kind == Command::Kind::unsubscribe) {
      command.kind = Command::Kind::subscribe;
    }
    scenario.commands.push_back(command);
  }
  // Another depth of what may be in doubt by then.
  if (draw.has(Feature::deep_books) && draw.chance(Feature::commands, 10)) {
    PlannedCommand command = draw_command(draw, scenario);
    const SubscriptionSettings& own = scenario.sessions[command.session].subscriptions.front();
    command.kind = Command::Kind::subscribe;
    command.channel = Channel::book;
    command.symbol = own.symbols[draw.between(0, own.symbols.size() - 1)];
    for (uint32_t i = 0; i < 3; ++i) {
      command.depth = i % 2 == 0 ? own.depth == 10 ? 25 : 10 : own.depth;
      scenario.commands.push_back(command);
      command.at = command.at + draw.between(0_ns, 8_s);
    }
  }
  if (draw.chance(Feature::closes, 6)) {
    PlannedCommand command = draw_command(draw, scenario);
    command.kind = Command::Kind::close;
    scenario.commands.push_back(command);
  }
  std::erase_if(scenario.commands, [&scenario](const PlannedCommand& each) {
    return each.at >= scenario.run.lasting;
  });
}

// A venue that flaps, or lies of a book, while nobody reads: the ring fills with events of which
// none may be lost, and market events are lost beside them.
void draw_trouble_in_a_pause(Swarm& draw, Scenario& scenario) {
  if (draw.chance(Feature::cuts, 60)) {
    scenario.faults.add({.kind = draw.one_of({FaultKind::reset, FaultKind::end_of_stream}),
                         .after = draw.between(1100_ms, 4_s),
                         .since = Since::subscribed});
  }
  if (draw.chance(Feature::wrong_books, 60)) {
    scenario.faults.add({.kind = FaultKind::bad_checksum,
                         .at = scenario.pauses.front().at,
                         .lasting = draw.between(5_s, 60_s)});
  }
}

// Most of them as long as can be.
void draw_pauses(Swarm& draw, Scenario& scenario) {
  const uint64_t pauses = draw.between(1, 3);
  for (uint64_t i = 0; i < pauses; ++i) {
    const Duration at = draw.between(0_ns, Duration{scenario.run.lasting.ns / 2});
    const Duration longest = std::min(scenario.run.lasting - at, 60_s);
    scenario.pauses.push_back({at, draw.chance(65) ? longest : draw.between(0_ns, longest)});
  }
  draw_trouble_in_a_pause(draw, scenario);
}

// A strategy that no longer reads, and a venue that flaps: life after life fills the smallest ring,
// until a snapshot does not fit any more, and the heartbeat that comes with it does.
void drown(Swarm& draw, Scenario& scenario) {
  scenario.sessions.resize(1);
  Settings& session = scenario.sessions.front();
  session.subscriptions = {
      {.channel = Channel::book, .symbols = {draw.one_of({"BTC/USD", "ETH/USD", "SOL/USD"})}}};
  session.reconnect = {.initial_delay = draw.one_of({10_ms, 100_ms}),
                       .stable_after = draw.one_of({0_ns, 200_ms})};
  scenario.commands.clear();
  scenario.market.moves_per_1000_s = draw.one_of<uint64_t>({300, 1'000});
  scenario.network.jitter = {};
  scenario.venue = {.seed = scenario.venue.seed, .snapshot_delay = 1_s};
  scenario.faults = {};
  scenario.faults.add({.kind = draw.one_of({FaultKind::reset, FaultKind::end_of_stream}),
                       .after = draw.between(1100_ms, 3_s),
                       .since = Since::subscribed});
  const Duration at = draw.between(0_ns, 3_s);
  scenario.pauses = {{at, scenario.run.lasting - at}};
}

}  // namespace

uint32_t ring_slots_for(const Scenario& scenario, uint32_t number, const Settings& session) {
  Settings most = session;
  for (const PlannedCommand& each : scenario.commands) {
    if (each.session != number || each.kind != Command::Kind::subscribe) continue;
    SubscriptionSettings added{.channel = each.channel, .symbols = {each.symbol}};
    added.depth = each.depth;
    most.subscriptions.push_back(added);
  }
  return std::max(ring_slots_min(most), ring_slots_min(session));
}

Scenario draw_scenario_without_trades(uint64_t seed) {
  Swarm draw(seed);
  Scenario scenario;
  scenario.run.seed = draw.seed();
  scenario.venue.seed = draw.seed();
  scenario.network.seed = draw.seed();
  const bool many = draw.chance(Feature::many_symbols, 1);
  scenario.run.lasting = many ? draw.between(10_s, 30_s) : draw.between(10_s, 90_s);
  if (draw.chance(Feature::lateness, 50)) {
    scenario.run.lateness = draw.one_of({200_us, 20_ms, 300_ms});
  }
  if (draw.chance(Feature::recorder, 4)) {
    scenario.run.disk_blocks =
        static_cast<uint32_t>(draw.between(0, draw.one_of<uint64_t>({3, 20, 200})));
  }
  const bool sleeps = draw.chance(Feature::pauses, 40);
  draw_market(draw, scenario.market, many, sleeps);
  draw_network(draw, scenario.run.lasting, scenario.network);
  draw_venue(draw, scenario.venue);
  const uint64_t sessions =
      !draw.has(Feature::many_sessions) || many ? 1 : draw.one_of<uint64_t>({1, 1, 1, 2, 2, 3, 4});
  for (uint64_t i = 0; i < sessions; ++i) {
    scenario.sessions.push_back(draw_session(draw, scenario, many));
  }
  draw_budget(draw, scenario.sessions[0].reconnect);
  scenario.faults = draw_faults(draw, scenario.run.lasting);
  if (sleeps) draw_pauses(draw, scenario);
  draw_commands(draw, scenario);
  if (draw.chance(Feature::drowning, 6)) drown(draw, scenario);
  for (uint32_t number = 0; Settings & session : scenario.sessions) {
    draw_probe(draw, scenario, session);
    draw_ring(draw, scenario, number++, session);
  }
  if (draw.chance(Feature::jumps, 15)) {
    scenario.jumps.push_back(
        {draw.between(0_ns, scenario.run.lasting), draw.one_of({100_ms, 3_s, 20_s, 90_s})});
  }
  // What would be too much to end comes in larger pieces.
  if (check_load(scenario)) scenario.network.read_bytes_max = 400;
  return scenario;
}

Scenario draw_scenario(uint64_t seed) {
  return with_delays(with_trades(draw_scenario_without_trades(seed), seed), seed);
}

Scenario draw_scenario_with_legs(uint64_t seed) { return with_legs(draw_scenario(seed), seed); }

}  // namespace havklo::replay
