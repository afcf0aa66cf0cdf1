// RFC 6455, 5.1 and 5.2: masks, lengths, reserved bits, opcodes. Autobahn 1, 3, 4.
#include <gtest/gtest.h>

#include "support/websocket/rules.hpp"

namespace havklo::websocket {
namespace {

TEST(WebSocketFramingRules, AMessageOfEveryFormOfLengthComesBack) {
  std::vector<Rule> rules;
  const std::vector<size_t> sizes = {0, 1, 124, 125, 126, 127, 128, 255, 256, 65535, 65536};
  for (size_t i = 0; i < sizes.size(); ++i) {
    const std::string text = stars(sizes[i]);
    const std::string binary(sizes[i], '\xFE');
    const std::string size = std::to_string(sizes[i]);
    rules.push_back({"Autobahn 1.1: text of " + size, {{0x81, text}}, {"text " + text}});
    rules.push_back({"Autobahn 1.2: binary of " + size, {{0x82, binary}}, {"binary " + binary}});
  }
  check(rules);
}

TEST(WebSocketFramingRules, ALengthTakesTheFewestBytesAndAtMost63Bits) {
  const auto declared = [](std::initializer_list<int> bytes) { return raw(bytes); };
  check({
      {"16 bits for 5", {{0x81, "hello", 2}}, {}, Error::length_not_minimal},
      {"16 bits for 125", {{0x82, stars(125), 2}}, {}, Error::length_not_minimal},
      {"16 bits for 126", {{0x82, stars(126), 2}}, {"binary " + stars(126)}},
      {"64 bits for 5", {{0x81, "hello", 8}}, {}, Error::length_not_minimal},
      {"64 bits for 65535", {{0x81, stars(65535), 8}}, {}, Error::length_not_minimal},
      {"64 bits for 65536", {{0x81, stars(65536), 8}}, {"text " + stars(65536)}},
      {"2^63",
       {{0x82, "", 8, false, declared({128, 0, 0, 0, 0, 0, 0, 0})}},
       {},
       Error::length_beyond_63_bits},
      {"2^64 - 1",
       {{0x82, "", 8, false, declared({255, 255, 255, 255, 255, 255, 255, 255})}},
       {},
       Error::length_beyond_63_bits},
      {"2^63 - 1",
       {{0x82, "", 8, false, declared({127, 255, 255, 255, 255, 255, 255, 255})}},
       {},
       Error::message_too_big},
      {"2^63 - 1 behind a fragment",
       {{0x01, "a"}, {0x80, "", 8, false, declared({127, 255, 255, 255, 255, 255, 255, 255})}},
       {},
       Error::message_too_big},
  });
}

TEST(WebSocketFramingRules, AClientMasksAndAServerDoesNot) {
  for (const int first : {0x81, 0x82, 0x89, 0x8A, 0x88, 0x01}) {
    const std::string payload = first == 0x88 ? close_body(1000) : "a";
    const Frames frames = {{0x81, "good"}, {first, payload, 0, true}};
    const Answered client =
        answer_in_every_split(Role::client, stream_of(frames, Role::client), 1000);
    EXPECT_EQ(client.error, Error::masked_by_server) << first;
    EXPECT_EQ(client.replies, (Lines{"text good", "close 1002 masked_by_server"}));
    const Answered server =
        answer_in_every_split(Role::server, stream_of(frames, Role::server), 1000);
    EXPECT_EQ(server.error, Error::unmasked_by_client) << first;
    EXPECT_EQ(server.replies, (Lines{"text good", "close 1002 unmasked_by_client"}));
  }
}

// Every combination of the three bits, on every kind of frame, alone and between good ones.
TEST(WebSocketFramingRules, AReservedBitEndsTheConnection) {
  std::vector<Rule> rules;
  for (int bits = 1; bits <= 7; ++bits) {
    for (const int first : {0x81, 0x82, 0x88, 0x89, 0x8A, 0x01, 0x80}) {
      const std::string payload = first == 0x88 ? close_body(1000) : "Hello, world!";
      const int with_bits = first | bits << 4;
      const std::string name =
          "Autobahn 3: RSV " + std::to_string(bits) + " on " + std::to_string(first);
      const Frames before = first == 0x80 ? Frames{{0x01, "begun"}} : Frames{};
      Frames alone = before;
      alone.push_back({with_bits, payload});
      rules.push_back({name, alone, {}, Error::reserved_bits});
      Frames between = {{0x81, "good"}, {0x89, "p"}};
      between.insert(between.end(), before.begin(), before.end());
      between.push_back({with_bits, payload});
      between.push_back({0x89, "never"});
      rules.push_back({name + " between", between, {"text good", "pong p"}, Error::reserved_bits});
    }
  }
  check(rules);
}

TEST(WebSocketFramingRules, AnOpcodeThatHasNoMeaningEndsTheConnection) {
  std::vector<Rule> rules;
  for (const int opcode : {3, 4, 5, 6, 7, 11, 12, 13, 14, 15}) {
    const std::string name = "Autobahn 4: opcode " + std::to_string(opcode);
    for (const int fin : {0x80, 0}) {
      const int first = fin | opcode;
      rules.push_back({name, {{first, ""}}, {}, Error::unknown_opcode});
      rules.push_back({name + " with bytes", {{first, "reserved"}}, {}, Error::unknown_opcode});
      rules.push_back({name + " between",
                       {{0x81, "good"}, {first, "reserved"}, {0x89, "never"}},
                       {"text good"},
                       Error::unknown_opcode});
      rules.push_back({name + " in a message",
                       {{0x01, "begun"}, {first, ""}, {0x80, "never"}},
                       {},
                       Error::unknown_opcode});
    }
  }
  check(rules);
}

TEST(WebSocketFramingRules, ManyFramesInARowKeepTheirOrder) {
  check({{"all kinds",
          {{0x81, "a"},
           {0x82, "b"},
           {0x89, "c"},
           {0x8A, "d"},
           {0x81, stars(200)},
           {0x81, ""},
           {0x01, "e"},
           {0x89, "f"},
           {0x80, "g"}},
          {"text a", "binary b", "pong c", "text " + stars(200), "text ", "pong f", "text eg"},
          Error::none,
          {"d"}}});
}

}  // namespace
}  // namespace havklo::websocket
