// The connection beside the rules of RFC 6455 (*_rules_test): handshake and frames in one
// read, what it sends, how it closes and stops, its bounds, and both roles against each other.
#include "websocket/connection.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "support/websocket/peer.hpp"

namespace havklo::websocket {
namespace {

using State = Connection::State;
using Calls = std::vector<std::string>;

std::string stars(size_t size) { return std::string(size, '*'); }

TEST(WebSocketConnection, TheHandshakeAndTheFirstFramesMayShareReadsInAnyCut) {
  const auto outcome_of = [](size_t cut, uint64_t seed) {
    ClientKeys keys(3);
    Random cuts(seed);
    Connection connection(Role::client, 1000);
    connection.start_client("example", 443, true, "/v2", keys.random, keys.masks);
    std::string stream = accepting_answer(take_output(connection));
    stream += frame(0x81, "status") + frame(0x89, "p") + frame(0x81, stars(150));
    Recorder recorder;
    size_t begin = 0;
    while (begin < stream.size()) {
      const size_t size = cut != 0 ? cut : 1 + cuts.next_u64() % 40;
      EXPECT_EQ(feed(connection, std::string_view(stream).substr(begin, size), recorder),
                Error::none);
      begin += size;
    }
    return recorder.calls;
  };
  const Calls expected{"open 101", "text status", "ping p", "text " + stars(150)};
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
  const std::string stream =
      frame(0x81, "one") + frame(0x89, "") + frame(0x81, stars(195)) + frame(0x81, "\xC3\xA4");
  std::vector<std::byte> block(stream.size() + receive_padding);
  for (size_t i = 0; i < stream.size(); ++i) block[i] = static_cast<std::byte>(stream[i]);
  Where where;
  ASSERT_EQ(open.connection.receive({block.data(), stream.size()}, where), Error::none);
  EXPECT_EQ(where.at,
            (std::vector<const void*>{&block[2], &block[5 + 2 + 4], &block[5 + 2 + 199 + 2]}));
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
    const int first = stop_at[0] == 't'   ? 0x81
                      : stop_at[0] == 'b' ? 0x82
                      : stop_at[1] == 'i' ? 0x89
                                          : 0x8A;
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
  EXPECT_EQ(feed(open.connection, frame(0x81, "a") + frame(0x81, "b"), failing),
            Error::message_too_big);
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
  // What the peer sent before it saw our close still arrives.
  EXPECT_EQ(feed(connection, frame(0x81, "last", true) + frame(0x89, "p", true), recorder),
            Error::none);
  EXPECT_EQ(feed(connection, frame(0x88, close_body(1001), true), recorder), Error::none);
  EXPECT_EQ(recorder.calls, (Calls{"text last", "ping p", "close 1001 "}));
  EXPECT_EQ(connection.state(), State::closed);
  EXPECT_EQ(take_output(connection), frame(0x88, close_body(1001, "away")) + frame(0x8A, "p"));
}

TEST(WebSocketConnection, ThePeersCloseFirst) {
  OpenConnection open(Role::server);
  Connection& connection = open.connection;
  Recorder recorder;
  EXPECT_TRUE(connection.send_text("before"));
  EXPECT_EQ(feed(connection, frame(0x88, close_body(1012, "restart"), true), recorder),
            Error::none);
  EXPECT_EQ(connection.state(), State::closing_received);
  EXPECT_FALSE(connection.send_text("late"));
  connection.send_close(1000, "");
  EXPECT_EQ(as_string(connection.output()), frame(0x81, "before") + frame(0x88, close_body(1012)));
  connection.consume_output(3);
  EXPECT_EQ(connection.state(), State::closing_received);
  take_output(connection);
  EXPECT_EQ(connection.state(), State::closed);
}

TEST(WebSocketConnection, OutputIsBoundedAndControlFramesStillFit) {
  OpenConnection open(Role::client, 1000, 300);
  Connection& connection = open.connection;
  Recorder recorder;
  EXPECT_FALSE(connection.send_text(stars(400)));
  EXPECT_TRUE(connection.send_text(stars(280)));
  EXPECT_FALSE(connection.send_text(stars(10)));
  // Half a pong on its way, whole ones, and the close frame, on top of a full queue.
  EXPECT_EQ(feed(connection, frame(0x89, stars(125)), recorder), Error::none);
  connection.consume_output(280 + 8 + 1);
  EXPECT_TRUE(connection.send_text(stars(150)));
  EXPECT_EQ(feed(connection, frame(0x89, stars(125)), recorder), Error::none);
  EXPECT_EQ(feed(connection, frame(0x89, stars(125)), recorder), Error::none);
  EXPECT_FALSE(connection.send_text(""));
  connection.send_close(1000, stars(123));
  EXPECT_EQ(connection.output().size(), 130u + 158 + 2 * 131 + 131);
}

TEST(WebSocketConnection, BothRolesUnderstandEachOther) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    ClientKeys keys(seed);
    Connection client(Role::client, 70'000);
    Connection server(Role::server, 70'000);
    Recorder at_client;
    Recorder at_server;
    client.start_client("localhost", 9000, false, "/v2?x=1", keys.random, keys.masks);
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
    ClientKeys keys(seed);
    Connection connection(Role::client, 1000);
    Recorder recorder;
    connection.start_client("h", 1, false, "/", keys.random, keys.masks);
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
