// For whom a connect budget counts, and whose numbers hold.
#include <gtest/gtest.h>

#include <havklo/shared_connect_budget.hpp>
#include <vector>

#include "support/engine_world.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

Settings to(std::string url, std::optional<std::string> source = {}) {
  Settings settings = book_settings({"BTC/USD"});
  settings.url = std::move(url);
  settings.source_address = std::move(source);
  return settings;
}

std::string key_of(const std::string& url, std::optional<std::string> source = {}) {
  return budget_key_of(to(url, std::move(source))).text();
}

TEST(BudgetKey, EveryHostOfKrakenIsOneVenue) {
  EXPECT_EQ(key_of("wss://ws.kraken.com/v2"), "kraken.com");
  EXPECT_EQ(key_of("wss://WS-Auth.Kraken.COM:443/v2"), "kraken.com");
  EXPECT_EQ(key_of("wss://a.b.kraken.com./v2"), "kraken.com");
  EXPECT_EQ(key_of("wss://kraken.com"), "kraken.com");
}

TEST(BudgetKey, AnyOtherHostIsOneByItsName) {
  EXPECT_EQ(key_of("wss://notkraken.com"), "notkraken.com");
  EXPECT_EQ(key_of("wss://kraken.com.evil.test"), "kraken.com.evil.test");
  EXPECT_EQ(key_of("ws://127.0.0.1:8080/v2"), "127.0.0.1");
  EXPECT_EQ(key_of("wss://Venue.Test/a"), key_of("wss://venue.test:8443/b"));
}

TEST(BudgetKey, TheSourceAddressIsTheSameHoweverItIsWritten) {
  EXPECT_EQ(key_of("wss://ws.kraken.com", "192.0.2.1"), "kraken.com from 192.0.2.1");
  EXPECT_EQ(key_of("wss://ws.kraken.com", "2001:DB8:0::1"),
            key_of("wss://ws.kraken.com", "2001:db8::1"));
  EXPECT_NE(key_of("wss://ws.kraken.com", "192.0.2.1"), key_of("wss://ws.kraken.com"));
}

TEST(BudgetKey, SessionsAreGroupedInTheOrderOfTheFirstOfEach) {
  const std::vector<Settings> sessions = {to("wss://b.test"), to("wss://ws.kraken.com"),
                                          to("wss://b.test/x"), to("wss://ws2.kraken.com"),
                                          to("wss://b.test", "192.0.2.1")};
  const BudgetGroups groups = group_by_budget(sessions);
  EXPECT_EQ(groups.group_of, (std::vector<uint32_t>{0, 1, 0, 1, 2}));
  EXPECT_EQ(groups.first_of, (std::vector<uint32_t>{0, 1, 4}));
  EXPECT_EQ(groups.legs_in(0), 2U);
  EXPECT_EQ(groups.legs_in(2), 1U);
}

// Each leg may come from an address of its own, and go to a venue of its own.
TEST(BudgetKey, LegsAreGroupedAsSessionsAre) {
  std::vector<Settings> sessions = {to("wss://ws.kraken.com", "192.0.2.1"), to("wss://b.test"),
                                    to("wss://ws2.kraken.com")};
  sessions[0].legs = {{}, {{}, "192.0.2.2"}, {"wss://b.test/v2", {}}};
  sessions[1].legs = {{}, {{}, "192.0.2.1"}};
  const BudgetGroups groups = group_by_budget(sessions);
  EXPECT_EQ(groups.legs_before, (std::vector<uint32_t>{0, 3, 5}));
  EXPECT_EQ(groups.group_of, (std::vector<uint32_t>{0, 1, 2, 3, 2, 4}));
  EXPECT_EQ(groups.first_of, (std::vector<uint32_t>{0, 0, 0, 1, 2}));
  std::vector<std::string> keys;
  for (const BudgetKey& key : groups.keys) keys.push_back(key.text());
  EXPECT_EQ(keys,
            (std::vector<std::string>{"kraken.com from 192.0.2.1", "kraken.com from 192.0.2.2",
                                      "b.test from 192.0.2.1", "b.test", "kraken.com"}));
  EXPECT_EQ(groups.group(0, 2), 2U);
  EXPECT_EQ(groups.group(1, 1), 2U);
  EXPECT_EQ(groups.legs_in(2), 2U);
  EXPECT_EQ(groups.legs_in(4), 1U);
  EXPECT_EQ(budget_key_of(sessions[0], 1).text(), "kraken.com from 192.0.2.2");
}

