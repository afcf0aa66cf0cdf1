"""What a wish, its book and the way to the strategy have to forget, and what they have to keep: not forgotten, forgotten too early, or at
the wrong door. INVARIANTS.md lists what there is; how a bug is written: planted_bugs.py.
"""
from by_test import by_test

PACE = "engine/core/wishes/request_pace.hpp"
SUBS_HPP = "engine/core/wishes/subscriptions.hpp"
SUBS = "engine/core/wishes/subscriptions.cpp"
ANSWERS = "engine/core/wishes/answers.cpp"
LIFECYCLE = "engine/core/lifecycle.cpp"
STEPS = "engine/core/session_lifecycle.cpp"
SLOTS = "engine/core/lifecycle_slots.hpp"
ENGINE = "engine/core/engine.cpp"
PUBLISHER = "engine/core/publisher.cpp"
ORDER_BOOK = "engine/core/public/order_book.cpp"
LAYOUT = "engine/kraken/layout/primitives.hpp"


PACE_BUGS = [
    ("a slowed pace is never restored", SUBS_HPP, "!stable_at_ || !pace_.is_slowed()", "true"),
    ("a slowed pace is restored by a new connection", PACE, "full_at_ = Instant{std::numeric_limits<int64_t>::min() / 2};",
     "full_at_ = Instant{std::numeric_limits<int64_t>::min() / 2}; interval_ = configured_interval_;"),
    ("a slowed pace is restored by the all clear", LIFECYCLE, "arm(TimerKind::stable, now + reconnect_.stable_after, actions);",
     "arm(TimerKind::stable, now + reconnect_.stable_after, actions); actions.add(ActionKind::stable);"),
    ("a pace slowed late in a good life stays slow", SUBS_HPP, "std::max(*stable_at_, pace_.slowed_at() + stable_after_)",
     "pace_.slowed_at() > *stable_at_ ? Instant::never() : *stable_at_"),
    ("a rate error late in a good life is forgotten at once", SUBS_HPP, "return std::max(*stable_at_, pace_.slowed_at() + stable_after_);",
     "return *stable_at_;"),
    ("a rate error slows nothing down", ANSWERS, "pace_.slow_down(now);", ";"),
    ("a restored pace owes as much time as the slow one", PACE, "if (missing > Duration{})", None,
     "if (missing > Duration{} && !planted_bug::is({number}))"),
    by_test("core_wishes_tests", "Forgotten.TheTimerOfTheSlowPaceIsForgottenWithIt",
            ("the timer of the slow pace is kept", STEPS, "disarm(pace_timer_);  // set for the slow pace; end_turn arms it again",
     None, "if (!planted_bug::is({number})) disarm(pace_timer_);")),
    ("a new connection begins with the old one's empty bucket", SUBS, "pace_.refill();", ";"),
    ("a slow pace knows no end", PACE, "std::min(interval_ * 2, std::max(configured_interval_, slowest_interval))", "interval_ * 2"),
]

REPAIRS = [
    ("a book's repairs are never forgiven", ANSWERS,
     "if (record.verified && now - record.verified_at >= stable_after_) record.repairs = 0;", ";"),
    ("a book's repairs are forgiven by its snapshot", ANSWERS, "record.verified_at = now;", "record.verified_at = now; record.repairs = 0;"),
    ("a book's repairs outlive their connection", SUBS, "record->repairs = 0;\n    record->already_said = false;", "record->already_said = false;"),
    by_test("core_wishes_tests", "Forgotten.TheRepairsOfAWishAreNotThoseOfTheOneThatFollows",
            ("the repairs of a wish that was taken back are held against the next", SUBS, "trust(*record);\n    record->repairs = 0;",
             "trust(*record);")),
    ("tries of the end count for the next wish", SUBS,
     "set(*record, record->stage, Cycle::change);  // it goes on with subscribe after the ack\n    record->renewed = true;",
     "set(*record, record->stage, Cycle::change);"),
    ("repairs do not wait", ANSWERS, "repairs && record.tries == 1", "false"),
    ("a wish made again has the old one's repairs", SUBS,
     "record.bad_snapshots = 0;\n  record.repairs = 0;\n  record.already_said = false;",
     "record.bad_snapshots = 0;\n  record.already_said = false;"),
    ("a book's good life counts from its connection's", ANSWERS,
     "now - record.verified_at >= stable_after_", "record.verified && stable_at_"),
]

