// A refused certificate in a recording: which fault it was comes back, to the byte, and one number
// behind the last fault is damage.
#include <gtest/gtest.h>

#include <cstring>

#include "replay/playback/player.hpp"
#include "replay/recording/reader.hpp"
#include "support/recorded_session.hpp"
#include "support/stormy_recording.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

VenueWorldSettings refused_for(replay::TlsFault fault) {
  VenueWorldSettings settings;
  settings.engine = book_settings({"BTC/USD"});
  settings.engine.url = "wss://venue.test/v2";
  settings.faults.add({.kind = replay::FaultKind::tls, .times = 1, .tls = fault});
  return settings;
}

TEST(RecordedCertificateFault, ComesBackInTheReplay) {
  for (const auto& [fault, expected] :
       {std::pair(replay::TlsFault::expired, CertificateFault::expired),
        std::pair(replay::TlsFault::wrong_name, CertificateFault::wrong_name),
        std::pair(replay::TlsFault::garbage, CertificateFault::none)}) {
    const TemporaryFile file;
    const auto recorded = record_session(file.path(), refused_for(fault), 40_s);
    std::vector<Event> replayed;
    EXPECT_TRUE(play(file.path(), &replayed).identical());
    ASSERT_EQ(replayed.size(), recorded.size());
    const auto failed = std::ranges::find(replayed, EventKind::connect_failed, &Event::kind);
    ASSERT_NE(failed, replayed.end());
    EXPECT_EQ(failed->payload.connect_failed.certificate, expected);
    EXPECT_EQ(
        std::memcmp(static_cast<const void*>(replayed.data()),
                    static_cast<const void*>(recorded.data()), recorded.size() * sizeof(Event)),
        0);
  }
}

TEST(RecordedCertificateFault, BehindTheLastIsDamage) {
  const TemporaryFile file;
  record_session(file.path(), refused_for(replay::TlsFault::expired), 5_s);
  int changed = 0;
  const std::string bytes = with_blocks_changed(
      file.content(), [&](replay::BlockHeader& header, std::span<char> payload) {
        if (header.kind != replay::BlockKind::turns) return;
        // tag, connection, fault, reason
        const std::array<char, 2> end = {static_cast<char>(CertificateFault::expired),
                                         static_cast<char>(Reason::certificate_refused)};
        const auto found = std::ranges::search(payload, end);
        if (found.empty()) return;
        *found.begin() = static_cast<char>(certificate_fault_count);
        ++changed;
      });
  ASSERT_EQ(changed, 1);
  const TemporaryFile damaged(bytes);
  EXPECT_NE(play(damaged.path()).torn, "");
}

}  // namespace
}  // namespace havklo
