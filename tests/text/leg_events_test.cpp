// Events of legs as the program prints them, and that those of one leg are printed as ever.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "replay/text/event.hpp"
#include "replay/text/event_json.hpp"

namespace havklo::replay {
namespace {

Event make(EventKind kind, uint8_t session, uint8_t leg) {
  Event event = Event::make(kind);
  event.session = session;
  event.leg = leg;
  return event;
}

class LegEvents : public testing::Test {
 protected:
  // Behind what every line begins with.
  std::string json(const Event& event) const {
    std::string line;
    append_json(line, event, names_);
    const std::string head = R"({"seq":0,"time_ns":0,"epoch":0,"event":)";
    EXPECT_TRUE(line.starts_with(head)) << line;
    return line.substr(head.size());
  }
  std::string text(const Event& event, std::span<const Settings> sessions) const {
    EventText text(false);
    text.name_sessions(sessions);
    std::string line;
    text.append(line, event, names_);
    return line.substr(line.find(" s  ") + 4);  // behind the time
  }

  Names names_;
  SymbolId btc_ = names_.intern_symbol("BTC/USD").value();
};

TEST_F(LegEvents, SayEverythingInJson) {
  Event event = make(EventKind::leg_connected, 1, 2);
  event.payload.connected = {.connection_id = 5,
                             .connect_time_ns = 6,
                             .address = {203, 0, 113, 7},
                             .port = 443,
                             .family = 4,
                             .tls_resumed = 0,
                             .api_version = {'v', '2'}};
  EXPECT_EQ(json(event),
            R"("LegConnected","connection_id":"5","api_version":"v2","address":"203.0.113.7:443",)"
            R"("tls_resumed":false,"connect_time_ns":6,"session":1,"leg":2})");
  event = make(EventKind::leg_restored, 0, 0);
  event.payload.subscriptions_restored = {.downtime_ns = 8, .count = 2, .rejected = 1, .zero = {}};
  EXPECT_EQ(json(event),
            R"("LegRestored","count":2,"rejected":1,"downtime_ns":8,"session":0,"leg":0})");
  event = make(EventKind::leg_lost, 0, 1);
  event.payload.disconnected = {.uptime_ns = 9, .reason = Reason::lagging, .retryable = 1};
  EXPECT_EQ(json(event),
            R"("LegLost","reason":"lagging","close_code":0,"os_error":0,"uptime_ns":9,)"
            R"("retryable":true,"session":0,"leg":1})");
  event.payload.disconnected.reason = Reason::rotated;
  EXPECT_NE(json(event).find(R"("reason":"rotated")"), std::string::npos);
  event = make(EventKind::leg_reconnecting, 0, 3);
  event.payload.reconnecting = {
      .delay_ns = 7, .attempt = 4, .waits_for = WaitsFor::budget, .zero = {}};
  EXPECT_EQ(
      json(event),
      R"("LegReconnecting","attempt":4,"delay_ns":7,"waits_for":"budget","session":0,"leg":3})");
  event = make(EventKind::leg_book_lost, 0, 0);
  event.payload.book_fault.symbol = btc_;
  event.payload.book_fault.fault = BookFault::checksum;
  EXPECT_EQ(json(event),
            R"("LegBookLost","symbol":"BTC/USD","reason":"checksum","session":0,"leg":0})");
  event.kind = EventKind::leg_book_restored;
  EXPECT_EQ(json(event), R"("LegBookRestored","symbol":"BTC/USD","session":0,"leg":0})");
  event.kind = EventKind::book_stale;
  event.payload.book_fault.fault = BookFault::leg_lost;
  EXPECT_EQ(json(event), R"("BookStale","symbol":"BTC/USD","reason":"leg_lost","session":0})");
}

// A reader of lines takes no "leg" for 0: what there was before there were legs stays as it was.
TEST_F(LegEvents, OtherLinesNameALegThatIsNotTheFirst) {
  for (uint8_t kind = 1; kind <= event_kind_last; ++kind) {
    const auto of = static_cast<EventKind>(kind);
    const bool is_of_leg = to_string(of).starts_with("Leg");
    EXPECT_EQ(json(make(of, 3, 0)).ends_with(R"("session":3})"), !is_of_leg) << to_string(of);
    EXPECT_EQ(json(make(of, 3, 0)).ends_with(R"("session":3,"leg":0})"), is_of_leg)
        << to_string(of);
    EXPECT_TRUE(json(make(of, 3, 2)).ends_with(R"("session":3,"leg":2})")) << to_string(of);
  }
  Event update = make(EventKind::book_update, 0, 1);
  update.flags = flag_first_in_message | flag_last_in_message | flag_reconciled;
  update.payload.book.symbol = btc_;
  EXPECT_EQ(json(update),
            R"("BookUpdate","symbol":"BTC/USD","side":"bid","price":"0","qty":"0",)"
            R"("venue_time_ns":0,"last_in_message":true,"reconciled":true,"session":0,"leg":1})");
  EXPECT_EQ(describe(update, names_), "BTC/USD bid 0 removed, reconciled");
}

TEST_F(LegEvents, ATextLineNamesWhatThereAreSeveralOf) {
  Settings one;
  Settings two;
  two.legs.resize(2);
  const Event second = make(EventKind::heartbeat, 1, 1);
  const Event first = make(EventKind::heartbeat, 0, 1);
  using Sessions = std::vector<Settings>;
  EXPECT_TRUE(text(first, Sessions{one}).starts_with("Heartbeat"));
  EXPECT_TRUE(text(first, Sessions{two}).starts_with("[0.1] Heartbeat"));
  EXPECT_TRUE(text(second, Sessions{one, one}).starts_with("[1] Heartbeat"));
  EXPECT_TRUE(text(second, Sessions{two, one}).starts_with("[1] Heartbeat"));
  EXPECT_TRUE(text(first, Sessions{two, one}).starts_with("[0.1] Heartbeat"));
  Sessions most(64, one);
  most.back() = two;
  EXPECT_TRUE(text(make(EventKind::heartbeat, 63, 1), most).starts_with("[63.1] Heartbeat"));
}

}  // namespace
}  // namespace havklo::replay
