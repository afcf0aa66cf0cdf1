// The block function against the vectors of RFC 8439.
#include "websocket/chacha20.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace havklo::websocket {
namespace {

template <size_t Size>
std::array<std::byte, Size> from_hex(std::string_view text) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::array<std::byte, Size> bytes{};
  EXPECT_EQ(text.size(), 2 * Size);
  for (size_t i = 0; i < Size; ++i) {
    bytes[i] = static_cast<std::byte>(digit(text[2 * i]) * 16 + digit(text[2 * i + 1]));
  }
  return bytes;
}

struct Vector {
  const char* section;
  std::string key;
  uint32_t counter;
  std::string nonce;
  std::string block;
};

TEST(ChaCha20, TheBlocksOfRfc8439) {
  const std::string zeros(64, '0');
  const std::string zero_nonce(24, '0');
  const std::vector<Vector> vectors = {
      {"2.3.2", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", 1,
       "000000090000004a00000000",
       "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e"
       "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e"},
      {"A.1 #1", zeros, 0, zero_nonce,
       "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
       "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586"},
      {"A.1 #2", zeros, 1, zero_nonce,
       "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
       "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f"},
      {"A.1 #3", zeros.substr(1) + "1", 1, zero_nonce,
       "3aeb5224ecf849929b9d828db1ced4dd832025e8018b8160b82284f3c949aa5a"
       "8eca00bbb4a73bdad192b5c42f73f2fd4e273644c8b36125a64addeb006c13a0"},
      {"A.1 #4", "00ff" + zeros.substr(4), 2, zero_nonce,
       "72d54dfbf12ec44b362692df94137f328fea8da73990265ec1bbbea1ae9af0ca"
       "13b25aa26cb4a648cb9b9d1be65b2c0924a66c54d545ec1b7374f4872e99f096"},
      {"A.1 #5", zeros, 0, zero_nonce.substr(1) + "2",
       "c2c64d378cd536374ae204b9ef933fcd1a8b2288b3dfa49672ab765b54ee27c7"
       "8a970e0e955c14f3a88e741b97c286f75f8fc299e8148362fa198a39531bed6d"},
  };
  for (const Vector& vector : vectors) {
    EXPECT_EQ(chacha20_block(from_hex<32>(vector.key), vector.counter, from_hex<12>(vector.nonce)),
              from_hex<64>(vector.block))
        << vector.section;
  }
}

}  // namespace
}  // namespace havklo::websocket
