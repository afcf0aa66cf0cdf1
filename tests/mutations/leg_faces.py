"""Of legs where people write and read them: settings, recordings, lines, what if."""
from by_test import by_test

HEADER = "replay/recording/header.cpp"
REDACTOR = "replay/recording/redaction/redactor.cpp"
REDACTOR_STATE = "replay/recording/redaction/redactor.hpp"
LEGS_TOML = "replay/text/legs_toml.cpp"
EVENT_JSON = "replay/text/event_json.cpp"
SESSION_NAMES = "replay/text/session_names.cpp"
WHAT_IF = "replay/what_if/comparison.cpp"
NETWORK = "replay/what_if/network_reader.cpp"
REPORT = "tools/havklo/recording_report.cpp"
COMMANDS = "engine/core/public/client_commands.cpp"

BUGS = [
    by_test("recording_tests", "Redaction.ALegsUrlIsShownWithoutCredentials",
            ("a leg's credentials stand in the header", HEADER, "leg.url = without_credentials(*leg.url);", "leg.url = *leg.url;")),
    by_test("recording_tests", "Redaction.EachLegHasAStateOfItsOwn",
            ("the legs of a session are masked as one stream", REDACTOR_STATE,
             "return session.first_leg + core::leg_of(connection, session.several_legs);", "return session.first_leg;")),
    by_test("recording_tests", "Redaction.EachLegHasAStateOfItsOwn",
            ("a token in a leg's url is no secret", REDACTOR, "if (leg.url) add_secrets(*leg.url, sessions);", ";")),
    by_test("text_tests", "LegsToml.SaysInOneLineWhatIsWrong",
            ("a number and tables of legs need not agree", LEGS_TOML, "count && *count != list->size()", "false")),
    by_test("text_tests", "LegsToml.SaysInOneLineWhatIsWrong",
            ("any number of legs is read", LEGS_TOML, "return read(node) && *count >= 1 && *count <= legs_max;",
             "return read(node) && *count < 1000;")),
    by_test("text_tests", "LegsToml.WhatIsSaidLaterWins",
            ("a number of legs forgets what was said of them", LEGS_TOML, "if (count) settings.legs.resize(*count);",
             "if (count) settings.legs.assign(*count, LegSettings{});")),
    by_test("text_tests", "LegsToml.WhatIsWrittenReadsBackTheSame",
            ("legs that differ from the usual are not written", LEGS_TOML, "if (unsaid == settings.legs) return {};",
             "if (usual.legs.size() == settings.legs.size()) return {};")),
    by_test("text_tests", "LegEvents.OtherLinesNameALegThatIsNotTheFirst",
            ("only a leg's own events name it", EVENT_JSON, "event.leg != 0 || is_of_leg(event.kind)", "is_of_leg(event.kind)")),
    by_test("text_tests", "LegEvents.ATextLineNamesWhatThereAreSeveralOf",
            ("a session beside one with legs has legs", SESSION_NAMES, "with_legs_ |= uint64_t{1} << i;", "with_legs_ = ~uint64_t{0};")),
    by_test("what_if_tests", "WhatIf.AnotherNumberOfLegsIsRefusedWithTheReason",
            ("what if takes a leg to another venue", WHAT_IF, "without_credentials(url_of(settings, leg))", "without_credentials(url_of(recorded, leg))")),
    by_test("what_if_tests", "WhatIf.ARecordingOfSeveralLegsIsRefusedWithTheReason",
            ("what if is asked of several legs as of one", NETWORK, "legs > 1", "legs > 4")),
    by_test("tools_tests", "LegsReport.WhatIsOpenAtATornEndIsOfEachLeg",
            ("of a torn recording only the last connection was open", REPORT, "names.of(ConnectionId{later.id}) == leg", "true")),
    by_test("client_tests", "LegsOf.ShareTheRoomInTheRing",
            ("a subscription is reckoned as that of one leg", COMMANDS, "is_new ? ring_slots_of_subscription(legs_) : 0",
             "is_new ? ring_slots_of_subscription(1) : 0")),
]
