// The channel `instrument`: one subscription of the venue's, many wishes of ours
// (engine/kraken/channels/instrument.hpp). Rules: kraken-v2.md §6.
#include <gtest/gtest.h>

#include "channels/world.hpp"
#include "kraken/decode.hpp"
#include "support/venue_world.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

std::string pair_text(std::string_view symbol, std::string_view status = "online") {
  return R"({"symbol":")" + std::string(symbol) + R"(","base":"BTC","quote":"USD","status":")" +
         std::string(status) +
         R"(","qty_precision":8,"qty_increment":1e-08,"price_precision":1,"cost_precision":5,)"
         R"("marginable":true,"has_index":true,"cost_min":0.5,"tick_size":0.1,)"
         R"("price_increment":0.1,"qty_min":5e-05})";
}

std::string message(const std::vector<std::string>& pairs) {
  std::string text =
      R"({"channel":"instrument","type":"snapshot","data":{"assets":[{"id":"USD"}],"pairs":[)";
  for (size_t i = 0; i < pairs.size(); ++i) text += (i == 0 ? "" : ",") + pairs[i];
  return text + "]}}";
}

constexpr std::string_view ack =
    R"({"method":"subscribe","result":{"channel":"instrument","snapshot":true,)"
    R"("warnings":["tick_size is deprecated, use price_increment"]},"success":true,)"
    R"("time_in":"2026-08-26T11:55:56.381008Z","time_out":"2026-08-26T11:55:56.381042Z"})";
constexpr std::string_view end_ack =
    R"({"method":"unsubscribe","result":{"channel":"instrument"},"success":true,)"
    R"("time_in":"2026-08-26T11:55:56.381008Z","time_out":"2026-08-26T11:55:56.381042Z"})";
constexpr std::string_view subscribe_1 =
    R"({"method":"subscribe","params":{"channel":"instrument","snapshot":true},"req_id":1})";

class Instrument : public testing::Test {
 protected:
  EngineWorld& live(std::vector<std::string> symbols) {
    world_.emplace(wish_for(Channel::instrument, std::move(symbols)));
    world_->turn();
    world_->open();
    world_->greet();
    EXPECT_EQ(world_->take_requests(), (std::vector<std::string>{std::string(subscribe_1)}));
    world_->say(ack);
    EXPECT_EQ(world_->take().back().kind, EventKind::subscriptions_restored);
    return *world_;
  }
  std::vector<std::string> lifecycle() {
    std::vector<std::string> lines;
    for (const Event& event : world_->take()) {
      if (is_market(event.kind)) continue;
      lines.push_back(
          std::string(to_string(event.kind)) + " " +
          std::string(world_->engine.names().symbol(event.payload.subscription.symbol)));
    }
    return lines;
  }

  std::optional<EngineWorld> world_;
};

using Lines = std::vector<std::string>;

TEST_F(Instrument, APairIsOneEvent) {
  EngineWorld& world = live({"BTC/USD"});
  world.say(message({pair_text("BTC/USD")}));
  EXPECT_EQ(market_lines(world),
            (Lines{R"("event":"Instrument","symbol":"BTC/USD","price_increment":"0.1",)"
                   R"("qty_increment":"0.00000001","qty_min":"0.00005","price_precision":1,)"
                   R"("qty_precision":8,"status":"online")"}));
}

TEST_F(Instrument, OneRequestServesAllWishesAndOnlyTheyAreTold) {
  EngineWorld& world = live({"BTC/USD", "ETH/USD"});
  world.say(message({pair_text("ADA/USD"), pair_text("ETH/USD", "cancel_only"),
                     pair_text("BTC/USD"), pair_text("SOL/USD")}));
  const auto lines = market_lines(world);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_NE(lines[0].find("ETH/USD"), std::string::npos);
  EXPECT_NE(lines[0].find("cancel_only"), std::string::npos);
  EXPECT_NE(lines[1].find("BTC/USD"), std::string::npos);
}

