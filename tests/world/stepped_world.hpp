// What tests of a stepped world share: one with a single book, and what it hands over.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <havklo/simulation.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "replay/recording/event_digest.hpp"

namespace havklo {

// One book of BTC/USD, which is Live after some 80 ms.
inline constexpr std::string_view one_book = R"(
[[session]]
[[session.subscription]]
channel = "book"
symbol = ["BTC/USD"]
)";

inline Simulation simulation(std::string_view toml, Simulation::Sessions sessions = {}) {
  auto sim = Simulation::from_toml(toml, std::move(sessions));
  EXPECT_TRUE(sim) << sim.error();
  return std::move(*sim);
}
inline Simulation one_book_and(std::string_view rest) {
  return simulation(std::string(one_book).append(rest));
}

// What was handed over.
struct Diary {
  std::vector<Event> events;
  Simulation::Sink sink = [this](const Event& event) { events.push_back(event); };

  [[nodiscard]] uint64_t digest() const {
    replay::EventDigest digest;
    for (const Event& each : events) digest.add(each);
    return digest.value();
  }
  [[nodiscard]] size_t count(EventKind kind) const {
    return static_cast<size_t>(std::ranges::count(events, kind, &Event::kind));
  }
  [[nodiscard]] const Event* last(EventKind kind) const {
    const auto found = std::ranges::find(events.rbegin(), events.rend(), kind, &Event::kind);
    return found == events.rend() ? nullptr : &*found;
  }
};

inline int64_t milliseconds(Instant at) { return at.ns / 1'000'000; }

}  // namespace havklo
