// One state machine for each connection, driven by the kernel's completions.
#include "io/live_transport.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <havklo/assert.hpp>
#include <havklo/limits.hpp>
#include <utility>

namespace havklo::io {
namespace {

// Plaintext of one read: what a receive buffer can complete, and a record begun before it.
constexpr size_t tls_record_bytes_max = 16 * 1024 + 256;
constexpr uint32_t send_chunk_bytes = 64 * 1024;

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

struct LiveTransport::Slot {
  uint32_t number = 0;
  uint32_t generation = 0;  // of the question to the resolver
  Phase phase = Phase::free;
  ConnectionId id{};
  std::string host;
  uint16_t port = 0;
  bool wants_tls = false;
  Duration timeout;
  std::vector<Endpoint> addresses;
  size_t next_address = 0;
  int file = -1;
  sockaddr_storage address{};
  __kernel_timespec connect_limit{};
  std::optional<TlsStream> tls;

  std::vector<std::byte> queue;        // plaintext that waits, without TLS
  std::unique_ptr<std::byte[]> chunk;  // what the kernel is sending
  uint32_t chunk_begin = 0;
  uint32_t chunk_end = 0;
  uint32_t plaintext_queued = 0;  // given to us and not yet reported as sent
  bool sending = false;
  uint32_t pending = 0;  // completions that the kernel still owes

  bool has_failure = false;
  Reason failure = Reason::none;
  int32_t failure_error = 0;

