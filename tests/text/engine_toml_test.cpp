// A configuration file of several sessions: what each says, what holds for all, what is the loop's.
#include <gtest/gtest.h>

#include <havklo/config.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "text/page_toml.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

std::string refusal_of(std::string_view text) {
  const auto read = engine_settings_from_toml(text, "f");
  return read ? "" : read.error();
}

TEST(EngineToml, OneSessionIsReadAsAlways) {
  const auto one = engine_settings_from_toml(
      "url = 'wss://a/v2'\n[engine]\ncpu = 3\nca_file = 'x'\n[recording]\npath = 'n.hvk'\n"
      "[[subscription]]\nchannel = 'book'\nsymbol = 'BTC/USD'\n",
      "f");
  ASSERT_TRUE(one) << one.error();
  EXPECT_EQ(one->cpu, 3u);
  EXPECT_EQ(one->recording.path, "n.hvk");
  ASSERT_EQ(one->sessions.size(), 1u);
  EXPECT_EQ(one->sessions[0].url, "wss://a/v2");
  EXPECT_EQ(one->sessions[0].ca_file, "x");
  EXPECT_TRUE(validate(*one));
  EXPECT_EQ(sessions_with_loop(*one)[0].cpu, 3u);
}

TEST(EngineToml, WhatStandsBesideTheSessionsHoldsForEach) {
  const auto two = engine_settings_from_toml(R"(url = "wss://a/v2"
[engine]
ring_slots = 4096
ca_file = "all.pem"
[reconnect]
initial_delay = "1s"
[[session]]
[session.reconnect]
initial_delay = "50ms"
[[session.subscription]]
channel = "book"
symbol = ["BTC/USD", "ETH/USD"]
[[session]]
url = "wss://b/v2"
ca_file = "b.pem"
[[session.subscription]]
channel = "trade"
symbol = "BTC/USD"
)",
                                             "f");
  ASSERT_TRUE(two) << two.error();
  EXPECT_EQ(two->ring_slots, 4096u);
  ASSERT_EQ(two->sessions.size(), 2u);
  const Settings& first = two->sessions[0];
  const Settings& second = two->sessions[1];
  EXPECT_EQ(first.url, "wss://a/v2");
  EXPECT_EQ(first.ca_file, "all.pem");
  EXPECT_EQ(first.reconnect.initial_delay, 50_ms);
  EXPECT_EQ(first.subscriptions.at(0).symbols.size(), 2u);
  EXPECT_EQ(second.url, "wss://b/v2");
  EXPECT_EQ(second.ca_file, "b.pem");
  EXPECT_EQ(second.reconnect.initial_delay, 1_s);
  EXPECT_EQ(second.subscriptions.at(0).channel, Channel::trade);
  EXPECT_TRUE(validate(*two));
  const auto whole = sessions_with_loop(*two);
  EXPECT_EQ(whole[0].ring_slots, 4096u);
  EXPECT_EQ(whole[1].ring_slots, ring_slots_min(whole[1]));
}

TEST(EngineToml, ThePagesFileIsRead) {
  const auto read = engine_settings_from_toml(page_toml("sessions.toml"), "sessions.toml");
  ASSERT_TRUE(read) << read.error();
  EXPECT_TRUE(validate(*read));
  EXPECT_EQ(read->cpu, 3u);
  ASSERT_EQ(read->sessions.size(), 2u);
  EXPECT_EQ(read->sessions[0].reconnect.initial_delay, 50_ms);
  EXPECT_EQ(read->sessions[1].reconnect.initial_delay, 50_ms);
  EXPECT_EQ(read->sessions[1].timeouts.heartbeat_timeout, 3_s);
}

TEST(EngineToml, ThePagesFileOfLegsIsRead) {
  const auto read = engine_settings_from_toml(page_toml("legs.toml"), "legs.toml");
  ASSERT_TRUE(read) << read.error();
  EXPECT_TRUE(validate(*read));
  ASSERT_EQ(read->sessions.size(), 1u);
  EXPECT_EQ(read->sessions[0].legs,
            (std::vector<LegSettings>{{{}, "192.0.2.1"}, {{}, "192.0.2.2"}}));
  EXPECT_EQ(read->sessions[0].leg_lag_max, 100_ms);
  EXPECT_EQ(read->sessions[0].rotate_after, 360_min);
}

TEST(EngineToml, SaysInOneLineWhatIsWrong) {
  EXPECT_EQ(refusal_of("[[session]]\n[session.engine]\ncpu = 1\n"),
            "f:2: session.engine belongs to the loop that all sessions share: say it once, as "
            "[engine]; of a session there are ca_file and source_address");
  EXPECT_EQ(refusal_of("[[session]]\n[session.recording]\npath = 'x'\n"),
            "f:2: session.recording belongs to the loop that all sessions share: say it once, as "
            "[recording]; of a session there are ca_file and source_address");
  EXPECT_EQ(refusal_of("[session]\nurl = 'x'\n"),
            "f:1: session must be a list of tables: [[session]]");
  EXPECT_EQ(refusal_of("session = 2\n"), "f:1: session must be a list of tables: [[session]]");
  EXPECT_EQ(refusal_of("[[subscription]]\nsymbol = 'A/B'\n[[session]]\n"),
            "f:1: subscription of no session: say it in one, as [[session.subscription]]");
  EXPECT_EQ(refusal_of("[[session]]\n[session.reconect]\n"),
            "f:2: unknown key session.reconect; the nearest known one is session.reconnect");
  EXPECT_EQ(refusal_of("[[session]]\nurll = 'x'\n"),
            "f:2: unknown key session.urll; the nearest known one is session.url");
  EXPECT_TRUE(refusal_of("[[session]]\n[session.timeouts]\nconnect_timeout = 5\n")
                  .starts_with("f:3: session.timeouts.connect_timeout must be a duration"));
  EXPECT_EQ(refusal_of("[[session]]\n[session.subscription]\nsymbol = 'A/B'\n"),
            "f:2: session.subscription must be a list of tables: [[session.subscription]]");
  EXPECT_EQ(refusal_of("[[sesion]]\nurl = 'x'\n"),
            "f:1: unknown key sesion; the nearest known one is session");
  const auto one = settings_from_toml("[[session]]\n", "f");
  ASSERT_FALSE(one);
  EXPECT_EQ(one.error(), "f:1: [[session]] is of an engine of several, and here is one");
}

}  // namespace
}  // namespace havklo