TEST_F(Instrument, AStatusThatIsNewIsUnknown) {
  EngineWorld& world = live({"BTC/USD"});
  world.say(message({pair_text("BTC/USD", "on_holiday")}));
  const auto lines = market_lines(world);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_NE(lines[0].find(R"("status":"unknown")"), std::string::npos);
}

// The whole venue in one message: some 1,450 pairs today, 4,096 may come.
TEST(InstrumentMessage, OfFourThousandPairsIsTaken) {
  std::string text = R"({"channel":"instrument","type":"snapshot","data":{"assets":[],"pairs":[)";
  const auto decode = [](std::string message) -> size_t {
    const size_t size = message.size();
    message.resize(size + receive_padding);
    kraken::Decoder decoder;
    const auto kind = decoder.decode(std::string_view(message).substr(0, size));
    if (!kind) return 0;
    return decoder.rows<kraken::InstrumentChannel>().size();
  };
  for (uint32_t i = 1; i < instrument_rows_max; ++i) {
    text += R"({"symbol":"P)" + std::to_string(i) +
            R"(/X","status":"online","qty_precision":8,"qty_increment":1e-08,)"
            R"("price_precision":1,"price_increment":0.1,"qty_min":5e-05},)";
  }
  EXPECT_EQ(decode(text + pair_text("BTC/USD") + "]}}"), instrument_rows_max);
  EXPECT_EQ(decode(text + pair_text("BTC/USD") + "," + pair_text("ETH/USD") + "]}}"), 0U);
}

// Another wish: the venue holds the subscription already, so a fresh snapshot takes its end first.
TEST_F(Instrument, ALaterWishGetsItsSnapshotAndTheFirstGoesOn) {
  EngineWorld& world = live({"BTC/USD"});
  world.command(make_command(Command::Kind::subscribe, "ETH/USD", Channel::instrument));
  ASSERT_EQ(world.take_requests().size(), 1U);
  world.refuse("subscribe", "Already subscribed", R"(,"req_id":2)");
  const auto goodbye = world.take_requests();
  ASSERT_EQ(goodbye.size(), 1U);
  EXPECT_NE(goodbye[0].find("unsubscribe"), std::string::npos);
  world.say(end_ack);
  ASSERT_EQ(world.take_requests().size(), 1U);
  world.say(ack);
  EXPECT_EQ(lifecycle(), (Lines{"Subscribed ETH/USD"}));
  world.say(message({pair_text("BTC/USD"), pair_text("ETH/USD")}));
  EXPECT_EQ(market_lines(world).size(), 2U);
}

// … and when the venue then refuses, the first is told as well: it has lost its subscription too.
TEST_F(Instrument, WhenTheVenueRefusesALaterWishTheFirstIsNotLeftInTheDark) {
  EngineWorld& world = live({"BTC/USD"});
  world.command(make_command(Command::Kind::subscribe, "ETH/USD", Channel::instrument));
  static_cast<void>(world.take_requests());
  world.refuse("subscribe", "Already subscribed", R"(,"req_id":2)");
  world.say(end_ack);
  static_cast<void>(world.take_requests());
  world.refuse("subscribe", "EService:Unavailable", R"(,"req_id":4)");
  EXPECT_EQ(lifecycle(), (Lines{"Rejected ETH/USD"}));
  const auto again = world.take_requests();
  ASSERT_EQ(again.size(), 1U) << "one request for both: the first asks for itself, the other again";
  world.say(ack);
  EXPECT_EQ(lifecycle(), (Lines{"Subscribed BTC/USD", "Subscribed ETH/USD"}));
}

