// The real engine, led along a path of the model: scripted network, manual clock, rings.
//
// Each move is one turn: what the model calls an input is done to the network or the commands
// door, and what the engine then publishes and opens is told in the model's words.
#pragma once

#include <gtest/gtest.h>
#include <malloc.h>

#include <havklo/clock.hpp>
#include <havklo/engine.hpp>
#include <havklo/event_ring.hpp>
#include <havklo/ring_doors.hpp>
#include <havklo/spsc_ring.hpp>
#include <string>
#include <vector>

#include "core/connection_id.hpp"
#include "model/cases.hpp"
#include "support/scripted_transport.hpp"

namespace havklo::model {

// Of an engine that ends the next is made: what it gives back is kept, or the kernel's pages would
// take half of the time.
inline void keep_memory() {
  static const bool once = mallopt(M_MMAP_THRESHOLD, 1 << 30) == 1 &&
                           mallopt(M_TRIM_THRESHOLD, 1 << 30) == 1 &&
                           mallopt(M_TOP_PAD, 1 << 26) == 1;
  static_cast<void>(once);
}

class EnginePath {
 public:
  explicit EnginePath(std::span<const Settings> sessions)
      : ring_(sessions[0].ring_slots * static_cast<uint32_t>(sessions.size())),
        events_door_(ring_),
        commands_door_(commands_),
        engine_(sessions, {clock_, net_, commands_door_, events_door_, nullptr, 1}),
        connections_(sessions.size()) {}

  // Begins; what was said.
  std::vector<Said> start() { return turn(); }
  std::vector<Said> step(const Move& move) {
    std::vector<Said> early;
    const bool is_http = move.input.http_status != 0;
    if (is_http || move.input.kind == InputKind::upgraded) {
      // TCP and TLS stand before time passes: the request goes out in a turn of its own.
      net_.opened(connections_[move.input.session]);
      early = turn();
    }
    clock_.advance(move.passes);
    arrive(move.input);
    for (const Said& each : turn()) early.push_back(each);
    return early;
  }
  [[nodiscard]] Instant next_deadline() const { return engine_.next_deadline(); }
  [[nodiscard]] bool closed() const { return engine_.closed(); }

 private:
  void arrive(const Input& input) {
    const ConnectionId id = connections_[input.session];
    switch (input.kind) {
      case InputKind::nothing:
        return;
      case InputKind::upgraded:
        return net_.answer(id);
      case InputKind::greeted:
      case InputKind::status:
        return net_.text(id, std::string(R"({"channel":"status","type":"update","data":[{)") +
                                 R"("version":"2.0.10","system":")" +
                                 (input.maintenance ? "maintenance" : "online") +
                                 R"(","api_version":"v2","connection_id":1}]})");
      case InputKind::all_clear:
        return net_.text(id, R"({"method":"subscribe","result":{"channel":"ticker",)"
                             R"("symbol":"BTC/USD"},"success":true})");
      case InputKind::lost:
        return lose(id, input);
      case InputKind::reconnect:
      case InputKind::close: {
        Command command;
        command.kind =
            input.kind == InputKind::close ? Command::Kind::close : Command::Kind::reconnect;
        command.session = input.session;
        EXPECT_TRUE(commands_.try_push(command));
        return;
      }
    }
  }
  void lose(ConnectionId id, const Input& input) {
    if (input.close_code != 0) {
      if (net_.close_code(id) == 0) return net_.close_frame(id, input.close_code, "");
      return net_.answer(id);  // to our own
    }
    if (input.http_status == 0) return net_.closed(id, input.reason);
    std::string answer = "HTTP/1.1 " + std::to_string(input.http_status) + " No\r\n";
    if (input.retry_after) {
      answer += "Retry-After: " + std::to_string(input.retry_after->ns / 1'000'000'000) + "\r\n";
    }
    net_.received(id, answer + "\r\n");
  }
  std::vector<Said> turn() {
    const size_t opened = net_.opens.size();
    engine_.turn();
    std::vector<Said> said;
    Event event;
    while (ring_.try_pop(event)) {
      if (const auto each = said_by(event)) said.push_back(*each);
    }
    for (size_t at = opened; at < net_.opens.size(); ++at) {
      const ConnectionId id = net_.opens[at].id;
      const auto session = static_cast<uint8_t>(core::session_of(id));
      connections_[session] = id;
      said.push_back({.what = What::attempt, .session = session});
    }
    return said;
  }

  EventRing ring_;
  SpscRing<Command> commands_{4};
  RingEventDoor events_door_;
  RingCommandDoor commands_door_;
  ManualClock clock_{first_turn};
  ScriptedTransport net_{small_message_bytes};
  Engine engine_;
  std::vector<ConnectionId> connections_;  // the last of each session

  static constexpr uint32_t small_message_bytes = 4096;
};

// The same turn, by the model and by the engine. The network's door and the events' are two:
// which attempt began before which event is not seen from outside, so attempts stand at the end.
[[nodiscard]] inline std::vector<Said> as_seen(std::vector<Said> said) {
  std::ranges::stable_partition(said, [](const Said& each) { return each.what != What::attempt; });
  for (Said& each : said) {
    if (each.what == What::attempt) each.number = 0;  // the door does not say which
  }
  return said;
}

[[nodiscard]] inline std::string text_of(const std::vector<Said>& said) {
  std::string text;
  for (const Said& each : said) text += "    " + text_of(each) + "\n";
  return said.empty() ? "    nothing\n" : text;
}

}  // namespace havklo::model
