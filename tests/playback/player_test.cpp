// Replaying: a difference is shown where it is, from C++ and from the command line; what is wrong
// with a file is one line.
#include "replay/playback/player.hpp"

#include <gtest/gtest.h>

#include <havklo/order_book.hpp>
#include <havklo/replay.hpp>

#include "replay/playback/difference.hpp"
#include "support/command_line.hpp"
#include "support/recorded_session.hpp"
#include "support/temporary_file.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;
using replay::FaultKind;

VenueWorldSettings outage() {
  VenueWorldSettings settings;
  settings.engine = book_settings({"BTC/USD", "ETH/USD"});
  settings.faults.add({.kind = FaultKind::reset, .at = 3_s, .times = 1})
      .add({.kind = FaultKind::refuse, .at = 3_s, .lasting = 1_s});
  return settings;
}

// One recorded session for all of them.
class Replaying : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const TemporaryFile file;
    recorded_ = new std::vector<Event>(record_session(file.path(), outage(), 8_s));
    bytes_ = new std::string(file.content());
  }
  static void TearDownTestSuite() {
    delete recorded_;
    delete bytes_;
  }
  static const std::vector<Event>& recorded() { return *recorded_; }
  static const std::string& bytes() { return *bytes_; }

  const TemporaryFile file_{bytes()};

 private:
  static inline std::vector<Event>* recorded_ = nullptr;
  static inline std::string* bytes_ = nullptr;
};

std::string difference_in(const std::string& path) {
  replay::Player player(replay::Reader::open(path).value());
  const replay::PlayResult result = player.run();
  return result.difference ? replay::difference_text(*result.difference, player.names(), {}) : "";
}

bool is_same(const Event& a, const Event& b) {
  return std::memcmp(static_cast<const void*>(&a), static_cast<const void*>(&b), sizeof a) == 0;
}

TEST_F(Replaying, ALifecycleDifferenceShowsExpectedAndActualSideBySide) {
  VenueWorldSettings other = outage();
  other.engine.reconnect.initial_delay = 150_ms;
  write_file(file_.path(), with_settings(bytes(), other.engine, other.seed));
  const std::string text = difference_in(file_.path());
  EXPECT_NE(text.find("input  connection"), std::string::npos) << text;
  EXPECT_NE(text.find("closed: peer_reset"), std::string::npos) << text;
  const size_t recorded = text.find("* Reconnecting attempt 1 in 100 ms (backoff)  ");
  const size_t replayed = text.find("  Reconnecting attempt 1 in 150 ms (backoff)\n");
  ASSERT_NE(recorded, std::string::npos) << text;
  ASSERT_NE(replayed, std::string::npos) << text;
  EXPECT_EQ(text.substr(recorded, replayed - recorded).find('\n'), std::string::npos) << text;
  EXPECT_NE(text.find("  Disconnected peer_reset"), std::string::npos) << text;
}

