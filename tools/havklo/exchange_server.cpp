// Sockets on one side, the model on the other.
#include "havklo/exchange_server.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "replay/text/printable.hpp"

namespace havklo {
namespace {

using replay::Admission;
using replay::VenueConnection;

constexpr int backlog = 64;
// How long a half-closed socket waits for the client's end.
constexpr Duration linger_time = Duration::seconds(2);
// Ciphertext that may wait for the kernel before more is made.
constexpr size_t unsent_bytes_max = 256 * 1024;
constexpr std::string_view not_tls = "220 havklo does not speak TLS today\r\n";

}  // namespace

std::string note_line(OutputFormat format, Instant now, uint32_t connection, std::string_view what,
                      std::string_view detail) {
  if (format == OutputFormat::text) {
    return fmt::format("{:+11.6f} s  {:>4}  {:<9}  {}\n", static_cast<double>(now.ns) / 1e9,
                       connection == 0 ? std::string("-") : std::to_string(connection), what,
                       replay::printable(detail));
  }
  std::string line = fmt::format(R"({{"time_ns":{},"connection":{},"what":"{}","detail":")", now.ns,
                                 connection, what);
  replay::append_in_quotes(line, detail);
  return line += "\"}\n";
}

struct ExchangeServer::Peer {
  int file = -1;
  uint32_t number = 0;  // the venue's; 0: none, or gone
  Admission::Kind kind = Admission::Kind::accept;
  std::optional<io::TlsStream> tls;
  bool opened = false;
  bool finishing = false;  // our FIN is out
  bool done = false;
  Instant give_up = Instant::never();
  std::string unsent;

  Peer() = default;
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  ~Peer() {
    if (file >= 0) ::close(file);
  }
  void reset() {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(file, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    done = true;
  }
};

std::expected<std::unique_ptr<ExchangeServer>, std::string> ExchangeServer::create(
    const ExchangeServerOptions& options, std::unique_ptr<replay::Venue> venue) {
  std::unique_ptr<ExchangeServer> server(new ExchangeServer());
  server->options_ = options;
  server->venue_ = std::move(venue);
  server->port_ = options.port;
  server->began_ = server->clock_.now();
  const auto context = [](const io::ServerIdentity& identity,
                          std::optional<io::TlsContext>& into) -> std::expected<void, std::string> {
    auto made = io::TlsContext::server(identity);
    if (!made) return std::unexpected(made.error());
    into = std::move(*made);
    return {};
  };
  if (options.tls) {
    if (auto ok = context(options.identity, server->tls_); !ok) return std::unexpected(ok.error());
    if (options.expired) {
      if (auto ok = context(*options.expired, server->expired_); !ok) {
        return std::unexpected(ok.error());
      }
    }
    if (options.wrong_name) {
      if (auto ok = context(*options.wrong_name, server->wrong_name_); !ok) {
        return std::unexpected(ok.error());
      }
    }
  }
  if (auto ok = server->listen(); !ok) return std::unexpected(ok.error());
  return server;
}

ExchangeServer::~ExchangeServer() {
  if (listener_ >= 0) ::close(listener_);
}

std::expected<void, std::string> ExchangeServer::listen() {
  const auto cannot = [this] {
    const std::string why = std::strerror(errno);
    if (listener_ >= 0) ::close(listener_);
    listener_ = -1;
    return std::unexpected(fmt::format("cannot listen on {}:{}: {}", options_.address, port_, why));
  };
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port_);
  if (inet_pton(AF_INET, options_.address.c_str(), &address.sin_addr) != 1) {
    return std::unexpected(fmt::format(
        "--listen {}: must be an IPv4 address and a port, as 127.0.0.1:8443", options_.address));
  }
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listener_ < 0) return cannot();
  const int on = 1;
  ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  socklen_t size = sizeof address;
  if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      ::listen(listener_, backlog) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return cannot();
  }
  port_ = ntohs(address.sin_port);
  return {};
}

