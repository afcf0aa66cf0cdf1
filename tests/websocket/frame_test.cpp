// Frame heads, masks and close codes, each against the tables of RFC 6455 or a model written in the
// plainest way.
#include "websocket/frame.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <vector>

#include "support/websocket/peer.hpp"
#include "websocket/close_code.hpp"
#include "websocket/mask.hpp"

namespace havklo::websocket {
namespace {

ParsedHead parse(const std::string& bytes, Role role = Role::client, bool message_open = false) {
  return parse_frame_head(std::as_bytes(std::span(bytes.data(), bytes.size())), role, message_open);
}

TEST(WebSocketFrame, EncodedHeadsParseToThemselvesAtEveryLengthBorder) {
  for (const uint64_t length :
       {0ULL, 1ULL, 125ULL, 126ULL, 127ULL, 65'535ULL, 65'536ULL, 1ULL << 32, (1ULL << 63) - 1}) {
    for (const bool masked : {false, true}) {
      FrameHead head{length, 0, Opcode::binary, true, masked};
      if (masked) head.mask_key = 0x01020304;
      std::array<std::byte, frame_head_bytes_max> out;
      const size_t size = encode_frame_head(head, out.data());
      const Role receiver = masked ? Role::server : Role::client;
      for (size_t have = 0; have < size; ++have) {
        const ParsedHead part = parse_frame_head({out.data(), have}, receiver, false);
        EXPECT_EQ(part.error, Error::none);
        EXPECT_EQ(part.bytes, 0);
      }
      const ParsedHead whole = parse_frame_head({out.data(), size}, receiver, false);
      EXPECT_EQ(whole.error, Error::none);
      EXPECT_EQ(whole.bytes, size);
      EXPECT_EQ(whole.head.payload_bytes, length);
      EXPECT_EQ(whole.head.mask_key, head.mask_key);
      EXPECT_EQ(whole.head.opcode, Opcode::binary);
      EXPECT_EQ(whole.head.masked, masked);
      EXPECT_TRUE(whole.head.fin);
    }
  }
}

TEST(WebSocketFrame, EveryFirstByteIsJudgedByTheRules) {
  for (int first = 0; first < 256; ++first) {
    for (const bool open : {false, true}) {
      const int opcode = first & 15;
      Error expected = Error::none;
      if ((first & 0x70) != 0) {
        expected = Error::reserved_bits;
      } else if (opcode > 10 || (opcode > 2 && opcode < 8)) {
        expected = Error::unknown_opcode;
      } else if (opcode >= 8 && first < 0x80) {
        expected = Error::fragmented_control;
      } else if (opcode == 0 && !open) {
        expected = Error::unexpected_continuation;
      } else if ((opcode == 1 || opcode == 2) && open) {
        expected = Error::expected_continuation;
      }
      EXPECT_EQ(parse(raw({first}), Role::client, open).error, expected) << first << ' ' << open;
    }
  }
}

TEST(WebSocketFrame, EachSideRefusesTheMaskingOfTheOther) {
  EXPECT_EQ(parse(raw({0x81, 0x80}), Role::client).error, Error::masked_by_server);
  EXPECT_EQ(parse(raw({0x81, 0x05}), Role::server).error, Error::unmasked_by_client);
}

TEST(WebSocketFrame, LengthsMustBeMinimalAndBelow63Bits) {
  EXPECT_EQ(parse(raw({0x82, 126, 0, 125})).error, Error::length_not_minimal);
  EXPECT_EQ(parse(raw({0x82, 126, 0, 126})).error, Error::none);
  EXPECT_EQ(parse(raw({0x82, 127, 0, 0, 0, 0, 0, 0, 255, 255})).error, Error::length_not_minimal);
  EXPECT_EQ(parse(raw({0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0})).error, Error::none);
  EXPECT_EQ(parse(raw({0x82, 127, 128, 0, 0, 0, 0, 1, 0, 0})).error, Error::length_beyond_63_bits);
}

TEST(WebSocketFrame, ControlFramesCarryAtMost125Bytes) {
  for (const int first : {0x88, 0x89, 0x8A}) {
    EXPECT_EQ(parse(raw({first, 125})).error, Error::none);
    EXPECT_EQ(parse(raw({first, 126})).error, Error::control_too_long);
    EXPECT_EQ(parse(raw({first, 127})).error, Error::control_too_long);
  }
}

TEST(WebSocketMask, MatchesTheFormulaOfTheRfcAtEveryLengthAndPosition) {
  const std::array<std::byte, 4> key{std::byte{0xA1}, std::byte{0x5B}, std::byte{3},
                                     std::byte{0xFF}};
  uint32_t word = 0;
  std::memcpy(&word, key.data(), 4);
  for (size_t size = 0; size < 140; ++size) {
    for (uint64_t position = 0; position < 5; ++position) {
      std::vector<std::byte> in(size);
      std::vector<std::byte> expected(size);
      for (size_t i = 0; i < size; ++i) {
        in[i] = static_cast<std::byte>(i * 37 + 11);
        expected[i] = in[i] ^ key[(position + i) % 4];
      }
      std::vector<std::byte> out(size);
      mask_bytes(out.data(), in.data(), size, word, position);
      EXPECT_EQ(out, expected) << size << ' ' << position;
      mask_bytes(out.data(), out.data(), size, word, position);
      EXPECT_EQ(out, in);
    }
  }
}

TEST(WebSocketCloseCode, OnlyRegisteredAndPrivateCodesMayBeReceived) {
  for (uint32_t code = 0; code < 65'536; ++code) {
    const bool reserved = code == 1004 || code == 1005 || code == 1006;
    const bool valid = (code >= 1000 && code < 1015 && !reserved) || (code >= 3000 && code < 5000);
    ASSERT_EQ(close_code_may_be_sent(static_cast<uint16_t>(code)), valid) << code;
  }
}

TEST(WebSocketCloseCode, FollowsFromTheKindOfError) {
  EXPECT_EQ(close_code_for(Error::reserved_bits), 1002);
  EXPECT_EQ(close_code_for(Error::close_code_invalid), 1002);
  EXPECT_EQ(close_code_for(Error::invalid_utf8), 1007);
  EXPECT_EQ(close_code_for(Error::close_reason_invalid_utf8), 1007);
  EXPECT_EQ(close_code_for(Error::message_too_big), 1009);
  EXPECT_FALSE(is_upgrade_error(Error::message_too_big));
  EXPECT_TRUE(is_upgrade_error(Error::upgrade_refused));
}

}  // namespace
}  // namespace havklo::websocket
