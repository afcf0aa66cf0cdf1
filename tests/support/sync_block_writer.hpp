// Blocks written at once, for recordings outside a loop; breaks when told to.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <deque>
#include <havklo/recording.hpp>

namespace havklo {

class SyncBlockWriter final : public BlockWriter {
 public:
  // The n-th write and all after it fail, with a full disk unless said otherwise; 0: none.
  uint32_t fails_from = 0;
  int32_t fails_with = ENOSPC;
  // Writes are taken and never finished.
  bool stuck = false;
  uint32_t syncs = 0;
  // What is done is not told.
  bool holds = false;
  // The next file cannot be opened.
  bool opens_fail = false;

  void write_file(int file, uint64_t offset, std::span<const std::byte> block, uint32_t token,
                  bool sync) override {
    syncs += sync ? 1 : 0;
    ++writes_;
    if (stuck) return;
    if (fails_from != 0 && writes_ >= fails_from) return done_.push_back({token, -fails_with});
    const ssize_t written = ::pwrite(file, block.data(), block.size(), static_cast<off_t>(offset));
    done_.push_back({token, written < 0 ? -errno : static_cast<int32_t>(written)});
  }
  void open_file(const char* path, uint32_t token, bool direct) override {
    if (opens_fail) return done_.push_back({token, -EACCES});
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | (direct ? O_DIRECT : 0);
    const int file = ::open(path, flags, 0600);
    done_.push_back({token, file < 0 ? -errno : file});
  }
  void look_for(int file, uint64_t bytes, uint32_t token) override {
    struct stat status {};
    const bool known = ::fstat(file, &status) == 0;
    const bool there = status.st_nlink != 0 && static_cast<uint64_t>(status.st_size) >= bytes;
    done_.push_back({token, known ? int32_t{there} : -errno});
  }
  void close_file(int file) override { ::close(file); }
  [[nodiscard]] std::optional<Done> take_done() override {
    if (done_.empty() || holds) return std::nullopt;
    const Done first = done_.front();
    done_.pop_front();
    return first;
  }
  void wait_done() override {}

 private:
  std::deque<Done> done_;
  uint32_t writes_ = 0;
};

}  // namespace havklo
