// operator new that counts.
#include "havklo/allocation_count.hpp"

#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)

namespace havklo {
AllocationCountFunction allocation_count() { return nullptr; }
}  // namespace havklo

#else

namespace {
thread_local uint64_t allocated = 0;

void* counted(void* memory) {
  ++allocated;
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
}  // namespace

namespace havklo {
AllocationCountFunction allocation_count() {
  return [] { return allocated; };
}
}  // namespace havklo

void* operator new(size_t size) { return counted(std::malloc(size != 0 ? size : 1)); }
void* operator new(size_t size, std::align_val_t alignment) {
  const auto align = static_cast<size_t>(alignment);
  return counted(std::aligned_alloc(align, (size + align - 1) / align * align));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }

#endif
