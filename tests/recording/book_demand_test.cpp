// What the books of a recording ask for: each once, and once for each copy that an engine keeps.
#include "replay/recording/book_demand.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "replay/recording/reader.hpp"
#include "support/engine_world.hpp"
#include "support/forged_recording.hpp"
#include "support/temporary_file.hpp"

namespace havklo::replay {
namespace {

uint64_t demand_of(const std::vector<Settings>& sessions, const std::vector<Command>& commands) {
  BookDemand demand;
  demand.add(sessions);
  for (const Command& each : commands) demand.add(each);
  return demand.bytes();
}

Command book_command(const char* symbol, uint8_t session) {
  Command command = make_command(Command::Kind::subscribe, symbol);
  command.session = session;
  command.depth = 10;
  return command;
}

TEST(BookDemand, CountsEachWishOnce) {
  const uint64_t one = demand_of({book_settings({"A/B"})}, {});
  EXPECT_GT(one, 0U);
  EXPECT_EQ(demand_of({book_settings({"A/B", "B/C"})}, {}), 2 * one);
  EXPECT_EQ(demand_of({book_settings({"A/B"})}, {book_command("A/B", 0)}), one);
  EXPECT_EQ(demand_of({book_settings({"A/B"})}, {book_command("B/C", 0)}), 2 * one);
  EXPECT_EQ(demand_of({book_settings({"A/B"})}, {book_command("A/B", 63)}), 2 * one);
}

TEST(BookDemand, CountsTheCopyOfEachLegAndWhatWasPublished) {
  Settings settings = book_settings({"A/B"});
  const uint64_t one = demand_of({settings}, {});
  settings.legs.resize(4);
  EXPECT_EQ(demand_of({settings}, {}), 5 * one);
  EXPECT_EQ(demand_of({book_settings({"A/B"}), settings}, {}), 6 * one);
  EXPECT_EQ(demand_of({book_settings({"A/B"}), settings}, {book_command("B/C", 1)}), 11 * one);
}

// A header of a few hundred kilobytes that wishes for gigabytes is refused, as with one leg.
TEST(BookDemand, BoundsWhatAHeaderMayWishFor) {
  Settings settings = book_settings({}, 1000);
  for (uint32_t i = 0; i < 4000; ++i) {
    settings.subscriptions[0].symbols.push_back(std::to_string(i) + "/B");
  }
  const auto refusal_with = [&settings](uint32_t legs) {
    settings.legs.resize(legs);
    settings.ring_slots = ring_slots_min(settings);
    TemporaryFile file;
    file.write(ForgedRecording(settings).finish());
    auto reader = Reader::open(file.path());
    return reader ? "" : reader.error();
  };
  EXPECT_EQ(refusal_with(1), "");
  EXPECT_NE(refusal_with(4).find("MiB"), std::string::npos) << refusal_with(4);
}

}  // namespace
}  // namespace havklo::replay
