// A client on a real socket that must end the connection while the venue still talks: the close
// frame arrives, on either way to the kernel, and says why.
#include <gtest/gtest.h>

#include <havklo/havklo.hpp>
#include <memory>
#include <string>

#include "support/loopback_venue.hpp"
#include "support/tls_server.hpp"
#include "support/websocket/rules.hpp"

namespace havklo {
namespace {

struct Ending {
  const char* name;
  std::string frame;
  std::string close;
};

class Goodbye : public testing::TestWithParam<Network> {};

INSTANTIATE_TEST_SUITE_P(EveryWay, Goodbye, testing::Values(Network::io_uring, Network::sockets),
                         [](const auto& way) {
                           return way.param == Network::io_uring ? "Uring" : "Sockets";
                         });

// A megabyte behind the bad frame, and more while the goodbye is on its way.
TEST_P(Goodbye, ReachesAVenueThatStillTalks) {
  const std::string status =
      R"({"channel":"status","type":"update","data":[{"version":"2.0.10","system":"online",)"
      R"("api_version":"v2","connection_id":1}]})";
  for (const Ending& ending :
       std::initializer_list<Ending>{{"a reserved bit", websocket::frame(0xC1, "x"), "close 1002"},
                                     {"no UTF-8", websocket::frame(0x81, "\xFF"), "close 1007"},
                                     {"no JSON", websocket::frame(0x81, "{"), "close 1007"},
                                     {"binary", websocket::frame(0x82, "x"), "close 1003"}}) {
    SCOPED_TRACE(ending.name);
    Listener listener;
    auto client = KrakenClient::builder({"BTC/USD"})
                      .with_url("ws://127.0.0.1:" + std::to_string(listener.port()) + "/v2")
                      .with_reconnect({.connect_budget = connect_budget_of_tests})
                      .with_network(GetParam())
                      .with_book(10)
                      .connect_inline()
                      .value();
    std::unique_ptr<ServerPeer> peer;
    const auto turn_until = [&](const auto& done) {
      for (int round = 0; round < 200'000 && !done(); ++round) {
        client->run_once([](const Event&) {});
        if (peer != nullptr) {
          peer->step();
        } else if (const int file = listener.accept(); file >= 0) {
          peer = std::make_unique<ServerPeer>(file, nullptr);
        }
      }
      ASSERT_TRUE(done());
    };
    turn_until([&] { return peer != nullptr && peer->received.ends_with("\r\n\r\n"); });
    const size_t head = peer->received.size();
    peer->say(websocket::accepting_answer(peer->received));
    peer->say(websocket::frame(0x81, status));
    turn_until([&] { return peer->received.size() > head; });

    const std::string part = websocket::frame(0x81, R"({"channel":"heartbeat"})") +
                             websocket::frame(0x81, websocket::stars(60'000));
    std::string waits = ending.frame;
    size_t said = 0;
    const auto talk = [&] {
      while (said < 5'000'000) {
        if (waits.empty()) waits = part;
        const size_t size = peer->say_some(waits);
        if (size == 0) return;
        waits.erase(0, size);
        said += size;
      }
    };
    talk();
    ASSERT_GT(said, 1'000'000u);
    turn_until([&] {
      talk();
      return peer->saw_end && said >= 5'000'000;
    });
    EXPECT_FALSE(peer->saw_reset);
    const auto lines = websocket::lines_of(peer->received.substr(head), websocket::Role::client);
    EXPECT_EQ(lines.back().substr(0, 10), ending.close);
  }
}

}  // namespace
}  // namespace havklo
