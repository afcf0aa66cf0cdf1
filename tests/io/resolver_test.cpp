// The resolver against a name server that answers, or stays silent, on 127.0.0.1.
#include "io/resolver.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <set>
#include <string>
#include <string_view>

namespace havklo::io {
namespace {

using namespace havklo::literals;

// Answers every question for an IPv4 address with 192.0.2.7, for an IPv6 one with 2001:db8::7.
class NameServer {
 public:
  NameServer() : file_(::socket(AF_INET, SOCK_DGRAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
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

  // Which questions it leaves unanswered.
  enum class Silent { never, for_ipv4, for_ipv6, always };

  // Waits up to 10 ms for a question.
  void step(Silent silent) {
    pollfd wait{.fd = file_, .events = POLLIN, .revents = 0};
    if (::poll(&wait, 1, 10) != 1) return;
    std::array<char, 512> buffer{};
    sockaddr_in peer{};
    socklen_t peer_size = sizeof peer;
    const ssize_t received = ::recvfrom(file_, buffer.data(), buffer.size(), 0,
                                        reinterpret_cast<sockaddr*>(&peer), &peer_size);
    constexpr size_t header_bytes = 12;
    if (received <= static_cast<ssize_t>(header_bytes)) return;
    ++questions;
    // RFC 1035 §4.1: header, the question as it came, and one address record that points at its
    // name.
    const size_t name_bytes = std::strlen(&buffer[header_bytes]) + 1;
    const size_t question_end = header_bytes + name_bytes + 4;
    const bool for_ipv4 = buffer[header_bytes + name_bytes + 1] == 1;
    if (silent == Silent::always) return;
    if (silent == (for_ipv4 ? Silent::for_ipv4 : Silent::for_ipv6)) return;
    std::string reply(buffer.data(), question_end);
    reply[2] = static_cast<char>(0x81);  // an answer, recursion desired
    reply[3] = static_cast<char>(0x80);  // recursion available, no error
    reply[7] = 1;
    reply[11] = 0;  // no additional records
    constexpr std::string_view ipv4("\xC0\x0C\0\x01\0\x01\0\0\0\x3C\0\x04\xC0\0\x02\x07", 16);
    constexpr std::string_view ipv6(
        "\xC0\x0C\0\x1C\0\x01\0\0\0\x3C\0\x10\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x07", 28);
    reply += for_ipv4 ? ipv4 : ipv6;
    ::sendto(file_, reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&peer), peer_size);
  }

  uint32_t questions = 0;

 private:
  int file_;
  uint16_t port_ = 0;
};

class ResolverTest : public testing::Test {
 protected:
  using Silent = NameServer::Silent;

  ResolverAnswer ask(uint64_t token, Duration timeout, Silent silent) {
    resolver_.ask(token, "venue.test", 443, timeout);
    ResolverAnswer answer;
    for (int round = 0; round < 1000 && answer.token != token; ++round) {
      server_.step(silent);
      static_cast<void>(resolver_.take(answer));
    }
    EXPECT_EQ(answer.token, token) << "no answer in ten seconds";
    return answer;
  }
  // In text, whatever their order, which is the machine's.
  static std::set<std::string> texts_of(const ResolverAnswer& answer) {
    std::set<std::string> texts;
    for (const Endpoint& each : answer.addresses) {
      std::array<char, INET6_ADDRSTRLEN> text{};
      const int family = each.family == 4 ? AF_INET : AF_INET6;
      texts.insert(inet_ntop(family, each.address.data(), text.data(), text.size()));
    }
    return texts;
  }

  NameServer server_;
  Resolver resolver_{[] {}, server_.address()};
};

TEST_F(ResolverTest, FindsTheAddressOfAName) {
  const ResolverAnswer answer = ask(1, 10_s, Silent::never);
  EXPECT_EQ(texts_of(answer), (std::set<std::string>{"192.0.2.7", "2001:db8::7"}));
  EXPECT_EQ(answer.addresses[0].port, 443);
}

// Else each reconnect would wait for half of its time (lesson 30).
TEST_F(ResolverTest, AFamilyThatIsNeverAnsweredHoldsNobodyUp) {
  EXPECT_EQ(texts_of(ask(1, 60_s, Silent::for_ipv6)), std::set<std::string>{"192.0.2.7"});
  EXPECT_EQ(texts_of(ask(2, 60_s, Silent::for_ipv4)), std::set<std::string>{"2001:db8::7"});
}

TEST_F(ResolverTest, ASilentServerDoesNotHoldTheLookUpForEver) {  // lesson 30
  EXPECT_TRUE(ask(1, 200_ms, Silent::always).addresses.empty());
  EXPECT_GE(server_.questions, 2u);  // asked again meanwhile
}

TEST_F(ResolverTest, ASilentServerLeavesTheLastGoodAddresses) {
  const auto good = texts_of(ask(1, 10_s, Silent::never));
  EXPECT_EQ(texts_of(ask(2, 200_ms, Silent::always)), good);
}

TEST_F(ResolverTest, AQuestionThatWaitedTooLongHoldsNobodyUp) {
  for (uint64_t stale = 1; stale <= 100; ++stale) {
    resolver_.ask(stale, "venue.test", 443, 100_ms);
  }
  // A hundred look-ups one after the other would take the ten seconds and more.
  EXPECT_TRUE(ask(101, 200_ms, Silent::always).addresses.empty());
}

}  // namespace
}  // namespace havklo::io
