// Each in a part of the worlds.
#include "replay/world/delay_draw.hpp"

#include "replay/world/swarm.hpp"

namespace havklo::replay {
namespace {

using namespace havklo::literals;

constexpr uint64_t delay_stream = 0xDE'1A'75;

}  // namespace

Scenario with_delays(const Scenario& drawn, uint64_t seed) {
  Swarm draw(seed ^ delay_stream);
  Scenario scenario = drawn;
  for (Settings& session : scenario.sessions) {
    ReconnectSettings& reconnect = session.reconnect;
    if (draw.chance(30)) {
      reconnect.first_delay = draw.one_of({0_ns, 1_ms, reconnect.max_delay});
    }
    if (draw.chance(40)) session.feed.lag_warn = draw.one_of({20_ms, 100_ms, 500_ms, 2_s});
  }
  return scenario;
}

}  // namespace havklo::replay
