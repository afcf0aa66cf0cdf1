"""Planted by somebody who had read the engine and not these lists: the turn, the wishes, the wire, what is kept of a message, recordings.

How a bug is written: planted_bugs.py.
"""
from by_test import by_test

LIFE = "engine/core/lifecycle.cpp"
WAITS = "engine/core/lifecycle_waits.cpp"
STEPS = "engine/core/session_lifecycle.cpp"
SESSION = "engine/core/session.cpp"
ENGINE = "engine/core/engine.cpp"
PUBLISHER = "engine/core/publisher.cpp"
SLOTS = "engine/core/lifecycle_slots.hpp"
BUDGET = "include/havklo/connect_budget.hpp"
PACE = "engine/core/wishes/request_pace.hpp"
SUBS_HPP = "engine/core/wishes/subscriptions.hpp"
SUBS = "engine/core/wishes/subscriptions.cpp"
ANSWERS = "engine/core/wishes/answers.cpp"
TABLE = "engine/core/wishes/symbol_table.hpp"
ORDER_BOOK = "engine/core/public/order_book.cpp"
LEVELS = "engine/kraken/book_levels.hpp"
BOOK = "engine/kraken/book.cpp"
DECODE = "engine/kraken/decode.cpp"
CHANNELS = "engine/kraken/channels/"
LAYOUT = "engine/kraken/layout/primitives.hpp"
CONNECTION = "engine/websocket/connection.cpp"
MASKS = "engine/websocket/mask_keys.cpp"
ADDRESSES = "engine/addresses/addresses.cpp"
RACE = "engine/addresses/race.cpp"
FILES = "replay/recording/files.cpp"
RECORDER = "replay/recording/recorder.cpp"
INDEX = "replay/recording/block_index.cpp"
READER = "replay/recording/reader.cpp"
PLAYER = "replay/playback/player.cpp"
REPLAY = "replay/playback/replay.cpp"
RANGE = "tools/havklo/replay.cpp"
FEED = "replay/what_if/recorded_feed.cpp"

LIFE_BUGS = [
    ("downtime from the last greeting", LIFE, "if (was_live) down_since_ = now;", "if (greeted_) down_since_ = now;"),
    ("the timer of a stable life counts from the greeting", LIFE, "arm(TimerKind::stable, now + reconnect_.stable_after, actions);",
     "arm(TimerKind::stable, connected_at_ + reconnect_.stable_after, actions);"),
    ("a late attempt is booked twice", LIFE, "budget_->begin(booked_.value_or(now), now, spare())", "budget_->begin(now, now)"),
    ("a late attempt may be one too many", BUDGET, "static_cast<uint32_t>(begun) >= settings_.attempts",
     "static_cast<uint32_t>(begun) > settings_.attempts"),
    ("the goodbye has the greeting's time", LIFE, "return arm(TimerKind::phase, now + timeouts_.close_timeout, actions);",
     "return arm(TimerKind::phase, now + timeouts_.greeting_timeout, actions);"),
    ("a probe has the open breaker's time", LIFE, "now + breaker_settings_.half_open_timeout", "now + breaker_settings_.reset_timeout"),
    by_test("core_life_tests", "Lifecycle.AWaitForRoomIsCalledSoWhateverElseThereIs",
            ("a wait for the ring goes by the longest other", WAITS, "if (!room) wait.cause = WaitsFor::ring;",
             "if (!room && wait.cause == WaitsFor::backoff) wait.cause = WaitsFor::ring;")),
    ("a wait for the ring is never over", LIFE, "wants_room_ = !room;", "if (!room) wants_room_ = true;"),
    ("who is mute is left without a word", LIFE, "return close_going_away;", "return uint16_t{0};"),
]

