// Whatever a venue sends, the engine neither crashes nor hangs, and is Live again once the venue
// behaves. Seeded: messages of a session are cut, doubled, damaged and shuffled.
#include <gtest/gtest.h>

#include <havklo/random.hpp>
#include <string>
#include <vector>

#include "support/engine_world.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

const std::vector<std::string>& honest_messages() {
  static const std::vector<std::string> messages = {
      R"({"channel":"status","type":"update","data":[{"version":"2.0.10","system":"online","api_version":"v2","connection_id":1}]})",
      R"({"channel":"status","type":"update","data":[{"system":"maintenance"}]})",
      R"({"channel":"heartbeat"})",
      R"({"method":"pong","req_id":1})",
      R"({"method":"subscribe","result":{"channel":"book","symbol":"BTC/USD"},"success":true})",
      R"({"method":"unsubscribe","result":{"channel":"book","symbol":"BTC/USD"},"success":true})",
      R"({"error":"Already subscribed","method":"subscribe","success":false})",
      R"({"error":"Subscription Not Found","method":"unsubscribe","success":false})",
      R"({"Error":"Exceeded msg rate"})",
      R"({"channel":"book","type":"snapshot","data":[{"symbol":"BTC/USD","bids":[],"asks":[],"checksum":0,"timestamp":"2026-07-07T23:00:03.501510Z"}]})",
      R"({"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"sell","price":1.5,"qty":2.5,"ord_type":"market","trade_id":1,"timestamp":"2026-07-07T23:00:03.501510Z"}]})",
      R"({"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":1.1,"bid_qty":1,"ask":1.2,"ask_qty":1,"last":1.1,"volume":3}]})",
      EngineWorld::snapshot_text("BTC/USD"),
      EngineWorld::update_text("BTC/USD"),
      EngineWorld::snapshot_text("ETH/USD"),
      EngineWorld::update_text("NOT/OURS"),
  };
  return messages;
}

std::string damaged(std::string text, Random& random) {
  switch (random.below(7)) {
    case 0:
      text.resize(random.below(text.size() + 1));
      break;
    case 1:
      if (!text.empty()) text[random.below(text.size())] = static_cast<char>(32 + random.below(95));
      break;
    case 2:
      text.insert(random.below(text.size() + 1), "9999999999999999999999");
      break;
    case 3:
      text += text;
      break;
    case 4:
      for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] >= '0' && text[i] <= '9' && random.below(4) == 0) text[i] = '-';
      }
      break;
    default:
      break;  // honest, but out of place
  }
  return text;
}

// A text frame, whatever state the connection is in.
std::string framed(const std::string& text) {
  std::string bytes = "\x81";
  if (text.size() < 126) {
    bytes += static_cast<char>(text.size());
  } else {
    bytes += static_cast<char>(126);
    bytes += static_cast<char>(text.size() >> 8U);
    bytes += static_cast<char>(text.size());
  }
  return bytes + text;
}

class HostileVenueTest : public testing::TestWithParam<uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Seeds, HostileVenueTest, testing::Range(uint64_t{1}, uint64_t{41}));

TEST_P(HostileVenueTest, IsSurvivedAndLeftBehind) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  Random random(GetParam());
  Settings settings = book_settings({"BTC/USD", "ETH/USD"});
  settings.subscriptions.push_back({.channel = Channel::trade, .symbols = {"BTC/USD"}});
  settings.subscriptions.push_back({.channel = Channel::ticker, .symbols = {"BTC/USD"}});
  settings.circuit_breaker.enabled = false;
  settings.reconnect.connect_budget = 100'000;
  settings.ring_slots = 4096;
  EngineWorld world(settings);
  world.turn();
  for (int round = 0; round < 60; ++round) {
    const size_t opened = world.net.opens.size();
    world.open();
    if (random.below(4) != 0) world.net.received(world.id(), framed(honest_messages()[0]));
    world.turn();
    for (uint64_t i = random.below(30); i > 0 && world.net.opens.size() == opened; --i) {
      const ConnectionId id = world.id();
      if (random.below(12) == 0) {
        std::string bytes(1 + random.below(40), '\0');
        for (char& c : bytes) c = static_cast<char>(random.below(256));
        world.net.received(id, bytes);
      } else {
        const auto& all = honest_messages();
        world.net.received(id, framed(damaged(all[random.below(all.size())], random)));
      }
      world.turn();
      if (random.below(5) == 0) {
        world.pass(Duration::milliseconds(static_cast<int64_t>(random.below(900))));
      }
    }
    world.net.closed(world.id(), Reason::peer_reset);
    world.turn();
    for (int wait = 0; wait < 100 && world.net.opens.size() == opened; ++wait) world.pass(1_s);
    ASSERT_GT(world.net.opens.size(), opened) << "no attempt in 100 s";
  }
  static_cast<void>(world.take());
  world.come_back();
  const std::string names = world.take_names();
  EXPECT_NE(names.find("SubscriptionsRestored"), std::string::npos) << names;
}

}  // namespace
}  // namespace havklo
