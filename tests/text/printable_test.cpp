// What a stranger says, as a terminal and JSON get it: every kind of byte, and events with it.
#include "replay/text/printable.hpp"

#include <gtest/gtest.h>

#include <array>
#include <havklo/names.hpp>
#include <havklo/random.hpp>
#include <string>

#include "replay/text/event.hpp"
#include "replay/text/event_json.hpp"

namespace havklo {
namespace {

using replay::append_in_quotes;
using replay::printable;

std::string in_text(std::string_view text) {
  std::string out;
  append_in_quotes(out, text);
  return out;
}

TEST(Printable, LeavesWhatDoesNothing) {
  for (const char* text : {"", "EAuth: bad \"token\" \\ €", "12 µs … 漢字 🙂", "\xc2\xa0"}) {
    EXPECT_EQ(printable(text), text);
  }
}

TEST(Printable, WritesWhatActsOnATerminalAsAnEscape) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"\x1b[2J\x1b]0;owned\x07", "\\x1b[2J\\x1b]0;owned\\x07"},
      {"no\n  +1.0 s  SubscriptionsRestored", "no\\n  +1.0 s  SubscriptionsRestored"},
      {"a\rb\tc", "a\\rb\\tc"},
      {std::string("\0\x7f", 2), "\\x00\\x7f"},
      {"\xc2\x9b"
       "31m",
       "\\u009b31m"},                                    // C1: CSI in one character
      {"\xe2\x80\xa8|\xe2\x80\xa9", "\\u2028|\\u2029"},  // separators of lines
      {"\xe2\x80\xae"
       "dab\xe2\x81\xa9",
       "\\u202edab\\u2069"},  // the other direction
      {"\xff\xfe", "\\xff\\xfe"},
      {"\x9b"
       "31m",
       "\\x9b31m"},                        // the byte alone, which some terminals take for C1
      {"cut \xe2\x82", "cut \\xe2\\x82"},  // inside a character
      {"\xc0\xaf|\xe0\x80\xaf", "\\xc0\\xaf|\\xe0\\x80\\xaf"},  // not the shortest form
      {"\xed\xa0\x80", "\\xed\\xa0\\x80"},                      // a surrogate
      {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},             // beyond Unicode
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(printable(text), expected);
}

TEST(Printable, BetweenQuotesItIsUtf8WithoutControls) {
  EXPECT_EQ(in_text("a\"b\\c"), "a\\\"b\\\\c");
  EXPECT_EQ(in_text("\x1b[2J\n"), "\\u001b[2J\\u000a");
  EXPECT_EQ(in_text("\x7f\xc2\x9b\xe2\x80\xae"), "\\u007f\\u009b\\u202e");
  EXPECT_EQ(in_text("cut \xe2\x82"), "cut \\ufffd\\ufffd");
  EXPECT_EQ(in_text("€ 🙂"), "€ 🙂");
}

// Whatever the bytes are, what comes out has no byte that acts, and is as UTF-8 as it was.
TEST(Printable, HoldsForAnyBytes) {
  Random random(5);
  for (int round = 0; round < 20'000; ++round) {
    std::string text(random.next_u64() % 12, '\0');
    for (char& c : text) {
      // Often such as begin and go on with characters.
      const uint64_t draw = random.next_u64();
      c = static_cast<char>(draw % 3 == 0 ? 0x80 | (draw >> 8U) % 64 : draw >> 8U);
    }
    for (const std::string& out : std::array{printable(text), in_text(text)}) {
      EXPECT_EQ(printable(out), out);  // nothing is left that acts, or that is no UTF-8
    }
  }
}

TEST(Printable, IsWhatPeopleAndScriptsSeeOfARefusal) {
  Names names;
  const std::string words = "no\x1b[2J\n  +9.9 s  SubscriptionsRestored  all clear\xff";
  Event event = Event::make(EventKind::rejected);
  event.payload.subscription.symbol = names.intern_symbol("BTC/USD").value();
  event.payload.subscription.detail = names.intern_text(words);
  const std::string safe = "no\\x1b[2J\\n  +9.9 s  SubscriptionsRestored  all clear\\xff";
  EXPECT_EQ(replay::describe(event, names), "book BTC/USD: " + safe);
  std::string line;
  replay::EventText(false).append(line, event, names);
  EXPECT_TRUE(line.ends_with("book BTC/USD: " + safe)) << line;
  std::string json;
  replay::append_json(json, event, names);
  EXPECT_NE(
      json.find(R"("detail":"no\u001b[2J\u000a  +9.9 s  SubscriptionsRestored  all clear\ufffd")"),
      std::string::npos)
      << json;
}

TEST(Names, CutsATextBetweenTwoCharacters) {
  Names names;
  for (const std::string character : {"x", "é", "€", "🙂"}) {
    for (size_t before = 0; before < 4; ++before) {
      std::string text(before, '.');
      while (text.size() < 2 * text_bytes_max) text += character;
      const std::string_view kept = names.text(names.intern_text(text));
      EXPECT_EQ(printable(kept), kept) << character << before;
      EXPECT_GT(kept.size() + character.size(), text_bytes_max);
      EXPECT_TRUE(text.starts_with(kept));
    }
  }
  EXPECT_EQ(names.text(names.intern_text(std::string(200, '\x80'))).size(), text_bytes_max);
}

}  // namespace
}  // namespace havklo