void ExchangeServer::run(const std::atomic<bool>& stop) {
  while (!stop.load(std::memory_order_relaxed)) step(Duration::milliseconds(20));
}

void ExchangeServer::step(Duration longest) {
  venue_->advance(now());
  follow_listening();
  for (const auto& peer : peers_) serve(*peer, false);
  std::erase_if(peers_, [](const auto& peer) { return peer->done; });

  std::vector<pollfd> waits;
  waits.push_back({.fd = listener_, .events = POLLIN, .revents = 0});
  for (const auto& peer : peers_) {
    const VenueConnection* connection = venue_->connection(peer->number);
    const bool reads = peer->number == 0 || connection == nullptr || connection->reads(now());
    const int events = (reads ? POLLIN : 0) | (peer->unsent.empty() ? 0 : POLLOUT);
    waits.push_back({.fd = peer->file, .events = static_cast<short>(events), .revents = 0});
  }
  const Duration wait = until_next_deadline(longest);
  timespec limit{.tv_sec = wait.ns / 1'000'000'000, .tv_nsec = wait.ns % 1'000'000'000};
  if (::ppoll(waits.data(), waits.size(), &limit, nullptr) <= 0) return;
  venue_->advance(now());
  const size_t served = peers_.size();
  for (size_t i = 0; i < served; ++i) {
    if (waits[i + 1].revents != 0) serve(*peers_[i], (waits[i + 1].revents & ~POLLOUT) != 0);
  }
  if ((waits[0].revents & POLLIN) != 0) accept_all();
}

Duration ExchangeServer::until_next_deadline(Duration longest) {
  Instant next = venue_->next_deadline();
  for (const auto& peer : peers_) next = std::min(next, peer->give_up);
  const Instant at = now();
  if (next <= at) return {};
  return next == Instant::never() ? longest : std::min(longest, next - at);
}

// Everybody is refused by there being nobody who listens.
void ExchangeServer::follow_listening() {
  const bool wanted = venue_->listening(now());
  if (wanted && listener_ < 0) static_cast<void>(listen());  // taken meanwhile: tried again
  if (!wanted && listener_ >= 0) {
    ::close(listener_);
    listener_ = -1;
  }
}

void ExchangeServer::accept_all() {
  for (;;) {
    const int file = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (file < 0) return;
    const int on = 1;
    ::setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    admit(file);
  }
}

void ExchangeServer::admit(int file) {
  const Admission admission = venue_->admit(now(), options_.tls);
  auto peer = std::make_unique<Peer>();
  peer->file = file;
  peer->kind = admission.kind;
  io::TlsContext* context = tls_ ? &*tls_ : nullptr;
  switch (admission.kind) {
    case Admission::Kind::refuse:
    case Admission::Kind::resolve_failed:
      return peer->reset();
    case Admission::Kind::silent_tcp:
    case Admission::Kind::silent_tls:
    case Admission::Kind::tls_garbage:
    case Admission::Kind::tls_abort:
      peers_.push_back(std::move(peer));
      return;
    case Admission::Kind::tls_expired:
      if (expired_) context = &*expired_;
      break;
    case Admission::Kind::tls_wrong_name:
      if (wrong_name_) context = &*wrong_name_;
      break;
    case Admission::Kind::accept:
      break;
  }
  peer->number = admission.number;
  if (context != nullptr) {
    peer->tls.emplace(*context);
  } else {
    peer->opened = true;
    venue_->connection(peer->number)->on_opened(now());
  }
  peers_.push_back(std::move(peer));
}

void ExchangeServer::serve(Peer& peer, bool readable) {
  if (readable) read(peer);
  if (peer.done) return;
  write(peer);
  if (!peer.done && peer.give_up <= now()) end(peer);
}

