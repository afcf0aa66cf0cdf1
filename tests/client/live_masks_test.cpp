// A client on a real socket: its masks are the kernel's and not the seed's, which is written into
// recordings.
#include <gtest/gtest.h>

#include <havklo/havklo.hpp>
#include <string>

#include "io/entropy.hpp"
#include "support/loopback_venue.hpp"
#include "support/tls_server.hpp"
#include "support/websocket/peer.hpp"

namespace havklo {
namespace {

struct SeenKeys {
  std::string key;
  std::string mask;  // of the first frame
};

SeenKeys first_frame_of_a_client_with_seed(uint64_t seed) {
  Listener listener;
  auto client = KrakenClient::builder({"BTC/USD"})
                    .with_url("ws://127.0.0.1:" + std::to_string(listener.port()) + "/v2")
                    .with_reconnect({.connect_budget = connect_budget_of_tests})
                    .with_seed(seed)
                    .with_book(10)
                    .connect_inline()
                    .value();
  std::unique_ptr<ServerPeer> peer;
  bool answered = false;
  size_t head = 0;
  const auto nothing = [](const Event&) {};
  while (!answered || peer->received.size() < head + 6) {
    client->run_once(nothing);
    if (peer == nullptr) {
      const int file = listener.accept();
      if (file >= 0) peer = std::make_unique<ServerPeer>(file, nullptr);
      continue;
    }
    peer->step();
    if (answered || !peer->received.ends_with("\r\n\r\n")) continue;
    head = peer->received.size();
    answered = true;
    peer->say(websocket::accepting_answer(peer->received));
    peer->say(websocket::frame(
        0x81,
        R"({"channel":"status","type":"update","data":[{"version":"2.0.10","system":"online",)"
        R"("api_version":"v2","connection_id":1}]})"));
  }
  return {websocket::field_of(peer->received.substr(0, head), "Sec-WebSocket-Key"),
          peer->received.substr(head + (peer->received[head + 1] == '\xFE' ? 4 : 2), 4)};
}

TEST(LiveMasks, AreNotTheSeeds) {
  const SeenKeys one = first_frame_of_a_client_with_seed(7);
  const SeenKeys two = first_frame_of_a_client_with_seed(7);
  EXPECT_EQ(one.key, two.key);
  EXPECT_NE(one.mask, two.mask);
}

TEST(LiveMasks, TheKernelGivesAnotherSecretEachTime) {
  const auto one = io::secret_from_kernel();
  const auto two = io::secret_from_kernel();
  ASSERT_TRUE(one && two);
  EXPECT_NE(*one, *two);
}

}  // namespace
}  // namespace havklo
