// Hostile input, in a small and repeatable way: good streams, damaged by a seeded generator, cut at
// seeded places. Nothing may crash, what is delivered stays within its bounds, and one cut says the
// same as another.
#include <gtest/gtest.h>

#include "support/websocket/peer.hpp"

namespace havklo::websocket {
namespace {

constexpr uint32_t message_max = 500;
constexpr uint32_t output_max = 2000;

// Counts and checks instead of keeping.
struct Checking {
  uint64_t digest = 14'695'981'039'346'656'037u;
  uint8_t padding_seen = 0;
  bool ok = true;

  bool take(int kind, std::string_view bytes, size_t bytes_max) {
    ok = ok && bytes.size() <= bytes_max;
    digest = (digest ^ static_cast<uint64_t>(kind)) * 1'099'511'628'211u;
    for (const char c : bytes) digest = (digest ^ static_cast<uint8_t>(c)) * 1'099'511'628'211u;
    return true;
  }
  bool on_open(const UpgradeResult&) { return take(1, "", 0); }
  bool on_text(std::string_view text) {
    ok = ok && is_utf8(text);
    for (size_t i = 0; i < receive_padding; ++i) {
      padding_seen ^= static_cast<uint8_t>(text.data()[text.size() + i]);
    }
    return take(2, text, message_max);
  }
  bool on_binary(std::span<const std::byte> b) { return take(3, as_string(b), message_max); }
  bool on_ping(std::span<const std::byte> b) { return take(4, as_string(b), 125); }
  bool on_pong(std::span<const std::byte> b) { return take(5, as_string(b), 125); }
  bool on_close(uint16_t code, std::string_view reason) { return take(code, reason, 123); }
};

std::string good_frames(Random& random, bool masked) {
  std::string stream;
  const uint64_t count = 1 + random.next_u64() % 8;
  for (uint64_t i = 0; i < count; ++i) {
    const std::string payload(random.next_u64() % (random.next_u64() % 4 == 0 ? 400 : 20), 'a');
    const std::string accents = "\xC3\xA4\xE2\x82\xAC";
    switch (random.next_u64() % 7) {
      case 0:
        stream += frame(0x89, payload.substr(0, 100), masked);
        break;
      case 1:
        stream += frame(0x01, payload + "\xC3", masked) + frame(0x80, "\xA4", masked);
        break;
      case 2:
        stream += frame(0x82, payload, masked);
        break;
      case 3:
        stream += frame(0x8A, payload.substr(0, 9), masked);
        break;
      case 4:
        stream += frame(0x81, accents + payload, masked);
        break;
      default:
        stream += frame(0x81, payload, masked);
        break;
    }
  }
  if (random.next_u64() % 4 == 0) stream += frame(0x88, close_body(1000, "bye"), masked);
  return stream;
}

void damage(std::string& stream, Random& random) {
  const uint64_t times = random.next_u64() % 4;
  for (uint64_t i = 0; i < times && !stream.empty(); ++i) {
    const size_t at = random.next_u64() % stream.size();
    switch (random.next_u64() % 5) {
      case 0:
        stream[at] = static_cast<char>(random.next_u64());
        break;
      case 1:
        stream[at] = static_cast<char>(stream[at] ^ (1 << random.next_u64() % 8));
        break;
      case 2:
        stream.erase(at, 1 + random.next_u64() % 4);
        break;
      case 3: {
        const size_t count = 1 + random.next_u64() % 4;
        stream.insert(at, count, static_cast<char>(random.next_u64()));
        break;
      }
      default:
        stream += stream.substr(at);
        break;
    }
  }
}

struct Result {
  uint64_t digest;
  Error error;
  Connection::State state;
  friend bool operator==(const Result&, const Result&) = default;
};

// Runs a stream from the handshake on; `piece_max` 0: all at once.
Result run(Role role, Connection& connection, const std::string& stream, size_t piece_max,
           uint64_t seed) {
  ClientKeys keys(1);
  Random cuts(seed);
  if (role == Role::client) {
    connection.start_client("example", 443, true, "/v2", keys.random, keys.masks);
    take_output(connection);
  } else {
    connection.start_server();
  }
  Checking checking;
  Error error = Error::none;
  size_t begin = 0;
  while (begin < stream.size() && error == Error::none) {
    const size_t size = piece_max == 0 ? stream.size() : 1 + cuts.next_u64() % piece_max;
    error = feed(connection, std::string_view(stream).substr(begin, size), checking);
    begin += size;
    EXPECT_LE(connection.output().size(), output_max + OutputBuffer::control_room_bytes);
  }
  EXPECT_TRUE(checking.ok);
  const Result result{checking.digest, error, connection.state()};
  if (error != Error::none) connection.fail(error);
  EXPECT_LE(connection.output().size(), output_max + OutputBuffer::control_room_bytes);
  return result;
}

// What opens every connection of this role in run(), whose keys are always the same.
std::string good_handshake(Role role) {
  if (role == Role::server) return std::string(plain_request);
  ClientKeys keys(1);
  Connection connection(Role::client, message_max);
  connection.start_client("example", 443, true, "/v2", keys.random, keys.masks);
  return accepting_answer(take_output(connection));
}

void fuzz(Role role, uint64_t iterations) {
  Connection connection(role, message_max, output_max);
  const std::string good_head = good_handshake(role);
  uint64_t open = 0;
  uint64_t failed = 0;
  for (uint64_t seed = 1; seed <= iterations; ++seed) {
    Random random(seed);
    std::string head = good_head;
    if (random.next_u64() % 8 == 0) damage(head, random);
    std::string frames = good_frames(random, role == Role::server);
    damage(frames, random);
    const std::string stream = head + frames;
    const Result whole = run(role, connection, stream, 0, seed);
    EXPECT_EQ(run(role, connection, stream, 1 + seed % 60, seed), whole) << "seed " << seed;
    ++(whole.error == Error::none ? open : failed);
    if (::testing::Test::HasFailure()) {
      FAIL() << "first failing seed " << seed;
    }
  }
  EXPECT_GT(open, iterations / 20);  // the damage leaves both kinds
  EXPECT_GT(failed, iterations / 20);
}

TEST(WebSocketFuzz, AClientSurvivesDamagedServers) { fuzz(Role::client, 10'000); }

TEST(WebSocketFuzz, AServerSurvivesDamagedClients) { fuzz(Role::server, 10'000); }

}  // namespace
}  // namespace havklo::websocket
