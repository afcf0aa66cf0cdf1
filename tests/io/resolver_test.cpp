// The resolver between files of the test and a name server on 127.0.0.1 that answers, denies or
// stays silent: which source and which name an answer comes from.
#include "io/threads/resolver.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <set>
#include <string>

#include "addresses/address_text.hpp"
#include "support/net/name_server.hpp"
#include "support/temporary_file.hpp"

namespace havklo::io {
namespace {

using namespace havklo::literals;

class ResolverTest : public testing::Test {
 protected:
  using Silent = NameServer::Silent;
  using Texts = std::set<std::string>;

  ResolverTest() { server_.answers("venue.test", {"192.0.2.7"}, {"2001:db8::7"}); }

  ResolverAnswer ask(const std::string& host = "venue.test", Duration timeout = 10_s) {
    const uint64_t token = ++token_;
    resolver_->ask(token, host, 443, timeout);
    ResolverAnswer answer;
    for (int round = 0; round < 1000 && answer.token != token; ++round) {
      server_.step();
      static_cast<void>(resolver_->take(answer));
    }
    EXPECT_EQ(answer.token, token) << "no answer in ten seconds";
    EXPECT_EQ(answer.host, host);
    return answer;
  }
  // In text, whatever their order, which is the machine's.
  Texts find(const std::string& host = "venue.test", Duration timeout = 10_s) {
    Texts texts;
    for (const Endpoint& each : ask(host, timeout).addresses) {
      EXPECT_EQ(each.port, 443);
      texts.insert(addresses::address_text(each));
    }
    return texts;
  }
  [[nodiscard]] Texts asked() const { return {server_.asked.begin(), server_.asked.end()}; }

