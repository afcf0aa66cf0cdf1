// Method: the wheel beside a sorted map keyed by (tick, arming number), driven by seeded random
// operations; wheels with 2-bit levels reach their borders within a few steps. Stories for the
// promises that have names.
#include <gtest/gtest.h>

#include <havklo/random.hpp>
#include <havklo/timer_wheel.hpp>
#include <map>
#include <memory>
#include <vector>

namespace havklo {
namespace {

struct Numbered : TimerNode {
  int number = 0;
};

template <class Wheel>
std::vector<int> fire(Wheel& wheel, Instant now, uint32_t fires_max = 1'000'000) {
  std::vector<int> fired;
  wheel.advance(now, fires_max, [&fired](TimerNode& node) {
    fired.push_back(static_cast<Numbered&>(node).number);
  });
  return fired;
}

TEST(TimerWheel, IsNeverEarlyAndAtMostOneTickLate) {
  TimerWheel wheel;
  Numbered timer;
  fire(wheel, Instant{1'000'000});
  wheel.arm(timer, Instant{1'000'700});
  EXPECT_TRUE(fire(wheel, Instant{1'000'699}).empty());
  EXPECT_EQ(wheel.next_deadline().ns % TimerWheel::tick.ns, 0);
  EXPECT_GE(wheel.next_deadline(), Instant{1'000'700});
  EXPECT_EQ(fire(wheel, Instant{1'000'700} + TimerWheel::tick).size(), 1U);
}

TEST(TimerWheel, FiresEqualDeadlinesInArmingOrderAcrossLevels) {
  TimerWheel wheel;
  const Instant deadline{512LL * 64 * 64 * 3};
  std::vector<std::unique_ptr<Numbered>> timers;
  for (int number = 0; number < 6; ++number) {
    timers.push_back(std::make_unique<Numbered>());
    timers.back()->number = number;
    fire(wheel, Instant{deadline.ns * number / 6});  // nearer each time: a lower level each time
    wheel.arm(*timers.back(), deadline);
  }
  EXPECT_EQ(fire(wheel, deadline), (std::vector<int>{0, 1, 2, 3, 4, 5}));
}

TEST(TimerWheel, SaysHonestlyThatMoreIsDue) {
  TimerWheel wheel;
  std::array<Numbered, 5> timers;
  for (Numbered& timer : timers) wheel.arm(timer, Instant{1000});
  AdvanceResult result = wheel.advance(Instant{5000}, 3, [](TimerNode&) {});
  EXPECT_EQ(result.fired, 3U);
  EXPECT_TRUE(result.more_due);
  result = wheel.advance(Instant{5000}, 3, [](TimerNode&) {});
  EXPECT_EQ(result.fired, 2U);
  EXPECT_FALSE(result.more_due);
}

TEST(TimerWheel, LetsACallbackArmAndCancelWhatIsDueInTheSameAdvance) {
  TimerWheel wheel;
  std::array<Numbered, 3> timers;
  for (int number = 0; number < 3; ++number) timers[static_cast<size_t>(number)].number = number;
  wheel.arm(timers[0], Instant{1000});
  wheel.arm(timers[1], Instant{2000});
  std::vector<int> fired;
  wheel.advance(Instant{5000}, 10, [&](TimerNode& node) {
    const int number = static_cast<Numbered&>(node).number;
    fired.push_back(number);
    if (number != 0) return;
    wheel.cancel(timers[1]);
    wheel.arm(timers[2], Instant{0});
  });
  EXPECT_EQ(fired, (std::vector<int>{0, 2}));
}

TEST(TimerWheel, CrossesAYearOfNothingInOneStep) {
  TimerWheel wheel;
  Numbered timer;
  const Instant far = Instant{} + Duration::seconds(365LL * 86'400);
  wheel.arm(timer, far);
  EXPECT_TRUE(fire(wheel, far - 1_ms).empty());
  EXPECT_EQ(fire(wheel, far).size(), 1U);
  wheel.arm(timer, Instant::never());
  EXPECT_EQ(wheel.armed_count(), 1U);
  wheel.cancel(timer);
  EXPECT_EQ(wheel.next_deadline(), Instant::never());
}

// A bucket whose timers are all of one tick moves down as a whole: 100 of them from each level,
// with a stranger that is cancelled, one armed and one cancelled by the first callback.
TEST(TimerWheel, MovesABucketOfOneTickDownAsAWhole) {
  for (unsigned level = 0; level < 4; ++level) {
    SCOPED_TRACE(level);
    TimerWheel wheel;
    fire(wheel, Instant{0});
    std::array<Numbered, 102> timers;
    for (int number = 0; number < 102; ++number)
      timers[static_cast<size_t>(number)].number = number;
    const Instant deadline{TimerWheel::tick.ns * (int64_t{5} << (8 * level))};
    for (size_t i = 0; i < 100; ++i) wheel.arm(timers[i], deadline);
    wheel.arm(timers[100], deadline + TimerWheel::tick);
    wheel.check_invariants();
    wheel.cancel(timers[100]);
    EXPECT_EQ(wheel.next_deadline(), deadline);
    EXPECT_TRUE(fire(wheel, deadline - TimerWheel::tick).empty());
    wheel.check_invariants();
    std::vector<int> fired;
    wheel.advance(deadline, 1'000, [&](TimerNode& node) {
      fired.push_back(static_cast<Numbered&>(node).number);
      wheel.check_invariants();
      if (fired.size() != 1) return;
      wheel.cancel(timers[50]);
      wheel.arm(timers[101], deadline);
    });
    std::vector<int> expected;
    for (int number = 0; number < 102; ++number) {
      if (number != 50 && number != 100) expected.push_back(number);
    }
    EXPECT_EQ(fired, expected);
    EXPECT_EQ(wheel.armed_count(), 0U);
  }
}

// Each callback frees its own timer and, in turn, those that are next, last and in between: the
// wheel keeps no way to any of them.
TEST(TimerWheel, LetsACallbackFreeTimersThatAreDueInTheSameAdvance) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    TimerWheel wheel;
    std::map<int, std::unique_ptr<Numbered>> timers;
    for (int number = 0; number < 60; ++number) {
      timers[number] = std::make_unique<Numbered>();
      timers[number]->number = number;
      wheel.arm(*timers[number], Instant{1'000});
    }
    const auto free = [&timers, &wheel](auto at) {
      wheel.cancel(*at->second);
      timers.erase(at);
    };
    int before = -1;
    wheel.advance(Instant{5'000}, 1'000, [&](TimerNode& node) {
      const int number = static_cast<Numbered&>(node).number;
      // None between them is left.
      EXPECT_EQ(timers.upper_bound(before)->first, number);
      before = number;
      timers.erase(number);
      const uint64_t which = random.below(5);
      if (which > 2 || timers.size() < 3) return;
      if (which == 0) free(timers.begin());
      if (which == 1) free(std::prev(timers.end()));
      if (which == 2) free(std::next(timers.begin(), static_cast<ptrdiff_t>(timers.size() / 2)));
    });
    EXPECT_TRUE(timers.empty());
    EXPECT_EQ(wheel.armed_count(), 0U);
    wheel.check_invariants();
  }
}

// Nothing is due for a while and advance does next to nothing; whatever is armed in that time,
// nearer than what it knew of, is due at its own.
TEST(TimerWheel, FiresWhatIsArmedNearerWhileItWasQuiet) {
  for (int64_t ticks = 0; ticks < 70'000; ticks = ticks * 3 / 2 + 1) {
    SCOPED_TRACE(ticks);
    TimerWheel wheel;
    std::array<Numbered, 2> timers;
    timers[1].number = 1;
    Instant now{1'000'000 * TimerWheel::tick.ns};
    wheel.arm(timers[0], now + Duration::seconds(100));
    EXPECT_TRUE(fire(wheel, now).empty());
    EXPECT_TRUE(fire(wheel, now = now + Duration::seconds(1)).empty());
    const Instant deadline = now + TimerWheel::tick * ticks;
    wheel.arm(timers[1], deadline);
    EXPECT_EQ(wheel.next_deadline(), deadline);
    if (ticks > 0) {
      EXPECT_TRUE(fire(wheel, deadline - TimerWheel::tick).empty());
    }
    EXPECT_EQ(fire(wheel, deadline), (std::vector<int>{1}));
    EXPECT_TRUE(fire(wheel, deadline).empty());
    // What is cancelled leaves nothing behind but an earlier look.
    wheel.arm(timers[1], deadline + TimerWheel::tick * 2);
    wheel.cancel(timers[1]);
    EXPECT_TRUE(fire(wheel, deadline + TimerWheel::tick * 3).empty());
    // For the past: at once, and for a caller whose time went back as well.
    wheel.arm(timers[1], Instant{0});
    wheel.check_invariants();
    EXPECT_EQ(fire(wheel, now), (std::vector<int>{1}));
    wheel.cancel(timers[0]);
  }
}

// Quiet time counts: what is armed for the past after it comes after what was armed for its end.
TEST(TimerWheel, KnowsTheTimeThatPassedQuietly) {
  TimerWheel wheel;
  std::array<Numbered, 2> timers;
  timers[1].number = 1;
  const Instant now = Instant{} + 1_s;
  EXPECT_TRUE(fire(wheel, now).empty());
  wheel.arm(timers[0], now);
  wheel.arm(timers[1], now - 1_ms);
  EXPECT_EQ(fire(wheel, now), (std::vector<int>{0, 1}));
}

// The model: what is due, in the order of (tick, arming number).
// `wide`: in ticks and not in nanoseconds, so that slots of 256 ticks have borders to cross, too.
template <class Wheel>
void agree_with_a_sorted_map(uint64_t seed, bool wide = false) {
  SCOPED_TRACE(seed);
  Random random(seed);
  Wheel wheel;
  std::vector<std::unique_ptr<Numbered>> timers;
  for (int number = 0; number < 40; ++number) {
    timers.push_back(std::make_unique<Numbered>());
    timers.back()->number = number;
  }
  std::map<std::pair<int64_t, int>, int> model;
  std::map<int, std::pair<int64_t, int>> where;
  const int64_t tick = Wheel::tick.ns;
  const int64_t scale = wide ? tick : 1;
  const auto up = [tick](int64_t ns) { return (ns + tick - 1) / tick; };
  Instant now{0};
  fire(wheel, now);
  int armings = 0;
  for (int step = 0; step < 400; ++step) {
    const auto number = static_cast<int>(random.below(timers.size()));
    Numbered& timer = *timers[static_cast<size_t>(number)];
    const uint64_t what = random.below(10);
    if (what < 6) {
      if (timer.armed()) {
        wheel.cancel(timer);
        model.erase(where[number]);
      } else {
        const auto reach = static_cast<int64_t>(uint64_t{1} << random.below(16)) * scale;
        int64_t deadline =
            now.ns + static_cast<int64_t>(random.below(static_cast<uint64_t>(reach) + 1)) - 3;
        // Half of them are round: buckets of one tick alone, and of few.
        if (random.below(2) == 0) deadline = deadline / (1'000 * scale) * (1'000 * scale);
        where[number] = {std::max(up(std::max<int64_t>(deadline, 0)), now.ns / tick), ++armings};
        model[where[number]] = number;
        wheel.arm(timer, Instant{std::max<int64_t>(deadline, 0)});
      }
    } else {
      now = now +
            Duration{static_cast<int64_t>(random.below(uint64_t{1} << random.below(14))) * scale};
      const auto most = static_cast<uint32_t>(1 + random.below(6));
      for (bool more = true; more;) {
        std::vector<int> expected;
        while (!model.empty() && model.begin()->first.first <= now.ns / tick &&
               expected.size() < most) {
          expected.push_back(model.begin()->second);
          model.erase(model.begin());
        }
        ASSERT_EQ(fire(wheel, now, most), expected);
        more = !model.empty() && model.begin()->first.first <= now.ns / tick;
      }
    }
    wheel.check_invariants();
    ASSERT_EQ(wheel.armed_count(), model.size());
    if (model.empty()) {
      ASSERT_EQ(wheel.next_deadline(), Instant::never());
    } else {
      ASSERT_EQ(wheel.next_deadline().ns, model.begin()->first.first * tick);
    }
  }
  for (auto& timer : timers) {
    if (timer->armed()) wheel.cancel(*timer);
  }
}

static_assert(wheel_holds_all_time(8, 9));
static_assert(!wheel_holds_all_time(8, 8));
static_assert(!wheel_holds_all_time(8, 16));
static_assert(!wheel_holds_all_time(6, 4));
static_assert(wheel_holds_all_time(8, 0));

template <class Wheel>
void hold_never() {
  Wheel wheel;
  TimerNode node;
  TimerNode soon;
  wheel.arm(node, Instant::never());
  wheel.arm(soon, Instant{1});
  wheel.check_invariants();
  uint32_t fired = 0;
  const auto count = [&fired](TimerNode&) { ++fired; };
  wheel.advance(Instant{1'000'000}, 10, count);
  EXPECT_EQ(fired, 1u);
  EXPECT_TRUE(node.armed());
  EXPECT_EQ(wheel.next_deadline(), Instant::never());
  wheel.cancel(node);
  wheel.check_invariants();
}

TEST(TimerWheel, ATimerForNeverHasASlot) {
  hold_never<TimerWheel>();
  hold_never<BasicTimerWheel<2, 0>>();
  hold_never<BasicTimerWheel<8, 0>>();
  hold_never<BasicTimerWheel<3, 2>>();
  hold_never<BasicTimerWheel<6, 9>>();
  hold_never<BasicTimerWheel<5, 8>>();
}

TEST(TimerWheel, AgreesWithASortedMap) {
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    agree_with_a_sorted_map<BasicTimerWheel<2, 0>>(seed);
    agree_with_a_sorted_map<BasicTimerWheel<3, 2>>(seed);
    agree_with_a_sorted_map<TimerWheel>(seed);
    agree_with_a_sorted_map<TimerWheel>(seed, true);
    agree_with_a_sorted_map<BasicTimerWheel<6, 9>>(seed, true);
  }
}

}  // namespace
}  // namespace havklo
