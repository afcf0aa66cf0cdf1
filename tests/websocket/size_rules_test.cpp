// Large messages and many of them, in frames and fragments of all sizes. RFC 6455, 10.4 asks for a
// limit. Autobahn 9 and 10.
#include <gtest/gtest.h>

#include "support/websocket/rules.hpp"

namespace havklo::websocket {
namespace {

constexpr size_t kib = 1024;
constexpr size_t mib = 1024 * kib;

// Two-byte characters, so that fragments cut some.
std::string counted_text(size_t size) {
  std::string text = size % 2 == 1 ? "a" : "";
  while (text.size() < size) text += "\xC3\xA4";
  return text;
}

// One run a role: whole, and in pieces of `piece` (Autobahn 9.5: chopped).
void comes_back(const std::string& name, const Frames& frames, const std::string& reply,
                size_t piece) {
  for (const Role role : {Role::client, Role::server}) {
    SCOPED_TRACE(name);
    const std::string stream = stream_of(frames, role);
    const Answered answered = answer_of(role, stream, cuts_every(piece, stream.size()), 16 * mib);
    EXPECT_EQ(answered.error, Error::none);
    EXPECT_TRUE(answered.replies == Lines{reply});
  }
}

TEST(WebSocketSizeRules, LargeMessagesComeBack) {
  for (const size_t size : {64 * kib, 256 * kib, mib, 4 * mib, 16 * mib}) {
    const std::string text = counted_text(size);
    comes_back("Autobahn 9.1", {{0x81, text}}, "text " + text, 64 * mib);
    const std::string binary(size, '\xFE');
    comes_back("Autobahn 9.2", {{0x82, binary}}, "binary " + binary, 16 * kib);
  }
}

TEST(WebSocketSizeRules, SoDoTheyInFragments) {
  const std::string text = counted_text(4 * mib);
  for (const size_t fragment : {64 * size_t{1}, 255 * size_t{1}, kib, 4 * kib, 64 * kib, mib}) {
    for (const int opcode : {0x01, 0x02}) {
      Frames frames;
      for (size_t at = 0; at < text.size(); at += fragment) {
        const bool last = at + fragment >= text.size();
        frames.push_back(
            {(at == 0 ? opcode : 0x00) | (last ? 0x80 : 0), text.substr(at, fragment)});
      }
      comes_back("Autobahn 9.3, 9.4", frames, (opcode == 0x01 ? "text " : "binary ") + text,
                 16 * kib + 7);
    }
  }
}

TEST(WebSocketSizeRules, AndInReadsOfFewBytes) {
  const std::string text = counted_text(mib);
  for (const size_t piece : {64, 128, 256, 512, 1024, 2048}) {
    comes_back("Autobahn 9.5", {{0x81, text}}, "text " + text, piece);
    comes_back("Autobahn 9.6", {{0x82, text}}, "binary " + text, piece);
  }
}

TEST(WebSocketSizeRules, AThousandMessagesComeBackOneByOne) {
  for (const size_t size : {0, 16, 64, 256, 1024, 4096, 16384}) {
    for (const Role role : {Role::client, Role::server}) {
      OpenConnection open(role);
      Echo echo{open.connection};
      const std::string text = counted_text(size);
      const std::string incoming = frame(size % 3 == 0 ? 0x82 : 0x81, text, role == Role::server);
      for (int i = 0; i < 1000; ++i) {
        ASSERT_EQ(feed(open.connection, incoming, echo), Error::none);
        const Lines lines = lines_of(take_output(open.connection), role);
        ASSERT_EQ(lines, Lines{(size % 3 == 0 ? "binary " : "text ") + text})
            << "Autobahn 9.7, 9.8";
      }
    }
  }
}

TEST(WebSocketSizeRules, AMessageOf65536InFragmentsOf1300) {
  Frames frames;
  for (size_t at = 0; at < 65536; at += 1300) {
    const bool last = at + 1300 >= 65536;
    frames.push_back(
        {(at == 0 ? 0x01 : 0x00) | (last ? 0x80 : 0), stars(std::min<size_t>(1300, 65536 - at))});
  }
  check({{"Autobahn 10.1.1", frames, {"text " + stars(65536)}}});
}

// Whatever its frames are: the message is measured, and before its bytes are taken.
TEST(WebSocketSizeRules, AMessageBeyondTheLimitEndsTheConnection) {
  constexpr uint32_t limit = 1000;
  check(
      {
          {"at the limit", {{0x81, stars(1000)}}, {"text " + stars(1000)}},
          {"beyond", {{0x81, stars(1001)}}, {}, Error::message_too_big},
          {"a binary beyond", {{0x82, stars(1001)}}, {}, Error::message_too_big},
          {"a sum at the limit", {{0x01, stars(999)}, {0x80, "a"}}, {"text " + stars(999) + "a"}},
          {"a sum beyond",
           {{0x01, stars(999)}, {0x89, "p"}, {0x80, "ab"}},
           {"pong p"},
           Error::message_too_big},
          {"a sum of ones",
           {{0x01, stars(500)}, {0x00, stars(500)}, {0x00, ""}, {0x80, "a"}},
           {},
           Error::message_too_big},
          {"the limit for each",
           {{0x81, stars(1000)}, {0x82, stars(1000)}},
           {"text " + stars(1000), "binary " + stars(1000)}},
      },
      limit);
}

}  // namespace
}  // namespace havklo::websocket
