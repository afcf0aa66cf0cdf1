// `havklo inspect`: what it says of whole and of torn recordings, and where it finds an event.
#include "havklo/recording_report.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "replay/playback/outline.hpp"
#include "replay/playback/traffic.hpp"
#include "replay/text/size.hpp"
#include "support/stormy_recording.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;
using replay::Outline;

TEST(RecordingReport, CountsWhatTheEngineGot) {
  const TemporaryFile file;
  RecordedSession session(file.path());
  session.run(20_s);
  session.finish();
  const auto report = report_on(file.path());
  ASSERT_TRUE(report) << report.error();
  EXPECT_EQ(report->torn, "");
  EXPECT_EQ(report->turns, session.recorder().turns());
  EXPECT_EQ(report->events, session.events().size());
  EXPECT_EQ(report->last_sequence, session.events().back().sequence);
  EXPECT_EQ(report->commands, 1u);
  uint64_t books = 0;  // messages that became events; an update of an unverified book does not
  for (const Event& event : session.events()) {
    const bool book =
        event.kind == EventKind::book_snapshot || event.kind == EventKind::book_update;
    books += book && event.last_in_message() ? 1 : 0;
  }
  EXPECT_GE(report->traffic.kinds().at("book").messages, books);
  EXPECT_EQ(report->traffic.kinds().at("heartbeat").messages, session.count(EventKind::heartbeat));
  uint64_t bytes = 0;
  for (const auto& [name, kind] : report->traffic.kinds()) bytes += kind.bytes;
  EXPECT_LT(bytes, report->received_bytes);  // frame heads are in no message
  EXPECT_GT(bytes, report->received_bytes * 9 / 10);
}

TEST(RecordingReport, ShowsTheLifeOfEachConnection) {
  const TemporaryFile file;
  RecordedSession session(file.path());
  session.run(20_s);  // resets at 5, 12 and 19 s
  session.finish();
  const auto report = report_on(file.path()).value();
  const auto& connections = report.traffic.connections();
  ASSERT_EQ(connections.size(), session.count(EventKind::connected));
  EXPECT_TRUE(connections[0].was_closed);
  EXPECT_EQ(connections[0].reason, Reason::peer_reset);
  EXPECT_EQ(connections[0].http_status, "101");
  EXPECT_EQ(connections.back().reason, Reason::end_of_stream);  // the venue hung up after Closed
  const std::string text = to_text(report, false);
  EXPECT_NE(text.find("peer_reset"), std::string::npos) << text;
  EXPECT_NE(text.find("end_of_stream"), std::string::npos) << text;
  EXPECT_NE(text.find("complete: closed in order, every checksum good"), std::string::npos) << text;
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_NE(to_text(report, true).find("\x1b[1;32mcomplete"), std::string::npos);
}

// The kept recording of format 5 has two of them.
TEST(RecordingReport, NamesTheFaultOfARefusedCertificate) {
  const auto report =
      report_on(std::string(HAVKLO_SOURCE_DIR) + "/tests/recordings/format-5.hvk").value();
  const std::string text = to_text(report, false);
  EXPECT_NE(text.find("not opened: certificate_refused: expired"), std::string::npos) << text;
  EXPECT_NE(text.find("not opened: certificate_refused: wrong_name"), std::string::npos) << text;
  const std::string json = to_json(report);
  EXPECT_NE(json.find(R"("reason":"certificate_refused","certificate":"expired","os_error":0)"),
            std::string::npos)
      << json;
  EXPECT_EQ(json.find(R"("certificate":"none")"), std::string::npos) << json;
}