std::string refusal_of(const std::vector<Settings>& sessions) {
  const auto valid = validate(sessions);
  return valid ? "" : valid.error().message();
}

TEST(BudgetNumbers, AreThoseOfTheFirstSessionOfAKey) {
  std::vector<Settings> sessions = {to("wss://ws.kraken.com"), to("wss://ws2.kraken.com")};
  sessions[0].reconnect.connect_budget = 60;
  sessions[0].reconnect.connect_budget_window = 300_s;
  sessions[0].reconnect.budget_file = "/run/budget";
  EXPECT_EQ(refusal_of(sessions), "") << "a session that names none";
  sessions[1].reconnect = sessions[0].reconnect;
  EXPECT_EQ(refusal_of(sessions), "") << "a session that names the same";
}

TEST(BudgetNumbers, OthersOfTheSameKeyAreRefused) {
  std::vector<Settings> sessions = {to("wss://ws.kraken.com"), to("wss://ws2.kraken.com")};
  sessions[1].reconnect.connect_budget = 60;
  EXPECT_EQ(refusal_of(sessions),
            "session[1].reconnect.connect_budget = 60: must be 120 as in the first session to "
            "kraken.com, or "
            "not set");
  sessions[1].reconnect.connect_budget = 120;
  sessions[1].reconnect.connect_budget_window = 90_s;
  EXPECT_EQ(
      refusal_of(sessions),
      "session[1].reconnect.connect_budget_window = 90s: must be 600s as in the first session to "
      "kraken.com, or not set");
  sessions[1].reconnect.connect_budget_window = 600_s;
  sessions[1].reconnect.budget_file = "/run/budget";
  EXPECT_EQ(
      refusal_of(sessions),
      "session[1].reconnect.budget_file = \"/run/budget\": must be none as in the first session to "
      "kraken.com, or not set");
}

TEST(BudgetNumbers, AreEachKeysOwn) {
  std::vector<Settings> sessions = {to("wss://ws.kraken.com"), to("wss://ws.kraken.com")};
  sessions[1].source_address = "192.0.2.1";
  sessions[1].reconnect.connect_budget = 60;
  EXPECT_EQ(refusal_of(sessions), "");
}

// Numbers are a session's: they hold for the keys of all its legs, and are those of one more.
TEST(BudgetNumbers, AreOfEveryKeyThatALegHas) {
  std::vector<Settings> sessions = {to("wss://ws.kraken.com"), to("wss://ws.kraken.com")};
  sessions[0].source_address = "192.0.2.1";
  sessions[0].legs = {{}, {{}, "192.0.2.2"}};
  sessions[1].source_address = "192.0.2.2";
  sessions[0].reconnect.connect_budget = 60;
  EXPECT_EQ(refusal_of(sessions), "");
  sessions[1].reconnect.connect_budget = 30;
  EXPECT_EQ(refusal_of(sessions),
            "session[1].reconnect.connect_budget = 30: must be 60 as in the first session to "
            "kraken.com from 192.0.2.2, or not set");
}

TEST(SourceAddress, IsAnAddressOrIsRefused) {
  EXPECT_TRUE(validate(to("wss://ws.kraken.com", "192.0.2.1")));
  EXPECT_TRUE(validate(to("wss://ws.kraken.com", "2001:db8::1")));
  for (const std::string_view bad : {"", "eth0", "192.0.2", "192.0.2.1:80", "fe80::1%eth0"}) {
    const auto valid = validate(to("wss://ws.kraken.com", std::string(bad)));
    ASSERT_FALSE(valid) << bad;
    EXPECT_EQ(valid.error().message(),
              "source_address = \"" + std::string(bad) +
                  "\": must be an IPv4 or IPv6 address of this machine, as \"192.0.2.1\" or "
                  "\"2001:db8::1\"");
  }
  EXPECT_FALSE(validate(to("wss://ws.kraken.com", std::string("192.0.2.1\0", 10))));
}

TEST(BudgetFile, HasAPath) {
  Settings settings = to("wss://ws.kraken.com");
  settings.reconnect.budget_file = "";
  ASSERT_FALSE(validate(settings));
  EXPECT_EQ(validate(settings).error().message(),
            "reconnect.budget_file = \"\": must be the path of a file");
}

}  // namespace
}  // namespace havklo