DOUBT = [
    ("doubt is not told again on the next connection", SUBS, "set_doubt_told(*record, false);", ";"),
    ("doubt ends with its connection", SUBS, "record->already_said = false;", "record->already_said = false; record->in_doubt = false;"),
    ("doubt is never taken back", ANSWERS, "record.in_doubt = false;", ";"),
    ("doubt is taken back by the ack", ANSWERS, "record.already_said = false;\n  publish(EventKind::subscribed, record);",
     "record.already_said = false; record.in_doubt = false;\n  publish(EventKind::subscribed, record);"),
    ("doubt is told twice", ANSWERS, "!record.in_doubt || record.doubt_told", "!record.in_doubt"),
    ("a wish in doubt is not tried on", ANSWERS, "try_again(record);\n      return true;", "return true;"),
    by_test("core_wishes_tests", "OneSymbolsFault.AMuteSymbolIsRejectedAfterThreeTriesAndTriedOnAlone",
            ("a mute wish is told of after four tries", ANSWERS, "record.tries >= tries_max", "record.tries > tries_max")),
    ("tries are counted over all cycles", SUBS, "record.tries = 1;", ";"),
    by_test("core_wishes_tests", "Forgotten.BadSnapshotsAreForgottenByAGoodOne",
            ("bad snapshots are not forgotten after a good one", ANSWERS, "record.bad_snapshots = 0;", ";")),
    ("bad snapshots outlive their connection", SUBS, "record->bad_snapshots = 0;", ";"),
    ("a bad update counts as a bad snapshot", ANSWERS, "!was_good && !lost && record.bad_snapshots < bad_snapshots_max",
     "!lost && record.bad_snapshots < bad_snapshots_max"),
]

REFUSALS = [
    ("a final refusal is asked again", ANSWERS, "is_final(error)", "false"),
    ("a final refusal outlives its connection", SUBS, "if (record->stage == Stage::rejected) trust(*record);",
     "if (record->stage == Stage::rejected) continue;"),
    ("what was refused and is wanted again is not asked for", SUBS, "is_new || record->stage == Stage::rejected", "is_new"),
    by_test("core_wishes_tests", "SubscriptionsTest.AnAckThatComesAfterARateErrorIsGood",
            ("a late ack after a rate error is ignored", ANSWERS, "record.stage != Stage::asked && !late",
     "record.stage != Stage::asked && (!late || record.stage == Stage::to_subscribe)")),
    by_test("core_wishes_tests", "Forgotten.WhyItWasGivenBackIsOverWhenItIsAskedForInVain",
            ("a late ack in doubt is ignored", ANSWERS, "record.asked_parameter == record.parameter",
     "record.asked_parameter == record.parameter && record.stage != Stage::backing_off")),
    by_test("core_wishes_tests", "Forgotten.WhyItWasGivenBackIsOverWhenItIsAskedForInVain",
            ("why it was given back is remembered for ever", ANSWERS, "if (asks) set(record, record.stage, Cycle::subscribe);", ";")),
    ("asking alone outlives its connection", SUBS, "record->alone = false;", ";"),
    ("the ids of requests begin anew", SUBS, "epoch_ = epoch;", "epoch_ = epoch; last_req_id_ = 0;"),
]

