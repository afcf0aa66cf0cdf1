"""What of trades can be forgotten, kept too long, told twice or told in another order. How a bug is written: planted_bugs.py."""

TAIL = "engine/core/wishes/trade_tail.hpp"
TRADES = "engine/core/session_trades.cpp"
SESSION = "engine/core/session.cpp"
SUBS = "engine/core/wishes/subscriptions.cpp"

BUGS = [
    ("how far the trades have come is forgotten with the connection", SUBS, "set_doubt_carried(*record, record->in_doubt);",
     "set_doubt_carried(*record, record->in_doubt); record->trades = {};"),
    ("how far the trades have come outlives their wish", SUBS, "record.trades = {};", ";"),
    ("a gap of trades is forgotten with the connection", SUBS, "record->bad_snapshots = 0;\n    record->sent = false;",
     "record->bad_snapshots = 0; record->trades.told();\n    record->sent = false;"),
    ("trades that the ring had no room for are only in its Overrun", TRADES, "record.trades.lose(row.trade_id);", ";"),
    ("the first snapshot of trades is told", TAIL, "of_snapshot && (!known_ || learned_in_ == message)", "false"),
    ("trades that a snapshot makes up for are not late", TRADES, "is_snapshot && trade_gaps_", "false"),
    ("a trade that comes twice is told twice", TAIL, "id == last_", "false"),
    ("a gap of trades begins one too late", TAIL, "miss(last_ + 1, id - 1)", "miss(last_ + 2, id - 1)"),
    ("a gap of trades names what is told behind it", TAIL, "miss(last_ + 1, id - 1)", "miss(last_ + 1, id)"),
    ("what is lost while a gap of trades waits does not join it", TAIL, "has_gap_ ? std::max(gap_last_, last) : last",
     "has_gap_ ? gap_last_ : last"),
    ("a trade goes before the gap that waits", TRADES, "record.trades.has_gap()", "false"),
    ("a gap of trades waits for the next of them", SESSION, "has_untold_ && is_greeted()", "false"),
    ("a gap of trades is lost at the end of its wish", SUBS, "record.trades.has_gap()", "false"),
    ("a trade that cannot be read is not named", TRADES, "record.trades.lose(id);\n  tell_gap(record);", ";"),
    ("a gap of trades is told again and again", TRADES, "record.trades.told();", "if (record.trades.gap_first() % 8 != 0) record.trades.told();"),
]
