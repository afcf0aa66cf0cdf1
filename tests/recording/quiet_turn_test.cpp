// Method: what an engine decides in turns into which nothing enters is recorded too, so that the
// replay decides it in the same turn; and what those leave untold, no later turn depends on.
#include <gtest/gtest.h>

#include <algorithm>
#include <havklo/limits.hpp>
#include <havklo/recording.hpp>
#include <memory>

#include "replay/playback/player.hpp"
#include "replay/recording/reader.hpp"
#include "support/engine_world.hpp"
#include "support/sync_block_writer.hpp"
#include "support/temporary_file.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

constexpr std::string_view heartbeat = R"({"channel":"heartbeat"})";

class RecordedWorld {
 public:
  explicit RecordedWorld(const Settings& settings)
      : recorder_(Recorder::create(file_.path(), settings, 0x5eed, {}, writer_).value()),
        world(settings, recorder_.get()) {}

  // The recording replays to what the engine published.
  void expect_identical() {
    recorder_->finish();
    replay::Player player(replay::Reader::open(file_.path()).value());
    uint64_t last = 0;
    const auto result =
        player.run([&last](const Event& event, const Names&) { last = event.sequence; });
    EXPECT_TRUE(result.identical()) << "turn " << result.difference->turn;
    EXPECT_EQ(last, world.events.back().sequence);
  }

 private:
  TemporaryFile file_;
  SyncBlockWriter writer_;
  std::unique_ptr<Recorder> recorder_;

 public:
  EngineWorld world;
};

// The end of a wish gives slots back in one turn; the attempt that waited for them begins in the
// next.
TEST(QuietTurn, ThatBeginsAnAttemptIsRecorded) {
  Settings settings = book_settings({"A/USD", "B/USD"});
  settings.ring_slots = 256;
  RecordedWorld recorded(settings);
  EngineWorld& world = recorded.world;
  world.go_live();
  world.consumer_sleeps = true;
  for (int i = 0; i < 256; ++i) world.say(heartbeat);
  world.fail(Reason::peer_reset);
  world.pass(200_ms);
  for (int i = 0; i < 8; ++i) {
    world.command(make_command(Command::Kind::subscribe, "C/USD"));
    world.command(make_command(Command::Kind::unsubscribe, "C/USD"));
  }
  world.command(make_command(Command::Kind::unsubscribe, "A/USD"));
  ASSERT_EQ(world.net.opens.size(), 1u) << "it waits for room";
  TurnResult quiet;
  for (int read = 0; read < 256 && world.net.opens.size() == 1; ++read) {
    world.read(1);
    world.turn();
    quiet = world.turn();
  }
  ASSERT_EQ(world.net.opens.size(), 2u);
  ASSERT_EQ(quiet.inputs + quiet.events, 0u);
  world.consumer_sleeps = false;
  world.come_back();
  recorded.expect_identical();
}

// A request may leave between the instant at which the pace allows it and the tick of its timer;
// its answer is waited for from then on.
TEST(QuietTurn, ThatSendsARequestIsRecorded) {
  Settings settings = book_settings({"A/USD"});
  settings.subscriptions.push_back({.channel = Channel::trade, .symbols = {"A/USD"}});
  settings.requests = {.per_second = 3, .burst = 1};
  settings.timeouts.restore_timeout = 1001_ms;  // no whole number of ticks
  settings.timeouts.heartbeat_timeout = 60_s;
  RecordedWorld recorded(settings);
  EngineWorld& world = recorded.world;
  world.turn();
  world.open();
  world.greet();
  world.ack("subscribe", "A/USD");
  world.snapshot("A/USD");
  ASSERT_EQ(world.take_requests().size(), 1u);
  world.clock.set(world.clock.now() + Duration::nanoseconds(1'000'000'000 / 3));
  const TurnResult quiet = world.turn();
  ASSERT_EQ(world.take_requests().size(), 1u);
  ASSERT_EQ(quiet.inputs + quiet.events, 0u);
  world.pass(10_s);
  ASSERT_TRUE(std::ranges::any_of(
      world.events, [](const Event& event) { return event.kind == EventKind::rejected; }));
  recorded.expect_identical();
}

// So many full turns fire no timer; a quiet one among them, which is not recorded, is not counted.
TEST(QuietTurn, AmongFullOnesChangesNothing) {
  RecordedWorld recorded(book_settings({"A/USD"}));
  EngineWorld& world = recorded.world;
  world.go_live();
  const auto full_turn = [&world] {
    for (uint32_t i = 0; i < completions_per_turn_max; ++i) world.net.sent(world.id(), 1);
    world.turn();
  };
  full_turn();
  world.turn();
  world.clock.set(world.clock.now() + 6_s);
  for (uint32_t turn = 0; turn <= full_turns_max; ++turn) full_turn();
  EXPECT_EQ(world.events.back().kind, EventKind::reconnecting);
  recorded.expect_identical();
}

}  // namespace
}  // namespace havklo