BOOKS = [
    ("an end is asked for in the new depth", SUBS, "subscribe ? record.parameter : record.asked_parameter", "record.parameter"),
    ("a book keeps its old depth", SUBS, "if (other_depth) record.book.emplace(record.parameter, scratch_);", ";"),
    ("a book that is to go is emptied too early", SUBS, "set(record, Stage::to_unsubscribe, record.cycle);",
     "empty_book(record); set(record, Stage::to_unsubscribe, record.cycle);"),
    ("a book that is to go takes no more", SUBS, "record->verified || record->stage == Stage::acknowledged || early",
     "(record->verified && record->stage == Stage::settled) || record->stage == Stage::acknowledged || early"),
    ("a book outlives its connection", SUBS, "disarm(*record);\n    empty_book(*record);", "disarm(*record);"),
    by_test("core_wishes_tests", "LateAnswers.AnAckOfWhatWasGivenBackSinceIsNone",
            ("an ack of what was given back since is good", ANSWERS, "ack.req_id && *ack.req_id < record.given_back_id", "false")),
    by_test("core_wishes_tests", "LostRecords.OfManyLostBooksThoseAreAskedForWhoseSnapshotsFit",
            ("all that were lost are asked for at once", SUBS, "snapshots_room = needed;", ";")),
    by_test("core_wishes_tests", "LostRecords.OfManyLostBooksThoseAreAskedForWhoseSnapshotsFit",
            ("those that come are forgotten when the next are asked for", SUBS, "if (comes) room += 2U * record->parameter;", ";")),
    by_test("core_wishes_tests", "Forgotten.ThatItIsToGoOutlivesAFaultBetweenTwoTries",
            ("a fault between two tries forgets that it is to go", ANSWERS, "record.stage == Stage::unsubscribing || record.stage == Stage::backing_off",
             "record.stage == Stage::unsubscribing")),
    by_test("core_wishes_tests", "SubscriptionsTest.ABookThatIsToGoAndBreaksIsToldAndGoesAllTheSame",
            ("a book that is to go and breaks is not told", ANSWERS, "if (record.stage != Stage::parked) publish_fault(record);", ";")),
    ("a fault that was told is told again", SUBS, "tell(record, record.fault);\n  record.fault.kind = EventKind{};",
     "tell(record, record.fault);"),
    ("a wish that is gone is still found", SUBS, "index(record.channel, record.symbol, nullptr);", ";"),
    ("the minute that was read first is kept", LAYOUT, "std::memcmp(at, minute_text_.data(), minute_text_.size()) != 0",
     "minute_ns_ == 0"),
    ("the text of the minute is new, its time is old", LAYOUT, "minute_ns_ = whole_ns - second_ns;",
     "if (minute_ns_ == 0) minute_ns_ = whole_ns - second_ns;"),
]

# Of what comes late, in other words, or never.
LATE = [
    by_test("core_wishes_tests", "LateAnswers.ARefusalOfTheSymbolItselfIsGoodHoweverLate",
            ("a late refusal is ignored", ANSWERS, "return on_late_error(ack, now);", "return;")),
    by_test("core_wishes_tests", "LateAnswers.ARefusalOfWhatWasGivenBackSinceIsNone",
            ("a refusal of what was given back since is good", ANSWERS, "ack.req_id && *ack.req_id < record->given_back_id", "false")),
    by_test("core_wishes_tests", "LateAnswers.AnEndIsGoodThatComesBetweenTwoTries",
            ("a late end is ignored", ANSWERS, "(again && record.given_back_id != 0)", "false")),
    by_test("core_wishes_tests", "LateAnswers.WhatIsAlwaysTakenInAnotherDepthIsInDoubtAfterThreeTries",
            ("another depth is no try in vain", ANSWERS, "++record.tries;\n      return queue_unsubscribe(record);",
             "return queue_unsubscribe(record);")),
    by_test("core_wishes_tests", "LateAnswers.WhatItsDataSettleIsListenedTo",
            ("what its data settle is not listened to", STEPS, "} else {\n        arm_watchdog();", None,
             "} else if (!planted_bug::is({number})) {\n        arm_watchdog();")),
    ("a doubt of an earlier connection is an all clear of this one", SUBS_HPP, "settled_ != 0 || carried_ == 0", "true"),
    by_test("core_wishes_tests", "LateAnswers.WhatIsRefusedAgainOnThisConnectionHoldsUpNoAllClear",
            ("what is refused again holds up the all clear", ANSWERS, "set_doubt_carried(record, false);\n}\n\nvoid Subscriptions::trust", None,
             "if (!planted_bug::is({number})) set_doubt_carried(record, false);\n}\n\nvoid Subscriptions::trust")),
    by_test("core_wishes_tests", "LateAnswers.WhatTheRateNeverLetsLeaveIsInDoubtAfterThreeTries",
            ("what the rate never lets leave has no deadline", ANSWERS, "wheel_.arm((*next)->timer, now + restore_timeout_);", ";")),
    by_test("world_tests", "Simulator.WorldsThatOnceBrokeAnInvariantAreWell",
            ("data of an older subscription are taken for the new one's", SUBS,
             "record->stage == Stage::asked && record->given_back_id == 0", "record->stage == Stage::asked")),
    by_test("core_wishes_tests", "LateAnswers.AlreadySubscribedForTheSecondTimeIsAnAckWhereTheBookIsGood",
            ("a good book is thrown away for a second Already subscribed", ANSWERS,
             "if (in_vain && record.verified) return acknowledge(record, now);", ";")),
    by_test("core_wishes_tests", "LateAnswers.AnInstrumentThatLostItsWireToAnothersEndBeginsAnew",
            ("an instrument's end is the silent end of all", ANSWERS, "if (!subscribed) regain_wire(*channel);", ";")),
    by_test("core_wishes_tests", "Forgotten.RepairsAreForgottenByAGoodLifeThatEndsInAnotherDepth",
            ("repairs outlive a good life that ends in another depth", ANSWERS, "forgive_repairs(record, now);\n  empty_book(record);",
             "empty_book(record);")),
]

