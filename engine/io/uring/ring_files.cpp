// Submits each request at once, and looks for what is done when it is asked.
#include "io/uring/ring_files.hpp"

#include <utility>

namespace havklo::io {
namespace {

// What a recorder has on its way at most, twice: a write and the sync behind it.
constexpr uint32_t submissions = 32;
constexpr Duration wait_max = Duration::milliseconds(5);

}  // namespace

std::expected<std::unique_ptr<RingFiles>, std::string> RingFiles::create() {
  auto ring = Uring::create({.submissions = submissions, .receive_buffers = 0});
  if (!ring) return std::unexpected(std::move(ring.error()));
  return std::unique_ptr<RingFiles>(new RingFiles(std::move(*ring)));
}

RingFiles::RingFiles(std::unique_ptr<Uring> ring) : UringFiles(*ring), ring_(std::move(ring)) {}

void RingFiles::write_file(int file, uint64_t offset, std::span<const std::byte> block,
                           uint32_t token, bool sync) {
  UringFiles::write_file(file, offset, block, token, sync);
  ring_->submit();
}

void RingFiles::open_file(const char* path, uint32_t token, bool direct) {
  UringFiles::open_file(path, token, direct);
  ring_->submit();
}

// Goes to the kernel with the write that it must come before.
void RingFiles::look_for(int file, uint64_t bytes, uint32_t token) {
  UringFiles::look_for(file, bytes, token);
}

void RingFiles::close_file(int file) {
  UringFiles::close_file(file);
  ring_->submit();
}

void RingFiles::collect() {
  ring_->collect();
  ring_->reap([this](const io_uring_cqe& completion) { return take_file_completion(completion); });
}

std::optional<BlockWriter::Done> RingFiles::take_done() {
  if (!has_done()) collect();
  return UringFiles::take_done();
}

void RingFiles::wait_done() {
  ring_->submit();  // what the kernel did not take the first time
  collect();
  if (!has_done()) ring_->park(wait_max);
}

}  // namespace havklo::io
