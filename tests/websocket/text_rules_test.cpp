// RFC 6455, 5.6 and 8.1: a text is UTF-8, whole, and what is not is noticed at its first wrong
// byte. Autobahn 6.
#include <gtest/gtest.h>

#include "support/websocket/rules.hpp"

namespace havklo::websocket {
namespace {

// "kosme" with a Greek accent, and a smiley: sequences of two, three and four bytes.
const std::string good = "\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5 \xF0\x9F\x98\x80";

std::vector<std::string> valid_texts() {
  return {
      good,
      "\xCE\xBA",
      std::string(1, '\0'),  // 6.7: the first of each length
      "\xC2\x80",
      "\xE0\xA0\x80",
      "\xF0\x90\x80\x80",  //
      "\x7F",
      "\xDF\xBF",
      "\xEF\xBF\xBF",
      "\xF4\x8F\xBF\xBF",  // 6.9: the last
      "\xED\x9F\xBF",
      "\xEE\x80\x80",
      "\xEF\xBF\xBD",  // 6.11: around the surrogates
      "\xEF\xBF\xBE",
      "\xF0\x9F\xBF\xBE",
      "\xF4\x8F\xBF\xBE",  // 6.22: no characters, yet valid
      "\xEF\xB7\x90",      //
      "\xEF\xBB\xBF"
      "with a mark",  //
  };
}

std::vector<std::string> invalid_texts() {
  return {
      "\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5\xED\xA0\x80"
      "edited",  // 6.3
      "\xF8\x88\x80\x80\x80",
      "\xFC\x84\x80\x80\x80\x80",  // 6.8, 6.10
      "\xF7\xBF\xBF\xBF",
      "\xFB\xBF\xBF\xBF\xBF",
      "\xFD\xBF\xBF\xBF\xBF\xBF",
      "\xF4\x90\x80\x80",  // above U+10FFFF
      "\x80",
      "\xBF",
      "\x80\xBF",
      "\x80\xBF\x80",
      "a\x80",  // 6.12: no beginning
      "\xC3 ",
      "\xE1 ",
      "\xF1 ",
      "\xC3\xC3",
      "\xE2\x82"
      "a",  // 6.13, 6.15: no end
      "\xFE",
      "\xFF",
      "\xFE\xFE\xFF\xFF",  // 6.16
      "\xC0\xAF",
      "\xE0\x80\xAF",
      "\xF0\x80\x80\xAF",
      "\xF8\x80\x80\x80\xAF",  // 6.17: overlong
      "\xC1\xBF",
      "\xE0\x9F\xBF",
      "\xF0\x8F\xBF\xBF",
      "\xF8\x87\xBF\xBF\xBF",  // 6.18
      "\xC0\x80",
      "\xE0\x80\x80",
      "\xF0\x80\x80\x80",
      "\xFC\x80\x80\x80\x80\x80",  // 6.19
      "\xED\xA0\x80",
      "\xED\xAD\xBF",
      "\xED\xAE\x80",
      "\xED\xAF\xBF",  // 6.20: surrogates
      "\xED\xB0\x80",
      "\xED\xBE\x80",
      "\xED\xBF\xBF",
      "\xED\xA0\x80\xED\xB0\x80",
      "\xED\xAF\xBF\xED\xBF\xBF",  // 6.21
  };
}

// Texts that are good as far as they go: wrong only by their end.
std::vector<std::string> cut_texts() {
  return {"\xCE", "\xE1", "\xE1\xBD", "\xF0", "\xF0\x9F", "\xF0\x9F\x98", "a\xC3"};
}

std::string name_of(const std::string& text) {
  std::string name = "text";
  for (const char c : text) name += ' ' + std::to_string(static_cast<uint8_t>(c));
  return name;
}

TEST(WebSocketTextRules, ValidTextComesBackWholeOrInFragments) {
  std::vector<Rule> rules;
  for (const std::string& text : valid_texts()) {
    rules.push_back({name_of(text), {{0x81, text}}, {"text " + text}});
    for (size_t cut = 0; cut <= text.size(); ++cut) {
      rules.push_back({name_of(text) + " in two",
                       {{0x01, text.substr(0, cut)}, {0x89, "\xFF"}, {0x80, text.substr(cut)}},
                       {"pong \xFF", "text " + text}});
    }
    Rule one_by_one{name_of(text) + " byte by byte", {{0x01, ""}}, {"text " + text}};
    for (const char c : text) one_by_one.frames.push_back({0x00, std::string(1, c)});
    one_by_one.frames.push_back({0x80, ""});
    rules.push_back(one_by_one);
  }
  check(rules);
}

TEST(WebSocketTextRules, InvalidTextEndsTheConnectionWhereverItStands) {
  std::vector<Rule> rules;
  for (const std::string& text : invalid_texts()) {
    const std::string name = name_of(text);
    rules.push_back({name, {{0x81, text}}, {}, Error::invalid_utf8});
    rules.push_back({name + " deep inside",
                     {{0x81, "first"}, {0x81, good + stars(150) + text + stars(150)}},
                     {"text first"},
                     Error::invalid_utf8});
    for (size_t cut = 0; cut <= text.size(); ++cut) {
      rules.push_back({name + " in two",
                       {{0x01, text.substr(0, cut)}, {0x80, text.substr(cut)}},
                       {},
                       Error::invalid_utf8});
    }
  }
  for (const std::string& text : cut_texts()) {
    rules.push_back({name_of(text) + " ends", {{0x81, text}}, {}, Error::invalid_utf8});
    rules.push_back({name_of(text) + " ends", {{0x01, text}, {0x80, ""}}, {}, Error::invalid_utf8});
    rules.push_back({name_of(text) + " goes on with the next",
                     {{0x81, text}, {0x81, "\x80"}},
                     {},
                     Error::invalid_utf8});
  }
  check(rules);
}

// Autobahn 6.4: the frame is longer than what has come, and says so. A valid part says nothing; the
// first byte after which no text can be valid ends the connection.
TEST(WebSocketTextRules, InvalidTextIsNoticedAtItsFirstWrongByte) {
  struct Row {
    std::string valid;
    char wrong;
  };
  for (const Row& row : {Row{"", '\x80'}, Row{good, '\xFF'}, Row{good + "\xF4", '\x90'},
                         Row{"\xED", '\xA0'}, Row{"a\xE0", '\x9F'}, Row{"\xC3", 'a'},
                         Row{"\xF0\x9F\x98", ' '}, Row{stars(300) + "\xE2\x82", '\x7F'}}) {
    for (const Role role : {Role::client, Role::server}) {
      for (const bool fragmented : {false, true}) {
        SCOPED_TRACE(name_of(row.valid));
        OpenConnection open(role);
        Recorder recorder;
        const bool masked = role == Role::server;
        const std::string whole = row.valid + row.wrong + stars(400);
        std::string stream = fragmented ? frame(0x01, "begun ", masked) : "";
        stream += frame(fragmented ? 0x80 : 0x81, whole, masked);
        const size_t wrong_at = stream.size() - 400 - 1;
        for (size_t i = 0; i < wrong_at; ++i) {
          ASSERT_EQ(feed(open.connection, stream.substr(i, 1), recorder), Error::none) << i;
        }
        EXPECT_EQ(feed(open.connection, stream.substr(wrong_at, 1), recorder), Error::invalid_utf8);
        EXPECT_TRUE(recorder.calls.empty());
      }
    }
  }
}

TEST(WebSocketTextRules, BinaryNeedNotBeUtf8) {
  for (const std::string& text : invalid_texts()) {
    check({{name_of(text),
            {{0x82, text}, {0x02, text}, {0x80, ""}},
            {"binary " + text, "binary " + text}}});
  }
}

// Our side.
TEST(WebSocketTextRules, WhatIsNoTextIsNotSentAsOne) {
  for (const Role role : {Role::client, Role::server}) {
    OpenConnection open(role);
    std::vector<std::string> bad = invalid_texts();
    for (const std::string& text : cut_texts()) bad.push_back(text);
    for (const std::string& text : bad) {
      EXPECT_FALSE(open.connection.send_text(text)) << name_of(text);
      EXPECT_FALSE(open.connection.send_text(stars(500) + text)) << name_of(text);
      EXPECT_TRUE(open.connection.output().empty());
      EXPECT_TRUE(open.connection.send_binary(std::as_bytes(std::span(text))));
      EXPECT_EQ(lines_of(take_output(open.connection), role), Lines{"binary " + text});
    }
    for (const std::string& text : valid_texts()) {
      EXPECT_TRUE(open.connection.send_text(text)) << name_of(text);
      EXPECT_EQ(lines_of(take_output(open.connection), role), Lines{"text " + text});
    }
  }
}

}  // namespace
}  // namespace havklo::websocket
