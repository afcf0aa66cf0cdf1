// Connections by io_uring: what the kernel has done is found in shared memory.
//
// Owns:       the ring, by which a recorder's files are written too; what it is sending for each
//             connection.
// Threads:    as LiveTransport.
// Invariants: a slot is used again only when the kernel has answered for everything that was asked
//             of it, so no late completion can reach a newer connection.
// Cost:       once a connection is open, no system call but io_uring_enter: one to receive when
//             the kernel says that there is something, one for each turn that sends.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <utility>

#include "io/live_transport.hpp"
#include "io/uring/uring.hpp"
#include "io/uring/uring_files.hpp"

namespace havklo::io {

class UringTransport final : public LiveTransport, public UringFiles {
 public:
  // The ring watches the wake file.
  UringTransport(const LiveTransportSettings& settings, WakeFile wake_file,
                 std::unique_ptr<Uring> uring)
      : LiveTransport(settings, std::move(wake_file), {.taken = Network::io_uring}),
        UringFiles(*uring),
        uring_(std::move(uring)) {}

  [[nodiscard]] std::expected<void, std::string> start_on_this_thread() override {
    return uring_->enable_on_this_thread();
  }
  void stop_on_this_thread() override { uring_->leave_this_thread(); }
  [[nodiscard]] std::expected<BlockWriter*, std::string> files() override { return this; }
  [[nodiscard]] const UringCounters& counters() const override {
    return std::as_const(*uring_).counters();
  }
  void wait_done() override { wait_and_discard(Duration::milliseconds(5)); }
  void park(Duration at_most) override;

 private:
  // The low byte of user_data, and above it the number of the slot or of the pending connect;
  // those of files are above.
  enum class Operation : uint8_t { connect, receive, send, none };
  struct UringSlot;

  [[nodiscard]] std::unique_ptr<Slot> make_slot() const override;
  [[nodiscard]] int socket_flags() const override { return 0; }  // the kernel waits, not the call
  void connect(PendingConnect& pending) override;
  void abandon(PendingConnect& pending) override;
  void begin_stream(Slot& slot) override;
  void send_output(Slot& slot) override;
  void end(Slot& slot) override;
  void hand_over() override { uring_->submit(); }
  void finish_sending(Duration at_most) override;
  void collect_completions() override;
  void take_completions(CompletionSink& sink, uint32_t completions_max) override;

  [[nodiscard]] Uring& uring() { return *uring_; }
  void wait_and_discard(Duration at_most);
  static UringSlot& own(Slot& slot);
  void begin_receiving(UringSlot& slot);
  [[nodiscard]] static uint64_t watch(uint32_t number, Operation operation);
  void ask(UringSlot& slot, io_uring_sqe* entry, Operation operation);
  void handle(const io_uring_cqe& completion, CompletionSink& sink);
  void on_received(UringSlot& slot, const io_uring_cqe& completion, CompletionSink& sink);
  void on_send_done(UringSlot& slot, int32_t result, CompletionSink& sink);
  static bool fill_chunk(UringSlot& slot);
  void send_chunk(UringSlot& slot);
  static void say_goodbye_now(UringSlot& slot);
  void hear_out(UringSlot& slot, const io_uring_cqe& completion);
  void end_blocked_goodbyes();
  void end_patience();
  void cancel(UringSlot& slot);
  void release_if_done(UringSlot& slot);

  std::unique_ptr<Uring> uring_;
  bool goodbyes_wait_ = false;
  bool hears_out_ = false;  // someone who leaves
};

}  // namespace havklo::io
