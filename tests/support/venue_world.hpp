// An engine against the venue model, in virtual time: what a simulation is made of.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <havklo/clock.hpp>
#include <havklo/config.hpp>
#include <havklo/engine.hpp>
#include <havklo/event.hpp>
#include <havklo/event_ring.hpp>
#include <havklo/ring_doors.hpp>
#include <havklo/spsc_ring.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "replay/venue/market.hpp"
#include "replay/venue/model.hpp"
#include "replay/venue/transport.hpp"

namespace havklo {

struct VenueWorldSettings {
  Settings engine;
  replay::FaultPlan faults;
  replay::MarketSettings market;
  replay::NetworkSettings network;
  replay::VenueSettings venue;
  Journal* journal = nullptr;
  uint64_t seed = 7;
  SharedConnectBudget* budget = nullptr;  // none: nobody else has a part in it
};

class VenueWorld {
 public:
  explicit VenueWorld(const VenueWorldSettings& given)
      : VenueWorld(given, std::make_unique<replay::Market>(given.market, given.venue.seed,
                                                           given.venue.utc_us)) {}
  VenueWorld(VenueWorldSettings given, std::unique_ptr<replay::MarketFeed> feed)
      : settings_(std::move(given)),
        venue(settings_.venue, std::move(feed), settings_.faults),
        network(venue, settings_.network),
        ring_(settings_.engine.ring_slots),
        events_door_(ring_),
        commands_door_(commands),
        engine(std::span(&settings_.engine, 1),
               {clock, network, commands_door_, events_door_, settings_.journal, settings_.seed,
                nullptr, std::nullopt, std::span(&settings_.budget, 1)}) {}

  // Runs until `done(event)` says so, or `limit` of virtual time has passed; false: the latter.
  bool run_until(Duration limit, const std::function<bool(const Event&)>& done) {
    const Instant end = clock.now() + limit;
    bool found = false;
    while (!found) {
      engine.turn();
      Event event;
      while (ring_.try_pop(event)) {
        events.push_back(event);
        found = found || done(event);
      }
      const Instant next = std::min(engine.next_deadline(), network.next_deadline());
      if (found || next > end) break;
      clock.set(std::max(clock.now(), next));
      network.advance_to(clock.now());
    }
    return found;
  }
  bool run_until(Duration limit, EventKind kind) {
    return run_until(limit, [kind](const Event& event) { return event.kind == kind; });
  }
  void run(Duration time) {
    run_until(time, [](const Event&) { return false; });
    // To the end of the time, even if nothing is due then.
  }
  // The names of the lifecycle events so far, taken by the call.
  [[nodiscard]] std::string take_names() {
    std::string names;
    for (const Event& event : std::exchange(events, {})) {
      if (is_market(event.kind)) continue;
      if (!names.empty()) names += ' ';
      names += to_string(event.kind);
    }
    return names;
  }
  [[nodiscard]] size_t count(EventKind kind) const {
    size_t number = 0;
    for (const Event& event : events) number += event.kind == kind ? 1 : 0;
    return number;
  }
  [[nodiscard]] const Event* first(EventKind kind) const {
    for (const Event& event : events) {
      if (event.kind == kind) return &event;
    }
    return nullptr;
  }

 private:
  VenueWorldSettings settings_;

 public:
  ManualClock clock;
  replay::Venue venue;
  replay::VenueTransport network;
  SpscRing<Command> commands{64};
  std::vector<Event> events;

 private:
  EventRing ring_;
  RingEventDoor events_door_;
  RingCommandDoor commands_door_;

 public:
  Engine engine;
};

}  // namespace havklo
