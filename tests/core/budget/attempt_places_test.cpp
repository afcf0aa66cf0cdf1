// The engine's own budget and what others leave of it: an attempt begins when both have a place,
// and the answers that made it wait are told to the journal.
#include "core/attempt_places.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <utility>
#include <vector>

namespace havklo::core {
namespace {

using namespace havklo::literals;

constexpr Instant start{1'000'000'000'000};

// Others' attempts, each of which holds a place for a window; what is asked is written down.
class Others final : public SharedConnectBudget {
 public:
  Others(uint32_t attempts, Duration window) : window_(window), begun_(attempts, start - window) {}
  void begin_at(Instant at) { *std::ranges::min_element(begun_) = at; }

  [[nodiscard]] Instant free_from(Instant earliest, uint32_t spare, Instant) override {
    spares.push_back(spare);
    std::ranges::sort(begun_);
    return std::max(earliest, begun_[std::min<size_t>(spare, begun_.size() - 1)] + window_);
  }
  [[nodiscard]] Instant begin(uint32_t spare, Instant now) override {
    const Instant free = free_from(now, spare, now);
    if (free <= now) begin_at(now);
    return free;
  }
  std::vector<uint32_t> spares;

 private:
  Duration window_;
  std::vector<Instant> begun_;
};

class Diary final : public Journal {
 public:
  void on_command(const Command&) override {}
  void on_completion(const Completion&) override {}
  void end_turn(const TurnEnd&) override {}
  void on_budget_answer(uint32_t ask, Duration wait) override { answers.emplace_back(ask, wait); }
  std::vector<std::pair<uint32_t, Duration>> answers;
};

class SharedAttemptPlaces : public testing::Test {
 protected:
  static constexpr ConnectBudgetSettings numbers{.attempts = 2, .window = 10_s};
  Others others_{numbers.attempts, numbers.window};
  Diary diary_;
  BudgetAsks asks_{.journal = &diary_};
  AttemptPlaces places_{numbers, 4, &others_, asks_};
};

TEST_F(SharedAttemptPlaces, NothingIsToldWhileOthersLeaveEverything) {
  EXPECT_EQ(places_.reserve(start, start), start);
  EXPECT_EQ(places_.begin(start, start), start);
  EXPECT_EQ(places_.reserve(start + 1_s, start), start + 1_s);
  EXPECT_TRUE(diary_.answers.empty());
  EXPECT_FALSE(asks_.held_up);
  EXPECT_EQ(asks_.in_this_turn, 3U);
}

TEST_F(SharedAttemptPlaces, AReservationWaitsForWhatOthersHaveBegun) {
  others_.begin_at(start - 4_s);
  others_.begin_at(start - 2_s);
  EXPECT_EQ(places_.reserve(start, start), start + 6_s);
  ASSERT_EQ(diary_.answers.size(), 1U);
  EXPECT_EQ(diary_.answers[0], (std::pair<uint32_t, Duration>{0, 6_s}));
  EXPECT_TRUE(asks_.held_up);
}

// Of this engine's own that wait, others have heard nothing.
TEST_F(SharedAttemptPlaces, TwoThatWaitGetTwoPlaces) {
  others_.begin_at(start - 4_s);
  others_.begin_at(start - 2_s);
  EXPECT_EQ(places_.reserve(start, start), start + 6_s);
  EXPECT_EQ(places_.reserve(start, start), start + 8_s);
  EXPECT_EQ(others_.spares.back(), 1U);
}

TEST_F(SharedAttemptPlaces, AnAttemptThatOthersOvertookWaitsOn) {
  const Instant place = places_.reserve(start + 1_s, start);
  others_.begin_at(start);
  others_.begin_at(start + 500_ms);
  const Instant now = start + 1_s;
  EXPECT_EQ(places_.begin(place, now), start + 10_s);
  EXPECT_EQ(places_.booked(), 1U) << "it has one place, and not two";
  EXPECT_EQ(places_.begin(start + 10_s, start + 10_s), start + 10_s);
}

TEST_F(SharedAttemptPlaces, APlaceMovesUpAsFarAsOthersLetIt) {
  const Instant place = places_.reserve(start + 9_s, start);
  others_.begin_at(start - 8_s);
  others_.begin_at(start - 7_s);
  EXPECT_EQ(places_.move_up(place, start, start), start + 2_s);
  EXPECT_EQ(places_.booked(), 1U);
}

TEST_F(SharedAttemptPlaces, APlaceNeverMovesBack) {
  const Instant place = places_.reserve(start + 9_s, start);
  others_.begin_at(start + 1_s);
  others_.begin_at(start + 2_s);
  EXPECT_EQ(places_.move_up(place, start + 3_s, start + 3_s), place);
  EXPECT_EQ(places_.booked(), 1U);
}

// Of the last question alone: what this engine's own attempts take is booked, and told.
TEST_F(SharedAttemptPlaces, WhoHoldsAnAttemptUpIsKnown) {
  EXPECT_EQ(places_.reserve(start, start), start);
  EXPECT_EQ(places_.reserve(start, start), start);
  EXPECT_EQ(places_.reserve(start, start), start + 10_s);
  EXPECT_FALSE(places_.held_up_by_others()) << "the two before it do";
  others_.begin_at(start - 1_s);
  others_.begin_at(start - 1_s);
  EXPECT_EQ(places_.begin(start, start), start + 9_s);
  EXPECT_TRUE(places_.held_up_by_others());
  EXPECT_EQ(places_.begin(start + 10_s, start + 10_s), start + 10_s);
  EXPECT_FALSE(places_.held_up_by_others());
  others_.begin_at(start + 10_s);
  others_.begin_at(start + 10_s);
  EXPECT_GT(places_.reserve(start + 10_s, start + 10_s), start + 10_s);
  EXPECT_TRUE(places_.held_up_by_others());
  static_cast<void>(places_.reserve(start + 100_s, start + 10_s));
  EXPECT_FALSE(places_.held_up_by_others());
}

TEST_F(SharedAttemptPlaces, TheFirstAnswerOfEachTurnIsItsFirst) {
  others_.begin_at(start);
  others_.begin_at(start);
  static_cast<void>(places_.reserve(start, start));
  asks_.in_this_turn = 0;
  static_cast<void>(places_.reserve(start + 1_s, start + 1_s));
  ASSERT_GE(diary_.answers.size(), 2U);
  EXPECT_EQ(diary_.answers[0].first, 0U);
  EXPECT_EQ(diary_.answers[1].first, 0U);
}

// A door that keeps no contract makes nobody wait longer than a window, nor begin too early.
TEST(UnreliableBudget, IsKeptWithinTheContract) {
  class Liar final : public SharedConnectBudget {
   public:
    [[nodiscard]] Instant free_from(Instant, uint32_t, Instant) override { return answer; }
    [[nodiscard]] Instant begin(uint32_t, Instant) override { return answer; }
    Instant answer;
  } liar;
  BudgetAsks asks;
  AttemptPlaces places({.attempts = 2, .window = 10_s}, 1, &liar, asks);
  liar.answer = Instant::never();
  EXPECT_EQ(places.reserve(start, start), start + 10_s);
  places.cancel(start + 10_s);
  EXPECT_EQ(places.begin(start, start), start + 10_s);
  places.cancel(start + 10_s);
  liar.answer = Instant{};
  EXPECT_EQ(places.reserve(start + 5_s, start), start + 5_s);
}

}  // namespace
}  // namespace havklo::core
