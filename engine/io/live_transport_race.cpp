// From a name to one open TCP connection: the addresses of an attempt race.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "io/live_transport.hpp"

namespace havklo::io {
namespace {

socklen_t to_sockaddr(const Endpoint& endpoint, sockaddr_storage& storage) {
  std::memset(&storage, 0, sizeof storage);
  if (endpoint.family == 4) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(endpoint.port);
    std::memcpy(&in.sin_addr, endpoint.address.data(), 4);
    std::memcpy(&storage, &in, sizeof in);
    return sizeof in;
  }
  sockaddr_in6 in{};
  in.sin6_family = AF_INET6;
  in.sin6_port = htons(endpoint.port);
  std::memcpy(&in.sin6_addr, endpoint.address.data(), 16);
  std::memcpy(&storage, &in, sizeof in);
  return sizeof in;
}

Reason reason_of_connect(int32_t error) {
  return error == ETIMEDOUT || error == ECANCELED ? Reason::connect_timeout
                                                  : Reason::connect_refused;
}

}  // namespace

PendingConnect& LiveTransport::free_pending() {
  for (const auto& pending : pending_) {
    if (pending->phase == PendingConnect::Phase::free) return *pending;
  }
  pending_.push_back(std::make_unique<PendingConnect>());
  pending_.back()->number = static_cast<uint32_t>(pending_.size() - 1);
  return *pending_.back();
}

addresses::Addresses& LiveTransport::addresses_of(const std::string& host, uint16_t port) {
  return names_[{host, port}];
}

void LiveTransport::on_resolved(const ResolverAnswer& answer) {
  addresses_of(answer.host, answer.port).learn(answer.addresses);
  Slot& slot = *slots_[static_cast<uint32_t>(answer.token)];
  if (slot.generation != answer.token >> 32U || !slot.races() || slot.has_failure) return;
  slot.asks = false;
  slot.race.offer(candidates(slot));
  run_race(slot);
}

// A socket of one family cannot reach the other. Nobody left is told as what it is.
addresses::AddressOrder LiveTransport::candidates(Slot& slot) {
  addresses::AddressOrder all = slot.addresses->order();
  if (slot.source.family == 0) return all;
  addresses::AddressOrder fitting;
  for (size_t i = 0; i < all.endpoints.size(); ++i) {
    if (all.endpoints[i].family != slot.source.family) continue;
    fitting.endpoints.push_back(all.endpoints[i]);
    if (i < all.trusted) ++fitting.trusted;
  }
  if (fitting.endpoints.empty() && !all.endpoints.empty()) slot.failure_error = EAFNOSUPPORT;
  return fitting;
}

template <class Use>
void LiveTransport::for_each_runner(const Slot& slot, Use use) {
  for (const auto& pending : pending_) {
    const bool runs = pending->phase == PendingConnect::Phase::connecting;
    if (runs && pending->slot == &slot) use(*pending);
  }
}

void LiveTransport::run_race(Slot& slot) {
  while (!slot.has_failure) {
    const auto start = slot.race.next(clock_.now());
    if (!start) break;
    if (start->instead_of) {
      for_each_runner(slot, [&](PendingConnect& runner) {
        if (runner.peer == *start->instead_of) abandon(runner);
      });
      fall(slot, *start->instead_of, ETIMEDOUT);
    }
    start_connect(slot, start->endpoint);
  }
  // The last error is the attempt's.
  const bool answered = !slot.asks || clock_.now() >= slot.answer_due;
  if (!slot.has_failure && slot.race.over() && answered) {
    fail_later(slot, slot.failure, slot.failure_error);
  }
  note_race_wake();
}

void LiveTransport::fall(Slot& slot, const Endpoint& peer, int32_t error) {
  slot.race.fell(peer);
  slot.addresses->failed(peer);
  slot.failure = reason_of_connect(error);
  slot.failure_error = error;
}

void LiveTransport::start_connect(Slot& slot, const Endpoint& peer) {
  PendingConnect& pending = free_pending();  // before there is a socket, which it would cost
  const int file = ::socket(peer.family == 4 ? AF_INET : AF_INET6,
                            SOCK_STREAM | SOCK_CLOEXEC | socket_flags(), 0);
  if (file < 0) return fall(slot, peer, errno);
  const int on = 1;
  setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // lesson 8
  if (const int32_t error = take_source_address(slot, file); error != 0) {
    // No fault of the peer's, nor will it be different for another.
    ::close(file);
    abandon_all(slot);
    return fail_later(slot, Reason::connect_refused, error);
  }
  pending.phase = PendingConnect::Phase::connecting;
  pending.slot = &slot;
  pending.peer = peer;
  pending.file = file;
  pending.error = 0;
  pending.answered = false;
  pending.address_bytes = to_sockaddr(peer, pending.address);
  slot.phase = Phase::connecting;
  connect(pending);
}

// The port is chosen when the peer is known: else a port would serve one peer only.
int32_t LiveTransport::take_source_address(const Slot& slot, int file) {
  if (slot.source.family == 0) return 0;
  const int on = 1;
  setsockopt(file, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  sockaddr_storage address{};
  const socklen_t bytes = to_sockaddr(slot.source, address);
  return ::bind(file, reinterpret_cast<const sockaddr*>(&address), bytes) == 0 ? 0 : errno;
}

void LiveTransport::abandon_all(const Slot& slot) {
  for_each_runner(slot, [this](PendingConnect& runner) { abandon(runner); });
}

void LiveTransport::settle(Slot& slot) {
  if (slot.races()) {
    for_each_runner(slot, [&](PendingConnect& runner) { slot.addresses->failed(runner.peer); });
    abandon_all(slot);
  } else if (slot.carries() && !slot.greeted && !slot.lacks_stream()) {
    slot.addresses->failed(slot.peer);
  }
}

void LiveTransport::greeted(ConnectionId id) {
  Slot* slot = find(id);
  if (slot == nullptr || slot->phase != Phase::open) return;
  slot->greeted = true;
  slot->addresses->greeted(slot->peer);
}

// The races that are to be looked at now: somebody is to start, or the attempt is over.
void LiveTransport::end_late_races() {
  const Instant now = clock_.now();
  if (now < race_wake_) return;
  for (const auto& slot : slots_) {
    if (!slot->races() || slot->has_failure) continue;
    if (now < slot->race.deadline()) {
      run_race(*slot);
    } else if (slot->phase == Phase::resolving) {
      fail_later(*slot, Reason::resolve_failed, 0);
    } else {
      fail_later(*slot, Reason::connect_timeout, ETIMEDOUT);
    }
  }
  note_race_wake();
}

void LiveTransport::note_race_wake() {
  race_wake_ = Instant::never();
  for (const auto& slot : slots_) {
    if (!slot->races() || slot->has_failure) continue;
    const Instant next = slot->race.over() ? slot->answer_due : slot->race.wakes_at();
    race_wake_ = std::min({race_wake_, next, slot->race.deadline()});
  }
}

Duration LiveTransport::until_race(Duration at_most) {
  if (race_wake_ == Instant::never()) return at_most;
  return std::clamp(race_wake_ - clock_.now(), Duration{}, at_most);
}

}  // namespace havklo::io
