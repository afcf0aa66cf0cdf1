// Engines of one process: those with the same key share a budget, at once and one after the other.
#include "io/budget/process_budgets.hpp"

#include <gtest/gtest.h>

#include "support/temporary_folder.hpp"

namespace havklo::io {
namespace {

using namespace havklo::literals;

constexpr Instant now{5'000'000'000'000};
const BudgetKey kraken{.venue = "kraken.com", .source = {}};

class ProcessBudgetsTest : public testing::Test {
 protected:
  ProcessBudgets::Attached attach(const ReconnectSettings& with, Instant at = now,
                                  const BudgetKey& key = kraken) {
    return budgets_.attach(key, with, {.now = at});
  }
  std::unique_ptr<SharedConnectBudget> engine(const ReconnectSettings& with, Instant at = now,
                                              const BudgetKey& key = kraken) {
    auto made = attach(with, at, key);
    EXPECT_TRUE(made);
    return std::move(*made);
  }
  std::string refusal_of(const ReconnectSettings& with) {
    auto made = attach(with);
    if (made) return "";
    const auto* config = std::get_if<ConfigError>(&made.error());
    return config != nullptr ? config->message() : std::get<std::string>(made.error());
  }
  static ReconnectSettings two_in_ten_seconds() {
    return {.connect_budget = 2, .connect_budget_window = 10_s};
  }

  ProcessBudgets budgets_;
};

TEST_F(ProcessBudgetsTest, EnginesOfOneKeyShareIt) {
  const auto one = engine(two_in_ten_seconds());
  const auto other = engine(two_in_ten_seconds());
  EXPECT_EQ(one->begin(0, now), now);
  EXPECT_EQ(other->begin(0, now + 1_s), now + 1_s);
  EXPECT_EQ(one->begin(0, now + 2_s), now + 10_s);
}

TEST_F(ProcessBudgetsTest, EnginesOfOtherKeysHaveTheirOwn) {
  const auto one = engine(two_in_ten_seconds());
  const auto other = engine({.connect_budget = 1}, now, {.venue = "kraken.com", .source = "::1"});
  EXPECT_EQ(one->begin(0, now), now);
  EXPECT_EQ(other->begin(0, now), now);
  EXPECT_EQ(one->begin(0, now), now);
}

// Who makes an engine anew after each failure hammers no less.
TEST_F(ProcessBudgetsTest, AnEngineThatComesAfterAnotherKnowsItsAttempts) {
  for (int each = 0; each < 2; ++each) EXPECT_EQ(engine(two_in_ten_seconds())->begin(0, now), now);
  EXPECT_EQ(engine(two_in_ten_seconds(), now + 5_s)->begin(0, now + 5_s), now + 10_s);
}

TEST_F(ProcessBudgetsTest, OtherNumbersAreRefusedWhileAnEngineRuns) {
  const auto one = engine(two_in_ten_seconds());
  EXPECT_EQ(refusal_of({.connect_budget = 3, .connect_budget_window = 10_s}),
            "reconnect.connect_budget = 3: must be 2 as in another engine of this process that "
            "connects to kraken.com, or not set");
  EXPECT_EQ(refusal_of({.connect_budget = 2, .connect_budget_window = 11_s}),
            "reconnect.connect_budget_window = 11s: must be 10s as in another engine of this "
            "process that connects to kraken.com, or not set");
  ReconnectSettings with_file = two_in_ten_seconds();
  with_file.budget_file = "/nowhere/budget";
  EXPECT_EQ(refusal_of(with_file),
            "reconnect.budget_file = \"/nowhere/budget\": must be none as in another engine of "
            "this process that connects to kraken.com, or not set");
}

TEST_F(ProcessBudgetsTest, AnEngineThatNamesNoNumbersTakesThoseOfWhoRuns) {
  const auto one = engine(two_in_ten_seconds());
  const auto other = engine({});
  EXPECT_EQ(one->begin(0, now), now);
  EXPECT_EQ(other->begin(0, now), now);
  EXPECT_EQ(other->begin(0, now), now + 10_s);
}

TEST_F(ProcessBudgetsTest, OtherNumbersHoldOnceNobodyRunsAndForgetNothing) {
  {
    const auto one = engine(two_in_ten_seconds());
    EXPECT_EQ(one->begin(0, now), now);
    EXPECT_EQ(one->begin(0, now + 1_s), now + 1_s);
  }
  const auto other = engine({.connect_budget = 3, .connect_budget_window = 20_s}, now + 2_s);
  EXPECT_EQ(other->begin(0, now + 2_s), now + 2_s);
  EXPECT_EQ(other->begin(0, now + 3_s), now + 20_s);
}

TEST_F(ProcessBudgetsTest, WhatAFileRefusesIsSaid) {
  ReconnectSettings with_file = two_in_ten_seconds();
  with_file.budget_file = "/nowhere/budget";
  EXPECT_EQ(refusal_of(with_file),
            "cannot make the budget file '/nowhere/budget': No such file or directory");
  EXPECT_EQ(engine(two_in_ten_seconds())->begin(0, now), now) << "nothing was left of it";
}

TEST_F(ProcessBudgetsTest, AFileIsSharedAsItIsBetweenProcesses) {
  const TemporaryFolder folder;
  ReconnectSettings with_file = two_in_ten_seconds();
  with_file.budget_file = folder / "budget";
  ProcessBudgets another;  // process
  const auto one = engine(with_file);
  auto other = another.attach(kraken, with_file, {.now = now});
  ASSERT_TRUE(other);
  EXPECT_EQ(one->begin(0, now), now);
  EXPECT_EQ((*other)->begin(0, now), now);
  EXPECT_EQ(one->begin(0, now), now + 10_s);
}

}  // namespace
}  // namespace havklo::io
