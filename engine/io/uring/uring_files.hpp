// Files written by the loop's io_uring: what a recorder writes its blocks with.
//
// Owns:    the results that nobody has taken yet. Not the ring, which the network may share: who
//          takes its completions hands those of files on.
// Threads: block_memory() before the loop begins, everything else by the loop's thread.
// Cost:    a submission entry or two a block, no system call of its own.
#pragma once

#include <sys/stat.h>

#include <array>
#include <cstdint>
#include <havklo/recording.hpp>
#include <optional>
#include <span>
#include <vector>

#include "io/uring/uring.hpp"

namespace havklo::io {

class UringFiles : public BlockWriter {
 public:
  explicit UringFiles(Uring& uring);

  [[nodiscard]] std::span<std::byte> block_memory(size_t bytes) override {
    return ring_.make_fixed_memory(bytes);
  }
  void write_file(int file, uint64_t offset, std::span<const std::byte> block, uint32_t token,
                  bool sync) override;
  void open_file(const char* path, uint32_t token, bool direct) override;
  void look_for(int file, uint64_t bytes, uint32_t token) override;
  void close_file(int file) override;
  [[nodiscard]] std::optional<Done> take_done() override;

 protected:
  // True: the completion was a file's.
  bool take_file_completion(const io_uring_cqe& completion);
  [[nodiscard]] bool has_done() const { return !done_.empty(); }

 private:
  // The low byte of user_data; the network's are below them.
  enum class Operation : uint8_t {
    write = 0x80,  // a sync comes behind it
    sync,
    write_unsynced,
    open_file,
    look_for,
  };
  static constexpr uint32_t tokens_max = 64;  // what a recorder uses is below

  [[nodiscard]] static uint64_t tag(uint32_t token, Operation operation);

  Uring& ring_;
  std::vector<Done> done_;                           // oldest first; reserved
  std::array<int32_t, tokens_max> write_results_{};  // while the sync behind it is awaited
  struct statx status_ {};                           // for look_for(), one at a time
  uint64_t looked_for_bytes_ = 0;                    // … and what it must have
};

}  // namespace havklo::io
