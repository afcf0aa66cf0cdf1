// A fifth of the worlds have legs beside what they had.
#include "replay/world/leg_draw.hpp"

#include <algorithm>

#include "replay/world/scenario_draw.hpp"
#include "replay/world/scenario_load.hpp"
#include "replay/world/swarm.hpp"

namespace havklo::replay {
namespace {

using namespace havklo::literals;

constexpr uint64_t leg_stream = 0x1E'65'5EED;
constexpr uint64_t percent_with_legs = 20;

void draw_sessions(Swarm& draw, Scenario& scenario) {
  for (Settings& session : scenario.sessions) {
    if (&session != &scenario.sessions.front() && !draw.chance(70)) continue;
    session.legs.resize(draw.one_of<size_t>({2, 2, 2, 3}));
    session.reconnect.enabled = true;
    if (draw.chance(60)) session.reconnect.max_attempts.reset();
    if (draw.chance(25)) session.rotate_after = draw.between(60_s, 90_s);
  }
}

// Most legs keep up with each other. Of the rest one is too late for as long as the world is sick.
void draw_ways(Swarm& draw, Scenario& scenario) {
  NetworkSettings& network = scenario.network;
  if (draw.chance(60)) {
    for (uint32_t leg = 0; leg < 3; ++leg) {
      network.leg_latency.push_back(draw.one_of({100_us, 1_ms, 5_ms, 20_ms, 60_ms}));
    }
    if (draw.chance(12)) network.leg_latency[draw.between(0, 1)] = draw.one_of({400_ms, 1_s});
  }
  VenueSettings& venue = scenario.venue;
  if (draw.chance(60)) venue.cut = MessageCut::own;
  venue.cut_hold = draw.one_of({2_ms, 20_ms, 20_ms, 100_ms});
  // In time for whoever keeps up, and for messages that wait.
  const Duration usual = 120_ms + network.jitter * 2 + venue.cut_hold * 2 + scenario.run.lateness;
  for (Settings& session : scenario.sessions) {
    if (session.legs.size() > 1) session.leg_lag_max = usual + draw.one_of({0_ms, 100_ms, 1_s});
  }
}

// Messages near enough to each other to be put together.
void draw_pace(Swarm& draw, Scenario& scenario) {
  if (scenario.market.symbols.size() > 20) return;
  const uint64_t moves = scenario.market.moves_per_1000_s;
  scenario.market.moves_per_1000_s =
      draw.one_of({moves, moves, uint64_t{5'000}, uint64_t{20'000}, uint64_t{60'000}});
}

// Some of what was drawn befalls one leg alone.
void draw_whose(Swarm& draw, FaultPlan& plan) {
  for (Fault& fault : plan.faults) {
    if (draw.chance(50)) fault.leg = static_cast<uint32_t>(draw.between(0, 1));
  }
}

Fault draw_leg_fault(Swarm& draw, Duration lasting) {
  Fault fault{.kind = draw.one_of(
                  {FaultKind::reset, FaultKind::end_of_stream, FaultKind::close, FaultKind::stall,
                   FaultKind::stall, FaultKind::silent_data, FaultKind::bad_checksum,
                   FaultKind::bad_checksum, FaultKind::crossed_book, FaultKind::silent_acks,
                   FaultKind::late_acks, FaultKind::reject_symbol, FaultKind::blackhole,
                   FaultKind::refuse, FaultKind::lost_trades, FaultKind::short_trades,
                   FaultKind::doubled_trades, FaultKind::dead_subscription, FaultKind::status})};
  fault.leg = static_cast<uint32_t>(draw.between(0, 2));
  const bool by_life = draw.chance(is_action(fault.kind) ? 50 : 20);
  if (by_life) {
    fault.after = draw.between(0_ns, 10_s);
    fault.since = draw.one_of({Since::upgraded, Since::subscribed});
  } else {
    fault.at = draw.between(0_ns, lasting);
  }
  if (!is_action(fault.kind)) fault.lasting = draw.between(50_ms, 10_s);
  if (draw.chance(30)) fault.times = static_cast<uint32_t>(draw.between(1, 4));
  fault.code = 1001;
  fault.stage = BlackholeStage::open;
  fault.interval = draw.between(100_ms, 4_s);
  fault.trades = draw.one_of<uint32_t>({0, 1, 5});
  fault.text = fault.kind == FaultKind::reject_symbol ? "EService:Unavailable" : "";
  if (fault.kind == FaultKind::bad_checksum || fault.kind == FaultKind::reject_symbol) {
    fault.symbol = draw.one_of({"BTC/USD", "ETH/USD", "SOL/USD"});
  }
  return fault;
}

void draw_leg_faults(Swarm& draw, Scenario& scenario) {
  const Duration lasting = scenario.run.lasting;
  draw_whose(draw, scenario.faults);
  const uint64_t count = draw.between(0, 4);
  for (uint64_t i = 0; i < count; ++i) scenario.faults.add(draw_leg_fault(draw, lasting));
  if (draw.chance(15)) {
    const Duration at = draw.between(0_ns, lasting);
    const Duration lead = draw.between(0_ns, 3_s);
    const Duration away = draw.between(1_s, 20_s);
    const auto leg = static_cast<uint32_t>(draw.between(0, 1));
    scenario.faults.add_maintenance(at, lead, away, 5_s, leg);
  }
}

void draw_renewals(Swarm& draw, Scenario& scenario) {
  const uint64_t count = draw.chance(50) ? draw.between(1, 3) : 0;
  for (uint64_t i = 0; i < count; ++i) {
    PlannedCommand command{.kind = Command::Kind::reconnect};
    command.at = draw.between(0_ns, scenario.run.lasting);
    command.session = static_cast<uint32_t>(draw.between(0, scenario.sessions.size() - 1));
    scenario.commands.push_back(command);
  }
}

void make_room_for_legs(const Scenario& before, Scenario& scenario) {
  const Duration longer =
      (longest_latency(scenario.network) - before.network.latency) * 8 + scenario.venue.cut_hold;
  for (uint32_t number = 0; number < scenario.sessions.size(); ++number) {
    Settings& session = scenario.sessions[number];
    session.ring_slots = std::max(session.ring_slots, ring_slots_for(scenario, number, session));
    Duration& probe = session.circuit_breaker.half_open_timeout;
    probe = probe + std::max(longer, Duration{});
  }
}

}  // namespace

Scenario with_legs(const Scenario& drawn, uint64_t seed) {
  Swarm draw(seed ^ leg_stream);
  if (!draw.chance(percent_with_legs)) return drawn;
  Scenario scenario = drawn;
  // Dealt when somebody begins to listen, they would reach those who listen already by no message.
  scenario.market.unheard_trades_per_1000_s = 0;
  draw_sessions(draw, scenario);
  draw_ways(draw, scenario);
  draw_pace(draw, scenario);
  draw_leg_faults(draw, scenario);
  draw_renewals(draw, scenario);
  make_room_for_legs(drawn, scenario);
  const bool rotates = std::ranges::any_of(
      scenario.sessions, [](const Settings& each) { return each.rotate_after.has_value(); });
  const Duration lasting = scenario.run.lasting;
  if (rotates) scenario.run.lasting = std::max(lasting, draw.between(100_s, 200_s));
  // What would be too much to end has less of it.
  const auto lighter = {+[](Scenario& s) { s.market.moves_per_1000_s = 1'000; },
                        +[](Scenario& s) { s.market.unheard_trades_per_1000_s = 0; },
                        +[](Scenario& s) { s.network.read_bytes_max = 400; }};
  for (const auto change : lighter) {
    if (check_load(scenario)) change(scenario);
  }
  return check_load(scenario) ? drawn : scenario;
}

}  // namespace havklo::replay
