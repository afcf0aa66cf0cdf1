// Set-up with the reasons why it may fail, waking and parking.
#include "io/uring/uring.hpp"

#include <poll.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <havklo/assert.hpp>
#include <havklo/limits.hpp>
#include <utility>

namespace havklo::io {
namespace {

// Twice the buffers, and room for everything else that can complete (design §5).
uint32_t completion_entries(const UringSettings& settings) {
  return 2 * settings.receive_buffers + 4 * settings.submissions;
}

std::string why_refused(int error) {
  std::string text = "io_uring is not available: ";
  text += std::strerror(error);
  switch (error) {
    case EPERM: {
      std::string disabled = "?";
      std::ifstream("/proc/sys/kernel/io_uring_disabled") >> disabled;
      return text + "; sysctl kernel.io_uring_disabled is " + disabled +
             " (0 allows it), or a seccomp filter, as of a container, forbids it";
    }
    case ENOSYS:
      return text + "; the kernel is built without it, or a seccomp filter hides it";
    case EINVAL:
      return text + "; the kernel is older than 6.1";
    case ENOMEM:
      return text + "; raise the limit of locked memory (ulimit -l)";
    default:
      return text;
  }
}

}  // namespace

void Uring::FreeBuffers::operator()(std::byte* memory) const { std::free(memory); }

std::expected<std::unique_ptr<Uring>, std::string> Uring::create(const UringSettings& settings) {
  std::unique_ptr<Uring> uring(new Uring(settings));
  if (auto made = uring->set_up(); !made) return std::unexpected(made.error());
  return uring;
}

std::expected<void, std::string> Uring::set_up() {
  io_uring_params params{};
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                 IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_R_DISABLED | IORING_SETUP_CQSIZE;
  params.cq_entries = completion_entries(settings_);
  const int made = io_uring_queue_init_params(settings_.submissions, &ring_, &params);
  if (made < 0) return std::unexpected(why_refused(-made));
  ring_made_ = true;

  if (auto allowed = try_its_calls(); !allowed) return allowed;
  return settings_.receive_buffers == 0 ? std::expected<void, std::string>{}
                                        : make_receive_buffers();
}

// A filter may let io_uring_setup() pass and refuse the other two calls, which come when it is too
// late to choose another way: both are made once, with nothing to do.
std::expected<void, std::string> Uring::try_its_calls() {
  io_uring_probe nothing{};
  const int registered = io_uring_register_probe(&ring_, &nothing, 0);
  if (registered < 0) return std::unexpected(why_refused(-registered));
  const int entered = io_uring_enter(static_cast<unsigned>(ring_.ring_fd), 0, 0, 0, nullptr);
  // EBADFD: the ring is not enabled yet.
  if (entered < 0 && entered != -EBADFD) return std::unexpected(why_refused(-entered));
  return {};
}

std::expected<void, std::string> Uring::make_receive_buffers() {
  // The last buffer needs its padding too; touching all of it now keeps page faults off the loop.
  constexpr size_t page_bytes = 4096;
  const size_t used = size_t{settings_.receive_buffers} * settings_.receive_buffer_bytes;
  const size_t bytes = (used + receive_padding + page_bytes - 1) / page_bytes * page_bytes;
  buffers_.reset(static_cast<std::byte*>(std::aligned_alloc(page_bytes, bytes)));
  if (buffers_ == nullptr) return std::unexpected("no memory for the receive buffers");
  std::memset(buffers_.get(), 0, bytes);

  int error = 0;
  buffer_ring_ =
      io_uring_setup_buf_ring(&ring_, settings_.receive_buffers, buffer_group, 0, &error);
  if (buffer_ring_ == nullptr) return std::unexpected(why_refused(-error));
  const int mask = io_uring_buf_ring_mask(settings_.receive_buffers);
  for (uint32_t i = 0; i < settings_.receive_buffers; ++i) {
    const auto number = static_cast<uint16_t>(i);
    io_uring_buf_ring_add(buffer_ring_, buffer(number, 0).data(), settings_.receive_buffer_bytes,
                          number, mask, static_cast<int>(i));
  }
  io_uring_buf_ring_advance(buffer_ring_, static_cast<int>(settings_.receive_buffers));
  return {};
}

Uring::~Uring() {
  leave_this_thread();
  if (ring_made_) io_uring_queue_exit(&ring_);
}

std::expected<void, std::string> Uring::enable_on_this_thread() {
  const int enabled = io_uring_enable_rings(&ring_);
  if (enabled < 0) return std::unexpected(why_refused(-enabled));
  // Saves the kernel a look-up for each entry; without it everything works the same.
  static_cast<void>(io_uring_register_ring_fd(&ring_));
  loop_ = std::this_thread::get_id();
  watch_wakes();
  return {};
}

void Uring::leave_this_thread() {
  HAVKLO_ASSERT(loop_ == std::thread::id{} || loop_ == std::this_thread::get_id());
  if (buffer_ring_ != nullptr) {
    io_uring_free_buf_ring(&ring_, buffer_ring_, settings_.receive_buffers, buffer_group);
    buffer_ring_ = nullptr;
  }
  if (loop_ != std::thread::id{}) static_cast<void>(io_uring_unregister_ring_fd(&ring_));
  loop_ = {};
}

void Uring::watch_wakes() {
  if (settings_.wake_file < 0) return;
  io_uring_sqe* watch = next_submission();
  io_uring_prep_poll_multishot(watch, settings_.wake_file, POLLIN);
  io_uring_sqe_set_data64(watch, wake_watch);
}

void Uring::on_woken(const io_uring_cqe& completion) {
  woken_ = true;
  if ((completion.flags & IORING_CQE_F_MORE) == 0) watch_wakes();
}

io_uring_sqe* Uring::next_submission() {
  io_uring_sqe* entry = io_uring_get_sqe(&ring_);
  if (entry == nullptr) {
    submit();
    entry = io_uring_get_sqe(&ring_);
  }
  HAVKLO_ASSERT(entry != nullptr);
  return entry;
}

void Uring::make_room(uint32_t entries) {
  if (io_uring_sq_space_left(&ring_) < entries) submit();
}

void Uring::count_kernel_entry() {
  // One writer: no locked instruction.
  const uint64_t before = counters_.kernel_entries.load(std::memory_order_relaxed);
  counters_.kernel_entries.store(before + 1, std::memory_order_relaxed);
}

void Uring::submit() {
  if (io_uring_sq_ready(&ring_) == 0) return;
  count_kernel_entry();
  static_cast<void>(io_uring_submit(&ring_));  // what was not taken stays for the next time
}

void Uring::look() {
  const unsigned flags = IO_URING_READ_ONCE(*ring_.sq.kflags);
  if ((flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) == 0) return;
  if ((flags & IORING_SQ_CQ_OVERFLOW) != 0) ++counters_.completions_overflowed;
  count_kernel_entry();
  static_cast<void>(io_uring_get_events(&ring_));
}

void Uring::park(Duration at_most) {
  if (std::exchange(woken_, false) || at_most <= Duration{}) return;
  constexpr int64_t second = 1'000'000'000;
  __kernel_timespec limit{.tv_sec = at_most.ns / second, .tv_nsec = at_most.ns % second};
  io_uring_cqe* completion = nullptr;
  count_kernel_entry();
  static_cast<void>(io_uring_submit_and_wait_timeout(&ring_, &completion, 1, &limit, nullptr));
}

std::span<std::byte> Uring::make_fixed_memory(size_t bytes) {
  if (fixed_memory_ != nullptr) return {};
  // Few large pages instead of many: each write hands the disk as many pieces as there are.
  constexpr size_t large_page_bytes = 2 * 1024 * 1024;
  const size_t whole = (bytes + large_page_bytes - 1) / large_page_bytes * large_page_bytes;
  fixed_memory_.reset(static_cast<std::byte*>(std::aligned_alloc(large_page_bytes, whole)));
  if (fixed_memory_ == nullptr) return {};
  static_cast<void>(::madvise(fixed_memory_.get(), whole, MADV_HUGEPAGE));
  std::memset(fixed_memory_.get(), 0, whole);
  const iovec all{.iov_base = fixed_memory_.get(), .iov_len = bytes};
  if (io_uring_register_buffers(&ring_, &all, 1) == 0) fixed_ = {fixed_memory_.get(), bytes};
  return {fixed_memory_.get(), bytes};
}

void Uring::give_back(uint16_t number) {
  io_uring_buf_ring_add(buffer_ring_, buffer(number, 0).data(), settings_.receive_buffer_bytes,
                        number, io_uring_buf_ring_mask(settings_.receive_buffers), 0);
  io_uring_buf_ring_advance(buffer_ring_, 1);
}

}  // namespace havklo::io
