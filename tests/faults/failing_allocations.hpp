// Makes the n-th allocation of the process fail, and counts what is not freed: malloc and its kin
// are replaced, and operator new comes here too.
//
// Include in one file of a program only: it defines malloc. Not with a sanitizer, which does the
// same.
#pragma once

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace havklo {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool allocations_can_fail = false;
#else
inline constexpr bool allocations_can_fail = true;
#endif

class FailingAllocation {
 public:
  // The `nth` from now on, of whatever thread, until the object goes; 0: none.
  explicit FailingAllocation(uint64_t nth) {
    failed_.store(false);
    left_.store(nth);
  }
  ~FailingAllocation() { left_.store(0); }
  FailingAllocation(const FailingAllocation&) = delete;
  FailingAllocation& operator=(const FailingAllocation&) = delete;

  [[nodiscard]] static bool has_failed() { return failed_.load(); }
  // Blocks of the process that are not freed.
  [[nodiscard]] static int64_t blocks() { return blocks_.load(); }

  // Meanwhile none fails and none is counted: for what is not tested, in the same thread.
  class Pause {
   public:
    Pause() { paused_.store(true); }
    ~Pause() { paused_.store(false); }
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;
  };

  // By the allocator.
  static bool fails() {
    if (paused_.load(std::memory_order_relaxed)) return false;
    if (left_.load(std::memory_order_relaxed) == 0) return false;
    uint64_t left = left_.load();
    while (left != 0 && !left_.compare_exchange_weak(left, left - 1)) {
    }
    if (left != 1) return false;
    failed_.store(true);
    return true;
  }
  static void* count(void* memory) {
    if (memory != nullptr) blocks_.fetch_add(1, std::memory_order_relaxed);
    return memory;
  }
  static void uncount(void* memory) {
    if (memory != nullptr) blocks_.fetch_sub(1, std::memory_order_relaxed);
  }

 private:
  static inline std::atomic<uint64_t> left_{0};
  static inline std::atomic<bool> failed_{false};
  static inline std::atomic<bool> paused_{false};
  static inline std::atomic<int64_t> blocks_{0};
};

}  // namespace havklo

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
void __libc_free(void*);

void* malloc(size_t size) {
  if (!havklo::FailingAllocation::fails())
    return havklo::FailingAllocation::count(__libc_malloc(size));
  errno = ENOMEM;
  return nullptr;
}
void* calloc(size_t count, size_t size) {
  if (!havklo::FailingAllocation::fails())
    return havklo::FailingAllocation::count(__libc_calloc(count, size));
  errno = ENOMEM;
  return nullptr;
}
void* realloc(void* memory, size_t size) {
  if (havklo::FailingAllocation::fails()) {
    errno = ENOMEM;
    return nullptr;
  }
  void* const moved = __libc_realloc(memory, size);
  if (memory == nullptr) havklo::FailingAllocation::count(moved);
  return moved;
}
void* aligned_alloc(size_t alignment, size_t size) {
  if (!havklo::FailingAllocation::fails())
    return havklo::FailingAllocation::count(__libc_memalign(alignment, size));
  errno = ENOMEM;
  return nullptr;
}
void free(void* memory) {
  havklo::FailingAllocation::uncount(memory);
  __libc_free(memory);
}
}
#endif