  [[nodiscard]] bool has_output() const { return tls ? !tls->output().empty() : !queue.empty(); }
};

std::expected<std::unique_ptr<LiveTransport>, std::string> LiveTransport::create(
    const LiveTransportSettings& settings) {
  std::unique_ptr<LiveTransport> transport(new LiveTransport(settings));
  if (settings.tls) {
    auto context = TlsContext::client(settings.ca_file);
    if (!context) return std::unexpected(context.error());
    transport->tls_ = std::move(*context);
  }
  auto uring = Uring::create(settings.uring);
  if (!uring) return std::unexpected(uring.error());
  transport->uring_ = std::move(*uring);
  transport->resolver_ =
      std::make_unique<Resolver>([raw = transport->uring_.get()] { raw->wake(); });
  return transport;
}

LiveTransport::LiveTransport(const LiveTransportSettings& settings)
    : plaintext_(settings.uring.receive_buffer_bytes + 2 * tls_record_bytes_max + receive_padding) {
  files_done_.reserve(file_tokens_max);
  for (uint32_t i = 0; i < 2 * settings.connections_max; ++i) add_slot();
}

LiveTransport::~LiveTransport() {
  resolver_.reset();
  for (const auto& slot : slots_) {
    if (slot->file >= 0) ::close(slot->file);
  }
}

void LiveTransport::start_on_this_thread() { uring_->enable_on_this_thread(); }

void LiveTransport::add_slot() {
  auto slot = std::make_unique<Slot>();
  slot->number = static_cast<uint32_t>(slots_.size());
  slot->chunk = std::make_unique<std::byte[]>(send_chunk_bytes);
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
    if (slot->id == id && slot->phase != Phase::free && slot->phase != Phase::leaving) {
      return slot.get();
    }
  }
  return nullptr;
}

// A slot is not used again before all its completions are in, so its number is enough.
uint64_t LiveTransport::tag(const Slot& slot, Operation operation) const {
  return uint64_t{slot.number} << 8U | static_cast<uint64_t>(operation);
}

uint64_t LiveTransport::file_tag(uint32_t token, Operation operation) {
  return uint64_t{token} << 8U | static_cast<uint64_t>(operation);
}

void LiveTransport::open(ConnectionId id, const OpenRequest& request) {
  Slot& slot = free_slot();
  slot.phase = Phase::resolving;
  slot.id = id;
  ++slot.generation;
  slot.host = request.host;
  slot.port = request.port;
  slot.wants_tls = request.tls;
  slot.timeout = request.timeout;
  slot.addresses.clear();
  slot.next_address = 0;
  slot.has_failure = false;
  slot.queue.clear();
  slot.chunk_begin = slot.chunk_end = 0;
  slot.plaintext_queued = 0;
  slot.sending = false;
  slot.tls.reset();
  const uint64_t token = uint64_t{slot.generation} << 32U | slot.number;
  if (!override_.empty()) {
    ResolverAnswer answer{token, override_};
    return on_resolved(answer);
  }
  resolver_->ask(token, request.host, request.port, request.timeout);
}

void LiveTransport::on_resolved(ResolverAnswer& answer) {
  Slot& slot = *slots_[static_cast<uint32_t>(answer.token)];
  if (slot.generation != answer.token >> 32U || slot.phase != Phase::resolving) return;
  slot.addresses = std::move(answer.addresses);
  if (slot.addresses.empty()) return fail_later(slot, Reason::resolve_failed, 0);
  connect_next(slot, Reason::connect_refused, 0);
}

// Tries the next address; without one, the last error is the attempt's.
void LiveTransport::connect_next(Slot& slot, Reason reason, int32_t os_error) {
  if (slot.file >= 0) ::close(slot.file);
  slot.file = -1;
  while (slot.next_address < slot.addresses.size()) {
    const size_t left = slot.addresses.size() - slot.next_address;
    const Endpoint& peer = slot.addresses[slot.next_address++];
    slot.file = ::socket(peer.family == 4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (slot.file < 0) {
      reason = Reason::connect_refused;
      os_error = errno;
      continue;
    }
    const int on = 1;
    setsockopt(slot.file, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // lesson 8
    slot.phase = Phase::connecting;
    const socklen_t size = to_sockaddr(peer, slot.address);
    const Duration share{slot.timeout.ns / static_cast<int64_t>(left)};
    slot.connect_limit = {.tv_sec = share.ns / 1'000'000'000, .tv_nsec = share.ns % 1'000'000'000};
    uring_->make_room(2);
    io_uring_sqe* connect = uring_->next_submission();
    io_uring_prep_connect(connect, slot.file, reinterpret_cast<const sockaddr*>(&slot.address),
                          size);
    io_uring_sqe_set_flags(connect, IOSQE_IO_LINK);
    io_uring_sqe_set_data64(connect, tag(slot, Operation::connect));
    io_uring_sqe* limit = uring_->next_submission();
    io_uring_prep_link_timeout(limit, &slot.connect_limit, 0);
    io_uring_sqe_set_data64(limit, tag(slot, Operation::none));
    slot.pending += 2;
    return;
  }
  fail_later(slot, reason, os_error);
}

void LiveTransport::on_connected(Slot& slot, int32_t result) {
  if (slot.phase != Phase::connecting) return;
  if (result < 0)
    return connect_next(slot, reason_of_connect(-result),
                        -result == ECANCELED ? ETIMEDOUT : -result);
  begin_stream(slot);
}

void LiveTransport::begin_stream(Slot& slot) {
  slot.phase = Phase::handshaking;
  receive(slot);
  if (!slot.wants_tls) return;
  if (session_host_ != slot.host) session_ = {};
  slot.tls.emplace(*tls_, slot.host, session_);
  static_cast<void>(slot.tls->handshake());
  output_waits_ = true;
}

void LiveTransport::receive(Slot& slot) {
  io_uring_sqe* entry = uring_->next_submission();
  io_uring_prep_recv_multishot(entry, slot.file, nullptr, 0, 0);
  io_uring_sqe_set_flags(entry, IOSQE_BUFFER_SELECT);
  entry->buf_group = Uring::buffer_group;
  io_uring_sqe_set_data64(entry, tag(slot, Operation::receive));
  ++slot.pending;
}

uint32_t LiveTransport::poll(CompletionSink& sink, uint32_t completions_max) {
  delivered_ = 0;
  ResolverAnswer answer;
  while (resolver_->take(answer)) on_resolved(answer);
  uring_->reap([&](const io_uring_cqe& completion) {
    handle(completion, sink);
    return delivered_ < completions_max;
  });
  if (failures_wait_) {
    failures_wait_ = false;
    for (const auto& slot : slots_) {
      if (slot->has_failure) fail(*slot, slot->failure, slot->failure_error, sink);
    }
  }
  return delivered_;
}

void LiveTransport::handle(const io_uring_cqe& completion, CompletionSink& sink) {
  const auto operation = static_cast<Operation>(completion.user_data & 0xFFU);
  const auto number = static_cast<uint32_t>(completion.user_data >> 8U);
  switch (operation) {
    case Operation::write:
      write_results_[number] = completion.res;
      return;
    case Operation::sync: {
      // ECANCELED: the write before it was not whole, and its own result says why.
      const bool failed = completion.res < 0 && completion.res != -ECANCELED;
      files_done_.push_back({number, failed ? completion.res : write_results_[number]});
      return;
    }
    case Operation::write_unsynced:
    case Operation::open_file:
      files_done_.push_back({number, completion.res});
      return;
    default:
      break;
  }
  Slot& slot = *slots_[number];
  if ((completion.flags & IORING_CQE_F_MORE) == 0) --slot.pending;
  switch (operation) {
    case Operation::connect:
      on_connected(slot, completion.res);
      // Without TLS the stream is open as soon as TCP is.
      if (slot.phase == Phase::handshaking && !slot.wants_tls) {
        slot.phase = Phase::open;
        Completion opened{.kind = Completion::Kind::opened};
        opened.peer = slot.addresses[slot.next_address - 1];
        deliver(slot, opened, sink);
      }
      break;
    case Operation::receive:
      on_received(slot, completion, sink);
      break;
    case Operation::send:
      on_sent(slot, completion.res, sink);
      break;
    default:
      break;
  }
  release_if_done(slot);
}

void LiveTransport::on_received(Slot& slot, const io_uring_cqe& completion, CompletionSink& sink) {
  const bool listens = slot.phase == Phase::handshaking || slot.phase == Phase::open;
  if ((completion.flags & IORING_CQE_F_BUFFER) != 0) {
    const auto number = static_cast<uint16_t>(completion.flags >> IORING_CQE_BUFFER_SHIFT);
    if (listens && completion.res > 0) {
      phases_.begin_read();
      on_bytes(slot, uring_->buffer(number, static_cast<size_t>(completion.res)), sink);
      phases_.end_read();
    }
    uring_->give_back(number);
  }
  const bool still_listens = slot.phase == Phase::handshaking || slot.phase == Phase::open;
  if (!still_listens) return;
  if (completion.res == 0) return fail(slot, Reason::end_of_stream, 0, sink);
  if (completion.res < 0 && completion.res != -ENOBUFS) {
    return fail(slot, Reason::peer_reset, -completion.res, sink);
  }
  if (completion.res == -ENOBUFS) uring_->count_exhausted();  // lesson 35
  if ((completion.flags & IORING_CQE_F_MORE) == 0) receive(slot);
}

void LiveTransport::on_bytes(Slot& slot, std::span<std::byte> bytes, CompletionSink& sink) {
  if (!slot.tls) {
    return deliver(slot, {.kind = Completion::Kind::received, .bytes = bytes}, sink);
  }
  slot.tls->feed(bytes);
  if (slot.phase == Phase::handshaking) {
    const TlsStatus status = slot.tls->handshake();
    if (!slot.tls->output().empty()) output_waits_ = true;
    if (status == TlsStatus::want_more) return;
    if (status != TlsStatus::done) {
      const bool refused = slot.tls->reason() == Reason::certificate_refused;
      return fail(slot, refused ? Reason::certificate_refused : Reason::tls_failed, 0, sink);
    }
    slot.phase = Phase::open;
    Completion opened{.kind = Completion::Kind::opened};
    opened.tls_resumed = slot.tls->resumed();
    opened.peer = slot.addresses[slot.next_address - 1];
    deliver(slot, opened, sink);
    if (slot.phase != Phase::open) return;
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
  if (slot.phase == Phase::handshaking) session_ = {};  // it may be what the server disliked
  const ConnectionId id = slot.id;
  leave(slot);
  ++delivered_;
  sink.on_completion(
      {.connection = id, .kind = Completion::Kind::closed, .reason = reason, .os_error = os_error});
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
      const bool speaks = slot->phase == Phase::handshaking || slot->phase == Phase::open;
      if (speaks && !slot->sending && fill_send_buffer(*slot)) submit_send(*slot);
    }
  }
  uring_->submit();
}

// Copies what waits into the kernel's chunk, which stays untouched until it is sent.
bool LiveTransport::fill_send_buffer(Slot& slot) {
  const std::span<const std::byte> waits =
      slot.tls ? slot.tls->output() : std::span<const std::byte>(slot.queue);
  const size_t bytes = std::min<size_t>(waits.size(), send_chunk_bytes);
  if (bytes == 0) return false;
  std::memcpy(slot.chunk.get(), waits.data(), bytes);
  slot.chunk_begin = 0;
  slot.chunk_end = static_cast<uint32_t>(bytes);
  if (slot.tls) {
    slot.tls->consume_output(bytes);
  } else {
    slot.queue.erase(slot.queue.begin(), slot.queue.begin() + static_cast<ptrdiff_t>(bytes));
  }
  return true;
}

void LiveTransport::submit_send(Slot& slot) {
  io_uring_sqe* entry = uring_->next_submission();
  io_uring_prep_send(entry, slot.file, slot.chunk.get() + slot.chunk_begin,
                     slot.chunk_end - slot.chunk_begin, MSG_NOSIGNAL);
  io_uring_sqe_set_data64(entry, tag(slot, Operation::send));
  slot.sending = true;
  ++slot.pending;
}

void LiveTransport::on_sent(Slot& slot, int32_t result, CompletionSink& sink) {
  slot.sending = false;
  if (slot.phase != Phase::handshaking && slot.phase != Phase::open) return;
  if (result < 0) {
    // The receiving side says why the peer is gone; a peer that only stopped reading does not.
    if (result != -EPIPE && result != -ECONNRESET) {
      fail(slot, Reason::peer_reset, -result, sink);
    }
    return;
  }
  slot.chunk_begin += static_cast<uint32_t>(result);
  if (slot.chunk_begin < slot.chunk_end || fill_send_buffer(slot)) return submit_send(slot);
  if (slot.plaintext_queued == 0 || slot.phase != Phase::open) return;
  const uint32_t bytes = std::exchange(slot.plaintext_queued, 0);
  deliver(slot, {.kind = Completion::Kind::sent, .sent_bytes = bytes}, sink);
}

void LiveTransport::close(ConnectionId id) {
  Slot* slot = find(id);
  if (slot != nullptr) leave(*slot);
}

// Offers what is queued once, then ends both directions; the socket is closed when the kernel has
// answered for everything.
void LiveTransport::leave(Slot& slot) {
  const bool was_open = slot.phase == Phase::open;
  const bool has_socket = slot.file >= 0 && slot.phase != Phase::connecting;
  slot.phase = Phase::leaving;
  slot.has_failure = false;
  if (slot.tls) {
    if (was_open) {
      session_ = slot.tls->take_session();
      session_host_ = slot.host;
    }
    slot.tls->send_close_notify();
  }
  if (has_socket) {
    if (!slot.sending && fill_send_buffer(slot)) {
      io_uring_sqe* entry = uring_->next_submission();
      io_uring_prep_send(entry, slot.file, slot.chunk.get(), slot.chunk_end,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
      io_uring_sqe_set_data64(entry, tag(slot, Operation::none));
      ++slot.pending;
    }
    // Not io_uring's shutdown: that one always takes a kernel thread. It ends our receive as well.
    uring_->submit();
    ::shutdown(slot.file, SHUT_RDWR);
  } else if (slot.file >= 0) {
    io_uring_sqe* entry = uring_->next_submission();
    io_uring_prep_cancel_fd(entry, slot.file, IORING_ASYNC_CANCEL_ALL);
    io_uring_sqe_set_data64(entry, tag(slot, Operation::none));
    ++slot.pending;
  }
  release_if_done(slot);
}

void LiveTransport::release_if_done(Slot& slot) {
  if (slot.phase != Phase::leaving || slot.pending != 0) return;
  if (slot.file >= 0) ::close(slot.file);
  slot.file = -1;
  slot.tls.reset();
  slot.phase = Phase::free;
}

void LiveTransport::park(Duration at_most) {
  if (!failures_wait_) uring_->park(at_most);
}

void LiveTransport::drain(Duration at_most) {
  // Each round waits for one completion; the kernel owes a few for each connection.
  constexpr int rounds = 16;
  for (int round = 0; round < rounds; ++round) {
    const bool busy =
        std::ranges::any_of(slots_, [](const auto& slot) { return slot->pending != 0; });
    if (!busy) return;
    wait_and_discard({at_most.ns / rounds});
  }
}

void LiveTransport::wait_done() { wait_and_discard(Duration::milliseconds(5)); }

void LiveTransport::wait_and_discard(Duration at_most) {
  struct Nobody final : CompletionSink {
    void on_completion(const Completion&) override {}
  } nobody;
  uring_->submit();
  if (files_done_.empty()) uring_->park(at_most);
  static_cast<void>(poll(nobody, 64));
  uring_->submit();
}

void LiveTransport::write_file(int file, uint64_t offset, std::span<const std::byte> block,
                               uint32_t token, bool sync) {
  HAVKLO_ASSERT(token < file_tokens_max);
  uring_->make_room(2);
  io_uring_sqe* entry = uring_->next_submission();
  const auto bytes = static_cast<unsigned>(block.size());
  if (uring_->is_fixed(block)) {
    io_uring_prep_write_fixed(entry, file, block.data(), bytes, offset, 0);
  } else {
    io_uring_prep_write(entry, file, block.data(), bytes, offset);
  }
  // IOSQE_ASYNC: the kernel's own thread copies and waits for the disk, not the loop.
  io_uring_sqe_set_flags(entry, IOSQE_ASYNC | (sync ? IOSQE_IO_LINK : 0U));
  io_uring_sqe_set_data64(entry,
                          file_tag(token, sync ? Operation::write : Operation::write_unsynced));
  if (!sync) return;
  io_uring_sqe* behind = uring_->next_submission();
  io_uring_prep_fsync(behind, file, IORING_FSYNC_DATASYNC);
  io_uring_sqe_set_data64(behind, file_tag(token, Operation::sync));
}

void LiveTransport::open_file(const char* path, uint32_t token, bool direct) {
  io_uring_sqe* entry = uring_->next_submission();
  const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK | (direct ? O_DIRECT : 0);
  io_uring_prep_openat(entry, AT_FDCWD, path, flags, 0644);
  io_uring_sqe_set_flags(entry, IOSQE_ASYNC);
  io_uring_sqe_set_data64(entry, file_tag(token, Operation::open_file));
}

void LiveTransport::close_file(int file) {
  io_uring_sqe* entry = uring_->next_submission();
  io_uring_prep_close(entry, file);
  io_uring_sqe_set_flags(entry, IOSQE_ASYNC);
  io_uring_sqe_set_data64(entry, unwatched);
}

std::optional<BlockWriter::Done> LiveTransport::take_done() {
  if (files_done_.empty()) return std::nullopt;
  const Done first = files_done_.front();
  files_done_.erase(files_done_.begin());
  return first;
}

}  // namespace havklo::io
