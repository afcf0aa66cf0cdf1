// A listening socket on 127.0.0.1, on a port that the kernel chose.
//
// Errors: what the machine refuses ends the program with a line on stderr: it serves benchmarks.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace havklo::bench {

inline void must(bool done, const char* what) {
  if (done) return;
  std::fprintf(stderr, "the benchmark's server: %s\n", what);
  std::exit(2);
}

class LoopbackListener {
 public:
  // `flags`: of socket(2), as SOCK_NONBLOCK.
  explicit LoopbackListener(int flags = 0)
      : file_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    must(::bind(file_, reinterpret_cast<sockaddr*>(&address), size) == 0, "bind");
    must(::listen(file_, 16) == 0, "listen");
    must(::getsockname(file_, reinterpret_cast<sockaddr*>(&address), &size) == 0, "port");
    port_ = ntohs(address.sin_port);
  }
  ~LoopbackListener() { ::close(file_); }
  LoopbackListener(const LoopbackListener&) = delete;
  LoopbackListener& operator=(const LoopbackListener&) = delete;

  [[nodiscard]] int file() const { return file_; }
  [[nodiscard]] uint16_t port() const { return port_; }

 private:
  int file_;
  uint16_t port_ = 0;
};

}  // namespace havklo::bench
