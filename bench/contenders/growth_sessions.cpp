// What a book message costs as the sessions of one engine grow, the books in all remaining 64: ours
// against itself.
#include <array>
#include <memory>
#include <utility>

#include "bench/questions/books.hpp"
#include "bench/venue/world.hpp"

namespace havklo::bench {
namespace {

constexpr size_t books_in_all = 64;

// As FeedTransport, for many connections: what the benchmark put in goes to one of them.
class ManyFeeds final : public Transport {
 public:
  explicit ManyFeeds(size_t connections) : peers_(connections) {}

  struct Peer {
    ConnectionId id{};
    bool asked = false;
    std::vector<std::byte> answer;
    websocket::Connection server{websocket::Role::server, 16 * 1024};
  };
  size_t to = 0;
  std::span<const std::byte> next;  // the next read of `to`; padding behind it

  void open(ConnectionId id, const OpenRequest&) override {
    Peer& peer = *(peers_[opened_++] = std::make_unique<Peer>());
    peer.id = id;
    peer.asked = true;
    peer.server.start_server();
  }
  void send(ConnectionId id, std::span<const std::byte> bytes) override {
    std::vector<std::byte> padded(bytes.begin(), bytes.end());
    padded.resize(bytes.size() + receive_padding);
    for (const auto& peer : peers_) {
      if (peer->id != id) continue;
      Nobody nobody;
      static_cast<void>(peer->server.receive({padded.data(), bytes.size()}, nobody));
      const auto answer = peer->server.output();
      peer->answer.assign(answer.begin(), answer.end());
      peer->server.consume_output(answer.size());
    }
  }
  void close(ConnectionId) override {}
  uint32_t poll(CompletionSink& sink, uint32_t) override {
    if (!next.empty()) {
      sink.on_completion({.connection = peers_[to]->id,
                          .kind = Completion::Kind::received,
                          .bytes = std::exchange(next, {})});
      return 1;
    }
    uint32_t taken = 0;
    for (size_t i = 0; i < opened_; ++i) {
      Peer& peer = *peers_[i];
      if (std::exchange(peer.asked, false)) {
        sink.on_completion({.connection = peer.id, .kind = Completion::Kind::opened});
        ++taken;
      } else if (!peer.answer.empty()) {
        std::vector<std::byte> padded = std::exchange(peer.answer, {});
        const size_t size = padded.size();
        padded.resize(size + receive_padding);
        sink.on_completion({.connection = peer.id,
                            .kind = Completion::Kind::received,
                            .bytes = {padded.data(), size}});
        ++taken;
      }
    }
    return taken;
  }
  void flush() override {}

 private:
  std::vector<std::unique_ptr<Peer>> peers_;
  size_t opened_ = 0;
};

class SessionsWorld {
 public:
  SessionsWorld(const std::vector<std::string>& symbols, size_t sessions)
      : each_(symbols.size() / sessions), network_(sessions) {
    for (size_t i = 0; i < sessions; ++i) {
      const auto begin = symbols.begin() + static_cast<ptrdiff_t>(i * each_);
      Settings& made = settings_.emplace_back();
      made.requests.burst = 1'000;
      made.subscriptions.push_back({.channel = Channel::book,
                                    .symbols = {begin, begin + static_cast<ptrdiff_t>(each_)},
                                    .depth = 10});
    }
    engine_ = std::make_unique<Engine>(
        settings_, Doors{clock_, network_, commands_, events_, nullptr, 1, nullptr});
    for (int i = 0; i < 3; ++i) static_cast<void>(engine_->turn());
    for (size_t i = 0; i < sessions; ++i) {
      say(i, R"({"channel":"status","data":[{"system":"online","api_version":"v2"}]})");
    }
    for (size_t i = 0; i < symbols.size(); ++i) {
      std::string ack;
      replay::append_ack(ack, {.method = "subscribe", .symbol = symbols[i], .parameter = 10U});
      say(i / each_, ack);
    }
  }
  // The connection that carries the book of this number.
  [[nodiscard]] size_t connection_of(size_t book) const { return book / each_; }
  // Book messages that this read held and that verified; none when one did not.
  uint64_t take(size_t connection, std::span<const std::byte> read) {
    network_.to = connection;
    network_.next = read;
    static_cast<void>(engine_->turn());
    uint64_t verified = 0;
    for (const Event& event : events_.published()) {
      if (event.kind == EventKind::checksum_mismatch) return 0;
      const bool book =
          event.kind == EventKind::book_snapshot || event.kind == EventKind::book_update;
      verified += book && event.last_in_message() ? 1 : 0;
    }
    return verified;
  }

 private:
  void say(size_t connection, std::string_view text) {
    std::vector<std::byte> stream;
    append_frame(stream, text);
    const size_t size = stream.size();
    stream.resize(size + receive_padding);
    take(connection, {stream.data(), size});
  }

  size_t each_;
  std::vector<Settings> settings_;
  ManualClock clock_{Instant{1}};
  ManyFeeds network_;
  NoCommands commands_;
  StagingDoor events_{65'536};
  std::unique_ptr<Engine> engine_;
};

// The number in "S17/USD".
size_t book_of(std::string_view text) {
  constexpr std::string_view before = R"("symbol":"S)";
  return std::strtoull(std::string(text.substr(text.find(before) + before.size(), 4)).c_str(),
                       nullptr, 10);
}

// Frames of the seeded market, the same whatever the number of sessions; one a read.
Measured sessions(const Run& run) {
  std::vector<std::string> symbols;
  for (size_t i = 0; i < books_in_all; ++i) symbols.push_back("S" + std::to_string(i) + "/USD");
  const size_t wanted = symbols.size() + (run.tiny ? 200 : 20'000);
  Frames frames;
  for (int64_t ms = 100; frames.texts.size() < wanted; ms *= 2) {
    frames = made_frames(symbols, 10, Duration::milliseconds(ms));
  }
  frames.texts.resize(wanted);
  const auto reads = reads_of(frames.texts, 1);
  SessionsWorld world(symbols, static_cast<size_t>(run.size));
  std::vector<size_t> to;
  for (const std::string& text : frames.texts) to.push_back(world.connection_of(book_of(text)));
  uint64_t verified = 0;
  const auto pass = [&](size_t from, size_t until) {
    for (size_t i = from; i < until; ++i) {
      verified += world.take(to[i], {reads[i].data(), reads[i].size() - receive_padding});
    }
  };
  std::vector<double> costs;
  const int passes = run.tiny ? 1 : 5;
  for (int i = 0; i < passes; ++i) {
    pass(0, symbols.size());
    const double begin = thread_cpu_ns();
    pass(symbols.size(), wanted);
    costs.push_back((thread_cpu_ns() - begin) / static_cast<double>(wanted - symbols.size()));
  }
  if (verified != static_cast<uint64_t>(passes) * wanted) {
    return std::unexpected("a checksum did not verify, or a message did not come");
  }
  return Figure{.value = median(costs), .percentiles = {}};
}

const Growth grow_sessions("grow_sessions", sessions, {1, 4, 16, 64});

}  // namespace
}  // namespace havklo::bench
