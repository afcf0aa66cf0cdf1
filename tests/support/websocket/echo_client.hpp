// A client that sends every message back, over an ordinary socket: what a fuzzing server examines.
//
// It speaks the protocol of the Autobahn suite's fuzzing server: /getCaseCount says how many cases
// there are, /runCase?case=n&agent=NAME is one of them, /updateReports?agent=NAME ends it.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <expected>
#include <functional>
#include <havklo/limits.hpp>
#include <havklo/random.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/entropy.hpp"
#include "websocket/connection.hpp"

namespace havklo::websocket {

class EchoClient {
 public:
  // What one connection came to; nothing when it could not even be opened.
  struct Visit {
    Error error = Error::none;  // the peer's mistake
    bool opened = false;
    std::string last_text;
  };

  EchoClient(std::string address, uint16_t port, std::string agent)
      : address_(std::move(address)),
        port_(port),
        agent_(std::move(agent)),
        random_(io::seed_from_kernel().value()),
        masks_(io::secret_from_kernel().value(), 0) {}
  ~EchoClient() { disconnect(); }
  EchoClient(const EchoClient&) = delete;
  EchoClient& operator=(const EchoClient&) = delete;

  // Every case; `tell(number, count, visit)` after each. The error says in one line what failed.
  std::expected<uint32_t, std::string> run_all(
      const std::function<void(uint32_t, uint32_t, const Visit&)>& tell) {
    const auto counted = visit("/getCaseCount", false);
    if (!counted) return std::unexpected(counted.error());
    uint32_t count = 0;
    const std::string& text = counted->last_text;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), count);
    if (text.empty() || parsed.ptr != text.data() + text.size()) {
      return std::unexpected("/getCaseCount: no number but \"" + text + '"');
    }
    for (uint32_t number = 1; number <= count; ++number) {
      const auto done = visit("/runCase?case=" + std::to_string(number) + "&agent=" + agent_, true);
      if (!done) return std::unexpected(done.error());
      tell(number, count, *done);
    }
    const auto reported = visit("/updateReports?agent=" + agent_, false);
    if (!reported) return std::unexpected(reported.error());
    return count;
  }

 private:
  static constexpr uint32_t echo_message_bytes_max = 16 * 1024 * 1024;
  static constexpr uint32_t echo_output_bytes_max = 3 * echo_message_bytes_max;
  static constexpr size_t read_bytes_max = 64 * 1024;
  static constexpr int silence_ms_max = 60'000;

  struct Handler {
    Connection& connection;
    Visit& visit;
    bool echoes;
    bool on_open(const UpgradeResult&) { return visit.opened = true; }
    bool on_text(std::string_view text) {
      if (!echoes) visit.last_text = text;
      return !echoes || connection.send_text(text);
    }
    bool on_binary(std::span<const std::byte> bytes) {
      return !echoes || connection.send_binary(bytes);
    }
    bool on_ping(std::span<const std::byte>) { return true; }
    bool on_pong(std::span<const std::byte>) { return true; }
    bool on_close(uint16_t, std::string_view) { return true; }
  };

  // One connection, to its end.
  std::expected<Visit, std::string> visit(const std::string& path, bool echoes) {
    const auto failed = [&path](const std::string& what) {
      return std::unexpected(path + ": " + what);
    };
    if (auto connected = connect(); !connected) return failed(connected.error());
    connection_.start_client(address_, port_, false, path, random_, masks_);
    Visit seen;
    Handler handler{connection_, seen, echoes};
    bool ended = false;     // the peer's stream
    bool finished = false;  // ours
    while (!ended) {
      if (!flush()) break;  // the peer is gone; what it said before may still be read
      const bool closed = connection_.state() == Connection::State::closed;
      if (closed && !finished && connection_.output().empty()) {
        finished = true;
        ::shutdown(file_, SHUT_WR);
      }
      if (!wait(!connection_.output().empty())) return failed("nothing has come for a minute");
      const ssize_t size = ::recv(file_, block_.data(), read_bytes_max, MSG_DONTWAIT);
      if (size < 0 && errno == EAGAIN) continue;
      ended = size <= 0;
      if (ended || seen.error != Error::none) continue;
      seen.error = connection_.receive({block_.data(), static_cast<size_t>(size)}, handler);
      if (seen.error != Error::none) connection_.fail(seen.error);
    }
    disconnect();
    if (!seen.opened) {
      return failed("no upgrade: " + std::string(to_string(seen.error)) + ", HTTP " +
                    std::to_string(connection_.http_status()));
    }
    return seen;
  }

  std::expected<void, std::string> connect() {
    disconnect();
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    if (::inet_pton(AF_INET, address_.c_str(), &address.sin_addr) != 1) {
      return std::unexpected('"' + address_ + "\" is no IPv4 address");
    }
    file_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(file_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(file_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      return std::unexpected("cannot connect to " + address_ + ':' + std::to_string(port_));
    }
    return {};
  }
  void disconnect() {
    if (file_ >= 0) ::close(file_);
    file_ = -1;
  }
  // False: the peer takes nothing more.
  bool flush() {
    while (!connection_.output().empty()) {
      const auto bytes = connection_.output();
      const ssize_t size = ::send(file_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (size < 0) return errno == EAGAIN;
      connection_.consume_output(static_cast<size_t>(size));
    }
    return true;
  }
  [[nodiscard]] bool wait(bool to_write) const {
    pollfd watched{.fd = file_,
                   .events = static_cast<short>(to_write ? POLLIN | POLLOUT : POLLIN),
                   .revents = 0};
    return ::poll(&watched, 1, silence_ms_max) > 0;
  }

  std::string address_;
  uint16_t port_;
  std::string agent_;
  Random random_;
  MaskKeys masks_;
  Connection connection_{Role::client, echo_message_bytes_max, echo_output_bytes_max};
  std::vector<std::byte> block_ = std::vector<std::byte>(read_bytes_max + receive_padding);
  int file_ = -1;
};

}  // namespace havklo::websocket
