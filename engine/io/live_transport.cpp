// One state machine for each connection, driven by what the way to the kernel tells.
#include "io/live_transport.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <havklo/limits.hpp>
#include <utility>

#include "addresses/address_text.hpp"
#include "io/socket_transport.hpp"
#include "io/uring/uring_transport.hpp"

namespace havklo::io {
namespace {

// Plaintext of one read: what a receive buffer can complete, and a record begun before it.
constexpr size_t tls_record_bytes_max = 16 * 1024 + 256;

// When every address that was known has failed, the name may just have moved: its answer, which the
// next attempt would use, is waited for so long.
constexpr Duration answer_wait = Duration::seconds(1);

}  // namespace

std::expected<std::unique_ptr<LiveTransport>, std::string> LiveTransport::create(
    const LiveTransportSettings& settings) {
  auto made = make(settings);
  if (!made) return made;
  LiveTransport& transport = **made;
  auto resolver =
      Resolver::create([&wakes = transport.wake_file_] { wakes.wake(); }, settings.resolver);
  if (!resolver) return std::unexpected(std::move(resolver.error()));
  transport.resolver_ = std::move(*resolver);
  for (uint32_t i = 0; i < 2 * settings.connections_max; ++i) transport.add_slot();
  if (settings.tls) {
    if (auto loaded = transport.load_certificates(settings.ca_files); !loaded) {
      return std::unexpected(std::move(loaded.error()));
    }
  }
  return made;
}

// Each file once, whoever names it.
std::expected<void, std::string> LiveTransport::load_certificates(
    const std::vector<std::optional<std::string>>& ca_files) {
  std::map<std::optional<std::string>, size_t> loaded;
  for (size_t i = 0; i == 0 || i < ca_files.size(); ++i) {
    const std::optional<std::string> file = ca_files.empty() ? std::nullopt : ca_files[i];
    const auto [known, is_new] = loaded.emplace(file, tls_.size());
    tls_of_session_.push_back(known->second);
    if (!is_new) continue;
    auto context = TlsContext::client(file);
    if (!context) return std::unexpected(std::move(context.error()));
    tls_.push_back(std::move(*context));
  }
  return {};
}

KnownHost& LiveTransport::known_host(ConnectionId id, const std::string& name) {
  const size_t session = static_cast<uint32_t>(id) % sessions_max;
  const size_t number = tls_of_session_[std::min(session, tls_of_session_.size() - 1)];
  KnownHost& host = hosts_[{number, name}];
  host.context = &tls_[number];
  return host;
}

// What io_uring lacks, be it a permission or locked memory, plain sockets may do without.
std::expected<std::unique_ptr<LiveTransport>, std::string> LiveTransport::make(
    const LiveTransportSettings& settings) {
  auto wake_file = WakeFile::create();
  if (!wake_file) return std::unexpected(std::move(wake_file.error()));
  NetworkChoice choice{.taken = Network::sockets};
  if (settings.network != Network::sockets) {
    UringSettings uring_settings = settings.uring;
    uring_settings.wake_file = wake_file->descriptor();
    auto uring = Uring::create(uring_settings);
    if (uring) {
      return std::make_unique<UringTransport>(settings, std::move(*wake_file), std::move(*uring));
    }
    if (settings.network == Network::io_uring) {
      return std::unexpected(uring.error() + "; network \"auto\" would take plain sockets");
    }
    choice.refused = std::move(uring.error());
  }
  return std::make_unique<SocketTransport>(settings, std::move(*wake_file), std::move(choice));
}

LiveTransport::LiveTransport(const LiveTransportSettings& settings, WakeFile wake_file,
                             NetworkChoice choice)
    : wake_file_(std::move(wake_file)),
      choice_(std::move(choice)),
      plaintext_(settings.uring.receive_buffer_bytes + 2 * tls_record_bytes_max + receive_padding),
      goodbye_(settings.goodbye) {}

void LiveTransport::add_slot() {
  auto slot = make_slot();
  slot->number = static_cast<uint32_t>(slots_.size());
  slot->queue.reserve(send_buffer_bytes);
  slots_.push_back(std::move(slot));
}

// Connections on their way out hold their slots until the kernel has answered, for some turns.
LiveTransport::Slot& LiveTransport::free_slot() {
  for (const auto& slot : slots_) {
    if (slot->phase == Phase::free) return *slot;
  }
  add_slot();
  return *slots_.back();
}

LiveTransport::Slot* LiveTransport::find(ConnectionId id) {
  for (const auto& slot : slots_) {
    if (slot->id == id && slot->phase != Phase::free && slot->phase < Phase::ended) {
      return slot.get();
    }
  }
  return nullptr;
}

// The name is asked each time, and what it was found as last is used meanwhile.
void LiveTransport::open(ConnectionId id, const OpenRequest& request) {
  Slot& slot = free_slot();
  slot.phase = Phase::resolving;
  slot.id = id;
  ++slot.generation;
  slot.host = request.host;
  slot.port = request.port;
  slot.source = addresses::parse_address(request.source_address, 0);
  slot.known = request.tls ? &known_host(id, slot.host) : nullptr;
  slot.addresses = &addresses_of(slot.host, slot.port);
  slot.race.begin(clock_.now(), request.timeout);
  slot.asks = true;
  slot.answer_due = slot.addresses->known() ? clock_.now() + answer_wait : slot.race.deadline();
  slot.greeted = false;
  slot.peer = {};
  slot.has_failure = false;
  slot.failure = Reason::resolve_failed;
  slot.failure_error = 0;
  slot.queue.clear();
  slot.plaintext_queued = 0;
  slot.send_error = 0;
  slot.tls.reset();
  const uint64_t token = uint64_t{slot.generation} << 32U | slot.number;
  if (!override_.empty()) return on_resolved({token, slot.host, slot.port, override_});
  resolver_->ask(token, request.host, request.port, request.timeout);
  slot.race.offer(candidates(slot));
  run_race(slot);
  take_addresses();
}

void LiveTransport::take_addresses() {
  ResolverAnswer answer;
  while (resolver_->take(answer)) on_resolved(answer);
}

// Without TLS the stream is open as soon as TCP is.
void LiveTransport::on_connected(PendingConnect& pending, int32_t error, CompletionSink& sink) {
  if (pending.phase != PendingConnect::Phase::connecting) return pending.release();
  Slot& slot = *pending.slot;
  if (error != 0) {
    pending.release();
    fall(slot, pending.peer, error);
    return run_race(slot);
  }
  slot.peer = pending.peer;
  slot.file = std::exchange(pending.file, -1);
  pending.release();
  slot.race.fell(slot.peer);
  for (const Endpoint& each : slot.race.overdue(clock_.now())) slot.addresses->failed(each);
  abandon_all(slot);
  slot.phase = Phase::handshaking;
  note_race_wake();
  begin_stream(slot);
  if (slot.known == nullptr) return on_open(slot, false, sink);
  begin_handshake(slot, *slot.known, sink);
}

// A stream that cannot be made, for want of memory or of a descriptor for the kernel's random
// numbers, is a failed attempt now; the next attempt makes another.
void LiveTransport::begin_handshake(Slot& slot, KnownHost& known, CompletionSink& sink) {
  if (const int32_t error = prepare(slot.host, known); error != 0) {
    return fail(slot, Reason::tls_failed, error, sink);
  }
  slot.tls = std::move(known.next);
  slot.tls->resume(known.session);
  if (on_handshake(slot, slot.tls->handshake(), sink)) return;
  errands_wait_ = true;
}

int32_t LiveTransport::prepare(const std::string& name, KnownHost& host) {
  if (host.next) return 0;
  auto made = TlsStream::client(*host.context, name, host.group);
  if (!made) return made.error();
  host.next = std::move(*made);
  return 0;
}

bool LiveTransport::on_handshake(Slot& slot, TlsStatus status, CompletionSink& sink) {
  if (!slot.tls->output().empty()) output_waits_ = true;
  if (status == TlsStatus::want_more) return false;
  if (status != TlsStatus::done) {
    const bool refused = slot.tls->reason() == Reason::certificate_refused;
    fail(slot, refused ? Reason::certificate_refused : Reason::tls_failed, 0, sink);
    return false;
  }
  on_shaken_hands(slot, sink);
  return slot.phase == Phase::open;
}

// A server that asked for another group than was offered need not ask again.
void LiveTransport::on_shaken_hands(Slot& slot, CompletionSink& sink) {
  if (const TlsGroup agreed = slot.tls->group(); agreed != slot.known->group) {
    slot.known->group = agreed;
    slot.known->next.reset();
    errands_wait_ = true;
  }
  on_open(slot, slot.tls->resumed(), sink);
}

void LiveTransport::on_open(Slot& slot, bool tls_resumed, CompletionSink& sink) {
  slot.phase = Phase::open;
  Completion opened{.kind = Completion::Kind::opened};
  opened.tls_resumed = tls_resumed;
  opened.peer = slot.peer;
  deliver(slot, opened, sink);
}

void LiveTransport::collect() {
  take_addresses();
  if (race_wake_ != Instant::never()) end_late_races();
  collect_completions();
}

uint32_t LiveTransport::poll(CompletionSink& sink, uint32_t completions_max) {
  delivered_ = 0;
  has_just_ended_ = false;
  take_completions(sink, completions_max);
  if (failures_wait_) {
    failures_wait_ = false;
    for (const auto& slot : slots_) {
      if (slot->has_failure) fail(*slot, slot->failure, slot->failure_error, sink);
    }
  }
  return delivered_;
}

void LiveTransport::on_bytes(Slot& slot, std::span<std::byte> bytes, CompletionSink& sink) {
  if (!slot.tls) {
    return deliver(slot, {.kind = Completion::Kind::received, .bytes = bytes}, sink);
  }
  slot.tls->feed(bytes);
  if (slot.phase == Phase::handshaking) {
    if (!on_handshake(slot, slot.tls->handshake(), sink)) return;
  }
  on_ciphertext(slot, sink);
}

std::span<std::byte> LiveTransport::plaintext_room(ConnectionId id) {
  const size_t bytes = plaintext_.size() - receive_padding;
  if (receive_room_ != nullptr) {
    const auto room = receive_room_->receive_room(id, bytes);
    if (!room.empty()) return room;
  }
  return std::span(plaintext_).first(bytes);
}

void LiveTransport::on_ciphertext(Slot& slot, CompletionSink& sink) {
  for (;;) {
    const std::span<std::byte> room = plaintext_room(slot.id);
    const TlsStream::Read read = slot.tls->read(room);
    if (read.bytes != 0) {
      phases_.decrypted();
      deliver(slot, {.kind = Completion::Kind::received, .bytes = room.first(read.bytes)}, sink);
      if (slot.phase != Phase::open) return;
    }
    if (!slot.tls->output().empty()) output_waits_ = true;
    switch (read.status) {
      case TlsStatus::done:
        continue;
      case TlsStatus::want_more:
        return;
      case TlsStatus::closed:
        return fail(slot, Reason::end_of_stream, 0, sink);
      case TlsStatus::failed:
        return fail(slot, Reason::tls_failed, 0, sink);
    }
  }
}

void LiveTransport::deliver(Slot& slot, Completion completion, CompletionSink& sink) {
  completion.connection = slot.id;
  ++delivered_;
  sink.on_completion(completion);
}

void LiveTransport::fail_later(Slot& slot, Reason reason, int32_t os_error) {
  slot.has_failure = true;
  slot.failure = reason;
  slot.failure_error = os_error;
  failures_wait_ = true;
}

void LiveTransport::fail(Slot& slot, Reason reason, int32_t os_error, CompletionSink& sink) {
  slot.has_failure = false;
  if (slot.phase == Phase::handshaking && slot.tls) {
    slot.known->session = {};  // it may be what the server disliked
  }
  keep_session(slot);
  settle(slot);
  slot.phase = Phase::ended;
  begin_patience(slot);
  errands_wait_ = true;
  has_just_ended_ = true;
  Completion closed{.kind = Completion::Kind::closed, .reason = reason, .os_error = os_error};
  if (slot.tls) closed.certificate = slot.tls->certificate_fault();
  deliver(slot, closed, sink);
}

void LiveTransport::send(ConnectionId id, std::span<const std::byte> bytes) {
  Slot* slot = find(id);
  if (slot == nullptr || slot->phase != Phase::open || slot->has_failure) return;
  bool fits = true;
  if (slot->tls) {
    fits = slot->tls->output().size() <= send_buffer_bytes && slot->tls->write(bytes);
  } else {
    fits = slot->queue.size() + bytes.size() <= send_buffer_bytes;
    if (fits) slot->queue.insert(slot->queue.end(), bytes.begin(), bytes.end());
  }
  if (!fits) return fail_later(*slot, Reason::peer_reset, ENOBUFS);
  slot->plaintext_queued += static_cast<uint32_t>(bytes.size());
  output_waits_ = true;
}

void LiveTransport::flush() {
  if (output_waits_) {
    output_waits_ = false;
    for (const auto& slot : slots_) {
      if (slot->carries() && slot->send_error == 0) send_output(*slot);
    }
  }
  hand_over();
  // In place of one that has ended another may be opened, in the next turn at the earliest.
  if (errands_wait_ && !has_just_ended_) run_errands();
}

// Some 100 us that a reconnect would wait for: a goodbye to a peer that is gone, and what the next
// handshake needs, are made while the new peer works on its answer.
void LiveTransport::run_errands() {
  errands_wait_ = false;
  for (const auto& slot : slots_) {
    if (slot->phase != Phase::ended) continue;
    if (is_being_replaced(*slot)) {
      errands_wait_ = true;
    } else {
      say_goodbye(*slot);
    }
  }
  // What cannot be made now is made, or told, when it is needed.
  for (auto& [key, host] : hosts_) static_cast<void>(prepare(key.second, host));
}

bool LiveTransport::is_being_replaced(const Slot& slot) const {
  return std::ranges::any_of(slots_, [&](const auto& other) {
    return other->phase == Phase::connecting && other->host == slot.host &&
           other->port == slot.port;
  });
}

// The receiving side says why the peer is gone; a peer that only stopped reading does not.
void LiveTransport::on_send_error(Slot& slot, int32_t error) {
  slot.send_error = error;
  if (error != EPIPE && error != ECONNRESET) fail_later(slot, Reason::peer_reset, error);
}

// A reset that the sending side was told of is not told again to the receiving side.
void LiveTransport::on_end_of_stream(Slot& slot, CompletionSink& sink) {
  if (slot.send_error == ECONNRESET) return fail(slot, Reason::peer_reset, ECONNRESET, sink);
  fail(slot, Reason::end_of_stream, 0, sink);
}

void LiveTransport::close(ConnectionId id) {
  Slot* slot = find(id);
  if (slot == nullptr) return;
  keep_session(*slot);
  settle(*slot);
  slot->has_failure = false;
  say_goodbye(*slot);
  note_race_wake();
}

void LiveTransport::keep_session(Slot& slot) {
  if (slot.tls && slot.phase == Phase::open) slot.known->session = slot.tls->take_session();
}

void LiveTransport::begin_patience(Slot& slot) {
  slot.heard_until = clock_.now() + goodbye_.time;
  slot.heard_bytes = goodbye_.bytes;
}

// What the kernel has to be told is the backend's affair.
void LiveTransport::say_goodbye(Slot& slot) {
  slot.phase = Phase::leaving;
  begin_patience(slot);
  if (slot.tls) slot.tls->send_close_notify();
  end(slot);
}

void LiveTransport::release(Slot& slot) {
  if (slot.file >= 0) ::close(slot.file);
  slot.file = -1;
  slot.tls.reset();
  slot.phase = Phase::free;
}

void LiveTransport::drain(Duration at_most) {
  for (const auto& slot : slots_) {
    if (slot->phase == Phase::ended) say_goodbye(*slot);
  }
  finish_sending(at_most);
}

void LiveTransport::collect_and_discard() {
  struct Nobody final : CompletionSink {
    void on_completion(const Completion&) override {}
  } nobody;
  collect();
  static_cast<void>(poll(nobody, 64));
  hand_over();
}

bool LiveTransport::anyone_leaves() const {
  return std::ranges::any_of(slots_, [](const auto& s) { return s->phase == Phase::leaving; });
}

Duration LiveTransport::until_patience_ends(Duration at_most) const {
  SystemClock clock;
  for (const auto& slot : slots_) {
    if (slot->phase != Phase::leaving) continue;
    at_most = std::min(at_most, slot->heard_until - clock.now());
  }
  return std::max(at_most, Duration{});
}

}  // namespace havklo::io
