// A live transport and a server on 127.0.0.1, stepped by one thread, so that nothing waits for a
// clock; park() is bounded and ends with the first completion.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "addresses/address_text.hpp"
#include "io/live_transport.hpp"
#include "support/net/poll_now.hpp"
#include "support/temporary_file.hpp"
#include "support/tls_server.hpp"

namespace havklo::io {

using addresses::parse_address;

inline constexpr ConnectionId first_id{64};

inline const CertificateAuthority& authority() {
  static const CertificateAuthority made = CertificateAuthority::make().value();
  return made;
}

class Recorder final : public CompletionSink {
 public:
  struct Seen {
    ConnectionId id{};
    Completion::Kind kind{};
    Reason reason = Reason::none;
    int32_t os_error = 0;
    CertificateFault certificate = CertificateFault::none;
    bool resumed = false;
    Endpoint peer;
  };
  void on_completion(const Completion& completion) override {
    if (completion.kind == Completion::Kind::received) {
      text.append(reinterpret_cast<const char*>(completion.bytes.data()), completion.bytes.size());
      return;
    }
    if (completion.kind == Completion::Kind::sent) {
      sent_bytes += completion.sent_bytes;
      return;
    }
    seen.push_back({completion.connection, completion.kind, completion.reason, completion.os_error,
                    completion.certificate, completion.tls_resumed, completion.peer});
  }
  [[nodiscard]] bool opened() const { return has(Completion::Kind::opened); }
  [[nodiscard]] bool closed() const { return has(Completion::Kind::closed); }
  [[nodiscard]] bool has(Completion::Kind kind) const {
    for (const Seen& each : seen) {
      if (each.kind == kind) return true;
    }
    return false;
  }
  std::vector<Seen> seen;
  std::string text;
  size_t sent_bytes = 0;
};

struct Way {
  Network network = Network::io_uring;
  bool tls = false;
  friend std::ostream& operator<<(std::ostream& out, const Way& way) {
    return out << (way.network == Network::io_uring ? "Uring" : "Sockets")
               << (way.tls ? "Tls" : "Plain");
  }
};

inline std::string name_of(const testing::TestParamInfo<Way>& way) {
  return testing::PrintToString(way.param);
}

inline const auto every_way =
    testing::Values(Way{Network::io_uring, false}, Way{Network::io_uring, true},
                    Way{Network::sockets, false}, Way{Network::sockets, true});

class TransportTest : public testing::TestWithParam<Way> {
 protected:
  static bool tls() { return GetParam().tls; }
  void SetUp() override { start(settings()); }
  [[nodiscard]] LiveTransportSettings settings() const {
    LiveTransportSettings settings;
    settings.network = GetParam().network;
    settings.tls = tls();
    settings.ca_files = {ca_.path()};
    settings.uring = uring_;
    return settings;
  }
  void start(const LiveTransportSettings& settings) {
    auto made = LiveTransport::create(settings);
    ASSERT_TRUE(made) << made.error();
    transport_ = std::move(*made);
    ASSERT_TRUE(transport_->start_on_this_thread());
  }
  void open(ConnectionId id = first_id, Duration timeout = Duration::seconds(5)) {
    transport_->open(
        id, {.host = "127.0.0.1", .port = listener_.port(), .tls = tls(), .timeout = timeout});
  }
  // Lets both sides work until `done` or nothing more can be expected.
  template <class Done>
  void run(Done done) {
    for (int round = 0; round < 2000 && !done(); ++round) {
      transport_->flush();
      if (poll_now(*transport_, seen_) == 0 && !done()) transport_->park(Duration::milliseconds(5));
      if (peer_ == nullptr) {
        const int file = listener_.accept();
        if (file >= 0) peer_ = std::make_unique<ServerPeer>(file, tls() ? &server_ : nullptr);
      }
      if (peer_ != nullptr) peer_->step();
    }
    EXPECT_TRUE(done());
  }
  void open_and_wait() {
    open();
    run([&] { return seen_.opened() && peer_ != nullptr && peer_->established(); });
  }

  // Fills the way to a peer that does not read: what was handed over.
  std::string send_until_blocked() {
    constexpr size_t part_bytes = 60'000;
    constexpr int polls_in_vain = 50;
    peer_->reads = false;
    std::string all;
    for (int in_vain = 0; in_vain < polls_in_vain;) {
      if (seen_.sent_bytes == all.size()) {
        const std::string part(part_bytes, static_cast<char>('a' + all.size() / part_bytes % 26));
        transport_->send(first_id, std::as_bytes(std::span(part)));
        all += part;
        in_vain = 0;
      }
      transport_->flush();
      in_vain += poll_now(*transport_, seen_) == 0 ? 1 : 0;
    }
    return all;
  }

  TemporaryFile ca_{authority().certificate_pem()};
  TlsContext server_ = TlsContext::server(authority().issue().value()).value();
  Listener listener_;
  UringSettings uring_;
  std::unique_ptr<LiveTransport> transport_;
  std::unique_ptr<ServerPeer> peer_;
  Recorder seen_;
};

// What ends a sleep ends it at once; only a broken one takes this long.
class Sleep {
 public:
  static constexpr Duration at_most = Duration::seconds(20);
  [[nodiscard]] bool was_short() const {
    return std::chrono::steady_clock::now() - began_ < std::chrono::seconds(10);
  }

 private:
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

}  // namespace havklo::io
