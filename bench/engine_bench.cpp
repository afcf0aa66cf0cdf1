// A frame of the venue to verified events in the ring: WebSocket, JSON, book, checksum, events.
//
// The frames are those of a real capture when there is one (HAVKLO_SHARED_DIR, or beside the
// project), else of the seeded market; the label says which. One read holds one frame, or many. The
// engine runs whole, with a clock that stands still; every checksum must verify or nothing counts.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <havklo/clock.hpp>
#include <havklo/limits.hpp>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/engine.hpp"
#include "core/staging_door.hpp"
#include "replay/market.hpp"
#include "replay/venue_messages.hpp"
#include "websocket/connection.hpp"
#include "websocket/frame.hpp"

namespace {

using namespace havklo;

struct Frames {
  std::vector<std::string> texts;
  std::vector<std::string> symbols;
  bool real = false;
};

Frames captured_frames() {
  const char* shared = std::getenv("HAVKLO_SHARED_DIR");
  const std::filesystem::path path =
      std::filesystem::path(shared != nullptr ? shared : HAVKLO_SHARED_DIR) /
      "kraken/messages/session_btc-eth_book-d10_trade_2026-07-07.jsonl";
  Frames frames{.texts = {}, .symbols = {"BTC/USD", "ETH/USD"}, .real = true};
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(R"({"channel":"book")")) frames.texts.push_back(line);
  }
  return frames;
}

// What the model sends to one subscriber of each book.
Frames made_frames() {
  class Sink final : public replay::FeedSink {
   public:
    explicit Sink(std::vector<std::string>& into) : texts_(into) {}
    bool wants(Channel channel, uint32_t, uint32_t depth) override {
      return channel == Channel::book && depth == 10;
    }
    void on_message(Channel, uint32_t, uint32_t, std::string_view text, bool) override {
      texts_.emplace_back(text);
    }

   private:
    std::vector<std::string>& texts_;
  };
  Frames frames{.texts = {}, .symbols = {"BTC/USD", "ETH/USD"}};
  replay::MarketSettings settings;
  settings.symbols = {replay::market_symbol("BTC/USD"), replay::market_symbol("ETH/USD")};
  replay::Market market(settings, 7, 1'783'465'203'000'000);
  for (uint32_t i = 0; i < 2; ++i) {
    market.append_snapshot(Channel::book, i, 10, frames.texts.emplace_back());
  }
  Sink sink(frames.texts);
  market.resume({});
  market.advance(Instant{} + Duration::seconds(100), sink);
  return frames;
}

const Frames& frames() {
  static const Frames all = [] {
    Frames captured = captured_frames();
    return captured.texts.empty() ? made_frames() : captured;
  }();
  return all;
}

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

void append_frame(std::vector<std::byte>& stream, std::string_view text) {
  std::array<std::byte, websocket::frame_head_bytes_max> head{};
  const size_t bytes = websocket::encode_frame_head(
      {text.size(), 0, websocket::Opcode::text, true, false}, head.data());
  stream.insert(stream.end(), head.begin(), head.begin() + static_cast<ptrdiff_t>(bytes));
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  stream.insert(stream.end(), begin, begin + text.size());
}

struct World {
  World() : engine(std::span(&settings, 1), {clock, transport, commands, events, nullptr, 1}) {
    say({});
    say({});
    say(R"({"channel":"status","data":[{"system":"online","api_version":"v2"}]})");
    for (const std::string& symbol : frames().symbols) {
      std::string ack;
      replay::append_ack(ack, {.method = "subscribe", .symbol = symbol, .depth = 10});
      say(ack);
    }
  }
  static Settings make_settings() {
    Settings settings;
    settings.subscriptions.push_back({.channel = Channel::book, .symbols = frames().symbols});
    return settings;
  }
  void say(std::string_view text) {
    std::vector<std::byte> stream;
    if (!text.empty()) append_frame(stream, text);
    const size_t size = stream.size();
    stream.resize(size + receive_padding);
    transport.next = {stream.data(), size};
    static_cast<void>(engine.turn());
  }

  Settings settings = make_settings();
  ManualClock clock{Instant{1}};
  FeedTransport transport;
  NoCommands commands;
  core::StagingDoor events{65'536};
  core::Engine engine;
};

// Frames in reads of so many; 0: one.
void frame_to_events(benchmark::State& state) {
  const auto per_read = static_cast<size_t>(state.range(0));
  std::vector<std::vector<std::byte>> reads;
  for (size_t i = 0; i < frames().texts.size(); i += per_read) {
    std::vector<std::byte>& stream = reads.emplace_back();
    for (size_t j = i; j < std::min(i + per_read, frames().texts.size()); ++j) {
      append_frame(stream, frames().texts[j]);
    }
    stream.resize(stream.size() + receive_padding);
  }
  World world;
  uint64_t messages = 0;
  uint64_t verified = 0;
  uint64_t faults = 0;
  for (auto _ : state) {
    for (const auto& stream : reads) {
      world.transport.next = {stream.data(), stream.size() - receive_padding};
      static_cast<void>(world.engine.turn());
      const EventWindow window = world.events.published();
      for (uint32_t i = 0; i < window.room; ++i) {
        verified += window[i].last_in_message() ? 1 : 0;
        faults += window[i].kind == EventKind::checksum_mismatch ? 1 : 0;
      }
    }
    messages += frames().texts.size();
  }
  if (faults != 0 || verified < messages) state.SkipWithError("a checksum did not verify");
  state.SetLabel(frames().real ? "real capture" : "seeded market");
  state.counters["per_message"] = benchmark::Counter(
      static_cast<double>(messages), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(frame_to_events)->Arg(1)->Arg(16);

}  // namespace
