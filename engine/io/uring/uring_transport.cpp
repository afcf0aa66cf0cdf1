// Requests go out as submission entries, answers come back as completions.
#include "io/uring/uring_transport.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace havklo::io {
namespace {

constexpr uint32_t chunk_bytes = 64 * 1024;

}  // namespace

struct UringTransport::UringSlot final : Slot {
  // What the kernel is sending.
  std::unique_ptr<std::byte[]> chunk = std::make_unique<std::byte[]>(chunk_bytes);
  uint32_t chunk_begin = 0;
  uint32_t chunk_end = 0;
  bool sending = false;
  bool ends_after_send = false;  // its goodbye waits for an answer to what was sent before
  bool answer_is_due = false;    // … which is among what was collected, or is not coming soon
  bool cancelled = false;        // all that the kernel still does is to end
  uint32_t pending = 0;          // completions that the kernel still owes
};

std::unique_ptr<ConnectionSlot> UringTransport::make_slot() const {
  return std::make_unique<UringSlot>();
}

UringTransport::UringSlot& UringTransport::own(Slot& slot) { return static_cast<UringSlot&>(slot); }

// Nothing is used again before all its completions are in, so a number is enough.
uint64_t UringTransport::watch(uint32_t number, Operation operation) {
  return uint64_t{number} << 8U | static_cast<uint64_t>(operation);
}

void UringTransport::ask(UringSlot& slot, io_uring_sqe* entry, Operation operation) {
  io_uring_sqe_set_data64(entry, watch(slot.number, operation));
  ++slot.pending;
}

void UringTransport::connect(PendingConnect& pending) {
  io_uring_sqe* entry = uring().next_submission();
  io_uring_prep_connect(entry, pending.file, reinterpret_cast<const sockaddr*>(&pending.address),
                        pending.address_bytes);
  io_uring_sqe_set_data64(entry, watch(pending.number, Operation::connect));
}

// Its socket is closed when the kernel has answered.
void UringTransport::abandon(PendingConnect& pending) {
  pending.phase = PendingConnect::Phase::leaving;
  io_uring_sqe* entry = uring().next_submission();
  io_uring_prep_cancel_fd(entry, pending.file, IORING_ASYNC_CANCEL_ALL);
  io_uring_sqe_set_data64(entry, unwatched);
}

void UringTransport::begin_stream(Slot& slot) {
  UringSlot& mine = own(slot);
  mine.sending = mine.ends_after_send = mine.answer_is_due = mine.cancelled = false;
  mine.chunk_begin = mine.chunk_end = 0;
  begin_receiving(mine);
}

void UringTransport::begin_receiving(UringSlot& slot) {
  io_uring_sqe* entry = uring().next_submission();
  io_uring_prep_recv_multishot(entry, slot.file, nullptr, 0, 0);
  io_uring_sqe_set_flags(entry, IOSQE_BUFFER_SELECT);
  entry->buf_group = Uring::buffer_group;
  ask(slot, entry, Operation::receive);
}

void UringTransport::collect_completions() {
  uring().collect();
  if (!goodbyes_wait_) return;
  for (const auto& slot : slots()) own(*slot).answer_is_due = own(*slot).ends_after_send;
}

void UringTransport::take_completions(CompletionSink& sink, uint32_t completions_max) {
  uring().reap([&](const io_uring_cqe& completion) {
    if (take_file_completion(completion)) return true;
    handle(completion, sink);
    return delivered() < completions_max;
  });
  if (hears_out_) end_patience();
  if (goodbyes_wait_ && delivered() < completions_max) end_blocked_goodbyes();
}

// What is unanswered after a look at everything is blocked: nobody waits for a peer that does not
// read.
void UringTransport::end_blocked_goodbyes() {
  goodbyes_wait_ = false;
  for (const auto& slot : slots()) {
    UringSlot& mine = own(*slot);
    if (!mine.ends_after_send) continue;
    if (mine.answer_is_due) {
      mine.ends_after_send = false;
      ::shutdown(mine.file, SHUT_RDWR);
    } else {
      goodbyes_wait_ = true;  // it began to wait after the look
    }
  }
}

void UringTransport::end_patience() {
  hears_out_ = false;
  const Instant now = SystemClock{}.now();
  for (const auto& slot : slots()) {
    UringSlot& mine = own(*slot);
    if (mine.phase != Phase::leaving || mine.cancelled) continue;
    hears_out_ = true;
    if (now >= mine.heard_until) cancel(mine);
  }
}

// The kernel lets go of what it still has to do for the socket.
void UringTransport::cancel(UringSlot& slot) {
  if (std::exchange(slot.cancelled, true)) return;
  io_uring_sqe* entry = uring().next_submission();
  io_uring_prep_cancel_fd(entry, slot.file, IORING_ASYNC_CANCEL_ALL);
  ask(slot, entry, Operation::none);
}

void UringTransport::handle(const io_uring_cqe& completion, CompletionSink& sink) {
  const auto operation = static_cast<Operation>(completion.user_data & 0xFFU);
  const auto number = static_cast<uint32_t>(completion.user_data >> 8U);
  if (operation == Operation::connect) {
    return on_connected(*pending()[number], -completion.res, sink);
  }
  UringSlot& slot = own(*slots()[number]);
  if ((completion.flags & IORING_CQE_F_MORE) == 0) --slot.pending;
  if (operation == Operation::receive) on_received(slot, completion, sink);
  if (operation == Operation::send) on_send_done(slot, completion.res, sink);
  release_if_done(slot);
}

