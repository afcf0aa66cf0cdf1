// What a program that the strategy starts would inherit: none of the client's descriptors. Those of
// a live, recording client are looked at in /proc, on either network.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <havklo/client.hpp>
#include <set>
#include <string>

#include "support/loopback_venue.hpp"
#include "support/temporary_folder.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

std::set<int> open_descriptors() {
  std::set<int> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int descriptor = std::stoi(entry.path().filename());
    if (::fcntl(descriptor, F_GETFD) >= 0) found.insert(descriptor);
  }
  return found;
}

class Inherited : public testing::TestWithParam<Network> {};
INSTANTIATE_TEST_SUITE_P(Of, Inherited, testing::Values(Network::io_uring, Network::sockets),
                         [](const auto& network) {
                           return network.param == Network::io_uring ? "Uring" : "Sockets";
                         });

TEST_P(Inherited, NoDescriptorOfTheClientIs) {
  const LoopbackVenue venue;
  const TemporaryFolder folder;
  Settings settings = venue.settings();
  settings.network = GetParam();
  settings.recording.path = folder.path() + "/night.hvk";
  const std::set<int> before = open_descriptors();
  auto client = KrakenClient::connect(settings).value();
  ASSERT_TRUE(client->wait_live(20_s));
  uint32_t looked_at = 0;
  for (const int descriptor : open_descriptors()) {
    if (before.contains(descriptor)) continue;
    EXPECT_NE(::fcntl(descriptor, F_GETFD) & FD_CLOEXEC, 0)
        << std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(descriptor));
    ++looked_at;
  }
  EXPECT_GE(looked_at, 2u);  // a socket and a recording, at least
}

}  // namespace
}  // namespace havklo