TEST_F(Replaying, AMarketDifferenceNamesTheTurnAndShowsTheMessage) {
  bool changed = false;
  write_file(file_.path(),
             with_blocks_changed(bytes(), [&](const replay::BlockHeader&, std::span<char> block) {
               const std::string_view text(block.data(), block.size());
               const size_t at = text.find(R"("channel":"book","type":"update")");
               const size_t year = at == text.npos ? at : text.find(R"("timestamp":"20)", at);
               if (changed || year == text.npos) return;
               changed = true;
               block[year + 16] = '9';  // the year: not part of the checksum
             }));
  ASSERT_TRUE(changed);
  const std::string text = difference_in(file_.path());
  EXPECT_NE(text.find("A market event differs"), std::string::npos) << text;
  EXPECT_NE(text.find("(a market event)"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("type":"update")"), std::string::npos) << text;
}

TEST_F(Replaying, ABlockWhoseWholeDigestDiffersIsFound) {
  write_file(file_.path(),
             with_blocks_changed(bytes(), [](replay::BlockHeader& header, std::span<char>) {
               // The half that no turn keeps.
               if (header.number == 4) header.progress.digest ^= uint64_t{1} << 40U;
             }));
  EXPECT_NE(difference_in(file_.path()).find("the block's digest is"), std::string::npos);
  EXPECT_EQ(Replay::open(file_.path())->end(), ReplayEnd::not_yet);
}

TEST_F(Replaying, AStrategyGetsTheRecordedEventsToTheByte) {
  auto replay = Replay::open(file_.path());
  ASSERT_TRUE(replay) << replay.error();
  OrderBook book(replay->names(), "BTC/USD", 10);
  size_t at = 0;
  bool answered = false;
  for (Event event; replay->poll(event); ++at) {
    ASSERT_LT(at, recorded().size());
    ASSERT_TRUE(is_same(event, recorded()[at])) << at;
    book.apply(event);
    answered = answered || book.best_bid();
    if (event.kind == EventKind::disconnected) {
      EXPECT_FALSE(book.best_bid());
    }
  }
  EXPECT_EQ(at, recorded().size());
  EXPECT_TRUE(answered);
  EXPECT_EQ(replay->end(), ReplayEnd::whole);
  EXPECT_EQ(replay->message(), "");
  EXPECT_EQ(replay->settings().subscriptions[0].symbols[0], "BTC/USD");
  Event event;
  EXPECT_FALSE(replay->poll(event));
}

TEST_F(Replaying, TheSinkAndTheRingGetTheSameEvents) {
  std::vector<Event> by_sink;
  auto sink = Replay::open(file_.path()).value();
  while (sink.run_once([&](const Event& event) { by_sink.push_back(event); }) != 0) continue;
  std::vector<Event> by_ring;
  auto source = Replay::open(file_.path()).value();
  EventRing ring(16);
  bool more = true;
  while (more) {
    more = source.fill(ring);
    for (Event event; ring.try_pop(event);) by_ring.push_back(event);
  }
  ASSERT_EQ(by_sink.size(), recorded().size());
  ASSERT_EQ(by_ring.size(), recorded().size());
  for (size_t i = 0; i < recorded().size(); ++i) {
    EXPECT_TRUE(is_same(by_sink[i], recorded()[i]));
    EXPECT_TRUE(is_same(by_ring[i], recorded()[i]));
  }
}

TEST_F(Replaying, ADifferenceOrATornFileEndsTheEventsAndSaysSo) {
  VenueWorldSettings other = outage();
  other.engine.reconnect.initial_delay = 150_ms;
  write_file(file_.path(), with_settings(bytes(), other.engine, other.seed));
  auto differing = Replay::open(file_.path()).value();
  bool waited = false;
  for (Event event; differing.poll(event);)
    waited = waited || event.kind == EventKind::reconnecting;
  EXPECT_EQ(differing.end(), ReplayEnd::differs);
  EXPECT_FALSE(waited);
  EXPECT_NE(differing.message().find("150 ms"), std::string::npos);

  write_file(file_.path(), bytes().substr(0, bytes().size() - 100));
  auto torn = Replay::open(file_.path()).value();
  for (Event event; torn.poll(event);) continue;
  EXPECT_EQ(torn.end(), ReplayEnd::torn);
  EXPECT_NE(torn.message().find("whole turns"), std::string::npos);
}

// The command line.

Said havklo_replay(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "replay");
  return havklo_says(std::move(arguments));
}

size_t lines_in(const std::string& text) {
  return static_cast<size_t>(std::ranges::count(text, '\n'));
}

TEST_F(Replaying, VerifySaysIdentical) {
  const Said output = havklo_replay({file_.path(), "--verify"});
  EXPECT_EQ(output.exit_code, 0);
  EXPECT_NE(output.out.find(std::to_string(recorded().size()) + " events: identical"),
            std::string::npos);
  EXPECT_EQ(output.err, "");
}

TEST_F(Replaying, VerifyOfADifferenceExitsWithOne) {
  VenueWorldSettings other = outage();
  other.engine.reconnect.initial_delay = 150_ms;
  write_file(file_.path(), with_settings(bytes(), other.engine, other.seed));
  const Said output = havklo_replay({file_.path(), "--verify"});
  EXPECT_EQ(output.exit_code, 1);
  EXPECT_EQ(output.out, "");
  EXPECT_NE(output.err.find("differs from the recording"), std::string::npos);
}

TEST_F(Replaying, VerifyOfATornFileExitsWithOneAndSaysInOneLineWhatIsLost) {
  write_file(file_.path(), bytes().substr(0, bytes().size() / 2));
  const Said output = havklo_replay({file_.path(), "--verify"});
  EXPECT_EQ(output.exit_code, 1);
  EXPECT_NE(output.out.find("identical so far, but the recording is not whole"), std::string::npos);
  EXPECT_NE(output.err.find("the recording is torn"), std::string::npos);
  EXPECT_EQ(lines_in(output.err), 1u);
}

TEST_F(Replaying, WhatIsWrongIsOneLineAndExitsWithTwo) {
  const TemporaryFile nonsense("this is no recording, it is a line of text and a little more");
  write_file(file_.path(), with_blocks_changed(bytes(), [](const replay::BlockHeader& header,
                                                           std::span<char> text) {
               if (header.kind == replay::BlockKind::header) text[7] = '9';  // "format 1"
             }));
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"/no/such/file"}, "cannot read '/no/such/file'"},
      {{nonsense.path()}, "is not a recording"},
      {{file_.path()}, "has format 9"},
      {{nonsense.path(), "--from", "soon"}, "--from soon"},
      {{nonsense.path(), "--speed", "fast"}, "--speed fast"},
  };
  for (const auto& [arguments, words] : cases) {
    const Said output = havklo_replay(arguments);
    EXPECT_EQ(output.exit_code, 2) << words;
    EXPECT_NE(output.err.find(words), std::string::npos) << output.err;
    EXPECT_EQ(lines_in(output.err), 1u) << output.err;
    EXPECT_EQ(output.out, "") << words;
  }
}

TEST_F(Replaying, FromAndToByNumberAndByTime) {
  const Said by_number =
      havklo_replay({file_.path(), "--from", "5", "--to", "9", "--format", "jsonl"});
  EXPECT_EQ(by_number.exit_code, 0);
  EXPECT_EQ(lines_in(by_number.out), 5u) << by_number.out;
  EXPECT_TRUE(by_number.out.starts_with(R"({"seq":5,)")) << by_number.out;

  size_t expected = 0;
  for (const Event& event : recorded()) {
    const Duration since = event.time - Instant{};  // the world begins at 0
    expected += since >= 3_s && since <= 4_s ? 1 : 0;
  }
  const Said by_time =
      havklo_replay({file_.path(), "--from", "3s", "--to", "4000ms", "--format", "jsonl"});
  ASSERT_GT(expected, 3u);
  EXPECT_EQ(lines_in(by_time.out), expected);
}

TEST_F(Replaying, BreakAtWithoutADebuggerSaysHowToRunIt) {
  const Said output = havklo_replay({file_.path(), "--break-at", "7"});
  if (output.exit_code != 2) GTEST_SKIP() << "this test runs under a debugger";
  EXPECT_NE(output.err.find("gdb --args havklo replay " + file_.path() + " --break-at 7"),
            std::string::npos);
  EXPECT_EQ(lines_in(output.err), 1u);
}

}  // namespace
}  // namespace havklo