TEST_F(Instrument, OneWishEndsWithoutTheOther) {
  EngineWorld& world = live({"BTC/USD", "ETH/USD"});
  world.command(make_command(Command::Kind::unsubscribe, "BTC/USD", Channel::instrument));
  EXPECT_TRUE(world.take_requests().empty()) << "the other still needs it";
  EXPECT_EQ(lifecycle(), (Lines{"Unsubscribed BTC/USD"}));
  world.say(message({pair_text("BTC/USD"), pair_text("ETH/USD")}));
  EXPECT_EQ(market_lines(world).size(), 1U);
  world.command(make_command(Command::Kind::unsubscribe, "ETH/USD", Channel::instrument));
  EXPECT_EQ(world.take_requests(),
            (Lines{R"({"method":"unsubscribe","params":{"channel":"instrument"},"req_id":2})"}));
  world.say(end_ack);
  EXPECT_EQ(lifecycle(), (Lines{"Unsubscribed ETH/USD"}));
}

// It was never asked for, whatever was in its place before: there is nothing to give back.
TEST_F(Instrument, AWishInThePlaceOfOneThatIsGoneIsANewOne) {
  EngineWorld& world = live({"BTC/USD", "ETH/USD"});
  world.command(make_command(Command::Kind::unsubscribe, "BTC/USD", Channel::instrument));
  world.queue(make_command(Command::Kind::subscribe, "A/B", Channel::trade));
  world.command(make_command(Command::Kind::unsubscribe, "A/B", Channel::trade));
  EXPECT_EQ(lifecycle(), (Lines{"Unsubscribed BTC/USD", "Unsubscribed A/B"}));
  EXPECT_TRUE(world.take_requests().empty());
}

// The first is on its way out already: it keeps nothing for the second.
TEST_F(Instrument, AWishThatCameBehindAnEndIsEndedItself) {
  EngineWorld& world = live({"BTC/USD"});
  world.command(make_command(Command::Kind::unsubscribe, "BTC/USD", Channel::instrument));
  world.command(make_command(Command::Kind::subscribe, "ETH/USD", Channel::instrument));
  ASSERT_EQ(world.take_requests().size(), 2U);
  world.command(make_command(Command::Kind::unsubscribe, "ETH/USD", Channel::instrument));
  EXPECT_EQ(world.take_requests(),
            (Lines{R"({"method":"unsubscribe","params":{"channel":"instrument"},"req_id":4})"}));
  EXPECT_TRUE(lifecycle().empty());
}

TEST_F(Instrument, ARefusalIsToldToEachWishOnceAndTriedOn) {
  world_.emplace(wish_for(Channel::instrument, {"BTC/USD", "ETH/USD"}));
  world_->turn();
  world_->open();
  world_->greet();
  static_cast<void>(world_->take());
  static_cast<void>(world_->take_requests());
  world_->refuse("subscribe", "EGeneral:Permission denied", R"(,"req_id":1)");
  EXPECT_EQ(lifecycle(),
            (Lines{"Rejected BTC/USD", "Rejected ETH/USD", "SubscriptionsRestored BTC/USD"}));
  for (uint64_t id = 2; id < 5; ++id) {
    world_->pass(4_s);
    EXPECT_FALSE(world_->take_requests().empty());
    world_->refuse("subscribe", "EGeneral:Permission denied", R"(,"req_id":)" + std::to_string(id));
    EXPECT_TRUE(lifecycle().empty());
  }
}

TEST(InstrumentOfTheVenueModel, IsThereBeforeAndAfterAnOutage) {
  VenueWorldSettings settings;
  settings.engine = wish_for(Channel::instrument, {"BTC/USD", "ADA/USD"});
  settings.engine.subscriptions.push_back({.channel = Channel::book, .symbols = {"BTC/USD"}});
  settings.faults.add({.kind = replay::FaultKind::reset, .at = 10_s});
  VenueWorld world(settings);
  ASSERT_TRUE(world.run_until(2_s, EventKind::subscriptions_restored));
  world.run(20_s);
  EXPECT_EQ(world.count(EventKind::disconnected), 1U);
  EXPECT_EQ(world.count(EventKind::subscriptions_restored), 2U);
  EXPECT_EQ(world.count(EventKind::instrument), 4U);
  const Event* pair = world.first(EventKind::instrument);
  ASSERT_NE(pair, nullptr);
  EXPECT_EQ(pair->payload.instrument.price_precision, 1);
}

}  // namespace
}  // namespace havklo
