// RFC 6455, 5.5.1 and 7: closing, from either side. Autobahn 7.
#include <gtest/gtest.h>

#include "support/websocket/rules.hpp"
#include "websocket/close_code.hpp"

namespace havklo::websocket {
namespace {

const std::string euro = "\xE2\x82\xAC";
const std::string surrogate = "\xED\xA0\x80";

bool may_be_sent(int code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
         (code >= 3000 && code <= 4999);
}

TEST(WebSocketCloseRules, AfterThePeersCloseNothingIsReadOrSentButTheAnswer) {
  check({
      {"Autobahn 7.1.1: behind a message",
       {{0x81, "a"}, {0x88, close_body(1000)}},
       {"text a", "close 1000"}},
      {"Autobahn 7.1.2: two closes",
       {{0x88, close_body(1000)}, {0x88, close_body(1001)}},
       {"close 1000"}},
      {"Autobahn 7.1.3: a ping behind", {{0x88, close_body(1000)}, {0x89, ""}}, {"close 1000"}},
      {"Autobahn 7.1.4: a text behind", {{0x88, close_body(1000)}, {0x81, "a"}}, {"close 1000"}},
      {"Autobahn 7.1.5: inside of a message",
       {{0x01, "a"}, {0x88, close_body(1000)}, {0x80, "b"}},
       {"close 1000"}},
      {"Autobahn 7.1.6: much, then a ping and a close",
       {{0x81, stars(60'000)}, {0x88, close_body(1000)}, {0x89, ""}},
       {"text " + stars(60'000), "close 1000"}},
      {"rubbish behind", {{0x88, close_body(1000)}, {0xFF, "rubbish"}}, {"close 1000"}},
  });
}

TEST(WebSocketCloseRules, TheBodyOfACloseIsNothingOrACodeAndAReason) {
  check({
      {"Autobahn 7.3.1: empty", {{0x88, ""}}, {"close "}},
      {"Autobahn 7.3.2: one byte", {{0x88, "x"}}, {}, Error::close_body_one_byte},
      {"Autobahn 7.3.3: a code", {{0x88, close_body(1000)}}, {"close 1000"}},
      {"Autobahn 7.3.4: with a reason", {{0x88, close_body(1000, "ok " + euro)}}, {"close 1000"}},
      {"Autobahn 7.3.5: the longest", {{0x88, close_body(1000, stars(123))}}, {"close 1000"}},
      {"Autobahn 7.3.6: 126", {{0x88, close_body(1000, stars(124))}}, {}, Error::control_too_long},
      {"Autobahn 7.5.1: no UTF-8",
       {{0x88, close_body(1000, "\xCE\xBA" + surrogate + "edited")}},
       {},
       Error::close_reason_invalid_utf8},
      {"a reason that is cut",
       {{0x88, close_body(1000, "\xC3")}},
       {},
       Error::close_reason_invalid_utf8},
  });
}

TEST(WebSocketCloseRules, EveryCodeThatMayBeOnTheWireIsAnsweredWithItself) {
  std::vector<Rule> good;
  std::vector<Rule> bad;
  for (const int code : {0,    1,    999,  1000, 1001, 1002, 1003, 1004, 1005, 1006,  1007, 1008,
                         1009, 1010, 1011, 1012, 1013, 1014, 1015, 1016, 1100, 1999,  2000, 2999,
                         3000, 3001, 3999, 4000, 4001, 4999, 5000, 5001, 9999, 32768, 65535}) {
    const std::string name = "Autobahn 7.7, 7.9, 7.13: " + std::to_string(code);
    for (const std::string reason : {"", "why"}) {
      const Frames frames = {{0x88, close_body(code, reason)}};
      if (may_be_sent(code)) {
        good.push_back({name, frames, {"close " + std::to_string(code)}});
      } else {
        bad.push_back({name, frames, {}, Error::close_code_invalid});
      }
    }
  }
  check(good);
  check(bad);
}

// Our side.

TEST(WebSocketCloseRules, ACodeThatMustNotBeOnTheWireIsNotSent) {
  for (const Role role : {Role::client, Role::server}) {
    OpenConnection open(role);
    Recorder recorder;
    for (int code = 0; code <= 65535; ++code) {
      if (may_be_sent(code) || code == close_none) continue;
      ASSERT_FALSE(open.connection.send_close(static_cast<uint16_t>(code), "")) << code;
    }
    // Nothing has happened.
    EXPECT_TRUE(open.connection.output().empty());
    EXPECT_EQ(open.connection.state(), Connection::State::open);
    EXPECT_TRUE(open.connection.send_text("still open"));
    EXPECT_TRUE(open.connection.send_close(1000, ""));
    EXPECT_EQ(lines_of(take_output(open.connection), role),
              (Lines{"text still open", "close 1000"}));
  }
}

// 1005 says inside a program that there was no code.
TEST(WebSocketCloseRules, NoCodeIsSentAsNone) {
  OpenConnection open(Role::server);
  EXPECT_TRUE(open.connection.send_close(close_none, "goes with a code or not at all"));
  EXPECT_EQ(take_output(open.connection), frame(0x88, ""));
}

TEST(WebSocketCloseRules, EveryCodeThatMayBeSentIs) {
  for (int code = 1000; code <= 4999; ++code) {
    if (!may_be_sent(code)) continue;
    OpenConnection open(Role::server, 100, 200);
    ASSERT_TRUE(open.connection.send_close(static_cast<uint16_t>(code), "why")) << code;
    ASSERT_EQ(take_output(open.connection), frame(0x88, close_body(code, "why"))) << code;
  }
}

TEST(WebSocketCloseRules, AReasonIsUtf8AndAtMost123Bytes) {
  OpenConnection open(Role::server);
  const std::vector<std::string> bad_reasons = {"\xFF", "cut \xC3", surrogate, stars(130) + "\xFF",
                                                stars(122) + "\xFF"};
  for (const std::string& bad : bad_reasons) {
    EXPECT_FALSE(open.connection.send_close(1000, bad));
  }
  EXPECT_EQ(open.connection.state(), Connection::State::open);
  EXPECT_TRUE(open.connection.send_close(1000, stars(122) + euro));
  EXPECT_EQ(take_output(open.connection), frame(0x88, close_body(1000, stars(122))));

  for (size_t before = 118; before <= 124; ++before) {
    OpenConnection each(Role::server);
    EXPECT_TRUE(each.connection.send_close(1000, stars(before) + euro));
    const std::string kept =
        before + 3 <= 123 ? stars(before) + euro : stars(std::min<size_t>(before, 123));
    EXPECT_EQ(take_output(each.connection), frame(0x88, close_body(1000, kept))) << before;
  }
}

}  // namespace
}  // namespace havklo::websocket
