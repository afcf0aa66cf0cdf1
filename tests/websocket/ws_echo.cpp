// havklo-ws-echo: our WebSocket client as the Autobahn suite's fuzzing server examines one.
//
//   wstest -m fuzzingserver &                        # listens on 127.0.0.1:9001
//   build/release/havklo-ws-echo 127.0.0.1:9001      # reports/clients/index.html has the verdicts
//
// Exits 0 when every case was run, whatever the suite says of it; 1 when the server could not be
// spoken to, 2 on bad usage.
#include <charconv>
#include <cstdio>
#include <havklo/version.hpp>
#include <string>
#include <string_view>

#include "support/websocket/echo_client.hpp"

int main(int argc, char** argv) {
  using havklo::websocket::EchoClient;
  const std::string_view where = argc > 1 ? argv[1] : "127.0.0.1:9001";
  const std::string agent = argc > 2 ? argv[2] : "havklo-" HAVKLO_VERSION;
  const size_t colon = where.rfind(':');
  uint16_t port = 0;
  if (colon != std::string_view::npos) {
    std::from_chars(where.data() + colon + 1, where.data() + where.size(), port);
  }
  if (argc > 3 || port == 0) {
    std::fputs("usage: havklo-ws-echo [IPV4:PORT [AGENT]]\n", stderr);
    return 2;
  }
  EchoClient client(std::string(where.substr(0, colon)), port, agent);
  const auto tell = [](uint32_t number, uint32_t count, const EchoClient::Visit& visit) {
    const std::string error(to_string(visit.error));
    std::printf("case %u of %u: %s\n", number, count, error.c_str());
  };
  const auto count = client.run_all(tell);
  if (!count) {
    std::fprintf(stderr, "havklo-ws-echo: %s\n", count.error().c_str());
    return 1;
  }
  std::printf("%u cases run as %s\n", *count, agent.c_str());
  return 0;
}
