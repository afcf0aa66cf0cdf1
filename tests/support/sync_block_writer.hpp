// Blocks written at once, for recordings outside a loop; breaks when told to.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <deque>
#include <havklo/recording.hpp>

namespace havklo {

class SyncBlockWriter final : public BlockWriter {
 public:
  // The n-th write and all after it fail with a full disk; 0: none.
  uint32_t fails_from = 0;
  // Writes are taken and never finished.
  bool stuck = false;

  void write_file(int file, uint64_t offset, std::span<const std::byte> block,
                  uint32_t token) override {
    ++writes_;
    if (stuck) return;
    if (fails_from != 0 && writes_ >= fails_from) return done_.push_back({token, -ENOSPC});
    const ssize_t written = ::pwrite(file, block.data(), block.size(), static_cast<off_t>(offset));
    done_.push_back({token, static_cast<int32_t>(written)});
  }
  [[nodiscard]] std::optional<Written> take_written() override {
    if (done_.empty()) return std::nullopt;
    const Written first = done_.front();
    done_.pop_front();
    return first;
  }
  void wait_written() override {}

 private:
  std::deque<Written> done_;
  uint32_t writes_ = 0;
};

}  // namespace havklo
