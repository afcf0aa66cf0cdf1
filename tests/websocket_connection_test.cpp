// The connection: a table over the rules of RFC 6455, each row in every way of cutting it into reads; then what it
// sends, how it closes, and both roles against each other.
#include "websocket/connection.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "support/websocket_peer.hpp"

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

std::string text_of(size_t size) { return std::string(size, '*'); }

struct Rule {
  const char* name;
  std::string stream;
  Calls calls;
  Error error = Error::none;
};

// What a client must make of a server's stream. Numbers are those of the Autobahn test suite, where it has such a case.
std::vector<Rule> rules() {
  const std::string euro = "\xE2\x82\xAC";
  return {
      {"1.1.1 empty text", frame(0x81, ""), {"text "}},
      {"1.1.2 text of 125", frame(0x81, text_of(125)), {"text " + text_of(125)}},
      {"1.1.3 text of 126", frame(0x81, text_of(126)), {"text " + text_of(126)}},
      {"1.1.5 text of 128", frame(0x81, text_of(128)), {"text " + text_of(128)}},
      {"1.2.1 empty binary", frame(0x82, ""), {"binary "}},
      {"1.2.3 binary of 126", frame(0x82, text_of(126)), {"binary " + text_of(126)}},
      {"binary need not be UTF-8", frame(0x82, "\xFF\xFE"), {"binary \xFF\xFE"}},
      {"2.1 empty ping", frame(0x89, ""), {"ping "}},
      {"2.2 ping with text", frame(0x89, "hello"), {"ping hello"}},
      {"2.4 ping of 125", frame(0x89, text_of(125)), {"ping " + text_of(125)}},
      {"2.5 ping of 126", frame(0x89, text_of(126)), {}, Error::control_too_long},
      {"2.8 unasked pong", frame(0x8A, "x") + frame(0x81, "y"), {"pong x", "text y"}},
      {"3.1 RSV3", frame(0x91, "x"), {}, Error::reserved_bits},
      {"3.2 good, then RSV2", frame(0x81, "a") + frame(0xA1, "b") + frame(0x89, ""), {"text a"},
       Error::reserved_bits},
      {"3.5 RSV1 on a ping", frame(0xC9, ""), {}, Error::reserved_bits},
      {"4.1.1 opcode 3", frame(0x83, ""), {}, Error::unknown_opcode},
      {"4.1.5 good, then opcode 7", frame(0x81, "a") + frame(0x87, "b"), {"text a"},
       Error::unknown_opcode},
      {"4.2.1 opcode 11", frame(0x8B, ""), {}, Error::unknown_opcode},
      {"4.2.5 opcode 15", frame(0x8F, ""), {}, Error::unknown_opcode},
      {"5.1 ping in two fragments", frame(0x09, "a") + frame(0x80, "b"), {},
       Error::fragmented_control},
      {"5.2 pong without FIN", frame(0x0A, "a"), {}, Error::fragmented_control},
      {"close without FIN", frame(0x08, ""), {}, Error::fragmented_control},
      {"5.3 two fragments", frame(0x01, "ab") + frame(0x80, "cd"), {"text abcd"}},
      {"binary in three", frame(0x02, "a") + frame(0x00, "\xFF") + frame(0x80, "c"),
       {"binary a\xFF" "c"}},
      {"5.6 a ping between", frame(0x01, "ab") + frame(0x89, "p") + frame(0x80, "cd"),
       {"ping p", "text abcd"}},
      {"5.9 continuation of nothing", frame(0x80, "a") + frame(0x81, "b"), {},
       Error::unexpected_continuation},
      {"5.12 the same without FIN", frame(0x00, "a"), {}, Error::unexpected_continuation},
      {"5.15 continuation after the end",
       frame(0x01, "a") + frame(0x80, "b") + frame(0x00, "c"), {"text ab"},
       Error::unexpected_continuation},
      {"5.18 text inside of a text", frame(0x01, "a") + frame(0x81, "b"), {},
       Error::expected_continuation},
      {"binary inside of a text", frame(0x01, "a") + frame(0x02, "b"), {},
       Error::expected_continuation},
      {"5.19 pings everywhere",
       frame(0x01, "a") + frame(0x00, "b") + frame(0x89, "1") + frame(0x00, "c") +
           frame(0x89, "2") + frame(0x80, "d"),
       {"ping 1", "ping 2", "text abcd"}},
      {"a pong between", frame(0x01, "") + frame(0x8A, "p") + frame(0x80, ""), {"pong p", "text "}},
      {"6.1.2 empty fragments", frame(0x01, "") + frame(0x00, "") + frame(0x80, ""), {"text "}},
      {"6.1.3 empty around full", frame(0x01, "") + frame(0x00, "m") + frame(0x80, ""), {"text m"}},
      {"6.2.1 valid UTF-8", frame(0x81, "a" + euro + "\xF0\x9F\x98\x80"),
       {"text a" + euro + "\xF0\x9F\x98\x80"}},
      {"6.2.3 a character over three fragments",
       frame(0x01, "\xE2") + frame(0x00, "\x82") + frame(0x80, "\xAC"), {"text " + euro}},
      {"a ping inside of a character",
       frame(0x01, "\xE2") + frame(0x89, "\xFF") + frame(0x80, "\x82\xAC"),
       {"ping \xFF", "text " + euro}},
      {"6.3.1 a surrogate", frame(0x81, "ab\xED\xA0\x80" "cd"), {}, Error::invalid_utf8},
      {"6.4.1 wrong in the second fragment, no end", frame(0x01, "ab") + frame(0x00, "\xF4\x90"),
       {}, Error::invalid_utf8},
      {"cut at the end", frame(0x81, "ab\xE2\x82"), {}, Error::invalid_utf8},
      {"cut at the end of the last fragment", frame(0x01, "a") + frame(0x80, "\xC3"), {},
       Error::invalid_utf8},
      {"a fresh text after one that ended", frame(0x01, "\xC3") + frame(0x80, "\xA4") + frame(0x81, "x"),
       {"text \xC3\xA4", "text x"}},
      {"overlong", frame(0x81, "\xC0\xAF"), {}, Error::invalid_utf8},
      {"bad deep inside a long text", frame(0x81, text_of(300) + "\xFF" + text_of(300)), {},
       Error::invalid_utf8},
      {"long text with one character", frame(0x81, text_of(300) + euro + text_of(300)),
       {"text " + text_of(300) + euro + text_of(300)}},
      {"7.1.1 text, then close", frame(0x81, "a") + frame(0x88, close_body(1000)),
       {"text a", "close 1000 "}},
      {"7.1.4 text after close", frame(0x88, close_body(1000)) + frame(0x81, "a"), {"close 1000 "}},
      {"7.1.5 close inside of a message", frame(0x01, "a") + frame(0x88, "") + frame(0x80, "b"),
       {"close 1005 "}},
      {"rubbish after close", frame(0x88, close_body(1001)) + raw({0xFF, 0xFF}), {"close 1001 "}},
      {"7.3.1 empty close", frame(0x88, ""), {"close 1005 "}},
      {"7.3.2 close of one byte", frame(0x88, "x"), {}, Error::close_body_one_byte},
      {"7.3.4 close with a reason", frame(0x88, close_body(1012, "restart " + euro)),
       {"close 1012 restart " + euro}},
      {"7.3.5 the longest reason", frame(0x88, close_body(1000, text_of(123))),
       {"close 1000 " + text_of(123)}},
      {"7.3.6 a close of 126", frame(0x88, close_body(1000, text_of(124))), {},
       Error::control_too_long},
      {"7.5.1 reason not UTF-8", frame(0x88, close_body(1000, "\xCE\xBA\xED\xA0\x80")), {},
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
      {"at the limit", frame(0x81, text_of(1000)), {"text " + text_of(1000)}},
      {"frame beyond the limit", frame(0x81, text_of(1001)), {}, Error::message_too_big},
      {"sum at the limit", frame(0x01, text_of(999)) + frame(0x80, "a"),
       {"text " + text_of(999) + "a"}},
      {"sum beyond the limit", frame(0x01, text_of(999)) + frame(0x89, "p") + frame(0x80, "ab"),
       {"ping p"}, Error::message_too_big},
      {"a length of 2^63 - 1", raw({0x82, 127, 127, 255, 255, 255, 255, 255, 255, 255}), {},
       Error::message_too_big},
      {"the same after a fragment",
       frame(0x01, "a") + raw({0x80, 127, 127, 255, 255, 255, 255, 255, 255, 255}), {},
       Error::message_too_big},
      {"a length of 2^63", raw({0x82, 127, 128, 0, 0, 0, 0, 0, 0, 0}), {},
       Error::length_beyond_63_bits},
      {"16 bits for 5", raw({0x81, 126, 0, 5}) + "hello", {}, Error::length_not_minimal},
      {"64 bits for 5", raw({0x81, 127, 0, 0, 0, 0, 0, 0, 0, 5}) + "hello", {},
       Error::length_not_minimal},
      {"masked", frame(0x81, "a", true), {}, Error::masked_by_server},
      {"many in a row", frame(0x81, "a") + frame(0x82, "b") + frame(0x81, "c") + frame(0x89, "d") +
                            frame(0x81, text_of(200)) + frame(0x81, ""),
       {"text a", "binary b", "text c", "ping d", "text " + text_of(200), "text "}},
  };
}

TEST(WebSocketConnection, KeepsEveryRuleOfTheRfcInEverySplit) {
  for (const Rule& rule : rules()) {
    SCOPED_TRACE(rule.name);
    const Outcome outcome = run_in_every_split(Role::client, rule.stream);
    EXPECT_EQ(outcome.calls, rule.calls);
    EXPECT_EQ(outcome.error, rule.error);
  }
}

// The frames of a client, masked; the same rules hold.
TEST(WebSocketConnection, AServerUnmasksInEverySplit) {
  const std::string stream = frame(0x81, "hello", true) + frame(0x01, "a\xE2", true) +
                             frame(0x89, "ping", true) + frame(0x80, "\x82\xAC", true) +
                             frame(0x82, text_of(130), true) + frame(0x81, text_of(77), true) +
                             frame(0x88, close_body(1000, "bye"), true);
  const Outcome outcome = run_in_every_split(Role::server, stream);
  EXPECT_EQ(outcome.error, Error::none);
  EXPECT_EQ(outcome.calls,
            (Calls{"text hello", "ping ping", "text a\xE2\x82\xAC", "binary " + text_of(130),
                   "text " + text_of(77), "close 1000 bye"}));
  EXPECT_EQ(outcome.output, frame(0x8A, "ping") + frame(0x88, close_body(1000)));

  EXPECT_EQ(run_in_every_split(Role::server, frame(0x81, "a")).error, Error::unmasked_by_client);
  EXPECT_EQ(run_in_every_split(Role::server, frame(0x81, "\xFF", true)).error, Error::invalid_utf8);
}

TEST(WebSocketConnection, TheHandshakeAndTheFirstFramesMayShareReadsInAnyCut) {
  const auto outcome_of = [](size_t cut, uint64_t seed) {
    Random random(3);
    Random cuts(seed);
    Connection connection(Role::client, 1000);
    connection.start_client("example", 443, true, "/v2", random);
    std::string stream = accepting_answer(take_output(connection));
    stream += frame(0x81, "status") + frame(0x89, "p") + frame(0x81, text_of(150));
    Recorder recorder;
    size_t begin = 0;
    while (begin < stream.size()) {
      const size_t size = cut != 0 ? cut : 1 + cuts.next_u64() % 40;
      EXPECT_EQ(feed(connection, std::string_view(stream).substr(begin, size), recorder), Error::none);
      begin += size;
    }
    return recorder.calls;
  };
  const Calls expected{"open 101", "text status", "ping p", "text " + text_of(150)};
  EXPECT_EQ(outcome_of(100'000, 0), expected);
  for (size_t cut = 1; cut < 20; ++cut) EXPECT_EQ(outcome_of(cut, 0), expected) << cut;
  for (uint64_t seed = 1; seed < 20; ++seed) EXPECT_EQ(outcome_of(0, seed), expected) << seed;
}

TEST(WebSocketConnection, AWholeTextFrameIsDeliveredWhereItLies) {
  struct Where : Recorder {
    std::vector<const void*> at;
    bool on_text(std::string_view text) {
      at.push_back(text.data());
      return true;
    }
  };
  OpenConnection open(Role::client);
  const std::string stream = frame(0x81, "one") + frame(0x89, "") + frame(0x81, text_of(195)) +
                             frame(0x81, "\xC3\xA4");
  std::vector<std::byte> block(stream.size() + receive_padding);
  for (size_t i = 0; i < stream.size(); ++i) block[i] = static_cast<std::byte>(stream[i]);
  Where where;
  ASSERT_EQ(open.connection.receive({block.data(), stream.size()}, where), Error::none);
  EXPECT_EQ(where.at, (std::vector<const void*>{&block[2], &block[5 + 2 + 4], &block[5 + 2 + 199 + 2]}));
}

TEST(WebSocketConnection, AnEmptyReadChangesNothing) {
  OpenConnection open(Role::client);
  Recorder recorder;
  EXPECT_EQ(open.connection.receive({}, recorder), Error::none);
  EXPECT_TRUE(recorder.calls.empty());
}

TEST(WebSocketConnection, ErrorsAreStickyAndFailSendsTheirCodeOnce) {
  OpenConnection open(Role::server);
  Recorder recorder;
  EXPECT_EQ(feed(open.connection, frame(0x81, "\xFF", true), recorder), Error::invalid_utf8);
  EXPECT_EQ(feed(open.connection, frame(0x81, "a", true), recorder), Error::invalid_utf8);
  EXPECT_FALSE(open.connection.send_text("no"));
  open.connection.fail(Error::invalid_utf8);
  open.connection.fail(Error::invalid_utf8);
  EXPECT_EQ(open.connection.state(), State::closed);
  EXPECT_EQ(take_output(open.connection), frame(0x88, close_body(1007, "invalid_utf8")));
  EXPECT_TRUE(recorder.calls.empty());
}

TEST(WebSocketConnection, ACallbackThatAnswersFalseStopsEverything) {
  for (const std::string stop_at : {"text b", "binary b", "ping b", "pong b"}) {
    OpenConnection open(Role::client);
    Recorder recorder;
    recorder.stop_at = stop_at;
    const int first = stop_at[0] == 't' ? 0x81 : stop_at[0] == 'b' ? 0x82 : stop_at[1] == 'i' ? 0x89 : 0x8A;
    const std::string stream = frame(0x81, "a") + frame(first, "b") + frame(0x81, "c");
    EXPECT_EQ(feed(open.connection, stream, recorder), Error::none);
    EXPECT_EQ(feed(open.connection, frame(0x81, "d"), recorder), Error::none);
    EXPECT_EQ(recorder.calls, (Calls{"text a", stop_at}));
    EXPECT_EQ(open.connection.state(), State::closed);
  }
}

TEST(WebSocketConnection, FailFromACallbackEndsTheReadWithThatError) {
  struct Failing : Recorder {
    Connection* connection = nullptr;
    bool on_text(std::string_view text) {
      connection->fail(Error::message_too_big);
      return Recorder::on_text(text);
    }
  };
  OpenConnection open(Role::client);
  Failing failing;
  failing.connection = &open.connection;
  EXPECT_EQ(feed(open.connection, frame(0x81, "a") + frame(0x81, "b"), failing), Error::message_too_big);
  EXPECT_EQ(failing.calls, Calls{"text a"});
}

TEST(WebSocketConnection, OurCloseFirst) {
  OpenConnection open(Role::server);
  Connection& connection = open.connection;
  Recorder recorder;
  connection.send_close(1001, "away");
  connection.send_close(1000, "twice");
  EXPECT_EQ(connection.state(), State::closing_sent);
  EXPECT_FALSE(connection.send_text("late"));
  EXPECT_FALSE(connection.send_ping({}));
  // What the peer sent before it saw our close still arrives; its pings get no answer any more.
  EXPECT_EQ(feed(connection, frame(0x81, "last", true) + frame(0x89, "p", true), recorder), Error::none);
  EXPECT_EQ(feed(connection, frame(0x88, close_body(1001), true), recorder), Error::none);
  EXPECT_EQ(recorder.calls, (Calls{"text last", "ping p", "close 1001 "}));
  EXPECT_EQ(connection.state(), State::closed);
  EXPECT_EQ(take_output(connection), frame(0x88, close_body(1001, "away")));
}

TEST(WebSocketConnection, ThePeersCloseFirst) {
  OpenConnection open(Role::server);
  Connection& connection = open.connection;
  Recorder recorder;
  EXPECT_TRUE(connection.send_text("before"));
  EXPECT_EQ(feed(connection, frame(0x88, close_body(1012, "restart"), true), recorder), Error::none);
  EXPECT_EQ(connection.state(), State::closing_received);
  EXPECT_FALSE(connection.send_text("late"));
  connection.send_close(1000, "");
  EXPECT_EQ(as_string(connection.output()), frame(0x81, "before") + frame(0x88, close_body(1012)));
  connection.consume_output(3);
  EXPECT_EQ(connection.state(), State::closing_received);
  take_output(connection);
  EXPECT_EQ(connection.state(), State::closed);
}

TEST(WebSocketConnection, ACloseReasonIsCutAtACharacter) {
  OpenConnection open(Role::server);
  open.connection.send_close(3000, std::string(122, 'a') + "\xC3\xA4");
  EXPECT_EQ(take_output(open.connection), frame(0x88, close_body(3000, std::string(122, 'a'))));

  OpenConnection bare(Role::server);
  bare.connection.send_close(close_none, "ignored");
  EXPECT_EQ(take_output(bare.connection), frame(0x88, ""));
}

TEST(WebSocketConnection, AFloodOfPingsLeavesOnePongAndTheMessagesInOrder) {
  OpenConnection open(Role::server);
  Connection& connection = open.connection;
  Recorder recorder;
  std::string flood;
  for (int i = 0; i < 1000; ++i) flood += frame(0x89, "ping " + std::to_string(i), true);
  EXPECT_TRUE(connection.send_text("first"));
  EXPECT_EQ(feed(connection, flood, recorder), Error::none);
  EXPECT_TRUE(connection.send_text("second"));
  EXPECT_EQ(feed(connection, frame(0x89, "late", true), recorder), Error::none);
  EXPECT_EQ(as_string(connection.output()),
            frame(0x81, "first") + frame(0x81, "second") + frame(0x8A, "late"));
  // One that has begun to leave stays whole.
  connection.consume_output(7 + 8 + 3);
  EXPECT_EQ(feed(connection, flood, recorder), Error::none);
  EXPECT_EQ(as_string(connection.output()), "ate" + frame(0x8A, "ping 999"));
}

TEST(WebSocketConnection, OutputIsBoundedAndControlFramesStillFit) {
  OpenConnection open(Role::client, 1000, 300);
  Connection& connection = open.connection;
  Recorder recorder;
  EXPECT_FALSE(connection.send_text(text_of(400)));
  EXPECT_TRUE(connection.send_text(text_of(280)));
  EXPECT_FALSE(connection.send_text(text_of(10)));
  // Half a pong on its way, a whole one, and the close frame, on top of a full queue.
  EXPECT_EQ(feed(connection, frame(0x89, text_of(125)), recorder), Error::none);
  connection.consume_output(280 + 8 + 1);
  EXPECT_TRUE(connection.send_text(text_of(150)));
  EXPECT_EQ(feed(connection, frame(0x89, text_of(125)), recorder), Error::none);
  EXPECT_EQ(feed(connection, frame(0x89, text_of(125)), recorder), Error::none);
  EXPECT_FALSE(connection.send_text(""));
  connection.send_close(1000, text_of(123));
  EXPECT_EQ(connection.output().size(), 130u + 158 + 131 + 131);
}

TEST(WebSocketConnection, BothRolesUnderstandEachOther) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Connection client(Role::client, 70'000);
    Connection server(Role::server, 70'000);
    Recorder at_client;
    Recorder at_server;
    client.start_client("localhost", 9000, false, "/v2?x=1", random);
    server.start_server();
    const auto move = [&random](Connection& from, Connection& to, Recorder& handler) {
      while (!from.output().empty()) {
        const size_t size = std::min<size_t>(from.output().size(), 1 + random.next_u64() % 5000);
        ASSERT_EQ(feed(to, as_string(from.output().first(size)), handler), Error::none);
        from.consume_output(size);
      }
    };
    Calls to_server{"open 101"};
    Calls to_client{"open 101"};
    move(client, server, at_server);
    move(server, client, at_client);
    for (int i = 0; i < 20; ++i) {
      const std::string text(random.next_u64() % (i % 5 == 0 ? 69'000 : 300), 'q');
      ASSERT_TRUE(client.send_text(text));
      ASSERT_TRUE(server.send_text(text));
      to_server.push_back("text " + text);
      to_client.push_back("text " + text);
      move(client, server, at_server);
      move(server, client, at_client);
    }
    ASSERT_TRUE(client.send_ping(std::as_bytes(std::span("hi", 2))));
    move(client, server, at_server);
    move(server, client, at_client);
    to_server.push_back("ping hi");
    to_client.push_back("pong hi");
    client.send_close(1000, "done");
    move(client, server, at_server);
    move(server, client, at_client);
    to_server.push_back("close 1000 done");
    to_client.push_back("close 1000 ");
    EXPECT_EQ(at_server.calls, to_server);
    EXPECT_EQ(at_client.calls, to_client);
    EXPECT_EQ(at_server.path, "/v2?x=1");
    EXPECT_EQ(client.state(), State::closed);
    EXPECT_EQ(server.state(), State::closed);
  }
}

TEST(WebSocketConnection, TheClientMasksWithKeysOfItsSeed) {
  const auto sent = [](uint64_t seed) {
    Random random(seed);
    Connection connection(Role::client, 1000);
    Recorder recorder;
    connection.start_client("h", 1, false, "/", random);
    (void)feed(connection, accepting_answer(take_output(connection)), recorder);
    connection.send_text("same");
    connection.send_text("same");
    return take_output(connection);
  };
  const std::string out = sent(1);
  EXPECT_EQ(out, sent(1));
  EXPECT_NE(out, sent(2));
  EXPECT_NE(out.substr(0, 10), out.substr(10));  // a new key for every frame
  EXPECT_EQ(static_cast<uint8_t>(out[1]), 0x80 | 4);
}

}  // namespace
}  // namespace havklo::websocket
