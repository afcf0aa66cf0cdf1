// The secret of the masks is no door: it changes the bytes of frames and nothing else.
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "support/engine_world.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

struct Night {
  std::vector<Event> events;
  std::vector<std::string> requests;
  std::vector<std::string> raw;  // by connection
};

// Two connections, jitter between them, every kind of frame that a client sends.
Night night_with(const websocket::ChaCha20Key& secret) {
  Settings settings = book_settings({"BTC/USD", "ETH/USD"});
  settings.reconnect.jitter = Jitter::full;
  EngineWorld world(settings, nullptr, secret);
  Night night;
  const auto note = [&] {
    for (std::string& request : world.take_requests()) night.requests.push_back(request);
    night.raw.push_back(world.net.raw(world.id()));
  };
  world.go_live();
  world.net.ping(world.id(), "are you there");
  world.turn();
  note();
  world.fail(Reason::peer_reset);
  world.pass(1_s);
  world.come_back();
  world.net.close_frame(world.id(), 1001, "");
  world.turn();
  note();
  night.events = world.take();
  return night;
}

TEST(MaskSecret, ChangesTheBytesOfFramesAndNothingElse) {
  websocket::ChaCha20Key other{};
  other.fill(std::byte{0xA5});
  const Night one = night_with({});
  const Night two = night_with(other);
  ASSERT_EQ(one.events.size(), two.events.size());
  ASSERT_GT(one.events.size(), 10u);
  EXPECT_EQ(std::memcmp(one.events.data(), two.events.data(), one.events.size() * sizeof(Event)),
            0);
  EXPECT_EQ(one.requests, two.requests);
  ASSERT_EQ(one.raw.size(), two.raw.size());
  for (size_t i = 0; i < one.raw.size(); ++i) {
    EXPECT_NE(one.raw[i], two.raw[i]);
    EXPECT_EQ(one.raw[i].size(), two.raw[i].size());
    const size_t head = one.raw[i].find("\r\n\r\n");
    EXPECT_EQ(one.raw[i].substr(0, head), two.raw[i].substr(0, head));  // the key is the seed's
  }
}

TEST(MaskSecret, NotGivenItComesFromTheSeed) {
  const auto raw_of = [] {
    EngineWorld world(book_settings({"BTC/USD"}));
    world.go_live();
    return world.net.raw(world.id());
  };
  EXPECT_EQ(raw_of(), raw_of());
}

}  // namespace
}  // namespace havklo
