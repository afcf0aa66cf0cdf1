// What is drawn, and how often. Rare things are rare, so that common ones meet in every way.
#include "replay/world/scenario_draw.hpp"

#include <algorithm>
#include <array>
#include <havklo/random.hpp>
#include <initializer_list>

#include "replay/world/recovery_bound.hpp"

namespace havklo::replay {
namespace {

using namespace havklo::literals;

class Draw {
 public:
  explicit Draw(uint64_t seed) : random_(seed) {}

  [[nodiscard]] bool chance(uint64_t percent) { return random_.below(100) < percent; }
  // From `lowest` to `highest`, both possible.
  [[nodiscard]] uint64_t between(uint64_t lowest, uint64_t highest) {
    return lowest + random_.below(highest - lowest + 1);
  }
  [[nodiscard]] Duration between(Duration lowest, Duration highest) {
    return lowest + Duration{static_cast<int64_t>(
                        random_.below(static_cast<uint64_t>((highest - lowest).ns) + 1))};
  }
  template <class T>
  [[nodiscard]] T one_of(std::initializer_list<T> choices) {
    return *(choices.begin() + random_.below(choices.size()));
  }
  [[nodiscard]] uint64_t seed() { return random_.next_u64(); }

 private:
  Random random_;
};

void draw_market(Draw& draw, MarketSettings& market) {
  market.symbols = default_symbols();
  for (MarketSymbol& symbol : market.symbols) {
    if (symbol.levels >= 10) symbol.levels = static_cast<uint32_t>(draw.between(11, 40));
  }
  market.moves_per_1000_s = draw.one_of<uint64_t>({0, 300, 1'000, 1'000, 3'000});
  market.trades_per_1000_moves = draw.one_of<uint32_t>({0, 25, 200});
}

void draw_network(Draw& draw, NetworkSettings& network) {
  network.latency = draw.one_of({100_us, 2_ms, 10_ms, 80_ms});
  network.jitter = draw.one_of({0_ns, 0_ns, 1_ms, 30_ms});
  const uint64_t cut = draw.between(0, 99);
  network.read_bytes_max = cut < 60 ? 0 : cut < 85 ? 400 : cut < 96 ? 60 : cut < 99 ? 7 : 1;
  network.write_bytes_max = draw.chance(80) ? 0 : static_cast<uint32_t>(draw.between(16, 200));
  network.send_time = draw.one_of({0_ns, 0_ns, 50_us});
  network.reorder = draw.chance(50);
  network.resume_tls = draw.chance(80);
}

void draw_venue(Draw& draw, VenueSettings& venue) {
  venue.ack_delay = draw.one_of({1_ms, 15_ms, 60_ms});
  venue.snapshot_delay = draw.one_of({0_ns, 38_ms, 100_ms});
  venue.close_linger = draw.one_of({100_ms, 2_s});
  if (draw.chance(10)) {  // a venue that bans early
    venue.connects_max = static_cast<uint32_t>(draw.between(3, 10));
    venue.connects_window = 60_s;
    venue.connect_ban = draw.between(5_s, 60_s);
  }
}

void draw_reconnect(Draw& draw, ReconnectSettings& reconnect) {
  reconnect.initial_delay = draw.one_of({0_ns, 10_ms, 100_ms, 100_ms, 700_ms, 2_s});
  reconnect.multiplier = draw.one_of({1.0, 1.5, 2.0, 2.0, 3.0});
  reconnect.max_delay = reconnect.initial_delay + draw.one_of({1_ms, 500_ms, 2_s, 10_s, 30_s});
  reconnect.jitter = draw.one_of({Jitter::none, Jitter::full, Jitter::decorrelated});
  if (draw.chance(20)) reconnect.max_attempts = static_cast<uint32_t>(draw.between(1, 12));
  reconnect.stable_after = draw.one_of({0_ns, 500_ms, 2_s, 5_s});
  reconnect.maintenance_delay = draw.one_of({0_ns, 1_s, 5_s, 8_s});
  reconnect.rate_limited_delay = draw.one_of({1_s, 10_s, 60_s});
  reconnect.enabled = !draw.chance(3);
}

void draw_budget(Draw& draw, ReconnectSettings& reconnect) {
  if (draw.chance(60)) return;
  reconnect.connect_budget = static_cast<uint32_t>(draw.between(1, 12));
  reconnect.connect_budget_window = draw.one_of({1_s, 5_s, 20_s});
}

void draw_wishes(Draw& draw, Settings& session) {
  constexpr std::array<const char*, 5> symbols = {"BTC/USD", "ETH/USD", "SOL/USD", "MINA/GBP",
                                                  "EMPTY/USD"};
  SubscriptionSettings books{.channel = Channel::book, .symbols = {}, .depth = 10};
  const uint64_t first = draw.between(0, 4);
  const uint64_t count = draw.one_of<uint64_t>({1, 1, 2, 3});
  for (uint64_t i = 0; i < count; ++i) books.symbols.emplace_back(symbols[(first + i) % 5]);
  if (draw.chance(15)) books.depth = 25;
  session.subscriptions.push_back(books);
  if (draw.chance(20)) {
    session.subscriptions.push_back(
        {.channel = draw.one_of({Channel::trade, Channel::ticker}), .symbols = {"BTC/USD"}});
  }
  if (draw.chance(5)) {  // one that the venue does not have
    session.subscriptions.push_back({.channel = Channel::trade, .symbols = {"NONE/USD"}});
  }
}

// The ring must carry what commands can add: every symbol, at the deepest book they ask for.
void draw_ring(Draw& draw, Settings& session) {
  Settings most = session;
  most.subscriptions = {
      {.channel = Channel::book,
       .symbols = {"BTC/USD", "ETH/USD", "SOL/USD", "MINA/GBP", "EMPTY/USD", "NONE/USD"},
       .depth = 25},
      {.channel = Channel::trade, .symbols = {"BTC/USD", "ETH/USD", "NONE/USD"}},
      {.channel = Channel::ticker, .symbols = {"BTC/USD", "ETH/USD"}}};
  session.ring_slots = std::max(ring_slots_min(most), ring_slots_min(session));
  if (draw.chance(25)) session.ring_slots *= 4;
}

Settings draw_session(Draw& draw, const Scenario& scenario) {
  Settings session;
  session.url = "wss://venue.test/v2";
  draw_reconnect(draw, session.reconnect);
  CircuitBreakerSettings& breaker = session.circuit_breaker;
  breaker.enabled = draw.chance(85);
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
  draw_wishes(draw, session);
  // A probe must be able to succeed, at the slowest pace too.
  breaker.half_open_timeout =
      draw.one_of({0_ns, 20_s}) + healthy_attempt(session, scenario.network, scenario.venue);
  draw_ring(draw, session);
  return session;
}

void draw_conditions(Draw& draw, Fault& fault) {
  switch (fault.kind) {
    case FaultKind::http:
      fault.code = draw.one_of<uint16_t>({301, 400, 403, 404, 408, 429, 500, 502, 503, 520});
      if (draw.chance(30)) fault.retry_after = draw.one_of({0_s, 1_s, 7_s, 30_s});
      fault.retry_after_date = draw.chance(30);
      break;
    case FaultKind::blackhole:
      fault.stage = draw.one_of({BlackholeStage::tcp, BlackholeStage::tls, BlackholeStage::upgrade,
                                 BlackholeStage::open, BlackholeStage::open});
      break;
    case FaultKind::tls:
      fault.tls = draw.one_of(
          {TlsFault::garbage, TlsFault::abort, TlsFault::expired, TlsFault::wrong_name});
      break;
    case FaultKind::chunk:
      fault.bytes = static_cast<uint32_t>(draw.between(20, 300));
      break;
    case FaultKind::drip:
      fault.bytes = static_cast<uint32_t>(draw.between(100, 2000));
      fault.interval = draw.between(5_ms, 100_ms);
      break;
    case FaultKind::reject_symbol:
    case FaultKind::dead_subscription:
    case FaultKind::bad_checksum:
    case FaultKind::crossed_book:
      if (draw.chance(60)) fault.symbol = draw.one_of({"BTC/USD", "ETH/USD", "MINA/GBP"});
      if (draw.chance(40)) fault.times = static_cast<uint32_t>(draw.between(1, 4));
      break;
    default:
      break;
  }
}

void draw_action(Draw& draw, Fault& fault) {
  switch (fault.kind) {
    case FaultKind::close:
      fault.code = draw.one_of<uint16_t>({1000, 1001, 1008, 1011, 1012, 1013, 4000});
      break;
    case FaultKind::violation:
      fault.violation =
          static_cast<Violation>(draw.between(0, static_cast<uint64_t>(Violation::long_length)));
      break;
    case FaultKind::message:
      if (draw.chance(60)) {
        fault.text =
            draw.one_of({"[]", "{}", "x", R"({"channel":"book"})", R"({"channel":"new"})",
                         R"({"Error":"Exceeded msg rate"})", R"({"method":"pong","req_id":7})"});
      }
      break;
    case FaultKind::ping:
      fault.text = "are you there";
      break;
    case FaultKind::status:
      fault.system = draw.one_of({SystemStatus::maintenance, SystemStatus::maintenance,
                                  SystemStatus::post_only, SystemStatus::online});
      break;
    default:
      break;
  }
  if (fault.kind != FaultKind::status && draw.chance(30)) {
    fault.every = draw.between(500_ms, 15_s);
    if (draw.chance(50)) fault.times = static_cast<uint32_t>(draw.between(1, 20));
  }
}

// The first half of an outage: what ends the connections that are there.
Fault draw_cut(Draw& draw, Duration at) {
  Fault cut{.kind = draw.one_of({FaultKind::reset, FaultKind::end_of_stream, FaultKind::close}),
            .at = at};
  cut.code = draw.one_of<uint16_t>({1000, 1001, 1012});
  return cut;
}

void draw_fault(Draw& draw, Duration lasting, FaultPlan& plan) {
  Fault fault;
  fault.kind = static_cast<FaultKind>(draw.between(0, static_cast<uint64_t>(fault_kind_last)));
  const Duration at = draw.between(0_ns, lasting);
  if (draw.chance(75) || is_action(fault.kind)) {
    fault.at = at;
  } else {
    fault.after = draw.between(0_ns, 10_s);
    fault.since = draw.one_of({Since::accepted, Since::upgraded, Since::subscribed});
  }
  if (is_action(fault.kind) && draw.chance(50)) {
    fault.at.reset();
    fault.after = draw.between(0_ns, 10_s);
    fault.since = draw.one_of({Since::accepted, Since::upgraded, Since::subscribed});
  }
  if (draw.chance(85)) fault.lasting = draw.between(50_ms, lasting);
  if (draw.chance(25)) fault.times = static_cast<uint32_t>(draw.between(1, 5));
  if (draw.chance(20)) {
    fault.connection_first = static_cast<uint32_t>(draw.between(1, 6));
    fault.connection_last = fault.connection_first + static_cast<uint32_t>(draw.between(0, 5));
  }
  if (is_action(fault.kind)) {
    draw_action(draw, fault);
  } else {
    draw_conditions(draw, fault);
    // What refuses newcomers is felt when the old connections go.
    if (fault.at && fault.kind <= FaultKind::silent_acks && draw.chance(80)) {
      plan.add(draw_cut(draw, *fault.at));
    }
  }
  plan.add(std::move(fault));
}

void draw_commands(Draw& draw, Scenario& scenario) {
  const uint64_t count = draw.chance(60) ? 0 : draw.between(1, 8);
  for (uint64_t i = 0; i < count; ++i) {
    PlannedCommand command;
    command.at = draw.between(0_ns, scenario.run.lasting);
    command.kind = draw.one_of({Command::Kind::subscribe, Command::Kind::unsubscribe,
                                Command::Kind::unsubscribe, Command::Kind::reconnect});
    if (draw.chance(2)) command.kind = Command::Kind::close;
    command.session = static_cast<uint32_t>(draw.between(0, scenario.sessions.size() - 1));
    command.channel = draw.one_of({Channel::book, Channel::book, Channel::trade, Channel::ticker});
    command.symbol = command.channel == Channel::book
                         ? draw.one_of({"BTC/USD", "ETH/USD", "SOL/USD", "EMPTY/USD", "NONE/USD"})
                         : draw.one_of({"BTC/USD", "ETH/USD"});
    command.depth = draw.one_of<uint32_t>({10, 10, 25});
    scenario.commands.push_back(command);
    if (draw.chance(25)) {  // and its opposite, at once or soon
      command.at = command.at + draw.one_of({0_ns, 1_ms, 40_ms, 900_ms});
      if (command.kind == Command::Kind::subscribe) {
        command.kind = Command::Kind::unsubscribe;
      } else if (command.kind == Command::Kind::unsubscribe) {
        command.kind = Command::Kind::subscribe;
      }
      scenario.commands.push_back(command);
    }
  }
  std::erase_if(scenario.commands, [&scenario](const PlannedCommand& each) {
    return each.at >= scenario.run.lasting;
  });
}

}  // namespace

Scenario draw_scenario(uint64_t seed) {
  Draw draw(seed);
  Scenario scenario;
  scenario.run.seed = draw.seed();
  scenario.venue.seed = draw.seed();
  scenario.network.seed = draw.seed();
  scenario.run.lasting = draw.between(10_s, 90_s);
  scenario.run.lateness = draw.one_of({0_ns, 0_ns, 200_us, 20_ms});
  if (draw.chance(3)) scenario.run.disk_blocks = static_cast<uint32_t>(draw.between(0, 200));
  draw_market(draw, scenario.market);
  draw_network(draw, scenario.network);
  draw_venue(draw, scenario.venue);
  const uint64_t sessions = draw.one_of<uint64_t>({1, 1, 1, 2, 2, 3, 4});
  for (uint64_t i = 0; i < sessions; ++i) {
    scenario.sessions.push_back(draw_session(draw, scenario));
  }
  draw_budget(draw, scenario.sessions[0].reconnect);
  const uint64_t faults = draw.between(1, 6);
  for (uint64_t i = 0; i < faults; ++i) draw_fault(draw, scenario.run.lasting, scenario.faults);
  if (draw.chance(15)) {
    scenario.faults.add_maintenance(draw.between(0_ns, scenario.run.lasting),
                                    draw.between(0_ns, 2_s), draw.between(1_s, 30_s),
                                    draw.one_of({0_s, 5_s, 10_s}));
  }
  draw_commands(draw, scenario);
  const uint64_t pauses = draw.chance(60) ? 0 : draw.between(1, 3);
  for (uint64_t i = 0; i < pauses; ++i) {
    const Duration at = draw.between(0_ns, scenario.run.lasting);
    const Duration longest = scenario.run.lasting - at;
    scenario.pauses.push_back({at, draw.between(0_ns, std::min(longest, 60_s))});
  }
  if (draw.chance(15)) {
    scenario.jumps.push_back(
        {draw.between(0_ns, scenario.run.lasting), draw.one_of({100_ms, 3_s, 20_s, 90_s})});
  }
  return scenario;
}

}  // namespace havklo::replay
