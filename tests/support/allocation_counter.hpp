// Counts what one thread allocates: malloc and its kin are replaced, and operator new comes here
// too.
//
// Include in one file of a program only: it defines malloc. Not with a sanitizer, which does the
// same.
#pragma once

#include <cstddef>
#include <cstdint>

namespace havklo {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool counts_allocations = false;
#else
inline constexpr bool counts_allocations = true;
#endif

// What this thread has allocated since the object was made.
class AllocationCounter {
 public:
  AllocationCounter() : begin_(total_) { ++active_; }
  ~AllocationCounter() { --active_; }
  AllocationCounter(const AllocationCounter&) = delete;
  AllocationCounter& operator=(const AllocationCounter&) = delete;
  [[nodiscard]] uint64_t count() const { return total_ - begin_; }

  static void note() {
    if (active_ != 0) ++total_;
  }

 private:
  uint64_t begin_;
  static inline thread_local uint64_t total_ = 0;
  static inline thread_local uint32_t active_ = 0;
};

}  // namespace havklo

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);

void* malloc(size_t size) {
  havklo::AllocationCounter::note();
  return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  havklo::AllocationCounter::note();
  return __libc_calloc(count, size);
}
void* realloc(void* memory, size_t size) {
  havklo::AllocationCounter::note();
  return __libc_realloc(memory, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
  havklo::AllocationCounter::note();
  return __libc_memalign(alignment, size);
}
}
#endif
