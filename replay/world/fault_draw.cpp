// What breaks, and how often. Rare things are rare, so that common ones meet in every way.
#include "replay/world/fault_draw.hpp"

#include <vector>

namespace havklo::replay {
namespace {

using namespace havklo::literals;

void draw_conditions(Swarm& draw, Fault& fault) {
  switch (fault.kind) {
    case FaultKind::http:
      fault.code = draw.one_of<uint16_t>({301, 400, 403, 404, 408, 429, 500, 502, 503, 520});
      if (draw.chance(50)) fault.retry_after = draw.one_of({0_s, 1_s, 7_s, 30_s});
      fault.retry_after_date = draw.chance(50);
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
    case FaultKind::late_acks:
      fault.interval = draw.between(500_ms, 30_s);
      break;
    case FaultKind::reject_symbol:
      fault.text = draw.one_of({"", "EService:Unavailable", "EGeneral:Internal error"});
      [[fallthrough]];
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

void draw_action(Swarm& draw, Fault& fault) {
  switch (fault.kind) {
    case FaultKind::close:
      fault.code = draw.one_of<uint16_t>({1000, 1001, 1008, 1011, 1012, 1013, 4000});
      break;
    case FaultKind::violation:
      fault.violation =
          static_cast<Violation>(draw.between(0, static_cast<uint64_t>(Violation::long_length)));
      break;
    case FaultKind::message:
      if (draw.chance(10) && draw.has(Feature::rate_refusals)) {
        fault.text = R"({"Error":"Exceeded msg rate"})";
      } else if (draw.chance(55)) {
        fault.text = draw.one_of({"[]", "{}", "x", R"({"channel":"book"})", R"({"channel":"new"})",
                                  R"({"method":"pong","req_id":7})"});
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
Fault draw_cut(Swarm& draw, Duration at) {
  Fault cut{.kind = draw.one_of({FaultKind::reset, FaultKind::end_of_stream, FaultKind::close}),
            .at = at};
  cut.code = draw.one_of<uint16_t>({1000, 1001, 1012});
  return cut;
}

void draw_fault(Swarm& draw, FaultKind kind, Duration lasting, FaultPlan& plan) {
  Fault fault{.kind = kind};
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

}  // namespace

FaultPlan draw_faults(Swarm& draw, Duration lasting) {
  FaultPlan plan;
  std::vector<FaultKind> kinds;
  for (uint8_t kind = 0; kind <= static_cast<uint8_t>(FaultKind::status); ++kind) {
    if (draw.has(family_of(FaultKind{kind}))) kinds.push_back(FaultKind{kind});
  }
  const uint64_t count = kinds.empty() ? 0 : draw.between(1, 6);
  for (uint64_t i = 0; i < count; ++i) {
    draw_fault(draw, kinds[draw.between(0, kinds.size() - 1)], lasting, plan);
  }
  if (draw.chance(Feature::maintenance, 15)) {
    // One after the other: in which order arguments are drawn, each compiler chooses for itself.
    const Duration retry_after = draw.one_of({0_s, 5_s, 10_s});
    const Duration away = draw.between(1_s, 30_s);
    const Duration lead = draw.between(0_ns, 2_s);
    const Duration at = draw.between(0_ns, lasting);
    plan.add_maintenance(at, lead, away, retry_after);
  }
  return plan;
}

}  // namespace havklo::replay
