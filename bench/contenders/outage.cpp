// The whole engine, spinning, events inline, by either network.
#include "bench/questions/outage.hpp"

#include <havklo/client.hpp>
#include <memory>
#include <utility>

namespace havklo::bench {
namespace {

template <Network network>
class Engine {
 public:
  bool open(const Venue& venue, std::string& why) {
    auto client = KrakenClient::builder(venue.symbols)
                      .with_book(10)
                      .with_network(network)
                      .with_url("wss://127.0.0.1:" + std::to_string(venue.port) + "/v2")
                      .with_ca_file(venue.ca_file)
                      .with_ring_slots(1U << 16U)
                      .with_reconnect({.initial_delay = {},
                                       .max_delay = {1},
                                       .stable_after = {},
                                       .connect_budget = 100'000})
                      .without_circuit_breaker()
                      .connect_inline();
    if (!client) {
      why = client.error().message();
      return false;
    }
    client_ = std::move(*client);
    return true;
  }
  void pump(Outages& outages) {
    client_->run_once([&](const Event& event) {
      switch (event.kind) {
        case EventKind::connected:
          resumed_ = event.payload.connected.tls_resumed != 0;
          return;
        case EventKind::disconnected:
          return outages.on_lost(event.time.ns);
        case EventKind::subscriptions_restored:
          if (event.payload.subscriptions_restored.rejected != 0)
            fault_ = "a subscription was rejected";
          return outages.on_all_clear(resumed_);
        case EventKind::connect_failed:
        case EventKind::checksum_mismatch:
        case EventKind::overrun:
          fault_ = "an attempt failed, a book did not verify, or events were lost";
          return;
        default:
          return;
      }
    });
  }
  [[nodiscard]] const std::string& fault() const { return fault_; }

 private:
  std::unique_ptr<InlineKrakenClient> client_;
  bool resumed_ = false;
  std::string fault_;
};

const RestoreRegistrations<Engine<Network::io_uring>> by_io_uring("havklo", HAVKLO_VERSION);
const RestoreRegistrations<Engine<Network::sockets>> by_sockets("havklo: sockets", HAVKLO_VERSION);

}  // namespace
}  // namespace havklo::bench
