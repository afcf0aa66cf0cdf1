// A TLS server on a real socket of 127.0.0.1, driven step by step by the test: no thread, no wait.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "io/tls/certificate_authority.hpp"
#include "io/tls/stream.hpp"

namespace havklo {

// A listening socket on a port that the kernel chose.
class Listener {
 public:
  // `backlog`: of listen(2).
  explicit Listener(int backlog = 16) {
    file_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(file_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(file_, backlog), 0);
    EXPECT_EQ(::getsockname(file_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
  }
  ~Listener() { stop(); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  void stop() {
    if (file_ >= 0) ::close(file_);
    file_ = -1;
  }
  [[nodiscard]] uint16_t port() const { return port_; }
  [[nodiscard]] int file() const { return file_; }  // to wait for the next connection
  // The next connection, or -1.
  [[nodiscard]] int accept() const { return ::accept4(file_, nullptr, nullptr, SOCK_NONBLOCK); }

 private:
  int file_ = -1;
  uint16_t port_ = 0;
};

// One accepted connection; step() moves whatever can move.
class ServerPeer {
 public:
  ServerPeer(int file, io::TlsContext* tls) : file_(file) {
    if (tls != nullptr) tls_.emplace(*tls);
  }
  ~ServerPeer() { finish(); }
  ServerPeer(const ServerPeer&) = delete;
  ServerPeer& operator=(const ServerPeer&) = delete;

  void step() {
    std::array<std::byte, 65536> bytes{};
    for (;;) {
      const ssize_t size = reads ? ::recv(file_, bytes.data(), bytes.size(), 0) : -1;
      if (size == 0) saw_end = true;
      if (size < 0 && reads && errno == ECONNRESET) saw_reset = true;
      if (size <= 0) break;
      take(std::span(bytes).first(static_cast<size_t>(size)));
    }
    send_tls();
  }
  void say(std::string_view text) {
    const auto bytes = std::as_bytes(std::span(text.data(), text.size()));
    if (tls_) {
      ASSERT_TRUE(tls_->write(bytes));
      return step();
    }
    ASSERT_EQ(::send(file_, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  // As much of it as the kernel takes now.
  size_t say_some(std::string_view text) {
    if (tls_) {
      if (!tls_->output().empty() || !tls_->write(std::as_bytes(std::span(text)))) return 0;
      send_tls();
      return text.size();
    }
    return send_now(std::as_bytes(std::span(text)));
  }
  void raw(std::string_view text) {
    ASSERT_EQ(::send(file_, text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  // Says no more, and goes on to listen.
  void finish_writing() const { EXPECT_EQ(::shutdown(file_, SHUT_WR), 0); }
  // FIN, or RST.
  void finish() {
    if (file_ >= 0) ::close(file_);
    file_ = -1;
  }
  void reset() {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(file_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    finish();
  }
  [[nodiscard]] bool established() const { return !tls_ || tls_->is_established(); }
  [[nodiscard]] io::TlsStream& tls() { return *tls_; }

  std::string received;
  bool saw_end = false;
  bool saw_reset = false;
  bool saw_close_notify = false;
  bool reads = true;

 private:
  size_t send_now(std::span<const std::byte> bytes) {
    const ssize_t size = ::send(file_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    saw_reset = saw_reset || (size < 0 && (errno == ECONNRESET || errno == EPIPE));
    return size > 0 ? static_cast<size_t>(size) : 0;
  }
  void send_tls() {
    while (tls_ && !tls_->output().empty()) {
      const size_t size = send_now(tls_->output());
      if (size == 0) return;
      tls_->consume_output(size);
    }
  }
  void take(std::span<const std::byte> bytes) {
    if (!tls_) {
      received.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      return;
    }
    tls_->feed(bytes);
    if (!tls_->is_established() && tls_->handshake() != io::TlsStatus::done) return;
    std::array<std::byte, 65536> room{};
    for (;;) {
      const auto read = tls_->read(room);
      received.append(reinterpret_cast<const char*>(room.data()), read.bytes);
      saw_close_notify = saw_close_notify || read.status == io::TlsStatus::closed;
      if (read.status != io::TlsStatus::done) return;
    }
  }

  int file_;
  std::optional<io::TlsStream> tls_;
};

}  // namespace havklo
