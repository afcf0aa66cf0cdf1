// Our clients on the wire, spinning or parked, by either network.
#pragma once

#include <havklo/client.hpp>
#include <havklo/limits.hpp>
#include <havklo/random.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/questions/wire.hpp"
#include "io/live_transport.hpp"
#include "support/temporary_file.hpp"
#include "websocket/connection.hpp"

namespace havklo::bench {

inline KrakenClientBuilder builder_for(const Wire& wire) {
  auto builder = KrakenClient::builder(wire.books ? std::vector<std::string>{"BTC/USD", "ETH/USD"}
                                                  : std::vector<std::string>{"BTC/USD"});
  builder.with_url("wss://localhost:" + std::to_string(wire.port) + "/v2")
      .with_ca_file(wire.ca_file)
      .with_ring_slots(1U << 16U)
      .without_reconnect();
  wire.books ? builder.with_book(10) : builder.with_trades();
  return builder;
}

// The whole engine, events inline.
template <Network network, bool recorded = false>
class Engine {
 public:
  bool open(const Wire& wire, std::string& why) {
    KrakenClientBuilder builder = builder_for(wire);
    builder.with_network(network);
    if (recorded) builder.with_recording(recording_.path());
    auto client = builder.connect_inline();
    if (!client) {
      why = client.error().message();
      return false;
    }
    client_ = std::move(*client);
    return true;
  }
  void pump(Arrivals& arrivals) {
    uint64_t books = 0;
    client_->run_once([this, &arrivals, &books](const Event& event) {
      switch (event.kind) {
        case EventKind::trade:
          return arrivals.on_trade(event.payload.trade.trade_id);
        case EventKind::book_snapshot:
        case EventKind::book_update:
          books += event.last_in_message() ? 1 : 0;
          return;
        case EventKind::checksum_mismatch:
        case EventKind::book_invalid:
        case EventKind::overrun:
          fault_ = "a book did not verify, or events were lost";
          return;
        default:
          return;
      }
    });
    arrivals.on_messages(books);
  }
  [[nodiscard]] const std::string& fault() const { return fault_; }
  [[nodiscard]] ClientCounters counters() const { return client_->counters(); }

 private:
  TemporaryFile recording_;
  std::unique_ptr<InlineKrakenClient> client_;
  std::string fault_;
};

// What lies below the decoder: the transport with TLS, and the WebSocket.
template <Network network, Idle idle = Idle::spin>
class TextOnly final : CompletionSink {
 public:
  bool open(const Wire& wire, std::string& why) {
    auto made = io::LiveTransport::create({.network = network,
                                           .tls = true,
                                           .ca_files = {wire.ca_file},
                                           .connections_max = 1,
                                           .uring = {}});
    if (!made) {
      why = made.error();
      return false;
    }
    transport_ = std::move(*made);
    transport_->start_on_this_thread().value();
    websocket_.start_client("localhost", wire.port, true, "/v2", random_, masks_);
    transport_->open(
        connection_,
        {.host = "localhost", .port = wire.port, .tls = true, .timeout = Duration::seconds(10)});
    transport_->flush();
    return true;
  }
  void pump(Arrivals& arrivals) {
    arrivals_ = &arrivals;
    transport_->collect();
    const uint32_t taken = transport_->poll(*this, completions_per_turn_max);
    if (open_) {
      if (handler_.open && !subscribed_) {
        subscribed_ = websocket_.send_text(subscribe_trades);
      }
      if (const auto out = websocket_.output(); !out.empty()) {
        transport_->send(connection_, out);
        websocket_.consume_output(out.size());
      }
    }
    transport_->flush();
    if (idle == Idle::park && taken == 0) transport_->park(Duration::milliseconds(100));
  }
  [[nodiscard]] const std::string& fault() const { return fault_; }

 private:
  struct Handler {
    TextOnly& client;
    bool open = false;
    bool on_open(const websocket::UpgradeResult& result) {
      return open = result.http_status == 101;
    }
    bool on_text(std::string_view text) {
      client.arrivals_->on_text(text);
      return true;
    }
    bool on_binary(std::span<const std::byte>) { return true; }
    bool on_ping(std::span<const std::byte>) { return true; }
    bool on_pong(std::span<const std::byte>) { return true; }
    bool on_close(uint16_t, std::string_view) { return true; }
  };

  void on_completion(const Completion& completion) override {
    switch (completion.kind) {
      case Completion::Kind::opened:
        open_ = true;
        return;
      case Completion::Kind::received:
        if (websocket_.receive(completion.bytes, handler_) != websocket::Error::none) {
          fault_ = "websocket";
        }
        return;
      case Completion::Kind::closed:
      case Completion::Kind::sent:
        return;
    }
  }

  std::unique_ptr<io::LiveTransport> transport_;
  Random random_{1};
  websocket::MaskKeys masks_{websocket::mask_secret_from(1), 0};
  websocket::Connection websocket_{websocket::Role::client, 64 * 1024};
  Handler handler_{*this};
  Arrivals* arrivals_ = nullptr;
  ConnectionId connection_{};
  bool open_ = false;
  bool subscribed_ = false;
  std::string fault_;
};

}  // namespace havklo::bench
