"""What is wanted and what comes: subscriptions, answers, books, repairs, pace, decoder, ring.

How a bug is written: planted_bugs.py.
"""
SUBS = "engine/core/wishes/subscriptions.cpp"
ANSWERS = "engine/core/wishes/answers.cpp"
SESSION = "engine/core/session.cpp"
BOOK = "engine/kraken/book.cpp"
BOOK_HEADER = "engine/kraken/book.hpp"
PUBLISHER = "engine/core/publisher.cpp"

BUGS = [
    ("the rejected are not told", SESSION, "subscriptions_.rejected_count()", "0U"),
    ("restored on ack", ANSWERS,
     "if (keeps_book(record) && !record.verified) {\n    return set(record, Stage::acknowledged, record.cycle);\n  }\n  settle(record);",
     "settle(record);"),
    ("repair without waiting for the ack", SUBS, "publish_fault(record);\n      return queue_unsubscribe(record);\n",
     None, "publish_fault(record);\n      if (planted_bug::is({number})) return queue_subscribe(record);\n      return queue_unsubscribe(record);\n"),
    ("snapshot merged into the old book", [
        (BOOK, "bids_.clear();\n    asks_.clear();\n    has_snapshot_ = true;", "has_snapshot_ = true;"),
        (SUBS, "if (record.book) record.book->clear();", ";")]),
    ("no truncation", BOOK, "book.size() > depth_", "book.size() > depth_ + 1"),
    ("checksum not compared", BOOK_HEADER, "computed != checksum", "false"),
    ("a crossed book passes", BOOK_HEADER, "bids()[0].price() >= asks()[0].price()", "false"),
    ("lost updates are no reason to resynchronise", SESSION, "subscriptions_.on_book_fault(record, stale, now_);", ";"),
    ("a lost message counts as one event", PUBLISHER, "lost_count_ += events;", "++lost_count_;"),
    ("an overrun is not reported", PUBLISHER, "if (lost_count_ != 0) write_overrun();\n  return true;", "return true;"),
    ("requests are not paced", "engine/core/wishes/request_pace.hpp", "full_at_ = std::max(full_at_, now) + interval_;", ";"),
    ("Subscribed said twice", ANSWERS, "publish(EventKind::subscribed, record);",
     "publish(EventKind::subscribed, record); publish(EventKind::subscribed, record);"),
]
