// Asks every socket in turn; sleeps in ppoll(), beside the file by which others wake the loop.
#include "io/socket_transport.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <havklo/limits.hpp>
#include <utility>

namespace havklo::io {
namespace {

// Full buffers that one look throws away of a peer that is only heard out.
constexpr int discards_max = 4;

// Nothing to be had now; not an error.
bool would_block(int64_t result) { return result == -EAGAIN || result == -EINTR; }

}  // namespace

struct SocketTransport::SocketSlot final : Slot {
  bool blocked = false;  // the kernel takes no more for now
  bool drained = false;  // has no more for now
  uint32_t sent = 0;     // plaintext that left and is not yet reported
};

SocketTransport::SocketTransport(const LiveTransportSettings& settings, WakeFile wake_file,
                                 NetworkChoice choice)
    : LiveTransport(settings, std::move(wake_file), std::move(choice)),
      buffer_bytes_(settings.uring.receive_buffer_bytes),
      buffers_((arrivals_max + 1) * buffer_bytes_ + receive_padding) {
  arrivals_.reserve(arrivals_max);
}

std::expected<void, std::string> SocketTransport::start_on_this_thread() {
  return ring_files_ ? ring_files_->start_on_this_thread() : std::expected<void, std::string>{};
}

void SocketTransport::stop_on_this_thread() {
  if (ring_files_) ring_files_->stop_on_this_thread();
}

// io_uring writes without a call that waits for the disk; where it is refused a thread does.
std::expected<BlockWriter*, std::string> SocketTransport::files() {
  if (ring_files_) return ring_files_.get();
  if (thread_files_) return thread_files_.get();
  if (auto ring = RingFiles::create()) {
    ring_files_ = std::move(*ring);
    return ring_files_.get();
  }
  auto thread = ThreadFiles::create([this] { wake(); });
  if (!thread) return std::unexpected(std::move(thread.error()));
  thread_files_ = std::move(*thread);
  return thread_files_.get();
}

const UringCounters& SocketTransport::counters() const {
  return ring_files_ ? std::as_const(*ring_files_).counters() : no_ring_;
}

std::unique_ptr<ConnectionSlot> SocketTransport::make_slot() const {
  return std::make_unique<SocketSlot>();
}

SocketTransport::SocketSlot& SocketTransport::own(Slot& slot) {
  return static_cast<SocketSlot&>(slot);
}

// One writer: no locked instruction.
void SocketTransport::count_call() {
  std::atomic<uint64_t>& calls = socket_counters_.calls;
  calls.store(calls.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

void SocketTransport::connect(PendingConnect& pending) {
  const auto* const address = reinterpret_cast<const sockaddr*>(&pending.address);
  const int result = ::connect(pending.file, address, pending.address_bytes);
  pending.error = result == 0 || errno == EINPROGRESS ? 0 : errno;
  news_waits_ = true;
}

void SocketTransport::begin_stream(Slot& slot) {
  own(slot).blocked = false;
  own(slot).sent = 0;
}

// A buffer for each socket in turn until all are drained. Where the buffers do not suffice, the
// next look begins with the socket whose turn it was, so that none starves another.
void SocketTransport::collect_completions() {
  news_waits_ = next_ != arrivals_.size();
  if (news_waits_) return;  // what was found last is enough for a turn
  arrivals_.clear();
  next_ = 0;
  for (const auto& each : pending()) look_for_connect(*each);
  for (const auto& each : slots()) own(*each).drained = false;
  const size_t count = slots().size();
  for (size_t left = count; left != 0;) {
    if (arrivals_.size() == arrivals_max) {
      news_waits_ = true;
      return;
    }
    left = receive(own(*slots()[first_])) ? count : left - 1;
    if (++first_ >= count) first_ = 0;
  }
}

void SocketTransport::take_completions(CompletionSink& sink, uint32_t completions_max) {
  // By index: one that falls may begin another.
  for (size_t i = 0; i < pending().size(); ++i) {
    PendingConnect& each = *pending()[i];
    if (each.phase == PendingConnect::Phase::connecting && each.answered) {
      on_connected(each, each.error, sink);
    }
  }
  for (size_t i = 0; i < slots().size(); ++i) {
    SocketSlot& mine = own(*slots()[i]);
    if (mine.sent != 0 && mine.phase == Phase::open) {
      on_sent(mine, std::exchange(mine.sent, 0), sink);
    }
  }
  while (next_ != arrivals_.size() && delivered() < completions_max) take(next_++, sink);
  news_waits_ = news_waits_ || next_ != arrivals_.size();
}

void SocketTransport::look_for_connect(PendingConnect& pending) {
  if (pending.phase != PendingConnect::Phase::connecting || pending.answered) return;
  if (pending.error == 0) {
    pollfd writable{.fd = pending.file, .events = POLLOUT, .revents = 0};
    count_call();
    if (::poll(&writable, 1, 0) <= 0) return;
    socklen_t size = sizeof pending.error;
    if (::getsockopt(pending.file, SOL_SOCKET, SO_ERROR, &pending.error, &size) != 0) {
      pending.error = errno;
    }
  }
  pending.answered = true;
}

bool SocketTransport::receive(SocketSlot& slot) {
  if (slot.drained) return false;
  slot.drained = true;
  if (slot.phase == Phase::leaving) hear_out(slot);
  if (!slot.carries()) return false;
  const int64_t size = receive_some(slot.file, arrivals_.size());
  if (would_block(size)) return false;
  arrivals_.push_back({.slot = &slot, .generation = slot.generation, .size = size});
  // Less than there was room for: the socket is empty, and asking again would only say so.
  slot.drained = size < static_cast<int64_t>(buffer_bytes_);
  return !slot.drained;
}

void SocketTransport::take(size_t number, CompletionSink& sink) {
  const Arrival& arrival = arrivals_[number];
  SocketSlot& slot = *arrival.slot;
  if (slot.generation != arrival.generation || !slot.carries()) return;  // it has ended since
  if (arrival.size == 0) return on_end_of_stream(slot, sink);
  if (arrival.size < 0) {
    return on_receive_error(slot, static_cast<int32_t>(-arrival.size), sink);
  }
  phases().begin_read();
  on_bytes(slot, buffer(number).first(static_cast<size_t>(arrival.size)), sink);
  phases().end_read();
}

int64_t SocketTransport::receive_some(int file, size_t number) {
  count_call();
  const ssize_t size = ::recv(file, buffer(number).data(), buffer_bytes_, MSG_DONTWAIT);
  if (size >= 0) return size;
  if (errno == EAGAIN) {
    std::atomic<uint64_t>& empty = socket_counters_.empty_calls;
    empty.store(empty.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  return -errno;
}

int64_t SocketTransport::send_some(SocketSlot& slot) {
  const std::span<const std::byte> waits = slot.output();
  count_call();
  const ssize_t size = ::send(slot.file, waits.data(), waits.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (size < 0) return -errno;
  slot.consume_output(static_cast<size_t>(size));
  return size;
}

void SocketTransport::send_output(Slot& slot) {
  SocketSlot& mine = own(slot);
  mine.blocked = false;
  while (!slot.output().empty()) {
    const int64_t size = send_some(mine);
    if (size >= 0) continue;
    if (!would_block(size)) return on_send_error(slot, static_cast<int32_t>(-size));
    mine.blocked = true;
    return ask_to_send();
  }
  if (slot.plaintext_queued == 0) return;
  mine.sent += std::exchange(slot.plaintext_queued, 0);
  news_waits_ = true;
}

void SocketTransport::end(Slot& slot) {
  if (slot.file < 0) return release(slot);
  while (slot.send_error == 0 && !slot.output().empty() && send_some(own(slot)) > 0) {
  }
  ::shutdown(slot.file, SHUT_WR);
  hear_out(own(slot));
}

void SocketTransport::hear_out(SocketSlot& slot) {
  for (int i = 0; i < discards_max; ++i) {
    const int64_t size = receive_some(slot.file, arrivals_max);
    const bool goes_on = size > 0 ? slot.hears(static_cast<uint64_t>(size))
                                  : would_block(size) && SystemClock{}.now() < slot.heard_until;
    if (!goes_on) return release(slot);
    if (size < 0) return;
  }
}

void SocketTransport::finish_sending(Duration at_most) {
  const Instant until = SystemClock{}.now() + at_most;
  for (Duration left = at_most; anyone_leaves() && left > Duration{};
       left = until - SystemClock{}.now()) {
    park(left);
    collect_and_discard();
  }
  for (const auto& slot : slots()) {
    if (slot->phase == Phase::leaving) release(*slot);
  }
}

void SocketTransport::park(Duration at_most) {
  if (next_turn_is_due() || news_waits_) return;
  watched_.clear();
  watched_.push_back({.fd = wake_file().descriptor(), .events = POLLIN, .revents = 0});
  for (const auto& slot : slots()) {
    const SocketSlot& mine = own(*slot);
    if (mine.carries()) {
      const int events = mine.blocked ? POLLIN | POLLOUT : POLLIN;
      watched_.push_back({.fd = mine.file, .events = static_cast<short>(events), .revents = 0});
    } else if (mine.phase == Phase::leaving && mine.file >= 0) {
      watched_.push_back({.fd = mine.file, .events = POLLIN, .revents = 0});
    }
  }
  for (const auto& each : pending()) {
    if (each->phase != PendingConnect::Phase::connecting) continue;
    watched_.push_back({.fd = each->file, .events = POLLOUT, .revents = 0});
  }
  at_most = until_patience_ends(until_race(at_most));
  if (at_most <= Duration{}) return;
  constexpr int64_t second = 1'000'000'000;
  const timespec limit{.tv_sec = at_most.ns / second, .tv_nsec = at_most.ns % second};
  count_call();
  static_cast<void>(::ppoll(watched_.data(), watched_.size(), &limit, nullptr));
  if (watched_.front().revents != 0) wake_file().forget();
}

}  // namespace havklo::io
