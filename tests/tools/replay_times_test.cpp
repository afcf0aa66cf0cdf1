// One instant has one name: what replay, --with, --from, --to, inspect and sim say of it.
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "support/command_line.hpp"
#include "support/recorded_session.hpp"
#include "support/temporary_file.hpp"

namespace havklo {
namespace {

std::vector<std::string> lines_with(const std::string& text, std::string_view word) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (line.find(word) != line.npos) lines.push_back(line);
  }
  return lines;
}

// "+5.562460" of "  +5.562460 s  Disconnected …".
std::string time_of(const std::string& line) {
  const size_t begin = line.find_first_not_of(' ');
  return line.substr(begin, line.find(' ', begin) - begin);
}

// A night with one outage, the first event of which comes long after the first turn.
class ReplayTimes : public testing::Test {
 protected:
  ReplayTimes() {
    VenueWorldSettings settings;
    settings.engine = book_settings({"BTC/USD"});
    settings.network.latency = Duration{4'540'123};
    settings.faults.add({.kind = replay::FaultKind::reset, .at = Duration::seconds(5), .times = 1});
    record_session(night_.path(), settings, Duration::seconds(10));
    const Said all = havklo_says({"replay", night_.path()});
    EXPECT_EQ(all.exit_code, exit_good) << all.err;
    line_ = lines_with(all.out, "Disconnected").at(0);
  }
  [[nodiscard]] Said says(std::vector<std::string> more) const {
    more.insert(more.begin(), {"replay", night_.path()});
    return havklo_says(std::move(more));
  }

  TemporaryFile night_;
  TemporaryFile settings_;
  std::string line_;
};

TEST_F(ReplayTimes, WhatIsPrintedCanBeAskedFor) {
  const std::string at = time_of(line_).substr(1) + "s";
  EXPECT_EQ(lines_with(says({"--from", at}).out, "Disconnected").at(0), line_);
  EXPECT_EQ(lines_with(says({"--to", at}).out, "Disconnected").at(0), line_);
  EXPECT_EQ(lines_with(says({"--from", at, "--to", at}).out, "Disconnected").at(0), line_);
  EXPECT_TRUE(lines_with(says({"--to", "5.004s"}).out, "Disconnected").empty());
}

TEST_F(ReplayTimes, WhatIsPrintedCanBeAskedForAsItIsPrinted) {
  const std::string at = time_of(line_);  // "+5.009080"
  const std::string bare = at.substr(1);
  for (const std::string& time : {at + " s", at + "s", bare + " s", bare + "  s"}) {
    const Said said = says({"--from", time, "--to", time});
    EXPECT_EQ(said.exit_code, exit_good) << time << said.err;
    EXPECT_EQ(lines_with(said.out, "Disconnected"), std::vector{line_}) << time;
  }
  for (const char* wrong : {"+", "+ 5s", "++5s", "+-5s", "5 5s", "5s ", " 5s", "-5 s", "5 "}) {
    EXPECT_EQ(says({std::string("--from=") + wrong}).exit_code, exit_usage) << wrong;
  }
}

TEST_F(ReplayTimes, WhatIfNamesTheSameInstant) {
  const Said what_if = says({"--with", settings_.path()});
  EXPECT_EQ(what_if.exit_code, exit_good) << what_if.err;
  EXPECT_NE(what_if.out.find("The settings are the recorded ones."), what_if.out.npos);
  EXPECT_NE(what_if.out.find("Outage 1 at " + time_of(line_) + " s: peer_reset"), what_if.out.npos)
      << what_if.out;
}

TEST_F(ReplayTimes, InspectCountsFromTheFirstTurn) {
  const std::string opened =
      lines_with(havklo_says({"inspect", night_.path()}).out, "203.0.113.7").at(0);
  EXPECT_EQ(time_of(opened), "+0.009080") << opened;  // latency, there and back
}

TEST_F(ReplayTimes, UtcIsTheWallClock) {
  const std::string line = lines_with(says({"--utc"}).out, "Disconnected").at(0);
  EXPECT_TRUE(line.starts_with("1970-01-01T00:00:05.00")) << line;
  EXPECT_NE(line.find("Z  Disconnected"), line.npos) << line;
  const std::string when = line.substr(0, line.find(' '));
  const std::string json =
      lines_with(says({"--utc", "--format", "jsonl"}).out, "\"Disconnected\"").at(0);
  EXPECT_TRUE(json.ends_with(",\"utc\":\"" + when + "\"}")) << json;
  const Said what_if = says({"--utc", "--with", settings_.path()});
  EXPECT_NE(what_if.out.find("Outage 1 at " + when + ": peer_reset"), what_if.out.npos);
}

TEST_F(ReplayTimes, ARangeThatEndsBeforeItBeginsIsRefused) {
  const Said times = says({"--from", "9s", "--to", "3s"});
  EXPECT_EQ(times.exit_code, exit_usage);
  EXPECT_EQ(times.err, "havklo replay: --from 9s lies behind --to 3s: exchange them\n");
  EXPECT_EQ(says({"--from", "20", "--to", "19"}).exit_code, exit_usage);
  EXPECT_EQ(says({"--from", "20", "--to", "20"}).exit_code, exit_good);
  EXPECT_EQ(says({"--from", ""}).exit_code, exit_usage);
}

TEST_F(ReplayTimes, ARangeBehindTheEndIsToldSo) {
  const Said late = says({"--from", "90s"});
  EXPECT_EQ(late.exit_code, exit_usage);
  EXPECT_TRUE(
      late.err.starts_with("havklo replay: --from 90s: the recording ends before, at +10.0"))
      << late.err;
  EXPECT_EQ(late.out, "");
  const Said last = says({"--from", "99999"});
  EXPECT_EQ(last.exit_code, exit_usage);
  const std::string begin = "havklo replay: --from 99999: the recording's events are 1 to ";
  ASSERT_TRUE(last.err.starts_with(begin)) << last.err;
  const std::string number = last.err.substr(begin.size(), last.err.size() - begin.size() - 1);
  EXPECT_EQ(says({"--from", number}).exit_code, exit_good);
  EXPECT_EQ(says({"--from", std::to_string(std::stoul(number) + 1)}).exit_code, exit_usage);
  EXPECT_EQ(says({"--from", "99999", "--to", "5s"}).exit_code, exit_good);
  EXPECT_EQ(says({"--from", "90s", "--verify"}).exit_code, exit_good);
}

TEST_F(ReplayTimes, WhatIfSaysThatATornRecordingEndsEarly) {
  const std::string whole = night_.content();
  night_.write(std::string_view(whole).substr(0, whole.size() / 2));
  const Said what_if = says({"--with", settings_.path()});
  EXPECT_EQ(what_if.exit_code, exit_good) << what_if.err;
  EXPECT_NE(what_if.out.find("\nThe recording is torn, and counted up to there: "),
            what_if.out.npos)
      << what_if.out;
  EXPECT_EQ(what_if.out.find("\nNothing rests on"), what_if.out.npos) << what_if.out;
}

TEST(SimTimes, CountFromTheVenuesStart) {
  const TemporaryFile scenario(
      "[[fault]]\nkind = \"reset\"\nat = \"5s\"\ntimes = 1\n[run]\nfor = \"10s\"\n");
  const Said said = havklo_says({"sim", "--scenario", scenario.path()});
  EXPECT_EQ(said.exit_code, exit_good) << said.err;
  EXPECT_EQ(time_of(lines_with(said.out, "peer_reset").at(0)), "+5.005000") << said.out;
}

}  // namespace
}  // namespace havklo
