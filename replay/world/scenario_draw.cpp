// What is drawn, and how often. Rare things are rare, so that common ones meet in every way; the
// swarm says what there is at all.
#include "replay/world/scenario_draw.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <havklo/random.hpp>

#include "replay/world/fault_draw.hpp"
#include "replay/world/recovery_bound.hpp"
#include "replay/world/swarm.hpp"

namespace havklo::replay {
namespace {

using namespace havklo::literals;

using Symbols = std::vector<std::string>;

void draw_market(Swarm& draw, MarketSettings& market, bool many) {
  market.symbols = default_symbols();
  const uint64_t more = many ? draw.between(30, 194) : 0;
  for (uint64_t i = 0; i < more; ++i) {
    market.symbols.push_back(market_symbol(fmt::format("COIN{}/USD", i)));
  }
  for (MarketSymbol& symbol : market.symbols) {
    if (symbol.levels < 10) continue;
    symbol.levels = static_cast<uint32_t>(many ? 11 : draw.between(11, 40));
  }
  market.moves_per_1000_s = many ? draw.one_of<uint64_t>({0, 20, 50})
                                 : draw.one_of<uint64_t>({0, 300, 1'000, 1'000, 3'000});
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
  venue.ack_delay = draw.one_of({1_ms, 15_ms, 60_ms});
  if (draw.chance(Feature::late_answers, 5)) venue.ack_delay = draw.between(300_ms, 1500_ms);
  venue.snapshot_delay = draw.one_of({0_ns, 38_ms, 100_ms});
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
    const uint64_t count = draw.between(20, market.symbols.size());
    for (uint64_t i = 0; i < count; ++i) books.symbols.push_back(market.symbols[i].name);
  } else {
    const uint64_t first = draw.between(0, 4);
    const uint64_t count = draw.one_of<uint64_t>({1, 1, 2, 3});
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

// The ring must carry what commands can add: every symbol that they name, at their deepest book.
void draw_ring(Swarm& draw, const Scenario& scenario, uint32_t number, Settings& session) {
  Settings most = session;
  for (const PlannedCommand& each : scenario.commands) {
    if (each.session != number || each.kind != Command::Kind::subscribe) continue;
    SubscriptionSettings added{.channel = each.channel, .symbols = {each.symbol}};
    added.depth = each.depth;
    most.subscriptions.push_back(added);
  }
  session.ring_slots = std::max(ring_slots_min(most), ring_slots_min(session));
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

// A probe must be able to succeed, at the slowest pace too. Nothing slows the pace down where
// nobody says "Exceeded msg rate": there it may be told to be quick.
void draw_probe(Swarm& draw, const Scenario& scenario, Settings& session) {
  Duration& probe = session.circuit_breaker.half_open_timeout;
  const bool never_slowed = !draw.has(Feature::rate_refusals) && !draw.has(Feature::rubbish);
  if (!never_slowed || !draw.chance(Feature::short_probes, 50)) {
    probe = draw.one_of({0_ns, 20_s}) + healthy_attempt(session, scenario.network, scenario.venue);
    return;
  }
  Settings without = session;
  without.subscriptions.clear();
  int64_t requests = static_cast<int64_t>(scenario.commands.size());
  for (const SubscriptionSettings& each : session.subscriptions) {
    requests += static_cast<int64_t>(each.symbols.size());
  }
  const Duration interval = Duration::nanoseconds(1'000'000'000 / session.requests.per_second);
  probe = healthy_attempt(without, scenario.network, scenario.venue) - 5_s +
          scenario.venue.ack_delay * 2 + interval * (2 * requests);
}

PlannedCommand draw_command(Swarm& draw, const Scenario& scenario) {
  PlannedCommand command;
  command.at = draw.between(0_ns, scenario.run.lasting);
  // What is asked while nobody reads the ring meets a full one.
  if (!scenario.pauses.empty() && draw.chance(50)) {
    const ConsumerPause& pause = scenario.pauses[draw.between(0, scenario.pauses.size() - 1)];
    command.at = draw.between(pause.at, pause.at + pause.lasting);
  }
  command.kind = draw.one_of({Command::Kind::subscribe, Command::Kind::unsubscribe,
                              Command::Kind::unsubscribe, Command::Kind::reconnect});
  command.session = static_cast<uint32_t>(draw.between(0, scenario.sessions.size() - 1));
  command.channel = draw.one_of({Channel::book, Channel::book, Channel::trade, Channel::ticker});
  if (!draw.has(Feature::other_channels)) command.channel = Channel::book;
  command.symbol = command.channel == Channel::book
                       ? draw.one_of({"BTC/USD", "ETH/USD", "SOL/USD", "EMPTY/USD", "NONE/USD"})
                       : draw.one_of({"BTC/USD", "ETH/USD"});
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
  if (draw.chance(Feature::closes, 4)) {
    PlannedCommand command = draw_command(draw, scenario);
    command.kind = Command::Kind::close;
    scenario.commands.push_back(command);
  }
  std::erase_if(scenario.commands, [&scenario](const PlannedCommand& each) {
    return each.at >= scenario.run.lasting;
  });
}

void draw_pauses(Swarm& draw, Scenario& scenario) {
  const uint64_t pauses = draw.chance(Feature::pauses, 40) ? draw.between(1, 3) : 0;
  for (uint64_t i = 0; i < pauses; ++i) {
    const Duration at = draw.between(0_ns, scenario.run.lasting);
    const Duration longest = scenario.run.lasting - at;
    scenario.pauses.push_back({at, draw.between(0_ns, std::min(longest, 60_s))});
  }
}

}  // namespace

Scenario draw_scenario(uint64_t seed) {
  Swarm draw(seed);
  Scenario scenario;
  scenario.run.seed = draw.seed();
  scenario.venue.seed = draw.seed();
  scenario.network.seed = draw.seed();
  const bool many = draw.chance(Feature::many_symbols, 1);
  scenario.run.lasting = many ? draw.between(10_s, 40_s) : draw.between(10_s, 90_s);
  if (draw.chance(Feature::lateness, 50)) {
    scenario.run.lateness = draw.one_of({200_us, 20_ms, 300_ms});
  }
  if (draw.chance(Feature::recorder, 4)) {
    scenario.run.disk_blocks = static_cast<uint32_t>(draw.between(0, 200));
  }
  draw_market(draw, scenario.market, many);
  draw_network(draw, scenario.run.lasting, scenario.network);
  draw_venue(draw, scenario.venue);
  const uint64_t sessions =
      !draw.has(Feature::many_sessions) || many ? 1 : draw.one_of<uint64_t>({1, 1, 1, 2, 2, 3, 4});
  for (uint64_t i = 0; i < sessions; ++i) {
    scenario.sessions.push_back(draw_session(draw, scenario, many));
  }
  draw_budget(draw, scenario.sessions[0].reconnect);
  scenario.faults = draw_faults(draw, scenario.run.lasting);
  draw_pauses(draw, scenario);
  draw_commands(draw, scenario);
  for (uint32_t number = 0; Settings & session : scenario.sessions) {
    draw_probe(draw, scenario, session);
    draw_ring(draw, scenario, number++, session);
  }
  if (draw.chance(Feature::jumps, 15)) {
    scenario.jumps.push_back(
        {draw.between(0_ns, scenario.run.lasting), draw.one_of({100_ms, 3_s, 20_s, 90_s})});
  }
  return scenario;
}

}  // namespace havklo::replay
