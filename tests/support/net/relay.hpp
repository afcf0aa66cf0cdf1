// A relay between engine and venue that tears a connection in the middle of a TLS record.
//
// Owns:    a listener, and a child that forwards the last connection it was asked for.
// Threads: the child is forked while this process has one.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <string>

namespace havklo {

class Relay {
 public:
  explicit Relay(int venue_port) {
    std::array<int, 2> control{-1, -1};
    EXPECT_EQ(::pipe2(control.data(), O_CLOEXEC | O_NONBLOCK), 0);
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in here = loopback(0);
    socklen_t size = sizeof here;
    EXPECT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&here), size), 0);
    EXPECT_EQ(::listen(listener, 16), 0);
    EXPECT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&here), &size), 0);
    port_ = ntohs(here.sin_port);
    child_ = ::fork();
    if (child_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::close(control[1]);
      Pump(listener, control[0], venue_port).run();
      ::_exit(0);
    }
    ::close(listener);
    ::close(control[0]);
    control_ = control[1];
  }
  ~Relay() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
    ::close(control_);
  }
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  [[nodiscard]] int port() const { return port_; }
  // Of the venue's next record half is forwarded, and then the connection is reset.
  void tear_the_next_record() const { EXPECT_EQ(::write(control_, "t", 1), 1); }
  // Nothing passes any more, and nobody is told; and on.
  void stop() const { EXPECT_EQ(::kill(child_, SIGSTOP), 0); }
  void go_on() const { EXPECT_EQ(::kill(child_, SIGCONT), 0); }

 private:
  static sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }

  // In the child.
  class Pump {
   public:
    Pump(int listener, int control, int venue_port)
        : listener_(listener), control_(control), venue_port_(venue_port) {}
    void run() {
      for (;;) {
        std::array<pollfd, 4> waits{{{listener_, POLLIN, 0},
                                     {control_, POLLIN, 0},
                                     {client_, POLLIN, 0},
                                     {venue_, POLLIN, 0}}};
        if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) return;
        if (char c = 0; (waits[1].revents & POLLIN) != 0 && ::read(control_, &c, 1) == 1) {
          tears_ = true;
        }
        if (waits[2].revents != 0 && !forward(client_, venue_)) end();
        if (waits[3].revents != 0 && client_ >= 0 && !forward_records()) end();
        if ((waits[0].revents & POLLIN) != 0) begin();
      }
    }

   private:
    void begin() {
      end();
      client_ = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      venue_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      const sockaddr_in there = loopback(venue_port_);
      if (::connect(venue_, reinterpret_cast<const sockaddr*>(&there), sizeof there) != 0) end();
    }
    void end() {
      if (client_ >= 0) ::close(client_);
      if (venue_ >= 0) ::close(venue_);
      client_ = venue_ = -1;
      record_.clear();
    }
    static bool forward(int from, int to) {
      std::array<char, 16'384> bytes{};
      const ssize_t size = ::read(from, bytes.data(), bytes.size());
      return size > 0 && ::send(to, bytes.data(), static_cast<size_t>(size), MSG_NOSIGNAL) == size;
    }
    // RFC 8446 §5.1: type, version, length, and so many bytes. Whole records leave at once.
    bool forward_records() {
      std::array<char, 16'384> bytes{};
      const ssize_t size = ::read(venue_, bytes.data(), bytes.size());
      if (size <= 0) return false;
      record_.append(bytes.data(), static_cast<size_t>(size));
      constexpr size_t head_bytes = 5;
      for (;;) {
        if (record_.size() < head_bytes) return true;
        const size_t whole = head_bytes +
                             (static_cast<size_t>(static_cast<uint8_t>(record_[3])) << 8) +
                             static_cast<uint8_t>(record_[4]);
        if (record_.size() < whole) return true;
        if (tears_) return tear(whole / 2);
        if (::send(client_, record_.data(), whole, MSG_NOSIGNAL) != static_cast<ssize_t>(whole)) {
          return false;
        }
        record_.erase(0, whole);
      }
    }
    bool tear(size_t bytes) {
      tears_ = false;
      static_cast<void>(::send(client_, record_.data(), bytes, MSG_NOSIGNAL));
      const linger at_once{.l_onoff = 1, .l_linger = 0};
      ::setsockopt(client_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
      return false;
    }

    int listener_;
    int control_;
    int venue_port_;
    int client_ = -1;
    int venue_ = -1;
    std::string record_;  // of the venue, not yet whole
    bool tears_ = false;
  };

  int port_ = 0;
  int control_ = -1;
  pid_t child_ = -1;
};

}  // namespace havklo
