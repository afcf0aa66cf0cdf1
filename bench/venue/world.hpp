// A whole engine whose network is a buffer: what the benchmark puts into `transport.next` is the
// next read.
//
// Owns:      the engine, live on the frames' subscriptions after construction, and its doors but
//            for those that were given. Its own clock stands still.
// Not owned: the frames.
#pragma once

#include <array>
#include <havklo/clock.hpp>
#include <havklo/engine.hpp>
#include <havklo/limits.hpp>
#include <havklo/staging_door.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bench/venue/frames.hpp"
#include "replay/venue/messages.hpp"
#include "websocket/connection.hpp"

namespace havklo::bench {

// Takes everything and does nothing.
struct Nobody {
  bool on_open(const websocket::UpgradeResult&) { return true; }
  bool on_text(std::string_view) { return true; }
  bool on_binary(std::span<const std::byte>) { return true; }
  bool on_ping(std::span<const std::byte>) { return true; }
  bool on_pong(std::span<const std::byte>) { return true; }
  bool on_close(uint16_t, std::string_view) { return true; }
};

// Answers the upgrade and gives what the benchmark put in.
class FeedTransport : public Transport {
 public:
  std::span<const std::byte> next;  // the next read, as it comes off the wire; padding behind it

  // What the venue sends for these bytes.
  [[nodiscard]] virtual std::vector<std::byte> seal(std::span<const std::byte> bytes) {
    return {bytes.begin(), bytes.end()};
  }

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
    if (next.empty()) return begin(sink);
    sink.on_completion({.connection = id_,
                        .kind = Completion::Kind::received,
                        .bytes = unseal(std::exchange(next, {}))});
    return 1;
  }
  void flush() override {}

 protected:
  [[nodiscard]] ConnectionId connection() const { return id_; }

 private:
  virtual std::span<const std::byte> unseal(std::span<const std::byte> wire) { return wire; }

  // Opens, and answers the upgrade; apart from what is measured.
  [[gnu::noinline]] uint32_t begin(CompletionSink& sink) {
    if (!opened_) {
      opened_ = true;
      server_.start_server();
      sink.on_completion({.connection = id_, .kind = Completion::Kind::opened});
      return 1;
    }
    if (answer_.empty()) return 0;
    std::vector<std::byte> padded = std::exchange(answer_, {});
    const size_t size = padded.size();
    padded.resize(size + receive_padding);
    sink.on_completion(
        {.connection = id_, .kind = Completion::Kind::received, .bytes = {padded.data(), size}});
    return 1;
  }

  ConnectionId id_{};
  bool opened_ = false;
  std::vector<std::byte> answer_;
  websocket::Connection server_{websocket::Role::server, 64 * 1024};
};

class NoCommands final : public CommandDoor {
 public:
  const Command* peek() override { return nullptr; }
  void pop() override {}
};

// The subscriptions that the frames are of.
inline Settings feed_settings(const Frames& frames) {
  Settings made;
  made.requests.burst = 1'000;  // the clock may stand still: all is asked at once
  made.subscriptions.push_back(
      {.channel = Channel::book, .symbols = frames.symbols, .depth = frames.depth});
  if (frames.trades) {
    made.subscriptions.push_back({.channel = Channel::trade, .symbols = frames.symbols});
  }
  return made;
}

// Doors that a benchmark brings; null: the world's own.
struct FeedDoors {
  Clock* clock = nullptr;
  FeedTransport* transport = nullptr;
  Journal* journal = nullptr;
  PhaseObserver* phases = nullptr;
  EventDoor* events = nullptr;
};

struct FeedWorld {
  explicit FeedWorld(const Frames& given, const FeedDoors& doors = {})
      : frames(given),
        transport(doors.transport != nullptr ? *doors.transport : own_transport),
        engine(std::span(&settings, 1),
               {doors.clock != nullptr ? *doors.clock : clock, transport, commands,
                doors.events != nullptr ? *doors.events : events, doors.journal, 1, doors.phases}) {
    say({});
    say({});
    say(R"({"channel":"status","data":[{"system":"online","api_version":"v2"}]})");
    for (const SubscriptionSettings& each : settings.subscriptions) {
      for (const std::string& symbol : each.symbols) {
        std::string ack;
        replay::append_ack(ack, {.method = "subscribe",
                                 .channel = each.channel,
                                 .symbol = symbol,
                                 .parameter = each.channel == Channel::book ? each.depth : 0U});
        say(ack);
      }
    }
  }
  void say(std::string_view text) {
    std::vector<std::byte> stream;
    if (!text.empty()) {
      append_frame(stream, text);
      stream = transport.seal(stream);
    }
    const size_t size = stream.size();
    stream.resize(size + receive_padding);
    transport.next = {stream.data(), size};
    static_cast<void>(engine.turn());
  }
  // Book messages whose checksum the last turn verified.
  [[nodiscard]] uint64_t verified() const {
    uint64_t count = 0;
    for (const Event& event : events.published()) {
      const bool book =
          event.kind == EventKind::book_snapshot || event.kind == EventKind::book_update;
      count += book && event.last_in_message() ? 1 : 0;
    }
    return count;
  }

  const Frames& frames;
  Settings settings = feed_settings(frames);
  ManualClock clock{Instant{1}};
  FeedTransport own_transport;
  FeedTransport& transport;
  NoCommands commands;
  StagingDoor events{65'536};
  havklo::Engine engine;
};

}  // namespace havklo::bench
