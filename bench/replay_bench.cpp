// How fast a recording replays, beside what the engine alone takes for the same reads.
//
// A session of real capture frames (HAVKLO_SHARED_DIR, or beside the project; else the seeded
// market's, and the label says so) is recorded once, then replayed from its file: reading blocks
// and their checksums, decoding, the whole engine, the digest of every turn. `engine_alone` hands
// the same reads to the same engine from memory: the live decode path. Both check their answer:
// every checksum verified, the replay identical.
#include <benchmark/benchmark.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <havklo/clock.hpp>
#include <havklo/limits.hpp>
#include <havklo/recording.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/venue_frames.hpp"
#include "core/engine.hpp"
#include "core/staging_door.hpp"
#include "replay/player.hpp"
#include "replay/venue_messages.hpp"
#include "support/sync_block_writer.hpp"
#include "websocket/connection.hpp"

namespace {

using namespace havklo;

// In one recording: long enough that what a player allocates at its start does not count.
constexpr size_t messages_wanted = 20'000;

// Gives one read at a time; what the engine sends is answered by a server's codec.
class MemoryTransport final : public Transport {
 public:
  std::span<const std::byte> next;  // receive_padding readable bytes behind it
  websocket::Connection server{websocket::Role::server, 64 * 1024, 1024 * 1024};

  void open(ConnectionId id, const OpenRequest&) override {
    id_ = id;
    server.start_server();
  }
  void send(ConnectionId, std::span<const std::byte> bytes) override {
    std::vector<std::byte> padded(bytes.begin(), bytes.end());
    padded.resize(bytes.size() + receive_padding);
    Nobody nobody;
    static_cast<void>(server.receive({padded.data(), bytes.size()}, nobody));
  }
  void close(ConnectionId) override {}
  uint32_t poll(CompletionSink& sink, uint32_t) override {
    if (!opened_) {
      opened_ = true;
      sink.on_completion({.connection = id_, .kind = Completion::Kind::opened});
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
};

class NoCommands final : public CommandDoor {
 public:
  bool peek(Command&) override { return false; }
  void pop() override {}
};

// An engine that is subscribed and waits for frames.
struct Session {
  explicit Session(Journal* journal)
      : engine(std::span(&settings, 1), {clock, transport, commands, events, journal, 1}) {
    static_cast<void>(engine.turn());
    static_cast<void>(engine.turn());
    say("");
    say(R"({"channel":"status","data":[{"system":"online","api_version":"v2"}]})");
    for (const std::string& symbol : settings.subscriptions[0].symbols) {
      std::string ack;
      replay::append_ack(ack, {.method = "subscribe", .symbol = symbol, .depth = 10});
      say(ack);
    }
  }
  static Settings make_settings() {
    Settings made;
    made.subscriptions.push_back({.channel = Channel::book, .symbols = {"BTC/USD", "ETH/USD"}});
    return made;
  }
  void read(std::span<const std::byte> bytes) {
    clock.advance(Duration::microseconds(50));
    transport.next = bytes;
    static_cast<void>(engine.turn());
  }
  void say(std::string_view text) {
    if (!text.empty()) static_cast<void>(transport.server.send_text(text));
    const auto output = transport.server.output();
    std::vector<std::byte> bytes(output.begin(), output.end());
    transport.server.consume_output(output.size());
    bytes.resize(output.size() + receive_padding);
    read({bytes.data(), output.size()});
  }

  Settings settings = make_settings();
  ManualClock clock{Instant{1}};
  MemoryTransport transport;
  NoCommands commands;
  core::StagingDoor events{65'536};
  core::Engine engine;
};

// Reads of so many frames, enough of them for `messages_wanted`.
struct Reads {
  std::vector<std::vector<std::byte>> bytes;
  size_t messages = 0;
};

Reads reads_of(size_t per_read) {
  Reads reads;
  Session session(nullptr);  // its server's codec writes the frames
  websocket::Connection& codec = session.transport.server;
  while (reads.messages < messages_wanted) {
    for (size_t i = 0; i < bench::real_or_made_frames().texts.size(); i += per_read) {
      const size_t end = std::min(i + per_read, bench::real_or_made_frames().texts.size());
      for (size_t j = i; j < end; ++j)
        static_cast<void>(codec.send_text(bench::real_or_made_frames().texts[j]));
      const auto output = codec.output();
      auto& read = reads.bytes.emplace_back(output.begin(), output.end());
      codec.consume_output(output.size());
      read.resize(read.size() + receive_padding);
      reads.messages += end - i;
    }
  }
  return reads;
}

void report(benchmark::State& state, uint64_t messages) {
  state.SetLabel(bench::real_or_made_frames().real ? "real capture" : "seeded market");
  state.counters["messages/s"] =
      benchmark::Counter(static_cast<double>(messages), benchmark::Counter::kIsRate);
  state.counters["per_message"] = benchmark::Counter(
      static_cast<double>(messages), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void engine_alone(benchmark::State& state) {
  const Reads reads = reads_of(static_cast<size_t>(state.range(0)));
  Session session(nullptr);
  uint64_t messages = 0;
  uint64_t verified = 0;
  for (auto _ : state) {
    for (const auto& bytes : reads.bytes) {
      session.read({bytes.data(), bytes.size() - receive_padding});
      const EventWindow window = session.events.published();
      for (uint32_t i = 0; i < window.room; ++i) {
        verified += window[i].last_in_message() ? 1 : 0;
      }
    }
    messages += reads.messages;
  }
  if (verified < messages) state.SkipWithError("a checksum did not verify");
  report(state, messages);
}
BENCHMARK(engine_alone)->Arg(1)->Arg(16)->Unit(benchmark::kMillisecond);

void replay_recording(benchmark::State& state) {
  const Reads reads = reads_of(static_cast<size_t>(state.range(0)));
  std::string path = (std::filesystem::temp_directory_path() / "havklo-bench-XXXXXX").string();
  ::close(mkstemp(path.data()));
  {
    SyncBlockWriter writer;
    auto recorder = Recorder::create(path, Session::make_settings(), 1, Duration{}, writer).value();
    Session session(recorder.get());
    for (const auto& bytes : reads.bytes) {
      session.read({bytes.data(), bytes.size() - receive_padding});
    }
    recorder->finish();
  }
  uint64_t messages = 0;
  uint64_t verified = 0;
  bool identical = true;
  for (auto _ : state) {
    state.PauseTiming();  // an engine's memory: once a session, however long it is
    auto player = std::make_unique<replay::Player>(replay::Reader::open(path).value());
    state.ResumeTiming();
    while (player->step() == replay::Player::Status::turn) {
      for (const Event& event : player->events()) verified += event.last_in_message() ? 1 : 0;
    }
    state.PauseTiming();
    identical = identical && player->result().identical() && player->result().torn.empty();
    messages += reads.messages;
    player.reset();
    state.ResumeTiming();
  }
  ::unlink(path.c_str());
  if (!identical || verified < messages) state.SkipWithError("the replay is not identical");
  report(state, messages);
}
BENCHMARK(replay_recording)->Arg(1)->Arg(16)->Unit(benchmark::kMillisecond);

}  // namespace
