// UTF-8 validation against a decoder written in the plainest way: every sequence of two bytes,
// borders of longer ones, random texts with damage, and every cut.
#include "websocket/utf8.hpp"

#include <gtest/gtest.h>

#include <havklo/random.hpp>
#include <string>
#include <vector>

namespace havklo::websocket {
namespace {

// Decodes the code point and judges that, instead of ranges of bytes.
bool model_is_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto first = static_cast<uint8_t>(text[i]);
    const size_t more = first < 0x80       ? 0
                        : first >> 5 == 6  ? 1
                        : first >> 4 == 14 ? 2
                        : first >> 3 == 30 ? 3
                                           : 9;
    if (more == 9 || more >= text.size() - i) return false;
    uint32_t point = more == 0 ? first : first & (0x3Fu >> more);
    for (size_t j = 1; j <= more; ++j) {
      const auto next = static_cast<uint8_t>(text[i + j]);
      if (next >> 6 != 2) return false;
      point = point << 6 | (next & 0x3Fu);
    }
    constexpr uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};
    if (point < smallest[more] || point > 0x10FFFF) return false;
    if (point >= 0xD800 && point <= 0xDFFF) return false;
    i += more + 1;
  }
  return true;
}

bool valid_in_pieces(std::string_view text, size_t cut) {
  Utf8Validator validator;
  return validator.feed(text.substr(0, cut)) && validator.feed(text.substr(cut)) &&
         validator.complete();
}

std::string encode(uint32_t point) {
  const auto byte = [](uint32_t value) { return static_cast<char>(value); };
  if (point < 0x80) return {byte(point)};
  if (point < 0x800) return {byte(0xC0 | point >> 6), byte(0x80 | (point & 63))};
  if (point < 0x10000) {
    return {byte(0xE0 | point >> 12), byte(0x80 | (point >> 6 & 63)), byte(0x80 | (point & 63))};
  }
  return {byte(0xF0 | point >> 18), byte(0x80 | (point >> 12 & 63)), byte(0x80 | (point >> 6 & 63)),
          byte(0x80 | (point & 63))};
}

TEST(WebSocketUtf8, AgreesWithADecoderOnEverySequenceOfUpToThreeBytes) {
  for (uint32_t first = 0; first < 256; ++first) {
    for (uint32_t second = 0; second < 256; ++second) {
      for (const uint32_t third : {0x00u, 0x41u, 0x7Fu, 0x80u, 0xA5u, 0xBFu, 0xC0u, 0xE0u, 0xFFu}) {
        const std::string text{static_cast<char>(first), static_cast<char>(second),
                               static_cast<char>(third)};
        for (size_t size = 1; size <= 3; ++size) {
          const std::string_view part = std::string_view(text).substr(0, size);
          ASSERT_EQ(is_utf8(part), model_is_utf8(part)) << first << ' ' << second << ' ' << third;
        }
      }
    }
  }
}

TEST(WebSocketUtf8, AcceptsEveryCodePointAndNoSurrogate) {
  for (uint32_t point = 0; point < 0x112000; ++point) {
    const bool valid = point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
    ASSERT_EQ(is_utf8(encode(point)), valid) << point;
  }
}

TEST(WebSocketUtf8, RandomTextsWithDamageAgreeWithTheDecoderInEveryCut) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    std::string text;
    const size_t size = random.next_u64() % 120;
    while (text.size() < size) {
      const uint64_t kind = random.next_u64() % 8;
      const uint64_t limit = kind < 5 ? 0x80 : kind == 5 ? 0x800 : kind == 6 ? 0xD800 : 0x110000;
      text += encode(static_cast<uint32_t>(random.next_u64() % limit));
    }
    if (seed % 2 == 0 && !text.empty()) {
      text[random.next_u64() % text.size()] = static_cast<char>(random.next_u64());
    }
    const bool expected = model_is_utf8(text);
    EXPECT_EQ(is_utf8(text), expected);
    for (size_t cut = 0; cut <= text.size(); ++cut) {
      EXPECT_EQ(valid_in_pieces(text, cut), expected) << cut;
    }
  }
}

TEST(WebSocketUtf8, FindsTheOneByteThatIsNotAsciiAnywhere) {
  for (size_t size = 0; size <= 200; ++size) {
    std::string text(size, 'a');
    EXPECT_TRUE(is_ascii(text));
    for (size_t i = 0; i < size; ++i) {
      text[i] = '\x80';
      ASSERT_FALSE(is_ascii(text)) << size << ' ' << i;
      ASSERT_FALSE(is_utf8(text)) << size << ' ' << i;
      text[i] = 'a';
    }
  }
}

TEST(WebSocketUtf8, SaysSoAtTheByteThatMakesItInvalid) {
  // U+110000 cannot be known by its first byte, but by its second (Autobahn 6.4).
  Utf8Validator validator;
  EXPECT_TRUE(validator.feed("abc\xF4"));
  EXPECT_FALSE(validator.feed("\x90"));
  EXPECT_FALSE(validator.feed("a"));  // and it stays so
  validator.reset();
  EXPECT_TRUE(validator.feed("a"));
}

}  // namespace
}  // namespace havklo::websocket