  NameServer server_;
  TemporaryFile hosts_;
  TemporaryFile resolv_conf_{"search corp.test far.test\n"};
  std::unique_ptr<Resolver> resolver_ =
      Resolver::create([] {}, {.servers = server_.address(),
                               .hosts_file = hosts_.path(),
                               .resolv_conf = resolv_conf_.path()})
          .value();
  uint64_t token_ = 0;
};

TEST_F(ResolverTest, FindsTheAddressesOfAName) {
  EXPECT_EQ(find(), (Texts{"192.0.2.7", "2001:db8::7"}));
  EXPECT_EQ(asked(), Texts{"venue.test"});
}

// Else each first connect would wait for half of its time (lesson 30).
TEST_F(ResolverTest, AFamilyThatIsNeverAnsweredHoldsNobodyUp) {
  server_.silent = Silent::for_ipv6;
  EXPECT_EQ(find("venue.test", 60_s), Texts{"192.0.2.7"});
  server_.silent = Silent::for_ipv4;
  EXPECT_EQ(find("venue.test", 60_s), Texts{"2001:db8::7"});
}

TEST_F(ResolverTest, ASilentServerDoesNotHoldTheLookUpForEver) {  // lesson 30
  server_.silent = Silent::always;
  EXPECT_TRUE(find("venue.test", 200_ms).empty());
  EXPECT_GE(server_.asked.size(), 2u);  // asked again meanwhile
}

TEST_F(ResolverTest, AQuestionThatWaitedTooLongHoldsNobodyUp) {
  server_.silent = Silent::always;
  for (uint64_t stale = 1001; stale <= 1100; ++stale) {
    resolver_->ask(stale, "venue.test", 443, 100_ms);
  }
  // A hundred look-ups one after the other would take the ten seconds and more.
  EXPECT_TRUE(find("venue.test", 200_ms).empty());
}

// One family in the hosts file is the whole answer (curl#7364).
TEST_F(ResolverTest, ANameInTheHostsFileIsNotAskedOfDns) {
  hosts_.write("192.0.2.9 other.test venue.test # pinned\n");
  EXPECT_EQ(find(), Texts{"192.0.2.9"});
  hosts_.write("2001:db8::9 Venue.TEST\n");
  EXPECT_EQ(find(), Texts{"2001:db8::9"});
  EXPECT_EQ(asked(), Texts{});
}

TEST_F(ResolverTest, TheHostsFileIsReadAsItsPageSays) {
  hosts_.write(
      "# 192.0.2.1 venue.test\n"
      "192.0.2.2 venue.test.example xvenue.test\n"
      "venue.test 192.0.2.3\n"
      "192.0.2.4.5 venue.test\n"
      "\t192.0.2.6\tvenue.test.\t\r\n"
      "2001:db8::6 alias venue.test\n"
      "\n"
      "192.0.2.8 venue.test");
  EXPECT_EQ(find(), (Texts{"192.0.2.6", "2001:db8::6", "192.0.2.8"}));
  EXPECT_EQ(find("alias"), Texts{"2001:db8::6"});
  hosts_.write("");  // seen at once
  EXPECT_EQ(find(), (Texts{"192.0.2.7", "2001:db8::7"}));
}

// With only an A record of its own, a wildcard AAAA in a search domain would win (lesson 40).
TEST_F(ResolverTest, ANameWithADotHasNoSuffix) {
  server_.answers("*.corp.test", {"192.0.2.66"}, {"2001:db8::66"});
  server_.answers("old.test", {"192.0.2.7"}, {});
  EXPECT_EQ(find("old.test"), Texts{"192.0.2.7"});
  EXPECT_EQ(find("gone.test"), Texts{});
  EXPECT_EQ(find("a.b"), Texts{});
  EXPECT_EQ(asked(), (Texts{"old.test", "gone.test", "a.b"}));
}

TEST_F(ResolverTest, ANameWithoutADotIsTheFirstThatExists) {
  server_.answers("venue.far.test", {"192.0.2.8"}, {});
  server_.answers("venue", {"192.0.2.9"}, {"2001:db8::9"});
  EXPECT_EQ(find("venue"), Texts{"192.0.2.8"});
  EXPECT_EQ(asked(), (Texts{"venue.corp.test", "venue.far.test"}));
  server_.answers("venue.corp.test", {}, {"2001:db8::1"});
  EXPECT_EQ(find("venue"), Texts{"2001:db8::1"});
}

TEST_F(ResolverTest, SilenceAboutANameIsNoLeaveToAskForTheNext) {
  server_.answers("*.far.test", {"192.0.2.66"}, {});
  server_.silent_for = "venue.corp.test";
  EXPECT_EQ(find("venue", 400_ms), Texts{});
  EXPECT_EQ(asked(), Texts{"venue.corp.test"});
}

TEST_F(ResolverTest, AWildcardDoesNotAnswerForAVenueThatIsGoneForAMoment) {
  server_.answers("venue.corp.test", {"192.0.2.7"}, {});
  server_.answers("*.far.test", {"192.0.2.66"}, {"2001:db8::66"});
  EXPECT_EQ(find("venue"), Texts{"192.0.2.7"});
  server_.forgets("venue.corp.test");
  EXPECT_EQ(find("venue"), Texts{});
  EXPECT_EQ(find("another"), (Texts{"192.0.2.66", "2001:db8::66"}));
}

// What a shell has set, for as long as the test runs.
class Environment {
 public:
  Environment(const char* name, const std::string& value) : name_(name) {
    ::setenv(name, value.c_str(), 1);
  }
  ~Environment() { ::unsetenv(name_); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  const char* name_;
};

TEST_F(ResolverTest, NoEnvironmentVariableLeadsElsewhere) {
  const TemporaryFile aliases("venue elsewhere.test\nvenue.test elsewhere.test\n");
  const TemporaryFile hosts("192.0.2.66 venue.test venue\n");
  const Environment one("HOSTALIASES", aliases.path());
  const Environment two("LOCALDOMAIN", "wild.test");
  const Environment three("RES_OPTIONS", "ndots:9");
  const Environment four("CARES_HOSTS", hosts.path());
  for (const char* name : {"elsewhere.test", "*.wild.test", "elsewhere.test.corp.test"}) {
    server_.answers(name, {"192.0.2.66"}, {"2001:db8::66"});
  }
  server_.answers("venue.corp.test", {"192.0.2.8"}, {});
  server_.answers("old.test", {"192.0.2.7"}, {});
  EXPECT_EQ(find("venue.test"), (Texts{"192.0.2.7", "2001:db8::7"}));
  EXPECT_EQ(find("old.test"), Texts{"192.0.2.7"});
  EXPECT_EQ(find("gone.test"), Texts{});
  EXPECT_EQ(find("venue"), Texts{"192.0.2.8"});
}

TEST_F(ResolverTest, ADomainLineIsASearchLineAndTheLastCounts) {
  server_.answers("venue.near.test", {"192.0.2.1"}, {});
  server_.answers("venue.corp.test", {"192.0.2.2"}, {});
  resolv_conf_.write(
      "search corp.test\n; domain far.test\n domain near.test. # here\noptions ndots:5\n");
  EXPECT_EQ(find("venue"), Texts{"192.0.2.1"});
  resolv_conf_.write("nameserver 127.0.0.1\n");
  EXPECT_EQ(find("venue"), Texts{});
  EXPECT_EQ(server_.asked.back(), "venue");
}

}  // namespace
}  // namespace havklo::io
