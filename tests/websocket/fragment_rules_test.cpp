// RFC 6455, 5.4: messages in fragments. Autobahn 5.
#include <gtest/gtest.h>

#include "support/websocket/rules.hpp"

namespace havklo::websocket {
namespace {

TEST(WebSocketFragmentRules, AMessageInFragmentsComesBackWhole) {
  check({
      {"Autobahn 5.3: two", {{0x01, "ab"}, {0x80, "cd"}}, {"text abcd"}},
      {"binary in three",
       {{0x02, "a"}, {0x00, "\xFF"}, {0x80, "c"}},
       {"binary a\xFF"
        "c"}},
      {"empty ones", {{0x01, ""}, {0x00, ""}, {0x80, ""}}, {"text "}},
      {"empty ones around", {{0x01, ""}, {0x00, "m"}, {0x80, ""}}, {"text m"}},
      {"one that ends empty", {{0x02, "m"}, {0x80, ""}}, {"binary m"}},
      {"two messages",
       {{0x01, "a"}, {0x80, "b"}, {0x02, "c"}, {0x80, "d"}},
       {"text ab", "binary cd"}},
      {"a whole one behind", {{0x01, "a"}, {0x80, "b"}, {0x81, "c"}}, {"text ab", "text c"}},
      {"fragments of every form of length",
       {{0x02, stars(125)}, {0x00, stars(126)}, {0x00, stars(65536)}, {0x80, "x"}},
       {"binary " + stars(125 + 126 + 65536) + "x"}},
  });
}

TEST(WebSocketFragmentRules, ControlFramesMayStandBetween) {
  check({
      {"Autobahn 5.6: a ping", {{0x01, "ab"}, {0x89, "p"}, {0x80, "cd"}}, {"pong p", "text abcd"}},
      {"a pong", {{0x01, ""}, {0x8A, "p"}, {0x80, ""}}, {"text "}, Error::none, {"p"}},
      {"Autobahn 5.19: pings everywhere",
       {{0x01, "1"}, {0x00, "2"}, {0x89, "a"}, {0x00, "3"}, {0x00, "4"}, {0x89, "b"}, {0x80, "5"}},
       {"pong a", "pong b", "text 12345"}},
      {"a close", {{0x01, "a"}, {0x88, close_body(1001)}, {0x80, "b"}}, {"close 1001"}},
  });
}

TEST(WebSocketFragmentRules, AControlFrameIsNeverInFragments) {
  std::vector<Rule> rules;
  for (const int opcode : {0x08, 0x09, 0x0A}) {
    const std::string name = "Autobahn 5.1, 5.2: opcode " + std::to_string(opcode);
    rules.push_back({name, {{opcode, ""}, {0x80, ""}}, {}, Error::fragmented_control});
    rules.push_back({name + " in a message",
                     {{0x01, "a"}, {opcode, "b"}, {0x80, "c"}},
                     {},
                     Error::fragmented_control});
  }
  // check() sees no close of the peer's in 0x08.
  check(rules);
}

TEST(WebSocketFragmentRules, AContinuationNeedsAMessageThatHasBegun) {
  check({
      {"Autobahn 5.9: with FIN", {{0x80, "a"}, {0x81, "b"}}, {}, Error::unexpected_continuation},
      {"Autobahn 5.12: without FIN",
       {{0x00, "a"}, {0x81, "b"}},
       {},
       Error::unexpected_continuation},
      {"empty", {{0x80, ""}}, {}, Error::unexpected_continuation},
      {"behind a whole message",
       {{0x81, "a"}, {0x80, "b"}},
       {"text a"},
       Error::unexpected_continuation},
      {"Autobahn 5.15: behind the last fragment",
       {{0x01, "a"}, {0x80, "b"}, {0x00, "c"}, {0x81, "d"}},
       {"text ab"},
       Error::unexpected_continuation},
      {"behind a ping", {{0x89, "p"}, {0x80, "b"}}, {"pong p"}, Error::unexpected_continuation},
  });
}

TEST(WebSocketFragmentRules, AMessageDoesNotBeginInsideOfAnother) {
  std::vector<Rule> rules;
  for (const int begun : {0x01, 0x02}) {
    for (const int first : {0x81, 0x82, 0x01, 0x02}) {
      rules.push_back({"Autobahn 5.18: " + std::to_string(first) + " in " + std::to_string(begun),
                       {{begun, "a"}, {first, "b"}},
                       {},
                       Error::expected_continuation});
      rules.push_back({"Autobahn 5.20: behind a ping",
                       {{begun, "a"}, {0x89, "p"}, {0x00, "b"}, {first, "c"}},
                       {"pong p"},
                       Error::expected_continuation});
    }
  }
  check(rules);
}

}  // namespace
}  // namespace havklo::websocket
