// The acts, and what they demand.
#include "replay/world/steps/acts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "replay/world/recovery_bound.hpp"

namespace havklo::replay {
namespace {

// Everybody well: so long, and stable_after, nothing may happen any more.
constexpr Duration calm = Duration::seconds(3);

// Settings may have no patience for even a well venue: then this names what to change.
std::string loss_in_words(const ObservedSession& session) {
  if (session.losses() == 0) return "";
  return fmt::format("; {} {}, the last by {}", session.losses(),
                     session.losses() == 1 ? "loss" : "losses", to_string(session.last_reason()));
}

void recover(World& world, GoodEnd& end) {
  const auto well = [](const ObservedSession& each) { return each.well() || each.closed(); };
  const Instant began = world.now();
  const Duration bound = recovery_bound(world.scenario());
  world.begin_act();
  const auto stop = world.go(began + bound, [&] { return world.everybody(well); });
  if (stop == World::Stop::done) {
    end.recovery = world.now() - world.healed();
    return;
  }
  for (uint32_t number = 0; const auto& each : world.observer().sessions()) {
    if (!well(*each)) {
      world.verdict().violate(Invariant::recovery, number, world.now(),
                              fmt::format("not Live {} s after the world was well{}",
                                          bound.ns / 1'000'000'000, loss_in_words(*each)));
    }
    ++number;
  }
}

// False: a connection of the sick world was lost after all, by what was still on the way.
bool stay_calm(World& world, GoodEnd& end) {
  const Scenario& scenario = world.scenario();
  Duration longest;
  for (const Settings& each : scenario.sessions) {
    longest = std::max(longest, each.reconnect.stable_after);
  }
  std::vector<uint32_t> losses;
  for (const auto& each : world.observer().sessions()) losses.push_back(each->losses());
  world.begin_act();
  world.go(world.now() + calm + longest, [] { return false; });
  const Instant now = world.now();
  const Duration held =
      scenario.venue.cut == MessageCut::own ? scenario.venue.cut_hold : Duration{};
  const Duration way = longest_latency(scenario.network) + scenario.network.jitter + held +
                       scenario.run.lateness + Duration::milliseconds(1);
  bool calm_now = true;
  end.closed = 0;
  for (uint32_t number = 0; const auto& session : world.observer().sessions()) {
    const ObservedSession& each = *session;
    end.closed += each.closed() ? 1 : 0;
    if (each.losses() != losses[number] && each.lost_attempt_began() <= world.healed()) {
      calm_now = false;
    } else if (each.losses() != losses[number]) {
      world.verdict().violate(Invariant::stays_recovered, number, now,
                              "lost again in a world that is well" + loss_in_words(each));
    }
    if (each.recovered()) {
      const int64_t utc_us = scenario.venue.utc_us;
      each.check_fresh(utc_us + world.healed().ns / 1000, utc_us + (now - way).ns / 1000, now);
    }
    ++number;
  }
  return calm_now;
}

void say_goodbye(World& world) {
  const auto violate = [&world](Invariant invariant, std::string what) {
    world.verdict().violate(invariant, 0, world.now(), std::move(what));
  };
  const Recorder* const recorder = world.recorder();
  const bool stopped =
      recorder != nullptr && recorder->state() == RecorderState::stopped_disk_error;
  if (stopped && !world.observer().recording_stopped() && !world.everybody_closed()) {
    violate(Invariant::recording, "RecordingStopped was not said");
  }
  const Instant now = world.now();
  Duration longest;
  for (uint32_t i = 0; i < world.scenario().sessions.size(); ++i) {
    world.ask({.at = now - Instant{}, .kind = Command::Kind::close, .session = i}, now);
    longest = std::max(longest, world.scenario().sessions[i].timeouts.close_timeout);
  }
  world.begin_act();
  const auto stop = world.go(now + longest + Duration::milliseconds(1),
                             [&world] { return world.everybody_closed(); });
  if (stop != World::Stop::done) violate(Invariant::command_obeyed, "close() does not end");
  if (world.engine().next_deadline() != Instant::never()) {
    violate(Invariant::no_leak, "a timer is armed after the last Closed");
  }
  if (world.network().open_count() != 0) {
    violate(Invariant::no_leak, "a stream is open after the last Closed");
  }
  if (!world.engine().closed()) violate(Invariant::no_leak, "Closed was said, and it is not");
}

}  // namespace

void suffer(World& world) {
  world.go(Instant{} + world.scenario().run.lasting, [&] { return world.everybody_closed(); });
}

GoodEnd end_well(World& world) {
  GoodEnd end;
  // Each leg can lose its connection of the sick world once.
  size_t legs = 0;
  for (const Settings& each : world.scenario().sessions) legs += each.legs.size();
  for (size_t round = 0; !world.failed() && round <= legs; ++round) {
    recover(world, end);
    if (!world.failed() && stay_calm(world, end)) break;
  }
  if (!world.failed()) say_goodbye(world);
  return end;
}

}  // namespace havklo::replay
