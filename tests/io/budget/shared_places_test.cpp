// The places of many loops: no window ever holds more attempts than there are slots, however the
// users of the slots are interleaved; time is passed in.
#include "io/budget/shared_places.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <havklo/connect_budget.hpp>
#include <havklo/random.hpp>
#include <limits>
#include <optional>
#include <thread>
#include <vector>

#include "core/attempt_places.hpp"

namespace havklo::io {
namespace {

struct Slots {
  explicit Slots(size_t count) : slots(count), scratch(count) { SharedPlaces::all_free(slots); }
  [[nodiscard]] SharedPlaces places(int64_t window_ns) { return {slots, scratch, window_ns}; }
  std::vector<int64_t> slots;
  std::vector<int64_t> scratch;
};

constexpr int64_t s = 1'000'000'000;

// The most that began in any window (t - window, t].
size_t most_within(std::vector<int64_t> begun, int64_t window_ns) {
  std::ranges::sort(begun);
  size_t most = 0;
  for (size_t last = 0, first = 0; last < begun.size(); ++last) {
    while (begun[last] - begun[first] >= window_ns) ++first;
    most = std::max(most, last - first + 1);
  }
  return most;
}

TEST(SharedPlaces, APlaceIsFreeAgainAWindowLaterAndNotBefore) {
  Slots of(1);
  const SharedPlaces places = of.places(10 * s);
  EXPECT_EQ(places.free_from(5 * s, 0, 5 * s), 5 * s);
  EXPECT_EQ(places.begin(0, 5 * s), 5 * s);
  EXPECT_EQ(places.free_from(5 * s, 0, 5 * s), 15 * s);
  EXPECT_EQ(places.begin(0, 15 * s - 1), 15 * s);
  EXPECT_EQ(places.begin(0, 15 * s), 15 * s);
}

TEST(SharedPlaces, SoManyMoreStayFree) {
  Slots of(3);
  const SharedPlaces places = of.places(10 * s);
  EXPECT_EQ(places.begin(2, 1 * s), 1 * s);
  EXPECT_EQ(places.free_from(2 * s, 1, 2 * s), 2 * s);
  EXPECT_EQ(places.free_from(2 * s, 2, 2 * s), 11 * s);
  EXPECT_EQ(places.begin(2, 2 * s), 11 * s) << "two are free, and shall stay so";
  EXPECT_EQ(places.begin(1, 2 * s), 2 * s);
  EXPECT_EQ(places.free_from(2 * s, 99, 2 * s), 12 * s) << "more than there are: all of them";
}

// A file of a clock that was wrong, or of somebody who wrote into it.
TEST(SharedPlaces, WhatLiesInTheFutureIsCutToNow) {
  Slots of(2);
  const SharedPlaces places = of.places(10 * s);
  of.slots = {1'000'000 * s, std::numeric_limits<int64_t>::max()};
  EXPECT_EQ(places.begin(0, 100 * s), 110 * s);
  EXPECT_EQ(of.slots, (std::vector<int64_t>{100 * s, 100 * s}));
  EXPECT_EQ(places.begin(0, 110 * s), 110 * s);
}

// Another loop read its clock a little later.
TEST(SharedPlaces, WhatLiesALittleAheadStays) {
  Slots of(1);
  const SharedPlaces places = of.places(10 * s);
  of.slots = {100 * s + s / 2};
  EXPECT_EQ(places.begin(0, 100 * s), 110 * s);
  EXPECT_EQ(of.slots[0], 100 * s + s / 2);
}

TEST(SharedPlaces, NoWindowHoldsMoreThanTheBudget) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const uint32_t attempts = static_cast<uint32_t>(1 + random.below(5));
    Slots of(attempts);
    const SharedPlaces places = of.places(100);
    std::vector<int64_t> begun;
    int64_t now = 1000;
    for (int step = 0; step < 300; ++step) {
      now += static_cast<int64_t>(random.below(40));
      const int64_t free = places.free_from(now, 0, now);
      const int64_t answer = places.begin(0, now);
      ASSERT_EQ(answer, std::max(free, answer == now ? now : now + 1));
      if (answer == now) begun.push_back(now);
      const bool full = std::ranges::count_if(begun, [&](int64_t at) { return at > now - 100; }) ==
                        static_cast<int64_t>(attempts);
      ASSERT_TRUE(answer == now || full) << "made to wait though there is a place";
    }
    ASSERT_LE(most_within(begun, 100), attempts);
  }
}