TURN = [
    by_test("core_wishes_tests", "SubscriptionsTest.ABadChecksumRepairsThatBookAlone",
            ("what was expected and what was computed are exchanged", [
                (SESSION, "fault.payload.book_fault.expected = expected;", "fault.payload.book_fault.computed = expected;"),
                (SESSION, "fault.payload.book_fault.computed = record.book->checksum();",
                 "fault.payload.book_fault.expected = record.book->checksum();")])),
    ("the second session's watchdog wakes the first", SESSION, "watchdog_timer_.is_for(TimerOwner::watchdog, number, leg.number);", "watchdog_timer_.is_for(TimerOwner::watchdog, 0, leg.number);"),
    by_test("core_tests", "Turn.WaitsForRoomNoLongerThanItLacksSome",
            ("who has waited for room waits for ever", ENGINE, "needs_room &= ~to_end;", ";")),
    by_test("core_tests", "Turn.WhatArrivesAfterTheClockIsOfTheNext",
            ("the clock is read before the look at the network",
             [(ENGINE, "state.doors.transport.collect();", ";"),
              (ENGINE, "result.now = state.now = state.doors.clock.now();",
               "result.now = state.now = state.doors.clock.now(); state.doors.transport.collect();")])),
    by_test("core_tests", "Turn.FullOfCompletionsSaysThatMoreMayBeDue",
            ("a full turn of completions says nothing of more", ENGINE, "timers.more_due || completions >= completions_per_turn_max",
             "timers.more_due || completions > completions_per_turn_max")),
    by_test("core_tests", "Turn.FullOfCommandsSaysThatMoreMayBeDue",
            ("a full turn of commands says nothing of more", ENGINE, "commands == commands_per_turn_max", "commands > commands_per_turn_max")),
    by_test("core_wishes_tests", "OneSymbolsFault.ABookThatIsUnreadableCostsNoOtherOfItsMessage",
            ("an unreadable book takes the good ones of its message along", SESSION, "if (message.fault.key.empty()) return on_book(message);", ";")),
    by_test("core_life_tests", "LifecycleSlots.ACycleBeginsWithAllThatItAndTheEndMayPublish",
            ("a cycle begins one short of slots", SLOTS, "(cycles_running + 1) * needs_.cycle", "cycles_running * needs_.cycle")),
    by_test("core_tests", "PublisherTest.AnyMixOfRoomAndLossAccountsForEveryNumber",
            ("the report of a loss takes a slot that is held", "engine/core/publisher.hpp", "return market_room() >= events + (lost_count_ != 0 ? 1 : 0);", "return market_room() >= events;")),
    by_test("core_tests", "PublisherTest.TheReportNamesWhoLostLast",
            ("the report of a loss is the first one's", PUBLISHER, "lost_origin_ = origin;", "if (lost_count_ == events) lost_origin_ = origin;")),
    ("an Overrun that another session told is not heard", ORDER_BOOK, "event.session != session_ && event.kind != EventKind::overrun",
     "event.session != session_"),
]

WISHES = [
    ("a good life that is over counts for the next connection", SUBS_HPP, "if (!connected_) stable_at_.reset();", ";"),
    ("a second rate error does not count", PACE, "slowed_at_ = now;", "if (interval_ == configured_interval_ * 2) slowed_at_ = now;"),
    by_test("core_wishes_tests", "Parked.AnEndThatIsTakenBackComesFirstAllTheSame",
            ("what was to end and is wanted again is not ended first", SUBS, "record->sent ? Cycle::change : Cycle::subscribe", "Cycle::subscribe")),
    ("an end asked for in the old depth is noted in the new one", SUBS, "record.given_back_id = request.req_id;",
     "record.given_back_id = request.req_id; record.asked_parameter = record.parameter;"),
    by_test("channels_tests", "Instrument.AWishThatCameBehindAnEndIsEndedItself",
            ("two that end together keep the wire for each other", SUBS, "other->cycle != Cycle::remove", "true")),
    by_test("core_wishes_tests", "Parked.AnEndIsNotForgottenForAFault",
            ("a fault takes the place of an end that is parked", ANSWERS,
             "record.stage == Stage::parked || record.stage == Stage::to_unsubscribe", "record.stage == Stage::to_unsubscribe")),
    by_test("core_wishes_tests", "Forgotten.ThePauseBeforeATryIsOverWhenTheLastOneIsAnswered",
            ("a late ack leaves the pause's timer", ANSWERS,
             "if (record.stage == Stage::backing_off) disarm(record);\n  if (!record.timer.armed())", None,
             "if (!planted_bug::is({number}) && record.stage == Stage::backing_off) disarm(record);\n  if (!record.timer.armed())")),
    by_test("core_wishes_tests", "Forgotten.ThePauseBeforeATryIsOverWhenItIsGivenBack",
            ("a late ack of another depth leaves the pause's timer", ANSWERS,
             "if (record.stage == Stage::backing_off) disarm(record);\n    record.asked_parameter", None,
             "if (!planted_bug::is({number}) && record.stage == Stage::backing_off) disarm(record);\n    record.asked_parameter")),
    by_test("core_wishes_tests", "SubscriptionsTest.WhatWasRefusedIsNotGivenBack",
            ("what was refused counts as sent", ANSWERS, "record.sent = false;\n  record.alone = false;\n  const bool untold", None,
             "if (!planted_bug::is({number})) record.sent = false;\n  record.alone = false;\n  const bool untold")),
    by_test("core_wishes_tests", "SubscriptionsTest.ARateErrorThatNamesItsRequestConcernsThatOneAlone",
            ("a rate error that names its request is everybody's", ANSWERS, "req_id && record->req_id != *req_id", "false")),
    by_test("core_wishes_tests", "OneSymbolsFault.WhenEverythingIsMuteTheConnectionIsGivenUp",
            ("a connection is given up while others are on their way", ANSWERS, "settled_ == 0 && unsettled_ == 0", "settled_ == 0")),
    by_test("core_wishes_tests", "OneSymbolsFault.ABookInDoubtTakesNothingMoreOfItsOldDepth",
            ("a wish in doubt keeps its book", ANSWERS, "empty_book(record);\n  record.in_doubt = true;", "record.in_doubt = true;")),
    by_test("core_wishes_tests", "OneSymbolsFault.ARefusalThatNamesNothingIsOfTheOldestRequest",
            ("a refusal without an id is the newest request's", ANSWERS, "record->req_id < oldest", "record->req_id > oldest")),
    by_test("core_wishes_tests", "Forgotten.TheDeadlineOfARefusedRequestIsNotThatOfTheNext",
            ("the request for one has the time that the request for many left", ANSWERS,
             "disarm(*record);  // that request was answered: the next has its own time", None, "if (!planted_bug::is({number})) disarm(*record);")),
    by_test("core_wishes_tests", "Parked.AnOverrunWaitsForTheRoomOfAWholeSnapshot",
            ("half a snapshot's room is enough", SUBS, "snapshots_room + 2U * record->parameter", "snapshots_room + record->parameter")),
    by_test("core_wishes_tests", "Parked.AnOverrunHasTriesOfItsOwn",
            ("an overrun has the tries of what went before", SUBS, "record->tries = 1;", ";")),
    by_test("core_wishes_tests", "SymbolTable.AgreesWithASortedMap",
            ("long names that begin and end alike are one", TABLE, "symbol.size() <= key_chars || names_.symbol(slot.id) == symbol", "true")),
]

