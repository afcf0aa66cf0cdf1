"""What a late feed can fail to say, or say falsely. How a bug is written: planted_bugs.py."""
from by_test import by_test

LAG = "engine/core/session_lag.cpp"
SESSION = "engine/core/session.hpp"
SUBS = "engine/core/wishes/subscriptions.cpp"
ANSWERS = "engine/core/wishes/answers.cpp"
LIFECYCLE = "engine/core/session_lifecycle.cpp"

BUGS = [
    ("a lag ends where it began", "engine/core/wishes/feed_lag.hpp", "lags ? warn_ns / 2 : warn_ns", "warn_ns"),
    ("what a snapshot tells of the past is a lag", SESSION, "venue_time_ns == 0 || is_snapshot", "venue_time_ns == 0"),
    ("who lags is not told when he has caught up", LAG, "subscriptions_.any_lags() ? std::numeric_limits<int64_t>::min() : lag_warn_ns_",
     "lag_warn_ns_"),
    ("a lag outlives its connection", SUBS, "forget_lag(*record);", ";"),
    ("a lag outlives what the venue has ended", ANSWERS, "forget_lag(record);", ";"),
    ("that a lag ends is told as its beginning", "engine/core/wishes/feed_lag.hpp", "lags ? 1 : 0", "1"),
    by_test("core_tests", "Lag.WaitsForRoomAndIsNotToldWhenItIsOverByThen",
            ("a lag that found the ring full is not told", LAG, "has_untold_ = !tell_lags() || has_untold_;", "static_cast<void>(tell_lags());")),
    by_test("core_tests", "Lag.IsAgainstAClockThatIsReadOnceAMinute",
            ("what makes our time UTC is read at attempts alone", LIFECYCLE, "        watch_utc();", "        ;")),
    by_test("core_tests", "Lag.IsCountedWhetherSomebodyIsWarnedOrNot",
            ("the lag is not counted", SESSION, "counts_.lag_ns.set(lag_ns);", ";")),
]
