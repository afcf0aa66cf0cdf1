// A connect budget that others use too: what they left of it is in the recording, so that a replay
// waits as the session waited; while they leave everything, the bytes are as without them.
#include <gtest/gtest.h>

#include <cstring>
#include <havklo/random.hpp>
#include <havklo/shared_connect_budget.hpp>

#include "replay/playback/difference.hpp"
#include "replay/playback/player.hpp"
#include "replay/recording/reader.hpp"
#include "support/forged_recording.hpp"
#include "support/recorded_session.hpp"
#include "support/stormy_recording.hpp"

namespace havklo::budget_answers {
namespace {

using namespace havklo::literals;
using replay::EntryTag;

constexpr Duration window = Duration::seconds(10);

// Others who come and go: any answer that the contract allows.
class Others final : public SharedConnectBudget {
 public:
  Others(uint64_t seed, uint64_t busy_percent) : random_(seed), busy_percent_(busy_percent) {}
  [[nodiscard]] Instant free_from(Instant earliest, uint32_t, Instant now) override {
    const bool busy = random_.below(100) < busy_percent_;
    return busy ? std::max(earliest, now + Duration{some()}) : earliest;
  }
  [[nodiscard]] Instant begin(uint32_t, Instant now) override { return free_from(now, 0, now); }

