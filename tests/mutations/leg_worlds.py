"""What can go wrong where several connections make one feed. How a bug is written: planted_bugs.py."""

BOOK = "engine/core/legs/published_book.cpp"
BOOKS = "engine/core/legs/legs_books.cpp"
LIFE = "engine/core/legs/legs_life.cpp"
TURN = "engine/core/legs/legs.cpp"
LAG = "engine/core/legs/legs_lag.cpp"
FEED = "engine/core/legs/legs_feed.cpp"
WISHES = "engine/core/legs/legs_wishes.cpp"
TRADES = "engine/core/legs/merged_trades.hpp"
HOLES = "engine/core/legs/trade_holes.hpp"
BEHIND = "engine/core/legs/behind.hpp"

BUGS = [
    ("a later copy waits for the leader", BOOK, "time_ns <= time_ns_ && !only_word", "!only_word"),
    ("a follower that extends the book passes, though its state is of the past", BOOK, "extends && in_order", "extends"),
    ("an earlier copy leads when the leader is lost", BOOK, "time_ns <= time_ns_ && !only_word",
     "time_ns <= time_ns_ && leader_ != none"),
    ("another copy's changes pass as they are", BOOK, "extends && in_order", "in_order"),
    ("the difference is to older words than the last", BOOK, "last_words_.take(*last);", ";"),
    ("the published book is forgotten with its leader", BOOKS, "closing_ || !book.is_whole() || book.verified() != 0",
     "closing_ || !book.is_whole()"),
    ("a book that no leg has is kept", BOOKS, "book.forget();\n  wish.owes_fault = books_wait_ = true;", ";"),
    ("the last Live leg ends no epoch while another is greeted", LIFE, "(was_live && company_.live == 0 && !closing_)", "false"),
    ("each lost leg ends the epoch", LIFE, "if (!last) return lose_what_it_alone_had(leg);", ";"),
    ("the next epoch has no books", LIFE, "if (greeted_ != 0) hand_over(leg);", "if (greeted_ != 0) begin_epoch(static_cast<uint32_t>(std::countr_zero(greeted_)));"),
    ("the only Live leg is renewed", TURN, "due == 0 || std::popcount(live) < 2", "due == 0"),
    ("two legs are renewed at once", TURN, "renewing_ != nobody && !has(live, renewing_)", "false"),
    ("the only Live leg may lag", LAG, "!has(company_.live, leg) || !company_.others_live(leg)", "!has(company_.live, leg)"),
    ("nobody minds a leg that lags", LAG, "touch(leg).tell(InputKind::lost, {.reason = Reason::lagging}, now_);", ";"),
    ("a mark that is reached is kept", BEHIND, "forget();\n    if (reached < published) see(published, now);", ";"),
    ("what two legs bring is told twice", TRADES, "known_ && id <= last_", "false"),
    ("a late copy fills no hole", TRADES, "holes_.fill(id)", "false"),
    ("a hole is told at once, whoever may fill it", FEED, "if (hole.due) return true;", "return true;"),
    ("a hole is never told", FEED, "restored_ && now_ - hole.since >= lag_max_", "false"),
    ("a trade that fills a hole is not late", FEED, "late && trade_gaps_", "false"),
    ("Subscribed for each leg", WISHES, "wish.told == LegWish::Told::subscribed && !wish.ending", "false"),
    ("Unsubscribed for each leg", WISHES, "wish.ending = false;\n  wish.ended = true;", "wish.ended = true;"),
    ("one leg's refusal is the session's", WISHES, "if (!all_refuse(wish)) return;", ";"),
    ("a leg leaves nothing of the budget", "engine/core/attempt_places.hpp", "own_.settings().attempts / 10", "0U"),
]
