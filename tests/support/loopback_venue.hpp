// A venue on a real TLS socket of 127.0.0.1, in a thread of its own, for as long as the object
// lives.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <havklo/client.hpp>
#include <havklo/config.hpp>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "havklo/exchange_server.hpp"
#include "io/tls/certificate_authority.hpp"
#include "replay/world/scenario.hpp"
#include "support/temporary_file.hpp"

namespace havklo {

// All engines of this process share the budget of 127.0.0.1, and so do all tests: who has the usual
// one may wait for minutes.
inline constexpr uint32_t connect_budget_of_tests = 10'000;

class LoopbackVenue {
 public:
  explicit LoopbackVenue(replay::Scenario scenario = {}, bool tls = true)
      : ca_(authority().certificate_pem()), tls_(tls) {
    ExchangeServerOptions options;
    options.tls = tls;
    options.identity = authority().issue().value();
    options.expired = authority().issue({}, {.from_s = -200, .until_s = -100}).value();
    options.wrong_name = authority().issue({.hosts = {"elsewhere.test"}, .addresses = {}}).value();
    server_ = ExchangeServer::create(options, replay::make_venue(scenario)).value();
    thread_ = std::thread([this] { server_->run(stop_); });
  }
  ~LoopbackVenue() { stop(); }
  LoopbackVenue(const LoopbackVenue&) = delete;
  LoopbackVenue& operator=(const LoopbackVenue&) = delete;

  // The process dies: every connection with it, and nobody listens.
  void stop() {
    if (!thread_.joinable()) return;
    stop_.store(true);
    thread_.join();
    server_.reset();
  }
  [[nodiscard]] Settings settings(std::vector<std::string> symbols = {"BTC/USD"}) const {
    Settings settings;
    settings.url = std::string(tls_ ? "wss" : "ws") +
                   "://127.0.0.1:" + std::to_string(server_->port()) + "/v2";
    settings.ca_file = ca_.path();
    settings.reconnect.connect_budget = connect_budget_of_tests;
    settings.idle = Idle::park;
    settings.subscriptions.push_back({.channel = Channel::book, .symbols = std::move(symbols)});
    return settings;
  }
  // A client's builder, told of this venue.
  [[nodiscard]] KrakenClientBuilder here(KrakenClientBuilder builder) const {
    ReconnectSettings reconnect = builder.settings().reconnect;
    reconnect.connect_budget = connect_budget_of_tests;
    return builder.with_url(settings().url).with_ca_file(ca_file()).with_reconnect(reconnect);
  }
  [[nodiscard]] const std::string& ca_file() const { return ca_.path(); }

 private:
  static const io::CertificateAuthority& authority() {
    static const io::CertificateAuthority made = io::CertificateAuthority::make().value();
    return made;
  }

  TemporaryFile ca_;
  bool tls_;
  std::unique_ptr<ExchangeServer> server_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace havklo
