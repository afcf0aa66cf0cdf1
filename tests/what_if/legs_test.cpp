// What if of legs: refused with the reason, never guessed.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "replay/what_if/comparison.hpp"
#include "replay/what_if/network_reader.hpp"
#include "support/forged_recording.hpp"
#include "support/temporary_file.hpp"

namespace havklo {
namespace {

// One connection was recorded: of another nobody knows what it would have brought.
TEST(WhatIf, AnotherNumberOfLegsIsRefusedWithTheReason) {
  const Settings recorded = book_settings({"BTC/USD"});
  const auto error_of = [&recorded](std::string_view toml) {
    const auto settings = replay::other_settings(recorded, toml, "x.toml");
    return settings ? std::string() : settings.error();
  };
  const std::string reason =
      ": the recording is of 1, and nobody saw what another connection would have brought, and "
      "when: leave it out";
  EXPECT_EQ(error_of("legs = 2\n"), "x.toml: legs = 2" + reason);
  EXPECT_EQ(error_of("[[leg]]\n[[leg]]\n[[leg]]\n"), "x.toml: legs = 3" + reason);
  EXPECT_EQ(error_of("legs = 1\nleg_lag_max = \"1s\"\n"), "");
  EXPECT_EQ(error_of("[[leg]]\nurl = \"wss://venue.test/v2\"\n"), "");
  EXPECT_NE(error_of("[[leg]]\nurl = \"wss://elsewhere.test/v2\"\n").find("another url"),
            std::string::npos);
  EXPECT_NE(error_of("rotate_after = \"10m\"\n").find("rotate_after = 600s: must be none"),
            std::string::npos);
}

TEST(WhatIf, ARecordingOfSeveralLegsIsRefusedWithTheReason) {
  Settings settings = book_settings({"BTC/USD"});
  settings.legs.resize(2);
  ForgedRecording forged(settings);
  TemporaryFile file;
  file.write(forged.end_turn().finish());
  const auto network = replay::observe_network(replay::Reader::open(file.path()).value());
  ASSERT_FALSE(network);
  EXPECT_EQ(network.error(),
            "the recording is of a session with 2 legs: what if is asked of one connection, for "
            "what the feed of several would have been hangs on how far apart they were");
}

}  // namespace
}  // namespace havklo
