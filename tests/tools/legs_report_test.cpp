// What `havklo inspect` says of a recording of several legs, made of entries that no engine wrote.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "core/connection_id.hpp"
#include "havklo/recording_report.hpp"
#include "replay/text/session_names.hpp"
#include "support/forged_recording.hpp"
#include "support/temporary_file.hpp"

namespace havklo {
namespace {

uint32_t id(uint32_t number, uint32_t session, uint32_t leg, bool several_legs) {
  return static_cast<uint32_t>(core::connection_id(number, session, leg, several_legs));
}

// Two legs connect, and the session beside them; the second leg is lost and comes back.
ForgedRecording night(const std::vector<Settings>& sessions) {
  ForgedRecording forged(ForgedRecording::header_of(sessions));
  forged.opened(id(1, 0, 0, true)).opened(id(1, 0, 1, true));
  if (sessions.size() > 1) forged.opened(id(1, 1, 0, false));
  forged.end_turn().closed(id(1, 0, 1, true)).end_turn();
  forged.opened(id(2, 0, 1, true)).end_turn().end_block();
  return forged;
}

std::vector<Settings> two_sessions() {
  std::vector<Settings> sessions(2, book_settings({"BTC/USD"}));
  sessions[0].legs.resize(2);
  return sessions;
}

size_t count_of(const std::string& text, const std::string& what) {
  size_t count = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

TEST(LegsReport, NamesTheLegOfEachConnection) {
  TemporaryFile file;
  file.write(night(two_sessions()).finish());
  const auto report = report_on(file.path());
  ASSERT_TRUE(report) << report.error();
  const std::string text = to_text(*report, false);
  EXPECT_EQ(count_of(text, "  [0.0]  "), 1U) << text;
  EXPECT_EQ(count_of(text, "  [0.1]  "), 2U) << text;
  EXPECT_EQ(count_of(text, "  [1]  "), 1U) << text;
  EXPECT_NE(text.find("legs          2 of session 0, 1 of session 1\n"), std::string::npos) << text;
  const std::string json = to_json(*report);
  EXPECT_NE(json.find(R"("sessions":2,"legs":3,)"), std::string::npos) << json;
  EXPECT_NE(json.find(R"({"id":256,"session":0,"opened":true)"), std::string::npos) << json;
  EXPECT_NE(json.find(R"({"id":320,"session":0,"leg":1,"opened":true)"), std::string::npos) << json;
  EXPECT_NE(json.find(R"({"id":65,"session":1,"opened":true)"), std::string::npos) << json;
}

TEST(LegsReport, OfOneSessionAndOfOneLeg) {
  TemporaryFile file;
  std::vector<Settings> one(1, two_sessions()[0]);
  file.write(night(one).finish());
  const std::string text = to_text(report_on(file.path()).value(), false);
  EXPECT_EQ(count_of(text, "  [0.1]  "), 2U) << text;
  EXPECT_NE(text.find("legs          2\n"), std::string::npos) << text;

  one[0].legs.resize(1);
  file.write(night(one).finish());
  const auto alone = report_on(file.path()).value();
  EXPECT_EQ(to_text(alone, false).find("leg"), std::string::npos);
  EXPECT_EQ(to_text(alone, false).find(" [0"), std::string::npos);
  EXPECT_EQ(to_json(alone).find("leg"), std::string::npos);
}

// Of a recording that was killed: whatever leg it is of, the last of it may still have been open.
TEST(LegsReport, WhatIsOpenAtATornEndIsOfEachLeg) {
  TemporaryFile file;
  file.write(night(two_sessions()).torn());
  const std::string text = to_text(report_on(file.path()).value(), false);
  EXPECT_EQ(count_of(text, "open where the recording ends"), 3U) << text;
  EXPECT_EQ(count_of(text, "closed by us"), 0U) << text;
}

TEST(SessionNames, SayWhatThereAreSeveralOf) {
  const std::vector<Settings> both = two_sessions();
  const replay::SessionNames names(both);
  EXPECT_EQ(names.of(0, 1), "[0.1]");
  EXPECT_EQ(names.of(1, 0), "[1]");
  EXPECT_EQ(names.of(core::connection_id(9, 0, 1, true)), "[0.1]");
  EXPECT_EQ(names.of(core::connection_id(9, 1, 0, false)), "[1]");
  EXPECT_EQ(names.leg_of(core::connection_id(9, 0, 1, true)), 1U);
  EXPECT_EQ(names.leg_of(core::connection_id(9, 1, 0, false)), 0U);
  EXPECT_EQ(replay::SessionNames(std::span(both).subspan(1)).of(0, 0), "");
  EXPECT_EQ(replay::SessionNames(std::span(both).first(1)).of(0, 0), "[0.0]");
  EXPECT_EQ(replay::SessionNames().of(0, 0), "");
}

}  // namespace
}  // namespace havklo
