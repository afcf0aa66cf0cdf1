// A name server on 127.0.0.1 that knows what the test tells it, stepped by the test.
//
// Use: server.answers("venue.test", {"192.0.2.7"}, {"2001:db8::7"}); then step() until the client has its
// answer. What it does not know does not exist (NXDOMAIN); "*.corp.test" stands for every name below.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace havklo {

class NameServer {
 public:
  // Port 0: any.
  explicit NameServer(uint16_t port = 0) : file_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(file_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::getsockname(file_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
  }
  ~NameServer() { ::close(file_); }
  NameServer(const NameServer&) = delete;
  NameServer& operator=(const NameServer&) = delete;

  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  void answers(const std::string& name, std::vector<std::string> ipv4,
               std::vector<std::string> ipv6) {
    zone_[name] = {std::move(ipv4), std::move(ipv6)};
  }
  void forgets(const std::string& name) { zone_.erase(name); }

  // Which questions it leaves unanswered.
  enum class Silent { never, for_ipv4, for_ipv6, always };
  Silent silent = Silent::never;
  std::string silent_for;  // … and all about this name

  // As they were asked, in order.
  std::vector<std::string> asked;

  // Waits for a question, up to `most_ms`.
  void step(int most_ms = 10) {
    pollfd wait{.fd = file_, .events = POLLIN, .revents = 0};
    if (::poll(&wait, 1, most_ms) != 1) return;
    std::array<char, 512> buffer{};
    sockaddr_in peer{};
    socklen_t peer_size = sizeof peer;
    const ssize_t received = ::recvfrom(file_, buffer.data(), buffer.size(), 0,
                                        reinterpret_cast<sockaddr*>(&peer), &peer_size);
    if (received <= static_cast<ssize_t>(header_bytes)) return;
    const std::string reply = reply_to({buffer.data(), static_cast<size_t>(received)});
    if (reply.empty()) return;
    ::sendto(file_, reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&peer), peer_size);
  }

 private:
  static constexpr size_t header_bytes = 12;
  struct Records {
    std::vector<std::string> ipv4;
    std::vector<std::string> ipv6;
  };

  [[nodiscard]] const Records* find(const std::string& name) const {
    if (const auto exact = zone_.find(name); exact != zone_.end()) return &exact->second;
    for (size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1)) {
      const auto wildcard = zone_.find("*" + name.substr(dot));
      if (wildcard != zone_.end()) return &wildcard->second;
    }
    return nullptr;
  }

  // RFC 1035 §4.1: header, the question as it came, and address records that point at its name.
  std::string reply_to(std::string_view query) {
    std::string name;
    size_t at = header_bytes;
    while (query[at] != 0) {
      const auto size = static_cast<size_t>(query[at]);
      if (!name.empty()) name += '.';
      name += query.substr(at + 1, size);
      at += 1 + size;
    }
    const bool for_ipv4 = query[at + 2] == 1;
    asked.push_back(name);
    if (silent == Silent::always || name == silent_for) return {};
    if (silent == (for_ipv4 ? Silent::for_ipv4 : Silent::for_ipv6)) return {};
    const Records* const records = find(name);
    std::string reply(query.substr(0, at + 5));
    reply[2] = static_cast<char>(0x81);                              // an answer, recursion desired
    reply[3] = static_cast<char>(records == nullptr ? 0x83 : 0x80);  // no such name, or no error
    reply[7] = 0;
    reply[11] = 0;  // no additional records
    if (records == nullptr) return reply;
    for (const std::string& text : for_ipv4 ? records->ipv4 : records->ipv6) {
      std::array<char, 16> address{};
      EXPECT_EQ(inet_pton(for_ipv4 ? AF_INET : AF_INET6, text.c_str(), address.data()), 1);
      const char bytes = for_ipv4 ? 4 : 16;
      reply += std::string("\xC0\x0C\0", 3) + static_cast<char>(for_ipv4 ? 1 : 28);
      reply += std::string("\0\x01\0\0\0\x3C\0", 7) + bytes;
      reply.append(address.data(), static_cast<size_t>(bytes));
      ++reply[7];
    }
    return reply;
  }

  int file_;
  uint16_t port_ = 0;
  std::map<std::string, Records> zone_;
};

}  // namespace havklo
