// Files written by an io_uring of their own, where the network has none.
//
// Owns:    that ring.
// Threads: as UringFiles; start_on_this_thread() and stop_on_this_thread() by the loop's.
// Cost:    an io_uring_enter for each request; none to see that nothing is done.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "io/uring/uring_files.hpp"

namespace havklo::io {

class RingFiles final : public UringFiles {
 public:
  // The error says in one line why the kernel gives no ring.
  [[nodiscard]] static std::expected<std::unique_ptr<RingFiles>, std::string> create();

  [[nodiscard]] std::expected<void, std::string> start_on_this_thread() {
    return ring_->enable_on_this_thread();
  }
  void stop_on_this_thread() { ring_->leave_this_thread(); }

  void write_file(int file, uint64_t offset, std::span<const std::byte> block, uint32_t token,
                  bool sync) override;
  void open_file(const char* path, uint32_t token, bool direct) override;
  void look_for(int file, uint64_t bytes, uint32_t token) override;
  void close_file(int file) override;
  [[nodiscard]] std::optional<Done> take_done() override;
  void wait_done() override;

  [[nodiscard]] const UringCounters& counters() const { return std::as_const(*ring_).counters(); }

 private:
  explicit RingFiles(std::unique_ptr<Uring> ring);
  void collect();

  std::unique_ptr<Uring> ring_;
};

}  // namespace havklo::io
