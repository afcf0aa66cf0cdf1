"""Connect budgets that are shared: no world has one, so unit tests find these.

How a bug is written: planted_bugs.py.
"""
from by_test import by_test

PLACES = "engine/core/attempt_places.hpp"
SHARED = "engine/io/budget/shared_places.hpp"
MEMORY = "engine/io/budget/budget_memory.cpp"
PROCESS = "engine/io/budget/process_budgets.cpp"

BUGS = [
    by_test("core_budget_tests", "SharedAttemptPlaces.AnAttemptThatOthersOvertookWaitsOn",
            ("an attempt that others overtook has two places", PLACES, "own_.cancel(now);", ";")),
    by_test("core_budget_tests", "SharedAttemptPlaces.TwoThatWaitGetTwoPlaces",
            ("others hear of nobody who waits here", PLACES, "before + spare", "spare")),
    by_test("core_budget_tests", "UnreliableBudget.IsKeptWithinTheContract",
            ("a shared budget may make one wait for ever", PLACES, "free = std::clamp(free, asked, std::max(asked, now + window_));", ";")),
    by_test("io_budget_tests", "SharedPlaces.NoWindowHoldsMoreThanTheBudget",
            ("a shared place is free a moment too soon", SHARED, "taken_ns <= now_ns - window_ns_", "taken_ns <= now_ns - window_ns_ + 1")),
    by_test("io_budget_tests", "KilledProcesses.NeverExceedTheBudgetTogether",
            ("two may take one shared place", SHARED,
             "return Slot(slots_[slot]).compare_exchange_strong(from_ns, to_ns, std::memory_order_relaxed);",
             "Slot(slots_[slot]).store(to_ns, std::memory_order_relaxed); return true;")),
    by_test("io_budget_tests", "SharedPlaces.WhatLiesInTheFutureIsCutToNow",
            ("what lies in the future holds its place", SHARED, "if (taken_ns > now_ns + clock_slack_ns) static_cast<void>(exchange(slot, taken_ns, now_ns));", ";")),
    by_test("io_budget_tests", "BudgetFileTest.AWallClockThatIsSetMakesNoAttemptOlder",
            ("a wall clock that is set makes attempts older", MEMORY, "memory->offset_ = {head.utc_offset_ns};", "memory->offset_ = boot.utc_offset;")),
    by_test("io_budget_tests", "ProcessBudgetsTest.AnEngineThatComesAfterAnotherKnowsItsAttempts",
            ("an engine that ends takes its attempts along", PROCESS, "if (entry.settings.budget_file) return true;", "return true;")),
]
