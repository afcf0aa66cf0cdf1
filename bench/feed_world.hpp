// A whole engine whose network is a buffer: what the benchmark puts into `transport.next` is the
// next read.
//
// Owns: the engine, live on the frames' subscriptions after construction, and its doors; the clock
//       stands still.
#pragma once

#include <array>
#include <havklo/clock.hpp>
#include <havklo/limits.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bench/venue_frames.hpp"
#include "core/engine.hpp"
#include "core/staging_door.hpp"
#include "replay/venue_messages.hpp"
#include "websocket/connection.hpp"

namespace havklo::bench {

// Answers the upgrade and gives what the benchmark put in.
class FeedTransport final : public Transport {
 public:
  std::span<const std::byte> next;  // the next read; padding behind it

  void open(ConnectionId id, const OpenRequest&) override { id_ = id; }
  void send(ConnectionId, std::span<const std::byte> bytes) override {
    std::vector<std::byte> padded(bytes.begin(), bytes.end());
    padded.resize(bytes.size() + receive_padding);
    Nobody nobody;
    static_cast<void>(server_.receive({padded.data(), bytes.size()}, nobody));
    const auto answer = server_.output();
    answer_.assign(answer.begin(), answer.end());
    server_.consume_output(answer.size());
  }
  void close(ConnectionId) override {}
  uint32_t poll(CompletionSink& sink, uint32_t) override {
    if (!opened_) {
      opened_ = true;
      server_.start_server();
      sink.on_completion({.connection = id_, .kind = Completion::Kind::opened});
      return 1;
    }
    if (!answer_.empty()) {
      std::vector<std::byte> padded = std::exchange(answer_, {});
      const size_t size = padded.size();
      padded.resize(size + receive_padding);
      sink.on_completion(
          {.connection = id_, .kind = Completion::Kind::received, .bytes = {padded.data(), size}});
      return 1;
    }
    if (next.empty()) return 0;
    sink.on_completion(
        {.connection = id_, .kind = Completion::Kind::received, .bytes = std::exchange(next, {})});
    return 1;
  }
  void flush() override {}

 private:
  struct Nobody {
    bool on_open(const websocket::UpgradeResult&) { return true; }
    bool on_text(std::string_view) { return true; }
    bool on_binary(std::span<const std::byte>) { return true; }
    bool on_ping(std::span<const std::byte>) { return true; }
    bool on_pong(std::span<const std::byte>) { return true; }
    bool on_close(uint16_t, std::string_view) { return true; }
  };
  ConnectionId id_{};
  bool opened_ = false;
  std::vector<std::byte> answer_;
  websocket::Connection server_{websocket::Role::server, 64 * 1024};
};

class NoCommands final : public CommandDoor {
 public:
  bool peek(Command&) override { return false; }
  void pop() override {}
};

struct FeedWorld {
  explicit FeedWorld(const Frames& given)
      : frames(given),
        engine(std::span(&settings, 1), {clock, transport, commands, events, nullptr, 1}) {
    say({});
    say({});
    say(R"({"channel":"status","data":[{"system":"online","api_version":"v2"}]})");
    for (const std::string& symbol : frames.symbols) {
      std::string ack;
      replay::append_ack(ack, {.method = "subscribe", .symbol = symbol, .depth = frames.depth});
      say(ack);
    }
  }
  [[nodiscard]] Settings make_settings() const {
    Settings made;
    made.requests.burst = 1'000;  // the clock stands still: all is asked at once
    made.subscriptions.push_back(
        {.channel = Channel::book, .symbols = frames.symbols, .depth = frames.depth});
    return made;
  }
  void say(std::string_view text) {
    std::vector<std::byte> stream;
    if (!text.empty()) append_frame(stream, text);
    const size_t size = stream.size();
    stream.resize(size + receive_padding);
    transport.next = {stream.data(), size};
    static_cast<void>(engine.turn());
  }

  const Frames& frames;
  Settings settings = make_settings();
  ManualClock clock{Instant{1}};
  FeedTransport transport;
  NoCommands commands;
  core::StagingDoor events{65'536};
  core::Engine engine;
};

}  // namespace havklo::bench
