// A table over the rules of RFC 6455: what a stream of frames must become, each row in every way of
// cutting it into reads.
#include <gtest/gtest.h>

#include "support/websocket_peer.hpp"
#include "websocket/connection.hpp"

namespace havklo::websocket {
namespace {

using State = Connection::State;
using Calls = std::vector<std::string>;

struct Outcome {
  Calls calls;
  Error error = Error::none;
  State state = State::open;
  std::string output;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

// Runs `stream` through an open connection, cut at `cuts` (ascending).
Outcome run(Role role, std::string_view stream, const std::vector<size_t>& cuts) {
  OpenConnection open(role, 1000);
  Recorder recorder;
  Outcome outcome;
  size_t begin = 0;
  for (size_t i = 0; i <= cuts.size(); ++i) {
    const size_t end = i < cuts.size() ? cuts[i] : stream.size();
    outcome.error = feed(open.connection, stream.substr(begin, end - begin), recorder);
    if (outcome.error != Error::none) break;
    begin = end;
  }
  outcome.calls = recorder.calls;
  outcome.state = open.connection.state();
  outcome.output = as_string(open.connection.output());
  return outcome;
}

// Whole; byte by byte; at every single place; at seeded places.
Outcome run_in_every_split(Role role, std::string_view stream) {
  const Outcome whole = run(role, stream, {});
  std::vector<size_t> all;
  for (size_t i = 1; i < stream.size(); ++i) all.push_back(i);
  EXPECT_EQ(run(role, stream, all), whole) << "byte by byte";
  for (const size_t cut : all) {
    EXPECT_EQ(run(role, stream, {cut}), whole) << "cut at " << cut;
  }
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    Random random(seed);
    std::vector<size_t> cuts;
    for (const size_t cut : all) {
      if (random.next_u64() % 7 == 0) cuts.push_back(cut);
    }
    EXPECT_EQ(run(role, stream, cuts), whole) << "seed " << seed;
  }
  return whole;
}

const std::string euro = "\xE2\x82\xAC";

std::string stars(size_t size) { return std::string(size, '*'); }

struct Rule {
  const char* name;
  std::string stream;
  Calls calls;
  Error error = Error::none;
};

// What a client must make of a server's stream. Numbers are those of the Autobahn test suite, where
// it has such a case.
std::vector<Rule> frame_rules() {
  return {
      {"1.1.1 empty text", frame(0x81, ""), {"text "}},
      {"1.1.2 text of 125", frame(0x81, stars(125)), {"text " + stars(125)}},
      {"1.1.3 text of 126", frame(0x81, stars(126)), {"text " + stars(126)}},
      {"1.1.5 text of 128", frame(0x81, stars(128)), {"text " + stars(128)}},
      {"1.2.1 empty binary", frame(0x82, ""), {"binary "}},
      {"1.2.3 binary of 126", frame(0x82, stars(126)), {"binary " + stars(126)}},
      {"binary need not be UTF-8", frame(0x82, "\xFF\xFE"), {"binary \xFF\xFE"}},
      {"2.1 empty ping", frame(0x89, ""), {"ping "}},
      {"2.2 ping with text", frame(0x89, "hello"), {"ping hello"}},
      {"2.4 ping of 125", frame(0x89, stars(125)), {"ping " + stars(125)}},
      {"2.5 ping of 126", frame(0x89, stars(126)), {}, Error::control_too_long},
      {"2.8 unasked pong", frame(0x8A, "x") + frame(0x81, "y"), {"pong x", "text y"}},
      {"3.1 RSV3", frame(0x91, "x"), {}, Error::reserved_bits},
      {"3.2 good, then RSV2",
       frame(0x81, "a") + frame(0xA1, "b") + frame(0x89, ""),
       {"text a"},
       Error::reserved_bits},
      {"3.5 RSV1 on a ping", frame(0xC9, ""), {}, Error::reserved_bits},
      {"4.1.1 opcode 3", frame(0x83, ""), {}, Error::unknown_opcode},
      {"4.1.5 good, then opcode 7",
       frame(0x81, "a") + frame(0x87, "b"),
       {"text a"},
       Error::unknown_opcode},
      {"4.2.1 opcode 11", frame(0x8B, ""), {}, Error::unknown_opcode},
      {"4.2.5 opcode 15", frame(0x8F, ""), {}, Error::unknown_opcode},
  };
}

std::vector<Rule> fragment_rules() {
  return {
      {"5.1 ping in two fragments",
       frame(0x09, "a") + frame(0x80, "b"),
       {},
       Error::fragmented_control},
      {"5.2 pong without FIN", frame(0x0A, "a"), {}, Error::fragmented_control},
      {"close without FIN", frame(0x08, ""), {}, Error::fragmented_control},
      {"5.3 two fragments", frame(0x01, "ab") + frame(0x80, "cd"), {"text abcd"}},
      {"binary in three",
       frame(0x02, "a") + frame(0x00, "\xFF") + frame(0x80, "c"),
       {"binary a\xFF"
        "c"}},
      {"5.6 a ping between",
       frame(0x01, "ab") + frame(0x89, "p") + frame(0x80, "cd"),
       {"ping p", "text abcd"}},
      {"5.9 continuation of nothing",
       frame(0x80, "a") + frame(0x81, "b"),
       {},
       Error::unexpected_continuation},
      {"5.12 the same without FIN", frame(0x00, "a"), {}, Error::unexpected_continuation},
      {"5.15 continuation after the end",
       frame(0x01, "a") + frame(0x80, "b") + frame(0x00, "c"),
       {"text ab"},
       Error::unexpected_continuation},
      {"5.18 text inside of a text",
       frame(0x01, "a") + frame(0x81, "b"),
       {},
       Error::expected_continuation},
      {"binary inside of a text",
       frame(0x01, "a") + frame(0x02, "b"),
       {},
       Error::expected_continuation},
      {"5.19 pings everywhere",
       frame(0x01, "a") + frame(0x00, "b") + frame(0x89, "1") + frame(0x00, "c") +
           frame(0x89, "2") + frame(0x80, "d"),
       {"ping 1", "ping 2", "text abcd"}},
      {"a pong between", frame(0x01, "") + frame(0x8A, "p") + frame(0x80, ""), {"pong p", "text "}},
  };
}

std::vector<Rule> utf8_rules() {
  return {
      {"6.1.2 empty fragments", frame(0x01, "") + frame(0x00, "") + frame(0x80, ""), {"text "}},
      {"6.1.3 empty around full", frame(0x01, "") + frame(0x00, "m") + frame(0x80, ""), {"text m"}},
      {"6.2.1 valid UTF-8",
       frame(0x81, "a" + euro + "\xF0\x9F\x98\x80"),
       {"text a" + euro + "\xF0\x9F\x98\x80"}},
      {"6.2.3 a character over three fragments",
       frame(0x01, "\xE2") + frame(0x00, "\x82") + frame(0x80, "\xAC"),
       {"text " + euro}},
      {"a ping inside of a character",
       frame(0x01, "\xE2") + frame(0x89, "\xFF") + frame(0x80, "\x82\xAC"),
       {"ping \xFF", "text " + euro}},
      {"6.3.1 a surrogate",
       frame(0x81,
             "ab\xED\xA0\x80"
             "cd"),
       {},
       Error::invalid_utf8},
      {"6.4.1 wrong in the second fragment, no end",
       frame(0x01, "ab") + frame(0x00, "\xF4\x90"),
       {},
       Error::invalid_utf8},
      {"cut at the end", frame(0x81, "ab\xE2\x82"), {}, Error::invalid_utf8},
      {"cut at the end of the last fragment",
       frame(0x01, "a") + frame(0x80, "\xC3"),
       {},
       Error::invalid_utf8},
      {"a fresh text after one that ended",
       frame(0x01, "\xC3") + frame(0x80, "\xA4") + frame(0x81, "x"),
       {"text \xC3\xA4", "text x"}},
      {"overlong", frame(0x81, "\xC0\xAF"), {}, Error::invalid_utf8},
      {"bad deep inside a long text",
       frame(0x81, stars(300) + "\xFF" + stars(300)),
       {},
       Error::invalid_utf8},
      {"long text with one character",
       frame(0x81, stars(300) + euro + stars(300)),
       {"text " + stars(300) + euro + stars(300)}},
  };
}

std::vector<Rule> close_rules() {
  return {
      {"7.1.1 text, then close",
       frame(0x81, "a") + frame(0x88, close_body(1000)),
       {"text a", "close 1000 "}},
      {"7.1.4 text after close", frame(0x88, close_body(1000)) + frame(0x81, "a"), {"close 1000 "}},
      {"7.1.5 close inside of a message",
       frame(0x01, "a") + frame(0x88, "") + frame(0x80, "b"),
       {"close 1005 "}},
      {"rubbish after close", frame(0x88, close_body(1001)) + raw({0xFF, 0xFF}), {"close 1001 "}},
      {"7.3.1 empty close", frame(0x88, ""), {"close 1005 "}},
      {"7.3.2 close of one byte", frame(0x88, "x"), {}, Error::close_body_one_byte},
      {"7.3.4 close with a reason",
       frame(0x88, close_body(1012, "restart " + euro)),
       {"close 1012 restart " + euro}},
      {"7.3.5 the longest reason",
       frame(0x88, close_body(1000, stars(123))),
       {"close 1000 " + stars(123)}},
      {"7.3.6 a close of 126",
       frame(0x88, close_body(1000, stars(124))),
       {},
       Error::control_too_long},
      {"7.5.1 reason not UTF-8",
       frame(0x88, close_body(1000, "\xCE\xBA\xED\xA0\x80")),
       {},
       Error::close_reason_invalid_utf8},
      {"reason cut", frame(0x88, close_body(1000, "\xC3")), {}, Error::close_reason_invalid_utf8},
      {"7.7.1 close 4999", frame(0x88, close_body(4999)), {"close 4999 "}},
      {"7.9.1 close 0", frame(0x88, close_body(0)), {}, Error::close_code_invalid},
      {"7.9.2 close 999", frame(0x88, close_body(999)), {}, Error::close_code_invalid},
      {"7.9.4 close 1005", frame(0x88, close_body(1005)), {}, Error::close_code_invalid},
      {"7.9.5 close 1006", frame(0x88, close_body(1006)), {}, Error::close_code_invalid},
      {"close 1015", frame(0x88, close_body(1015)), {}, Error::close_code_invalid},
      {"close 2999", frame(0x88, close_body(2999)), {}, Error::close_code_invalid},
      {"7.13 close 5000", frame(0x88, close_body(5000)), {}, Error::close_code_invalid},
  };
}

std::vector<Rule> length_rules() {
  return {
      {"at the limit", frame(0x81, stars(1000)), {"text " + stars(1000)}},
      {"frame beyond the limit", frame(0x81, stars(1001)), {}, Error::message_too_big},
      {"sum at the limit",
       frame(0x01, stars(999)) + frame(0x80, "a"),
       {"text " + stars(999) + "a"}},
      {"sum beyond the limit",
       frame(0x01, stars(999)) + frame(0x89, "p") + frame(0x80, "ab"),
       {"ping p"},
       Error::message_too_big},
      {"a length of 2^63 - 1",
       raw({0x82, 127, 127, 255, 255, 255, 255, 255, 255, 255}),
       {},
       Error::message_too_big},
      {"the same after a fragment",
       frame(0x01, "a") + raw({0x80, 127, 127, 255, 255, 255, 255, 255, 255, 255}),
       {},
       Error::message_too_big},
      {"a length of 2^63",
       raw({0x82, 127, 128, 0, 0, 0, 0, 0, 0, 0}),
       {},
       Error::length_beyond_63_bits},
      {"16 bits for 5", raw({0x81, 126, 0, 5}) + "hello", {}, Error::length_not_minimal},
      {"64 bits for 5",
       raw({0x81, 127, 0, 0, 0, 0, 0, 0, 0, 5}) + "hello",
       {},
       Error::length_not_minimal},
      {"masked", frame(0x81, "a", true), {}, Error::masked_by_server},
      {"many in a row",
       frame(0x81, "a") + frame(0x82, "b") + frame(0x81, "c") + frame(0x89, "d") +
           frame(0x81, stars(200)) + frame(0x81, ""),
       {"text a", "binary b", "text c", "ping d", "text " + stars(200), "text "}},
  };
}

TEST(WebSocketRules, KeepsEveryRuleOfTheRfcInEverySplit) {
  for (const auto& rules :
       {frame_rules(), fragment_rules(), utf8_rules(), close_rules(), length_rules()}) {
    for (const Rule& rule : rules) {
      SCOPED_TRACE(rule.name);
      const Outcome outcome = run_in_every_split(Role::client, rule.stream);
      EXPECT_EQ(outcome.calls, rule.calls);
      EXPECT_EQ(outcome.error, rule.error);
    }
  }
}

// The frames of a client, masked; the same rules hold.
TEST(WebSocketRules, AServerUnmasksInEverySplit) {
  const std::string stream = frame(0x81, "hello", true) + frame(0x01, "a\xE2", true) +
                             frame(0x89, "ping", true) + frame(0x80, "\x82\xAC", true) +
                             frame(0x82, stars(130), true) + frame(0x81, stars(77), true) +
                             frame(0x88, close_body(1000, "bye"), true);
  const Outcome outcome = run_in_every_split(Role::server, stream);
  EXPECT_EQ(outcome.error, Error::none);
  EXPECT_EQ(outcome.calls, (Calls{"text hello", "ping ping", "text a\xE2\x82\xAC",
                                  "binary " + stars(130), "text " + stars(77), "close 1000 bye"}));
  EXPECT_EQ(outcome.output, frame(0x8A, "ping") + frame(0x88, close_body(1000)));

  EXPECT_EQ(run_in_every_split(Role::server, frame(0x81, "a")).error, Error::unmasked_by_client);
  EXPECT_EQ(run_in_every_split(Role::server, frame(0x81, "\xFF", true)).error, Error::invalid_utf8);
}

}  // namespace
}  // namespace havklo::websocket