TEST(SharedPlaces, NoWindowHoldsMoreThanTheBudgetOfManyThreads) {
  constexpr uint32_t attempts = 2;
  constexpr int64_t window = 8;
  constexpr int threads = 4;
  constexpr int rounds = 100'000;
  std::vector<int64_t> slots(attempts);
  SharedPlaces::all_free(slots);
  std::atomic<int64_t> clock{1000};
  std::barrier all_at_once(threads);
  std::vector<std::vector<int64_t>> begun(threads);
  std::vector<std::thread> running;
  for (int number = 0; number < threads; ++number) {
    running.emplace_back([&, number] {
      std::vector<int64_t> scratch(attempts);
      const SharedPlaces places(slots, scratch, window);
      all_at_once.arrive_and_wait();
      for (int round = 0; round < rounds; ++round) {
        const int64_t now = clock.fetch_add(1, std::memory_order_relaxed);
        if (places.begin(0, now) == now) begun[static_cast<size_t>(number)].push_back(now);
      }
    });
  }
  for (std::thread& each : running) each.join();
  std::vector<int64_t> all;
  for (const auto& each : begun) all.insert(all.end(), each.begin(), each.end());
  EXPECT_LE(most_within(all, window), attempts);
  EXPECT_GT(all.size(), 1000U) << "hardly anybody got a place";
}

// The door of one engine over slots in the engine's own time.
class Door final : public SharedConnectBudget {
 public:
  Door(size_t attempts, Duration window) : slots_(attempts), places_(slots_.places(window.ns)) {}
  [[nodiscard]] Instant free_from(Instant earliest, uint32_t spare, Instant now) override {
    return {places_.free_from(earliest.ns, spare, now.ns)};
  }
  [[nodiscard]] Instant begin(uint32_t spare, Instant now) override {
    return {places_.begin(spare, now.ns)};
  }

 private:
  Slots slots_;
  SharedPlaces places_;
};

// So that an engine alone is recorded to the byte as if there were no such door.
TEST(SharedPlaces, WhoeverIsAloneGetsTheAnswersOfItsOwnBudget) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const ConnectBudgetSettings numbers{static_cast<uint32_t>(1 + random.below(5)), Duration{100}};
    constexpr size_t sessions = 3;
    Door door(numbers.attempts, numbers.window);
    core::BudgetAsks asks;
    ConnectBudget alone(numbers, sessions);
    core::AttemptPlaces shared(numbers, sessions, &door, asks);
    std::array<std::optional<Instant>, sessions> waits;
    Instant now{5000};
    for (int step = 0; step < 200; ++step) {
      now = now + Duration{static_cast<int64_t>(random.below(30))};
      std::optional<Instant>& place = waits[random.below(sessions)];
      const Instant earliest = now + Duration{static_cast<int64_t>(random.below(250))};
      if (!place) {
        place = alone.reserve(earliest, now);
        ASSERT_EQ(shared.reserve(earliest, now), *place);
      } else if (random.below(8) == 0) {
        alone.cancel(*place);
        shared.cancel(*place);
        place.reset();
      } else if (random.below(8) == 0) {
        const Instant moved = alone.move_up(*place, now, now);
        ASSERT_EQ(shared.move_up(*place, now, now), moved);
        place = moved;
      } else if (*place <= now) {
        const Instant begins = alone.begin(*place, now);
        ASSERT_EQ(shared.begin(*place, now), begins);
        if (begins <= now) {
          place.reset();
        } else {
          place = begins;
        }
      }
      ASSERT_FALSE(asks.held_up);
    }
  }
}

}  // namespace
}  // namespace havklo::io
