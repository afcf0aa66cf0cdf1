// One request after the other, by the calls that io_uring would have made.
#include "io/threads/thread_files.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <havklo/assert.hpp>
#include <utility>

#include "io/threads/started_thread.hpp"

namespace havklo::io {
namespace {

constexpr std::chrono::milliseconds wait_step{1};
constexpr int wait_steps_max = 5;

}  // namespace

std::expected<std::unique_ptr<ThreadFiles>, std::string> ThreadFiles::create(
    std::function<void()> on_done) {
  std::unique_ptr<ThreadFiles> files(new ThreadFiles(std::move(on_done)));
  auto started = start_thread([raw = files.get()] { raw->run(); });
  if (!started) return std::unexpected(std::move(started.error()));
  files->thread_ = std::move(*started);
  return files;
}

ThreadFiles::~ThreadFiles() {
  if (!thread_.joinable()) return;
  ask({.operation = Operation::end});
  thread_.join();
}

void ThreadFiles::ask(const Request& request) {
  const bool taken = requests_.try_push(request);
  HAVKLO_ASSERT(taken);
  // Pairs with the wait in run(), which looks into the ring behind it.
  asked_.fetch_add(1, std::memory_order_release);
  asked_.notify_one();
}

void ThreadFiles::write_file(int file, uint64_t offset, std::span<const std::byte> block,
                             uint32_t token, bool sync) {
  ask({.operation = Operation::write,
       .flag = sync,
       .file = file,
       .token = token,
       .offset = offset,
       .block = block.data(),
       .bytes = block.size()});
}

void ThreadFiles::open_file(const char* path, uint32_t token, bool direct) {
  ask({.operation = Operation::open_file, .flag = direct, .token = token, .path = path});
}

void ThreadFiles::look_for(int file, uint64_t bytes, uint32_t token) {
  ask({.operation = Operation::look_for, .file = file, .token = token, .bytes = bytes});
}

void ThreadFiles::close_file(int file) { ask({.operation = Operation::close_file, .file = file}); }

std::optional<BlockWriter::Done> ThreadFiles::take_done() {
  const auto ready = done_.peek();
  if (ready.empty()) return std::nullopt;
  const Done first = ready.front();
  done_.release(1);
  return first;
}

void ThreadFiles::wait_done() {
  for (int step = 0; step < wait_steps_max && done_.peek().empty(); ++step) {
    std::this_thread::sleep_for(wait_step);
  }
}

// Beyond the limit on the size of files a write fails, and its thread gets a signal that ends a
// program; io_uring's threads take none either.
void ThreadFiles::block_file_size_signal() {
  sigset_t signals{};
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGXFSZ);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

void ThreadFiles::run() {
  block_file_size_signal();
  for (uint32_t served = 0;;) {
    asked_.wait(served, std::memory_order_acquire);
    for (auto ready = requests_.peek(); !ready.empty(); ready = requests_.peek()) {
      const Request request = ready.front();
      requests_.release(1);
      if (request.operation == Operation::end) return;
      serve(request);
      ++served;
    }
  }
}

void ThreadFiles::serve(const Request& request) {
  int32_t result = 0;
  switch (request.operation) {
    case Operation::write:
      result = write(request);
      break;
    case Operation::open_file: {
      const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | (request.flag ? O_DIRECT : 0);
      const int file = ::open(request.path, flags, 0600);
      result = file < 0 ? -errno : file;
      break;
    }
    case Operation::look_for: {
      struct stat status {};
      const bool known = ::fstat(request.file, &status) == 0;
      const bool there =
          status.st_nlink != 0 && static_cast<uint64_t>(status.st_size) >= request.bytes;
      result = known ? int32_t{there} : -errno;
      break;
    }
    case Operation::close_file:
      ::close(request.file);
      return;
    case Operation::end:
      return;
  }
  const bool told = done_.try_push({request.token, result});
  HAVKLO_ASSERT(told);
  if (on_done_) on_done_();
}

int32_t ThreadFiles::write(const Request& request) {
  const auto offset = static_cast<off_t>(request.offset);
  const ssize_t written = ::pwrite(request.file, request.block, request.bytes, offset);
  if (written < 0) return -errno;
  if (request.flag && ::fdatasync(request.file) != 0) return -errno;
  return static_cast<int32_t>(written);
}

}  // namespace havklo::io
