// An engine between doors that the test holds: a manual clock, a scripted network, rings.
//
// Use: world.turn() runs one turn and keeps its events; world.pass(100_ms) moves the clock, turn
// after turn, to each deadline on the way. venue helpers speak for Kraken.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <havklo/clock.hpp>
#include <havklo/command.hpp>
#include <havklo/config.hpp>
#include <havklo/engine.hpp>
#include <havklo/event.hpp>
#include <havklo/event_ring.hpp>
#include <havklo/journal.hpp>
#include <havklo/ring_doors.hpp>
#include <havklo/shared_connect_budget.hpp>
#include <havklo/spsc_ring.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/scripted_transport.hpp"

namespace havklo {

[[nodiscard]] inline Settings book_settings(std::vector<std::string> symbols, uint32_t depth = 10) {
  Settings settings;
  settings.url = "wss://venue.test/v2";
  settings.subscriptions.push_back(
      {.channel = Channel::book, .symbols = std::move(symbols), .depth = depth});
  return settings;
}

[[nodiscard]] inline Command make_command(Command::Kind kind, std::string_view symbol = {},
                                          Channel channel = Channel::book, uint16_t depth = 10) {
  Command command;
  command.kind = kind;
  command.channel = channel;
  command.depth = depth;
  command.symbol_bytes = static_cast<uint8_t>(symbol.size());
  std::ranges::copy(symbol, command.symbol_text.begin());
  return command;
}

class EngineWorld {
 public:
  explicit EngineWorld(Settings settings, Journal* journal = nullptr,
                       std::optional<websocket::ChaCha20Key> mask_secret = {},
                       SharedConnectBudget* budget = nullptr)
      : settings_(std::move(settings)),
        budget_(budget),
        ring_(settings_.ring_slots),
        events_door_(ring_),
        commands_door_(commands_),
        engine(std::span(&settings_, 1), {clock, net, commands_door_, events_door_, journal, 0x5eed,
                                          nullptr, mask_secret, std::span(&budget_, 1)}) {}

  // One turn; its events are read at once unless the consumer sleeps.
  TurnResult turn() {
    const TurnResult result = engine.turn();
    if (!consumer_sleeps) read();
    return result;
  }
  void read() {
    Event event;
    while (ring_.try_pop(event)) events.push_back(event);
  }
  void read(size_t count) {
    Event event;
    while (count-- > 0 && ring_.try_pop(event)) events.push_back(event);
  }
  // Lets time pass and a microsecond more (a timer may fire up to a tick late): a turn at every
  // deadline on the way and one at the end.
  void pass(Duration time) {
    const Instant end = clock.now() + time + Duration::microseconds(1);
    for (Instant next = engine.next_deadline(); next <= end; next = engine.next_deadline()) {
      clock.set(std::max(next, clock.now()));
      turn();
    }
    clock.set(end);
    turn();
  }
  // For the next turn.
  void queue(const Command& command) { ASSERT_TRUE(commands_.try_push(command)); }
  void command(const Command& command) {
    queue(command);
    turn();
  }

  // The venue's side of the last connection.
  [[nodiscard]] ConnectionId id() const { return net.last(); }
  void say(std::string_view message) {
    net.text(id(), message);
    turn();
  }
  // TCP, TLS, upgrade.
  void open() {
    net.opened(id());
    turn();
    net.answer(id());
    turn();
  }
  void greet(std::string_view system = "online") {
    say(R"({"channel":"status","type":"update","data":[{"version":"2.0.10","system":")" +
        std::string(system) + R"(","api_version":"v2","connection_id":18446744073709551615}]})");
  }
  void ack(std::string_view method, std::string_view symbol, std::string_view channel = "book") {
    say(R"({"method":")" + std::string(method) + R"(","result":{"channel":")" +
        std::string(channel) + R"(","symbol":")" + std::string(symbol) +
        R"("},"success":true,"time_in":"2026-07-07T23:00:03.501510Z","time_out":"2026-07-07T23:00:03.501520Z"})");
  }
  void refuse(std::string_view method, std::string_view error, std::string_view rest = {}) {
    say(R"({"error":")" + std::string(error) + R"(","method":")" + std::string(method) +
        R"(","success":false)" + std::string(rest) + "}");
  }
  void snapshot(std::string_view symbol) { say(snapshot_text(symbol)); }
  void update(std::string_view symbol) { say(update_text(symbol)); }
  void fail(Reason reason, int32_t os_error = 0) {
    net.closed(id(), reason, os_error);
    turn();
  }
  // From a fresh engine to Live with every symbol of the settings.
  void go_live() {
    turn();
    come_back();
  }
  // From an opened attempt to Live.
  void come_back() {
    open();
    greet();
    for (const SubscriptionSettings& wish : settings_.subscriptions) {
      for (const std::string& symbol : wish.symbols) {
        ack("subscribe", symbol, to_string(wish.channel));
        if (wish.channel == Channel::book) snapshot(symbol);
      }
    }
  }

  // A book of one bid and one ask, then a second bid. The checksums come from zlib's crc32 over
  // "100120000100010000" and "10012000010001000099930000" (kraken-v2.md §8.4).
  [[nodiscard]] static std::string snapshot_text(std::string_view symbol) {
    return R"({"channel":"book","type":"snapshot","data":[{"symbol":")" + std::string(symbol) +
           R"(","bids":[{"price":100.0,"qty":1.0000}],"asks":[{"price":100.1,"qty":2.0000}],"checksum":)" +
           std::string(snapshot_checksum) + R"(,"timestamp":"2026-07-07T23:00:03.501510Z"}]})";
  }
  [[nodiscard]] static std::string update_text(std::string_view symbol,
                                               std::string_view checksum = update_checksum) {
    return R"({"channel":"book","type":"update","data":[{"symbol":")" + std::string(symbol) +
           R"(","bids":[{"price":99.9,"qty":3.0000}],"asks":[],"checksum":)" +
           std::string(checksum) + R"(,"timestamp":"2026-07-07T23:00:04.501510Z"}]})";
  }
  static constexpr std::string_view snapshot_checksum = "4268438660";
  static constexpr std::string_view update_checksum = "874177319";

  // What was published, taken by the call.
  [[nodiscard]] std::vector<Event> take() { return std::exchange(events, {}); }
  [[nodiscard]] std::string take_names() {
    std::string names;
    for (const Event& event : take()) {
      if (!names.empty()) names += ' ';
      names += to_string(event.kind);
    }
    return names;
  }
  [[nodiscard]] std::vector<std::string> take_requests() { return net.take_texts(id()); }

 private:
  Settings settings_;
  SharedConnectBudget* budget_;  // none: nobody else has a part in it
  EventRing ring_;
  SpscRing<Command> commands_{64};
  RingEventDoor events_door_;
  RingCommandDoor commands_door_;

 public:
  ManualClock clock{Instant{1'000'000'000}};
  ScriptedTransport net;
  std::vector<Event> events;
  bool consumer_sleeps = false;
  Engine engine;
};

}  // namespace havklo
