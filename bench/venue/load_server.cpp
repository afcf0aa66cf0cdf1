// Blocking sockets on the way in, a spin on the schedule on the way out.
#include "bench/venue/load_server.hpp"

#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <havklo/limits.hpp>
#include <optional>
#include <span>
#include <vector>

#include "bench/harness/measure.hpp"
#include "bench/venue/frames.hpp"
#include "bench/venue/loopback_listener.hpp"
#include "io/tls/certificate_authority.hpp"
#include "io/tls/stream.hpp"
#include "replay/venue/messages.hpp"
#include "websocket/connection.hpp"

namespace havklo::bench {
namespace {

// What the client asks for is answered; nothing else is listened to.
struct Requests {
  std::vector<std::string> answers;
  bool on_open(const websocket::UpgradeResult&) {
    replay::append_status(answers.emplace_back(), SystemStatus::online, 42);
    return true;
  }
  bool on_text(std::string_view text) {
    if (text.find("subscribe") == text.npos) return true;
    const bool book = text.find("book") != text.npos;
    std::optional<int64_t> req_id;
    if (const size_t at = text.find("\"req_id\":"); at != text.npos) {
      req_id = std::strtoll(std::string(text.substr(at + 9, 20)).c_str(), nullptr, 10);
    }
    for (const std::string_view symbol : {"BTC/USD", "ETH/USD"}) {
      if (text.find(symbol) == text.npos) continue;
      replay::append_ack(answers.emplace_back(), {.method = "subscribe",
                                                  .channel = book ? Channel::book : Channel::trade,
                                                  .symbol = symbol,
                                                  .parameter = book ? 10U : 0U,
                                                  .snapshot = true,
                                                  .event_trigger = {},
                                                  .req_id = req_id,
                                                  .utc_us = 1'783'465'203'000'000});
    }
    subscribed = true;
    return true;
  }
  bool on_binary(std::span<const std::byte>) { return true; }
  bool on_ping(std::span<const std::byte>) { return true; }
  bool on_pong(std::span<const std::byte>) { return true; }
  bool on_close(uint16_t, std::string_view) { return true; }
  bool subscribed = false;
};

}  // namespace

std::string trade_text(uint64_t id) {
  return std::string(trade_begins) + std::to_string(id) +
         R"(,"timestamp":"2026-07-07T23:00:03.501510Z"}]})";
}

struct LoadServer::State {
  explicit State(const Load& what) : load(what) {
    const auto identity = authority.issue();
    must(identity.has_value(), "no certificate");
    tls_context.emplace(io::TlsContext::server(*identity).value());
  }
  ~State() {
    if (file >= 0) ::close(file);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void accept() {
    file = ::accept4(listener.file(), nullptr, nullptr, SOCK_CLOEXEC);
    must(file >= 0, "accept");
    const int on = 1;
    ::setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    tls.emplace(*tls_context);
    websocket.start_server();
  }
  // False when the client is gone.
  bool write_all(std::span<const std::byte> bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(file, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes = bytes.subspan(static_cast<size_t>(sent));
    }
    return true;
  }
  void seal() {
    if (websocket.output().empty()) return;
    must(tls->write(websocket.output()), "TLS write");
    websocket.consume_output(websocket.output().size());
  }
  bool push_out() {
    seal();
    const bool good = write_all(tls->output());
    tls->consume_output(tls->output().size());
    return good;
  }
  // Reads once and answers; false at the end of the stream.
  bool serve_once(Requests& requests) {
    std::array<std::byte, 16'384> cipher{};
    const ssize_t size = ::recv(file, cipher.data(), cipher.size(), 0);
    if (size <= 0) return false;
    tls->feed(std::span(cipher).first(static_cast<size_t>(size)));
    if (!tls->is_established() && tls->handshake() != io::TlsStatus::done) return push_out();
    std::array<std::byte, 16'384 + receive_padding> plain{};
    for (;;) {
      const auto read = tls->read(std::span(plain).first(16'384));
      if (read.bytes > 0) {
        if (websocket.receive(std::span(plain).first(read.bytes), requests) !=
            websocket::Error::none) {
          return false;
        }
      }
      if (read.status != io::TlsStatus::done) break;
    }
    for (const std::string& each : requests.answers) must(websocket.send_text(each), "answer");
    requests.answers.clear();
    return push_out();
  }
  // A record for each message. What is due by then goes out in one call, as from the queue of a
  // server that is behind: a call for each would never catch up where one takes as long as a step,
  // and the server would be what is measured.
  void send_at_rate() {
    constexpr size_t call_bytes = 16 * 1024;
    const int64_t step = 1'000'000'000 / static_cast<int64_t>(load.per_second);
    int64_t due = monotonic_ns() + 20'000'000;
    for (uint64_t i = 0; i < load.messages; ++i, due += step) {
      while (monotonic_ns() < due) continue;
      must(websocket.send_text(trade_text(static_cast<uint64_t>(due))), "send");
      seal();
      const bool more_is_due = i + 1 < load.messages && monotonic_ns() >= due + step;
      if (more_is_due && tls->output().size() < call_bytes) continue;
      if (!push_out()) return;
    }
  }
  void flood() {
    const std::vector<std::string>& books = real_or_made_frames().texts;
    std::vector<std::byte> all;
    for (uint64_t i = 0; i < load.messages; ++i) {
      const std::string text = load.kind == Load::Kind::flood_books ? books[i % books.size()]
                                                                    : trade_text(10'000'000 + i);
      must(websocket.send_text(text), "send");
      seal();
      all.insert(all.end(), tls->output().begin(), tls->output().end());
      tls->consume_output(tls->output().size());
    }
    static_cast<void>(write_all(all));
  }

  Load load;
  io::CertificateAuthority authority = io::CertificateAuthority::make().value();
  std::optional<io::TlsContext> tls_context;
  std::optional<io::TlsStream> tls;
  websocket::Connection websocket{websocket::Role::server, 64 * 1024, 256 * 1024};
  LoopbackListener listener;
  int file = -1;
};

LoadServer::LoadServer(const Load& load) : state_(std::make_unique<State>(load)) {}
LoadServer::~LoadServer() = default;

uint16_t LoadServer::port() const { return state_->listener.port(); }
const std::string& LoadServer::ca_pem() const { return state_->authority.certificate_pem(); }

void LoadServer::run() {
  state_->accept();
  Requests requests;
  while (!requests.subscribed) {
    if (!state_->serve_once(requests)) return;
  }
  if (state_->load.kind == Load::Kind::rate) {
    state_->send_at_rate();
  } else {
    state_->flood();
  }
  // Until the client has read all and goes; at most ten seconds.
  pollfd one{.fd = state_->file, .events = POLLIN, .revents = 0};
  while (::poll(&one, 1, 10'000) > 0 && state_->serve_once(requests)) continue;
}

}  // namespace havklo::bench
