// Connections by ordinary socket calls that never block: connect(), recv(), send() and, to sleep,
// ppoll(). It is the shortest way through the kernel for one connection, and the way of user-space
// stacks that replace these calls.
//
// Owns:    the buffers that all connections receive into, one after the other, as many as a turn
//          takes completions; for a recorder a ring of its own, or a thread where io_uring is
//          refused.
// Threads: as LiveTransport.
// Cost:    once a connection is open: a recv() for each of them a turn, whether there is something
//          or not, one more when a buffer was filled; a send() for each turn that sends.
#pragma once

#include <poll.h>

#include <memory>
#include <vector>

#include "io/live_transport.hpp"
#include "io/threads/thread_files.hpp"
#include "io/uring/ring_files.hpp"

namespace havklo::io {

class SocketTransport final : public LiveTransport {
 public:
  SocketTransport(const LiveTransportSettings& settings, WakeFile wake_file, NetworkChoice choice);

  [[nodiscard]] std::expected<void, std::string> start_on_this_thread() override;
  void stop_on_this_thread() override;
  [[nodiscard]] std::expected<BlockWriter*, std::string> files() override;
  [[nodiscard]] const UringCounters& counters() const override;
  void park(Duration at_most) override;

 private:
  struct SocketSlot;

  [[nodiscard]] std::unique_ptr<Slot> make_slot() const override;
  [[nodiscard]] int socket_flags() const override { return SOCK_NONBLOCK; }
  void connect(PendingConnect& pending) override;
  void abandon(PendingConnect& pending) override { pending.release(); }
  void begin_stream(Slot& slot) override;
  void send_output(Slot& slot) override;
  void end(Slot& slot) override;
  void finish_sending(Duration at_most) override;
  void collect_completions() override;
  void take_completions(CompletionSink& sink, uint32_t completions_max) override;

  // What one recv() said; its bytes lie in the buffer of the same number.
  struct Arrival {
    SocketSlot* slot = nullptr;
    uint32_t generation = 0;  // of the slot then
    int64_t size = 0;         // bytes, 0 at the end of the stream, or a negative errno
  };
  static constexpr size_t arrivals_max = completions_per_turn_max;

  static SocketSlot& own(Slot& slot);
  void look_for_connect(PendingConnect& pending);
  // One buffer. True: there may be more.
  bool receive(SocketSlot& slot);
  void take(size_t number, CompletionSink& sink);
  void hear_out(SocketSlot& slot);
  [[nodiscard]] std::span<std::byte> buffer(size_t number) {
    return std::span(buffers_).subspan(number * buffer_bytes_, buffer_bytes_);
  }
  // recv() into that buffer.
  int64_t receive_some(int file, size_t number);
  // Bytes that the kernel took, or a negative errno.
  int64_t send_some(SocketSlot& slot);
  void count_call();

  std::unique_ptr<RingFiles> ring_files_;      // of a recorder …
  std::unique_ptr<ThreadFiles> thread_files_;  // … or these
  UringCounters no_ring_;
  size_t buffer_bytes_;
  std::vector<std::byte> buffers_;  // one more, for what nobody wants; padding behind them
  std::vector<Arrival> arrivals_;   // collected; those before next_ have been taken
  size_t next_ = 0;
  std::vector<pollfd> watched_;  // by park()
  size_t first_ = 0;             // the slot whose turn it is to be asked
  bool news_waits_ = false;      // for the next turn, which no socket would tell
};

}  // namespace havklo::io
