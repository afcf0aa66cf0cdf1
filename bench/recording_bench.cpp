// What recording costs: CPU time for each message with a recording over CPU time without, TLS
// included, both measured in this run, in turns.
//
// Two engines get the same messages, those of a real capture when there is one (HAVKLO_SHARED_DIR,
// or beside the project), else of the seeded market; the label says which. Each message is one TLS
// record, one read, one turn. Counted is the CPU time of the process, the kernel's threads that
// write to the disk among it, until the disk has everything. Not counted is the network: its cost
// would make the ratio look better. Before anything counts: every checksum verifies, and the
// recording replays to the same events.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <havklo/recording.hpp>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/engine.hpp"
#include "core/staging_door.hpp"
#include "io/certificate.hpp"
#include "io/live_transport.hpp"
#include "io/system_clock.hpp"
#include "io/tls.hpp"
#include "replay/market.hpp"
#include "replay/player.hpp"
#include "replay/venue_messages.hpp"
#include "support/temporary_file.hpp"
#include "websocket/connection.hpp"
#include "websocket/frame.hpp"

namespace {

using namespace havklo;

struct Messages {
  std::vector<std::string> texts;
  uint64_t books = 0;
  bool real = false;
};

bool is_book(std::string_view text) { return text.starts_with(R"({"channel":"book")"); }

// All that the venue said after the acknowledgements.
Messages captured_messages() {
  const char* shared = std::getenv("HAVKLO_SHARED_DIR");
  std::ifstream file(std::filesystem::path(shared != nullptr ? shared : HAVKLO_SHARED_DIR) /
                     "kraken/messages/session_btc-eth_book-d10_trade_2026-07-07.jsonl");
  Messages messages{.texts = {}, .real = true};
  for (std::string line; std::getline(file, line);) {
    const bool counts = line.starts_with(R"({"channel":)") && line.find(R"("status")") > 16;
    if (counts) messages.texts.push_back(line);
  }
  return messages;
}

// What the model sends to one subscriber of each book and of the trades.
Messages made_messages() {
  class Sink final : public replay::FeedSink {
   public:
    explicit Sink(std::vector<std::string>& into) : texts_(into) {}
    bool wants(Channel channel, uint32_t, uint32_t depth) override {
      return channel == Channel::trade || (channel == Channel::book && depth == 10);
    }
    bool on_message(Channel, uint32_t, uint32_t, std::string_view text, bool) override {
      texts_.emplace_back(text);
      return true;
    }

   private:
    std::vector<std::string>& texts_;
  };
  Messages messages;
  replay::MarketSettings settings;
  settings.symbols = {replay::market_symbol("BTC/USD"), replay::market_symbol("ETH/USD")};
  replay::Market market(settings, 7, 1'783'465'203'000'000);
  for (uint32_t i = 0; i < 2; ++i) {
    market.append_snapshot(Channel::book, i, 10, messages.texts.emplace_back());
  }
  Sink sink(messages.texts);
  market.resume({});
  market.advance(Instant{} + Duration::seconds(100), sink);
  return messages;
}

const Messages& messages() {
  static const Messages all = [] {
    Messages captured = captured_messages();
    if (captured.texts.empty()) captured = made_messages();
    captured.books = static_cast<uint64_t>(std::ranges::count_if(captured.texts, is_book));
    return captured;
  }();
  return all;
}

void append_frame(std::vector<std::byte>& stream, std::string_view text) {
  std::array<std::byte, websocket::frame_head_bytes_max> head{};
  const size_t bytes = websocket::encode_frame_head(
      {text.size(), 0, websocket::Opcode::text, true, false}, head.data());
  stream.insert(stream.end(), head.begin(), head.begin() + static_cast<ptrdiff_t>(bytes));
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  stream.insert(stream.end(), begin, begin + text.size());
}

// The venue's end of one connection: answers the upgrade, then says what it is told, encrypted.
class TlsVenue final : public Transport {
 public:
  TlsVenue() {
    const TemporaryFile ca(authority().certificate_pem());
    client_context_ = io::TlsContext::client(ca.path(), io::TlsVersions::only_1_3).value();
    server_context_ =
        io::TlsContext::server(authority().issue().value(), io::TlsVersions::only_1_3).value();
    client_.emplace(*client_context_, "localhost", io::TlsSession{});
    server_.emplace(*server_context_);
    std::vector<std::byte> wire;
    static_cast<void>(client_->handshake());
    while (!client_->is_established() || !server_->is_established() || !server_->output().empty()) {
      move(*client_, wire);
      server_->feed(wire);
      static_cast<void>(server_->handshake());
      move(*server_, wire);
      client_->feed(wire);
      if (client_->handshake() == io::TlsStatus::done) {
        static_cast<void>(client_->read(plaintext_));
      }
    }
  }
  // One record, one read.
  void say(std::span<const std::byte> bytes) {
    static_cast<void>(server_->write(bytes));
    move(*server_, reads_.emplace_back());
  }
  void say_text(std::string_view text) {
    std::vector<std::byte> stream;
    append_frame(stream, text);
    say(stream);
  }
  [[nodiscard]] bool has_more() const { return next_ != reads_.size(); }
  void forget_reads() {
    reads_.clear();
    next_ = 0;
  }

  void open(ConnectionId id, const OpenRequest&) override { id_ = id; }
  void send(ConnectionId, std::span<const std::byte> bytes) override {
    std::vector<std::byte> padded(bytes.begin(), bytes.end());
    padded.resize(bytes.size() + receive_padding);
    Nobody nobody;
    static_cast<void>(codec_.receive({padded.data(), bytes.size()}, nobody));
    const auto answer = codec_.output();
    if (!answer.empty()) say(answer);
    codec_.consume_output(answer.size());
  }
  void close(ConnectionId) override {}
  uint32_t poll(CompletionSink& sink, uint32_t) override {
    if (!opened_) {
      opened_ = true;
      codec_.start_server();
      sink.on_completion({.connection = id_, .kind = Completion::Kind::opened});
      return 1;
    }
    if (!has_more()) return 0;
    client_->feed(reads_[next_++]);
    const auto room = std::span(plaintext_).first(plaintext_.size() - receive_padding);
    const io::TlsStream::Read read = client_->read(room);
    sink.on_completion({.connection = id_,
                        .kind = Completion::Kind::received,
                        .bytes = {plaintext_.data(), read.bytes}});
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
  static const io::CertificateAuthority& authority() {
    static const io::CertificateAuthority made = io::CertificateAuthority::make().value();
    return made;
  }
  static void move(io::TlsStream& from, std::vector<std::byte>& wire) {
    wire.assign(from.output().begin(), from.output().end());
    from.consume_output(wire.size());
  }

  std::optional<io::TlsContext> client_context_;
  std::optional<io::TlsContext> server_context_;
  std::optional<io::TlsStream> client_;
  std::optional<io::TlsStream> server_;
  std::vector<std::byte> plaintext_ = std::vector<std::byte>(64 * 1024 + receive_padding);
  std::vector<std::vector<std::byte>> reads_;
  size_t next_ = 0;
  ConnectionId id_{};
  bool opened_ = false;
  websocket::Connection codec_{websocket::Role::server, 64 * 1024};
};

class NoCommands final : public CommandDoor {
 public:
  bool peek(Command&) override { return false; }
  void pop() override {}
};

class NoCompletions final : public CompletionSink {
 public:
  void on_completion(const Completion&) override {}
};

int64_t process_cpu_ns() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// An engine with what the live client has beside it: io_uring, looked at every turn.
class World {
 public:
  explicit World(const std::string& recording) {
    settings_.subscriptions.push_back(
        {.channel = Channel::book, .symbols = {"BTC/USD", "ETH/USD"}});
    settings_.subscriptions.push_back(
        {.channel = Channel::trade, .symbols = {"BTC/USD", "ETH/USD"}});
    uring_ = io::LiveTransport::create({.tls = false, .ca_file = {}, .uring = {}}).value();
    uring_->start_on_this_thread();
    if (!recording.empty()) {
      recorder_ = Recorder::create(recording, settings_, 1, clock_.utc_offset(), *uring_).value();
    }
    engine_.emplace(std::span(&settings_, 1),
                    core::Doors{clock_, venue_, commands_, door_, recorder_.get(), 1});
    turn();
    turn();
    venue_.say_text(R"({"channel":"status","data":[{"system":"online","api_version":"v2"}]})");
    for (const SubscriptionSettings& each : settings_.subscriptions) {
      for (const std::string& symbol : each.symbols) {
        std::string ack;
        replay::append_ack(ack, {.method = "subscribe",
                                 .channel = each.channel,
                                 .symbol = symbol,
                                 .depth = each.channel == Channel::book ? 10U : 0U});
        venue_.say_text(ack);
      }
    }
    while (venue_.has_more()) turn();
  }

  void encrypt_all() {
    venue_.forget_reads();
    for (const std::string& text : messages().texts) venue_.say_text(text);
  }
  // CPU time of all messages, and of bringing what was recorded to the disk.
  int64_t run() {
    const int64_t began = process_cpu_ns();
    while (venue_.has_more()) turn();
    // What the kernel's threads still write is this world's too.
    std::this_thread::sleep_for(std::chrono::milliseconds(recorder_ ? 20 : 0));
    return process_cpu_ns() - began;
  }
  void finish() {
    if (recorder_) recorder_->finish();
  }
  [[nodiscard]] bool recorded_all() const { return recorder_->outcome().has_value(); }
  [[nodiscard]] uint64_t verified() const { return verified_; }
  [[nodiscard]] uint64_t events() const { return events_; }

 private:
  void turn() {
    static_cast<void>(uring_->poll(nobody_, completions_per_turn_max));
    static_cast<void>(engine_->turn());
    uring_->flush();
    const EventWindow window = door_.published();
    events_ += window.room;
    for (uint32_t i = 0; i < window.room; ++i) {
      const EventKind kind = window[i].kind;
      const bool book = kind == EventKind::book_snapshot || kind == EventKind::book_update;
      verified_ += book && window[i].last_in_message() ? 1 : 0;
    }
  }

  Settings settings_;
  io::SystemClock clock_;
  TlsVenue venue_;
  NoCommands commands_;
  NoCompletions nobody_;
  core::StagingDoor door_{65'536};
  std::unique_ptr<io::LiveTransport> uring_;
  std::unique_ptr<Recorder> recorder_;
  std::optional<core::Engine> engine_;
  uint64_t verified_ = 0;
  uint64_t events_ = 0;
};

double quantile(std::vector<double> values, double q) {
  std::ranges::sort(values);
  return values[static_cast<size_t>(q * static_cast<double>(values.size() - 1))];
}

void recording_cost(benchmark::State& state) {
  const TemporaryFile file;
  World plain("");
  World recorded(file.path());
  std::vector<double> ratios;
  std::vector<double> plain_ns;
  const auto count = static_cast<double>(messages().texts.size());
  bool plain_first = false;
  for (auto _ : state) {
    plain.encrypt_all();
    recorded.encrypt_all();
    plain_first = !plain_first;
    int64_t without = plain_first ? plain.run() : 0;
    const int64_t with = recorded.run();
    if (!plain_first) without = plain.run();
    ratios.push_back(static_cast<double>(with) / static_cast<double>(without));
    plain_ns.push_back(static_cast<double>(without) / count);
    state.SetIterationTime(static_cast<double>(with) / 1e9);
  }
  recorded.finish();
  const uint64_t books = messages().books * ratios.size();
  if (plain.verified() != books || recorded.verified() != books) {
    return state.SkipWithError("a checksum did not verify");
  }
  replay::Player player(replay::Reader::open(file.path()).value());
  const replay::PlayResult result = player.run();
  if (!recorded.recorded_all() || !result.identical() || !result.torn.empty() ||
      result.events != recorded.events()) {
    return state.SkipWithError("the recording does not replay");
  }
  state.SetLabel(messages().real ? "real capture" : "seeded market");
  state.counters["ns_without"] = quantile(plain_ns, 0.5);
  state.counters["ratio"] = quantile(ratios, 0.5);
  state.counters["ratio_p10"] = quantile(ratios, 0.1);
  state.counters["ratio_p90"] = quantile(ratios, 0.9);
}
BENCHMARK(recording_cost)->UseManualTime();

}  // namespace
