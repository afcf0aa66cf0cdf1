// RFC 6455, 5.5.2 and 5.5.3: pings and pongs. Autobahn 2.
#include <gtest/gtest.h>

#include "support/websocket/rules.hpp"

namespace havklo::websocket {
namespace {

TEST(WebSocketControlRules, APingIsAnsweredWithItsOwnBytes) {
  std::string all_bytes;
  for (int i = 0; i < 125; ++i) all_bytes += static_cast<char>(2 * i + 1);
  check({
      {"Autobahn 2.1: empty", {{0x89, ""}}, {"pong "}},
      {"Autobahn 2.2: text", {{0x89, "Hello, world!"}}, {"pong Hello, world!"}},
      {"Autobahn 2.3: no UTF-8",
       {{0x89, raw({0, 255, 254, 253})}},
       {"pong " + raw({0, 255, 254, 253})}},
      {"Autobahn 2.4, 2.6: 125", {{0x89, all_bytes}}, {"pong " + all_bytes}},
      {"Autobahn 2.5: 126", {{0x89, stars(126)}}, {}, Error::control_too_long},
      {"a pong of 126", {{0x8A, stars(126)}}, {}, Error::control_too_long},
      {"64 bits for the length", {{0x89, "", 8}}, {}, Error::control_too_long},
  });
}

TEST(WebSocketControlRules, APongThatNobodyAskedForIsTaken) {
  check({
      {"Autobahn 2.7: empty", {{0x8A, ""}}, {}, Error::none, {""}},
      {"Autobahn 2.8: text", {{0x8A, "unasked"}}, {}, Error::none, {"unasked"}},
      {"Autobahn 2.9: before a ping", {{0x8A, "a"}, {0x89, "b"}}, {"pong b"}, Error::none, {"a"}},
  });
}

// Autobahn 2.10 and 2.11 count ten; the bound is far above.
TEST(WebSocketControlRules, EveryPingOfAReadHasItsPong) {
  for (const size_t count : {10u, 100u, 129u}) {
    Rule rule{"pings", {}, {}};
    for (size_t i = 0; i < count; ++i) {
      rule.frames.push_back({0x89, "ping " + std::to_string(i)});
      rule.replies.push_back("pong ping " + std::to_string(i));
    }
    check({rule});
  }
}

// A whole receive buffer of the smallest.
TEST(WebSocketControlRules, AReadFullOfPingsIsAnswered) {
  constexpr size_t read_bytes = 16 * 1024;
  OpenConnection open(Role::client);
  Recorder recorder;
  std::string stream;
  while (stream.size() < read_bytes) stream += frame(0x89, "");
  EXPECT_EQ(feed(open.connection, stream, recorder), Error::none);
  const Lines pongs = lines_of(take_output(open.connection), Role::client);
  EXPECT_EQ(pongs.size(), read_bytes / 2);
  EXPECT_EQ(recorder.calls.size(), pongs.size());
}

// 5.5.2: only the peer's Close ends the duty.
TEST(WebSocketControlRules, APingBehindOurOwnCloseIsAnswered) {
  for (const Role role : {Role::client, Role::server}) {
    const bool masked = role == Role::server;
    OpenConnection open(role);
    Recorder recorder;
    EXPECT_TRUE(open.connection.send_close(1000, ""));
    const std::string stream =
        frame(0x81, "late", masked) + frame(0x89, "a", masked) + frame(0x89, "b", masked);
    EXPECT_EQ(feed(open.connection, stream, recorder), Error::none);
    EXPECT_EQ(lines_of(take_output(open.connection), role),
              (Lines{"close 1000", "pong a", "pong b"}));
    EXPECT_FALSE(open.connection.send_text("no"));
    EXPECT_FALSE(open.connection.send_ping({}));
    const std::string end = frame(0x88, close_body(1000), masked) + frame(0x89, "c", masked);
    EXPECT_EQ(feed(open.connection, end, recorder), Error::none);
    EXPECT_TRUE(open.connection.output().empty());
    EXPECT_EQ(open.connection.state(), Connection::State::closed);
  }
}

TEST(WebSocketControlRules, APingBehindThePeersCloseIsNot) {
  check({{"a ping", {{0x88, close_body(1000)}, {0x89, "p"}}, {"close 1000"}}});
}

// However many come: what waits stays within its bound, and the newest has its pong.
TEST(WebSocketControlRules, AFloodOfPingsIsAnsweredWithinItsBound) {
  for (const size_t size : {size_t{0}, size_t{5}, size_t{125}}) {
    OpenConnection open(Role::server);
    Recorder recorder;
    EXPECT_TRUE(open.connection.send_text("first"));
    for (int i = 0; i < 40'000; ++i) {
      const std::string payload = std::string(size, static_cast<char>('a' + i % 26));
      EXPECT_EQ(feed(open.connection, frame(0x89, payload, true), recorder), Error::none);
    }
    EXPECT_TRUE(open.connection.send_text("second"));
    EXPECT_EQ(feed(open.connection, frame(0x89, "newest", true), recorder), Error::none);
    EXPECT_LE(open.connection.output().size(),
              7 + 8 + pong_bytes_waiting_max + OutputBuffer::control_frame_bytes_max);
    const Lines lines = lines_of(take_output(open.connection), Role::server);
    EXPECT_GT(lines.size(), pong_bytes_waiting_max / (size + 2) - 200);
    EXPECT_EQ(lines.front(), "text first");
    EXPECT_EQ(lines[lines.size() - 2], "text second");
    EXPECT_EQ(lines.back(), "pong newest");
    // When they have left there is room again.
    EXPECT_EQ(feed(open.connection, frame(0x89, "a", true) + frame(0x89, "b", true), recorder),
              Error::none);
    EXPECT_EQ(lines_of(take_output(open.connection), Role::server), (Lines{"pong a", "pong b"}));
  }
}

// Pongs of all sizes, output that leaves in drawn pieces, a close at the end: the queue keeps its
// bound and its frames stay whole.
TEST(WebSocketControlRules, AFloodThatLeavesInPiecesKeepsFramesWhole) {
  constexpr uint32_t output_max = 500;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    OpenConnection open(Role::client, 1000, output_max);
    Recorder recorder;
    std::string left;
    for (int i = 0; i < 3000; ++i) {
      const std::string payload(random.below(126), 'p');
      ASSERT_EQ(feed(open.connection, frame(0x89, payload), recorder), Error::none);
      if (random.below(10) == 0) open.connection.send_text(std::string(random.below(100), 't'));
      ASSERT_LE(open.connection.output().size(), output_max + OutputBuffer::control_room_bytes);
      if (random.below(200) != 0) continue;
      const size_t size = random.below(open.connection.output().size() + 1);
      left += as_string(open.connection.output().first(size));
      open.connection.consume_output(size);
    }
    EXPECT_TRUE(open.connection.send_close(1000, stars(123)));
    left += take_output(open.connection);
    const Lines lines = lines_of(left, Role::client);
    EXPECT_NE(lines.front(), "BAD");
    EXPECT_EQ(lines.back(), "close 1000 " + stars(123));
    EXPECT_GT(lines.size(), 500u);
  }
}

}  // namespace
}  // namespace havklo::websocket