void ExchangeServer::read(Peer& peer) {
  std::array<std::byte, 64 * 1024> bytes;
  for (;;) {
    VenueConnection* connection = venue_->connection(peer.number);
    if (connection != nullptr && !connection->reads(now())) return;
    const ssize_t size = ::recv(peer.file, bytes.data(), bytes.size(), 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size <= 0) return end(peer);
    const auto got = std::span<const std::byte>(bytes).first(static_cast<size_t>(size));
    switch (peer.kind) {
      case Admission::Kind::silent_tcp:
      case Admission::Kind::silent_tls:
        continue;
      case Admission::Kind::tls_garbage:
        static_cast<void>(::send(peer.file, not_tls.data(), not_tls.size(), MSG_NOSIGNAL));
        return end(peer);
      case Admission::Kind::tls_abort:
        return peer.reset();
      default:
        break;
    }
    if (connection == nullptr) continue;  // after our end: what still comes is not read
    if (peer.tls) {
      on_ciphertext(peer, got);
    } else {
      connection->on_bytes(got, now());
    }
    if (peer.done) return;
  }
}

void ExchangeServer::on_ciphertext(Peer& peer, std::span<const std::byte> bytes) {
  peer.tls->feed(bytes);
  if (!peer.tls->is_established()) {
    const io::TlsStatus status = peer.tls->handshake();
    if (status == io::TlsStatus::failed) return end(peer);
    if (status != io::TlsStatus::done) return;
  }
  if (!peer.opened) {
    peer.opened = true;
    if (VenueConnection* connection = venue_->connection(peer.number)) connection->on_opened(now());
  }
  std::array<std::byte, 16 * 1024> room;
  for (;;) {
    const io::TlsStream::Read read = peer.tls->read(room);
    VenueConnection* connection = venue_->connection(peer.number);
    if (read.bytes != 0 && connection != nullptr) {
      connection->on_bytes(std::span<const std::byte>(room).first(read.bytes), now());
    }
    if (read.status == io::TlsStatus::want_more) return;
    if (read.status != io::TlsStatus::done) return end(peer);
  }
}

void ExchangeServer::write(Peer& peer) {
  for (;;) {
    VenueConnection* connection = venue_->connection(peer.number);
    const Instant at = now();
    if (connection != nullptr && peer.opened) {
      auto bytes = connection->output(at);
      while (!bytes.empty() && peer.unsent.size() < unsent_bytes_max) {
        const size_t piece = std::min<size_t>(bytes.size(), 16 * 1024);
        if (!peer.tls) {
          peer.unsent.append(reinterpret_cast<const char*>(bytes.data()), piece);
        } else if (!peer.tls->write(bytes.first(piece))) {
          break;
        }
        connection->consume(piece, at);
        bytes = connection->output(at);
      }
    }
    if (peer.tls) {
      const auto ciphertext = peer.tls->output();
      peer.unsent.append(reinterpret_cast<const char*>(ciphertext.data()), ciphertext.size());
      peer.tls->consume_output(ciphertext.size());
    }
    if (peer.unsent.empty()) break;
    const ssize_t sent = ::send(peer.file, peer.unsent.data(), peer.unsent.size(), MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (sent < 0) return end(peer);
    peer.unsent.erase(0, static_cast<size_t>(sent));
    if (!peer.unsent.empty()) return;
  }
  VenueConnection* connection = venue_->connection(peer.number);
  if (connection == nullptr) return;
  switch (connection->ending(now())) {
    case VenueConnection::Ending::none:
      return;
    case VenueConnection::Ending::reset:
      venue_->remove(peer.number);
      peer.number = 0;
      return peer.reset();
    case VenueConnection::Ending::fin:
      venue_->remove(peer.number);
      peer.number = 0;
      ::shutdown(peer.file, SHUT_WR);
      peer.give_up = now() + linger_time;
      return;
  }
}

void ExchangeServer::end(Peer& peer) {
  if (peer.tls) {  // an alert, if there is one
    const auto alert = peer.tls->output();
    static_cast<void>(!::send(peer.file, alert.data(), alert.size(), MSG_NOSIGNAL));
  }
  if (peer.number != 0) venue_->remove(peer.number);
  peer.number = 0;
  peer.done = true;
}

}  // namespace havklo
