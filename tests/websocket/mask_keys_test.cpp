// Masks that nobody can foresee: the order of the stream, its parts, and a server that tries.
//
// The server is a real attack on xoshiro256**, the session's generator: its scrambler can be
// undone, its steps are linear over bits, so that 256 known bits give the whole state. Against
// masks out of that generator it is right each time, which proves the attack; against ours never.
#include "websocket/mask_keys.hpp"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <bitset>
#include <cstring>
#include <optional>
#include <set>

#include "support/websocket/peer.hpp"

namespace havklo::websocket {
namespace {

constexpr size_t state_bits = 256;
using Bits = std::bitset<state_bits>;  // which bits of the first state are added up

uint64_t rotated_left(uint64_t word, int by) { return std::rotl(word, by); }

// xoshiro256** as the attacker knows it; each bit is one of the state's, or a sum of some.
template <class Word>
struct Xoshiro {
  std::array<Word, 4> state{};
  void step() {
    const Word shifted = state[1] << 17;
    state[2] = state[2] ^ state[0];
    state[3] = state[3] ^ state[1];
    state[1] = state[1] ^ state[2];
    state[0] = state[0] ^ state[3];
    state[2] = state[2] ^ shifted;
    state[3] = rotated_left(state[3], 45);
  }
};

struct Sums {
  std::array<Bits, 64> bits;
  friend Sums operator^(Sums a, const Sums& b) {
    for (size_t i = 0; i < 64; ++i) a.bits[i] ^= b.bits[i];
    return a;
  }
  friend Sums operator<<(const Sums& a, int by) {
    Sums out;
    for (size_t i = static_cast<size_t>(by); i < 64; ++i) {
      out.bits[i] = a.bits[i - static_cast<size_t>(by)];
    }
    return out;
  }
};

Sums rotated_left(const Sums& a, int by) {
  Sums out;
  for (size_t i = 0; i < 64; ++i) out.bits[(i + static_cast<size_t>(by)) % 64] = a.bits[i];
  return out;
}

constexpr uint64_t one_fifth = 0xCCCCCCCCCCCCCCCD;  // modulo 2^64
constexpr uint64_t one_ninth = 0x8E38E38E38E38E39;
static_assert(one_fifth * 5 == 1 && one_ninth * 9 == 1);

class Predictor {
 public:
  Predictor() {
    for (size_t i = 0; i < state_bits; ++i) sums_.state[i / 64].bits[i % 64].set(i);
  }

  // Half of a Sec-WebSocket-Key: a whole output.
  void see_word(uint64_t output) { see(std::rotr(output * one_ninth, 7) * one_fifth, 64); }
  // The lower half of an output: 25 bits of the state come out of it.
  void see_mask(uint32_t mask) {
    const auto turned = static_cast<uint32_t>(mask * one_ninth);
    see(uint64_t{turned >> 7} * one_fifth, 25);
  }
  // The masks that follow; none when what was seen is no such generator's.
  [[nodiscard]] std::optional<std::vector<uint32_t>> next_masks(size_t count) {
    if (contradicted_) return std::nullopt;
    Xoshiro<uint64_t> generator;
    for (size_t i = state_bits; i-- > 0;) {
      if (!rows_[i]) continue;
      bool value = rows_[i]->value;
      for (size_t j = i + 1; j < state_bits; ++j) {
        value ^= rows_[i]->sum[j] && (generator.state[j / 64] >> (j % 64) & 1) != 0;
      }
      generator.state[i / 64] |= uint64_t{value} << (i % 64);
    }
    for (size_t i = 0; i < steps_; ++i) generator.step();
    std::vector<uint32_t> masks;
    for (size_t i = 0; i < count; ++i) {
      masks.push_back(static_cast<uint32_t>(std::rotl(generator.state[1] * 5, 7) * 9));
      generator.step();
    }
    return masks;
  }

 private:
  struct Equation {
    Bits sum;
    bool value = false;
  };

  // The lowest `count` bits of the word that the output is made of.
  void see(uint64_t word, size_t count) {
    for (size_t i = 0; i < count; ++i) {
      learn({sums_.state[1].bits[i], (word >> i & 1) != 0});
    }
    sums_.step();
    ++steps_;
  }
  // Gauss: rows_[i] begins with bit i.
  void learn(Equation equation) {
    for (size_t i = 0; i < state_bits; ++i) {
      if (!equation.sum[i]) continue;
      if (!rows_[i]) {
        rows_[i] = equation;
        return;
      }
      equation.sum ^= rows_[i]->sum;
      equation.value ^= rows_[i]->value;
    }
    contradicted_ = contradicted_ || equation.value;
  }