void UringTransport::on_received(UringSlot& slot, const io_uring_cqe& completion,
                                 CompletionSink& sink) {
  if ((completion.flags & IORING_CQE_F_BUFFER) != 0) {
    const auto number = static_cast<uint16_t>(completion.flags >> IORING_CQE_BUFFER_SHIFT);
    if (slot.carries() && completion.res > 0) {
      phases().begin_read();
      on_bytes(slot, uring().buffer(number, static_cast<size_t>(completion.res)), sink);
      phases().end_read();
    }
    uring().give_back(number);
  }
  if (completion.res == -ENOBUFS) uring().count_exhausted();  // lesson 35
  if (slot.phase >= Phase::ended) return hear_out(slot, completion);
  if (!slot.carries()) return;
  if (completion.res == 0) return on_end_of_stream(slot, sink);
  if (completion.res < 0 && completion.res != -ENOBUFS) {
    return on_receive_error(slot, -completion.res, sink);
  }
  if ((completion.flags & IORING_CQE_F_MORE) == 0) begin_receiving(slot);
}

void UringTransport::hear_out(UringSlot& slot, const io_uring_cqe& completion) {
  if (completion.res > 0 && !slot.hears(static_cast<uint64_t>(completion.res))) return cancel(slot);
  const bool ended = completion.res <= 0 && completion.res != -ENOBUFS;
  const bool armed = (completion.flags & IORING_CQE_F_MORE) != 0;
  if (!ended && !armed && !slot.cancelled) begin_receiving(slot);
}

void UringTransport::send_output(Slot& slot) {
  UringSlot& mine = own(slot);
  if (!mine.sending && fill_chunk(mine)) send_chunk(mine);
}

// Copies what waits into the kernel's chunk, which stays untouched until it is sent.
bool UringTransport::fill_chunk(UringSlot& slot) {
  const std::span<const std::byte> waits = slot.output();
  const size_t bytes = std::min<size_t>(waits.size(), chunk_bytes);
  if (bytes == 0) return false;
  std::memcpy(slot.chunk.get(), waits.data(), bytes);
  slot.chunk_begin = 0;
  slot.chunk_end = static_cast<uint32_t>(bytes);
  slot.consume_output(bytes);
  return true;
}

void UringTransport::send_chunk(UringSlot& slot) {
  io_uring_sqe* entry = uring().next_submission();
  io_uring_prep_send(entry, slot.file, slot.chunk.get() + slot.chunk_begin,
                     slot.chunk_end - slot.chunk_begin, MSG_NOSIGNAL);
  ask(slot, entry, Operation::send);
  slot.sending = true;
}

void UringTransport::on_send_done(UringSlot& slot, int32_t result, CompletionSink& sink) {
  slot.sending = false;
  // Of a stream that has ended, too: its goodbye goes on from here.
  if (result > 0) slot.chunk_begin += static_cast<uint32_t>(result);
  if (slot.ends_after_send) return say_goodbye_now(slot);
  if (!slot.carries()) return;
  if (result < 0) return on_send_error(slot, -result);
  if (slot.chunk_begin < slot.chunk_end || fill_chunk(slot)) return send_chunk(slot);
  if (slot.plaintext_queued == 0 || slot.phase != Phase::open) return;
  on_sent(slot, std::exchange(slot.plaintext_queued, 0), sink);
}

// The socket is closed when the kernel has answered for everything.
void UringTransport::end(Slot& slot) {
  UringSlot& mine = own(slot);
  if (slot.file >= 0) {
    uring().submit();
    hears_out_ = true;
    mine.ends_after_send = mine.sending;
    goodbyes_wait_ = goodbyes_wait_ || mine.sending;
    if (!mine.sending) say_goodbye_now(mine);
  }
  release_if_done(mine);
}

// Offers what waits once, without waiting, then ends our direction. By calls: the kernel has
// answered for all that the ring was asked to send, and io_uring's shutdown always takes a kernel
// thread.
void UringTransport::say_goodbye_now(UringSlot& slot) {
  slot.ends_after_send = false;
  bool taken = slot.send_error == 0;
  while (taken && (slot.chunk_begin < slot.chunk_end || fill_chunk(slot))) {
    const ssize_t sent = ::send(slot.file, slot.chunk.get() + slot.chunk_begin,
                                slot.chunk_end - slot.chunk_begin, MSG_NOSIGNAL | MSG_DONTWAIT);
    taken = sent > 0;
    if (taken) slot.chunk_begin += static_cast<uint32_t>(sent);
  }
  ::shutdown(slot.file, SHUT_WR);
}

void UringTransport::release_if_done(UringSlot& slot) {
  if (slot.phase == Phase::leaving && slot.pending == 0) release(slot);
}

void UringTransport::park(Duration at_most) {
  if (next_turn_is_due() || goodbyes_wait_) return;
  uring().park(until_patience_ends(until_race(at_most)));
}

void UringTransport::wait_and_discard(Duration at_most) {
  uring().submit();
  if (!has_done()) uring().park(at_most);
  collect_and_discard();
}

void UringTransport::finish_sending(Duration at_most) {
  const Instant until = SystemClock{}.now() + at_most;
  const auto busy = [this] {
    return std::ranges::any_of(slots(), [](const auto& slot) { return own(*slot).pending != 0; });
  };
  for (Duration left = at_most; busy() && left > Duration{}; left = until - SystemClock{}.now()) {
    wait_and_discard(left);
  }
  for (const auto& slot : slots()) {
    if (slot->phase == Phase::leaving && own(*slot).pending != 0) cancel(own(*slot));
  }
  // A cancelled request is answered at once.
  constexpr int rounds = 16;
  for (int round = 0; busy() && round < rounds; ++round) {
    wait_and_discard(Duration::milliseconds(1));
  }
}

}  // namespace havklo::io