TEST(RecordingReport, IsOneLineOfJson) {
  const TemporaryFile file;
  RecordedSession session(file.path());
  session.run(8_s);
  session.finish();
  const std::string json = to_json(report_on(file.path()).value());
  EXPECT_EQ(std::ranges::count(json, '\n'), 1);
  EXPECT_EQ(std::ranges::count(json, '{'), std::ranges::count(json, '}'));
  EXPECT_EQ(std::ranges::count(json, '['), std::ranges::count(json, ']'));
  EXPECT_NE(json.find(R"("complete":true,"lost":"")"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("reason":"peer_reset")"), std::string::npos) << json;
}

// Somebody unpacks a recording into it: it can be read once, from the front.
TEST(RecordingReport, APipeIsReadAsAFileIs) {
  const TemporaryFile file;
  RecordedSession session(file.path());
  session.run(8_s);
  session.finish();
  std::string bytes = file.content();
  const auto report_of_piped = [](const std::string& piped, uint64_t& found) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    EXPECT_GE(::fcntl(ends[1], F_SETPIPE_SZ, 1 << 20), static_cast<int>(piped.size()));
    EXPECT_EQ(::write(ends[1], piped.data(), piped.size()), static_cast<ssize_t>(piped.size()));
    ::close(ends[1]);
    const std::string path = "/proc/self/fd/" + std::to_string(ends[0]);
    const auto report = report_on(path);
    found = report ? report->turns : 0;
    const std::string text = report ? to_text(*report, false) : report.error();
    EXPECT_NE(to_json(*report).find("\"path\":\"" + path + "\",\"bytes\":"), std::string::npos);
    ::close(ends[0]);
    return text;
  };
  uint64_t turns = 0;
  EXPECT_NE(report_of_piped(bytes, turns).find("complete"), std::string::npos);
  EXPECT_EQ(turns, session.recorder().turns());
  const auto blocks = Outline::read(file.path()).value().files()[0].blocks;
  bytes[blocks[4].offset + replay::BlockHeader::bytes + 3] ^= 1;
  const std::string lost = std::to_string(session.recorder().turns() - blocks[3].turns);
  EXPECT_NE(report_of_piped(bytes, turns).find("; " + lost + " turns behind it are lost"),
            std::string::npos);
  EXPECT_EQ(turns, blocks[3].turns);
}

TEST(RecordingReport, SaysWhatADamagedBlockTakesWithIt) {
  const TemporaryFile file;
  RecordedSession session(file.path());
  session.run(20_s);
  session.finish();
  std::string bytes = file.content();
  const auto whole = Outline::read(file.path()).value();
  const auto& blocks = whole.files()[0].blocks;
  ASSERT_GT(blocks.size(), 10u);
  bytes[blocks[4].offset + replay::BlockHeader::bytes + 3] ^= 1;
  std::ofstream(file.path(), std::ios::binary) << bytes;
  const auto report = report_on(file.path()).value();
  EXPECT_EQ(report.turns, blocks[3].turns);
  const std::string lost = std::to_string(session.recorder().turns() - blocks[3].turns);
  EXPECT_NE(report.torn.find("block 5 is cut short or damaged"), std::string::npos) << report.torn;
  EXPECT_NE(report.torn.find(lost + " turns behind it are lost"), std::string::npos) << report.torn;
}

// The files behind the damaged one cannot be replayed either.
TEST(RecordingReport, CountsWhatIsLostWithLaterFiles) {
  FinishedSession session({.max_age = 8_s}, 20_s);
  const auto whole = Outline::read(session.path()).value();
  ASSERT_EQ(whole.files().size(), 3u);
  const auto& blocks = whole.files()[0].blocks;
  ASSERT_GT(blocks.size(), 8u);
  std::fstream file(session.path(), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(blocks[4].offset + replay::BlockHeader::bytes + 3));
  file.put('\xFF');
  file.close();
  const auto report = report_on(session.path()).value();
  EXPECT_EQ(report.turns, blocks[3].turns);
  const std::string lost = std::to_string(session->recorder().turns() - blocks[3].turns);
  EXPECT_NE(report.torn.find("; " + lost + " turns behind it are lost with it, up to the end of '" +
                             session.file(2) + "'"),
            std::string::npos)
      << report.torn;
}

TEST(RecordingReport, CountsWhatAMissingFileTakesWithIt) {
  FinishedSession session({.max_age = 8_s}, 20_s);
  const uint64_t before = Outline::read(session.path()).value().files()[0].end.turns;
  const std::string lost = std::to_string(session->recorder().turns() - before);
  const std::string second = session.file(1);
  // Emptied, of another session, missing: each is as bad.
  for (const int way : {0, 1, 2}) {
    if (way == 0) std::filesystem::resize_file(second, 0);
    if (way == 1) session.swap_file(1);
    if (way == 2) std::filesystem::remove(second);
    const auto report = report_on(session.path()).value();
    EXPECT_EQ(report.turns, before);
    EXPECT_NE(report.torn.find("; " + lost + " turns behind it are lost with it"),
              std::string::npos)
        << report.torn;
  }
}

// By the index, and without it.
TEST(Outline, FindsTheBlockOfAnEvent) {
  FinishedSession session({.max_age = 8_s}, 20_s);
  for (const bool torn : {false, true}) {
    if (torn) {
      const std::string last = session.file(2);
      std::filesystem::resize_file(last, std::filesystem::file_size(last) - 1);
    }
    const auto outline = Outline::read(session.path()).value();
    ASSERT_EQ(outline.files().size(), 3u);
    EXPECT_EQ(outline.files().back().has_index, !torn);
    EXPECT_EQ(outline.end().turns, session->recorder().turns());
    for (const Event& event : session->events()) {
      const auto place = outline.find_event(event.sequence);
      ASSERT_TRUE(place) << event.sequence;
      ASSERT_LE(place->first_turn, place->last_turn);
      const auto in_time = outline.find_time(event.time);
      ASSERT_TRUE(in_time);
      EXPECT_LE(in_time->first_turn, place->last_turn);
    }
    EXPECT_FALSE(outline.find_event(session->events().back().sequence + 1));
    EXPECT_FALSE(outline.find_time(session->events().back().time + 1_s));
  }
}

TEST(Outline, APlaceHoldsTheTurnOfItsEvent) {
  const TemporaryFile file;
  RecordedSession session(file.path());
  session.run(20_s);
  session.finish();
  const auto outline = Outline::read(file.path()).value();
  auto reader = replay::Reader::open(file.path()).value();
  replay::RecordedTurn turn;
  uint64_t events = 0;
  while (reader.next(turn) == replay::Reader::Status::turn) {
    for (uint32_t i = 0; i < turn.event_count; ++i) {
      const auto place = outline.find_event(session.events()[events++].sequence);
      ASSERT_TRUE(place);
      EXPECT_LE(place->first_turn, turn.number);
      EXPECT_GE(place->last_turn, turn.number);
    }
  }
}

TEST(Traffic, NamesOnlyWhatTheEngineKnows) {
  EXPECT_EQ(replay::kind_of_text(R"({"channel":"book","type":"update"})"), "book");
  EXPECT_EQ(replay::kind_of_text(R"({"method":"subscribe","result":{"channel":"book"}})"),
            "subscribe");
  EXPECT_EQ(replay::kind_of_text("{\"channel\":\"\x1b[2J\"}"), "other text");
  EXPECT_EQ(replay::kind_of_text(""), "other text");
}

TEST(SizeText, ReadsWhatPeopleWrite) {
  EXPECT_EQ(replay::parse_size("256MB"), 256'000'000u);
  EXPECT_EQ(replay::parse_size("64KiB"), 65'536u);
  EXPECT_EQ(replay::parse_size("7B"), 7u);
  for (const char* bad : {"", "MB", "7", "-1MB", "1.5MB", "1 MB", "99999999999GB"}) {
    EXPECT_FALSE(replay::parse_size(bad)) << bad;
  }
  for (const uint64_t bytes : {0u, 7u, 64'000u, 65'536u, 256'000'000u}) {
    EXPECT_EQ(replay::parse_size(replay::size_to_text(bytes)), bytes);
  }
  EXPECT_EQ(replay::readable_size(5'230'000), "5.23 MB");
}

}  // namespace
}  // namespace havklo
