// A connection from an address of one's choice, on real sockets of the loopback addresses, which
// are all this machine's.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>

#include "support/live_transport_test.hpp"

namespace havklo::io {
namespace {

using namespace havklo::literals;

class SourceAddress : public TransportTest {
 protected:
  static constexpr ConnectionId next_id{128};

  void open_from(std::string_view source, ConnectionId id = first_id) {
    transport_->open(id, {.host = "127.0.0.1",
                          .port = listener_.port(),
                          .tls = tls(),
                          .timeout = 5_s,
                          .source_address = source});
  }
  // The address that the venue sees.
  std::string seen_by_venue() {
    int file = -1;
    for (int round = 0; round < 2000 && file < 0; ++round) {
      transport_->flush();
      if (transport_->poll(seen_, 64) == 0) transport_->park(5_ms);
      file = listener_.accept();
    }
    sockaddr_in peer{};
    socklen_t bytes = sizeof peer;
    if (::getpeername(file, reinterpret_cast<sockaddr*>(&peer), &bytes) != 0) return "";
    ::close(file);
    return ::inet_ntoa(peer.sin_addr);
  }
};
INSTANTIATE_TEST_SUITE_P(EveryWay, SourceAddress, every_way, name_of);

TEST_P(SourceAddress, IsWhatTheVenueSees) {
  open_from("127.0.0.2");
  EXPECT_EQ(seen_by_venue(), "127.0.0.2");
  transport_->close(first_id);
  open_from("", next_id);
  EXPECT_EQ(seen_by_venue(), "127.0.0.1");
}

TEST_P(SourceAddress, AddressesOfTheOtherFamilyAreLeftOut) {
  transport_->override_addresses(
      {parse_address("::1", listener_.port()), parse_address("127.0.0.1", listener_.port())});
  open_from("127.0.0.2");
  EXPECT_EQ(seen_by_venue(), "127.0.0.2");
}

TEST_P(SourceAddress, AVenueOfTheOtherFamilyAloneIsAFailedAttempt) {
  transport_->override_addresses({parse_address("127.0.0.1", listener_.port())});
  open_from("::1");
  run([&] { return seen_.closed(); });
  ASSERT_TRUE(seen_.closed());
  EXPECT_EQ(seen_.seen[0].reason, Reason::resolve_failed);
  EXPECT_EQ(seen_.seen[0].os_error, EAFNOSUPPORT);
}

// 192.0.2.0/24 is for documentation: no machine has such an address.
TEST_P(SourceAddress, OneThatIsNotOursIsAFailedAttemptAndNoFaultOfTheVenues) {
  open_from("192.0.2.1");
  run([&] { return seen_.closed(); });
  ASSERT_TRUE(seen_.closed());
  EXPECT_EQ(seen_.seen[0].reason, Reason::connect_refused);
  EXPECT_EQ(seen_.seen[0].os_error, EADDRNOTAVAIL);
  EXPECT_LT(listener_.accept(), 0);
  seen_ = {};
  open_from("127.0.0.1", next_id);
  EXPECT_EQ(seen_by_venue(), "127.0.0.1");
}

}  // namespace
}  // namespace havklo::io