# What no world brings about, or nobody at the doors can see.
UNSEEN = [
    by_test("core_wishes_tests", "Forgotten.AlreadySubscribedIsForgottenByItsAck",
            ("Already subscribed is remembered after its ack", ANSWERS,
             "record.already_said = false;\n  publish(EventKind::subscribed, record);", "publish(EventKind::subscribed, record);")),
    by_test("core_wishes_tests", "Forgotten.AlreadySubscribedIsForgottenByTheNextConnection",
            ("Already subscribed is remembered on the next connection", SUBS, "record->already_said = false;", ";")),
    by_test("core_wishes_tests", "Forgotten.AloneIsForgottenByAnAck",
            ("asking alone outlives its ack", ANSWERS,
             "record.alone = false;\n  record.already_said = false;\n  publish(EventKind::subscribed, record);",
             "record.already_said = false;\n  publish(EventKind::subscribed, record);")),
    by_test("core_wishes_tests", "LateAnswers.ALateAckOfAnotherDepthIsNone",
            ("a late ack of another depth is taken", ANSWERS, "record.asked_parameter == record.parameter", "true")),
    by_test("core_wishes_tests", "Forgotten.RefusalsOfCandlesAreForgottenByTheirAck",
            ("refusals of candles are never forgiven", ANSWERS, "if (!keeps_book(record)) record.repairs = 0;", ";")),
    ("what was told of a wish is taken back before its answer", ANSWERS, "record.in_doubt && record.stage == Stage::settled",
     "record.in_doubt"),
    ("an answer in another depth is taken for the newer request's", ANSWERS,
     "ack.parameter && record.parameter != 0 && *ack.parameter != record.parameter", "false"),
    by_test("core_wishes_tests", "Forgotten.SlotsOfAWishAreGivenBackWithIt",
            ("a wish that is gone keeps its slots", SLOTS, "publisher_.release(held_ - needed_);", ";")),
]

TO_THE_STRATEGY = [
    ("what was lost is reported again and again", PUBLISHER, "lost_count_ = 0;", ";"),
    ("a second loss begins where the first did", PUBLISHER, "if (lost_count_ == 0) lost_first_ = sequence_ + 1;",
     "if (lost_first_ == 0) lost_first_ = sequence_ + 1;"),
    ("the strategy's book answers after an Overrun", ORDER_BOOK, "in_doubt_ = live_;", ";"),
    by_test("core_public_tests", "OrderBookTest.AnOverrunSilencesItUntilItsNextMessage",
            ("the strategy's book stays silent after an Overrun", ORDER_BOOK, "inside_message_ = !event.last_in_message();\n  in_doubt_ = false;",
     "inside_message_ = !event.last_in_message();")),
    ("the strategy's book outlives its connection", ORDER_BOOK, "case EventKind::disconnected:\n      return forget();", None,
     "case EventKind::disconnected:\n      return planted_bug::is({number}) ? false : forget();"),
    ("the strategy's book outlives its end", ORDER_BOOK, "return event.payload.subscription.symbol;", "return std::nullopt;"),
    ("the strategy's book outlives its fault", ORDER_BOOK, "return event.payload.book_fault.symbol;", "return std::nullopt;"),
    ("RecordingStopped is not said", ENGINE,
     "publisher.publish_reserved(\n      event, origin_of(0, 0, sessions[0].ask([](const auto& first) { return first.epoch(); })));", "publisher.release(1);"),
]

BUGS = [*PACE_BUGS, *REPAIRS, *DOUBT, *REFUSALS, *BOOKS, *LATE, *UNSEEN, *TO_THE_STRATEGY]
