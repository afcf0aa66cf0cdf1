// A port of the loopback address whose queue of connections is full: the kernel drops what knocks.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstring>

namespace havklo {

class SilentPort {
 public:
  // `family`: AF_INET (127.0.0.1) or AF_INET6 (::1).
  explicit SilentPort(int family = AF_INET)
      : file_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_storage address{};
    socklen_t size = sizeof(sockaddr_in);
    if (family == AF_INET) {
      sockaddr_in in{};
      in.sin_family = AF_INET;
      in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      std::memcpy(&address, &in, sizeof in);
    } else {
      sockaddr_in6 in{};
      in.sin6_family = AF_INET6;
      in.sin6_addr = in6addr_loopback;
      size = sizeof in;
      std::memcpy(&address, &in, sizeof in);
    }
    auto* const own = reinterpret_cast<sockaddr*>(&address);
    if (::bind(file_, own, size) != 0) return;  // no IPv6 here
    EXPECT_EQ(::listen(file_, 0), 0);
    EXPECT_EQ(::getsockname(file_, own, &size), 0);
    // The port stands at the same place in both.
    port_ = ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
    for (int& guest : guests_) {
      guest = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      static_cast<void>(::connect(guest, own, size));
    }
  }
  ~SilentPort() {
    for (const int guest : guests_) ::close(guest);
    ::close(file_);
  }
  SilentPort(const SilentPort&) = delete;
  SilentPort& operator=(const SilentPort&) = delete;

  [[nodiscard]] uint16_t port() const { return port_; }  // 0: the machine has no such address

 private:
  int file_;
  uint16_t port_ = 0;
  std::array<int, 4> guests_{-1, -1, -1, -1};
};

}  // namespace havklo
