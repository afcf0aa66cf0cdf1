"""Connect budgets that are shared: no drawn world has one, so unit tests find these.

How a bug is written: planted_bugs.py.
"""
from by_test import by_test

PLACES = "engine/core/attempt_places.hpp"
SHARED = "engine/io/budget/shared_places.hpp"
MEMORY = "engine/io/budget/budget_memory.cpp"
PROCESS = "engine/io/budget/process_budgets.cpp"
LIFE = "engine/core/lifecycle.cpp"
WAITS = "engine/core/lifecycle_waits.cpp"
STEPS = "engine/core/session_lifecycle.cpp"
CLIENT = "engine/client/threaded.cpp"

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
            ("an engine that ends takes its attempts along", PROCESS, "if (entry.in_use()) return false;", "return !entry.in_use();")),
    by_test("io_budget_tests", "BudgetFileSwitchTest.*",
            ("a file that is switched on knows of nothing before", PROCESS, "carry_over(*found->memory, *entry.memory);", "if (!path) carry_over(*found->memory, *entry.memory);")),
    by_test("io_budget_tests", "BudgetFileSwitchTest.*",
            ("what a file knows already is counted twice", SHARED, "known >= same", "false")),
    by_test("io_budget_tests", "BudgetFileSwitchTest.*",
            ("two attempts of one moment are carried over as one", PROCESS, "i != 0 && times[i] == times[i - 1] ? same + 1 : 1", "1U")),

    # Who waits for others is told so.
    by_test("world_tests", "WorldsAmongOthers.KeepEveryInvariantAndTellEachWait",
            ("a first connect that others hold up waits in silence", LIFE, "if (*booked_ > now) return wait_for_place(input.room, now, actions);",
             "if (*booked_ > now) return arm(TimerKind::phase, *booked_, actions);")),
    by_test("world_tests", "WorldsAmongOthers.KeepEveryInvariantAndTellEachWait",
            ("a wait that others lengthen grows in silence", LIFE, "if (*booked_ > now) return wait_for_place(room, now, actions);",
             "if (*booked_ > now) return arm(TimerKind::phase, *booked_, actions);")),
    ("who waits for his own engine is told so too", WAITS, "budget_->held_up_by_others()", "true"),
    by_test("core_life_tests", "ToldWait.IsNoBackoffAnyMore",
            ("a wait for others is cut short like a backoff", WAITS, "skippable_ = false;\n    publish_wait({.delay = *booked_ - now, .cause = WaitsFor::budget}, actions);",
             "publish_wait({.delay = *booked_ - now, .cause = WaitsFor::budget}, actions);")),
    by_test("core_life_tests", "ToldWait.AStartWithoutRoomWaitsWithoutAWord",
            ("a wait is told without a slot for it", WAITS, "room && budget_->held_up_by_others()", "budget_->held_up_by_others()")),
    by_test("core_budget_tests", "SharedAttemptPlaces.WhoHoldsAnAttemptUpIsKnown",
            ("who was held up once always is", PLACES, "held_up_by_others_ = false;\n    const Instant begins", None,
             "if (!planted_bug::is({number})) held_up_by_others_ = false;\n    const Instant begins")),
    by_test("core_life_tests", "ToldWaits.ThatThePlaceCameIsNews",
            ("that a place came is no news", STEPS, "if (place_waited_for() != waited_for) shared_.publisher.note_news();", ";")),
    by_test("core_life_tests", "ToldWait.ThePlaceThatIsWaitedForIsKnownWhileNothingElseIs",
            ("a backoff is a wait for the budget", WAITS, "begins - now > wait.delay", "true")),
    by_test("client_tests", "SharedBudget.OfWhichNothingIsLeftIsWhatWaitLiveSays",
            ("wait_live() does not say what it waits for", CLIENT, "if (left > Duration{}) why.place_free_in = left;", ";")),
]
