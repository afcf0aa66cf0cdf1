// Writes are the kernel's threads' work: the loop only asks.
#include "io/uring/uring_files.hpp"

#include <fcntl.h>

#include <cerrno>
#include <havklo/assert.hpp>

namespace havklo::io {

UringFiles::UringFiles(Uring& uring) : ring_(uring) { done_.reserve(tokens_max); }

uint64_t UringFiles::tag(uint32_t token, Operation operation) {
  return uint64_t{token} << 8U | static_cast<uint64_t>(operation);
}

void UringFiles::write_file(int file, uint64_t offset, std::span<const std::byte> block,
                            uint32_t token, bool sync) {
  HAVKLO_ASSERT(token < tokens_max);
  ring_.make_room(2);
  io_uring_sqe* entry = ring_.next_submission();
  const auto bytes = static_cast<unsigned>(block.size());
  if (ring_.is_fixed(block)) {
    io_uring_prep_write_fixed(entry, file, block.data(), bytes, offset, 0);
  } else {
    io_uring_prep_write(entry, file, block.data(), bytes, offset);
  }
  // IOSQE_ASYNC: the kernel's own thread copies and waits for the disk, not the loop.
  io_uring_sqe_set_flags(entry, IOSQE_ASYNC | (sync ? IOSQE_IO_LINK : 0U));
  io_uring_sqe_set_data64(entry, tag(token, sync ? Operation::write : Operation::write_unsynced));
  if (!sync) return;
  io_uring_sqe* behind = ring_.next_submission();
  io_uring_prep_fsync(behind, file, IORING_FSYNC_DATASYNC);
  io_uring_sqe_set_data64(behind, tag(token, Operation::sync));
}

void UringFiles::open_file(const char* path, uint32_t token, bool direct) {
  io_uring_sqe* entry = ring_.next_submission();
  const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | (direct ? O_DIRECT : 0);
  io_uring_prep_openat(entry, AT_FDCWD, path, flags, 0600);
  io_uring_sqe_set_flags(entry, IOSQE_ASYNC);
  io_uring_sqe_set_data64(entry, tag(token, Operation::open_file));
}

void UringFiles::look_for(int file, uint64_t bytes, uint32_t token) {
  ring_.make_room(3);
  looked_for_bytes_ = bytes;
  io_uring_sqe* entry = ring_.next_submission();
  io_uring_prep_statx(entry, file, "", AT_EMPTY_PATH, STATX_NLINK | STATX_SIZE, &status_);
  // IOSQE_IO_HARDLINK: the write behind it waits for it, and goes on whatever it says.
  io_uring_sqe_set_flags(entry, IOSQE_ASYNC | IOSQE_IO_HARDLINK);
  io_uring_sqe_set_data64(entry, tag(token, Operation::look_for));
}

void UringFiles::close_file(int file) {
  io_uring_sqe* entry = ring_.next_submission();
  io_uring_prep_close(entry, file);
  io_uring_sqe_set_flags(entry, IOSQE_ASYNC);
  io_uring_sqe_set_data64(entry, unwatched);
}

std::optional<BlockWriter::Done> UringFiles::take_done() {
  if (done_.empty()) return std::nullopt;
  const Done first = done_.front();
  done_.erase(done_.begin());
  return first;
}

bool UringFiles::take_file_completion(const io_uring_cqe& completion) {
  const auto operation = static_cast<Operation>(completion.user_data & 0xFFU);
  if (operation < Operation::write) return false;
  const auto token = static_cast<uint32_t>(completion.user_data >> 8U);
  switch (operation) {
    case Operation::write:
      write_results_[token] = completion.res;
      break;
    case Operation::sync: {
      // ECANCELED: the write before it was not whole, and its own result says why.
      const bool failed = completion.res < 0 && completion.res != -ECANCELED;
      done_.push_back({token, failed ? completion.res : write_results_[token]});
      break;
    }
    case Operation::write_unsynced:
    case Operation::open_file:
      done_.push_back({token, completion.res});
      break;
    case Operation::look_for: {
      const bool there = status_.stx_nlink != 0 && status_.stx_size >= looked_for_bytes_;
      done_.push_back({token, completion.res < 0 ? completion.res : int32_t{there}});
      break;
    }
  }
  return true;
}

}  // namespace havklo::io
