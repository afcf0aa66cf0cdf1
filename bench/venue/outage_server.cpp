// One connection at a time, read in a spin.
#include "bench/venue/outage_server.hpp"

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <havklo/limits.hpp>
#include <optional>
#include <span>
#include <thread>
#include <utility>

#include "bench/harness/measure.hpp"
#include "bench/venue/frames.hpp"
#include "bench/venue/loopback_listener.hpp"
#include "io/tls/certificate_authority.hpp"
#include "io/tls/stream.hpp"
#include "replay/venue/messages.hpp"
#include "websocket/connection.hpp"

namespace havklo::bench {
namespace {

// Greets, and keeps the numbers of the symbols that a request names.
struct Asked {
  const std::vector<std::string>& symbols;
  std::vector<std::string> says;
  std::vector<size_t> books;
  std::optional<int64_t> req_id;

  bool on_open(const websocket::UpgradeResult&) {
    replay::append_status(says.emplace_back(), SystemStatus::online, 42);
    return true;
  }
  bool on_text(std::string_view text) {
    if (text.find("\"subscribe\"") == text.npos) return true;
    if (const size_t at = text.find("\"req_id\":"); at != text.npos) {
      req_id = std::strtoll(std::string(text.substr(at + 9, 20)).c_str(), nullptr, 10);
    }
    // They are named in the order of ours; in another one this takes longer, no more.
    size_t from = 0;
    for (size_t i = 0; i < symbols.size(); ++i) {
      const std::string quoted = '"' + symbols[i] + '"';
      size_t at = text.find(quoted, from);
      if (at == text.npos) at = text.find(quoted);
      if (at == text.npos) continue;
      from = at + quoted.size();
      books.push_back(i);
    }
    return true;
  }
  bool on_binary(std::span<const std::byte>) { return true; }
  bool on_ping(std::span<const std::byte>) { return true; }
  bool on_pong(std::span<const std::byte>) { return true; }
  bool on_close(uint16_t, std::string_view) { return true; }
};

}  // namespace

struct OutageServer::State {
  State(std::vector<std::string> names, bool knows)
      : knows_tickets(knows), frames(made_frames(std::move(names), 10, Duration{})) {
    identity = authority.issue().value();
    prepare();
  }
  ~State() {
    if (file >= 0) ::close(file);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  // What the next connection needs, made while no client waits for it. New keys for tickets come
  // with a new context.
  void prepare() {
    tls.reset();
    if (!context || !knows_tickets) {
      context.emplace(io::TlsContext::server(identity, io::TlsVersions::only_1_3).value());
    }
    tls.emplace(*context);
    websocket.start_server();
  }
  void accept() {
    const int64_t begin = monotonic_ns();
    file = ::accept4(listener.file(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (file < 0) return;
    const int on = 1;
    ::setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    venue_ns += monotonic_ns() - begin;
  }
  void end() {
    prepare();
    ::close(std::exchange(file, -1));
  }
  // A record for each message, as the venue sends them.
  void say(std::string_view text) {
    if (!text.empty()) must(websocket.send_text(text), "answer");
    if (websocket.output().empty()) return;
    must(tls->write(websocket.output()), "TLS write");
    websocket.consume_output(websocket.output().size());
  }
  void push_out() {
    while (!tls->output().empty()) {
      const ssize_t sent = ::send(file, tls->output().data(), tls->output().size(), MSG_NOSIGNAL);
      if (sent < 0 && errno == EAGAIN) continue;
      if (sent <= 0) return;
      tls->consume_output(static_cast<size_t>(sent));
    }
  }
  // Everything that a read brought; false at the end of the stream.
  bool answer(std::span<const std::byte> read_bytes) {
    tls->feed(read_bytes);
    if (!tls->is_established()) {
      const io::TlsStatus status = tls->handshake();
      if (status == io::TlsStatus::want_more) return push_out(), true;
      if (status != io::TlsStatus::done) return false;
    }
    Asked asked{frames.symbols, {}, {}, {}};
    for (;;) {
      const auto read = tls->read(std::span(plain).first(plain.size() - receive_padding));
      if (read.bytes > 0 &&
          websocket.receive(std::span(plain).first(read.bytes), asked) != websocket::Error::none) {
        return false;
      }
      if (read.status == io::TlsStatus::closed || read.status == io::TlsStatus::failed) {
        return false;
      }
      if (read.status != io::TlsStatus::done) break;
    }
    say({});  // the answer to the upgrade
    for (const std::string& text : asked.says) say(text);
    for (const size_t book : asked.books) {
      std::string ack;
      replay::append_ack(ack, {.method = "subscribe",
                               .channel = Channel::book,
                               .symbol = frames.symbols[book],
                               .parameter = frames.depth,
                               .snapshot = true,
                               .req_id = asked.req_id,
                               .utc_us = 1'783'465'203'000'000});
      say(ack);
    }
    push_out();
    for (const size_t book : asked.books) say(frames.texts[book]);
    push_out();
    return true;
  }
  void step() {
    if (cut.exchange(false) && file >= 0) end();
    if (file < 0) return accept();
    const ssize_t size = ::recv(file, cipher.data(), cipher.size(), 0);
    if (size < 0) return;
    const int64_t begin = monotonic_ns();
    if (size == 0 || !answer(std::span(cipher).first(static_cast<size_t>(size)))) return end();
    venue_ns += monotonic_ns() - begin;
  }

  bool knows_tickets;
  Frames frames;  // the snapshots, in the order of the symbols
  io::CertificateAuthority authority = io::CertificateAuthority::make().value();
  io::ServerIdentity identity;
  std::optional<io::TlsContext> context;
  std::optional<io::TlsStream> tls;
  websocket::Connection websocket{websocket::Role::server, 64 * 1024, 256 * 1024};
  std::array<std::byte, 16'384> cipher{};
  std::array<std::byte, 16'384 + receive_padding> plain{};
  LoopbackListener listener{SOCK_NONBLOCK};
  int file = -1;
  std::atomic<bool> stopped{false};
  std::atomic<bool> cut{false};
  std::atomic<int64_t> venue_ns{0};
};

OutageServer::OutageServer(std::vector<std::string> symbols, bool knows_tickets)
    : state_(std::make_unique<State>(std::move(symbols), knows_tickets)) {}
OutageServer::~OutageServer() = default;

uint16_t OutageServer::port() const { return state_->listener.port(); }
const std::string& OutageServer::ca_pem() const { return state_->authority.certificate_pem(); }
void OutageServer::stop() { state_->stopped = true; }
void OutageServer::cut() { state_->cut = true; }
int64_t OutageServer::venue_ns() const { return state_->venue_ns; }

void OutageServer::run() {
  while (!state_->stopped) state_->step();
}

}  // namespace havklo::bench