  Xoshiro<Sums> sums_;
  size_t steps_ = 0;
  std::array<std::optional<Equation>, state_bits> rows_;
  bool contradicted_ = false;
};

// What a server sees of one connection: the key of the handshake, then a mask for each frame.
struct Seen {
  std::array<uint64_t, 2> key{};
  std::vector<uint32_t> masks;
};

constexpr size_t observed = 7;
constexpr size_t predicted = 20;

size_t right_guesses(const Seen& seen) {
  Predictor predictor;
  for (const uint64_t word : seen.key) predictor.see_word(word);
  for (size_t i = 0; i < observed; ++i) predictor.see_mask(seen.masks[i]);
  const auto guesses = predictor.next_masks(predicted);
  size_t right = 0;
  for (size_t i = 0; guesses && i < predicted; ++i) {
    right += (*guesses)[i] == seen.masks[observed + i] ? 1 : 0;
  }
  return right;
}

std::array<uint64_t, 2> words_of_key(std::string_view base64_text) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::array<uint64_t, 2> words{};
  for (size_t bit = 0; bit < 128; ++bit) {
    const uint64_t digit = digits.find(base64_text[bit / 6]);
    const uint64_t value = digit >> (5 - bit % 6) & 1;
    words[bit / 64] |= value << (8 * (bit % 64 / 8) + 7 - bit % 8);
  }
  return words;
}

Seen seen_of_connection(uint64_t seed) {
  ClientKeys keys(seed);
  Connection connection(Role::client, 1000);
  Recorder recorder;
  connection.start_client("h", 1, false, "/", keys.random, keys.masks);
  const std::string request = take_output(connection);
  Seen seen;
  seen.key = words_of_key(field_of(request, "Sec-WebSocket-Key"));
  EXPECT_EQ(feed(connection, accepting_answer(request), recorder), Error::none);
  for (size_t i = 0; i < observed + predicted; ++i) {
    EXPECT_TRUE(connection.send_text("x"));
    const std::string out = take_output(connection);
    uint32_t mask = 0;
    for (size_t j = 0; j < 4; ++j) {
      mask |= uint32_t{static_cast<uint8_t>(out[2 + j])} << (8 * j);
    }
    seen.masks.push_back(mask);
  }
  return seen;
}

// As it was: the session's generator gives the key and the masks.
Seen seen_of_one_generator(uint64_t seed) {
  Random random(seed);
  Seen seen;
  for (uint64_t& word : seen.key) word = random.next_u64();
  for (size_t i = 0; i < observed + predicted; ++i) {
    seen.masks.push_back(static_cast<uint32_t>(random.next_u64()));
  }
  return seen;
}

TEST(MaskKeys, AServerForeseesTheMasksOfAnOrdinaryGenerator) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    EXPECT_EQ(right_guesses(seen_of_one_generator(seed)), predicted) << seed;
  }
}

TEST(MaskKeys, AServerForeseesNoneOfOurs) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    EXPECT_EQ(right_guesses(seen_of_connection(seed)), 0u) << seed;
  }
}

// The key is the session's, whose generator is where it always was: two words, then one a frame; a
// pong behind our close, which was not sent once, has none.
TEST(MaskKeys, TheSessionsGeneratorTakesItsOldStepsForNothing) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    ClientKeys keys(seed);
    Connection connection(Role::client, 1000);
    Recorder recorder;
    connection.start_client("h", 1, false, "/", keys.random, keys.masks);
    const std::string request = take_output(connection);
    EXPECT_EQ(feed(connection, accepting_answer(request), recorder), Error::none);
    Random old(seed);
    const std::array<uint64_t, 2> key{old.next_u64(), old.next_u64()};
    EXPECT_EQ(words_of_key(field_of(request, "Sec-WebSocket-Key")), key);
    EXPECT_TRUE(connection.send_text("a"));
    EXPECT_TRUE(connection.send_ping({}));
    EXPECT_EQ(feed(connection, frame(0x89, "p"), recorder), Error::none);
    connection.send_close(1000, "");
    EXPECT_EQ(feed(connection, frame(0x89, "behind our close"), recorder), Error::none);
    for (int i = 0; i < 4; ++i) static_cast<void>(old.next_u64());
    EXPECT_EQ(keys.random.next_u64(), old.next_u64());
  }
}

TEST(MaskKeys, AreTheStreamOfTheirSecretInOrder) {
  ChaCha20Key secret{};
  secret[7] = std::byte{9};
  MaskKeys keys(secret, 5);
  for (uint32_t counter = 0; counter < 3; ++counter) {
    ChaCha20Nonce nonce{};
    nonce[4] = std::byte{5};
    const ChaCha20Block block = chacha20_block(secret, counter, nonce);
    for (size_t i = 0; i < block.size(); i += 4) {
      uint32_t expected = 0;
      std::memcpy(&expected, block.data() + i, 4);
      EXPECT_EQ(keys.next(), expected) << counter << ' ' << i;
    }
  }
}

// Five standard deviations: a fair stream fails once in a million times, and this one is fixed.
TEST(MaskKeys, LookLikeChanceBesideEachOtherAndBesideTheSessionsGenerator) {
  constexpr size_t count = 40'000;
  constexpr double bits = 32.0 * count;
  const auto is_fair = [](uint64_t ones) {
    const double off = static_cast<double>(ones) - bits / 2;
    return off * off < 25 * bits / 4;
  };
  MaskKeys one(mask_secret_from(1), 0);
  MaskKeys other_stream(mask_secret_from(1), 1);
  MaskKeys other_secret(mask_secret_from(2), 0);
  Random random(1);
  uint64_t ones = 0, beside_stream = 0, beside_secret = 0, beside_random = 0, beside_last = 0;
  std::set<uint32_t> different;
  uint32_t last = 0;
  for (size_t i = 0; i < count; ++i) {
    const uint32_t key = one.next();
    const auto ones_of = [](uint32_t word) { return static_cast<uint64_t>(std::popcount(word)); };
    ones += ones_of(key);
    beside_stream += ones_of(key ^ other_stream.next());
    beside_secret += ones_of(key ^ other_secret.next());
    beside_random += ones_of(key ^ static_cast<uint32_t>(random.next_u64()));
    beside_last += ones_of(key ^ last);
    different.insert(key);
    last = key;
  }
  EXPECT_TRUE(is_fair(ones)) << ones;
  EXPECT_TRUE(is_fair(beside_stream)) << beside_stream;
  EXPECT_TRUE(is_fair(beside_secret)) << beside_secret;
  EXPECT_TRUE(is_fair(beside_random)) << beside_random;
  EXPECT_TRUE(is_fair(beside_last)) << beside_last;
  EXPECT_GT(different.size(), count - 10);  // 0.2 pairs are expected to be equal
}

}  // namespace
}  // namespace havklo::websocket
