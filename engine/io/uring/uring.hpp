// The kernel's submission and completion rings, and the ring of buffers that it receives into.
//
// Owns:       the io_uring instance, the receive buffers, memory that the kernel holds ready for
//             writing files.
// Not owned:  the file by which other threads wake a parked loop.
// Threads:    created and destroyed anywhere; from enable_on_this_thread() to leave_this_thread()
//             it belongs to the loop's thread (IORING_SETUP_SINGLE_ISSUER).
// Cost:       looking for completions is two loads in shared memory; the kernel is entered only
//             when it has work for us (IORING_SQ_TASKRUN) or we have some for it.
// Source:     io_uring_setup(2), io_uring_enter(2), io_uring_register_buf_ring(3).
#pragma once

#include <liburing.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <havklo/clock.hpp>
#include <memory>
#include <span>
#include <string>
#include <thread>

namespace havklo::io {

struct UringSettings {
  uint32_t submissions = 256;
  uint32_t receive_buffers = 256;  // a power of two; 0: nothing is received by the ring
  uint32_t receive_buffer_bytes = 16 * 1024;
  int wake_file = -1;  // ends park() when it becomes readable; none: nothing does
};

// user_data of completions that nobody waits for.
inline constexpr uint64_t unwatched = ~uint64_t{0};

// The loop counts; `kernel_entries` may be read by anyone.
struct UringCounters {
  std::atomic<uint64_t> kernel_entries{0};
  uint64_t buffers_exhausted = 0;  // a multishot receive ended with ENOBUFS and was armed again
  uint64_t completions_overflowed = 0;  // the kernel had to keep some aside: the ring is too small
};

class Uring {
 public:
  // The error names the likely cause in one line; also where only one of io_uring's three system
  // calls is refused.
  [[nodiscard]] static std::expected<std::unique_ptr<Uring>, std::string> create(
      const UringSettings& settings);
  ~Uring();
  Uring(const Uring&) = delete;
  Uring& operator=(const Uring&) = delete;

  // By the thread that will submit and reap, before it does; again after a failure.
  [[nodiscard]] std::expected<void, std::string> enable_on_this_thread();
  // By the same thread, at the end: nothing is submitted or reaped afterwards. The kernel knows
  // what is registered by a number of that thread's: for another one that is another ring's.
  void leave_this_thread();

  // A submission entry to fill in; what lies ready is submitted first if the ring is full.
  [[nodiscard]] io_uring_sqe* next_submission();
  // Makes sure that the next `entries` stay together: linked ones must be submitted at once.
  void make_room(uint32_t entries);
  // Hands what was prepared to the kernel.
  void submit();

  // Looks for what has completed. What completes from here on is for the next call.
  void collect() {
    look();
    collected_ = io_uring_smp_load_acquire(ring_.cq.ktail);
  }
  // Calls `handle(const io_uring_cqe&)` for what was collected until it returns false.
  template <class Handle>
  void reap(Handle&& handle) {
    // As io_uring_for_each_cqe() does it; an entry is 16 bytes, for the ring was not asked for 32.
    while (*ring_.cq.khead != collected_) {
      const io_uring_cqe copy = ring_.cq.cqes[*ring_.cq.khead & ring_.cq.ring_mask];
      io_uring_cq_advance(&ring_, 1);
      if (copy.user_data == unwatched) continue;
      if (copy.user_data == wake_watch) {
        on_woken(copy);
        continue;
      }
      if (!handle(copy)) return;
    }
  }

  // Sleeps in the kernel until something completes, the wake file is written to or `at_most` has
  // passed. A wake that reap() met since the last park() ends this one before it begins: what it
  // announced may have come after the loop had looked for it.
  void park(Duration at_most);

  // Receive buffers. The bytes of one are followed by receive_padding readable ones.
  static constexpr uint16_t buffer_group = 0;
  [[nodiscard]] std::span<std::byte> buffer(uint16_t number, size_t bytes) {
    return {buffers_.get() + size_t{number} * settings_.receive_buffer_bytes, bytes};
  }
  void give_back(uint16_t number);

  // Memory, zeroed, whose pages the kernel need not look up for each write; at the limit of locked
  // memory it is as any other. Once, before enable_on_this_thread(); empty the second time.
  [[nodiscard]] std::span<std::byte> make_fixed_memory(size_t bytes);
  [[nodiscard]] bool is_fixed(std::span<const std::byte> bytes) const {
    return bytes.data() >= fixed_.data() &&
           bytes.data() + bytes.size() <= fixed_.data() + fixed_.size();
  }

  [[nodiscard]] const UringCounters& counters() const { return counters_; }
  void count_exhausted() { ++counters_.buffers_exhausted; }

 private:
  explicit Uring(const UringSettings& settings) : settings_(settings) {}
  [[nodiscard]] std::expected<void, std::string> set_up();
  [[nodiscard]] std::expected<void, std::string> try_its_calls();
  [[nodiscard]] std::expected<void, std::string> make_receive_buffers();
  void look();
  void watch_wakes();
  void on_woken(const io_uring_cqe& completion);
  void count_kernel_entry();

  static constexpr uint64_t wake_watch = unwatched - 1;

  UringSettings settings_;
  io_uring ring_{};
  bool ring_made_ = false;
  std::thread::id loop_;    // none: nothing is registered in a thread's name
  bool woken_ = false;      // since the last park()
  unsigned collected_ = 0;  // the tail of the completion ring at the last collect()
  io_uring_buf_ring* buffer_ring_ = nullptr;
  struct FreeBuffers {
    void operator()(std::byte* memory) const;
  };
  std::unique_ptr<std::byte, FreeBuffers> buffers_;
  std::unique_ptr<std::byte, FreeBuffers> fixed_memory_;
  std::span<const std::byte> fixed_;  // of it, what the kernel knows
  UringCounters counters_;
};

}  // namespace havklo::io