MESSAGES = [
    ("a change of the tenth level is not in the checksum", LEVELS, "part_known_ && at >= checksum_levels", "part_known_ && at >= checksum_levels - 1"),
    by_test("kraken_tests", "KrakenBook.TakesMessagesFarLargerThanItsDepth",
            ("a book stays in the borrowed memory", BOOK, "book.return_home();", ";")),
    by_test("kraken_tests", "KrakenDecode.ReadsAStatusInAnyOrderWithAnIdBeyondSixtyThreeBits",
            ("a status without an id has the last one's", DECODE, "status = {};", ";")),
    ("an answer has what the one before said", DECODE, "ack = {.method = method};", "ack.method = method;"),
    by_test("channels_tests", "Ticker.ARowIsTwoEvents",
            ("a day's volume has the places of the price", CHANNELS + "ticker.hpp", "row.volume.value.exponent", "row.last.value.exponent")),
    by_test("channels_tests", "Ohlc.ACandleIsTwoEvents",
            ("a candle closes in the places of its opening", CHANNELS + "ohlc.hpp", "row.close.exponent", "row.open.exponent")),
    by_test("channels_tests", "Instrument.APairIsOneEvent",
            ("the least quantity has the increment's places", CHANNELS + "instrument.hpp", "row.qty_min.exponent", "row.qty_increment.exponent")),
    by_test("kraken_tests", "KrakenLayout.IsReadAsSimdjsonReadsIt",
            ("a minute that cannot be read is remembered", LAYOUT, "if (!parse_timestamp({at, timestamp_chars}, whole_ns)) return false;",
             "std::memcpy(minute_text_.data(), at, minute_text_.size()); if (!parse_timestamp({at, timestamp_chars}, whole_ns)) return false;")),
]

WIRE = [
    by_test("websocket_tests", "WebSocketHandshake.AStartForgetsTheConnectionBefore",
            ("the next connection has the last one's HTTP status", CONNECTION, "http_status_ = 0;", ";")),
    by_test("websocket_tests", "WebSocketHandshake.InterimAnswersAreSkippedWithinTheSameLimit",
            ("heads before the answer cost nothing", CONNECTION, "http_budget_bytes_ -= http_bytes_;", ";")),
    by_test("websocket_tests", "MaskKeys.AreTheStreamOfTheirSecretInOrder",
            ("masks begin anew after a while", MASKS, "++blocks_;", "blocks_ = 1;")),
    by_test("addresses_tests", "Addresses.OldNewsOfWhatIsInNoAnswerAreForgotten",
            ("an address of the answer may be forgotten", ADDRESSES, "memories_.begin() + static_cast<ptrdiff_t>(listed_)", "memories_.begin()")),
    by_test("addresses_tests", "AddressRace.WhatFailedBeforeWaitsForWhatDidNot",
            ("who is trusted is never used up", RACE, "if (trusted_ != 0) --trusted_;", ";")),
]

