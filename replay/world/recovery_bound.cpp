// The argument, term by term.
#include "replay/world/recovery_bound.hpp"

#include <algorithm>
#include <havklo/shared_connect_budget.hpp>

namespace havklo::replay {
namespace {

// The engine's own constants, stated here again: a bound that followed them would prove nothing.
constexpr Duration slowest_request = Duration::seconds(4);
constexpr Duration repair_delay_max = Duration::seconds(60);
constexpr Duration socket_probe = Duration::seconds(15);
constexpr Duration retry_after_max = Duration::seconds(600);
constexpr int64_t tries = 3;

}  // namespace

int64_t wishes_of(const Settings& session) {
  int64_t count = 0;
  for (const SubscriptionSettings& each : session.subscriptions) {
    count += static_cast<int64_t>(each.symbols.size());
  }
  return count;
}

// TCP, upgrade, requests and their answers: four round trips; each wish in a request of its own, at
// the slowest pace, and once more in case the first was refused in company.
Duration healthy_attempt(const Settings& session, const NetworkSettings& network,
                         const VenueSettings& venue) {
  const Duration one_way = longest_latency(network) + network.jitter + network.send_time * 512;
  return one_way * 8 + venue.ack_delay + venue.snapshot_delay +
         slowest_request * (2 * wishes_of(session) + 2) + Duration::seconds(1);
}

Duration recovery_bound(const Scenario& scenario) {
  Duration bound;
  Duration latest_retry;
  for (const Fault& fault : scenario.faults.faults) {
    if (fault.retry_after) latest_retry = std::max(latest_retry, *fault.retry_after);
  }
  latest_retry = std::min(latest_retry, retry_after_max);
  for (const Settings& session : scenario.sessions) {
    const TimeoutSettings& timeouts = session.timeouts;
    const ReconnectSettings& reconnect = session.reconnect;
    const Duration attempt = healthy_attempt(session, scenario.network, scenario.venue);
    // What runs when the world heals ends by its own deadlines: opening and greeting, or a feed
    // that fell silent, or a subscription that the venue has forgotten, or a book whose repair
    // waits its turn. Commands may have added wishes: each command counts as one more.
    const Duration under_way = timeouts.connect_timeout + timeouts.greeting_timeout +
                               timeouts.heartbeat_timeout + socket_probe +
                               timeouts.restore_timeout * (tries + 1) + repair_delay_max +
                               slowest_request * static_cast<int64_t>(2 * scenario.commands.size());
    // Then the longest wait that can have been announced, and the breaker's.
    const Duration wait = std::max({reconnect.max_delay, reconnect.maintenance_delay,
                                    reconnect.rate_limited_delay, latest_retry}) +
                          session.circuit_breaker.reset_timeout;
    // An attempt that began in the sick world may fail in the well one, by what was on the way:
    // hence twice. After that nothing fails any more.
    const Duration of_one = (under_way + wait + attempt) * 2;
    // The others may have to wait for the first that is Live: for its probe, or to be renewed.
    bound = std::max(bound, of_one * (session.legs.size() > 1 ? 2 : 1));
  }
  // Three attempts of each leg may have to find a place in their budget.
  const BudgetGroups groups = group_by_budget(scenario.sessions);
  const bool has_legs = std::ranges::any_of(
      scenario.sessions, [](const Settings& each) { return each.legs.size() > 1; });
  Duration longest;
  for (uint32_t group = 0; group < groups.first_of.size(); ++group) {
    const ReconnectSettings& budget = scenario.sessions[groups.first_of[group]].reconnect;
    const auto places = int64_t{3} * groups.legs_in(group);
    // While one leg is Live the others leave the last tenth free.
    const uint32_t spared = has_legs ? budget.connect_budget / 10 : 0;
    const int64_t windows = places / (budget.connect_budget - spared) + 1;
    longest = std::max(longest, budget.connect_budget_window * windows);
  }
  return bound + longest;
}

}  // namespace havklo::replay
