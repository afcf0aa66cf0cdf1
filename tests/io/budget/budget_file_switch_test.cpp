// A process that names a budget file, or another one, or none any more: what it has begun holds on.
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>

#include "io/budget/process_budgets.hpp"
#include "support/temporary_folder.hpp"

namespace havklo::io::budget_file_switch {
namespace {

using namespace havklo::literals;

constexpr Instant now{5'000'000'000'000};
const BudgetKey kraken{.venue = "kraken.com", .source = {}};

class BudgetFileSwitchTest : public testing::Test {
 protected:
  std::unique_ptr<SharedConnectBudget> engine(const ReconnectSettings& with, Instant at) {
    auto made = budgets_.attach(kraken, with, {.utc_offset = 1'750'000'000_s, .now = at});
    EXPECT_TRUE(made);
    return std::move(*made);
  }
  static ReconnectSettings in_memory(uint32_t attempts = 2) {
    return {.connect_budget = attempts, .connect_budget_window = 10_s};
  }
  ReconnectSettings in_file(const char* name, uint32_t attempts = 2) {
    ReconnectSettings settings = in_memory(attempts);
    settings.budget_file = folder_ / name;
    return settings;
  }

  TemporaryFolder folder_;
  ProcessBudgets budgets_;
};

// Both of one moment: sessions of one turn.
TEST_F(BudgetFileSwitchTest, SwitchedOnItKnowsWhatWentBefore) {
  for (int each = 0; each < 2; ++each) EXPECT_EQ(engine(in_memory(), now)->begin(0, now), now);
  EXPECT_EQ(engine(in_file("a"), now + 1_s)->begin(0, now + 1_s), now + 10_s);
}

TEST_F(BudgetFileSwitchTest, SwitchedOffTheProcessKnowsWhatStandsInIt) {
  for (int each = 0; each < 2; ++each) EXPECT_EQ(engine(in_file("a"), now)->begin(0, now), now);
  EXPECT_EQ(engine(in_memory(), now + 1_s)->begin(0, now + 1_s), now + 10_s);
}

TEST_F(BudgetFileSwitchTest, AnotherFileKnowsItToo) {
  for (int each = 0; each < 2; ++each) EXPECT_EQ(engine(in_file("a"), now)->begin(0, now), now);
  EXPECT_EQ(engine(in_file("b"), now + 1_s)->begin(0, now + 1_s), now + 10_s);
}

TEST_F(BudgetFileSwitchTest, TheSameFileAgainHasNothingTwice) {
  for (int each = 0; each < 4; ++each) {
    const Instant at = now + Duration::seconds(each / 2);
    EXPECT_EQ(engine(in_file("a", 4), at)->begin(0, at), at);
  }
  EXPECT_EQ(engine(in_file("a", 4), now + 2_s)->begin(0, now + 2_s), now + 10_s);
}

TEST_F(BudgetFileSwitchTest, WhatAnotherProcessBeganSinceStays) {
  ProcessBudgets another;
  EXPECT_EQ(engine(in_memory(3), now)->begin(0, now), now);
  auto other = another.attach(kraken, in_file("a", 3), {.utc_offset = 1'750'000'000_s, .now = now});
  ASSERT_TRUE(other);
  for (int each = 1; each <= 2; ++each) {
    const Instant at = now + Duration::seconds(each);
    EXPECT_EQ((*other)->begin(0, at), at);
  }
  EXPECT_EQ(engine(in_file("a", 3), now + 3_s)->begin(0, now + 3_s), now + 10_s);
  EXPECT_EQ((*other)->begin(0, now + 4_s), now + 10_s) << "the other knows of it too";
}

// To touch what lay behind its end would end the process.
TEST_F(BudgetFileSwitchTest, AFileThatIsCutShortIsForgotten) {
  EXPECT_EQ(engine(in_file("a"), now)->begin(0, now), now);
  std::filesystem::resize_file(folder_ / "a", 0);
  EXPECT_EQ(engine(in_memory(), now)->begin(0, now), now);
}

TEST_F(BudgetFileSwitchTest, AfterAWindowNothingIsCarriedOver) {
  for (int each = 0; each < 2; ++each) EXPECT_EQ(engine(in_file("a"), now)->begin(0, now), now);
  const Instant later = now + 10_s;
  for (int each = 0; each < 2; ++each)
    EXPECT_EQ(engine(in_memory(), later)->begin(0, later), later);
}

}  // namespace
}  // namespace havklo::io::budget_file_switch