RECORDINGS = [
    by_test("recording_tests", "RecordingFiles.GoOverToTheNextByAge",
            ("all files have the first one's age", FILES, "file_began_ = progress.time;", ";")),
    by_test("recording_tests", "RecordingFiles.EachHasTheIndexOfItsOwnBlocks",
            ("a file's index begins with the last file's", FILES, "index_.clear();", ";")),
    by_test("recording_tests", "BlockIndex.OfTheNextFileBeginsAnew",
            ("a file's index begins late", INDEX, "until_next_ = 0;", ";")),
    by_test("playback_tests", "Replaying.ABlockWhoseWholeDigestDiffersIsFound",
            ("after half a second each turn is a block", RECORDER, "hand_on_at = Instant::never();\n  redactor.forget();", "redactor.forget();")),
    by_test("recording_tests", "RecordingStopped.AQuietMinuteBeforeAWriteDoesNotMakeItSlow",
            ("a look for the name takes for ever", FILES, "flights_[look_token] = {.busy = true, .began = now_};", "flights_[look_token] = {.busy = true};")),
    by_test("recording_tests", "RecordingFiles.GoOverToTheNextBySizeAndReplayAsOne",
            ("the end of a file is full of its events", FILES, "bytes + closing + end_margin_bytes >= most", "bytes + closing >= most")),
    by_test("recording_tests", "RecordedCertificateFault.ComesBackInTheReplay",
            ("the last turn is told again at the end", PLAYER, "state.room.published = 0;", ";")),
    by_test("recording_tests", "RecordingFiles.GoOverToTheNextBySizeAndReplayAsOne",
            ("the first file's end is every file's", READER, "closing_.reset();", ";")),
    by_test("playback_tests", "Replaying.TheSinkAndTheRingGetTheSameEvents",
            ("an event that finds the ring full is lost", REPLAY,
             "if (!ring.try_push(state.rest.front())) return true;\n    state.rest = state.rest.subspan(1);",
             "const Event event = state.rest.front(); state.rest = state.rest.subspan(1); if (!ring.try_push(event)) return true;")),
    by_test("tools_tests", "ReplayTimes.WhatIsPrintedCanBeAskedFor",
            ("--from leaves out what is printed with it", RANGE, "us(at) >= replay::whole_us(*from_->offset)", "us(at) > replay::whole_us(*from_->offset)")),
    by_test("what_if_tests", "RecordedFeed.ABookThatWasWrongIsSilentUntilItsNextSnapshot",
            ("what if a broken book goes on", FEED, "book.broken = true;", ";")),
]

# Planted when all of the others had been found.
SECOND = [
    ("Retry-After of a 503 is ignored", LIFE, "loss.http_status != http_too_many_requests && loss.http_status != http_unavailable",
     "loss.http_status != http_too_many_requests"),
    by_test("core_tests", "Turn.WaitsForRoomNoLongerThanItLacksSome",
            ("a loss takes the room for granted", STEPS, "if (input.kind == InputKind::lost) input.room = slots_.top_up();", ";")),
    by_test("core_tests", "Greeting.WhatComesBeforeItIsNotTold",
            ("what comes before the greeting is told", SESSION,
             "if (kind == kraken::MessageKind::status) return on_status(shared_.decoder.status());\n"
             "  if (!is_greeted()) return;",
             "if (kind == kraken::MessageKind::status) return on_status(shared_.decoder.status());")),
    by_test("core_tests", "Goodbye.IsWaitedForWhateverComesMeanwhile",
            ("rubbish behind the goodbye ends it", SESSION, "if (phase() == Phase::closing) return true;", ";")),
    by_test("core_wishes_tests", "Parked.AFaultIsForgottenWithItsConnection",
            ("a fault that waits for room outlives its connection", SUBS, "record->fault.kind = EventKind{};\n    forget_lag(*record);",
             "forget_lag(*record);")),
    by_test("channels_tests", "Instrument.AWishInThePlaceOfOneThatIsGoneIsANewOne",
            ("a new wish counts as sent", SUBS, "record.sent = false;\n  record.given_back_id = 0;", "record.given_back_id = 0;")),
    by_test("core_wishes_tests", "Forgotten.ARateErrorDoesNotComeOnTopOfOneThatIsOver",
            ("a second rate error comes on top of one that is over", ANSWERS, "restore_pace(now);\n  pace_.slow_down(now);",
             "pace_.slow_down(now);")),
    by_test("channels_tests", "Instrument.WhenTheVenueRefusesALaterWishTheFirstIsNotLeftInTheDark",
            ("who came along with an answer is not on the wire", ANSWERS,
             "if (record->stage == Stage::settled) set_on_wire(*record, subscribed);", ";")),
]

BUGS = [*LIFE_BUGS, *TURN, *WISHES, *MESSAGES, *WIRE, *RECORDINGS, *SECOND]
