// Files written by a thread of their own: what a recorder writes with where io_uring is refused.
//
// Owns:    the thread, which sleeps unless asked, and two rings between it and the loop.
// Threads: create() and the destructor anywhere, everything else by the loop's.
// Errors:  those of the calls, as results.
// Cost:    a request is a push, and a futex call if the thread sleeps; nothing is allocated. The
//          destructor waits for what was asked before.
#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <functional>
#include <havklo/recording.hpp>
#include <havklo/spsc_ring.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>

namespace havklo::io {

class ThreadFiles final : public BlockWriter {
 public:
  // `on_done` is called in the thread when something is done; it may wake the loop.
  [[nodiscard]] static std::expected<std::unique_ptr<ThreadFiles>, std::string> create(
      std::function<void()> on_done);
  ~ThreadFiles() override;

  void write_file(int file, uint64_t offset, std::span<const std::byte> block, uint32_t token,
                  bool sync) override;
  void open_file(const char* path, uint32_t token, bool direct) override;
  void look_for(int file, uint64_t bytes, uint32_t token) override;
  void close_file(int file) override;
  [[nodiscard]] std::optional<Done> take_done() override;
  void wait_done() override;

 private:
  enum class Operation : uint8_t { write, open_file, look_for, close_file, end };
  struct Request {
    Operation operation = Operation::end;
    bool flag = false;  // write: sync. open_file: direct
    int file = -1;
    uint32_t token = 0;
    uint64_t offset = 0;
    const std::byte* block = nullptr;
    size_t bytes = 0;
    const char* path = nullptr;
  };
  // More than a recorder has on its way, with the files that it closes.
  static constexpr size_t slots = 64;

  explicit ThreadFiles(std::function<void()> on_done) : on_done_(std::move(on_done)) {}
  void ask(const Request& request);
  static void block_file_size_signal();
  void run();
  void serve(const Request& request);
  [[nodiscard]] static int32_t write(const Request& request);

  std::function<void()> on_done_;
  SpscRing<Request> requests_{slots};
  SpscRing<Done> done_{slots};
  std::atomic<uint32_t> asked_{0};  // what the thread sleeps on
  std::thread thread_;
};

}  // namespace havklo::io