 private:
  int64_t some() { return static_cast<int64_t>(random_.below(static_cast<uint64_t>(window.ns))); }
  Random random_;
  uint64_t busy_percent_;
};

// A night of many attempts.
VenueWorldSettings night(SharedConnectBudget* budget) {
  VenueWorldSettings settings;
  settings.engine = book_settings({"BTC/USD"});
  settings.engine.reconnect.connect_budget = 8;
  settings.engine.reconnect.connect_budget_window = window;
  settings.engine.circuit_breaker.enabled = false;
  settings.faults.add({.kind = replay::FaultKind::reset, .at = 3_s, .every = 6_s})
      .add({.kind = replay::FaultKind::refuse, .at = 9_s, .lasting = 4_s});
  settings.budget = budget;
  return settings;
}

std::vector<replay::RecordedBudgetAnswer> answers_of(const std::string& path) {
  auto reader = replay::Reader::open(path).value();
  replay::RecordedTurn turn;
  std::vector<replay::RecordedBudgetAnswer> all;
  while (reader.next(turn) == replay::Reader::Status::turn) {
    all.insert(all.end(), turn.budget_answers.begin(), turn.budget_answers.end());
  }
  return all;
}

TEST(RecordedBudgetAnswers, AReplayWaitsAsTheSessionDid) {
  int64_t lengthened = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Others others(seed, 50);
    const TemporaryFile file;
    const std::vector<Event> recorded = record_session(file.path(), night(&others), 60_s);
    ASSERT_GT(answers_of(file.path()).size(), 3U);
    std::vector<Event> replayed;
    EXPECT_TRUE(play(file.path(), &replayed).identical());
    ASSERT_EQ(replayed.size(), recorded.size());
    EXPECT_EQ(
        std::memcmp(static_cast<const void*>(replayed.data()),
                    static_cast<const void*>(recorded.data()), recorded.size() * sizeof(Event)),
        0);
    const auto waits_for_others = [](const Event& event) {
      return event.kind == EventKind::reconnecting &&
             event.payload.reconnecting.waits_for == WaitsFor::budget;
    };
    EXPECT_GT(std::ranges::count_if(recorded, waits_for_others), 0);
    lengthened += std::ranges::count_if(recorded, [&, last = Event{}](const Event& event) mutable {
      const bool again = waits_for_others(event) && last.kind == EventKind::reconnecting;
      if (!is_market(event.kind)) last = event;
      return again;
    });
  }
  EXPECT_GT(lengthened, 0) << "a wait that is told again is replayed too";
}

TEST(RecordedBudgetAnswers, OneThatIsANanosecondOffIsFound) {
  Others others(1, 50);
  const TemporaryFile file;
  record_session(file.path(), night(&others), 60_s);
  int changed = 0;
  const auto answers = answers_of(file.path());
  const std::string other = with_blocks_changed(file.content(), [&](replay::BlockHeader& header,
                                                                    std::span<char> payload) {
    if (header.kind != replay::BlockKind::turns) return;
    for (const auto& [ask, wait] : answers) {
      std::array<std::byte, 24> entry{std::byte{14}, std::byte(static_cast<uint8_t>(ask))};
      const size_t bytes = 2 + replay::put_varint(entry.data() + 2, static_cast<uint64_t>(wait.ns));
      const std::string_view text(reinterpret_cast<const char*>(entry.data()), bytes);
      const auto found = std::ranges::search(payload, text);
      if (found.empty()) continue;
      found.begin()[2] = static_cast<char>(found.begin()[2] ^ 1);
      ++changed;
    }
  });
  EXPECT_EQ(changed, static_cast<int>(answers.size()));
  const TemporaryFile forged(other);
  EXPECT_FALSE(play(forged.path()).identical());
}

TEST(RecordedBudgetAnswers, WhoIsAloneIsRecordedToTheSameBytes) {
  Others nobody(1, 0);
  const TemporaryFile with;
  const TemporaryFile without;
  record_session(with.path(), night(&nobody), 60_s);
  record_session(without.path(), night(nullptr), 60_s);
  EXPECT_EQ(with.content(), without.content());
}

TEST(RecordedBudgetAnswers, ADifferenceShowsThem) {
  ForgedRecording recording;
  recording.tag(EntryTag::budget_answer).number(0).number(5'000'000'000);
  const TemporaryFile file(recording.end_turn(1000, 65'536, 1).finish());  // one event: it has none
  replay::Player player(replay::Reader::open(file.path()).value());
  const replay::PlayResult result = player.run();
  ASSERT_TRUE(result.difference);
  const std::string text = replay::difference_text(*result.difference, player.names(), {});
  EXPECT_NE(text.find("connect budget: others leave no place for 5s"), std::string::npos) << text;
}

// What open() says, or the first thing that is no turn; "" of one that is whole.
std::string fault_of(const std::string& bytes) {
  const TemporaryFile file(bytes);
  auto reader = replay::Reader::open(file.path()).value();
  replay::RecordedTurn turn;
  auto status = replay::Reader::Status::turn;
  while ((status = reader.next(turn)) == replay::Reader::Status::turn) continue;
  return status == replay::Reader::Status::torn ? reader.lost() : "";
}

std::string forged(uint64_t first_ask, uint64_t first_wait, uint64_t second_ask = 70'000) {
  ForgedRecording recording;
  recording.tag(EntryTag::budget_answer).number(first_ask).number(first_wait);
  if (second_ask != 70'000) {
    recording.tag(EntryTag::budget_answer).number(second_ask).number(1);
  }
  return recording.end_turn().finish();
}

TEST(RecordedBudgetAnswers, WhatNoRecorderWritesIsRefused) {
  const uint64_t week_ns = 7 * 86'400 * uint64_t{1'000'000'000};
  EXPECT_EQ(fault_of(forged(0, week_ns)), "");
  EXPECT_EQ(fault_of(forged(0, 1, 1)), "");
  EXPECT_NE(fault_of(forged(0, week_ns + 1)), "") << "no window is longer";
  EXPECT_NE(fault_of(forged(replay::budget_asks_max, 1)), "") << "nobody asks so often in a turn";
  EXPECT_NE(fault_of(forged(3, 1, 3)), "") << "the same question twice";
}

// More answers than the engine has questions, in a turn of a good recording's kind; one without
// room, or the wait would be told.
TEST(RecordedBudgetAnswers, ThoseThatNobodyAskedForAreLeftLying) {
  ForgedRecording recording;
  for (uint64_t ask = 0; ask < 1000; ++ask) {
    recording.tag(EntryTag::budget_answer).number(ask).number(5'000'000'000);
  }
  const TemporaryFile file(recording.end_turn(1000, 0).end_turn().finish());
  EXPECT_TRUE(play(file.path()).identical());
}

}  // namespace
}  // namespace havklo::budget_answers
