// Configuration files: what they say arrives, what is wrong is said in one line with its place, and
// what is written reads back the same.
#include "replay/text/settings_toml.hpp"

#include <gtest/gtest.h>

#include <array>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "replay/text/duration.hpp"
#include "replay/text/nearest_name.hpp"
#include "text/page_toml.hpp"

namespace havklo::replay {
namespace {

using namespace havklo::literals;

constexpr std::string_view every_table = R"(
url = "wss://venue.test:8443/v2"
[reconnect]
initial_delay = "50ms"
multiplier = 1.5
max_delay = "10s"
first_delay = "0ms"
max_attempts = 7
jitter = "decorrelated"
stable_after = "2s"
connect_budget = 60
connect_budget_window = "5m"
maintenance_delay = "6s"
rate_limited_delay = "90s"
enabled = true
budget_file = "/run/havklo/budget"
[circuit_breaker]
failure_threshold = 3
reset_timeout = "12s"
half_open_timeout = "20s"
enabled = false
[timeouts]
connect_timeout = "3s"
greeting_timeout = "4s"
restore_timeout = "5s"
heartbeat_timeout = "2500ms"
close_timeout = "500ms"
[requests]
per_second = 4
burst = 2
[feed]
trade_gaps = false
lag_warn = "2s"
[engine]
ring_slots = 1024
idle = "park"
network = "sockets"
cpu = 1
seed = "0xffffffffffffffff"
ca_file = "/etc/ca.pem"
source_address = "192.0.2.7"
[[subscription]]
channel = "book"
symbol = ["BTC/USD", "ETH/USD"]
depth = 25
[[subscription]]
channel = "trade"
symbol = "BTC/USD"
)";

TEST(SettingsToml, ReadsEveryTableOfTheDesign) {
  const auto settings = settings_from_toml(every_table, "x.toml");
  ASSERT_TRUE(settings) << settings.error();
  EXPECT_EQ(settings->url, "wss://venue.test:8443/v2");
  EXPECT_EQ(settings->reconnect.initial_delay, 50_ms);
  EXPECT_EQ(settings->reconnect.multiplier, 1.5);
  EXPECT_EQ(settings->reconnect.max_attempts, 7u);
  EXPECT_EQ(settings->reconnect.first_delay, 0_ms);
  EXPECT_EQ(settings->reconnect.jitter, Jitter::decorrelated);
  EXPECT_EQ(settings->reconnect.connect_budget, 60u);
  EXPECT_EQ(settings->reconnect.connect_budget_window, 5_min);
  EXPECT_EQ(settings->reconnect.budget_file, "/run/havklo/budget");
  EXPECT_EQ(settings->source_address, "192.0.2.7");
  EXPECT_EQ(settings->circuit_breaker.failure_threshold, 3u);
  EXPECT_FALSE(settings->circuit_breaker.enabled);
  EXPECT_EQ(settings->timeouts.heartbeat_timeout, 2500_ms);
  EXPECT_EQ(settings->requests.burst, 2u);
  EXPECT_FALSE(settings->feed.trade_gaps);
  EXPECT_EQ(settings->feed.lag_warn, 2_s);
  EXPECT_EQ(settings->ring_slots, 1024u);
  EXPECT_EQ(settings->idle, Idle::park);
  EXPECT_EQ(settings->network, Network::sockets);
  EXPECT_EQ(settings->seed, 0xffff'ffff'ffff'ffffu);
  ASSERT_EQ(settings->subscriptions.size(), 2u);
  EXPECT_EQ(settings->subscriptions[0].depth, 25u);
  EXPECT_EQ(settings->subscriptions[1].channel, Channel::trade);
  EXPECT_EQ(settings->subscriptions[1].symbols, std::vector<std::string>{"BTC/USD"});
}

TEST(Settings, HaveTheDefaultsOfTheDesign) {
  const Settings settings;
  EXPECT_EQ(settings.url, "wss://ws.kraken.com/v2");
  const ReconnectSettings& reconnect = settings.reconnect;
  EXPECT_EQ(reconnect.initial_delay, 100_ms);
  EXPECT_EQ(reconnect.multiplier, 2.0);
  EXPECT_EQ(reconnect.max_delay, 30_s);
  EXPECT_FALSE(reconnect.max_attempts);
  EXPECT_EQ(reconnect.jitter, Jitter::none);
  EXPECT_EQ(reconnect.stable_after, 5_s);
  EXPECT_EQ(reconnect.connect_budget, 120u);
  EXPECT_EQ(reconnect.connect_budget_window, 600_s);
  EXPECT_EQ(reconnect.maintenance_delay, 5_s);
  EXPECT_EQ(reconnect.rate_limited_delay, 60_s);
  EXPECT_TRUE(reconnect.enabled);
  EXPECT_EQ(settings.circuit_breaker.failure_threshold, 5u);
  EXPECT_EQ(settings.circuit_breaker.reset_timeout, 30_s);
  EXPECT_EQ(settings.circuit_breaker.half_open_timeout, 60_s);
  EXPECT_TRUE(settings.circuit_breaker.enabled);
  EXPECT_EQ(settings.timeouts.connect_timeout, 10_s);
  EXPECT_EQ(settings.timeouts.greeting_timeout, 5_s);
  EXPECT_EQ(settings.timeouts.restore_timeout, 10_s);
  EXPECT_EQ(settings.timeouts.heartbeat_timeout, 5_s);
  EXPECT_EQ(settings.timeouts.close_timeout, 1_s);
  EXPECT_EQ(settings.requests.per_second, 10u);
  EXPECT_EQ(settings.requests.burst, 5u);
  EXPECT_TRUE(settings.feed.trade_gaps);
  EXPECT_FALSE(settings.feed.lag_warn);
  EXPECT_EQ(settings.idle, Idle::spin);
  EXPECT_EQ(settings.network, Network::automatic);
}

TEST(SettingsToml, WhatIsWrittenReadsBackTheSame) {
  Settings settings;
  settings.reconnect.multiplier = 1.1;
  settings.reconnect.max_attempts = 3;
  settings.reconnect.initial_delay = 1_ns;
  settings.network = Network::sockets;
  settings.seed = 0x8000'0000'0000'0001u;
  settings.ca_file = "a \"quoted\\ path";
  settings.recording = {.path = "a\nline.hvk", .max_size = 256'000'000, .max_age = 1_min};
  settings.subscriptions = {{Channel::book, {"BTC/USD"}, 1000}, {Channel::ticker, {"A/B", "C/D"}}};
  const std::string text = settings_to_toml(settings);
  const auto again = settings_from_toml(text, "again");
  ASSERT_TRUE(again) << again.error() << "\n" << text;
  EXPECT_EQ(settings_to_toml(*again), text);
  EXPECT_EQ(again->reconnect.multiplier, 1.1);
  EXPECT_EQ(again->ca_file, settings.ca_file);
  EXPECT_EQ(again->recording.path, settings.recording.path);
  EXPECT_EQ(again->recording.max_size, settings.recording.max_size);
  EXPECT_EQ(again->recording.max_age, settings.recording.max_age);
  EXPECT_EQ(again->network, settings.network);
  EXPECT_EQ(again->seed, settings.seed);
}

struct Wrong {
  std::string_view text;
  std::string_view error;
};

// The strategy author's page names every setting, with its default.
TEST(SettingsToml, WhatTheTextDoesNotSayStaysAsItWas) {
  Settings base;
  base.idle = Idle::park;
  base.reconnect.max_attempts = 7;
  base.subscriptions.push_back({.channel = Channel::trade, .symbols = {"BTC/USD"}});
  const auto settings = settings_from_toml(
      "[reconnect]\njitter = \"full\"\n[[subscription]]\nsymbol = \"ETH/USD\"\n", "f.toml", base);
  ASSERT_TRUE(settings) << settings.error();
  EXPECT_EQ(settings->idle, Idle::park);
  EXPECT_EQ(settings->reconnect.max_attempts, 7u);
  EXPECT_EQ(settings->reconnect.jitter, Jitter::full);
  ASSERT_EQ(settings->subscriptions.size(), 2u);
  EXPECT_EQ(settings->subscriptions[0].channel, Channel::trade);
  EXPECT_EQ(settings->subscriptions[1].symbols, std::vector<std::string>{"ETH/USD"});
}

// validate() is asked behind it, by connect() or by who wants to know earlier.
TEST(SettingsToml, JudgesTheShapeAndNotTheValues) {
  const auto settings = settings_from_toml("[reconnect]\nmultiplier = 0.5\n", "f.toml");
  ASSERT_TRUE(settings) << settings.error();
  const auto valid = validate(*settings);
  ASSERT_FALSE(valid);
  EXPECT_EQ(valid.error().field, "reconnect.multiplier");
}

TEST(SettingsToml, ThePageSaysTheDefaults) {
  const std::string text = page_toml("engine.toml");
  ASSERT_NE(text, "");
  const auto told = settings_from_toml(text, "README.md");
  ASSERT_TRUE(told) << told.error();
  Settings defaults;
  defaults.subscriptions = told->subscriptions;
  const std::string written = settings_to_toml(defaults);
  EXPECT_EQ(settings_to_toml(*told), written);
  for (size_t at = 0; at < written.size(); at = written.find('\n', at) + 1) {
    const std::string key = "\n" + written.substr(at, written.find_first_of("=\n", at) - at);
    EXPECT_NE(("\n" + text).find(key), std::string::npos) << "the page leaves out" << key;
  }
}

TEST(SettingsToml, ARefusedSizeNamesTheUnits) {
  for (const char* size : {"\"64KB\"", "\"64K\"", "100000", "\"100000\"", "\"0.5MB\"", "\"1 MB\"",
                           "\"99999999999GB\"", "\"\""}) {
    const auto settings =
        settings_from_toml(std::string("[recording]\nmax_size = ") + size + "\n", "f.toml");
    ASSERT_FALSE(settings) << size;
    EXPECT_EQ(settings.error(),
              "f.toml:2: recording.max_size must be a whole number with a unit (B, kB, MB, GB, "
              "KiB, MiB or GiB), as \"256MB\"");
  }
}

TEST(SettingsToml, SaysInOneLineWhatIsWrong) {
  constexpr std::array cases = {
      Wrong{"[reconect]\n", "f.toml:1: unknown key reconect; the nearest known one is reconnect"},
      Wrong{"[reconnect]\ninital_delay = \"1s\"\n",
            "f.toml:2: unknown key reconnect.inital_delay; the nearest known one is "
            "reconnect.initial_delay"},
      Wrong{"[reconnect]\ninitial_delay = 100\n",
            "f.toml:2: reconnect.initial_delay must be a duration with a unit (ns, us, ms, s, m "
            "or h), as \"100ms\" or \"30s\", at most 292 years"},
      Wrong{"[reconnect]\ninitial_delay = \"100\"\n",
            "f.toml:2: reconnect.initial_delay must be a duration with a unit (ns, us, ms, s, m "
            "or h), as \"100ms\" or \"30s\", at most 292 years"},
      Wrong{"[reconnect]\ninitial_delay = \"2562048h\"\n",
            "f.toml:2: reconnect.initial_delay must be a duration with a unit (ns, us, ms, s, m "
            "or h), as \"100ms\" or \"30s\", at most 292 years"},
      Wrong{"[requests]\nburst = -1\n",
            "f.toml:2: requests.burst must be a whole number from 0 to 4294967295"},
      Wrong{"[reconnect]\njitter = \"some\"\n",
            "f.toml:2: reconnect.jitter must be \"none\", \"full\" or \"decorrelated\""},
      Wrong{"[reconnect]\nmultiplier = nan\n", "f.toml:2: reconnect.multiplier must be a number"},
      Wrong{"[reconnect]\nmultiplier = -inf\n", "f.toml:2: reconnect.multiplier must be a number"},
      // A part of a name, and a name that nothing is like.
      Wrong{"[timeouts]\nheartbeat = \"1s\"\n",
            "f.toml:2: unknown key timeouts.heartbeat; the nearest known one is "
            "timeouts.heartbeat_timeout"},
      Wrong{"[requests]\nlimit = 1\n",
            "f.toml:2: unknown key requests.limit; known are burst, per_second"},
      Wrong{"[engine]\nnetwork = \"epoll\"\n",
            "f.toml:2: engine.network must be \"auto\", \"io_uring\" or \"sockets\""},
      Wrong{"reconnect = 1\n", "f.toml:1: reconnect must be a table: [reconnect]"},
      Wrong{"[subscription]\n",
            "f.toml:1: subscription must be a list of tables: [[subscription]]"},
      Wrong{"[[subscription]]\nsymbol = [1]\n",
            "f.toml:2: subscription.symbol must be a list of texts, as [\"BTC/USD\"]"},
  };
  for (const Wrong& each : cases) {
    const auto settings = settings_from_toml(each.text, "f.toml");
    ASSERT_FALSE(settings) << each.text;
    EXPECT_EQ(settings.error(), each.error);
  }
  const auto broken = settings_from_toml("a = = 1\n", "f.toml");
  ASSERT_FALSE(broken);
  EXPECT_TRUE(broken.error().starts_with("f.toml:1: not TOML: ")) << broken.error();
  EXPECT_EQ(broken.error().find('\n'), std::string::npos);
}

// toml++ frees table in table by going into it: a key of some ten thousand parts was the end of the
// stack, and a recording's header is a stranger's.
TEST(SettingsToml, AKeyHasAFewParts) {
  const auto parts = [](size_t count) {
    std::string key = "a";
    for (size_t i = 1; i < count; ++i) key += ".a";
    return key;
  };
  const auto error_of = [](const std::string& text) {
    const auto settings = settings_from_toml(text, "f");
    return settings ? std::string() : settings.error();
  };
  const std::string refused = "a key has at most 16 parts";
  for (const size_t count : {size_t{17}, size_t{1'000'000}}) {
    const std::string deep = parts(count);
    EXPECT_EQ(error_of(deep + " = 1"), "f:1: " + refused);
    EXPECT_EQ(error_of("url = \"u\"\n[" + deep + "]"), "f:2: " + refused);
    EXPECT_EQ(error_of("[[" + deep + "]]"), "f:1: " + refused);
    EXPECT_EQ(error_of("x = {b = 1, " + deep + " = 1}"), "f:1: " + refused);
    EXPECT_EQ(error_of("x = \"\"\"a\n\"\"\"\"\ny = '''\n''''\n" + deep + " = 1"),
              "f:5: " + refused);
    EXPECT_EQ(error_of("x = \"\\\"\" # \"\n" + deep + " = 1"), "f:2: " + refused);
  }
  EXPECT_EQ(error_of(parts(16) + " = 1").find(refused), std::string::npos);
  // Dots that part no key.
  const std::string dots(1000, '.');
  EXPECT_EQ(error_of("url = \"" + dots + "\" # " + dots), "");
  EXPECT_EQ(error_of("url = '" + dots + "'"), "");
  EXPECT_EQ(error_of("url = \"\"\"" + dots + "\n" + dots + "\"\"\""), "");
}

TEST(SettingsToml, WhatIsWrongIsOneLineWhateverAKeySays) {
  for (const char* text : {R"("a\nb" = 1)", "[engine]\n\"\\u001b[2J\" = 1"}) {
    const auto settings = settings_from_toml(text, "f");
    ASSERT_FALSE(settings);
    EXPECT_EQ(settings.error().find_first_of("\n\x1b"), std::string::npos) << settings.error();
  }
  for (const char* text : {R"(url = "wss://a\nb")", R"(subscription = [{symbol = "\u001b[2J"}])"}) {
    const auto settings = settings_from_toml(text, "f");
    ASSERT_TRUE(settings) << settings.error();
    const auto valid = validate(*settings);
    ASSERT_FALSE(valid);
    const std::string message = valid.error().message();
    EXPECT_EQ(message.find_first_of("\n\x1b"), std::string::npos) << message;
  }
}

TEST(DurationText, IsExact) {
  EXPECT_EQ(parse_duration("100ms"), 100_ms);
  EXPECT_EQ(parse_duration("1.5s"), 1500_ms);
  EXPECT_EQ(parse_duration("0.000000001s"), 1_ns);
  EXPECT_EQ(parse_duration("250us"), 250_us);
  EXPECT_EQ(parse_duration("2h"), 120_min);
  EXPECT_EQ(parse_duration("-5s"), Duration::seconds(-5));
  for (const char* wrong : {"", "5", "s", "1.5ns", "5 s", "1e3s", "1..5s", ".s", "99999999999h",
                            "5sec", "0.00000000001s"}) {
    EXPECT_FALSE(parse_duration(wrong)) << wrong;
  }
  for (const int64_t ns :
       {0L, 1L, 999L, 1'000L, 100'000'000L, 30'000'000'000L, 90'000'000'000L, -1'500'000'000L}) {
    EXPECT_EQ(parse_duration(to_text(Duration{ns})), Duration{ns}) << to_text(Duration{ns});
  }
}

TEST(NearestName, NeedsTheFewestChanges) {
  constexpr std::array<std::string_view, 3> known = {"initial_delay", "max_delay", "multiplier"};
  EXPECT_EQ(nearest_name("maxdelay", known), "max_delay");
  EXPECT_EQ(nearest_name("multiply", known), "multiplier");
  EXPECT_EQ(nearest_name("x", {}), "");
}

}  // namespace
}  // namespace havklo::replay
